"""The plan of a burn-in: so many hours of light, in stretches, at levels in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from irctl.domain.problems import Problem

HOURS_MAX = 200.0
"""Of light. Longer is another decision, by somebody who has looked at the lamp."""
ON_MIN, OFF_MIN = (1.0, 60.0), (2.0, 60.0)
"""Minutes. The lamp's hours are counted after each stretch, so a crash loses no more than one; an afterglow is over within the shortest dark."""
LEVELS_MAX = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """`hours` of light in stretches of `on_min` minutes, each at the next of `levels_pct`, with `off_min` minutes of dark between them."""

    hours: float
    levels_pct: tuple[float, ...]
    on_min: float
    off_min: float

    def problems(self, lowest_pct: float, held: Callable[[float], float]) -> list[Problem]:
        """What makes no sense of it. `held`: what the emitter makes of a level, 0 where it cannot."""
        problems = [
            Problem(name, value, f"is not between {least:g} and {most:g} minutes", "Choose another")
            for name, value, (least, most) in (("on_min", self.on_min, ON_MIN), ("off_min", self.off_min, OFF_MIN))
            if not least <= value <= most
        ]
        if not 0 < self.hours <= HOURS_MAX:
            problems.append(Problem("hours", self.hours, f"is not above 0 and at most {HOURS_MAX:g}", "Choose another"))
        if not 0 < len(self.levels_pct) <= LEVELS_MAX:
            problems.append(
                Problem("levels_pct", len(self.levels_pct), f"is not 1 to {LEVELS_MAX} levels", "Give them")
            )
        problems += [
            Problem("levels_pct", level, f"is not between {lowest_pct:g} and 100 %", "Give one that the emitter holds")
            for level in self.levels_pct
            if not (lowest_pct <= level <= 100.0 and held(level) > 0)
        ]
        return problems
