"""What is to be measured: levels, distances, repeats, in an order that was drawn by lot (a drift must not look like a curve)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from irctl.domain.problems import Problem


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
        raise NotImplementedError

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        raise NotImplementedError


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
    raise NotImplementedError


def plan_problems(levels_pct: Sequence[float], distances_cm: Sequence[float], repeats: int) -> list[Problem]:
    """Why this cannot become a calibration: too few levels or too far apart, read once only, two distances (one, or three and more)."""
    raise NotImplementedError
