"""Thorlabs PM100 power meters behind something that brings their SCPI to a line: LF in both directions.

Source: the commands used by pymeasure. Assumptions: the number's format, and that power is wrong by a tenth for each 100 nm that the
instrument is set away from the light's own wavelength (`light_nm`), which is only there to be noticed.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import ClassVar

from irctl_simulator.twins.text import TextMeter

NOT_A_NUMBER = "9.910000E+37"


class Pm100(TextMeter):
    kind: ClassVar[str] = "thorlabs-pm100"
    end = b"\n"
    answer_end = b"\n"

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        source: Callable[[float], float] = lambda _now: 0.0,
        random: Random | None = None,
        area_cm2: float = 1.0,
        noise_w_m2: float = 0.3,
        head: str = "S310C",
        flags: int = 1 + 32 + 256,
        wavelength_nm: float = 1100.0,
        light_nm: float = 1100.0,
        range_w: float = 10.0,
    ) -> None:
        super().__init__(unit, source=source, random=random, area_cm2=area_cm2, noise_w_m2=noise_w_m2)
        self.head, self.flags, self.range_w = head, flags, range_w
        self.wavelength_nm, self.light_nm = wavelength_nm, light_nm

    def command(self, text: str, now: float) -> str | None:
        header, _, argument = text.strip().upper().partition(" ")
        match header:
            case "*IDN?":
                return "Thorlabs,PM100USB,P2001234,1.7.0"
            case "SYST:SENS:IDN?":
                return f"{self.head},2101234,13-MAR-2026,2,2,{self.flags}"
            case "MEAS:POW?":
                watts = self.power_w(now) * (1.0 + abs(self.wavelength_nm - self.light_nm) / 1000.0)
                return NOT_A_NUMBER if watts > self.range_w else f"{watts:.6E}"
            case "SENS:CORR:WAV?":
                return f"{self.wavelength_nm:.6E}"
            case "SENS:CORR:WAV":
                self.wavelength_nm = float(argument)
                return None
            case _:
                return None
