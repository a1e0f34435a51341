"""When frames go out: gaps, silences, priorities and stops, at 9600 baud in virtual time."""

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from irctl.bus.bus import QUEUE_MAX, Priority, UnitTiming
from irctl.bus.errors import LineSaturated, NoReply, Preempted
from irctl.bus.line import Line
from irctl.bus.modbus import AnyRequest, ReadCoils, ReadHolding, WriteCoil, WriteRegister
from irctl.bus.port import MemoryPort
from irctl.bus.timing import LineTiming
from tests.wire.conftest import TIMING, OpenLine
from tests.wire.wires import Answer, MemoryWire, honest, until, value_at, with_crc

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

BAUD = 9600
CHAR_S = 10 / BAUD
T35_S = 3.5 * CHAR_S
EARLY_S = 2e-6
"""The line's own tolerance on timers."""


def off(unit: int) -> WriteCoil:
    return WriteCoil(unit, 0, False)


def silent(*units: int):
    """A script in which these units do not answer."""
    return lambda frame: () if frame[0] in units else honest(frame)


def slow(unit: int, latency_s: float):
    return lambda frame: honest(frame, latency_s if frame[0] == unit else 0.003)


def now() -> float:
    return asyncio.get_running_loop().time()


def start(what: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
    return asyncio.ensure_future(what)


async def outcome(task: "asyncio.Task[Any]") -> Any:
    return (await asyncio.gather(task, return_exceptions=True))[0]


def heard_at(wire: MemoryWire, request: AnyRequest) -> float:
    """The instant the last byte of `request` reached the devices."""
    return next(at for at, frame in wire.heard if frame[0] == request.unit and frame[1:-2] == request.pdu())


@pytest.fixture
def wire() -> MemoryWire:
    return MemoryWire(char_s=CHAR_S)


async def test_every_frame_keeps_its_distance(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    for n in range(20):
        await line.transact(ReadHolding(1, n, 1 + n % 3))
    ends = [begin + len(frame) * CHAR_S for begin, frame in wire.sent_at]
    for n in range(2, 20):
        reply_s = 0.003 + (5 + 2 * (1 + (n - 2) % 3)) * CHAR_S
        gap_s = wire.sent_at[n][0] - (ends[n - 1] + reply_s)
        assert T35_S - EARLY_S <= gap_s < T35_S + 1e-3
    assert wire.collisions == 0


async def test_a_time_out_counts_from_the_last_byte_sent(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    wire.script = silent(1)
    with pytest.raises(NoReply):
        await line.transact(ReadHolding(1, 0, 10))
    # request, time-out, and the time the answer would have taken
    assert now() - wire.sent_at[-1][0] == pytest.approx((8 + 25) * CHAR_S + TIMING.timeout_s, abs=1e-4)


async def test_the_line_is_silent_until_the_unit_can_no_longer_answer(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    wire.script = silent(1)
    with pytest.raises(NoReply):
        await line.transact(ReadHolding(1, 0, 1))
    await line.transact(ReadHolding(2, 0, 1), Priority.LEASE)
    asked, next_asked = (begin for begin, _ in wire.sent_at[-2:])
    assert next_asked == pytest.approx(asked + 8 * CHAR_S + TIMING.reply_max_s, abs=1e-4)


async def test_priority_first_then_order_of_asking(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    asked = [(3, 1), (2, 2), (1, 3), (3, 4), (0, 5), (1, 6), (2, 7), (0, 8)]
    await asyncio.gather(*(line.transact(ReadHolding(1, a, 1), Priority(p)) for p, a in asked))
    assert [frame[3] for frame in wire.frames()] == [5, 8, 3, 6, 2, 7, 1, 4]


async def test_a_line_takes_only_so_much_but_always_a_stop(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    waiting = [start(line.transact(ReadHolding(1, 0, 1))) for _ in range(QUEUE_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(LineSaturated, match="line saturated"):
        await line.transact(ReadHolding(1, 0, 1))
    await line.transact(off(1), Priority.STOP)
    await asyncio.gather(*waiting)


async def test_a_cancelled_waiter_makes_room(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    waiting = [start(line.transact(ReadHolding(1, 0, 1))) for _ in range(QUEUE_MAX)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    assert await line.transact(ReadHolding(2, 0, 1)) == (value_at(2, 0),)


# --- broadcast -----------------------------------------------------------------------------------------------------------


async def test_after_a_broadcast_the_line_rests_but_not_for_an_off(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    begin = now()
    await line.transact(WriteRegister(0, 5, 7))
    assert now() - begin == pytest.approx(8 * CHAR_S + 0.1, abs=T35_S + 1e-3)
    await line.transact(ReadHolding(1, 0, 1))
    rest_s = wire.sent_at[-1][0] - heard_at(wire, WriteRegister(0, 5, 7))
    assert rest_s == pytest.approx(0.1, abs=1e-3)

    poll = start(line.transact(ReadHolding(1, 0, 1), Priority.LEASE))
    await line.transact(WriteCoil(0, 0xFF, False), Priority.STOP)
    await line.transact(off(1), Priority.STOP)
    gap_s = wire.sent_at[-1][0] - heard_at(wire, WriteCoil(0, 0xFF, False))
    assert T35_S - EARLY_S <= gap_s < T35_S + 1e-3
    await poll
    assert wire.sent_at[-1][0] - heard_at(wire, WriteCoil(0, 0xFF, False)) >= 0.1 - EARLY_S


# --- stop ----------------------------------------------------------------------------------------------------------------


async def test_a_stop_does_not_wait_for_a_silent_unit(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    wire.script = silent(2)
    with pytest.raises(NoReply):
        await line.transact(ReadHolding(2, 0, 1))
    asking = start(line.transact(ReadHolding(2, 1, 1)))
    await until(lambda: wire.frames()[-1:] == [with_crc("02 03 00 01 00 01")])
    asked_at = now()
    line.preempt()
    await line.transact(off(1), Priority.STOP)
    assert heard_at(wire, off(1)) - asked_at < T35_S + 8 * CHAR_S + 1e-3
    assert isinstance(await outcome(asking), Preempted)


async def test_queued_requests_fail_at_once(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    asking = start(line.transact(ReadHolding(1, 0, 1)))
    await asyncio.sleep(0.002)
    queued = [start(line.transact(ReadHolding(1, n, 1), Priority.LEASE)) for n in range(1, 4)]
    stopping = start(line.transact(off(3), Priority.STOP))
    await asyncio.sleep(0)
    line.preempt()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert all(isinstance(task.exception(), Preempted) for task in queued)
    assert not asking.done()
    await stopping
    assert await asking == (value_at(1, 0),)


async def test_after_a_stop_no_light_is_added_until_it_is_cleared(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    renewal = WriteRegister(1, 0, 50)
    line.preempt()
    with pytest.raises(Preempted, match="a stop is in force"):
        await line.transact(renewal, Priority.LEASE)
    await line.transact(ReadHolding(1, 0, 1))
    await line.transact(off(1), Priority.STOP)
    assert [frame[1] for frame in wire.frames()] == [3, 5]
    line.permit_light()
    await line.transact(renewal, Priority.LEASE)


async def test_a_stop_awaits_a_prompt_unit_rather_than_being_spoiled(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    await line.transact(ReadHolding(1, 0, 1))
    asking = start(line.transact(ReadHolding(1, 7, 1)))
    await asyncio.sleep(T35_S + 9 * CHAR_S)  # just asked: the answer is about to begin
    line.preempt()
    await line.transact(off(2), Priority.STOP)
    assert await asking == (value_at(1, 7),)
    assert wire.collisions == 0


async def test_a_prompt_unit_that_falls_silent_is_awaited_only_briefly(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    await line.transact(ReadHolding(1, 0, 1))
    wire.script = silent(1)
    asking = start(line.transact(ReadHolding(1, 7, 1)))
    await asyncio.sleep(T35_S + 9 * CHAR_S)
    asked_at = now()
    line.preempt()
    await line.transact(off(2), Priority.STOP)
    assert isinstance(await outcome(asking), Preempted)
    assert heard_at(wire, off(2)) - asked_at < 0.01 + 7 * CHAR_S + T35_S + 8 * CHAR_S + 1e-3


async def test_an_answer_under_way_is_heard_out(open_line: OpenLine) -> None:
    begun = asyncio.Event()

    def in_pieces(frame: bytes) -> Answer:
        ((latency_s, data),) = honest(frame)
        if frame[0] != 1:
            return [(latency_s, data)]
        asyncio.get_running_loop().call_later(0.041, begun.set)
        return [(0.04, data[:4]), (0.04 + 0.01, data[4:])]

    wire = MemoryWire(lambda frame: in_pieces(frame) if frame[0] != 247 else ())
    line = await open_line(wire, BAUD)
    asking = start(line.transact(ReadHolding(1, 7, 1)))
    await begun.wait()
    line.preempt()
    await line.transact(off(2), Priority.STOP)
    assert await asking == (value_at(1, 7),)


async def test_an_abandoned_answer_is_never_taken(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    wire.script = slow(1, 0.06)
    asking = start(line.transact(ReadHolding(1, 16, 1)))
    await asyncio.sleep(0.02)
    line.preempt()
    await line.transact(off(2), Priority.STOP)
    assert isinstance(await outcome(asking), Preempted)
    assert await line.transact(ReadHolding(1, 32, 1)) == (value_at(1, 32),)
    assert await line.transact(ReadHolding(1, 48, 1)) == (value_at(1, 48),)


async def test_an_off_finds_its_acknowledgement_behind_a_late_answer(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    latency_s = {1: 0.16, 2: 0.05}
    wire.script = lambda frame: honest(frame, latency_s.get(frame[0], 0.003))
    with pytest.raises(NoReply):
        await line.transact(ReadHolding(1, 0, 1))
    await asyncio.sleep(0.02)
    await line.transact(off(2), Priority.STOP)  # unit 1 answers in between
    assert wire.collisions == 0
    assert line.stats.stray_bytes == 0


async def test_a_stop_under_way_is_not_given_up_for_another(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    wire.script = slow(1, 0.06)
    await line.transact(off(1), Priority.STOP)
    stopping = start(line.transact(off(1), Priority.STOP))
    await asyncio.sleep(0.03)
    line.preempt()
    await stopping


async def test_bytes_nobody_asked_for_delay_the_next_frame(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    await line.transact(ReadHolding(1, 0, 1))
    await asyncio.sleep(1)
    wire.chatter(b"\x00")
    begin = now()
    await line.transact(ReadHolding(1, 1, 1))
    assert wire.sent_at[-1][0] - begin >= T35_S - EARLY_S
    assert line.stats.stray_bytes == 1


async def test_an_answer_that_has_begun_may_pause_past_the_time_out(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    right = with_crc("01 03 02 12 34")
    late_s = TIMING.timeout_s - 0.005
    wire.script = lambda _: [(late_s, right[:3]), (late_s + 0.03, right[3:])]
    assert await line.transact(ReadHolding(1, 0, 1)) == (0x1234,)


async def test_a_dead_unit_does_not_hold_up_the_stop_of_another(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    wire.script = silent(1)
    begin = now()
    stops = [start(line.transact(off(unit), Priority.STOP)) for unit in (1, 2, 3)]
    await asyncio.gather(*stops, return_exceptions=True)
    one_s = T35_S + 16 * CHAR_S
    assert heard_at(wire, off(2)) - begin < TIMING.timeout_s + 2 * one_s + 2e-3
    assert heard_at(wire, off(3)) - begin < TIMING.timeout_s + 3 * one_s + 5e-3


async def test_an_off_to_a_unit_that_was_silent_before_does_not_hold_up_the_next_units_off(
    wire: MemoryWire, open_line: OpenLine
) -> None:
    line = await open_line(wire, BAUD)
    wire.script = silent(1)
    with pytest.raises(NoReply):
        await line.transact(ReadHolding(1, 0, 1))
    await asyncio.sleep(5.0)
    line.preempt()
    asked_at = now()
    to_the_silent = start(line.transact(off(1), Priority.STOP))
    await asyncio.sleep(0)
    await line.transact(off(2), Priority.STOP)
    assert now() - asked_at < TIMING.timeout_s, "two OFFs and one answer, not a time-out more"
    await asyncio.gather(to_the_silent, return_exceptions=True)


async def test_a_read_back_waits_out_its_own_silence_only(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    wire.script = silent(1)
    with pytest.raises(NoReply):
        await line.transact(ReadHolding(1, 0, 1))
    silence_begins = heard_at(wire, ReadHolding(1, 0, 1))
    wire.script = honest
    own = start(line.transact(ReadCoils(1, 0, 1), Priority.STOP))
    others = start(line.transact(ReadCoils(2, 0, 1), Priority.STOP))
    await others
    assert heard_at(wire, ReadCoils(2, 0, 1)) < silence_begins + TIMING.reply_max_s
    await own
    assert wire.sent_at[-1][0] >= silence_begins + TIMING.reply_max_s - EARLY_S


@pytest.mark.parametrize("seed", range(40))
async def test_all_is_dark_within_the_promised_time(seed: int) -> None:
    """Eight units, some slow, one dead, a saturated line, a stop at any moment: OFF, repeated until acknowledged."""
    rng = random.Random(seed)
    timing = UnitTiming(timeout_s=0.1, reply_max_s=0.3)
    latency_s = {unit: rng.choice((0.002, 0.01, 0.02, 0.05, 0.09, 0.2)) for unit in range(1, 9)}
    dead = rng.choice((8, 9))
    wire = MemoryWire(
        lambda frame: () if frame[0] == dead else honest(frame, latency_s.get(frame[0], 0.0)), char_s=CHAR_S
    )
    line = Line("rs485", MemoryPort(wire.attach), LineTiming.serial(BAUD))
    for unit in range(1, 9):
        line.add_unit(unit, timing)
    await line.start()

    async def poll(unit: int) -> None:
        while True:
            await asyncio.gather(line.transact(ReadHolding(unit, 0, 4)), return_exceptions=True)

    async def drive_dark(unit: int) -> None:
        for _ in range(20):
            done = await asyncio.gather(line.transact(off(unit), Priority.STOP), return_exceptions=True)
            if done == [None]:
                return

    polls = [start(poll(unit)) for unit in range(1, 9)]
    await asyncio.sleep(rng.uniform(1.0, 3.0))
    for task in polls:
        task.cancel()
    stop_at = now()
    line.preempt()
    lamps = (1, 2)
    await asyncio.gather(*(drive_dark(unit) for unit in lamps))
    last_off = max(heard_at(wire, off(unit)) + latency_s[unit] for unit in lamps)
    assert last_off - stop_at <= line.worst_time_to_dark_s([off(unit) for unit in lamps])
    await line.close()


def test_the_promised_time_is_the_documented_sum() -> None:
    line = Line("rs485", MemoryPort(lambda _: lambda __: None), LineTiming.serial(BAUD))
    line.add_unit(1, UnitTiming(0.1, 0.3))
    line.add_unit(2, UnitTiming(0.05, 0.05))
    offs = [off(1), off(2), WriteCoil(0, 0xFF, False)]
    unfinished_s = 64 * CHAR_S + 0.1
    each_s = (T35_S + 16 * CHAR_S + 0.1) + (T35_S + 16 * CHAR_S + 0.05) + (T35_S + 8 * CHAR_S)
    again_s = T35_S + 16 * CHAR_S + 0.1
    assert line.worst_time_to_dark_s(offs) == pytest.approx(unfinished_s + each_s + again_s + 0.2)


async def test_a_unit_that_needs_quiet_gets_it_and_a_stop_keeps_it_too(wire: MemoryWire, open_line: OpenLine) -> None:
    line = await open_line(wire, BAUD)
    line.add_unit(3, TIMING)
    without_s = line.worst_time_to_dark_s([off(3)])
    line.add_unit(3, replace(TIMING, gap_s=0.05))
    assert line.worst_time_to_dark_s([off(3)]) == pytest.approx(without_s + 0.05, abs=1e-6)
    await line.transact(ReadHolding(3, 0, 1))
    answered = now()
    await line.transact(ReadHolding(2, 0, 1))
    assert wire.sent_at[-1][0] - answered < 0.01, "the quiet is that unit's alone"
    await line.transact(off(3), Priority.STOP)
    assert wire.sent_at[-1][0] - answered >= 0.05 - EARLY_S
    with pytest.raises(ValueError, match="gap_s"):
        UnitTiming(gap_s=2.0)
