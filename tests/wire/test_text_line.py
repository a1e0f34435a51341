"""A line of text with everything that goes wrong on one: whoever is asked, nobody is given another's answer, and OFF goes first."""

import asyncio
import os
import tty
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from irctl.bus.bus import LinkStatus, Priority, UnitTiming
from irctl.bus.errors import BusError, ExceptionReply, LineEchoes, LineSaturated, NoReply, Preempted, WrongReply
from irctl.bus.modbus import ReadHolding, WriteCoil
from irctl.bus.port import MemoryPort, SerialPort, TcpPort
from irctl.bus.recent import read_as_text
from irctl.bus.text import NUMBER, Dialect, TextQuery, Unended, number
from irctl.bus.text_line import TextLine
from irctl.bus.timing import LineTiming
from irctl.bus.unit import Unit
from tests.virtual_time import VirtualLoop
from tests.wire.wires import Answer, MemoryWire, until

TIMING = UnitTiming(timeout_s=0.1, reply_max_s=0.3)
PATIENT = UnitTiming(timeout_s=0.5, reply_max_s=0.6)
SCPI = Dialect(end=b"\n")
SLC = Dialect(end=b"\n\r", acknowledged="## ?", refused=r"#[!?].*")
KORAD = Dialect(end=b"", gap_s=0.08)

virtual = [pytest.mark.anyio, pytest.mark.virtual]


def value_of(name: str) -> TextQuery[float]:
    return SCPI.ask(f"{name}?", NUMBER, number)


A, B = value_of("A"), value_of("B")
OFF, LIT = SCPI.tell("OUTP OFF"), SCPI.ask("OUTP?", "([01])", lambda match: match[1] == "1")


def honest(frame: bytes) -> Answer:
    """A? is 1, B? is 2, and so on; commands are not answered."""
    if frame.endswith(b"?\n"):
        return ((0.005, f"{frame[0] - 64}\n".encode()),)
    return ()


class DuplexWire(MemoryWire):
    """Two pairs of wires, as RS-232 has: what is sent and what is answered do not meet."""

    def _heard(self, frame: bytes, begin: float) -> None:
        self._replies.clear()
        super()._heard(frame, begin)


OpenText = Callable[..., Awaitable[TextLine]]


@pytest.fixture
async def open_text() -> AsyncIterator[OpenText]:
    """`await open_text(wire, baud=...)`: a started line whose first silence is over."""
    lines: list[TextLine] = []

    async def open_on(wire: MemoryWire, baud: int = 9600, **options: Any) -> TextLine:
        line = TextLine("meter-line", MemoryPort(wire.attach), LineTiming.serial(baud), **options)
        line.add_unit(1, TIMING)
        lines.append(line)
        await line.start()
        await asyncio.sleep(TIMING.reply_max_s)
        return line

    yield open_on
    for line in lines:
        await line.close()


async def outcome(line: TextLine, query: TextQuery[float], priority: Priority = Priority.POLL) -> float | str:
    try:
        return await line.transact(query, priority)
    except BusError as error:
        return type(error).__name__


