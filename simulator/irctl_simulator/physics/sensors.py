"""Sensors that follow what they look at with one time constant, in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass

from irctl_simulator.physics.lamp import Field

TAU_APART = 1e-6
"""Closest relative distance of two time constants; nearer, the closed form divides by nothing."""


@dataclass(slots=True)
class FirstOrder:
    """y' = (x - y) / tau_s."""

    tau_s: float
    value: float = 0.0

    def follow(self, level: float, transients: list[tuple[float, float]], dt_s: float) -> None:
        """Move on by `dt_s` while the input is level + sum(a * exp(-t / tau)): exact."""
        if self.tau_s <= 0.0:
            self.value = level + sum(a * math.exp(-dt_s / tau) for a, tau in transients)
            return
        settled, remaining = level, self.value - level
        for amplitude, tau in transients:
            other = tau * (1.0 + TAU_APART) if abs(tau - self.tau_s) < TAU_APART * tau else tau
            response = amplitude * other / (other - self.tau_s)
            settled += response * math.exp(-dt_s / other)
            remaining -= response
        self.value = settled + remaining * math.exp(-dt_s / self.tau_s)

    def hold(self, level: float, dt_s: float) -> float:
        """The value `dt_s` later, were the input constant at `level`."""
        if self.tau_s <= 0.0:
            return level
        return level + (self.value - level) * math.exp(-dt_s / self.tau_s)


@dataclass(slots=True)
class Head:
    """The head of a radiometer that is held under a lamp, in the beam's axis, tilted by an angle against it."""

    response: FirstOrder
    distance_cm: float = 50.0
    angle_deg: float = 0.0

    def full_mw_cm2(self, light: Field) -> float:
        """What falls on it when `light` is at full power."""
        return light.at(self.distance_cm) * math.cos(math.radians(self.angle_deg))
