"""The short check: does the lamp still give what its calibration says? By a reference meter, or by the lamp's own radiometer.

What is decided is a change, so what check and calibration have in common (the same meter and its factor) cancels from U.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from typing import Any

from irctl.domain.budget import Budget, Term
from irctl.domain.calibration import Calibration
from irctl.domain.readings import MeasuredPoint
from irctl.domain.tolerance import Verdict, decide, worst


@dataclass(frozen=True, slots=True)
class CheckedLevel:
    """One level of a check, mW/cm²; the verdict has its error and U (k=2) in %."""

    level_pct: float
    expected_mw_cm2: float
    found_mw_cm2: float
    verdict: Verdict

    def as_dict(self) -> dict[str, float]:
        """As `check.completed` carries it."""
        return {
            "level_pct": self.level_pct,
            "expected_mw_cm2": self.expected_mw_cm2,
            "found_mw_cm2": self.found_mw_cm2,
            "error_pct": self.verdict.error_pct,
            "expanded_pct": self.verdict.expanded_pct,
        }


@dataclass(frozen=True, slots=True)
class Verification:
    levels: tuple[CheckedLevel, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst level's."""
        return worst([level.verdict for level in self.levels])

    def as_dict(self) -> dict[str, Any]:
        """What `check.completed` says of the result."""
        verdict = self.verdict
        return {
            "levels": [level.as_dict() for level in self.levels],
            "verdict": str(verdict.decision),
            "rule": verdict.rule,
            "tolerance_pct": verdict.tolerance_pct,
        }


def verified(calibration: Calibration, found: Sequence[MeasuredPoint], tolerance_pct: float) -> Verification:
    """Points found against the calibration in force. Raises OutsideCalibration for a level it does not cover, ValueError for no points."""
    if not found:
        raise ValueError("a check needs at least one level")
    stated = (
        calibration.curve_budget if calibration.curve_budget.terms else _whole(calibration.expanded_uncertainty_pct)
    )
    levels: list[CheckedLevel] = []
    for point in found:
        expected = calibration.irradiance_at(point.level_pct)
        error_pct = 100.0 * (point.irradiance_mw_cm2 / expected - 1.0)
        expanded_pct = point.budget.change_from(stated).expanded_pct
        verdict = decide(error_pct, expanded_pct, tolerance_pct)
        levels.append(CheckedLevel(point.level_pct, expected, point.irradiance_mw_cm2, verdict))
    return Verification(tuple(levels))


def monitor_points(calibration: Calibration, readings: Mapping[float, Sequence[float]]) -> tuple[MeasuredPoint, ...]:
    """Points by the lamp's own radiometer: per level (%) its readings less its dark reading, mW/cm². Raises ValueError for a lamp without one."""
    if calibration.meter_uncertainty_pct is None:
        raise ValueError(
            f"calibration {calibration.id} does not cover the lamp's own radiometer: check with a reference meter"
        )
    by_calibration = (
        calibration.monitor_budget if calibration.monitor_budget.terms else _whole(calibration.meter_uncertainty_pct)
    )
    points: list[MeasuredPoint] = []
    for level_pct, taken in sorted(readings.items()):
        mean = fsum(taken) / len(taken)
        degrees = len(taken) - 1
        spread = sqrt(fsum((r / mean - 1.0) ** 2 for r in taken) / degrees) if degrees else 0.0
        repeatability_pct = 100.0 * spread / sqrt(len(taken))
        source = "standard deviation of the mean"
        own = Term("monitor repeatability", repeatability_pct, "A", "t", degrees or None, source=source)
        budget = Budget((*by_calibration.terms, own)) if repeatability_pct > 0 else by_calibration
        irradiance = mean * calibration.monitor_factor
        points.append(
            MeasuredPoint(level_pct, calibration.distance_cm, irradiance, len(taken), repeatability_pct, budget)
        )
    return tuple(points)


def _whole(expanded_pct: float) -> Budget:
    """Of a file without a budget: nothing of it is known to be shared."""
    return Budget((Term("calibration", expanded_pct / 2.0, source="calibration file, k=2"),))
