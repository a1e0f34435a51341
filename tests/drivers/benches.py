"""A driver at one end of a simulated serial line, its device's twin at the other, and a meter on the output."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from irctl.bus.line import Line
from irctl.bus.port import MemoryPort
from irctl.bus.timing import LineTiming
from irctl.bus.unit import Unit
from irctl.devices.conformance import OutputBench, SensorBench
from irctl.devices.finding import find_driver
from irctl.devices.registry import ConnectedDevice
from irctl_simulator.station import SimStation
from irctl_simulator.twins.base import Cell

UNIT = 12
PROBE_UNIT = 247


@dataclass
class World:
    """One device on one line, seen from both ends."""

    station: SimStation
    line: Line
    unit: Unit
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

    def forget_writes(self, table: str, *addresses: int) -> None:
        """The device goes on acknowledging writes there, and keeps nothing."""
        cells: dict[int, Cell] = getattr(self.twin, table)
        for address in addresses:
            cells[address] = Cell(cells[address].read, lambda _value, _now: None)


@asynccontextmanager
async def a_device(
    driver_name: str,
    options: Mapping[str, object] | None = None,
    twin_options: Mapping[str, object] | None = None,
    baud: int = 9600,
    format: str = "8N2",
    twin: str | None = None,
) -> AsyncIterator[World]:
    """The driver `driver_name` connected to its twin."""
    station = SimStation.from_config(
        {
            "lines": {"wire": {"baud": baud, "format": format}},
            "devices": {
                "dut": {"twin": twin or driver_name, "line": "wire", "unit": UNIT, "options": dict(twin_options or {})}
            },
        }
    )
    sent: list[bytes] = []

    def listen(direction: str, data: bytes, _at: float) -> None:
        if direction == "tx" and data[0] != PROBE_UNIT:
            sent.append(data[1:-2])

    line = Line("wire", MemoryPort(station.lines["wire"].attach), LineTiming.serial(baud, format), trace=listen)
    driver = find_driver(driver_name, Path())
    unit = Unit(line, UNIT, driver.timing)
    device = driver.connect(unit, "dut", driver.parse_options("dut", options or {}))
    await line.start()
    try:
        yield World(station, line, unit, device, sent)
    finally:
        await line.close()


OutputBenches = Callable[[], AbstractAsyncContextManager[OutputBench]]
SensorBenches = Callable[[], AbstractAsyncContextManager[SensorBench]]

RESTART = {"retrigger": "restart"}


def output_bench(
    role: str,
    driver: str,
    lease_s: float,
    options: Mapping[str, object] | None = None,
    stubborn: tuple[str, int] | None = None,
    channel: int = 2,
) -> OutputBenches:
    """A maker of fresh benches; `stubborn` is a table and address whose writes the device can be made to forget."""

    @asynccontextmanager
    async def bench() -> AsyncIterator[OutputBench]:
        async with a_device(driver, options) as world:
            output = world.device.emitter(channel) if role == "emitter" else world.device.cutoff(channel)
            yield OutputBench(
                output,
                lease_s,
                truth=lambda: _after_ramp(world, channel),
                silence=world.silence,
                sent=world.sent,
                stubborn=partial(world.forget_writes, *stubborn) if stubborn else None,
            )

    return bench


def _after_ramp(world: World, channel: int) -> bool:
    """What the output is doing; a dimmer that has just been switched on counts as on before its first per cent."""
    lit = world.output(channel) > 0
    channels = getattr(world.twin, "channels", None)
    return lit or (channels is not None and channels[channel - 1].goal > 0)


def sensor_bench(
    role: str,
    driver: str,
    expected: float | bool,
    tolerance: float,
    set_to: Callable[[Any], None],
    fault: Callable[[Any], None] | None,
) -> SensorBenches:
    @asynccontextmanager
    async def bench() -> AsyncIterator[SensorBench]:
        async with a_device(driver, RESTART if driver == "waveshare-io8" else None) as world:
            set_to(world.twin)
            yield SensorBench(
                getattr(world.device, role)(2 if role == "contact" else None),
                expected,
                tolerance,
                silence=world.silence,
                fault=partial(fault, world.twin) if fault else None,
            )

    return bench


def _source(value: float) -> Callable[[Any], None]:
    def set_source(twin: Any) -> None:
        twin.source = lambda _now: value

    return set_source


EMITTERS: dict[str, OutputBenches] = {
    "wirenboard-mdm3": output_bench("emitter", "wirenboard-mdm3", 1.0, stubborn=("holdings", 649)),
    "wirenboard-mdm3, timeout not kept": output_bench("emitter", "wirenboard-mdm3", 2.0, stubborn=("holdings", 8)),
    "waveshare-relay": output_bench("emitter", "waveshare-relay", 0.7, RESTART),
    "waveshare-io8": output_bench("emitter", "waveshare-io8", 0.7, RESTART),
}
CUTOFFS: dict[str, OutputBenches] = {
    "icpdas-tm-r5": output_bench("cutoff", "icpdas-tm-r5", 1.2, stubborn=("coils", 260)),
    "icpdas-tm-r5, timeout not kept": output_bench("cutoff", "icpdas-tm-r5", 2.0, stubborn=("holdings", 488)),
    "waveshare-relay": output_bench("cutoff", "waveshare-relay", 0.7, RESTART),
    "waveshare-io8": output_bench("cutoff", "waveshare-io8", 0.7, RESTART),
}
SENSORS: dict[str, SensorBenches] = {
    "hukseflux-sr05": sensor_bench("radiometer", "hukseflux-sr05", 95.0, 0.3, _source(950.0), _source(5000.0)),
    "calex-pyrominibus": sensor_bench("thermometer", "calex-pyrominibus", 34.2, 0.3, _source(34.2), _source(-40.0)),
    "waveshare-io8, closed": sensor_bench(
        "contact", "waveshare-io8", True, 0, lambda twin: twin.set_input(2, True), None
    ),
    "waveshare-io8, open": sensor_bench(
        "contact", "waveshare-io8", False, 0, lambda twin: twin.set_input(1, True), None
    ),
}
