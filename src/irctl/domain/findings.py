"""What the readings of one stage (as-found, as-left) say: the points, the curve, the monitor, the law, the decision. One function, for worksheet and certificate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, fsum, log, sqrt
from typing import Any, cast

from irctl.domain.budget import NO_BUDGET, Budget, Term, monitor_budget
from irctl.domain.calibration import CURVE_POINTS_MIN
from irctl.domain.distance import DistanceLaw, DistancePoint, NoDistanceLaw, fit
from irctl.domain.meters import Meter
from irctl.domain.plan import Plan
from irctl.domain.plausibility import curve_problems, reading_problems
from irctl.domain.problems import Problem
from irctl.domain.readings import LevelReading, MeasuredPoint, points
from irctl.domain.tolerance import Verdict, decide, worst

BETWEEN_STEPS = 10
"""Places between two points at which the curve is doubted."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """How a stage was measured: the largest residual slope while read (%, half-width), the largest angle, the positioning (half-width, cm)."""

    steadiness_pct: float
    angle_deg: float
    positioning_cm: float


@dataclass(frozen=True, slots=True)
class LevelError:
    """What a level gives against what the calibration in force says; the error is found / stated − 1."""

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
    monitor: Budget
    errors: tuple[LevelError, ...]
    verdict: Verdict | None
    """The worst level against the calibration in force; None without one."""
    fitness: Verdict
    """Whether U itself fits into the tolerance: a curve that is known less well can pass no check."""
    problems: tuple[Problem, ...]

    def as_dict(self) -> dict[str, Any]:
        """For `calibration.submitted`, the API and the certificate: figures to six digits, so that a recomputation gives the same text."""
        told = {
            "stage": self.stage,
            "points": [point.as_dict() for point in self.points],
            "curve": {"expanded_pct": self.curve.expanded_pct, "budget": self.curve.as_list()},
            "law": None if self.law is None else self.law.as_dict(),
            "monitor": None
            if self.monitor_factor is None
            else {
                "factor": self.monitor_factor,
                "expanded_pct": self.monitor.expanded_pct,
                "budget": self.monitor.as_list(),
            },
            "errors": [
                {"level_pct": e.level_pct, "stated_mw_cm2": e.stated_mw_cm2, "found_mw_cm2": e.found_mw_cm2}
                | e.verdict.as_dict()
                for e in self.errors
            ],
            "verdict": None if self.verdict is None else self.verdict.as_dict(),
            "fitness": self.fitness.as_dict(),
            "problems": [str(problem) for problem in self.problems],
        }
        return to_six_digits(told)


def to_six_digits(told: Any) -> Any:
    """Every float in a JSON value to six significant digits: beyond that, no two machines need agree, and no meter means it."""
    match told:
        case float():
            return float(f"{told:.6g}")
        case dict():
            return {key: to_six_digits(value) for key, value in cast("dict[str, Any]", told).items()}
        case list():
            return [to_six_digits(value) for value in cast("list[Any]", told)]
        case _:
            return told


def findings(
    stage: str,
    readings: Sequence[LevelReading],
    meter: Meter,
    lamp_type: str,
    plan: Plan,
    conditions: Conditions,
    stated: Sequence[tuple[float, float]] | None,
    scope: str,
    *,
    stated_monitor_factor: float = 1.0,
) -> Findings:
    """Everything the readings of one stage say. Raises MeterError.

    `stated`: (level %, mW/cm²) points of the calibration in force, None without one; `stated_monitor_factor` the factor of the lamp's own radiometer
    in it. `scope`: the calibration's number, so that its positionings are not taken for another's.
    """

    def points_at(distance_cm: float, d0_cm: float) -> tuple[MeasuredPoint, ...]:
        return points(
            readings,
            meter,
            lamp_type,
            distance_cm=distance_cm,
            positioning_cm=conditions.positioning_cm,
            steadiness_pct=conditions.steadiness_pct,
            angle_deg=conditions.angle_deg,
            d0_cm=d0_cm,
            scope=f"{scope} {stage} at {distance_cm:g} cm",
        )

    problems = reading_problems(readings, meter)
    law: DistanceLaw | None = None
    if len(plan.distances_cm) > 1 and not problems:
        highest = [p for d in plan.distances_cm for p in points_at(d, 0.0) if p.level_pct == plan.levels_pct[-1]]
        try:
            law = _law(highest, conditions.positioning_cm)
        except NoDistanceLaw as reason:
            remedy = "Set the distances anew with a rule and read them again"
            problems.append(Problem("distances_cm", list(plan.distances_cm), str(reason), remedy))
    measured = points_at(plan.distance_cm, law.d0_cm if law else 0.0)
    expected = stated_curve(stated)
    if not problems:
        problems = curve_problems(measured, expected, stated_monitor_factor)
    curve = _curve_budget(measured, monotone=not problems)
    factors = [p.monitor_ratio for p in measured if p.monitor_ratio is not None]
    errors = tuple(
        LevelError(p.level_pct, told, p.irradiance_mw_cm2, decide(error_pct, p.budget.expanded_pct, plan.tolerance_pct))
        for p in measured
        if (told := expected(p.level_pct)) is not None
        for error_pct in (100.0 * (p.irradiance_mw_cm2 / told - 1.0),)
    )
    return Findings(
        stage,
        measured,
        curve,
        law,
        fsum(factors) / len(factors) if factors else None,
        monitor_budget([p.budget for p in measured], factors) if factors else NO_BUDGET,
        errors,
        worst([e.verdict for e in errors]) if errors else None,
        decide(0.0, curve.expanded_pct, plan.tolerance_pct),
        tuple(problems),
    )


def _law(highest: Sequence[MeasuredPoint], positioning_cm: float) -> DistanceLaw:
    """From one level at several distances: what their budgets share moves the law as a whole, the rest scatters about it."""
    shared = frozenset[str].intersection(*(frozenset(t.group for t in p.budget.terms if t.group) for p in highest))

    def part_pct(point: MeasuredPoint, *, common: bool) -> float:
        # The positioning is the fit's own business: it is an error of d, not of E.
        terms = (t for t in point.budget.terms if (t.group in shared) == common and t.name != "distance")
        return Budget(tuple(terms)).combined_pct

    return fit(
        [DistancePoint(p.distance_cm, p.irradiance_mw_cm2, part_pct(p, common=False)) for p in highest],
        positioning_cm=positioning_cm,
        common_pct=max(part_pct(p, common=True) for p in highest),
    )


def _curve_budget(measured: Sequence[MeasuredPoint], *, monotone: bool) -> Budget:
    """Of any level on the curve: the worst point's, and how well a curve through points is known between them."""
    if not measured:
        return NO_BUDGET
    budget = max((p.budget for p in measured), key=lambda b: b.combined_pct)
    between_pct = _between_points_pct([(p.level_pct, p.irradiance_mw_cm2) for p in measured]) if monotone else 0.0
    if between_pct == 0:
        return budget
    source = "the curve against one on logarithmic scales, and against its points left out"
    term = Term("between the points", between_pct / sqrt(3.0), distribution="rectangular", source=source)
    return Budget((*budget.terms, term))


