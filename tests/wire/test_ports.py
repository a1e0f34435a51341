"""Real ports: pseudo-terminals that are pulled and put back, sockets, RFC 2217, and an unwilling configuration."""

import asyncio
import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
import serial
import serial.rfc2217

from irctl.bus.bus import LineState, LinkStatus, Priority
from irctl.bus.errors import LineDown, NoReply, PortLost, Preempted
from irctl.bus.line import Line
from irctl.bus.modbus import ReadHolding, WriteCoil
from irctl.bus.port import MemoryPort, Receive, Send, SerialPort, TcpPort, open_port
from irctl.bus.timing import LineTiming
from irctl.bus.unit import Unit
from tests.wire.conftest import PATIENT, OpenLine
from tests.wire.wires import MemoryWire, PtyWire, crc, honest, until, value_at, with_crc

pytestmark = pytest.mark.anyio
needs_pty = pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals here")


@needs_pty
async def test_manual_frames_cross_a_real_terminal(open_line: OpenLine) -> None:
    printed = {
        "40 03 10 00 00 04 4F D8": "40 03 08 00 40 00 05 00 01 7C 4F 79 DA",
        "01 03 00 00 00 01 84 0A": "01 03 02 00 DB F8 1F",
        "01 05 02 00 00 07 8D B0": "01 05 02 00 00 07 8D B0",
        "01 06 00 00 03 E8 89 74": "01 06 00 00 03 E8 89 74",
    }
    answers = {bytes.fromhex(asked): bytes.fromhex(answer) for asked, answer in printed.items()}
    wire = PtyWire(lambda frame: [(0.001, answers[frame])] if frame in answers else ())
    line = await open_line(wire)
    radiometer, relay = Unit(line, 0x40, PATIENT), Unit(line, 1, PATIENT)
    assert await radiometer.read_holding(0x1000, 4) == (0x40, 5, 1, 0x7C4F)
    assert await relay.read_holding(0, 1) == (219,)
    await relay.write_coil_value(0x0200, 7)
    await relay.write_register(0, 1000)
    assert wire.frames() == list(answers)


@needs_pty
async def test_a_pulled_adapter_fails_everyone_at_once_and_comes_back(tmp_path: Path) -> None:
    wire, link = PtyWire(), tmp_path / "adapter"
    link.symlink_to(wire.path)
    line = Line("rs485", SerialPort(str(link), 115200), LineTiming.serial(115200))
    line.add_unit(1, PATIENT)
    states: list[LineState] = []
    line.on_state.append(states.append)
    await line.start()
    wire.script = lambda _: ()
    waiting = [asyncio.ensure_future(line.transact(ReadHolding(1, n, 1))) for n in range(3)]
    await until(wire.frames)
    wire.unplug()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [LineDown] * 3
    with pytest.raises(LineDown, match="went away"):
        await line.transact(ReadHolding(1, 0, 1))

    link.unlink()
    wire = PtyWire()
    link.symlink_to(wire.path)
    await until(lambda: line.state.is_up)
    assert await line.transact(ReadHolding(1, 5, 1)) == (value_at(1, 5),)
    assert [state.status for state in states if state.reason == "" or "went away" in state.reason] == [
        LinkStatus.UP,
        LinkStatus.DOWN,
        LinkStatus.UP,
    ]
    await line.close()
    wire.unplug()


@needs_pty
async def test_only_one_may_own_a_line(open_line: OpenLine) -> None:
    wire = PtyWire()
    await open_line(wire)
    second = SerialPort(wire.path, 115200)
    with pytest.raises(PortLost, match="cannot open"):
        await second.open(lambda _: None, lambda _: None)
    await second.close()


