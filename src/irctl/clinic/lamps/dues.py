"""What is due at the stations, as they said within the last minute: a screen never waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from irctl.clinic.lamps.stations import Station
from irctl.domain.problems import Refused

KEPT_S = 60.0


@dataclass(frozen=True, slots=True)
class Due:
    """One thing that should be done."""

    text: str
    overdue: bool


class Dues:
    """Of all stations, shared by all screens."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._asked_s: dict[str, float] = {}
        self._known: dict[str, tuple[Due, ...]] = {}

    def known(self, station: Station) -> tuple[Due, ...]:
        """As heard last, what is overdue first; empty before anything was heard."""
        return self._known.get(station.name, ())

    async def ask(self, station: Station) -> bool:
        """Once a minute, whoever asks; returns whether something is another than before. A station that does not answer says so elsewhere."""
        now_s = self._monotonic_s()
        if now_s - self._asked_s.get(station.name, float("-inf")) < KEPT_S:
            return False
        self._asked_s[station.name] = now_s
        try:
            told = await station.get("/v1/due")
        except Refused:
            return False
        found = tuple(
            sorted(
                (Due(one["text"], one["overdue"]) for one in told if one["overdue"] or one["soon"]),
                key=lambda due: not due.overdue,
            )
        )
        before, self._known[station.name] = self.known(station), found
        return before != found