class TestAnswers:
    pytestmark = virtual

    async def test_each_question_gets_its_own_answer(self, open_text: OpenText) -> None:
        line = await open_text(MemoryWire(honest))
        assert [await line.transact(value_of(name)) for name in "ABCDE"] == [1, 2, 3, 4, 5]

    async def test_a_late_answer_never_meets_the_next_question(self, open_text: OpenText) -> None:
        late = iter([0.2, 0.005, 0.25, 0.005])
        wire = MemoryWire(lambda frame: ((next(late), f"{frame[0] - 64}\n".encode()),))
        line = await open_text(wire)
        assert [await outcome(line, query) for query in (A, B, A, B)] == ["NoReply", 2, "NoReply", 2]

    async def test_the_whole_answer_may_come_late_in_one_piece(self, open_text: OpenText) -> None:
        wire = MemoryWire(lambda _: ((0.09, b"1.2345678901234567890\n"),), char_s=10 / 1200)
        line = await open_text(wire, baud=1200)
        assert await line.transact(A) == pytest.approx(1.234567890)

    async def test_an_answer_said_twice_is_refused_and_its_copy_dropped(self, open_text: OpenText) -> None:
        wire = MemoryWire(lambda frame: ((0.005, b"1\n1\n"),) if frame == b"A?\n" else honest(frame))
        line = await open_text(wire)
        assert [await outcome(line, query) for query in (A, B)] == ["WrongReply", 2]

    async def test_a_copy_that_comes_later_is_waited_out(self, open_text: OpenText) -> None:
        wire = MemoryWire(lambda frame: ((0.005, b"1\n"), (0.02, b"1\n")) if frame == b"A?\n" else honest(frame))
        line = await open_text(wire)
        assert await outcome(line, A) == 1
        await asyncio.sleep(0.03)
        assert await outcome(line, B) == 2
        assert line.stats.stray_bytes == 2
        assert line.stats.notes

    async def test_noise_before_an_answer_is_skipped_and_more_is_refused(self, open_text: OpenText) -> None:
        wire = MemoryWire(lambda frame: ((0.005, b"\x00\xff" + b"1\n"),))
        line = await open_text(wire)
        assert await outcome(line, A) == 1
        wire.script = lambda frame: ((0.005, b"\x00\xff\x00" + b"1\n"),)
        assert await outcome(line, A) == "WrongReply"

    async def test_a_refusal_leaves_the_line_in_step(self, open_text: OpenText) -> None:
        wire = MemoryWire(lambda frame: ((0.005, b"#? \r\n" if b"9" in frame else b"## \r\n"),))
        line = await open_text(wire)
        with pytest.raises(ExceptionReply, match=r"unit 1: refused 'MODE 1 9'"):
            await line.transact(SLC.tell("MODE 1 9"))
        began = asyncio.get_running_loop().time()
        await line.transact(SLC.tell("MODE 1 0"))
        assert asyncio.get_running_loop().time() - began < 0.1

    async def test_silence_is_told_with_what_to_check(self, open_text: OpenText) -> None:
        line = await open_text(MemoryWire(lambda _: ()))
        with pytest.raises(NoReply, match=r"no answer to 'A\?' within 0.1 s.*baud rate"):
            await line.transact(A)

    async def test_reads_are_repeated_when_asked_and_commands_never(self, open_text: OpenText) -> None:
        tries: list[bytes] = []

        def second_time(frame: bytes) -> Answer:
            tries.append(frame)
            return honest(frame) if len(tries) > 1 else ()

        line = await open_text(MemoryWire(second_time))
        assert await line.transact(A, retries=1) == 1
        with pytest.raises(ValueError, match="never repeated"):
            await line.transact(OFF, retries=1)

    async def test_a_caller_that_goes_leaves_no_answer_behind(self, open_text: OpenText) -> None:
        line = await open_text(MemoryWire(lambda frame: ((0.05, f"{frame[0] - 64}\n".encode()),)))
        asking = asyncio.ensure_future(line.transact(A))
        await asyncio.sleep(0.02)
        asking.cancel()
        assert await line.transact(B) == 2

    async def test_a_device_that_streams_is_told_as_such(self, open_text: OpenText) -> None:
        wire = MemoryWire(honest)
        line = await open_text(wire)

        async def stream() -> None:
            while True:
                wire.chatter(b"*7.7E-3\r\n")
                await asyncio.sleep(0.07)

        streaming = asyncio.ensure_future(stream())
        try:
            await asyncio.sleep(0.1)
            for _ in range(3):
                with pytest.raises(WrongReply, match=r"talks unasked.*7\.7E-3.*streaming off"):
                    await line.transact(A)
        finally:
            streaming.cancel()
        await asyncio.sleep(0.5)
        assert await line.transact(A) == 1

    async def test_what_is_not_text_cannot_be_asked(self, open_text: OpenText) -> None:
        line = await open_text(MemoryWire(honest))
        with pytest.raises(ValueError, match="speaks text"):
            await line.transact(ReadHolding(1, 0, 1))
        with pytest.raises(ValueError, match="speaks text"):
            line.worst_time_to_dark_s([WriteCoil(1, 0, False)])
        with pytest.raises(ValueError, match="no address"):
            line.add_unit(2, TIMING)

    async def test_no_line_takes_more_than_it_can_do(self, open_text: OpenText) -> None:
        line = await open_text(MemoryWire(lambda _: ()))
        waiting = [asyncio.ensure_future(line.transact(A)) for _ in range(80)]
        await asyncio.sleep(0.01)
        assert any(one.done() and isinstance(one.exception(), LineSaturated) for one in waiting)
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


