"""The driver against its twin, on a simulated serial line: every promise that irctl relies on. Takes a quarter of a minute of real time."""

from contextlib import asynccontextmanager

import pytest
from acme_relay import DRIVER

from irctl.bus.line import Line
from irctl.bus.port import MemoryPort
from irctl.bus.timing import LineTiming
from irctl.bus.unit import Unit
from irctl.devices import conformance
from irctl_simulator.station import SimStation

UNIT = 5
FROM_THE_MANUAL = bytes.fromhex("06 00 08 00 14")  # TODO: a frame that the manual prints, here: watchdog time 2.0 s


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def bench():
    station = SimStation.from_config(
        {
            "lines": {"wire": {"baud": 9600, "format": "8N1"}},
            "devices": {"dut": {"twin": DRIVER.name, "line": "wire", "unit": UNIT}},
        }
    )
    sent: list[bytes] = []

    def listen(direction: str, data: bytes, _at: float) -> None:
        if direction == "tx" and data[0] == UNIT:
            sent.append(data[1:-2])

    line = Line("wire", MemoryPort(station.lines["wire"].attach), LineTiming.serial(9600, "8N1"), trace=listen)
    device = DRIVER.connect(Unit(line, UNIT, DRIVER.timing), "dut", DRIVER.parse_options("dut", {}))
    await line.start()

    def truth() -> bool:
        station.sync(station.now)
        return station.devices["dut"].output(1) > 0

    def silence(silent: bool) -> None:
        station.devices["dut"].faults.silent = silent

    try:
        yield conformance.OutputBench(device.cutoff(1), 0.6, truth, silence, sent)
    finally:
        await line.close()


@pytest.mark.anyio
@pytest.mark.parametrize("check", conformance.OUTPUT_CHECKS, ids=conformance.check_name)
async def test_it_keeps_the_promise(check) -> None:
    async with bench() as made:
        await check(made)


@pytest.mark.anyio
async def test_it_speaks_as_the_manual_prints() -> None:
    async with bench() as made:
        await made.output.arm(2.0)
        assert FROM_THE_MANUAL in made.sent