@needs_pty
async def test_a_stop_on_a_real_terminal_overtakes_a_silent_unit(open_line: OpenLine) -> None:
    wire = PtyWire()
    line = await open_line(wire)
    wire.script = lambda frame: () if frame[0] == 2 else honest(frame)
    with pytest.raises(NoReply):
        await line.transact(ReadHolding(2, 0, 1))
    asking = asyncio.ensure_future(line.transact(ReadHolding(2, 1, 1)))
    await until(lambda: wire.frames()[-1:] == [with_crc("02 03 00 01 00 01")])
    line.preempt()
    await line.transact(WriteCoil(1, 0, False), Priority.STOP)
    assert isinstance((await asyncio.gather(asking, return_exceptions=True))[0], Preempted)
    asked_at = wire.heard[-2][0]
    assert wire.heard[-1][0] - asked_at < PATIENT.timeout_s  # it did not wait for the time-out


async def test_a_missing_device_is_a_line_that_is_down_and_says_so(tmp_path: Path) -> None:
    line = Line("rs485", SerialPort(str(tmp_path / "ttyUSB9")), LineTiming.serial(9600))
    await line.start()
    with pytest.raises(LineDown, match="ttyUSB9") as caught:
        await line.transact(ReadHolding(1, 0, 1))
    assert "cable" in caught.value.remedy
    await line.close()
    assert line.state == LineState(LinkStatus.DOWN, "closed")


async def test_nothing_works_before_start_or_after_close() -> None:
    line = Line("rs485", MemoryPort(MemoryWire().attach), LineTiming.serial(115200))
    with pytest.raises(LineDown, match="not started"):
        await line.transact(ReadHolding(1, 0, 1))
    await line.start()
    asking = asyncio.ensure_future(line.transact(ReadHolding(100, 0, 1)))
    await asyncio.sleep(0.01)
    await line.close()
    with pytest.raises(LineDown, match="closed"):
        await asking
    with pytest.raises(LineDown, match="closed"):
        await line.transact(ReadHolding(1, 0, 1))


@pytest.mark.virtual
async def test_a_memory_cable_can_be_pulled_and_put_back() -> None:
    wire = MemoryWire()
    port = MemoryPort(wire.attach)
    line = Line("rs485", port, LineTiming.serial(115200))
    await line.start()
    port.unplug()
    await asyncio.sleep(0.01)
    with pytest.raises(LineDown, match="unplugged"):
        await line.transact(ReadHolding(1, 0, 1))
    await asyncio.sleep(30)
    port.replug()
    await asyncio.sleep(2.2)
    assert await line.transact(ReadHolding(1, 5, 1)) == (value_at(1, 5),)
    await line.close()


@pytest.mark.virtual
async def test_a_far_side_that_goes_away_is_found_again_and_heard_once() -> None:
    wire = MemoryWire()
    receivers: list[Receive] = []

    def attach(receive: Receive) -> Send:
        receivers.append(receive)

        def to_all(data: bytes) -> None:
            for hear in receivers:
                hear(data)

        return wire.attach(to_all)

    port = MemoryPort(attach)
    line = Line("rs485", port, LineTiming.serial(115200))
    await line.start()
    port.drop()
    await asyncio.sleep(1)
    assert len(receivers) == 2
    assert await line.transact(ReadHolding(1, 5, 1)) == (value_at(1, 5),)
    await asyncio.sleep(1)
    assert line.stats.stray_bytes == 0
    await line.close()


@pytest.mark.virtual
async def test_a_listener_with_a_defect_does_not_stop_the_line() -> None:
    line = Line("rs485", MemoryPort(MemoryWire().attach), LineTiming.serial(115200))
    line.on_state.append(lambda _: 1 / 0)  # type: ignore[arg-type, return-value]
    await line.start()
    assert line.state.is_up
    await line.close()


