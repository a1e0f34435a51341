"""Stop: one latch for the station, entered from anywhere, left by one door.

It acts first and writes next; it never waits for a silent device before another is told; it is verified by read-back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from irctl.bus.bus import Bus, Priority
from irctl.bus.errors import BusError
from irctl.bus.request import AnyRequest
from irctl.controller.journal.journal import Journal
from irctl.controller.light.output import Evidence, Output
from irctl.domain.chain import Event
from irctl.domain.problems import Problem, Refused

ORDERLY = frozenset({"shutdown", "signal"})
"""Sources of a stop that is the end of the process itself: it asks nobody to look for a cause."""
WRITE_AFTER_S = 0.1
"""The OFF frames get this head start before the disk is touched."""


class StoppableLamp(Protocol):
    """What the latch needs to know of a lamp."""

    @property
    def name(self) -> str: ...

    @property
    def output(self) -> Output: ...

    def wake(self) -> None: ...

    def reasons_against_clearing(self) -> list[Problem]: ...


@dataclass(frozen=True, slots=True)
class Latch:
    """An emergency stop in force."""

    at: datetime
    by: str
    reason: str
    source: str
    evidence: Mapping[str, Evidence]
    """By lamp; fills while the lamps go dark."""

    def view(self) -> dict[str, Any]:
        at = self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            "at": at,
            "by": self.by,
            "reason": self.reason,
            "source": self.source,
            "evidence": {name: found.as_dict() for name, found in self.evidence.items()},
        }


class Shutdown:
    """The station's stop latch."""

    def __init__(
        self,
        lines: Sequence[Bus],
        broadcasts: Mapping[str, Sequence[AnyRequest]],
        lamps: Mapping[str, StoppableLamp],
        journal: Journal,
        may_clear: Collection[str] = (),
    ) -> None:
        self._lines = lines
        self._broadcasts = broadcasts
        """By line name: the frames that darken every unit honouring broadcast there."""
        self._lamps = lamps
        self._journal = journal
        self._may_clear = may_clear
        """Names; empty: anybody who gives one. The controller has no sign-in: the clinic's service vouches for who asks."""
        self.latch: Latch | None = None
        self._under_way = 0

    def stop(self, by: str, reason: str, source: str) -> Coroutine[Any, Any, Latch]:
        """Everything dark, now. Latched when this returns; what it returns is done when every lamp is verified dark or has had its time to be.

        Any number of calls at once is fine: the first reason stays, the evidence is the latest.
        """
        since_s = asyncio.get_running_loop().time()
        first = self.latch is None
        evidence = {name: Evidence() for name in self._lamps}
        at = self._journal.clock() if self.latch is None else self.latch.at
        if self.latch is not None:
            by, reason, source = self.latch.by, self.latch.reason, self.latch.source
        latch = self.latch = Latch(at, by, reason, source, evidence)
        self._under_way += 1
        return self._carry_out(latch, since_s, first)

    async def _carry_out(self, latch: Latch, since_s: float, first: bool) -> Latch:
        evidence = latch.evidence
        try:
            darkening = asyncio.ensure_future(self._darken_all(since_s, evidence))
            await asyncio.wait([darkening], timeout=WRITE_AFTER_S)
            if first:
                self._journal.write("stop.latched", by=latch.by, reason=latch.reason, source=latch.source)
            await darkening
        finally:
            self._under_way -= 1
        self._journal.write("stop.evidence", by=latch.by, lamps={name: e.as_dict() for name, e in evidence.items()})
        for lamp in self._lamps.values():
            lamp.wake()
        return latch

    async def _darken_all(self, since_s: float, evidence: Mapping[str, Evidence]) -> None:
        for line in self._lines:
            line.preempt()
        for lamp in self._lamps.values():
            lamp.wake()
        broadcasts = {line.name: asyncio.ensure_future(self._broadcast(line, since_s)) for line in self._lines}
        # Every attempt begins here and now: a lamp's own task, woken by the preemption, must find it under way and join it.
        darkening = [
            lamp.output.darken(since_s, evidence[lamp.name], broadcasts.get(lamp.output.emitter_line))
            for lamp in self._lamps.values()
        ]
        await asyncio.gather(*broadcasts.values(), *darkening)

    async def _broadcast(self, line: Bus, since_s: float) -> float | None:
        """One OFF for every unit of the line that honours it; seconds until it was on its way, None where there is none."""
        frames = self._broadcasts.get(line.name, ())
        sent_s: float | None = None
        for frame in frames:
            try:
                await line.transact(frame, Priority.STOP)
                sent_s = asyncio.get_running_loop().time() - since_s
            except (BusError, ValueError):  # ValueError: a network line knows no broadcast
                continue  # every unit is told by its own address too
        return sent_s

    def restore(self, events: Iterable[Event]) -> None:
        """A stop that nobody has cleared outlives the process that took it. One that only ended that process in good order does not."""
        latched: Event | None = None
        for event in events:
            if event["event"] == "stop.latched":
                latched = None if event["source"] in ORDERLY else event
            elif event["event"] == "stop.cleared":
                latched = None
        if latched is None or self.latch is not None:
            return
        at = datetime.fromisoformat(latched["at"])
        self.latch = Latch(at, latched["by"], latched["reason"], latched["source"], {})
        for line in self._lines:
            line.preempt()

    def clear(self, by: str, reason: str) -> None:
        """The one door out. Raises Refused while a cause is still there or when nobody takes responsibility."""
        problems = [
            Problem(name, value, "is empty", "Say who clears the stop and why it is safe")
            for name, value in (("by", by), ("reason", reason))
            if not value.strip()
        ]
        if by.strip() and self._may_clear and by not in self._may_clear:
            problems.append(Problem("by", by, "may not clear a stop", f"Ask {' or '.join(self._may_clear)}"))
        if self.latch is None:
            problems.append(Problem("stop", None, "is not latched", "Nothing to clear"))
        elif self._under_way:
            problems.append(Problem("stop", self.latch.reason, "is still being carried out", "Wait a moment"))
        if not self._journal.writable:
            remedy = "Free disk space or restore access, then restart"
            problems.append(
                Problem("journal", self._journal.failure, "cannot be written, and who cleared must be", remedy)
            )
        for lamp in self._lamps.values():
            problems += lamp.reasons_against_clearing()
        if problems:
            raise Refused(problems, conflict=True)
        self._journal.write("stop.cleared", by=by, reason=reason)
        self.latch = None
        for line in self._lines:
            line.permit_light()
        for lamp in self._lamps.values():
            lamp.wake()
