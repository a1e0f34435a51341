"""What the readings of one stage (as-found, as-left) say: the points, the curve, the monitor, the law, the decision. One function, for worksheet and certificate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from irctl.domain.budget import Budget
from irctl.domain.distance import DistanceLaw
from irctl.domain.meters import Meter
from irctl.domain.plan import Plan
from irctl.domain.problems import Problem
from irctl.domain.readings import LevelReading, MeasuredPoint
from irctl.domain.tolerance import Verdict


@dataclass(frozen=True, slots=True)
class Conditions:
    """How a stage was measured: the largest residual slope while read (%, half-width), the largest angle, the positioning (half-width, cm)."""

    steadiness_pct: float
    angle_deg: float
    positioning_cm: float


@dataclass(frozen=True, slots=True)
class LevelError:
    """How far the stated irradiance of a level is from the found one; `error_pct` = found / stated − 1."""

    level_pct: float
    stated_mw_cm2: float
    found_mw_cm2: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Findings:
    """One stage. `curve`: the budget of the worst point with the interpolation between points. `monitor_factor`: true / monitor."""

    stage: str
    points: tuple[MeasuredPoint, ...]
    curve: Budget
    law: DistanceLaw | None
    monitor_factor: float | None
    monitor: Budget | None
    errors: tuple[LevelError, ...]
    verdict: Verdict | None
    """Of as-found: the worst level against the calibration in force, None without one. Of as-left: whether U itself fits into the tolerance."""
    problems: tuple[Problem, ...]

    def as_dict(self) -> dict[str, Any]:
        """For `calibration.submitted`, the API and the certificate."""
        raise NotImplementedError


def findings(
    stage: str,
    readings: Sequence[LevelReading],
    meter: Meter,
    lamp_type: str,
    plan: Plan,
    conditions: Conditions,
    stated: Mapping[float, float] | Sequence[tuple[float, float]] | None,
    scope: str,
) -> Findings:
    """Everything the readings of one stage say. `stated`: (level %, mW/cm²) points of the calibration in force, None without one. Raises MeterError."""
    raise NotImplementedError
