"""Modbus TCP: answers matched by number, stops sent at once."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from itertools import pairwise

import pytest

from irctl.bus.bus import Priority, UnitTiming
from irctl.bus.errors import ExceptionReply, LineDown, LineEchoes, NoReply, Preempted, WrongReply
from irctl.bus.modbus import ReadHolding, WriteCoil, WriteRegister
from irctl.bus.port import MemoryPort
from irctl.bus.tcp import TcpLine
from tests.wire.wires import honest, value_at, with_crc

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

TIMING = UnitTiming(timeout_s=0.1, reply_max_s=0.5)


class Coupler:
    """Answers as scripted: (transaction, RTU-style frame) to (seconds, bytes)."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, bytes]] = []
        self.latency_s: Callable[[bytes], float] = lambda _: 0.003
        self.change: Callable[[bytes], bytes] = lambda frame: frame

    def attach(self, receive: Callable[[bytes], None]) -> Callable[[bytes], None]:
        def send(adu: bytes) -> None:
            loop = asyncio.get_running_loop()
            frame = with_crc(adu[6:])
            self.heard.append((loop.time(), frame))
            for _, answer in honest(frame):
                body = answer[:-2]
                reply = adu[:4] + struct.pack(">H", len(body)) + body
                loop.call_later(self.latency_s(frame), receive, self.change(reply))

        return send


@pytest.fixture
def coupler() -> Coupler:
    return Coupler()


@pytest.fixture
def port(coupler: Coupler) -> MemoryPort:
    return MemoryPort(coupler.attach)


@pytest.fixture
async def line(port: MemoryPort) -> AsyncIterator[TcpLine]:
    line = TcpLine("lan", port, outstanding_max=4)
    for unit in (1, 2):
        line.add_unit(unit, TIMING)
    await line.start()
    yield line
    await line.close()


async def test_several_questions_are_under_way_at_once(line: TcpLine, coupler: Coupler) -> None:
    # The first is answered last.
    coupler.latency_s = lambda frame: 0.05 - 0.01 * frame[3]
    begin = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*(line.transact(ReadHolding(1, n, 1)) for n in range(4)))
    assert answers == [(value_at(1, n),) for n in range(4)]
    assert asyncio.get_running_loop().time() - begin < 0.06


async def test_only_so_many_are_under_way(port: MemoryPort, coupler: Coupler) -> None:
    line = TcpLine("gateway", port)
    await line.start()
    await asyncio.gather(*(line.transact(ReadHolding(1, n, 1)) for n in range(3)))
    instants = [at for at, _ in coupler.heard]
    assert all(later - earlier >= 0.003 - 1e-6 for earlier, later in pairwise(instants))
    await line.close()


async def test_a_stop_waits_for_nothing_but_other_stops(port: MemoryPort, coupler: Coupler) -> None:
    coupler.latency_s = lambda frame: 0.05 if frame[1] == 3 else 0.003
    line = TcpLine("gateway", port)
    await line.start()
    reading = asyncio.ensure_future(line.transact(ReadHolding(1, 7, 1)))
    await asyncio.sleep(0.001)
    stops = [asyncio.ensure_future(line.transact(WriteCoil(1, n, False), Priority.STOP)) for n in range(2)]
    await asyncio.sleep(0.001)
    line.preempt()  # a stop under way is not given up
    await asyncio.gather(*stops)
    assert [frame[1] for _, frame in coupler.heard] == [3, 5, 5]
    first, second = (at for at, frame in coupler.heard if frame[1] == 5)
    assert first < 0.002
    assert second - first == pytest.approx(0.003, abs=1e-5)
    assert isinstance(reading.exception(), Preempted)
    await line.close()


async def test_a_caller_that_goes_before_its_turn_is_never_asked_for(port: MemoryPort, coupler: Coupler) -> None:
    line = TcpLine("gateway", port)
    await line.start()
    asking = [asyncio.ensure_future(line.transact(ReadHolding(1, n, 1))) for n in range(3)]
    await asyncio.sleep(0.001)
    asking[1].cancel()
    assert await asking[2] == (value_at(1, 2),)
    assert [frame[3] for _, frame in coupler.heard] == [0, 2]
    await line.close()


