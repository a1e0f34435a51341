"""Gentec-EO Maestro and Integra power meters: `*CVU` tells the last value, new or old; `*NVU` whether there is a new one.

Assumptions: the words of `*NVU`, that telling the value makes it an old one, and one new value in `period_s`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import ClassVar, Literal

from irctl_simulator.twins.text import TextMeter

NEW, NOT_NEW = "New Data Available", "New Data Not Available"
ENDS = {"none": b"", "cr": b"\r", "lf": b"\n", "crlf": b"\r\n"}


class Gentec(TextMeter):
    kind: ClassVar[str] = "gentec"

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        source: Callable[[float], float] = lambda _now: 0.0,
        random: Random | None = None,
        area_cm2: float = 1.0,
        noise_w_m2: float = 0.3,
        period_s: float = 0.1,
        command_end: Literal["none", "cr", "lf", "crlf"] = "none",
    ) -> None:
        super().__init__(unit, source=source, random=random, area_cm2=area_cm2, noise_w_m2=noise_w_m2)
        self.end = ENDS[command_end]
        self.period_s = period_s
        self._taken_at = now
        self._told_at = now
        self._value_w = 0.0

    def command(self, text: str, now: float) -> str | None:
        self._measure(now)
        match text.strip():
            case "*CVU":
                self._told_at = self._taken_at
                return f"Current Value : {self._value_w:.6f}"
            case "*NVU":
                return NEW if self._taken_at > self._told_at else NOT_NEW
            case _:
                return "Command Error. Command not recognized."

    def _measure(self, now: float) -> None:
        """A head that has frozen gives no new values."""
        if not self.frozen and now - self._taken_at >= self.period_s:
            self._taken_at = now
            self._value_w = self.power_w(now)
