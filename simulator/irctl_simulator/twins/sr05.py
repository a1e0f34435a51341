"""Hukseflux SR05-D1A3 / SR15 / SR20-D2 pyranometer: irradiance in 0.01 W/m2 as a signed 32-bit number.

Source: Hukseflux manual's register table and worked example (973.59 W/m2), which Campbell's sheets contradict.
The SR05-D1A3-PV has the same table 0x1000 higher (`register_base`). Register 1 holds the serial settings (5 = 19200 8E1) and
40 the serial number; 4-5 (irradiance before temperature correction) are from memory. Far-infrared response is not modelled.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import ClassVar

from irctl_simulator.twins.base import Cell, RegisterTwin, constant, live_int_cells, put

SENSITIVITY_NV = 10_000
"""Assumed sensitivity, nV per W/m2: gives the voltage register something consistent to show."""

REGISTER_W_M2 = 0.01
"""What one count of the irradiance registers is worth: no display is finer."""


class HuksefluxSr05(RegisterTwin):
    kind: ClassVar[str] = "hukseflux-sr05"
    functions: ClassVar[frozenset[int]] = frozenset({3})

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        source: Callable[[float], float] = lambda _now: 0.0,
        random: Random | None = None,
        offset_w_m2: float = 0.0,
        gain: float = 1.0,
        noise_w_m2: float = 0.3,
        resolution_w_m2: float = REGISTER_W_M2,
        full_scale_w_m2: float = math.inf,
        serial: int = 2741,
        register_base: int = 0,
    ) -> None:
        super().__init__(unit, broadcast=False)
        self.source = source
        self.offset_w_m2 = offset_w_m2
        self.gain = gain
        self.noise_w_m2 = noise_w_m2
        self.resolution_w_m2 = max(resolution_w_m2, REGISTER_W_M2)
        self.full_scale_w_m2 = full_scale_w_m2
        """Nothing above it is shown. None by default: what the real instrument does beyond its range is not known."""
        self.fault_gain = 1.0
        self.fault_full_scale_w_m2 = math.inf
        self.frozen = False
        self._random = random or Random(0)
        self._shown_at = now - 1.0
        self._shown_w_m2 = offset_w_m2
        self._map(register_base, serial)

    def _map(self, base: int, serial: int) -> None:
        irradiance = live_int_cells(lambda now: round(self.irradiance_w_m2(now) / REGISTER_W_M2), 2)
        put(self.holdings, base, [Cell(lambda _now: self.unit), constant(5), *irradiance, *irradiance])
        put(self.holdings, base + 6, [Cell(lambda now: round(self.body_c(now) * 100.0)), constant(1090)])
        put(self.holdings, base + 8, [constant(100), constant(100)])
        voltage = live_int_cells(lambda now: round(self.irradiance_w_m2(now) * SENSITIVITY_NV), 2)
        put(self.holdings, base + 10, voltage)
        self.holdings[base + 40] = constant(serial)

    def irradiance_w_m2(self, now: float) -> float:
        """One sample: noise is drawn once an instant, so that both words of a value agree."""
        if self.frozen or now == self._shown_at:
            return self._shown_w_m2
        self._shown_at = now
        noise = self._random.gauss(0.0, self.noise_w_m2) if self.noise_w_m2 > 0 else 0.0
        seen = self.source(now) * self.gain * self.fault_gain + self.offset_w_m2 + noise
        step = self.resolution_w_m2
        self._shown_w_m2 = min(round(seen / step) * step, self.full_scale_w_m2, self.fault_full_scale_w_m2)
        return self._shown_w_m2

    def body_c(self, now: float) -> float:
        """The housing warms a little under the lamp."""
        return 24.0 + self.irradiance_w_m2(now) * 0.005