class TestEcho:
    pytestmark = virtual

    @pytest.mark.parametrize("query", [A, KORAD.ask("STATUS?", "(.)", lambda m: float(ord(m[1])), Unended(1, 1))])
    async def test_a_line_that_only_echoes_answers_nothing(self, open_text: OpenText, query: TextQuery[float]) -> None:
        line = await open_text(MemoryWire(lambda frame: ((0.0, frame),)))
        with pytest.raises(LineEchoes, match="local_echo"):
            await line.transact(query)
        assert line.state.status is LinkStatus.ECHOING

    async def test_an_echo_of_an_unacknowledged_command_is_found_too(self, open_text: OpenText) -> None:
        line = await open_text(MemoryWire(lambda frame: ((0.002, frame),)))
        await line.transact(SCPI.tell("VOLT 12"))
        await asyncio.sleep(0.1)
        assert line.state.status is LinkStatus.ECHOING

    async def test_off_is_sent_on_an_echoing_line_and_reported_as_not_verified(self, open_text: OpenText) -> None:
        wire = MemoryWire(lambda frame: ((0.0, frame),))
        line = await open_text(wire)
        await outcome(line, A)
        with pytest.raises(LineEchoes, match="sent, not verified"):
            await line.transact(OFF, Priority.STOP)
        assert wire.heard[-1][1] == b"OUTP OFF\n"

    async def test_a_mended_line_comes_back(self, open_text: OpenText) -> None:
        wire = MemoryWire(lambda frame: ((0.0, frame),))
        line = await open_text(wire)
        await outcome(line, A)
        wire.script = honest
        await asyncio.sleep(2.5)
        assert await line.transact(A) == 1

    async def test_a_declared_echo_is_expected(self, open_text: OpenText) -> None:
        wire = MemoryWire(lambda frame: ((0.0, frame), *honest(frame)))
        line = await open_text(wire, local_echo=True)
        assert await line.transact(A) == 1
        await line.transact(OFF)
        assert line.state.is_up
        wire.script = honest
        assert await outcome(line, A) == "WrongReply"
        with pytest.raises(WrongReply, match="heard nothing"):
            await line.transact(OFF)


class TestPauses:
    pytestmark = virtual

    async def test_the_pause_after_a_command_is_kept_by_everybody(self, open_text: OpenText) -> None:
        def korad(frame: bytes) -> Answer:
            return ((0.01, b"\x41"),) if frame.endswith(b"?") else ()

        wire = MemoryWire(korad, char_s=10 / 9600)
        line = await open_text(wire)
        status = KORAD.ask("STATUS?", "(.)", lambda match: ord(match[1]), Unended(1, 1))
        on, off = KORAD.tell("OUT1"), KORAD.tell("OUT0")
        doing = [line.transact(one) for one in (on, status, on)] + [line.transact(off, Priority.STOP)]
        await asyncio.gather(*doing)
        ends = [at + len(frame) * 10 / 9600 for at, frame in wire.sent_at]
        starts = [at for at, _ in wire.sent_at]
        assert all(start - end >= 0.08 - 1e-9 for end, start in zip(ends, starts[1:], strict=False))
        assert len(starts) == 4


