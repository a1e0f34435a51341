"""What serial and network lines share: one task that owns the port, a queue by priority, and the line's state."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import Any, Generic, TypeVar

from irctl.bus.bus import QUEUE_MAX, LineState, LinkStatus, Priority, StateListener, Trace, UnitTiming
from irctl.bus.errors import (
    BusError,
    LineDown,
    LineEchoes,
    LineSaturated,
    NoReply,
    PortLost,
    Preempted,
    WrongReply,
)
from irctl.bus.port import Port
from irctl.bus.recent import RecentFrames
from irctl.bus.request import AnyRequest, Request, Speech
from irctl.bus.stats import LineStats

T = TypeVar("T")
R = TypeVar("R", bound=AnyRequest)
"""What can be asked on the line."""

log = logging.getLogger(__name__)

BACKOFF_MIN_S = 0.2
BACKOFF_MAX_S = 2.0
CLOCK_STEP_S = 1e-6
"""Timers may fire this much early; without the allowance a wait would be repeated for nothing."""


@dataclass(eq=False, slots=True)
class Job(Generic[R]):
    """One request on its way. `done` is cancelled when the caller goes."""

    request: R
    priority: Priority
    done: asyncio.Future[Any]
    asked_at: float

    @property
    def is_stop(self) -> bool:
        return self.priority is Priority.STOP


class LineOwner(ABC, Generic[R]):
    """Keeps one port open and hands it one job after another. Lines differ in how they serve a job."""

    speaks: Speech
    _asked: type[R]
    """Nothing else may be asked here."""

    def __init__(self, name: str, port: Port, trace: Trace | None = None) -> None:
        self.name = name
        self.stats = LineStats()
        self.recent = RecentFrames()
        self.on_state: list[StateListener] = []
        self.trace = trace
        self._port = port
        self._state = LineState(LinkStatus.DOWN, "not started")
        self._queues: dict[Priority, deque[Job[R]]] = {priority: deque() for priority in Priority}
        self._task: asyncio.Task[None] | None = None
        self._lost: str | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._poked = False
        self._light_permitted = True

    @property
    def state(self) -> LineState:
        return self._state

    # --- for callers -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the port and keep it open; returns after the first attempt, up or down."""
        if self._task is not None:
            raise RuntimeError(f"line {self.name} is already started")
        self._loop = asyncio.get_running_loop()
        attempted = asyncio.Event()
        self._task = asyncio.create_task(self._own(attempted), name=f"line {self.name}")
        await attempted.wait()

    async def close(self) -> None:
        """Give the port back. Whatever waits fails with LineDown."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))
        self._go_down("closed")
        await self._port.close()

    async def transact(self, request: Request[T], priority: Priority = Priority.POLL, retries: int = 0) -> T:
        """Ask, and return what the checked answer means. See `Bus.transact`."""
        if retries and request.is_write:
            raise ValueError("a write is never repeated by the line: it may have been obeyed unheard")
        for _ in range(retries):
            with suppress(NoReply, WrongReply):
                return await self._ask(request, priority)
        return await self._ask(request, priority)

    def preempt(self) -> None:
        """Clear the way for a stop: queued requests that are not STOP fail with Preempted at once, then what is under way.

        From here on nothing that adds light (priority LEASE) is taken, until `permit_light`: a renewal that was on its way into
        the queue must not land behind the OFF.
        """
        self._light_permitted = False
        for priority, queue in self._queues.items():
            if priority is not Priority.STOP:
                while queue:
                    job = queue.popleft()
                    self._settle(job, error=self._preempted(job))
        self._preempt_current()
        self._poke()

    def permit_light(self) -> None:
        """Take leases again: the stop has been cleared."""
        self._light_permitted = True

    # --- for lines -------------------------------------------------------------------------------------------------------

    @abstractmethod
    def add_unit(self, unit: int, timing: UnitTiming) -> None:
        """Announce a unit."""

    @abstractmethod
    async def _greet(self) -> LineState:
        """The port is open: test it and say what state the line is in. Raises PortLost."""

    @abstractmethod
    async def _serve(self) -> None:
        """Work through the queues until PortLost."""

    @abstractmethod
    def _received(self, data: bytes) -> None:
        """Bytes came."""

    @abstractmethod
    def _preempt_current(self) -> None:
        """Give up what is under way and not STOP, as soon as that helps the stop."""

    @abstractmethod
    def _current(self) -> list[Job[R]]:
        """Remove and return the jobs under way."""

    async def _ask(self, request: Request[T], priority: Priority) -> T:
        (asked,) = self._spoken_here((request,))
        try:
            self._check_usable(asked, priority)
        except BusError as error:
            self.stats.refused[type(error).__name__] += 1
            raise
        job: Job[R] = Job(asked, priority, self._loop.create_future(), self._loop.time())
        queue = self._queues[priority]
        queue.append(job)
        self._poke()
        try:
            return await job.done
        finally:
            if job.done.cancelled():
                with suppress(ValueError):  # already being served: its owner finishes it and drops the answer
                    queue.remove(job)

    def _spoken_here(self, requests: Sequence[AnyRequest]) -> list[R]:
        """The same, known to be of this line's kind. Raises ValueError."""
        spoken: list[R] = []
        for request in requests:
            if not isinstance(request, self._asked):
                raise ValueError(f"line {self.name} speaks {self.speaks}: {request} cannot be asked on it")
            spoken.append(request)
        return spoken

    def _check_usable(self, request: R, priority: Priority) -> None:
        if priority is Priority.LEASE and not self._light_permitted:
            raise Preempted(self.name, request.unit, f"{request} refused: a stop is in force")
        if self._state.status is LinkStatus.DOWN:
            raise LineDown(self.name, request.unit, f"line is down: {self._state.reason}")
        # On an echoing line nothing can be verified, but a stop is still put on the wire before it is reported as failed.
        if self._state.status is LinkStatus.ECHOING and not (request.is_write and priority is Priority.STOP):
            raise LineEchoes(self.name, request.unit, self._state.reason)
        stop = priority is Priority.STOP
        queued = (job for queue in self._queues.values() for job in queue)
        waiting = sum(1 for job in queued if job.is_stop == stop and not job.done.done())
        if waiting >= QUEUE_MAX:
            raise LineSaturated(self.name, request.unit, f"line saturated: {waiting} requests are waiting")

    def _choose(self, ready_at: Callable[[Job[R]], float]) -> tuple[Job[R] | None, float]:
        """Which job may go first, and when. Among jobs that may go now: the highest priority, then the oldest."""
        best, best_at = None, inf
        for queue in self._queues.values():
            for job in queue:
                if job.done.done():
                    continue  # its caller has gone, and takes it out of the queue
                at = ready_at(job)
                if self._reached(at):
                    return job, at
                if at < best_at:
                    best, best_at = job, at
        return best, best_at

    def _settle(self, job: Job[R], value: object = None, error: BusError | None = None) -> None:
        """Give the caller, if there still is one, its value or error; count it."""
        self.stats.record(job.request.unit, error, self._loop.time() - job.asked_at)
        if job.done.done():
            return
        if error is not None:
            job.done.set_exception(error)
        else:
            job.done.set_result(value)

    def _preempted(self, job: Job[R]) -> Preempted:
        return Preempted(self.name, job.request.unit, f"{job.request} given up for a stop")

    async def _own(self, attempted: asyncio.Event) -> None:
        backoff_s = BACKOFF_MIN_S
        while True:
            try:
                self._lost = None
                await self._port.open(self._on_bytes, self._on_lost)
                self._set_state(await self._greet())
                self.stats.connects += 1
                backoff_s = BACKOFF_MIN_S
                attempted.set()
                await self._serve()
            except PortLost as why:
                self._go_down(str(why))
            except Exception as why:
                # A defect here must not leave callers waiting for ever: the line goes down, and is rebuilt from scratch.
                log.exception("line %s failed", self.name)
                self._go_down(f"internal error: {why!r}")
            attempted.set()
            await self._port.close()
            await asyncio.sleep(backoff_s)
            backoff_s = min(2 * backoff_s, BACKOFF_MAX_S)

    def _go_down(self, reason: str) -> None:
        self._set_state(LineState(LinkStatus.DOWN, reason))
        waiting = self._current()
        for queue in self._queues.values():
            waiting += queue
            queue.clear()
        for job in waiting:
            self._settle(job, error=LineDown(self.name, job.request.unit, f"line went down: {reason}"))

    def _set_state(self, state: LineState) -> None:
        if state != self._state:
            self._state = state
            for listener in self.on_state:
                try:
                    listener(state)
                except Exception:  # somebody else's defect must not stop the line
                    log.exception("line %s: a state listener failed", self.name)

    def _on_bytes(self, data: bytes) -> None:
        self._note("rx", data)
        self._received(data)

    def _on_lost(self, reason: str) -> None:
        self._lost = reason
        self._poke()

    def _write(self, frame: bytes) -> None:
        self._note("tx", frame)
        self._port.write(frame)

    def _note(self, direction: str, data: bytes) -> None:
        self.recent.add(direction, data, self._loop.time())
        if self.trace is not None:
            try:
                self.trace(direction, data, self._loop.time())
            except OSError as why:  # a full disk must not cost us the line
                log.error("line %s: trace stopped: %s", self.name, why)
                self.trace = None

    def _note_once(self, text: str) -> None:
        """For the technician: shown with the line's figures."""
        if text not in self.stats.notes:
            self.stats.notes.append(text)
            log.warning("line %s: %s", self.name, text)

    # --- waiting ---------------------------------------------------------------------------------------------------------

    def _reached(self, when: float) -> bool:
        return self._loop.time() >= when - CLOCK_STEP_S

    def _poke(self) -> None:
        """Something happened: the owner looks again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        else:
            self._poked = True

    async def _pause_until(self, when: float = inf) -> None:
        """Until something happens or `when` comes; may return early, so look again. Raises PortLost."""
        if not self._poked and self._lost is None:
            self._waiter = self._loop.create_future()
            timer = self._loop.call_at(when, self._poke) if when < inf else None
            try:
                await self._waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
        self._poked = False
        if self._lost is not None:
            raise PortLost(self._lost)