async def test_rtu_frames_cross_a_device_server() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while frame := await reader.read(256):
            for delay_s, data in honest(frame):
                await asyncio.sleep(delay_s)
                writer.write(data)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, number = server.sockets[0].getsockname()
    port = open_port(f"socket://{host}:{number}")
    assert isinstance(port, TcpPort)
    line = Line("rs485", port, LineTiming.serial(115200))
    line.add_unit(1, PATIENT)
    await line.start()
    for n in range(5):
        assert await line.transact(ReadHolding(1, n, 1)) == (value_at(1, n),)
    server.close()
    await line.close()
    with pytest.raises(PortLost, match="cannot connect"):
        await port.open(lambda _: None, lambda _: None)


@needs_pty
@pytest.mark.filterwarnings("ignore:set(Daemon|Name).. is deprecated:DeprecationWarning")  # pyserial 3.5
async def test_a_line_works_through_rfc_2217() -> None:
    """A port without a descriptor to watch: read by a thread, as on Windows."""
    wire = PtyWire()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve_rfc2217, args=(listener, wire.path), daemon=True).start()
        port = open_port(f"rfc2217://127.0.0.1:{listener.getsockname()[1]}", 115200)
        line = Line("rs485", port, LineTiming.serial(115200))
        line.add_unit(1, PATIENT)
        await line.start()
        assert line.state.is_up, line.state.reason
        for n in range(3):
            assert await line.transact(ReadHolding(1, n, 1)) == (value_at(1, n),)
        wire.unplug()
        await until(lambda: not line.state.is_up)
        await line.close()


def _serve_rfc2217(listener: socket.socket, path: str) -> None:
    connection, _ = listener.accept()
    with connection, serial.Serial(path, timeout=0.01) as device:
        # The terminal has no modem lines; a real server reports them.
        lines: Any = type("Lines", (), dict.fromkeys(("cts", "dsr", "ri", "cd"), False))
        writer: Any = type("Writer", (), {"write": staticmethod(connection.sendall)})
        without_modem: Any = _WithoutModem(device, lines)
        manager = serial.rfc2217.PortManager(without_modem, writer)
        connection.settimeout(0.01)
        while True:
            try:
                if not (data := connection.recv(1024)):
                    return
                device.write(b"".join(manager.filter(data)))
            except TimeoutError:
                pass
            except OSError:
                return
            try:
                if data := device.read(device.in_waiting or 1):
                    connection.sendall(b"".join(manager.escape(data)))
            except (OSError, serial.SerialException):
                return


class _WithoutModem:
    """A serial port whose modem lines read as off."""

    def __init__(self, device: serial.Serial, lines: Any) -> None:
        object.__setattr__(self, "_device", device)
        object.__setattr__(self, "_lines", lines)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lines if hasattr(self._lines, name) else self._device, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("dtr", "rts"):
            setattr(self._device, name, value)


def test_ports_are_named_by_url() -> None:
    assert isinstance(open_port("/dev/ttyUSB0"), SerialPort)
    assert isinstance(open_port("COM3"), SerialPort)
    assert isinstance(open_port("rfc2217://10.0.0.5:2217"), SerialPort)
    assert open_port("tcp://10.0.0.5").name == "10.0.0.5:502"
    for wrong in ("sim://lamp-line", "socket://10.0.0.5", "http://x:1", "tcp://"):
        with pytest.raises(ValueError):
            open_port(wrong)
    for wrong_format in ("8X1", "8N", "9N1"):
        with pytest.raises(ValueError):
            open_port("/dev/ttyUSB0", 9600, wrong_format)


def test_gaps_follow_the_specification() -> None:
    slow, fast = LineTiming.serial(9600, "8N2"), LineTiming.serial(115200, "8N1")
    assert slow.t35_s == pytest.approx(4.01e-3, abs=1e-5)
    assert slow.t15_s == pytest.approx(1.72e-3, abs=1e-5)
    assert (fast.t15_s, fast.t35_s) == (750e-6, 1.75e-3)
    assert LineTiming.serial(9600, "8E1").char_s == slow.char_s == 11 / 9600
    assert crc(bytes.fromhex("01 03 00 00 00 02")) == bytes.fromhex("C4 0B")
