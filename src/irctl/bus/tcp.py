"""A Modbus TCP connection: several questions under way, each answer matched by its transaction number.

A late answer carries the number of a question nobody waits for any more and is dropped, so no silence is needed, and a stop is sent
at once whatever is under way. No start-up echo test: behind a gateway an unused address would block its serial side. An echo shows
at the first read, and no write counts until it is read back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from irctl.bus.bus import UP, LineState, Priority, Trace, UnitTiming
from irctl.bus.errors import BusError, LineEchoes, NoReply, WrongReply
from irctl.bus.modbus import AnyModbus, ModbusRequest, TcpDecoder, TcpReply, tcp_frame
from irctl.bus.owner import Job, LineOwner
from irctl.bus.port import Port
from irctl.bus.request import AnyRequest, Speech

OUTSTANDING_MAX = 1
"""Questions under way at once. Many devices take several, but some lose one of two that arrive together (pymodbus 3.16's server
answers only the last), and one at a time is fast enough; so more is a choice."""
TRANSACTIONS = 1 << 16


@dataclass(frozen=True, slots=True)
class _Outstanding:
    job: Job[AnyModbus]
    timer: asyncio.TimerHandle
    sent_at: float


class TcpLine(LineOwner[AnyModbus]):
    """The owner of one Modbus TCP connection. See `Bus` for the verbs."""

    speaks: Speech = "modbus"
    _asked = ModbusRequest

    def __init__(
        self, name: str, port: Port, *, outstanding_max: int = OUTSTANDING_MAX, trace: Trace | None = None
    ) -> None:
        super().__init__(name, port, trace)
        self._outstanding_max = outstanding_max
        self._units: dict[int, UnitTiming] = {}
        self._outstanding: dict[int, _Outstanding] = {}
        self._decoder = TcpDecoder()
        self._transaction = 0

    def add_unit(self, unit: int, timing: UnitTiming) -> None:
        """Announce a unit; announced twice, the longer times hold. 255 is the usual address of a device that is its own."""
        if not 1 <= unit <= 255:
            raise ValueError(f"line {self.name}: unit {unit} must be 1 to 255")
        self._units[unit] = self._units.get(unit, timing).or_slower(timing)

    def worst_time_to_dark_s(self, off_frames: Sequence[AnyRequest]) -> float:
        """Seconds from `preempt` until the last of `off_frames`, queued together, has been obeyed.

        One longest time-out for each round of `outstanding_max` stops, as if no unit acknowledged, and the slowest unit's
        longest answer time for the last. Not counted: the network, and the serial side of a gateway.
        """
        timings = [self._timing(request.unit) for request in self._spoken_here(off_frames)]
        rounds_before = (len(timings) - 1) // self._outstanding_max
        timeout_s = max((timing.timeout_s for timing in timings), default=0.0)
        return max(0, rounds_before) * timeout_s + max((timing.reply_max_s for timing in timings), default=0.0)

    def _check_usable(self, request: AnyModbus, priority: Priority) -> None:
        if request.is_broadcast:
            raise ValueError(f"line {self.name}: no broadcast over TCP, where unit 0 means the gateway itself")
        super()._check_usable(request, priority)

    def _timing(self, unit: int) -> UnitTiming:
        return self._units.get(unit, UnitTiming())

    async def _greet(self) -> LineState:
        self._decoder = TcpDecoder()
        return UP

    async def _serve(self) -> None:
        while True:
            while (job := self._next_job()) is not None:
                self._send(job)
            await self._pause_until()

    def _next_job(self) -> Job[AnyModbus] | None:
        """The next job that may go now. A stop waits for nothing but other stops."""
        stops = sum(outstanding.job.is_stop for outstanding in self._outstanding.values())
        for priority, queue in self._queues.items():
            under_way = stops if priority is Priority.STOP else len(self._outstanding)
            while queue and under_way < self._outstanding_max:
                job = queue.popleft()
                if not job.done.done():  # else its caller has gone
                    return job
        return None

    def _send(self, job: Job[AnyModbus]) -> None:
        request = job.request
        while (number := self._transaction) in self._outstanding:
            self._transaction = (number + 1) % TRANSACTIONS
        self._transaction = (number + 1) % TRANSACTIONS
        now = self._loop.time()
        due = now + self._timing(request.unit).timeout_s
        self._outstanding[number] = _Outstanding(job, self._loop.call_at(due, self._expire, number), now)
        self._write(tcp_frame(number, request.unit, request.pdu()))

    def _expire(self, number: int) -> None:
        request = self._outstanding[number].job.request
        timeout_s = self._timing(request.unit).timeout_s
        error = NoReply(self.name, request.unit, f"no answer to {request} within {timeout_s:g} s")
        self._finish(number, error=error)

    def _finish(self, number: int, value: object = None, error: BusError | None = None) -> None:
        outstanding = self._outstanding.pop(number)
        outstanding.timer.cancel()
        self.stats.busy_s += self._loop.time() - outstanding.sent_at
        self._settle(outstanding.job, value, error)
        self._poke()

    def _received(self, data: bytes) -> None:
        try:
            replies = self._decoder.feed(data)
        except ValueError as why:
            self._on_lost(
                f"{self._port.name} answers, but {why}; check that the device or gateway is set to Modbus TCP"
            )
            return
        for reply in replies:
            if reply.transaction in self._outstanding:
                self._answered(reply)
            else:
                self.stats.stray_bytes += len(reply.pdu)

    def _answered(self, reply: TcpReply) -> None:
        request = self._outstanding[reply.transaction].job.request
        try:
            if reply.unit != request.unit:
                raise WrongReply(self.name, request.unit, f"asked {request}: unit {reply.unit} answered")
            if not request.is_write and reply.pdu == request.pdu():
                reason = f"{self._port.name} returns our own bytes: it is not a Modbus TCP device"
                self._on_lost(reason)
                raise LineEchoes(self.name, request.unit, reason, "Check the address and the port number.")
            self._finish(reply.transaction, value=request.parse(reply.pdu, self.name))
        except BusError as error:
            self._finish(reply.transaction, error=error)

    def _preempt_current(self) -> None:
        for number, outstanding in list(self._outstanding.items()):
            if not outstanding.job.is_stop:
                self._finish(number, error=self._preempted(outstanding.job))

    def _current(self) -> list[Job[AnyModbus]]:
        jobs = [outstanding.job for outstanding in self._outstanding.values()]
        for outstanding in self._outstanding.values():
            outstanding.timer.cancel()
        self._outstanding.clear()
        return jobs
