"""Stop: one latch for the station, entered from anywhere, left by one door.

It acts first and writes next; it never waits for a silent device before another is told; it is verified by read-back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from irctl.bus.bus import Bus, Priority
from irctl.bus.errors import BusError
from irctl.bus.modbus import AnyRequest
from irctl.controller.journal import Journal
from irctl.controller.output import Evidence, Output
from irctl.domain.problems import Problem, Refused

WRITE_AFTER_S = 0.1
"""The OFF frames get this head start before the disk is touched."""


class StoppableLamp(Protocol):
    """What the latch needs to know of a lamp."""

    name: str
    output: Output

    def wake(self) -> None: ...

    def reasons_against_clearing(self) -> list[Problem]: ...


@dataclass(frozen=True, slots=True)
class Latch:
    """An emergency stop in force."""

    at: datetime
    by: str
    reason: str
    source: str
    evidence: Mapping[str, Mapping[str, Any]]

    def view(self) -> dict[str, Any]:
        at = self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"at": at, "by": self.by, "reason": self.reason, "source": self.source, "evidence": dict(self.evidence)}


class Shutdown:
    """The station's stop latch."""

    def __init__(
        self,
        lines: Sequence[Bus],
        broadcasts: Mapping[str, Sequence[AnyRequest]],
        lamps: Mapping[str, StoppableLamp],
        journal: Journal,
    ) -> None:
        self._lines = lines
        self._broadcasts = broadcasts
        """By line name: the frames that darken every unit honouring broadcast there."""
        self._lamps = lamps
        self._journal = journal
        self.latch: Latch | None = None

    async def stop(self, by: str, reason: str, source: str) -> dict[str, dict[str, Any]]:
        """Everything dark, now; latched. Returns the evidence per lamp. Any number of calls at once is fine."""
        since_s = asyncio.get_running_loop().time()
        fresh = self.latch is None
        if fresh:
            self.latch = Latch(self._journal.clock(), by, reason, source, {})
        darkening = asyncio.gather(self._darken_all(since_s))
        await asyncio.wait([darkening], timeout=WRITE_AFTER_S)
        if fresh:
            self._journal.write("stop.latched", by=by, reason=reason, source=source)
        (found,) = await darkening
        evidence = {name: e.as_dict() for name, e in found.items()}
        self._journal.write("stop.evidence", by=by, lamps=evidence)
        if fresh or self.latch is None:
            self.latch = Latch(
                self._journal.clock() if self.latch is None else self.latch.at, by, reason, source, evidence
            )
        for lamp in self._lamps.values():
            lamp.wake()
        return evidence

    async def _darken_all(self, since_s: float) -> dict[str, Evidence]:
        for line in self._lines:
            line.preempt()
        sent = await asyncio.gather(*(self._broadcast(line, since_s) for line in self._lines))
        sent_on = {line.name: at for line, at in zip(self._lines, sent, strict=True) if at is not None}
        lamps = list(self._lamps.values())
        found = await asyncio.gather(
            *(lamp.output.darken(since_s, broadcast_sent_s=sent_on.get(lamp.output.emitter_line)) for lamp in lamps)
        )
        return {lamp.name: evidence for lamp, evidence in zip(lamps, found, strict=True)}

    async def _broadcast(self, line: Bus, since_s: float) -> float | None:
        """One OFF for every unit of the line that honours it; seconds until it was on its way, None where there is none."""
        frames = self._broadcasts.get(line.name, ())
        sent_s: float | None = None
        for frame in frames:
            try:
                await line.transact(frame, Priority.STOP)
                sent_s = asyncio.get_running_loop().time() - since_s
            except BusError:
                return None
        return sent_s

    def clear(self, by: str, reason: str) -> None:
        """The one door out. Raises Refused while a cause is still there or when nobody takes responsibility."""
        problems = [
            Problem(name, value, "is empty", "Say who clears the stop and why it is safe")
            for name, value in (("by", by), ("reason", reason))
            if not value.strip()
        ]
        if self.latch is None:
            problems.append(Problem("stop", None, "is not latched", "Nothing to clear"))
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
