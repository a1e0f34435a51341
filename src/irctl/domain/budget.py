"""Uncertainty budgets after the GUM (JCGM 100): relative standard uncertainties in %, combined, expanded with k=2.

Everything that turns a reading into an irradiance is a factor, so relative uncertainties add as root sum of squares (GUM 5.1.6). Terms that come from one
and the same quantity (one `group`) do not: inside a budget they add up, and between two results they cancel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from math import cos, hypot, inf, radians, sqrt
from typing import Any, Literal, Self

from irctl.domain.meters import Meter

COVERAGE_FACTOR = 2.0
"""k: about 95 % for a nearly normal distribution."""
DAYS_A_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class Term:
    """One reason why a result is not known better.

    `standard_uncertainty_pct`: k=1, of the result. `kind`: A from repeated readings, B from anything else. `degrees_of_freedom`: None when unlimited.
    `group`: names the quantity behind it; None for one that is nobody else's. `source`: where the figure comes from.
    """

    name: str
    standard_uncertainty_pct: float
    kind: Literal["A", "B"] = "B"
    distribution: Literal["normal", "rectangular", "t"] = "normal"
    degrees_of_freedom: int | None = None
    group: str | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Budget:
    """The uncertainty of one result."""

    terms: tuple[Term, ...]

    @property
    def combined_pct(self) -> float:
        """Combined standard uncertainty, k=1, in % of the result."""
        return hypot(*self._groups().values())

    @property
    def expanded_pct(self) -> float:
        """Expanded uncertainty, k=2, in % of the result."""
        return COVERAGE_FACTOR * self.combined_pct

    @property
    def degrees_of_freedom(self) -> float:
        """Effective, after Welch and Satterthwaite (GUM G.4.1); infinite without a term of kind A."""
        below = sum(
            t.standard_uncertainty_pct**4 / t.degrees_of_freedom for t in self.terms if t.degrees_of_freedom is not None
        )
        return self.combined_pct**4 / below if below > 0 else inf

    def share(self, term: Term) -> float:
        """What part of the variance a term answers for, 0 to 1; the shares of all terms add up to 1."""
        raise NotImplementedError

    def change_from(self, other: Budget) -> Budget:
        """The budget of the ratio of this result to another: what both have in common (one meter, one positioning) cancels."""
        raise NotImplementedError

    def _groups(self) -> dict[str, float]:
        raise NotImplementedError

    def as_list(self) -> list[dict[str, Any]]:
        return [asdict(term) for term in self.terms]

    @classmethod
    def of(cls, told: Iterable[Mapping[str, Any]]) -> Self:
        return cls(tuple(Term(**term) for term in told))


def point_budget(
    meter: Meter,
    lamp_type: str,
    at: datetime,
    *,
    net_mw_cm2: float,
    distance_cm: float,
    positioning_cm: float,
    repeatability_pct: float,
    repeatability_degrees: int,
    dark_noise_mw_cm2: float = 0.0,
    steadiness_pct: float = 0.0,
    angle_deg: float = 0.0,
    d0_cm: float = 0.0,
    scope: str = "",
) -> Budget:
    """The budget of one measured point.

    `net_mw_cm2`: reading less dark. `positioning_cm`: limits of the distance's error (half-width). `repeatability_pct`: standard deviation of the mean.
    `dark_noise_mw_cm2`: standard uncertainty of the dark reading. `steadiness_pct`: limits of how far the lamp still moved while read.
    `d0_cm`: of the fitted distance law, 0 without one. `scope`: what shares this positioning (calibration, stage, distance).
    """
    raise NotImplementedError


def monitor_budget(points: Sequence[Budget], factors: Sequence[float]) -> Budget:
    """The budget of the lamp's own radiometer against the reference, for any of the levels.

    `factors`: true / monitor at each level. What the points have in common stays; how far the factors scatter over the levels is added.
    """
    raise NotImplementedError
