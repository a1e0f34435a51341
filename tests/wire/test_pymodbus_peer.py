"""An independent peer: pymodbus's own servers at the other end of real sockets and terminals."""

import asyncio
import os
import socket
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from irctl.bus.bus import Bus, UnitTiming
from irctl.bus.errors import ExceptionReply
from irctl.bus.line import Line
from irctl.bus.modbus import WriteRegister
from irctl.bus.port import SerialPort, TcpPort
from irctl.bus.tcp import TcpLine
from irctl.bus.timing import LineTiming
from irctl.bus.unit import Unit

pytestmark = pytest.mark.anyio

TIMING = UnitTiming(timeout_s=1.0, reply_max_s=1.0)


def device(unit: int) -> SimDevice:
    return SimDevice(
        unit,
        (
            [SimData(0, values=[True, False, True, True] * 8, datatype=DataType.BITS)],
            [SimData(0, values=[False, True] * 8, datatype=DataType.BITS)],
            [SimData(0, values=list(range(100, 140)), datatype=DataType.REGISTERS)],
            [SimData(0, values=list(range(200, 240)), datatype=DataType.REGISTERS)],
        ),
    )


async def exercise(bus: Bus) -> None:
    """Every request type once, and what was written read back."""
    unit = Unit(bus, 1, TIMING)
    assert await unit.read_holding(3, 4) == (103, 104, 105, 106)
    assert await unit.read_input(39, 1) == (239,)
    assert await unit.read_coils(0, 10) == (True, False, True, True) * 2 + (True, False)
    assert await unit.read_discrete(1, 3) == (True, False, True)
    await unit.write_coil(1, True)
    assert await unit.read_coils(1, 1) == (True,)
    await unit.write_register(3, 0xBEEF)
    await unit.write_registers(4, (1, 2, 3))
    assert await unit.read_holding(3, 4) == (0xBEEF, 1, 2, 3)
    with pytest.raises(ExceptionReply):
        await unit.read_holding(1000, 1)
    assert await unit.read_holding(0, 1) == (100,)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def tcp_server(framer: FramerType) -> AsyncIterator[int]:
    number = free_port()
    server = ModbusTcpServer([device(1)], framer=framer, address=("127.0.0.1", number))
    await server.serve_forever(background=True)
    yield number
    await server.shutdown()


async def test_modbus_tcp_against_pymodbus() -> None:
    async with tcp_server(FramerType.SOCKET) as number:
        line = TcpLine("lan", TcpPort("127.0.0.1", number))
        await line.start()
        await exercise(line)
        await asyncio.gather(*(line.transact(WriteRegister(1, n, n)) for n in range(20)))
        await line.close()


async def test_rtu_over_tcp_against_pymodbus() -> None:
    async with tcp_server(FramerType.RTU) as number:
        line = Line("device-server", TcpPort("127.0.0.1", number), LineTiming.instant())
        await line.start()
        await exercise(line)
        await line.close()


@pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals here")
async def test_rtu_over_a_terminal_against_pymodbus() -> None:
    loop = asyncio.get_running_loop()
    near, far = os.openpty(), os.openpty()
    for slave in (near[1], far[1]):
        tty.setraw(slave)
    # A null modem: what one terminal says, the other hears.
    loop.add_reader(near[0], lambda: os.write(far[0], os.read(near[0], 4096)))
    loop.add_reader(far[0], lambda: os.write(near[0], os.read(far[0], 4096)))
    server = ModbusSerialServer([device(1)], port=os.ttyname(far[1]), baudrate=115200)
    await server.serve_forever(background=True)
    line = Line("rs485", SerialPort(os.ttyname(near[1]), 115200), LineTiming.serial(115200))
    await line.start()
    try:
        await exercise(line)
    finally:
        await line.close()
        await server.shutdown()
        for descriptor in (*near, *far):
            loop.remove_reader(descriptor)
            os.close(descriptor)
