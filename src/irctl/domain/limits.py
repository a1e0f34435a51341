"""What a lamp may do to a patient, in three layers: the station's limits hold, a protocol may only narrow them, an order only narrow those.

Nothing is ever silently shrunk: a layer that is wider than the one outside it is refused, field by field.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from math import isfinite

from irctl.domain.problems import Problem

UNITS = {
    "irradiance_mw_cm2_max": "mW/cm²",
    "fluence_j_cm2_max": "J/cm²",
    "duration_s_max": "s",
    "skin_c_max": "°C",
    "day_fluence_j_cm2_max": "J/cm²",
    "interval_s_min": "s",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits in force. Project limits, not a standard's (DOMAIN facts §2)."""

    irradiance_mw_cm2_max: float
    fluence_j_cm2_max: float
    duration_s_max: float
    skin_c_max: float
    day_fluence_j_cm2_max: float = 90.0
    """Per patient and area in any 24 hours, by the most that may have been given."""
    interval_s_min: float = 0.0
    """From the end of one session to the next order for the same patient and area."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one layer narrows; None leaves the outer layer's limit as it is."""

    irradiance_mw_cm2_max: float | None = None
    fluence_j_cm2_max: float | None = None
    duration_s_max: float | None = None
    skin_c_max: float | None = None
    day_fluence_j_cm2_max: float | None = None
    interval_s_min: float | None = None

    def given(self) -> Iterator[tuple[str, float]]:
        """The limits that this layer sets, by name."""
        for field in fields(self):
            value: float | None = getattr(self, field.name)
            if value is not None:
                yield field.name, value


NO_BOUNDS = Bounds()


def narrowed(limits: Limits, bounds: Bounds) -> Limits:
    """The limits with a layer laid inside; the stricter of the two holds, whatever the layer says."""
    return replace(limits, **{name: _stricter(name, getattr(limits, name), value) for name, value in bounds.given()})


def problems_with_bounds(layer: str, bounds: Bounds, outer: Limits) -> list[Problem]:
    """Every limit of a layer that is wider than what is around it, or no limit at all."""
    problems: list[Problem] = []
    for name, value in bounds.given():
        allowed: float = getattr(outer, name)
        field, unit = f"{layer}.{name}", UNITS[name]
        if not isfinite(value) or value < 0:
            problems.append(Problem(field, value, "must be a number, not below zero", f"Give it in {unit}"))
        elif _stricter(name, allowed, value) != value:
            wider = "shorter than" if name.endswith("_min") else "above"
            problems.append(Problem(field, value, f"{wider} the {allowed:g} {unit} around it", f"Correct the {layer}"))
    return problems


def _stricter(name: str, one: float, other: float) -> float:
    return max(one, other) if name.endswith("_min") else min(one, other)
