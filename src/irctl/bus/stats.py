"""Counts of what a line and its units have done since start, for status pages and benchmarks."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

RECENT = 256
"""Latencies kept for percentiles."""


@dataclass(slots=True)
class Latency:
    """Seconds from asking to the answer, queueing included. `count`, `mean_s`, `max_s` over all; percentiles over recent ones."""

    count: int = 0
    total_s: float = 0.0
    max_s: float = 0.0
    recent_s: deque[float] = field(default_factory=lambda: deque[float](maxlen=RECENT))

    def add(self, seconds: float) -> None:
        self.count += 1
        self.total_s += seconds
        self.max_s = max(self.max_s, seconds)
        self.recent_s.append(seconds)

    @property
    def mean_s(self) -> float:
        return self.total_s / self.count if self.count else 0.0

    def percentile_s(self, percent: float) -> float:
        """Nearest rank over the recent latencies; 0 when there are none."""
        if not self.recent_s:
            return 0.0
        ordered = sorted(self.recent_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]

    @property
    def p50_s(self) -> float:
        return self.percentile_s(50)

    @property
    def p99_s(self) -> float:
        return self.percentile_s(99)


@dataclass(slots=True)
class UnitStats:
    """Transactions with one unit; `errors` by the name of the exception."""

    requests: int = 0
    ok: int = 0
    errors: Counter[str] = field(default_factory=lambda: Counter[str]())
    latency: Latency = field(default_factory=Latency)


@dataclass(slots=True)
class LineStats(UnitStats):
    """Transactions of the whole line. `busy_s`: with a question under way, silences after it not counted. `refused`: never asked, by the name of the exception.

    `stray_bytes`: received when nothing was asked. `notes`: what a technician should know.
    """

    units: dict[int, UnitStats] = field(default_factory=lambda: dict[int, UnitStats]())
    busy_s: float = 0.0
    refused: Counter[str] = field(default_factory=lambda: Counter[str]())
    stray_bytes: int = 0
    connects: int = 0
    notes: list[str] = field(default_factory=lambda: list[str]())

    def unit(self, unit: int) -> UnitStats:
        if (found := self.units.get(unit)) is None:
            found = self.units[unit] = UnitStats()
        return found

    def record(self, unit: int, error: BaseException | None, latency_s: float) -> None:
        """Count one finished transaction."""
        for stats in (self, self.unit(unit)):
            stats.requests += 1
            if error is None:
                stats.ok += 1
                stats.latency.add(latency_s)
            else:
                stats.errors[type(error).__name__] += 1
