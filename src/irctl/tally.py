"""Counts how many values were how large: what a histogram is made of.

Plain numbers, so that a lamp's task can count before anything is loaded that would show it.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from math import inf


@dataclass(slots=True)
class Tally:
    """`bounds`: ascending; each is the largest value that its range takes. What is larger than the last is counted, too."""

    bounds: tuple[float, ...]
    counts: list[int] = field(init=False)
    """Of each range, and of what is larger."""
    total: float = 0.0
    lowest: float = inf

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value
        self.lowest = min(self.lowest, value)
