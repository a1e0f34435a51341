"""Uncertainty budgets after the GUM (JCGM 100): relative standard uncertainties in %, combined, expanded with k=2.

Everything that turns a reading into an irradiance is a factor, so relative uncertainties add as root sum of squares (GUM 5.1.6). Terms that come from one
and the same quantity (one `group`) do not: inside a budget they add up, and between two results they cancel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from math import cos, fsum, hypot, inf, radians, sqrt
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:  # every calibration has a budget, and is imported before the lamps are driven dark
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
        alone = (t.standard_uncertainty_pct for t in self.terms if t.group is None)
        return hypot(*alone, *self._groups().values())

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
        if self.combined_pct == 0:
            return 0.0
        own = term.standard_uncertainty_pct
        together = own if term.group is None else self._groups()[term.group]
        return own * together / self.combined_pct**2

    def change_from(self, other: Budget) -> Budget:
        """The budget of the ratio of this result to another: what both have in common (one meter, one positioning) cancels."""
        mine, theirs = self._groups(), other._groups()
        common = mine.keys() & theirs.keys()
        left = [t for t in self.terms if t.group not in common]
        left += [replace(t, name=f"{t.name} of the reference") for t in other.terms if t.group not in common]
        for group in sorted(common):
            first = next(t for t in self.terms if t.group == group)
            left.append(replace(first, standard_uncertainty_pct=abs(mine[group] - theirs[group])))
        return Budget(tuple(t for t in left if t.standard_uncertainty_pct > 0))

    def _groups(self) -> dict[str, float]:
        sums: dict[str, float] = {}
        for t in self.terms:
            if t.group is not None:
                sums[t.group] = sums.get(t.group, 0.0) + t.standard_uncertainty_pct
        return sums

    def as_list(self) -> list[dict[str, Any]]:
        return [asdict(term) for term in self.terms]

    @classmethod
    def of(cls, told: Iterable[Mapping[str, Any]]) -> Self:
        return cls(tuple(Term(**term) for term in told))


NO_BUDGET = Budget(())


def of_meter(serial: str, certificate: str) -> str:
    """One meter as one certificate has it: after another calibration of it nothing cancels any more."""
    return f"{serial} by {certificate}"


def factor_group(meter: str) -> str:
    return f"factor of {meter}"


def mismatch_group(meter: str, lamp_type: str) -> str:
    return f"mismatch of {meter} for {lamp_type}"


@dataclass(frozen=True, slots=True)
class Shared:
    """What a calibration that is a file says of its U (each k=2, %): parts that came with the reference meter, and from where it stood.

    The meter's cancel when the same meter, by the same certificate, checks the lamp. All of them cancel against the lamp's own radiometer, which was
    compared with that meter at that place.
    """

    serial: str
    certificate: str
    lamp_type: str
    factor_pct: float
    spectral_pct: float = 0.0
    position_pct: float = 0.0

    def budget(self, expanded_pct: float) -> Budget:
        """Of a result whose U (k=2) these are part of; the rest is nobody else's. Raises ValueError where they are more than the whole."""
        meter, source = of_meter(self.serial, self.certificate), "calibration file, k=2"
        parts = (
            Term("meter", self.factor_pct / 2.0, group=factor_group(meter), source=source),
            Term(
                "spectral mismatch", self.spectral_pct / 2.0, group=mismatch_group(meter, self.lamp_type), source=source
            ),
            Term("position", self.position_pct / 2.0, group="position at that calibration", source=source),
        )
        shared_pct = Budget(parts).expanded_pct
        if shared_pct > expanded_pct:
            raise ValueError(f"its parts make {shared_pct:.2f} %, and the whole is {expanded_pct:g} %")
        rest = Term("everything else", sqrt(expanded_pct**2 - shared_pct**2) / 2.0, source=source)
        return Budget(tuple(t for t in (*parts, rest) if t.standard_uncertainty_pct > 0))


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
    mismatch = meter.mismatch(lamp_type)
    certificate = f"certificate {meter.certificate} of {meter.laboratory}"
    years = max(0.0, (at - meter.calibrated_at).days / DAYS_A_YEAR)
    this_meter = of_meter(meter.serial, meter.certificate)

    def limits(name: str, half_width_pct: float, group: str | None, source: str) -> Term:
        return Term(name, half_width_pct / sqrt(3.0), distribution="rectangular", group=group, source=source)

    terms = (
        Term(
            "meter",
            meter.expanded_uncertainty_pct / 2.0,
            group=factor_group(this_meter),
            source=f"{certificate}, k=2",
        ),
        Term(
            "spectral mismatch",
            mismatch.expanded_uncertainty_pct / 2.0,
            group=mismatch_group(this_meter, lamp_type),
            source=f"{certificate}, {lamp_type}, k=2",
        ),
        limits("cosine response", meter.cosine_pct, f"cosine of {this_meter}", certificate),
        limits(
            "meter drift",
            meter.drift_pct_per_year * years,
            f"drift of {this_meter}",
            f"{meter.drift_pct_per_year:g} % a year since {meter.calibrated_at:%Y-%m-%d}",
        ),
        limits(
            "distance",
            200.0 * positioning_cm / (distance_cm + d0_cm),
            f"distance, {scope}",
            f"2·Δd/(d+d₀), ±{positioning_cm:g} cm at {distance_cm:g} cm, d₀ = {d0_cm:.2f} cm",
        ),
        limits("alignment", 100.0 * (1.0 - cos(radians(angle_deg))), f"alignment, {scope}", f"±{angle_deg:g}°"),
        Term(
            "repeatability",
            repeatability_pct,
            kind="A",
            distribution="t",
            degrees_of_freedom=repeatability_degrees if repeatability_degrees > 0 else None,
            source="standard deviation of the mean",
        ),
        Term(
            "dark reading", 100.0 * dark_noise_mw_cm2 / net_mw_cm2, kind="A", group=f"dark, {scope}", source="its noise"
        ),
        # Reading and dark reading are both rounded to a digit: √2 · digit/√12.
        Term(
            "resolution",
            100.0 * meter.resolution_mw_cm2 / sqrt(6.0) / net_mw_cm2,
            distribution="rectangular",
            source=f"last digit {meter.resolution_mw_cm2:g} mW/cm²",
        ),
        limits("steadiness", steadiness_pct, None, "how far the lamp still moved while it was read"),
    )
    return Budget(tuple(t for t in terms if t.standard_uncertainty_pct > 0))


def monitor_budget(points: Sequence[Budget], factors: Sequence[float]) -> Budget:
    """The budget of the lamp's own radiometer against the reference, for any of the levels.

    `factors`: true / monitor at each level. What the points have in common stays; how far the factors scatter over the levels is added.
    """
    if not points:
        return NO_BUDGET
    worst = max(points, key=lambda budget: budget.combined_pct)
    if len(factors) < 2:
        return worst
    mean = fsum(factors) / len(factors)
    scatter_pct = 100.0 * sqrt(fsum((f / mean - 1.0) ** 2 for f in factors) / (len(factors) - 1))
    # Not of the mean: a session runs at one level, and the monitor is off there by what it is off there.
    term = Term(
        "monitor over the levels",
        scatter_pct,
        kind="A",
        distribution="t",
        degrees_of_freedom=len(factors) - 1,
        source="scatter of true / monitor over the levels",
    )
    return Budget((*worst.terms, term)) if scatter_pct > 0 else worst