def _between_points_pct(points: Sequence[tuple[float, float]]) -> float:
    """Limits of the interpolation's error: the worse of two ways to doubt the curve.

    How far it lies from the same curve on logarithmic scales (a lamp follows a power of its level more nearly than anything else), and by how much it
    misses each inner point when that is left out: a quarter of it, for the gap is then twice as wide, times two for the outer gaps, which bend most.
    """
    drawn, logarithmic = _curve(points), _curve([(log(level), log(irradiance)) for level, irradiance in points])
    between = (
        low + (high - low) * n / BETWEEN_STEPS
        for (low, _), (high, _) in pairwise(points)
        for n in range(1, BETWEEN_STEPS)
    )
    apart = max((abs(drawn(level) / exp(logarithmic(log(level))) - 1.0) for level in between), default=0.0)
    inner = range(1, len(points) - 1) if len(points) > CURVE_POINTS_MIN else ()
    missed = (abs(_curve([*points[:i], *points[i + 1 :]])(points[i][0]) / points[i][1] - 1.0) for i in inner)
    return 100.0 * max(apart, max(missed, default=0.0) / 2.0)


def stated_curve(stated: Sequence[tuple[float, float]] | None) -> Callable[[float], float | None]:
    """What the calibration in force says a level gives, in mW/cm²; None outside it, and without one."""
    if not stated:
        return lambda level_pct: None
    ordered = sorted(stated)
    curve = _curve(ordered)
    return lambda level_pct: curve(level_pct) if ordered[0][0] <= level_pct <= ordered[-1][0] else None


def _curve(points: Sequence[tuple[float, float]]) -> Callable[[float], float]:
    from scipy.interpolate import PchipInterpolator

    curve = PchipInterpolator([level for level, _ in points], [irradiance for _, irradiance in points])
    return lambda level_pct: float(curve(level_pct))
