"""The mains as they show in the light: a sag, and a ripple or a slow wander around it.

Functions of time alone: however often one asks, the same moment has the same mains.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

WANDERERS = 6
WANDER_RATIO = 0.618
"""Each wave of a wander is this much shorter than the one before, and as much smaller: a walk's spectrum, without a common period."""


@dataclass(frozen=True, slots=True)
class Wave:
    """A relative deviation of the radiant output."""

    amplitude: float
    period_s: float
    phase: float = 0.0

    def at(self, now: float) -> float:
        return self.amplitude * math.sin(2.0 * math.pi * now / self.period_s + self.phase)


@dataclass(frozen=True, slots=True)
class Mains:
    """What reaches the lamp, as radiant output relative to nominal mains."""

    factor: float = 1.0
    """0.92 is a sag that costs 8 % of the irradiance, not 8 % of the volts."""
    waves: tuple[Wave, ...] = ()

    def at(self, now: float) -> float:
        return self.factor * (1.0 + sum(wave.at(now) for wave in self.waves))


def ripple(percent: float, period_s: float) -> tuple[Wave, ...]:
    """`percent` up and down, once every `period_s`."""
    return (Wave(percent / 100.0, period_s),)


def wander(percent: float, period_s: float, random: Random) -> tuple[Wave, ...]:
    """Up and down without a pattern, `percent` being the standard deviation and `period_s` the slowest swing."""
    sizes = [WANDER_RATIO**index for index in range(WANDERERS)]
    scale = percent / 100.0 * math.sqrt(2.0 / sum(size**2 for size in sizes))
    return tuple(Wave(scale * size, period_s * size, random.uniform(0.0, 2.0 * math.pi)) for size in sizes)
