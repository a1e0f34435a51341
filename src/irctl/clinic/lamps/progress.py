"""How far the records have come with one station's journal, for whoever watches over the clinic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from irctl.domain.problems import Refused

KINDS = {"station": "station", "database": "database", "seq": "journal", "journal": "journal"}
"""By what a refusal is about: nobody answers there, the records cannot be written, what is told does not fit what is known."""
OTHER = "other"
ERRORS = ("station", "database", "journal", OTHER)


class Progress:
    """`monotonic_s`: a clock that nobody can set."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self.now_s = monotonic_s
        self.seq: int | None = None
        """The last event in the records; None while that is not known."""
        self.errors = Counter[str]()
        """Attempts that failed, by kind."""
        self._level_s = monotonic_s()

    @property
    def behind_s(self) -> float:
        """Since the records last held everything that was asked for then; since the process began, where they never have."""
        return self.now_s() - self._level_s

    def level(self, asked_s: float) -> None:
        """Everything that the journal told at this moment is in the records, but what a power cut could still take from it."""
        self._level_s = asked_s

    def failed(self, refused: Refused) -> None:
        self.errors[KINDS.get(refused.problems[0].field, OTHER)] += 1
