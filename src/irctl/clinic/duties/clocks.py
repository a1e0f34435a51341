"""The two clocks of the schedule: the wall's, which dates are told by and which anybody may set, and one that only goes forward."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

STEP_MIN_S = 2.0
"""Less is a clock that is being corrected, or a busy computer."""


class Clocks:
    """Both, and how far the one has stepped against the other: somebody set it, or the computer slept."""

    def __init__(
        self,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.wall = wall
        self.monotonic_s = monotonic_s
        self._wall_at, self._monotonic_at_s = wall(), monotonic_s()

    def step(self) -> timedelta:
        """Since the last look: positive where the wall clock ran ahead; nothing where it kept pace."""
        wall, monotonic_s = self.wall(), self.monotonic_s()
        step = (wall - self._wall_at) - timedelta(seconds=monotonic_s - self._monotonic_at_s)
        self._wall_at, self._monotonic_at_s = wall, monotonic_s
        return step if abs(step) >= timedelta(seconds=STEP_MIN_S) else timedelta()
