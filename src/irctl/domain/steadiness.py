"""Whether a light is steady, from its readings and not from a timer: a straight line through the last of them, and how sure its slope is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt

WINDOWS_S = (15.0, 30.0, 60.0)
"""A noisy reading needs a longer look before anything can be said of its slope."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A line through readings: `slope_per_min` with its standard uncertainty, in the readings' unit; `noise`: around the line, of one reading (k=1)."""

    mean: float
    slope_per_min: float
    u_slope_per_min: float
    noise: float
    n: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading and when it was made, s on the loop's clock."""

    at_s: float
    value: float


def trend(samples: Sequence[Sample]) -> Trend:
    """The line by least squares. Its slope is unknown (infinite uncertainty) with fewer than three samples."""
    n = len(samples)
    mean = sum(s.value for s in samples) / n
    mean_s = sum(s.at_s for s in samples) / n
    spread = sum((s.at_s - mean_s) ** 2 for s in samples)
    if n < 3 or spread <= 0:
        return Trend(mean, 0.0, inf, 0.0, n)
    slope = sum((s.at_s - mean_s) * (s.value - mean) for s in samples) / spread
    noise = sqrt(sum((s.value - mean - slope * (s.at_s - mean_s)) ** 2 for s in samples) / (n - 2))
    return Trend(mean, slope * 60.0, noise / sqrt(spread) * 60.0, noise, n)


def latest(samples: Sequence[Sample], limit_per_min: float) -> Trend | None:
    """The trend over the shortest window that can tell a slope of `limit_per_min`; over the longest where none can. None before the first is full."""
    told: Trend | None = None
    for window_s in WINDOWS_S:
        from_s = samples[-1].at_s - window_s if samples else 0.0
        if not samples or samples[0].at_s > from_s:
            break
        told = trend([s for s in samples if s.at_s >= from_s])
        if told.u_slope_per_min <= limit_per_min:
            break
    return told


def steady(told: Trend | None, limit_per_min: float) -> bool:
    """Whether it moves no more than the limit, as far as its noise lets anybody say so. A light too noisy to tell is not steady."""
    return told is not None and told.u_slope_per_min <= limit_per_min and abs(told.slope_per_min) <= limit_per_min