async def test_a_late_answer_is_dropped_by_its_number(line: TcpLine, coupler: Coupler) -> None:
    coupler.latency_s = lambda frame: 0.15 if frame[3] == 16 else 0.003
    with pytest.raises(NoReply):
        await line.transact(ReadHolding(1, 16, 1))
    for n in range(32, 64):
        assert await line.transact(ReadHolding(1, n, 1)) == (value_at(1, n),)
    assert line.stats.stray_bytes > 0


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda r: r[:6] + b"\x02" + r[7:], WrongReply),  # another unit
        (lambda r: r[:7] + b"\x04" + r[8:], WrongReply),  # another function
        (lambda r: r[:4] + b"\x00\x07" + r[6:8] + b"\x04" + r[9:] + b"\x00\x00", WrongReply),  # another count
        (lambda r: r[:4] + b"\x00\x03" + r[6:7] + b"\x83\x02", ExceptionReply),
    ],
    ids=["unit", "function", "count", "exception"],
)
async def test_answers_are_checked(
    line: TcpLine, coupler: Coupler, change: Callable[[bytes], bytes], error: type[Exception]
) -> None:
    coupler.change = change
    with pytest.raises(error):
        await line.transact(ReadHolding(1, 16, 1))
    coupler.change = lambda reply: reply
    assert await line.transact(ReadHolding(1, 32, 1)) == (value_at(1, 32),)
    assert await line.transact(ReadHolding(2, 48, 1)) == (value_at(2, 48),)


async def test_an_acknowledgement_of_something_else_is_refused(line: TcpLine, coupler: Coupler) -> None:
    coupler.change = lambda reply: reply[:-1] + b"\x63"
    with pytest.raises(WrongReply):
        await line.transact(WriteRegister(1, 5, 7))


async def test_a_stop_goes_at_once(line: TcpLine, coupler: Coupler) -> None:
    coupler.latency_s = lambda frame: 9.0 if frame[0] == 2 else 0.003
    reads = [asyncio.ensure_future(line.transact(ReadHolding(2, n, 1))) for n in range(8)]
    await asyncio.sleep(0.01)
    asked_at = asyncio.get_running_loop().time()
    line.preempt()
    await line.transact(WriteCoil(1, 0, False), Priority.STOP)
    assert coupler.heard[-1] == (pytest.approx(asked_at), with_crc("01 05 00 00 00 00"))
    assert all(isinstance(read.exception(), Preempted) for read in reads)
    assert line.worst_time_to_dark_s([WriteCoil(1, 0, False)]) == TIMING.reply_max_s
    assert line.worst_time_to_dark_s([WriteCoil(1, n, False) for n in range(5)]) == 0.1 + TIMING.reply_max_s


async def test_a_cancelled_caller_leaves_no_answer_behind(line: TcpLine, coupler: Coupler) -> None:
    asking = asyncio.ensure_future(line.transact(ReadHolding(1, 16, 1)))
    await asyncio.sleep(0.001)
    asking.cancel()
    assert await line.transact(ReadHolding(1, 32, 1)) == (value_at(1, 32),)
    assert await line.transact(ReadHolding(1, 48, 1)) == (value_at(1, 48),)


async def test_broadcast_means_something_else_here(line: TcpLine) -> None:
    with pytest.raises(ValueError, match="no broadcast over TCP"):
        await line.transact(WriteCoil(0, 0xFF, False), Priority.STOP)


async def test_whatever_is_not_modbus_tcp_takes_the_line_down(line: TcpLine, coupler: Coupler) -> None:
    coupler.change = lambda _: b"HTTP/1.1 400 Bad Request"
    with pytest.raises(LineDown, match="not Modbus TCP"):
        await line.transact(ReadHolding(1, 0, 1))
    coupler.change = lambda reply: reply
    await asyncio.sleep(1)
    assert await line.transact(ReadHolding(1, 32, 1)) == (value_at(1, 32),)


async def test_an_echo_is_noticed_at_the_first_read(line: TcpLine, coupler: Coupler) -> None:
    coupler.change = lambda reply: reply[:4] + b"\x00\x06" + bytes.fromhex("01 03 00 10 00 01")
    with pytest.raises(LineEchoes):
        await line.transact(ReadHolding(1, 16, 1))


async def test_a_pulled_cable_fails_everyone_at_once(line: TcpLine, coupler: Coupler, port: MemoryPort) -> None:
    coupler.latency_s = lambda _: 9.0
    reads = [asyncio.ensure_future(line.transact(ReadHolding(1, n, 1))) for n in range(8)]
    await asyncio.sleep(0.01)
    port.unplug()
    await asyncio.sleep(0.001)
    assert all(isinstance(read.exception(), LineDown) for read in reads)
    port.replug()
    coupler.latency_s = lambda _: 0.003
    await asyncio.sleep(2.5)
    assert await line.transact(ReadHolding(1, 32, 1)) == (value_at(1, 32),)
