"""Drivers and twins over what a clinic has: a serial device (a real pseudo-terminal) and a socket, in real time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from irctl.bus.port import open_port
from irctl.bus.text_line import TextLine
from irctl.bus.timing import LineTiming
from irctl.bus.unit import Unit
from irctl.devices.registry import ConnectedDevice
from irctl_drivers import korad, ophir, scpi_supply
from irctl_simulator.servers import PTY_AVAILABLE, LineServers, Transport
from irctl_simulator.station import SimStation
from tests.drivers.text_benches import KORAD_OPTIONS, LAMP, OPHIR_OPTIONS

pytestmark = pytest.mark.anyio

BAUD = 115_200
DRIVERS = {
    "supply": (scpi_supply.DRIVER, {**LAMP, "profile": "tdk-genesys-plus"}, {}),
    "meter": (ophir.DRIVER, OPHIR_OPTIONS, {"area_cm2": 1.5, "noise_w_m2": 0.0}),
    "bench": (korad.DRIVER, KORAD_OPTIONS, {}),
}
TRANSPORTS = [
    pytest.param("pty", marks=pytest.mark.skipif(not PTY_AVAILABLE, reason="no pseudo-terminals here")),
    "tcp",
]


@asynccontextmanager
async def served(transport: Transport) -> AsyncIterator[tuple[SimStation, dict[str, ConnectedDevice]]]:
    """Each device on a line of its own, served and opened as a station file would name it."""
    sim = SimStation.from_config(
        {
            "lines": {name: {"protocol": "text", "baud": BAUD} for name in DRIVERS},
            "devices": {
                name: {"twin": driver.name, "line": name, "options": twin}
                for name, (driver, _, twin) in DRIVERS.items()
            },
        }
    )
    servers = LineServers(sim.lines, transport, {})
    await servers.open()
    lines: list[TextLine] = []
    devices: dict[str, ConnectedDevice] = {}
    try:
        for name, (driver, options, _) in DRIVERS.items():
            assert servers.endpoints[name].startswith("socket://") is (transport == "tcp")
            port = open_port(servers.endpoints[name], BAUD)
            lines.append(line := TextLine(name, port, LineTiming.serial(BAUD)))
            devices[name] = driver.connect(Unit(line, 1, driver.timing), name, driver.parse_options(name, options))
            await line.start()
        yield sim, devices
    finally:
        for line in lines:
            await line.close()
        await servers.close()


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_it_is_identified_lit_measured_and_dark_by_itself_when_nobody_speaks(transport: Transport) -> None:
    async with served(transport) as (sim, devices):
        for device in devices.values():
            assert (await device.identify()).model
        sim.devices["meter"].twin.source = lambda _now: 950.0  # type: ignore[attr-defined]
        assert await devices["meter"].radiometer().irradiance_mw_cm2() == pytest.approx(95.0, rel=1e-3)

        lamp = devices["supply"].emitter(1)
        await lamp.arm(1.0)
        await lamp.emit(50, 1.0)
        assert sim.devices["supply"].output(1) == pytest.approx(0.25)
        await asyncio.sleep(1.3)
        sim.sync(sim.now)
        assert sim.devices["supply"].output(1) == 0
        state = await lamp.observe()
        assert (state.on, state.tripped) == (False, True)

        bench = devices["bench"].emitter(1)
        await bench.arm(2.0)
        await bench.emit(50, 2.0)
        assert (await bench.observe()).on
        await bench.dark()
        assert sim.devices["bench"].output(1) == 0
        assert sim.devices["bench"].twin.lost == 0  # type: ignore[attr-defined]
