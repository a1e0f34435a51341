"""A driver against somebody else's Modbus server: pymodbus, over a real socket, in real time."""

import asyncio
import socket
from pathlib import Path

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from irctl.bus.bus import Bus, UnitTiming
from irctl.bus.line import Line
from irctl.bus.port import TcpPort
from irctl.bus.tcp import TcpLine
from irctl.bus.timing import LineTiming
from irctl.bus.unit import Unit
from irctl.devices.finding import find_driver
from irctl.devices.registry import load_driver
from irctl.devices.roles import NotArmed

pytestmark = pytest.mark.anyio

PATIENT = UnitTiming(timeout_s=1.0, reply_max_s=1.0)


def registers(address: int, *values: int) -> SimData:
    return SimData(address, values=list(values), datatype=DataType.REGISTERS)


def a_dimmer_made_of_memory() -> SimDevice:
    """The registers of an MDM3 and nothing behind them: it never really lights, so its duty stays 0."""
    bits = SimData(0, values=[False] * 16, datatype=DataType.BITS)
    return SimDevice(
        12,
        (
            [bits],
            [bits],
            [
                registers(0, *[0] * 16),
                registers(50, 1, 1, 1),
                registers(90, 0, 0, 0),
                registers(140, 10, 10, 10),
                registers(150, 10, 10, 10),
                registers(648, 0, 0, 0),
                registers(664, 1, 1, 1),
            ],
            [
                registers(104, 0, 5000),
                registers(200, *b"MDM3\0\0"),
                registers(250, *b"2.12.1\0\0\0\0\0\0\0\0\0\0"),
                registers(270, 0x0001, 0x0002),
            ],
        ),
    )


@pytest.mark.parametrize("framer", [FramerType.SOCKET, FramerType.RTU])
async def test_an_mdm3_of_pymodbus(framer: FramerType) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    server = ModbusTcpServer([a_dimmer_made_of_memory()], framer=framer, address=("127.0.0.1", number))
    await server.serve_forever(background=True)
    port = TcpPort("127.0.0.1", number)
    bus: Bus = TcpLine("lan", port) if framer is FramerType.SOCKET else Line("lan", port, LineTiming.instant())
    driver = load_driver("wirenboard-mdm3")
    unit = Unit(bus, 12, PATIENT)
    device = driver.connect(unit, "dimmer", driver.parse_options("dimmer", {}))
    await bus.start()
    try:
        identity = await device.identify()
        assert (identity.serial, identity.firmware) == ("65538", "2.12.1")
        lamp = device.emitter(2)
        with pytest.raises(NotArmed):
            await lamp.emit(40, 5.0)
        await lamp.arm(5.0)
        assert await unit.read_holding(8, 1) == (5,)
        assert (await unit.read_holding(649, 1), await unit.read_holding(665, 1)) == ((1,), (0,))
        await asyncio.gather(*(lamp.emit(40, 5.0) for _ in range(5)))
        state = await lamp.observe()
        assert (state.on, state.level_pct) == (True, 40)
        await lamp.dark()
        assert not (await lamp.observe()).on
    finally:
        await bus.close()
        await server.shutdown()


def a_relay_box_made_of_memory() -> SimDevice:
    bits = SimData(0, values=[False] * 112, datatype=DataType.BITS)
    return SimDevice(
        7,
        (
            [bits],
            [bits],
            [
                registers(5, 1, 1), registers(8, 10), registers(19, 2), registers(128, 7), registers(930, *[1] * 6),
                registers(938, *[0] * 6), registers(1760, *[0] * 6),
            ],
            [registers(270, 0, 77)],
        ),
    )  # fmt: skip


@pytest.mark.parametrize("framer", [FramerType.SOCKET, FramerType.RTU])
async def test_a_map_on_a_relay_box_of_pymodbus(framer: FramerType) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    server = ModbusTcpServer([a_relay_box_made_of_memory()], framer=framer, address=("127.0.0.1", number))
    await server.serve_forever(background=True)
    port = TcpPort("127.0.0.1", number)
    bus: Bus = TcpLine("lan", port) if framer is FramerType.SOCKET else Line("lan", port, LineTiming.instant())
    driver = find_driver("wirenboard-mr6c-v3", Path())
    unit = Unit(bus, 7, PATIENT)
    device = driver.connect(unit, "relays", driver.parse_options("relays", {}))
    await bus.start()
    try:
        assert (await device.identify()).serial == "77"
        relay = device.cutoff(2)
        await relay.arm(5.0)
        assert await unit.read_holding(8, 1) == (5,)
        assert (await unit.read_holding(939, 1), await unit.read_holding(931, 1)) == ((1,), (0,))
        await relay.close(5.0)
        assert await unit.read_coils(1, 1) == (True,)
        await relay.open()
        assert await unit.read_coils(1, 1) == (False,)
    finally:
        await bus.close()
        await server.shutdown()
