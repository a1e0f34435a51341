"""What is to be measured: levels, distances, repeats, in an order that was drawn by lot (a drift must not look like a curve)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Any, Self

from irctl.domain.problems import Problem

LEVELS_MIN = 5
GAP_MAX_SHARE = 0.25
"""Of the range of levels: a wider gap is a guess."""
REPEATS_MIN = 2


@dataclass(frozen=True, slots=True)
class PlannedReading:
    """One reading to take; `number` is its place in the order, from 1."""

    number: int
    level_pct: float
    distance_cm: float


@dataclass(frozen=True, slots=True)
class Plan:
    """The first of `distances_cm` is the lamp's own, with every level; the others, with the highest level only, serve the distance law."""

    levels_pct: tuple[float, ...]
    distances_cm: tuple[float, ...]
    repeats: int
    tolerance_pct: float
    positioning_cm: float
    order: tuple[PlannedReading, ...]

    @property
    def distance_cm(self) -> float:
        """The lamp's own distance."""
        return self.distances_cm[0]

    def as_dict(self) -> dict[str, Any]:
        """As `calibration.started` carries it."""
        return {
            "levels_pct": list(self.levels_pct),
            "distances_cm": list(self.distances_cm),
            "repeats": self.repeats,
            "order": [[r.level_pct, r.distance_cm] for r in self.order],
            "tolerance_pct": self.tolerance_pct,
            "positioning_cm": self.positioning_cm,
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """From what `as_dict` gave. Raises KeyError, TypeError."""
        order = (PlannedReading(n, level, distance) for n, (level, distance) in enumerate(told["order"], start=1))
        return cls(
            tuple(told["levels_pct"]),
            tuple(told["distances_cm"]),
            told["repeats"],
            told["tolerance_pct"],
            told["positioning_cm"],
            tuple(order),
        )


def plan(
    levels_pct: Sequence[float],
    distances_cm: Sequence[float],
    repeats: int,
    seed: int,
    *,
    tolerance_pct: float = 10.0,
    positioning_cm: float = 0.5,
) -> Plan:
    """A plan in random order: distances in blocks (somebody has to move the meter), levels shuffled anew in every repeat."""
    from random import Random

    lot = Random(seed)
    levels, distances = sorted(set(levels_pct)), list(dict.fromkeys(distances_cm))
    order: list[tuple[float, float]] = []
    for distance in lot.sample(distances, len(distances)):
        for _ in range(repeats):
            here = levels if distance == distances[0] else levels[-1:]
            order += [(level, distance) for level in lot.sample(here, len(here))]
    numbered = tuple(PlannedReading(n, level, distance) for n, (level, distance) in enumerate(order, start=1))
    return Plan(tuple(levels), tuple(distances), repeats, tolerance_pct, positioning_cm, numbered)


def plan_problems(levels_pct: Sequence[float], distances_cm: Sequence[float], repeats: int) -> list[Problem]:
    """Why this cannot become a calibration: too few levels or too far apart, read once only, two distances (one, or three and more)."""
    problems = sparse_problems(sorted(set(levels_pct)))
    for level in levels_pct:
        if not 0 < level <= 100:
            problems.append(Problem("levels_pct", level, "is no level", "Give levels above 0 and up to 100 %"))
    if not all(isfinite(d) and d > 0 for d in distances_cm) or len(set(distances_cm)) in (0, 2):
        limit = "one distance, or at least three for the distance law"
        problems.append(Problem("distances_cm", list(distances_cm), limit, "The lamp's own first, in cm"))
    if repeats < REPEATS_MIN:
        limit = f"repeatability needs each level at least {REPEATS_MIN} times"
        problems.append(Problem("repeats", repeats, limit, f"Give {REPEATS_MIN} or more"))
    return problems


def sparse_problems(levels_pct: Sequence[float]) -> list[Problem]:
    """Why so few levels (in rising order) are no curve."""
    if len(levels_pct) < LEVELS_MIN:
        limit = f"{len(levels_pct)} levels; a curve that is relied on needs at least {LEVELS_MIN}"
        return [
            Problem("levels_pct", list(levels_pct), limit, "Measure more levels between the lowest and the highest")
        ]
    widest = GAP_MAX_SHARE * (levels_pct[-1] - levels_pct[0])
    return [
        Problem(
            "levels_pct",
            [low, high],
            f"nothing was measured between {low:g} and {high:g} %; a gap is at most {widest:g} % here, a quarter of the range",
            f"Add a level near {(low + high) / 2:g} %",
        )
        for low, high in pairwise(levels_pct)
        if high - low > widest * (1 + 1e-9)
    ]
