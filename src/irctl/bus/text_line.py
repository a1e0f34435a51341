"""A line of text: one device, one question at a time, and no answer is ever taken for another's. Serial or a raw socket.

What goes wrong on such lines, and what is done here:
- An answer names neither its question nor its sender. After a failed question, and after bytes that nobody asked for, the line is
  silent for the device's longest answer time; what comes meanwhile is dropped.
- A line that returns our own bytes would "acknowledge" whatever is acknowledged by a copy: our own command is never an answer.
- A device that streams talks into every answer: questions fail, saying so, until it is told to be quiet.
- A device that needs a pause after each command loses the next one without it: the pause is kept, by a stop too.
- A stop: a command (OFF) goes out at once, whatever is under way. An answer that may be an older one's does not count for it: then
  it is told again when the line is known to be quiet.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from irctl.bus.bus import UP, LineState, LinkStatus, Priority, Trace, UnitTiming
from irctl.bus.errors import BusError, ExceptionReply, LineEchoes, NoReply, WrongReply
from irctl.bus.owner import Job, LineOwner
from irctl.bus.port import Port
from irctl.bus.request import AnyRequest, Speech
from irctl.bus.text import COMMAND_MAX, ONLY_UNIT, AnyText, TextDecoder, TextRequest, Unended, shown, unprintable
from irctl.bus.timing import LineTiming

QUIET_S = 0.05
"""Longest pause inside an answer: USB adapters hand over bytes every 16 ms by default, slow devices pause up to 30 ms."""
STREAM_S = 1.0
"""A device that has talked unasked for this long streams: who waits for it to be quiet is told so."""
STRAYS_KEPT = 256
NOISE = b"\0\xff\r\n"
RETEST_S = 2.0
"""How often an echoing line is tried again."""


class TextLine(LineOwner[AnyText]):
    """The owner of one line of text. See `Bus` for the verbs."""

    speaks: Speech = "text"
    _asked = TextRequest

    def __init__(
        self, name: str, port: Port, timing: LineTiming, *, local_echo: bool = False, trace: Trace | None = None
    ) -> None:
        """`local_echo`: the adapter returns our own bytes; they are expected and removed."""
        super().__init__(name, port, trace)
        self.timing = timing
        self._local_echo = local_echo
        self._device: UnitTiming | None = None
        self._job: Job[AnyText] | None = None
        self._last: AnyText | None = None
        self._listening = False
        self._rx = bytearray()
        self._strays = bytearray()
        self._giving_up = False
        # Instants of the loop's clock, seconds:
        self._rx_at = -inf
        self._free_at = -inf  # our last command is out and its pause is over
        self._silent_until = -inf
        self._stray_since = inf
        self._retest_at = -inf

    def add_unit(self, unit: int, timing: UnitTiming) -> None:
        """Announce the device; announced twice, the longer times hold. Raises ValueError for an address."""
        if unit != ONLY_UNIT:
            raise ValueError(f"line {self.name}: unit {unit}: a line of text has one device, which has no address")
        self._device = timing if self._device is None else self._device.or_slower(timing)

    @property
    def _patience(self) -> UnitTiming:
        return self._device or UnitTiming()

    def worst_time_to_dark_s(self, off_frames: Sequence[AnyRequest]) -> float:
        """Seconds from `preempt` until the last of `off_frames`, queued together, has been obeyed.

        unfinished business   the longest command, and the pause after it
        + for every OFF       its bytes and pause + (answered: time-out + longest answer)
        + silence and one OFF again   when the device was still busy with an older question and lost it

        Not counted: a line that is down or reconnecting, and the network before a device server.
        """
        offs = self._spoken_here(off_frames)
        if not offs:
            return 0.0
        offs_s = [self._off_s(request) for request in offs]
        under_way_s = self.timing.frame_s(COMMAND_MAX) + max(request.dialect.gap_s for request in offs)
        return under_way_s + sum(offs_s) + self._patience.reply_max_s + max(offs_s)

    def _off_s(self, request: AnyText) -> float:
        told_s = self.timing.frame_s(len(request.pdu())) + request.dialect.gap_s
        if request.answer is None:
            return told_s
        return told_s + self._patience.timeout_s + self.timing.frame_s(request.answer.longest)

    # --- choosing --------------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        while True:
            echoing = self._state.status is LinkStatus.ECHOING
            if echoing and self._reached(self._retest_at):
                self._set_state(UP)  # there is nothing harmless to try it with: the next question will show
                continue
            job, ready_at = self._choose(self._ready_at)
            streams_at = self._stray_since + STREAM_S
            if job is not None and self._reached(ready_at):
                self._queues[job.priority].remove(job)
                await self._exchange(job)
            elif job is not None and self._reached(streams_at):
                self._queues[job.priority].remove(job)
                self._settle(job, error=self._streams(job.request))
            else:
                await self._pause_until(min(ready_at, streams_at if job else inf, self._retest_at if echoing else inf))

    def _ready_at(self, job: Job[AnyText]) -> float:
        """When this job's first byte may go out. A stop's command keeps only the device's pause."""
        if job.is_stop and job.request.is_write:
            return self._free_at
        return max(self._free_at, self._silent_until)

    def _streams(self, request: AnyText) -> WrongReply:
        return WrongReply(
            self.name,
            request.unit,
            f"{request} not asked: the device talks unasked: {shown(bytes(self._strays[-32:]))}",
            "Switch its streaming off, or check for a second program on this line.",
        )

    # --- one transaction -------------------------------------------------------------------------------------------------

    async def _exchange(self, job: Job[AnyText]) -> None:
        self._job, self._giving_up = job, False
        began_at = self._loop.time()
        try:
            self._finish(value=await self._converse(job))
        except BusError as error:
            self._finish(error=error)
        finally:
            self._listening = False
            self.stats.busy_s += self._loop.time() - began_at

    async def _converse(self, job: Job[AnyText]) -> object:
        request = job.request
        if self._state.status is LinkStatus.ECHOING:
            await self._listen_until(self._send(request))
            raise LineEchoes(self.name, request.unit, f"{request} sent, not verified: {self._state.reason}")
        if request.answer is None:
            await self._told(request)
            return request.parse(b"", self.name)
        if job.is_stop and request.is_write and not self._reached(self._silent_until):
            await self._told_at_once(job)
        return await self._answered(job, self._send(request))

    async def _told_at_once(self, job: Job[AnyText]) -> None:
        """Every OFF that waits goes out now: it is obeyed as soon as it is heard. What is answered before the silence is over may
        answer something older, so it is not listened to, and each is told again."""
        for stop in (job, *self._queues[Priority.STOP]):
            if stop.request.is_write:
                await self._listen_until(self._free_at)
                self._send(stop.request)
        await self._listen_until(max(self._free_at, self._silent_until))

    def _send(self, request: AnyText) -> float:
        """Start sending; the instant its last byte will be out (writing returns long before)."""
        self._rx.clear()
        self._strays.clear()
        self._stray_since = inf
        self._last = request
        self._listening = True
        self._write(request.pdu())
        sent_at = self._loop.time() + self.timing.frame_s(len(request.pdu()))
        self._free_at = sent_at + request.dialect.gap_s
        return sent_at

    async def _told(self, request: AnyText) -> None:
        """A command that nobody acknowledges is out. Raises LineEchoes, WrongReply."""
        sent_at, frame = self._send(request), request.pdu()
        if not self._local_echo:
            await self._listen_until(sent_at)
            if self._rx:
                self._stray(bytes(self._rx))
            return
        await self._listen_until(sent_at + QUIET_S, len(frame))
        if not self._rx.startswith(frame):
            raise WrongReply(
                self.name,
                request.unit,
                f"sent {request}, heard {shown(bytes(self._rx)) if self._rx else 'nothing'}",
                "The line is set to `local_echo = true`: check the adapter, or for a short circuit or a collision.",
            )

    async def _answered(self, job: Job[AnyText], sent_at: float) -> object:
        """Wait for the right answer. Raises BusError; then the line falls silent, except when the device answered properly."""
        try:
            answer = await self._answer_to(job, sent_at)
            value = job.request.parse(answer, self.name)
        except ExceptionReply:
            self._heard(job.request, sent_at)
            raise
        except BusError:
            self._silent_until = max(self._silent_until, sent_at + self._patience.reply_max_s)
            raise
        self._heard(job.request, sent_at)
        return value

    def _heard(self, request: AnyText, sent_at: float) -> None:
        # The answer proves that our command was out by then, whatever the baud rate says (a pseudo-terminal has none).
        self._free_at = max(min(sent_at, self._rx_at) + request.dialect.gap_s, self._rx_at)

    async def _answer_to(self, job: Job[AnyText], sent_at: float) -> bytes:
        """The answer's bytes. Raises NoReply, WrongReply, LineEchoes, Preempted."""
        request, patience = job.request, self._patience
        assert request.answer is not None
        decoder = TextDecoder(request, self.name, self._local_echo)
        # Until the last byte: a driver or a memory wire may hand over the whole answer at once.
        longest_s = self.timing.frame_s(request.answer.longest + (len(request.pdu()) if self._local_echo else 0))
        deadline = sent_at + patience.timeout_s + longest_s
        latest = sent_at + patience.reply_max_s + longest_s + QUIET_S
        while True:
            if self._rx:
                chunk = bytes(self._rx)
                self._rx.clear()
                if (answer := decoder.feed(chunk)) is not None:
                    return answer
                if decoder.echoed:
                    raise self._found_echoing(request)
                quiet_at = self._rx_at + QUIET_S
                by_quiet = decoder.held or isinstance(request.answer, Unended)
                deadline = min(quiet_at if by_quiet else max(deadline, quiet_at), latest)
            if self._giving_up:
                raise self._preempted(job)
            if self._reached(deadline):
                break
            await self._pause_until(deadline)
        if decoder.received:
            return decoder.at_quiet()
        raise NoReply(
            self.name,
            request.unit,
            f"no answer to {request} within {patience.timeout_s:g} s",
            "Check the device's power and cable, baud rate and format, and that its remote interface is on.",
        )

    def _found_echoing(self, request: AnyText) -> LineEchoes:
        self._retest_at = self._loop.time() + RETEST_S
        self._set_state(LineState(LinkStatus.ECHOING, "the line returns our own bytes, so nothing can be verified"))
        return LineEchoes(self.name, request.unit, self._state.reason)

    def _finish(self, value: object = None, error: BusError | None = None) -> None:
        job, self._job = self._job, None
        assert job is not None
        self._settle(job, value, error)

    # --- what nobody asked for -------------------------------------------------------------------------------------------

    def _stray(self, data: bytes) -> None:
        """Bytes that answer nothing: an echo of a command, an answer said twice or too late, or a device that streams."""
        self.stats.stray_bytes += len(data)
        self._strays += data
        del self._strays[:-STRAYS_KEPT]
        if unprintable(self._strays):
            return
        now = self._loop.time()
        last = self._last
        may_echo = last is None or self._local_echo or last.dialect.may_echo
        if last and not may_echo and self._state.is_up and self._strays.lstrip(NOISE).startswith(last.text.encode()):
            self._found_echoing(last)
        self._silent_until = max(self._silent_until, now + self._patience.reply_max_s)
        self._stray_since = min(self._stray_since, now)
        self._note_once("bytes came that answer nothing; the line waits for quiet after them")
        self._poke()

    # --- hooks of the owner ----------------------------------------------------------------------------------------------

    async def _greet(self) -> LineState:
        """Whoever had the line before may still be owed an answer: no question before that can have come."""
        self._silent_until = max(self._silent_until, self._loop.time() + self._patience.reply_max_s)
        self._stray_since = inf
        return UP

    async def _listen_until(self, when: float, enough: float = inf) -> None:
        """Until `when`, or until `enough` bytes have come. Raises PortLost."""
        while len(self._rx) < enough and not self._reached(when):
            await self._pause_until(when)

    def _received(self, data: bytes) -> None:
        self._rx_at = self._loop.time()
        if self._listening:
            self._rx += data
            self._poke()
        else:
            self._stray(data)

    def _preempt_current(self) -> None:
        self._giving_up = self._job is not None and not self._job.is_stop

    def _current(self) -> list[Job[AnyText]]:
        job, self._job = self._job, None
        return [job] if job is not None else []
