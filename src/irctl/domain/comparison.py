"""Two meters under one lamp: do their certificates agree? E_n numbers (ISO 13528, ISO/IEC 17043): |E_n| ≤ 1 agrees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from irctl.domain.readings import MeasuredPoint


@dataclass(frozen=True, slots=True)
class Agreement:
    """One level seen by both: `difference_pct` of a against b, its expanded uncertainty, and their ratio E_n."""

    level_pct: float
    a_mw_cm2: float
    b_mw_cm2: float
    difference_pct: float
    expanded_pct: float
    e_n: float


@dataclass(frozen=True, slots=True)
class Comparison:
    levels: tuple[Agreement, ...]

    @property
    def agrees(self) -> bool:
        return all(abs(level.e_n) <= 1.0 for level in self.levels)

    @property
    def e_n(self) -> float:
        """The largest by amount."""
        return max((level.e_n for level in self.levels), key=abs)


def compare(a: Sequence[MeasuredPoint], b: Sequence[MeasuredPoint]) -> Comparison:
    """Level by level; what both results have in common cancels. Raises ValueError when no level was measured with both."""
    other = {point.level_pct: point for point in b}
    levels: list[Agreement] = []
    for one in a:
        if (two := other.get(one.level_pct)) is None:
            continue
        difference_pct = 100.0 * (one.irradiance_mw_cm2 / two.irradiance_mw_cm2 - 1.0)
        expanded_pct = one.budget.change_from(two.budget).expanded_pct
        e_n = difference_pct / expanded_pct
        levels.append(
            Agreement(one.level_pct, one.irradiance_mw_cm2, two.irradiance_mw_cm2, difference_pct, expanded_pct, e_n)
        )
    if not levels:
        raise ValueError("no level was measured with both meters: measure the same levels at the same distance")
    return Comparison(tuple(levels))
