"""What a lamp does between calibrations: evidence, and the control chart that tells drift from chance. Ageing: see forecast.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from math import sqrt

EWMA_WEIGHT = 0.2


class Kind(StrEnum):
    """Where a piece of drift evidence comes from."""

    CALIBRATION = "calibration"
    CHECK = "check"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One comparison with the reference of the calibration: found / expected, with its expanded uncertainty (k=2)."""

    at: datetime
    lamp_hours: float
    ratio: float
    expanded_pct: float
    kind: Kind = Kind.CHECK


class ChartRule(StrEnum):
    """The rules of the Western Electric handbook (1956), and a trend."""

    BEYOND_3_SIGMA = "one beyond 3σ"
    TWO_OF_THREE = "two of three beyond 2σ on one side"
    FOUR_OF_FIVE = "four of five beyond 1σ on one side"
    EIGHT_ONE_SIDE = "eight on one side"
    SIX_TRENDING = "six in a row rising or falling"
    EWMA = "moving average beyond 3σ"


@dataclass(frozen=True, slots=True)
class Signal:
    """A rule that was broken, at which piece of evidence (its index)."""

    rule: ChartRule
    index: int


@dataclass(frozen=True, slots=True)
class ControlChart:
    """Every piece of evidence as a multiple of its own standard uncertainty, the moving average with its limits, and the signals."""

    centre: float
    z: tuple[float, ...]
    ewma: tuple[float, ...]
    ewma_limit: tuple[float, ...]
    signals: tuple[Signal, ...]


def control_chart(evidence: Sequence[Evidence], centre: float = 1.0) -> ControlChart:
    """The chart of one lamp and level, in order of time."""
    z = tuple((e.ratio - centre) / (centre * e.expanded_pct / 200.0) for e in evidence)
    ewma, limit, moving = list[float](), list[float](), 0.0
    for n, value in enumerate(z, start=1):
        moving += EWMA_WEIGHT * (value - moving)
        ewma.append(moving)
        limit.append(3.0 * sqrt(EWMA_WEIGHT / (2.0 - EWMA_WEIGHT) * (1.0 - (1.0 - EWMA_WEIGHT) ** (2 * n))))
    signals = [
        Signal(rule, index) for index in range(len(z)) for rule, broken in CHART_RULES.items() if broken(z[: index + 1])
    ]
    signals += [Signal(ChartRule.EWMA, i) for i in range(len(z)) if abs(ewma[i]) > limit[i]]
    return ControlChart(centre, z, tuple(ewma), tuple(limit), tuple(sorted(signals, key=lambda s: s.index)))


def _on_one_side(z: Sequence[float], needed: int, of: int, beyond: float) -> bool:
    """Among the last `of`, with the last one itself, at least `needed` are beyond so many σ on its side."""
    last = z[-of:]
    side = 1.0 if last[-1] > 0 else -1.0
    return side * last[-1] > beyond and sum(side * value > beyond for value in last) >= needed


def _trending(z: Sequence[float]) -> bool:
    last = z[-6:]
    steps = [b - a for a, b in pairwise(last)]
    return len(last) == 6 and (all(s > 0 for s in steps) or all(s < 0 for s in steps))


CHART_RULES: Mapping[ChartRule, Callable[[Sequence[float]], bool]] = {
    ChartRule.BEYOND_3_SIGMA: lambda z: abs(z[-1]) > 3.0,
    ChartRule.TWO_OF_THREE: lambda z: _on_one_side(z, 2, 3, 2.0),
    ChartRule.FOUR_OF_FIVE: lambda z: _on_one_side(z, 4, 5, 1.0),
    ChartRule.EIGHT_ONE_SIDE: lambda z: _on_one_side(z, 8, 8, 0.0),
    ChartRule.SIX_TRENDING: _trending,
}
"""Each says whether the last of these is a signal."""
