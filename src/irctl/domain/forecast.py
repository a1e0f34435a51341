"""How a lamp ages, when it will have left its tolerance, and when to look again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import exp, log, log1p, sqrt

from irctl.domain.drift import Evidence
from irctl.domain.straight_line import straight_line
from irctl.domain.tolerance import Decision

EVIDENCE_MIN = 3
"""Two pieces of evidence fit any line."""
QUANTILE_95 = 1.96
SCATTER_CHANCE = 0.05
"""Scatter less likely than this is taken for the lamp's own, not for chance."""


@dataclass(frozen=True, slots=True)
class Ageing:
    """ratio = exp(intercept + rate·hours), hours from `from_hours`; variances (k=1) and covariance of the fit.

    `quantile`: how many standard uncertainties 95 % are. More than 2 when the evidence scatters beyond its stated uncertainties: then these were
    enlarged by what it does scatter (Birge), which few pieces of evidence know badly.
    """

    intercept: float
    rate_per_hour: float
    intercept_variance: float
    rate_variance: float
    covariance: float
    quantile: float
    from_hours: float

    def ratio_at(self, lamp_hours: float) -> float:
        return exp(self.intercept + self.rate_per_hour * (lamp_hours - self.from_hours))


def ageing(evidence: Sequence[Evidence]) -> Ageing | None:
    """An exponential in lamp-hours, weighted by each piece's own uncertainty; None with fewer than three, or all at the same hours."""
    if len({e.lamp_hours for e in evidence}) < EVIDENCE_MIN:
        return None
    from_hours = min(e.lamp_hours for e in evidence)
    hours = [e.lamp_hours - from_hours for e in evidence]
    line = straight_line(hours, [log(e.ratio) for e in evidence], [e.expanded_pct / 200.0 for e in evidence])
    scale, quantile = 1.0, QUANTILE_95
    if line.chance < SCATTER_CHANCE:
        from scipy.special import stdtrit

        scale = line.chi2 / line.degrees_of_freedom
        quantile = float(stdtrit(line.degrees_of_freedom, 0.975))
    return Ageing(
        line.intercept,
        line.slope,
        scale * line.intercept_variance,
        scale * line.slope_variance,
        scale * line.covariance,
        quantile,
        from_hours,
    )


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the lamp leaves the tolerance: between `likely_from_days` and `likely_to_days` from now, with 95 % confidence.

    `likely_to_days` is None when the evidence does not show that it ever will; all are None when nothing can be said.
    """

    likely_from_days: float | None
    likely_to_days: float | None
    best_days: float | None
    text: str


def forecast(
    evidence: Sequence[Evidence], tolerance_pct: float, hours_per_day: float, lamp_hours: float | None = None
) -> Forecast:
    """When the fitted ageing leaves ± tolerance (Fieller's interval). `lamp_hours`: now; by default, of the last evidence."""
    aged = ageing(evidence)
    if aged is None:
        return Forecast(
            None, None, None, f"no forecast: it takes evidence from at least {EVIDENCE_MIN} different lamp-hours"
        )
    if hours_per_day <= 0:
        return Forecast(None, None, None, "no forecast: the lamp is not used, so nobody knows when its hours will come")
    now = (max(e.lamp_hours for e in evidence) if lamp_hours is None else lamp_hours) - aged.from_hours
    low, high = log1p(-tolerance_pct / 100.0), log1p(tolerance_pct / 100.0)

    def days(hours: float) -> float:
        return max(0.0, (hours - now) / hours_per_day)

    certain = aged.rate_per_hour**2 > aged.quantile**2 * aged.rate_variance
    if not certain:
        first = days(min(_earliest(aged, low, now), _earliest(aged, high, now)))
        return Forecast(
            first, None, None, f"may leave its tolerance from day {first:.0f}; the evidence does not show that it will"
        )
    bound = low if aged.rate_per_hour < 0 else high
    best = days((bound - aged.intercept) / aged.rate_per_hour)
    first, last = (days(hours) for hours in _roots(aged, bound))
    if last == 0.0:
        return Forecast(0.0, 0.0, 0.0, f"has left its tolerance of {tolerance_pct:g} %")
    return Forecast(first, last, best, f"likely in {first:.0f}–{last:.0f} days")


def _fieller(aged: Ageing, bound: float) -> tuple[float, float, float]:
    """A, B, C of A·h² + 2B·h + C ≤ 0: the hours h at which the line cannot be told from the bound (Fieller 1954)."""
    q2, off = aged.quantile**2, aged.intercept - bound
    return (
        aged.rate_per_hour**2 - q2 * aged.rate_variance,
        aged.rate_per_hour * off - q2 * aged.covariance,
        off**2 - q2 * aged.intercept_variance,
    )


def _roots(aged: Ageing, bound: float) -> tuple[float, float]:
    a, b, c = _fieller(aged, bound)
    root = sqrt(max(0.0, b * b - a * c))
    return (-b - root) / a, (-b + root) / a


def _earliest(aged: Ageing, bound: float, now: float) -> float:
    """The first hour from now on at which a line that may as well be level could be at the bound."""
    a, b, c = _fieller(aged, bound)
    if a * now * now + 2.0 * b * now + c <= 0 or a == 0:
        return now
    # a < 0: what cannot be told from the bound lies outside the two roots, and now is between them.
    return max(_roots(aged, bound))


@dataclass(frozen=True, slots=True)
class IntervalPolicy:
    """How often a lamp is calibrated: never less often than `interval_days`."""

    interval_days: float = 365.0
    shortest_days: float = 30.0
    after_fail: float = 0.5
    after_pass: float = 1.25


@dataclass(frozen=True, slots=True)
class AsFound:
    """How a calibration found the lamp."""

    at: datetime
    decision: Decision


def next_interval_days(history: Sequence[AsFound], policy: IntervalPolicy, expected: Forecast | None = None) -> float:
    """Days to the next calibration: shortened after each failed as-found, lengthened again after each pass, never beyond the forecast.

    The staircase of ILAC-G24. A forecast may ask for less than the policy's shortest: a lamp that will be wrong in ten days is looked at in ten days.
    """
    days = policy.interval_days
    for found in sorted(history, key=lambda f: f.at):
        if found.decision is Decision.FAIL:
            days = max(policy.shortest_days, days * policy.after_fail)
        elif found.decision is Decision.PASS:
            days = min(policy.interval_days, days * policy.after_pass)
    if expected is not None and expected.likely_from_days is not None:
        days = min(days, max(1.0, expected.likely_from_days))
    return days
