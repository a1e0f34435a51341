"""Maps and drivers against a server of libmodbus: another implementation, in a process of its own, over a real socket and a real terminal."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import socket
import subprocess
import sys
import tty
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ctypes.util import find_library
from pathlib import Path
from threading import Thread

import pytest

from irctl.bus.bus import Bus, UnitTiming
from irctl.bus.line import Line
from irctl.bus.port import SerialPort, TcpPort
from irctl.bus.tcp import TcpLine
from irctl.bus.timing import LineTiming
from irctl.bus.unit import Unit
from irctl.devices.finding import find_driver
from irctl.devices.registry import ConnectedDevice
from irctl.devices.roles import DeviceFault

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        find_library("modbus") is None and os.environ.get("CI") != "true",
        reason="libmodbus is not installed (in CI it has to be)",
    ),
]
UNIT = 7
PATIENT = UnitTiming(timeout_s=1.0, reply_max_s=1.0)
Tables = Mapping[str, Mapping[int, int]]


@asynccontextmanager
async def served(kind: str, driver: str, tables: Tables, **options: object) -> AsyncIterator[ConnectedDevice]:
    """The driver on one end, libmodbus on the other."""
    wire: list[int] = []
    if kind == "tcp":
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            where = ours = str(probe.getsockname()[1])
    else:
        where, ours = two_terminals(wire)
    server = a_server(kind, where, tables)
    bus: Bus
    if kind == "tcp":
        bus = TcpLine("lan", TcpPort("127.0.0.1", int(ours)))
    else:
        bus = Line("wire", SerialPort(ours, 9600, "8N1"), LineTiming.serial(9600, "8N1"))
    found = find_driver(driver, Path())
    await bus.start()
    try:
        yield found.connect(Unit(bus, UNIT, PATIENT), "dut", found.parse_options("dut", options))
    finally:
        await bus.close()
        server.kill()
        server.communicate()
        for end in wire:
            os.close(end)


def a_server(kind: str, where: str, tables: Tables) -> subprocess.Popen[str]:
    script = str(Path(__file__).with_name("libmodbus_server.py"))
    words = [sys.executable, script, kind, where, str(UNIT), json.dumps(tables)]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert server.stdout.readline().strip() == "ready"
    return server


def two_terminals(wire: list[int]) -> tuple[str, str]:
    """Two pseudo-terminals with their far ends joined, as a cable would."""
    (here, near), (there, far) = pty.openpty(), pty.openpty()
    for end in (near, far):
        tty.setraw(end)
    wire += [here, there, near, far]

    def carry(source: int, target: int) -> None:
        while True:
            try:
                os.write(target, os.read(source, 512))
            except OSError:
                return

    for ends in ((here, there), (there, here)):
        Thread(target=carry, args=ends, daemon=True).start()
    return os.ttyname(near), os.ttyname(far)


RELAYS: Tables = {
    "coil": {0: 0, 1: 1}, "discrete": {96: 0}, "input": {270: 1, 271: 2},
    "holding": {5: 1, 6: 1, 8: 10, 19: 2, 128: UNIT, 930: 1, 938: 0, 1760: 3},
}  # fmt: skip


@pytest.mark.parametrize("kind", ["tcp", "rtu"])
async def test_a_relay_box_is_recognised_armed_and_read_back(kind: str) -> None:
    async with served(kind, "wirenboard-mr6c-v3", RELAYS) as device:
        assert (await device.identify()).serial == str(1 << 16 | 2)
        relay = device.cutoff(1)
        await relay.arm(5.0)
        await relay.arm(5.0)
        assert device.points is not None
        assert await device.points.read(("poll_timeout", "behaviour1", "safe1", "timer1", "power_on", "trigger")) == {
            "poll_timeout": 5, "behaviour1": 1, "safe1": 0, "timer1": 0, "power_on": 0, "trigger": 0,
        }  # fmt: skip
        await relay.close(5.0)
        assert not (await relay.observe()).on, "a table has no contact: the relay's own state decides, not the command"
        assert await device.contact(2).closed() is False


@pytest.mark.parametrize("kind", ["tcp", "rtu"])
async def test_sensors_are_read(kind: str) -> None:
    tables: Tables = {"holding": {0: 219, 1: 0xFF90, 2: 0x8000, 253: 0, 254: UNIT}}
    async with served(kind, "r4dcb08", tables) as device:
        await device.identify()
        readings = await asyncio.gather(*(device.thermometer(channel).temperature_c() for channel in (1, 2)))
        assert readings == pytest.approx([21.9, -11.2])
        with pytest.raises(DeviceFault, match="no value"):
            await device.thermometer(3).temperature_c()


@pytest.mark.parametrize("kind", ["tcp", "rtu"])
async def test_an_irradiance_in_two_registers(kind: str) -> None:
    async with served(kind, "hukseflux-sr05", {"holding": {0: UNIT, 2: 0x0001, 3: 0x7C4F, 40: 9}}) as device:
        assert (await device.identify()).serial == "9"
        assert await device.radiometer(1).irradiance_mw_cm2() == pytest.approx(97.359)
