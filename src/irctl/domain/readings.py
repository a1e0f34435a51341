"""From readings to points: corrected, averaged, each with its budget. Whether to believe them: see plausibility.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import fsum, sqrt
from typing import Any

from irctl.domain.budget import Budget, point_budget
from irctl.domain.meters import Meter

RESTLESS = 2.0
"""A level that scatters more than so many times the common scatter has its own repeatability; the others share theirs, which is then better known."""


@dataclass(frozen=True, slots=True)
class LevelReading:
    """One reading at one level and distance, as the meter gave it (mW/cm²).

    `number`: its place in the plan. `dark_mw_cm2`: the dark reading that belongs to it, with the standard uncertainty `dark_noise_mw_cm2`.
    `monitor_mw_cm2`: the lamp's own radiometer at the same time, less its own dark reading. `seq`: the journal's number.
    """

    number: int
    stage: str
    level_pct: float
    distance_cm: float
    reading_mw_cm2: float
    dark_mw_cm2: float
    monitor_mw_cm2: float | None
    at: datetime
    dark_noise_mw_cm2: float = 0.0
    seq: int = 0
    based_on: tuple[int, ...] = ()
    """The numbers of what it rests on: positioning, dark reading, warm-up."""

    @property
    def net_mw_cm2(self) -> float:
        return self.reading_mw_cm2 - self.dark_mw_cm2


@dataclass(frozen=True, slots=True)
class MeasuredPoint:
    """What the lamp gives at one level, at one distance: the mean of `n` readings, corrected.

    `repeatability_pct`: standard deviation of the mean. `monitor_ratio`: true / the lamp's own radiometer. `seqs`: the readings in the journal.
    """

    level_pct: float
    distance_cm: float
    irradiance_mw_cm2: float
    n: int
    repeatability_pct: float
    budget: Budget
    monitor_ratio: float | None = None
    seqs: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "level_pct": self.level_pct,
            "distance_cm": self.distance_cm,
            "irradiance_mw_cm2": self.irradiance_mw_cm2,
            "n": self.n,
            "repeatability_pct": self.repeatability_pct,
            "expanded_pct": self.budget.expanded_pct,
            "budget": self.budget.as_list(),
            "monitor_ratio": self.monitor_ratio,
            "seqs": list(self.seqs),
        }


def points(
    readings: Sequence[LevelReading],
    meter: Meter,
    lamp_type: str,
    *,
    distance_cm: float,
    positioning_cm: float,
    steadiness_pct: float = 0.0,
    angle_deg: float = 0.0,
    d0_cm: float = 0.0,
    scope: str = "",
) -> tuple[MeasuredPoint, ...]:
    """The points of one distance, in order of level. Readings of other distances are left out. Raises MeterError."""
    by_level: dict[float, list[LevelReading]] = {}
    for reading in readings:
        # What is not above dark is no light, and a problem of its own (plausibility.py).
        if reading.distance_cm == distance_cm and reading.net_mw_cm2 > 0:
            by_level.setdefault(reading.level_pct, []).append(reading)
    measured: list[MeasuredPoint] = []
    spreads = {level: _spread_pct(taken) for level, taken in by_level.items()}
    degrees = sum(len(taken) - 1 for taken in by_level.values())
    squares = fsum(spreads[level] ** 2 * (len(taken) - 1) for level, taken in by_level.items())
    pooled_pct = sqrt(squares / degrees) if degrees else 0.0
    for level_pct, taken in sorted(by_level.items()):
        net_mw_cm2 = fsum(r.net_mw_cm2 for r in taken) / len(taken)
        own = spreads[level_pct] > RESTLESS * pooled_pct
        repeatability_pct = (spreads[level_pct] if own else pooled_pct) / sqrt(len(taken))
        budget = point_budget(
            meter,
            lamp_type,
            max(r.at for r in taken),
            net_mw_cm2=net_mw_cm2,
            distance_cm=distance_cm,
            positioning_cm=positioning_cm,
            repeatability_pct=repeatability_pct,
            repeatability_degrees=len(taken) - 1 if own else degrees,
            dark_noise_mw_cm2=max(r.dark_noise_mw_cm2 for r in taken),
            steadiness_pct=steadiness_pct,
            angle_deg=angle_deg,
            d0_cm=d0_cm,
            scope=scope,
        )
        irradiance = meter.corrected_mw_cm2(net_mw_cm2, 0.0, lamp_type)
        seqs = sorted({seq for r in taken for seq in (r.seq, *r.based_on)})
        ratio = _monitor_ratio(taken, meter, lamp_type)
        measured.append(
            MeasuredPoint(level_pct, distance_cm, irradiance, len(taken), repeatability_pct, budget, ratio, tuple(seqs))
        )
    return tuple(measured)


def _spread_pct(taken: Sequence[LevelReading]) -> float:
    """Standard deviation of one reading, in % of the mean; 0 for a single one."""
    if len(taken) < 2:
        return 0.0
    mean = fsum(r.net_mw_cm2 for r in taken) / len(taken)
    return 100.0 * sqrt(fsum((r.net_mw_cm2 / mean - 1.0) ** 2 for r in taken) / (len(taken) - 1))


def _monitor_ratio(taken: Sequence[LevelReading], meter: Meter, lamp_type: str) -> float | None:
    ratios = [
        meter.corrected_mw_cm2(r.net_mw_cm2, 0.0, lamp_type) / r.monitor_mw_cm2
        for r in taken
        if r.monitor_mw_cm2 is not None and r.monitor_mw_cm2 > 0
    ]
    return fsum(ratios) / len(ratios) if ratios else None
