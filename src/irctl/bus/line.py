"""A half-duplex RTU line: one question at a time, and no answer is ever taken for another's.

What goes wrong on such lines, and what is done here:
- A late answer meets the next question: after a failed question the line is silent until the unit's longest answer time.
- An answer of the wrong unit, function, count, address or value: refused (`modbus`), then silence.
- A line that returns our own bytes would "acknowledge" every write: tested with an unused address after every connect.
- A caller that goes away: its question is finished by the owner and the answer dropped.
- A stop: goes at the first moment that does not spoil it, and never waits for a silent unit (`preempt`).

Half-duplex is physical. An OFF sent while a unit still answers collides with the answer and is lost; so a prompt unit's answer is
awaited, a slow or dead unit's is not, and the caller repeats OFF until it has read it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from irctl.bus.bus import (
    UP,
    Bus,
    LineState,
    LinkStatus,
    Priority,
    Trace,
    UnitTiming,
)
from irctl.bus.errors import BusError, ExceptionReply, LineEchoes, NoReply, PortLost, WrongReply
from irctl.bus.modbus import RTU_OVERHEAD, AnyModbus, ModbusRequest, ReadHolding, RtuDecoder, rtu_frame
from irctl.bus.owner import Job, LineOwner
from irctl.bus.port import Port
from irctl.bus.request import AnyRequest, Speech
from irctl.bus.timing import LineTiming

__all__ = ["Bus", "Line", "LineState", "LinkStatus", "Priority", "UnitTiming"]

BROADCAST_TURNAROUND_S = 0.1
"""Quiet time after a broadcast; the specification says 100 to 200 ms [unverified here], some supplies promise 100 ms."""
PROMPT_S = 0.03
"""A unit that usually answers within this is awaited even by a stop: its answer costs less than a spoiled OFF."""
PROMPT_FLOOR_S = 0.005
"""Twice a measured latency near zero would leave no room for a busy computer."""
GAP_MAX_S = 0.05
"""Longest pause inside an answer: USB adapters hand over bytes every 16 ms by default, slow devices pause up to 30 ms."""
GAP_STOP_S = 0.02
"""The same while a stop waits: one adapter period."""
PROBE_S = 0.05
"""How long the echo test listens; an echo comes back with the last byte sent."""
RETEST_S = 2.0
"""How often an echoing line is tested again."""


@dataclass(slots=True)
class _UnitState:
    timing: UnitTiming
    silent_until: float = -inf
    rested_at: float = -inf
    usual_s: float | None = 0.0
    """Decaying maximum of its recent answer times; None when it did not answer its last question. Prompt until proven otherwise."""

    def answered_in(self, latency_s: float) -> None:
        self.usual_s = latency_s if self.usual_s is None else max(latency_s, 0.9 * self.usual_s + 0.1 * latency_s)


class Line(LineOwner[AnyModbus]):
    """The owner of one RTU line. See `Bus` for the verbs."""

    speaks: Speech = "modbus"
    _asked = ModbusRequest

    def __init__(
        self,
        name: str,
        port: Port,
        timing: LineTiming,
        *,
        local_echo: bool = False,
        broadcast_turnaround_s: float = BROADCAST_TURNAROUND_S,
        frame_bytes_max: int = 32,
        trace: Trace | None = None,
    ) -> None:
        """`local_echo`: the adapter returns our own bytes; they are expected and removed.

        `frame_bytes_max`: the longest frame in regular use on this line, for `worst_time_to_dark_s`.
        """
        super().__init__(name, port, trace)
        self.timing = timing
        self._local_echo = local_echo
        self._broadcast_turnaround_s = broadcast_turnaround_s
        self._frame_bytes_max = frame_bytes_max
        self._units: dict[int, _UnitState] = {}
        self._job: Job[AnyModbus] | None = None
        self._listening = False
        self._rx = bytearray()
        self._giving_up = False
        # Instants of the loop's clock, seconds:
        self._quiet_at = -inf  # the last byte, in either direction
        self._rx_at = -inf  # the last byte received
        self._silent_until = -inf  # the latest of the units' silences
        self._turnaround_until = -inf
        self._retest_at = -inf

    def add_unit(self, unit: int, timing: UnitTiming) -> None:
        """Announce a unit on this line; announced twice, the longer times hold. Raises ValueError for 0 (broadcast)."""
        if not 1 <= unit <= 255:
            raise ValueError(f"line {self.name}: unit {unit} must be 1 to 255")
        known = self._units.setdefault(unit, _UnitState(timing))
        known.timing = known.timing.or_slower(timing)

    def worst_time_to_dark_s(self, off_frames: Sequence[AnyRequest]) -> float:
        """Seconds from `preempt` until the last of `off_frames`, queued together, has been obeyed.

        unfinished business   longest request + longest time-out + longest answer (an answer under way is never cut)
        + for every OFF       t3.5 + request + (addressed: time-out + answer), as if no unit acknowledged
        + one OFF again       when a slow unit's late answer may have spoiled it (any unit with reply_max_s > timeout_s)
        + quiet               gap_s of its unit before every OFF
        + late obedience      the longest reply_max_s - timeout_s among the units to be darkened

        Not counted: a line that is down or reconnecting, and a caller that does not queue its OFFs together.
        """
        timing = self.timing
        frame_s = timing.frame_s(self._frame_bytes_max)
        unfinished_s = max((2 * frame_s + u.timing.timeout_s for u in self._units.values()), default=0.0)
        offs = self._spoken_here(off_frames)
        offs_s = [self._off_s(request) for request in offs]
        addressed = [self._unit(request.unit).timing for request in offs if not request.is_broadcast]
        late_s = max((t.reply_max_s - t.timeout_s for t in addressed), default=0.0)
        may_spoil = any(u.timing.reply_max_s > u.timing.timeout_s for u in self._units.values())
        again_s = max(offs_s, default=0.0) if may_spoil else 0.0
        gaps_s = sum(self._gap_s(request) for request in offs)
        return unfinished_s + sum(offs_s) + again_s + late_s + gaps_s

    def _gap_s(self, request: AnyModbus) -> float:
        if request.is_broadcast:
            return max((unit.timing.gap_s for unit in self._units.values()), default=0.0)
        return self._unit(request.unit).timing.gap_s

    def _off_s(self, request: AnyModbus) -> float:
        request_s = self.timing.t35_s + self.timing.frame_s(len(request.pdu()) + RTU_OVERHEAD)
        if request.is_broadcast:
            return request_s
        reply_s = self.timing.frame_s(request.reply_pdu_length + RTU_OVERHEAD)
        return request_s + self._unit(request.unit).timing.timeout_s + reply_s

    # --- choosing --------------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        while True:
            if self._state.status is LinkStatus.ECHOING and self._reached(self._retest_at):
                self._set_state(await self._greet())
            job, ready_at = self._choose(self._ready_at)
            if job is not None and self._reached(ready_at):
                self._queues[job.priority].remove(job)
                await self._exchange(job)
            elif self._state.status is LinkStatus.ECHOING:
                await self._pause_until(min(ready_at, self._retest_at))
            else:
                await self._pause_until(ready_at)

    def _ready_at(self, job: Job[AnyModbus]) -> float:
        """When this job's first byte may go out.

        A stop's write keeps only t3.5: an OFF is safe to send into another's silence. A stop's read-back also waits until its own
        unit can no longer answer an older question; other units' late answers carry another address.
        """
        ready_at = max(self._quiet_at + self.timing.t35_s, self._rested_at(job.request))
        if not job.is_stop:
            return max(ready_at, self._turnaround_until, self._silent_until)
        if job.request.is_write:
            return ready_at
        return max(ready_at, self._turnaround_until, self._unit(job.request.unit).silent_until)

    def _rested_at(self, request: AnyModbus) -> float:
        """When the units that it is for have had the quiet they need."""
        if request.is_broadcast:
            return max((unit.rested_at for unit in self._units.values()), default=-inf)
        return self._unit(request.unit).rested_at

    def _unit(self, unit: int) -> _UnitState:
        if (found := self._units.get(unit)) is None:
            found = self._units[unit] = _UnitState(UnitTiming())
        return found

    # --- one transaction -------------------------------------------------------------------------------------------------

    async def _exchange(self, job: Job[AnyModbus]) -> None:
        self._job, self._giving_up = job, False
        request, began_at = job.request, self._loop.time()
        frame = rtu_frame(request.unit, request.pdu())
        try:
            sent_at = self._send(frame)
            if self._state.status is LinkStatus.ECHOING:
                await self._listen_until(sent_at)
                raise LineEchoes(self.name, request.unit, f"{request} sent, not verified: {self._state.reason}")
            if request.is_broadcast:
                await self._broadcast(job, frame, sent_at)
            else:
                self._finish(value=await self._answer(job, frame, sent_at))
        except BusError as error:
            self._finish(error=error)
        finally:
            self._listening = False
            self.stats.busy_s += self._loop.time() - began_at

    def _send(self, frame: bytes) -> float:
        """Start sending; the instant its last byte will be out (writing returns long before)."""
        self._rx.clear()
        self._listening = True
        self._write(frame)
        self._quiet_at = self._loop.time() + self.timing.frame_s(len(frame))
        return self._quiet_at

    async def _broadcast(self, job: Job[AnyModbus], frame: bytes, sent_at: float) -> None:
        """Nobody answers. An ordinary caller gets control back after the turn-around, a stop as soon as the frame is out."""
        await self._listen_until(sent_at)
        if self._local_echo:
            await self._own_echo(job.request, frame, sent_at)
        self._turnaround_until = sent_at + self._broadcast_turnaround_s
        if job.is_stop:
            self._finish()
        else:
            self._job = None
            self._loop.call_at(self._turnaround_until, self._settle, job)

    async def _answer(self, job: Job[AnyModbus], frame: bytes, sent_at: float) -> object:
        """Wait for the right answer. Raises BusError; then the unit's silence is set, except when it answered properly."""
        request, unit = job.request, self._unit(job.request.unit)
        breaks_silence = self._loop.time() < self._silent_until
        try:
            if self._local_echo:
                await self._own_echo(request, frame, sent_at)
            pdu = await self._frame_for(job, frame, sent_at, breaks_silence)
            value = request.parse(pdu, self.name)
        except ExceptionReply:
            self._heard(unit, sent_at, RTU_OVERHEAD + 2)
            raise
        except BusError:
            unit.usual_s = None
            unit.silent_until = sent_at + unit.timing.reply_max_s
            self._silent_until = max(self._silent_until, unit.silent_until)
            raise
        self._heard(unit, sent_at, request.reply_pdu_length + RTU_OVERHEAD)
        return value

    def _heard(self, unit: _UnitState, sent_at: float, byte_count: int) -> None:
        # The answer proves that our frame was out by then, whatever the baud rate says (a pseudo-terminal has none).
        self._quiet_at = self._rx_at
        unit.rested_at = self._rx_at + unit.timing.gap_s
        unit.answered_in(max(0.0, self._rx_at - sent_at - self.timing.frame_s(byte_count)))

    async def _frame_for(self, job: Job[AnyModbus], frame: bytes, sent_at: float, breaks_silence: bool) -> bytes:
        """The PDU that answers `job`. Raises NoReply, WrongReply, LineEchoes, Preempted."""
        request, timing = job.request, self.timing
        unit = self._unit(request.unit)
        decoder = RtuDecoder(request, self.name, skip_foreign=breaks_silence)
        # Until the last byte: a driver or a memory wire may hand over the whole answer at once.
        deadline = sent_at + unit.timing.timeout_s + timing.frame_s(decoder.length)
        latest = sent_at + unit.timing.reply_max_s + timing.frame_s(decoder.length) + GAP_MAX_S
        while True:
            if self._rx:
                chunk = bytes(self._rx)
                self._rx.clear()
                if not self._local_echo:
                    self._check_no_echo(request, frame, decoder.received + chunk)
                if (pdu := decoder.feed(chunk)) is not None:
                    return pdu
                expected_at = self._rx_at + timing.frame_s(decoder.missing) + GAP_MAX_S
                deadline = min(max(deadline, expected_at), latest)
            until = deadline
            giving_up = self._giving_up or self._holds_up_a_stop(job, unit)
            if giving_up:
                until = min(deadline, self._give_up_at(unit, decoder, sent_at))
            if self._reached(until):
                break
            await self._pause_until(until)
        if giving_up and until < deadline:
            raise self._preempted(job)
        if decoder.received:
            raise decoder.wrong()
        raise NoReply(self.name, request.unit, f"no answer to {request} within {unit.timing.timeout_s:g} s")

    def _holds_up_a_stop(self, job: Job[AnyModbus], unit: _UnitState) -> bool:
        """Whether `job` is an OFF to a unit that did not answer last time either, while other units have still to be told."""
        silent = job.is_stop and unit.usual_s is None
        return silent and any(not other.done.done() for other in self._queues[Priority.STOP])

    def _give_up_at(self, unit: _UnitState, decoder: RtuDecoder, sent_at: float) -> float:
        """When a stop need not wait any longer for this answer: the first moment that does not spoil the OFF."""
        if decoder.received:
            return self._rx_at + self.timing.frame_s(decoder.missing) + GAP_STOP_S
        if unit.usual_s is not None and unit.usual_s <= PROMPT_S:
            return sent_at + 2 * max(unit.usual_s, PROMPT_FLOOR_S) + self.timing.frame_s(decoder.length)
        return sent_at

    def _check_no_echo(self, request: AnyModbus, frame: bytes, received: bytes) -> None:
        """Catch an echo that began after the test: only where a right answer cannot look like the question."""
        same_shape = request.is_write and request.reply_pdu_length + RTU_OVERHEAD == len(frame)
        if not same_shape and received.startswith(frame):
            self._set_state(self._echoing())
            raise LineEchoes(self.name, request.unit, self._state.reason)

    async def _own_echo(self, request: AnyModbus, frame: bytes, sent_at: float) -> None:
        """Take our own bytes off the line. Raises WrongReply when they do not come back, or come back changed."""
        await self._listen_until(sent_at + GAP_MAX_S, len(frame))
        if not self._rx.startswith(frame):
            got = bytes(self._rx[: len(frame)]).hex(" ") or "nothing"
            raise WrongReply(
                self.name,
                request.unit,
                f"sent {frame.hex(' ')}, heard {got}",
                "The line is set to `local_echo = true`: check the adapter, or for a short circuit or a collision.",
            )
        del self._rx[: len(frame)]

    def _finish(self, value: object = None, error: BusError | None = None) -> None:
        job, self._job = self._job, None
        assert job is not None
        self._settle(job, value, error)

    # --- echo test -------------------------------------------------------------------------------------------------------

    async def _greet(self) -> LineState:
        """Ask a unit that does not exist: silence is right, our own bytes are an echo. Raises PortLost."""
        self._quiet_at = max(self._quiet_at, self._loop.time())
        while not self._reached(self._quiet_at + self.timing.t35_s):
            await self._pause_until(self._quiet_at + self.timing.t35_s)
        unit = max(set(range(1, 248)) - self._units.keys())
        request = ReadHolding(unit, 0, 1)
        frame = rtu_frame(unit, request.pdu())
        try:
            sent_at = self._send(frame)
            await self._listen_until(sent_at + PROBE_S, len(frame))
        finally:
            self._listening = False
        if self._rx.startswith(frame):
            return UP if self._local_echo else self._echoing()
        if self._local_echo:
            raise PortLost(
                f"{self._port.name}: `local_echo = true`, but nothing comes back; remove it or check the adapter"
            )
        if self._rx:
            self._note_once(f"unit {unit} is not configured, but something answered it: {self._rx.hex(' ')}")
        return UP

    def _echoing(self) -> LineState:
        self._retest_at = self._loop.time() + RETEST_S
        return LineState(LinkStatus.ECHOING, "the line returns our own bytes, so nothing can be verified")

    # --- hooks of the owner ----------------------------------------------------------------------------------------------

    async def _listen_until(self, when: float, enough: float = inf) -> None:
        """Until `when`, or until `enough` bytes have come. Raises PortLost."""
        while len(self._rx) < enough and not self._reached(when):
            await self._pause_until(when)

    def _received(self, data: bytes) -> None:
        self._rx_at = self._loop.time()
        self._quiet_at = max(self._quiet_at, self._rx_at)
        if self._listening:
            self._rx += data
            self._poke()
        else:
            self.stats.stray_bytes += len(data)

    def _preempt_current(self) -> None:
        self._giving_up = self._job is not None and not self._job.is_stop

    def _current(self) -> list[Job[AnyModbus]]:
        job, self._job = self._job, None
        return [job] if job is not None else []
