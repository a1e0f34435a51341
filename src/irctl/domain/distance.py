"""How irradiance falls with distance: E = k/(d+d₀)², for a reflector lamp whose virtual source lies d₀ behind its face.

1/√E = (d+d₀)/√k is a straight line in d, so a weighted straight-line fit gives both, with their covariance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import hypot, inf, sqrt

from irctl.domain.straight_line import StraightLine, straight_line

DISTANCES_MIN = 3
"""Two distances fit any law."""
UNCERTAINTY_MIN_PCT = 0.1
"""No meter repeats better, and a weight needs a number."""


class NoDistanceLaw(ValueError):
    """These data give no law; the text says why."""


@dataclass(frozen=True, slots=True)
class DistancePoint:
    """Irradiance of one level at one distance; `standard_uncertainty_pct` of what is this distance's own (not the meter's factor)."""

    distance_cm: float
    irradiance_mw_cm2: float
    standard_uncertainty_pct: float


@dataclass(frozen=True, slots=True)
class DistanceLaw:
    """E = k/(d+d₀)² of one level. Standard uncertainties (k=1); `residual_pct`: the largest; `correlation` of k and d₀.

    `common_pct`: what all distances share (the meter): it moves the whole law.
    """

    k: float
    d0_cm: float
    u_k_pct: float
    u_d0_cm: float
    residual_pct: float
    correlation: float
    common_pct: float = 0.0
    from_cm: float = 0.0
    to_cm: float = 0.0

    def irradiance_at(self, distance_cm: float) -> float:
        """mW/cm² at a distance in cm. Raises NoDistanceLaw outside the measured distances."""
        if not self.from_cm <= distance_cm <= self.to_cm:
            raise NoDistanceLaw(f"{distance_cm:g} cm is outside the measured {self.from_cm:g} to {self.to_cm:g} cm")
        return self.k / (distance_cm + self.d0_cm) ** 2

    def relative_uncertainty_pct(self, distance_cm: float) -> float:
        """Standard uncertainty (k=1) of `irradiance_at`, in %."""
        by_d0_pct = 200.0 * self.u_d0_cm / (distance_cm + self.d0_cm)
        own = self.u_k_pct**2 + by_d0_pct**2 - 2.0 * self.correlation * self.u_k_pct * by_d0_pct
        return hypot(sqrt(max(0.0, own)), self.common_pct)

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


def fit(points: Sequence[DistancePoint], *, positioning_cm: float = 0.0, common_pct: float = 0.0) -> DistanceLaw:
    """The law through at least three distances. `positioning_cm`: limits of each distance's error. Raises NoDistanceLaw."""
    if len({p.distance_cm for p in points}) < DISTANCES_MIN:
        raise NoDistanceLaw(f"{len(points)} distances: a law needs at least {DISTANCES_MIN}, different ones")
    for p in points:
        if not (0 < p.distance_cm < inf and 0 < p.irradiance_mw_cm2 < inf):
            raise NoDistanceLaw(f"{p.irradiance_mw_cm2:g} mW/cm² at {p.distance_cm:g} cm is no measurement")
    distances = [p.distance_cm for p in points]
    line = _line(points, 0.0)
    # An error of the distance moves a point by the slope, which is what is being fitted.
    for _ in range(2):
        line = _line(points, line.slope * positioning_cm / sqrt(3.0))
    if line.slope <= 0:
        raise NoDistanceLaw("the irradiance does not fall with distance: are two distances swapped?")
    d0_cm, k = line.intercept / line.slope, line.slope**-2
    if d0_cm <= -min(distances):
        raise NoDistanceLaw(
            f"the readings put the source {-d0_cm:.1f} cm in front of the lamp, beyond the nearest distance"
        )
    # k = b⁻², d₀ = a/b: first order in both, GUM 5.2.2.
    a, b = line.intercept, line.slope
    u_k_pct = 200.0 * sqrt(line.slope_variance) / b
    d0_variance = (line.intercept_variance - 2.0 * a / b * line.covariance + (a / b) ** 2 * line.slope_variance) / b**2
    covariance = 200.0 / b**2 * (a / b * line.slope_variance - line.covariance)
    u_d0_cm = sqrt(max(0.0, d0_variance))
    correlation = covariance / (u_k_pct * u_d0_cm) if u_k_pct * u_d0_cm > 0 else 0.0
    residuals = [100.0 * (p.irradiance_mw_cm2 * (p.distance_cm + d0_cm) ** 2 / k - 1.0) for p in points]
    if line.improbable:
        worst = max(range(len(points)), key=lambda i: abs(residuals[i]))
        raise NoDistanceLaw(
            f"the distances contradict each other: {points[worst].distance_cm:g} cm is {residuals[worst]:+.1f} % off the "
            "inverse square; measure that distance and its readings again"
        )
    return DistanceLaw(
        k,
        d0_cm,
        u_k_pct,
        u_d0_cm,
        max(residuals, key=abs),
        max(-1.0, min(1.0, correlation)),
        common_pct,
        min(distances),
        max(distances),
    )


def _line(points: Sequence[DistancePoint], u_by_distance: float) -> StraightLine:
    """1/√E over d; `u_by_distance`: standard uncertainty of 1/√E from that of d."""
    inverse = [1.0 / sqrt(p.irradiance_mw_cm2) for p in points]
    u = [
        hypot(y * max(p.standard_uncertainty_pct, UNCERTAINTY_MIN_PCT) / 200.0, u_by_distance)
        for y, p in zip(inverse, points, strict=True)
    ]
    return straight_line([p.distance_cm for p in points], inverse, u)
