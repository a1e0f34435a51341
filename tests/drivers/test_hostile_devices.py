"""Devices that answer wrongly in every way: no wrong value is taken, no light is believed, and what happened is said in words."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from irctl.bus.errors import BusError
from irctl.devices.roles import DeviceFault, OutputState
from irctl_simulator.faults import LIES
from tests.drivers.benches import World
from tests.drivers.test_maps_conformance import OUTPUTS, RESTART, SENSORS, Lit, Sensed, name_of, shines

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]
WRONG: tuple[dict[str, Any], ...] = (
    *({"kind": "wrong_answer", "in": lie} for lie in LIES),
    {"kind": "silent"},
    {"kind": "late", "seconds": 0.25},
    {"kind": "twice"},
    {"kind": "corrupt"},
)
IN_PYTHON = (
    Lit("wirenboard-mdm3", "emitter", 2, 2.0),
    Lit("icpdas-tm-r5", "cutoff", 2, 2.0),
    Lit("waveshare-relay", "cutoff", 2, 2.0, RESTART),
)
SENSORS_IN_PYTHON = (
    Sensed("hukseflux-sr05", "radiometer", 1, shines(950.0), 95.0, 0.3),
    Sensed("calex-pyrominibus", "thermometer", 1, shines(34.2), 34.2, 0.3),
    Sensed("waveshare-io8", "contact", 2, lambda twin: twin.set_input(2, True), True),
)
HARMLESS = {"twice"}
"""The first answer is right."""


def fault_name(fault: dict[str, Any]) -> str:
    return "-".join(str(value) for value in fault.values())


def broken(world: World, fault: dict[str, Any]) -> None:
    told = dict(fault)
    world.station.set_fault("dut", told.pop("kind"), **told)


@pytest.mark.parametrize("fault", WRONG, ids=fault_name)
@pytest.mark.parametrize("sensed", SENSORS + SENSORS_IN_PYTHON, ids=lambda sensed: f"{sensed.driver}-{sensed.role}")
async def test_no_wrong_value_is_taken(sensed: Sensed, fault: dict[str, Any]) -> None:
    async with sensed.world() as world:
        bench = sensed.bench_in(world)
        assert abs(await bench.read() - bench.expected) <= sensed.tolerance
        broken(world, fault)
        said: list[str] = []
        for _ in range(3):
            try:
                value = await bench.read()
            except (BusError, DeviceFault) as error:
                said.append(str(error))
            else:
                assert abs(value - bench.expected) <= sensed.tolerance
        if fault["kind"] in HARMLESS:
            return
        assert len(said) == 3, "a wrong answer was taken for a right one"
        assert all("dut" in text or "wire" in text for text in said)
        assert all(len(text.split(". ")) > 1 for text in said), "what to do is not said"
        world.station.clear_faults()
        await asyncio.sleep(2)
        assert abs(await bench.read() - bench.expected) <= sensed.tolerance


@pytest.mark.parametrize("fault", WRONG, ids=fault_name)
@pytest.mark.parametrize("lit", OUTPUTS + IN_PYTHON, ids=name_of)
async def test_no_light_is_believed_or_left_on(lit: Lit, fault: dict[str, Any]) -> None:
    async with lit.world() as world:
        bench = lit.bench_in(world)
        await bench.output.arm(bench.lease_s)
        await bench.on()
        assert bench.truth()
        broken(world, fault)
        states: list[OutputState | None] = []
        for _ in range(3):
            try:
                states.append(await bench.seen())
            except (BusError, DeviceFault):
                states.append(None)
        if fault["kind"] not in HARMLESS:
            assert states == [None, None, None], "a wrong answer was taken for the output's state"
        for _ in range(4):  # OFF goes out even where its acknowledgement is not understood
            try:
                await bench.off()
                break
            except (BusError, DeviceFault):
                await asyncio.sleep(0.5)
        assert not bench.truth()
