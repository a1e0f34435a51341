"""Both clocks of a schedule, moved by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from irctl.clinic.duties.clocks import Clocks


@dataclass
class Hands:
    """They go on together; a test that steps the wall's clock sets `wall`."""

    wall: datetime
    monotonic_s: float = 1000.0

    def go_on(self, time: timedelta) -> None:
        self.wall += time
        self.monotonic_s += time.total_seconds()

    def clocks(self) -> Clocks:
        return Clocks(lambda: self.wall, lambda: self.monotonic_s)
