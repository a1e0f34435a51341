"""Every shipped map against its twin, which was written from the same manual by other means: outputs keep every promise, sensors tell what is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import pytest

from irctl.devices import conformance
from irctl.devices.conformance import OutputBench, SensorBench
from irctl.devices.roles import DeviceFault, FailSafe
from tests.drivers.benches import World, a_device

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]
Given = Mapping[str, Any]


@dataclass(frozen=True)
class Lit:
    """An output of a map. `stubborn`: a table and address whose writes the device can be made to forget."""

    driver: str
    role: str
    channel: int
    lease_s: float
    options: Given = field(default_factory=dict[str, Any])
    twin_options: Given = field(default_factory=dict[str, Any])
    stubborn: tuple[str, int] | None = None
    line: tuple[int, str] = (9600, "8N2")

    def world(self) -> AbstractAsyncContextManager[World]:
        return a_device(self.driver, self.options, self.twin_options, *self.line)

    def bench_in(self, world: World) -> OutputBench:
        device = world.device
        output = device.emitter(self.channel) if self.role == "emitter" else device.cutoff(self.channel)
        forget = (lambda: world.forget_writes(*self.stubborn)) if self.stubborn else None  # type: ignore[misc]
        return OutputBench(
            output, self.lease_s, lambda: world.output(self.channel) > 0, world.silence, world.sent, forget
        )


RESTART = {"retrigger": "restart"}
OUTPUTS = (
    Lit("icpdas-tm-da1p1r1", "emitter", 1, 2.0, {"full": 4095.0}, {}, ("holdings", 488), line=(9600, "8N1")),
    Lit("icpdas-tm-da1p1r1", "cutoff", 2, 2.0, {"full": 4095.0}, {}, ("coils", 260), line=(9600, "8N1")),
    Lit("wirenboard-mr6c-v3", "cutoff", 3, 2.0, stubborn=("holdings", 940)),
    Lit("wirenboard-mao4", "emitter", 2, 2.0, stubborn=("holdings", 649)),
    Lit("jy-dam", "cutoff", 4, 2.0, RESTART, line=(9600, "8N1")),
    Lit("pixsys-drr245", "emitter", 1, 1.5, stubborn=("holdings", 1022), line=(19200, "8N1")),
    Lit(
        "riden-rd60xx", "emitter", 1, 2.0, {"full": 5.0, "volts": 24.0}, stubborn=("holdings", 68), line=(115200, "8N1")
    ),
)


def name_of(lit: Lit) -> str:
    return f"{lit.driver}-{lit.role}"


@pytest.mark.parametrize("lit", OUTPUTS, ids=name_of)
@pytest.mark.parametrize("check", [*conformance.OUTPUT_CHECKS, *conformance.EMITTER_CHECKS], ids=conformance.check_name)
async def test_an_output_keeps_the_promise(lit: Lit, check: Any) -> None:
    if check in conformance.EMITTER_CHECKS and lit.role != "emitter":
        return
    async with lit.world() as world:
        await check(lit.bench_in(world))


async def test_an_emitter_without_a_fail_safe_says_so() -> None:
    async with OUTPUTS[-1].world() as world:
        assert OUTPUTS[-1].bench_in(world).output.lease.fail_safe is FailSafe.NONE


@dataclass(frozen=True)
class Sensed:
    driver: str
    role: str
    channel: int
    set_to: Callable[[Any], None]
    expected: float | bool
    tolerance: float = 0.0
    fault: Callable[[Any], None] | None = None
    line: tuple[int, str] = (9600, "8N1")

    def world(self) -> AbstractAsyncContextManager[World]:
        return a_device(self.driver, _options(self.driver), {}, *self.line)

    def bench_in(self, world: World) -> SensorBench:
        self.set_to(world.twin)
        fault = None if self.fault is None else lambda: self.fault(world.twin)  # type: ignore[misc]
        sensor = getattr(world.device, self.role)(self.channel)
        return SensorBench(sensor, self.expected, self.tolerance, world.silence, fault)


def _options(driver: str) -> Given:
    return {"icpdas-tm-da1p1r1": {"full": 4095.0}, "beckhoff-ek9000": {"full": 32767.0}, "waveshare-io8": RESTART}.get(
        driver, {}
    )


def shines(w_m2: float) -> Callable[[Any], None]:
    def set_to(twin: Any) -> None:
        twin.source = lambda _now: w_m2

    return set_to


SENSORS = (
    Sensed("apogee-sp", "radiometer", 1, shines(812.5), 81.25, 0.3, lambda twin: setattr(twin, "busy_until", 1e9), (19200, "8E1")),
    Sensed("kipp-zonen-smp", "radiometer", 1, shines(640.0), 64.0, 0.3, lambda twin: setattr(twin, "status", 4), (19200, "8E1")),
    Sensed("r4dcb08", "thermometer", 1, shines(33.4), 33.4, 0.3, lambda twin: setattr(twin, "fitted", 0)),
    Sensed("pixsys-drr245", "thermometer", 1, shines(41.0), 41.0, 0.3, lambda twin: twin.errors.__setitem__(0, 8)),
    Sensed("moxa-e1210", "contact", 7, lambda twin: twin.set_input(7, True), True),
    Sensed("adam-6050", "contact", 12, lambda twin: twin.set_input(12, True), True),
    Sensed("icpdas-tm-da1p1r1", "contact", 1, lambda twin: twin.set_input(1, True), True),
    Sensed("beckhoff-ek9000", "contact", 3, lambda twin: twin.set_input(3, True), True),
    Sensed("wirenboard-mr6c-v3", "contact", 6, lambda twin: twin.set_input(6, True), True, line=(9600, "8N2")),
)  # fmt: skip


@pytest.mark.parametrize("sensed", SENSORS, ids=lambda sensed: f"{sensed.driver}-{sensed.role}")
@pytest.mark.parametrize("check", conformance.SENSOR_CHECKS, ids=conformance.check_name)
async def test_a_sensor_keeps_the_promise(sensed: Sensed, check: Any) -> None:
    async with sensed.world() as world:
        await check(sensed.bench_in(world))


async def test_a_line_that_a_device_breaks_by_talking_is_refused_before_it_is_used() -> None:
    async with a_device("r4dcb08", {}, {"auto_report_s": 5}, 9600, "8N1") as world:
        with pytest.raises(DeviceFault, match="auto_report reads 5"):
            await world.device.identify()


async def test_a_question_that_is_too_long_is_never_asked() -> None:
    """A Riden says nothing to more than 20 registers, and nobody would know why."""
    async with a_device("riden-rd60xx", {"full": 5.0, "volts": 24.0}, {}, 115200, "8N1") as world:
        assert world.device.points is not None
        await world.device.points.read(world.device.points.names)
        assert max(int.from_bytes(pdu[3:5], "big") for pdu in world.sent if pdu[0] == 3) <= 20


async def test_what_is_a_fallback_on_one_coupler_is_not_written_on_the_other() -> None:
    async with a_device("beckhoff-bk9000", {"full": 32767.0}, {}, 38400, "8N1") as world:
        await world.device.emitter(1).arm(1.0)
        assert not any(pdu[1:3] == bytes.fromhex("11 23") for pdu in world.sent)
