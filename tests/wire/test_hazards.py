"""What goes wrong on real lines, each followed by two questions that must get their own answers.

Every test runs twice: in virtual time over memory, and in real time over a pseudo-terminal.
"""

import asyncio
import os

import pytest

from irctl.bus import line as line_module
from irctl.bus.bus import LinkStatus, Priority, UnitTiming
from irctl.bus.errors import BusError, ExceptionReply, LineDown, LineEchoes, NoReply, WrongReply
from irctl.bus.line import Line
from irctl.bus.modbus import AnyRequest, ReadHolding, WriteCoil, WriteRegister, WriteRegisters
from tests.virtual_time import VirtualLoop
from tests.wire.conftest import PATIENT, OpenLine
from tests.wire.wires import Answer, MemoryWire, PtyWire, Script, Wire, honest, until, value_at, with_crc

pytestmark = pytest.mark.anyio


@pytest.fixture(
    params=[
        "memory",
        pytest.param("pty", marks=pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals here")),
    ]
)
def medium(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def anyio_backend(medium: str):
    return ("asyncio", {"loop_factory": VirtualLoop}) if medium == "memory" else "asyncio"


@pytest.fixture
async def wire(medium: str) -> Wire:
    return MemoryWire() if medium == "memory" else PtyWire()


def once(wire: Wire, wrong: Script) -> None:
    """Only the next question is answered by `wrong`."""

    def answer(frame: bytes) -> Answer:
        wire.script = honest
        return wrong(frame)

    wire.script = answer


async def the_next_two_are_right(line: Line) -> None:
    assert await line.transact(ReadHolding(1, 32, 1)) == (value_at(1, 32),)
    assert await line.transact(ReadHolding(2, 48, 2)) == (value_at(2, 48), value_at(2, 49))


async def test_a_late_answer_never_meets_the_next_question(wire: Wire, open_line: OpenLine) -> None:
    line = await open_line(wire, timing=UnitTiming(timeout_s=0.1, reply_max_s=0.6))
    once(wire, lambda frame: honest(frame, latency_s=0.3))
    with pytest.raises(NoReply, match=r"line rs485, unit 1: no answer to FC03 .*Check"):
        await line.transact(ReadHolding(1, 16, 1))
    await the_next_two_are_right(line)
    assert line.stats.stray_bytes == 7


async def test_an_acknowledgement_of_something_else_is_refused(wire: Wire, open_line: OpenLine) -> None:
    line = await open_line(wire)
    once(wire, lambda _: [(0.003, with_crc("01 06 00 09 00 63"))])
    with pytest.raises(WrongReply):
        await line.transact(WriteRegister(1, 5, 7))
    await the_next_two_are_right(line)


async def test_a_cancelled_caller_leaves_no_answer_behind(wire: Wire, open_line: OpenLine) -> None:
    line = await open_line(wire, timing=PATIENT)
    once(wire, lambda frame: honest(frame, latency_s=0.2))
    asking = asyncio.create_task(line.transact(ReadHolding(1, 16, 1)))
    waiting = asyncio.create_task(line.transact(ReadHolding(1, 17, 1)))
    await asyncio.sleep(0.02)
    asking.cancel()
    waiting.cancel()
    await the_next_two_are_right(line)
    assert ReadHolding(1, 17, 1).pdu() not in [frame[1:-2] for frame in wire.frames()]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda _: [(0.003, with_crc("01 03 02 00 01"))],  # too few registers
        lambda _: [(0.003, with_crc("01 03 0A" + "00 01" * 5))],  # too many
        lambda _: [(0.003, with_crc("01 06 00 10 00 04"))],  # another function
        lambda _: [(0.003, with_crc("02 03 08" + "00 01" * 4))],  # another unit
        lambda _: [(0.003, with_crc("01 03 08" + "00 01" * 4)[:-1] + b"\x00")],  # CRC
        lambda _: [(0.003, with_crc("01 03 08" + "00 01" * 4)[:7])],  # breaks off
        lambda _: [(0.003 + 0.01 * n, b"\x55" * 60) for n in range(8)],  # babbles
    ],
    ids=["too few", "too many", "function", "unit", "crc", "cut", "babble"],
)
async def test_a_wrong_answer_is_refused(wire: Wire, open_line: OpenLine, wrong: Script) -> None:
    line = await open_line(wire)
    once(wire, wrong)
    with pytest.raises(WrongReply):
        await line.transact(ReadHolding(1, 16, 4))
    await the_next_two_are_right(line)


async def test_a_noise_byte_and_a_pause_inside_an_answer_cost_nothing(wire: Wire, open_line: OpenLine) -> None:
    line = await open_line(wire)
    right = with_crc("01 03 02 12 34")
    once(wire, lambda _: [(0.002, b"\x00"), (0.004, right[:3]), (0.03, right[3:])])
    assert await line.transact(ReadHolding(1, 16, 1)) == (0x1234,)
    await the_next_two_are_right(line)