class TestStop:
    pytestmark = virtual

    async def test_off_goes_at_once_whatever_is_under_way(self, open_text: OpenText) -> None:
        wire = MemoryWire(lambda _: ())
        line = await open_text(wire)
        waiting = [asyncio.ensure_future(line.transact(query)) for query in (A, B, A)]
        await asyncio.sleep(0.05)
        began = asyncio.get_running_loop().time()
        line.preempt()
        await line.transact(OFF, Priority.STOP)
        at, frame = wire.heard[-1]
        assert frame == b"OUTP OFF\n"
        assert at - began < 0.02
        assert all(isinstance(one, Preempted) for one in await asyncio.gather(*waiting, return_exceptions=True))

    async def test_its_read_back_is_not_answered_by_an_older_question(self, open_text: OpenText) -> None:
        """The answer to A? is "1", which for OUTP? means on; it comes after OFF."""
        wire = MemoryWire(lambda frame: {b"A?\n": ((0.08, b"1\n"),), b"OUTP?\n": ((0.005, b"0\n"),)}.get(frame, ()))
        line = await open_text(wire)
        asking = asyncio.ensure_future(line.transact(A))
        await asyncio.sleep(0.03)
        line.preempt()
        await line.transact(OFF, Priority.STOP)
        assert await line.transact(LIT, Priority.STOP) is False
        await asyncio.gather(asking, return_exceptions=True)

    async def test_an_acknowledgement_that_may_be_an_older_ones_does_not_count(self, open_text: OpenText) -> None:
        """The device loses OFF while it is busy, and acknowledges the command before it. OFF is told again."""
        off, heard = SLC.tell("MODE 1 0"), []

        def busy(frame: bytes) -> Answer:
            heard.append(frame)
            if frame.startswith(b"STROBE"):
                return ((0.09, b"## \r\n"),)
            return () if heard.count(frame) == 1 else ((0.005, b"## \r\n"),)

        line = await open_text(MemoryWire(busy))
        setting = asyncio.ensure_future(line.transact(SLC.tell("STROBE 1 100 0")))
        await asyncio.sleep(0.03)
        line.preempt()
        await line.transact(off, Priority.STOP)
        assert heard.count(off.pdu()) == 2
        await asyncio.gather(setting, return_exceptions=True)

    async def test_no_off_waits_for_anothers_acknowledgement_to_be_certain(self, open_text: OpenText) -> None:
        """Four channels of one device that is silent: all are told within the time their bytes take."""
        wire = MemoryWire(lambda _: ())
        line = await open_text(wire)
        asking = asyncio.ensure_future(line.transact(A))
        await asyncio.sleep(0.03)
        began = asyncio.get_running_loop().time()
        line.preempt()
        offs = [SLC.tell(f"MODE {channel} 0") for channel in (1, 2, 3, 4)]
        stops = [line.transact(off, Priority.STOP) for off in offs]
        await asyncio.gather(asking, *stops, return_exceptions=True)
        told = {frame: at - began for at, frame in reversed(wire.heard)}
        assert max(told[off.pdu()] for off in offs) < 4 * 12 * 10 / 9600

    async def test_light_is_refused_until_the_stop_is_cleared(self, open_text: OpenText) -> None:
        line = await open_text(MemoryWire(honest))
        line.preempt()
        with pytest.raises(Preempted, match="a stop is in force"):
            await line.transact(SCPI.tell("OUTP ON"), Priority.LEASE)
        line.permit_light()
        await line.transact(SCPI.tell("OUTP ON"), Priority.LEASE)

    @pytest.mark.parametrize("moment_s", [0.0, 0.004, 0.01, 0.03, 0.06, 0.09, 0.15, 0.29])
    @pytest.mark.parametrize("silent", [True, False])
    async def test_dark_is_never_later_than_computed(self, open_text: OpenText, moment_s: float, silent: bool) -> None:
        wire = MemoryWire(lambda _: ()) if silent else DuplexWire(honest, char_s=10 / 9600)
        line = await open_text(wire)
        asyncio.ensure_future(outcome(line, value_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:20]))).add_done_callback(str)
        await asyncio.sleep(moment_s)
        began = asyncio.get_running_loop().time()
        line.preempt()
        await asyncio.gather(*(outcome(line, one, Priority.STOP) for one in (OFF, LIT)))  # type: ignore[arg-type]
        obeyed = next(at for at, frame in wire.heard if frame == b"OUTP OFF\n")
        assert obeyed - began <= line.worst_time_to_dark_s([OFF, LIT])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    script=st.lists(
        st.tuples(
            st.sampled_from(["right", "late", "lost", "twice", "junk", "cut", "echo", "noise"]),
            st.floats(0.001, 0.09),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_whatever_a_device_does_no_answer_is_taken_for_another(script: list[tuple[str, float]]) -> None:
    """Every question has a value of its own, so that a slipped answer shows. Only what answers within its longest time may do it."""

    async def run() -> None:
        faults = iter(script)

        def device(frame: bytes) -> Answer:
            fault, latency_s = next(faults, ("right", 0.005))
            right = b"*%d\r\n" % int(frame[2:-2])
            return {
                "right": ((latency_s, right),),
                "late": ((0.11 + latency_s, right),),
                "lost": (),
                "twice": ((latency_s, right), (latency_s, right)),
                "junk": ((latency_s, b"~" + right),),
                "cut": ((latency_s, right[:-2]),),
                "echo": ((0.0, frame[:-1]), (latency_s, right)),
                "noise": ((latency_s, b"\x00" + right),),
            }[fault]

        line = TextLine("wire", MemoryPort(MemoryWire(device).attach), LineTiming.serial(9600))
        line.add_unit(1, TIMING)
        await line.start()
        answered = 0
        try:
            answered = await ask_all(line)
        finally:
            await line.close()
        assert answered >= 2, "the last ones are right, and are heard"

    async def ask_all(line: TextLine) -> int:
        answered = 0
        for number_asked in range(100, 100 + len(script) + 3):
            query = SCPI.ask(f"N {number_asked}?", r"\*([0-9]+)", lambda match: int(match[1]))
            if not line.state.is_up:
                await asyncio.sleep(2.5)
            try:
                assert await line.transact(query) == number_asked
                answered += 1
            except BusError:
                continue
        return answered

    loop = VirtualLoop()
    try:
        loop.run_until_complete(run())
    finally:
        loop.close()


# --- real ports ------------------------------------------------------------------------------------------------------


def instrument(command: bytes) -> bytes:
    return {b"*IDN?": b"ACME,1,2,3\n", b"MEAS:POW?": b"1.25E-3\n", b"OUTP?": b"0\n"}.get(command, b"")


@pytest.mark.anyio
@pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals here")
async def test_over_a_real_terminal() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    loop, buffer = asyncio.get_running_loop(), bytearray()

    def readable() -> None:
        buffer.extend(os.read(master, 4096))
        while b"\n" in buffer:
            command, _, rest = bytes(buffer).partition(b"\n")
            buffer[:] = rest
            answer = instrument(command)
            for at in range(0, len(answer), 3):  # in pieces
                os.write(master, answer[at : at + 3])

    loop.add_reader(master, readable)
    line = TextLine("bench", SerialPort(os.ttyname(slave), 115200), LineTiming.serial(115200))
    unit = Unit(line, 1, PATIENT)
    try:
        await line.start()
        assert await unit.bus.transact(SCPI.ask("MEAS:POW?", NUMBER, number)) == 1.25e-3
        line.preempt()
        await line.transact(OFF, Priority.STOP)
        assert await line.transact(LIT, Priority.STOP) is False
        names = [row["name"] for row in read_as_text(line.recent.after(0, loop.time() + 1))]
        assert names == ["'MEAS:POW?<0a>'", "'1.25E-3<0a>'", "'OUTP OFF<0a>'", "'OUTP?<0a>'", "'0<0a>'"]
    finally:
        await line.close()
        loop.remove_reader(master)
        os.close(master)
        os.close(slave)


@pytest.mark.anyio
async def test_over_a_real_socket_that_goes_away_and_comes_back() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.append(writer)
        while command := await reader.readline():
            writer.write(instrument(command.strip()))
        writer.close()

    clients: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    line = TextLine("lan", TcpPort("127.0.0.1", port), LineTiming.serial(1_000_000))
    line.add_unit(1, PATIENT)
    power = SCPI.ask("MEAS:POW?", NUMBER, number)
    try:
        await line.start()
        assert await line.transact(power) == 1.25e-3
        clients[0].transport.abort()
        await until(lambda: not line.state.is_up)
        await until(lambda: line.state.is_up)
        assert await line.transact(power) == 1.25e-3
    finally:
        await line.close()
        server.close()
        await asyncio.sleep(0.05)
