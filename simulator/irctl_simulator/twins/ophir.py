"""Ophir Nova II, Vega, StarLite power meters: `$XX` commands, `*...` where obeyed, `?...` where not, `OVER` beyond the range.

Source: the command list used by pyLabLib and pymeasure. Assumptions: the number's format, and the texts of `$HI`, `$II` and refusals.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import ClassVar

from irctl_simulator.twins.text import TextMeter


class Ophir(TextMeter):
    kind: ClassVar[str] = "ophir"

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        source: Callable[[float], float] = lambda _now: 0.0,
        random: Random | None = None,
        area_cm2: float = 1.0,
        noise_w_m2: float = 0.3,
        range_w: float = 30.0,
        serial: int = 284_755,
    ) -> None:
        super().__init__(unit, source=source, random=random, area_cm2=area_cm2, noise_w_m2=noise_w_m2)
        self.range_w = range_w
        self.serial = serial

    def command(self, text: str, now: float) -> str | None:
        match text.strip():
            case "$SP":
                watts = self.power_w(now)
                return "*OVER" if watts > self.range_w else f"*{watts:.3E}"
            case "$HI":
                return f"*TH {self.serial} 30A-BB-18"
            case "$II":
                return "*NOVA2 361204 NOVAII"
            case _:
                return "?UNKNOWN COMMAND"
