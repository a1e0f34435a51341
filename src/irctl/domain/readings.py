"""From readings to points, and every reason not to believe them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from irctl.domain.budget import Budget
from irctl.domain.meters import Meter
from irctl.domain.problems import Problem

LEVELS_MIN = 5
GAP_MAX_SHARE = 0.25
"""Of the range of levels: a wider gap is a guess."""
SPREAD_MAX_PCT = 5.0
"""Repeats of one level further apart than this are not repeats."""


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
    raise NotImplementedError


def curve_problems(
    points: Sequence[MeasuredPoint], expected: Callable[[float], float | None] | None = None
) -> list[Problem]:
    """Why these points are no curve: too sparse, read once only, not monotone (two swapped are named), or in the wrong unit.

    `expected`: what a level should give in mW/cm², by the calibration in force; None outside it.
    """
    raise NotImplementedError


def reading_problems(readings: Sequence[LevelReading], meter: Meter) -> list[Problem]:
    """What is wrong with single readings: no number, saturated, not above dark, two swapped, repeats that disagree, a unit slip."""
    raise NotImplementedError


def distance_problem(field: str, distance_cm: float, configured_cm: float) -> Problem | None:
    """A distance that is not the configured one; the unit somebody thought in (inches, millimetres, metres) is named."""
    raise NotImplementedError
