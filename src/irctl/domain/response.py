"""How a lamp warms up and glows on: a sum of first-order parts (filament, envelope, reflector).

The same parts that are slow to rise are the ones that still radiate after the power is cut, so one small model gives the
warm-up of a lamp without radiometer and the afterglow of every lamp.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, expm1, inf, isclose


@dataclass(frozen=True, slots=True)
class ResponsePart:
    """A share of the steady irradiance that follows the power with time constant `tau_s`."""

    fraction: float
    tau_s: float


@dataclass(frozen=True, slots=True)
class LampResponse:
    """The parts of one lamp; their fractions add up to 1."""

    parts: tuple[ResponsePart, ...]

    def __post_init__(self) -> None:
        if not self.parts or not all(p.fraction > 0 and 0 < p.tau_s < inf for p in self.parts):
            raise ValueError("a lamp response needs parts with fraction and tau_s above zero")
        if not isclose(sum(p.fraction for p in self.parts), 1.0, abs_tol=1e-3):
            raise ValueError(
                f"the fractions of a lamp response add up to {sum(p.fraction for p in self.parts):g}, not 1"
            )

    @property
    def afterglow_s(self) -> float:
        """The afterglow of a lamp in its steady state, as seconds of that irradiance."""
        return sum(part.fraction * part.tau_s for part in self.parts)


@dataclass(slots=True)
class LampModel:
    """The state of a lamp as its calibration predicts it: time is passed in, never read."""

    response: LampResponse
    emissions_mw_cm2: list[float] = field(init=False)
    fluence_j_cm2: float = 0.0

    def __post_init__(self) -> None:
        self.emissions_mw_cm2 = [0.0] * len(self.response.parts)

    @property
    def irradiance_mw_cm2(self) -> float:
        return sum(self.emissions_mw_cm2)

    @property
    def afterglow_j_cm2(self) -> float:
        """What the lamp still gives if the power is cut now: the sum of irradiance times time constant."""
        return sum(x * p.tau_s for x, p in zip(self.emissions_mw_cm2, self.response.parts, strict=True)) / 1000.0

    def advance(self, duration_s: float, steady_mw_cm2: float) -> None:
        """Let `duration_s` pass with the lamp driven at a level whose steady irradiance is `steady_mw_cm2` (exact)."""
        for i, part in enumerate(self.response.parts):
            start, goal = self.emissions_mw_cm2[i], part.fraction * steady_mw_cm2
            decay, fallen = exp(-duration_s / part.tau_s), -expm1(-duration_s / part.tau_s)
            self.emissions_mw_cm2[i] = goal + (start - goal) * decay
            self.fluence_j_cm2 += (goal * duration_s + (start - goal) * part.tau_s * fallen) / 1000.0

    def settle(self) -> None:
        """Let the afterglow fade out completely."""
        self.fluence_j_cm2 += self.afterglow_j_cm2
        self.emissions_mw_cm2 = [0.0] * len(self.response.parts)
