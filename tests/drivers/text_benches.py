"""A driver at one end of a simulated line of text, its device's twin at the other."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from irctl.bus.port import MemoryPort
from irctl.bus.text import ONLY_UNIT
from irctl.bus.text_line import TextLine
from irctl.bus.timing import LineTiming
from irctl.bus.unit import Unit
from irctl.devices.conformance import OutputBench, SensorBench
from irctl.devices.registry import AnyDriver, ConnectedDevice
from irctl_drivers import gentec, korad, mightex_slc, ophir, scpi_supply, thorlabs_pm100
from irctl_simulator.station import SimStation
from tests.drivers.benches import SensorBenches


@dataclass
class TextWorld:
    """One device on one line of text, seen from both ends."""

    station: SimStation
    line: TextLine
    device: ConnectedDevice
    sent: list[bytes]

    @property
    def twin(self) -> Any:
        return self.station.devices["dut"].twin

    def output(self, channel: int = 1) -> float:
        self.station.sync(self.station.now)
        return self.station.devices["dut"].output(channel)

    def silence(self, silent: bool) -> None:
        self.station.devices["dut"].faults.silent = silent

    def said(self) -> list[str]:
        """Every command so far, without its end."""
        return [command.decode().strip() for command in self.sent]


@asynccontextmanager
async def a_text_device(
    driver: AnyDriver,
    options: Mapping[str, object] | None = None,
    twin: str | None = None,
    twin_options: Mapping[str, object] | None = None,
    baud: int = 9600,
) -> AsyncIterator[TextWorld]:
    """`driver` connected to its twin."""
    station = SimStation.from_config(
        {
            "lines": {"wire": {"protocol": "text", "baud": baud}},
            "devices": {"dut": {"twin": twin or driver.name, "line": "wire", "options": dict(twin_options or {})}},
        }
    )
    sent: list[bytes] = []

    def listen(direction: str, data: bytes, _at: float) -> None:
        if direction == "tx":
            sent.append(data)

    line = TextLine("wire", MemoryPort(station.lines["wire"].attach), LineTiming.serial(baud), trace=listen)
    unit = Unit(line, ONLY_UNIT, driver.timing)
    device = driver.connect(unit, "dut", driver.parse_options("dut", options or {}))
    await line.start()
    try:
        yield TextWorld(station, line, device, sent)
    finally:
        await line.close()


def text_meter_bench(
    driver: AnyDriver,
    options: Mapping[str, object],
    fault: Callable[[Any], None],
    twin_options: Mapping[str, object] | None = None,
) -> SensorBenches:
    """A radiometer under 950 W/m², which is 95 mW/cm²."""

    @asynccontextmanager
    async def bench() -> AsyncIterator[SensorBench]:
        async with a_text_device(driver, options, twin_options=twin_options) as world:
            world.twin.source = lambda _now: 950.0
            yield SensorBench(
                world.device.radiometer(), 95.0, 0.3, silence=world.silence, fault=partial(fault, world.twin)
            )

    return bench


def _overloaded(twin: Any) -> None:
    twin.source = lambda _now: 1e6


def _frozen(twin: Any) -> None:
    twin.frozen = True


OPHIR_OPTIONS = {"area_cm2": 1.5}
GENTEC_OPTIONS = {
    "area_cm2": 1.5,
    "range_w": 10.0,
    "new_value_answer": "New Data Available",
    "command_end": "none",
}
PM100_OPTIONS = {"area_cm2": 1.5, "range_w": 10.0, "wavelength_nm": 1100.0}
METERS: dict[str, SensorBenches] = {
    "ophir": text_meter_bench(ophir.DRIVER, OPHIR_OPTIONS, _overloaded, {"area_cm2": 1.5}),
    "gentec": text_meter_bench(gentec.DRIVER, GENTEC_OPTIONS, _frozen, {"area_cm2": 1.5}),
    "thorlabs-pm100": text_meter_bench(thorlabs_pm100.DRIVER, PM100_OPTIONS, _overloaded, {"area_cm2": 1.5}),
}


@dataclass(frozen=True)
class TextEmitter:
    """An emitter and how to bring up a fresh one. `stubborn`: makes the twin take a setting and not keep it."""

    driver: AnyDriver
    options: Mapping[str, object]
    lease_s: float
    twin_options: Mapping[str, object]
    stubborn: Callable[[Any], None] | None = None
    channel: int = 1

    def world(self) -> AbstractAsyncContextManager[TextWorld]:
        return a_text_device(self.driver, self.options, twin_options=self.twin_options)

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[OutputBench]:
        async with self.world() as world:
            yield OutputBench(
                world.device.emitter(self.channel),
                self.lease_s,
                truth=lambda: world.output(self.channel) > 0,
                silence=world.silence,
                sent=world.sent,
                stubborn=partial(self.stubborn, world.twin) if self.stubborn else None,
            )


def _deaf(*specs: str) -> Callable[[Any], None]:
    return lambda twin: twin.deaf_to.update(specs)


LAMP = {"regulate": "current", "full": 2.0, "limit": 28.0}
SUPPLIES: dict[str, tuple[dict[str, object], float, str]] = {
    "tdk-genesys-plus": (LAMP, 1.0, "SYSTem[:COMMunicate]:WATCHdog:STATe"),
    "keysight-n67xx": ({**LAMP, "trip_bit": 11}, 2.0, "OUTPut:PROTection:WDOG:DELay"),
    "delta-sm15k": (LAMP, 1.2, "SYSTem:COMmunicate:WATchdog"),
}
"""By profile: options, a lease, and the setting a stubborn one does not keep."""

SLC_OPTIONS = {"full_ma": 800, "lit_mv_min": 1500}
KORAD_OPTIONS = {**LAMP, "range": "31V-5.1A"}

TEXT_EMITTERS: dict[str, TextEmitter] = {
    profile: TextEmitter(
        scpi_supply.DRIVER, {**options, "profile": profile}, lease_s, {"profile": profile}, _deaf(spec)
    )
    for profile, (options, lease_s, spec) in SUPPLIES.items()
} | {
    "korad": TextEmitter(korad.DRIVER, KORAD_OPTIONS, 2.0, {}, _deaf("VSET1:")),
    "mightex-slc": TextEmitter(mightex_slc.DRIVER, SLC_OPTIONS, 0.7, {}, _deaf("STRP"), channel=2),
    "mightex-slc, echoing": TextEmitter(
        mightex_slc.DRIVER, SLC_OPTIONS, 1.0, {"echo": True}, _deaf("STROBE", "ECHOOFF"), channel=4
    ),
}
