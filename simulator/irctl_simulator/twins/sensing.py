"""What sensor twins share: one sample an instant, with noise, gain and the faults that a sensor can have."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import ClassVar

from irctl_simulator.twins.base import RegisterTwin


class SensorTwin(RegisterTwin):
    """`source`: the truth, in the instrument's unit; set by the station."""

    at_rest: ClassVar[float] = 0.0

    def __init__(
        self,
        unit: int,
        now: float,
        source: Callable[[float], float] | None,
        random: Random | None,
        noise: float,
        *,
        broadcast: bool = False,
    ) -> None:
        super().__init__(unit, broadcast=broadcast)
        self.source = source or (lambda _now: self.at_rest)
        self.noise = noise
        self.fault_gain = 1.0
        self.frozen = False
        self._random = random or Random(0)
        self._shown_at = now - 1.0
        self._shown = self.at_rest

    def seen(self, now: float) -> float:
        """One sample: noise is drawn once an instant, so that all registers of a block agree."""
        if self.frozen or now == self._shown_at:
            return self._shown
        self._shown_at = now
        noise = self._random.gauss(0.0, self.noise) if self.noise > 0 else 0.0
        self._shown = self.limited(self.source(now) * self.fault_gain + noise)
        return self._shown

    def limited(self, value: float) -> float:
        """What the instrument can show of it."""
        return value


class RadiometerTwin(SensorTwin):
    """W/m². `fault_full_scale_w_m2`: nothing above it is shown."""

    fault_full_scale_w_m2 = math.inf

    def limited(self, value: float) -> float:
        return min(value, self.fault_full_scale_w_m2)


class ThermometerTwin(SensorTwin):
    """°C."""

    at_rest: ClassVar[float] = 24.0
