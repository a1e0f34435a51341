"""A weighted straight line with its covariance: the distance law and the ageing of a lamp are both one, seen rightly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

IMPROBABLE = 0.001
"""χ² beyond this: the points do not lie on a line within their own uncertainties."""


@dataclass(frozen=True, slots=True)
class StraightLine:
    """y = intercept + slope·x, fitted with known standard uncertainties of y."""

    intercept: float
    slope: float
    intercept_variance: float
    slope_variance: float
    covariance: float
    chi2: float
    degrees_of_freedom: int

    @property
    def chance(self) -> float:
        """How often points on a line scatter more than these."""
        if self.degrees_of_freedom == 0:
            return 1.0
        from scipy.special import chdtrc

        return float(chdtrc(self.degrees_of_freedom, self.chi2))

    @property
    def improbable(self) -> bool:
        return self.chance < IMPROBABLE


def straight_line(x: Sequence[float], y: Sequence[float], u: Sequence[float]) -> StraightLine:
    """Least squares weighted by 1/u². Raises ZeroDivisionError when all x are the same."""
    w = [1.0 / ui**2 for ui in u]
    total = fsum(w)
    centre = fsum(wi * xi for wi, xi in zip(w, x, strict=True)) / total
    mean = fsum(wi * yi for wi, yi in zip(w, y, strict=True)) / total
    spread = fsum(wi * (xi - centre) ** 2 for wi, xi in zip(w, x, strict=True))
    slope = fsum(wi * (xi - centre) * (yi - mean) for wi, xi, yi in zip(w, x, y, strict=True)) / spread
    intercept = mean - slope * centre
    return StraightLine(
        intercept,
        slope,
        1.0 / total + centre**2 / spread,
        1.0 / spread,
        -centre / spread,
        fsum(wi * (yi - intercept - slope * xi) ** 2 for wi, xi, yi in zip(w, x, y, strict=True)),
        len(x) - 2,
    )