async def test_a_refusal_is_an_answer(wire: Wire, open_line: OpenLine) -> None:
    line = await open_line(wire)
    once(wire, lambda _: [(0.003, with_crc("01 83 02"))])
    with pytest.raises(ExceptionReply, match="illegal data address"):
        await line.transact(ReadHolding(1, 9000, 1))
    await the_next_two_are_right(line)


async def test_reads_are_repeated_when_asked_and_writes_never(wire: Wire, open_line: OpenLine) -> None:
    line = await open_line(wire)
    once(wire, lambda _: ())
    assert await line.transact(ReadHolding(1, 16, 1), retries=1) == (value_at(1, 16),)
    with pytest.raises(ValueError, match="never repeated"):
        await line.transact(WriteRegister(1, 16, 1), retries=1)
    assert len(wire.frames()) == 2


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The echo test's times, for a busy computer."""
    monkeypatch.setattr(line_module, "PROBE_S", 0.3)
    monkeypatch.setattr(line_module, "GAP_MAX_S", 0.3)
    monkeypatch.setattr(line_module, "RETEST_S", 0.2)


def echo_only(frame: bytes) -> Answer:
    return [(0.0, frame)]


@pytest.mark.usefixtures("patient")
async def test_an_echo_never_passes_for_a_device(wire: Wire, open_line: OpenLine) -> None:
    wire.script = echo_only
    line = await open_line(wire)
    assert line.state.status is LinkStatus.ECHOING
    requests: list[AnyRequest] = [WriteRegister(1, 5, 7), WriteCoil(1, 0, True), ReadHolding(1, 0, 1)]
    for request in requests:
        with pytest.raises(LineEchoes, match="local_echo = true"):
            await line.transact(request)
    assert wire.frames() == []
    # A stop is sent all the same, and reported as unverified.
    with pytest.raises(LineEchoes, match="not verified"):
        await line.transact(WriteCoil(1, 0, False), Priority.STOP)
    assert wire.frames() == [with_crc("01 05 00 00 00 00")]
    wire.script = honest
    await until(lambda: line.state.is_up)
    await the_next_two_are_right(line)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("request_", [ReadHolding(1, 16, 1), WriteRegisters(1, 0, (1, 2))], ids=["read", "write"])
async def test_an_echo_that_begins_later_is_noticed(wire: Wire, open_line: OpenLine, request_: AnyRequest) -> None:
    line = await open_line(wire)
    wire.script = lambda frame: [(0.0, frame), *honest(frame)]
    with pytest.raises(LineEchoes):
        await line.transact(request_)
    assert line.state.status is LinkStatus.ECHOING
    wire.script = honest
    await until(lambda: line.state.is_up)
    await the_next_two_are_right(line)


@pytest.mark.usefixtures("patient")
async def test_a_known_echo_is_removed(wire: Wire, open_line: OpenLine) -> None:
    wire.script = lambda frame: [(0.0, frame), *honest(frame)]
    line = await open_line(wire, local_echo=True)
    assert line.state.is_up
    await line.transact(WriteRegister(1, 5, 7))
    await line.transact(WriteRegister(0, 5, 7))
    await the_next_two_are_right(line)
    wire.script = echo_only  # the device is gone, its echo is not
    with pytest.raises(NoReply):
        await line.transact(WriteRegister(1, 5, 7))
    once(wire, lambda frame: [(0.0, frame[:-1] + b"\x00"), *honest(frame)])  # a collision: it reads back changed
    with pytest.raises(WrongReply, match="heard"):
        await line.transact(WriteRegister(1, 5, 7))


async def test_an_echo_that_does_not_come_keeps_the_line_down(wire: Wire, open_line: OpenLine) -> None:
    line = await open_line(wire, local_echo=True)
    assert line.state.status is LinkStatus.DOWN
    with pytest.raises(LineDown, match="nothing comes back"):
        await line.transact(ReadHolding(1, 0, 1))


async def test_a_unit_nobody_configured_is_noted(wire: Wire, open_line: OpenLine) -> None:
    wire.script = lambda frame: [(0.003, with_crc("F7 03 02 00 01"))] if frame[0] == 247 else honest(frame)
    line = await open_line(wire)
    assert line.state.is_up
    assert "unit 247 is not configured" in line.stats.notes[0]
    await the_next_two_are_right(line)


async def test_every_error_says_where_and_what_to_check(wire: Wire, open_line: OpenLine) -> None:
    line = await open_line(wire)
    with pytest.raises(BusError) as caught:
        await line.transact(ReadHolding(200, 0, 1))
    assert (caught.value.line, caught.value.unit) == ("rs485", 200)
    assert str(caught.value).startswith("line rs485, unit 200: ")
    assert "Check" in caught.value.remedy
