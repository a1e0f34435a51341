"""How irradiance falls with distance: E = k/(d+d₀)², for a reflector lamp whose virtual source lies d₀ behind its face.

1/√E = (d+d₀)/√k is a straight line in d, so a weighted straight-line fit gives both, with their covariance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DISTANCES_MIN = 3
"""Two distances fit any law."""


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
        raise NotImplementedError

    def relative_uncertainty_pct(self, distance_cm: float) -> float:
        """Standard uncertainty (k=1) of `irradiance_at`, in %."""
        raise NotImplementedError


def fit(points: Sequence[DistancePoint], *, positioning_cm: float = 0.0, common_pct: float = 0.0) -> DistanceLaw:
    """The law through at least three distances. `positioning_cm`: limits of each distance's error. Raises NoDistanceLaw."""
    raise NotImplementedError
