"""What a lamp does between calibrations: control chart, ageing, a forecast, and when to look again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from irctl.domain.tolerance import Decision

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
    raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Ageing:
    """ratio = exp(intercept + rate·hours), hours from `from_hours`; standard uncertainties and covariance of the fit."""

    intercept: float
    rate_per_hour: float
    u_intercept: float
    u_rate_per_hour: float
    covariance: float
    from_hours: float
    degrees_of_freedom: int

    def ratio_at(self, lamp_hours: float) -> float:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the lamp leaves the tolerance: between `likely_from_days` and `likely_to_days` from now, with 95 % confidence.

    `likely_to_days` is None when the evidence does not show that it ever will; both are None when nothing can be said.
    """

    likely_from_days: float | None
    likely_to_days: float | None
    best_days: float | None
    text: str


def ageing(evidence: Sequence[Evidence]) -> Ageing | None:
    """An exponential in lamp-hours, weighted by each piece's own uncertainty; None with fewer than three."""
    raise NotImplementedError


def forecast(
    evidence: Sequence[Evidence], tolerance_pct: float, hours_per_day: float, lamp_hours: float | None = None
) -> Forecast:
    """When the fitted ageing leaves ± tolerance (Fieller's interval). `lamp_hours`: now; by default, of the last evidence."""
    raise NotImplementedError


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
    """Days to the next calibration: shortened after each failed as-found, lengthened again after each pass, never beyond the forecast."""
    raise NotImplementedError
