"""What people type, with its unit: one that is not said, or not known, is refused, never guessed."""

from __future__ import annotations

from collections.abc import Mapping

from irctl.domain.problems import Problem, Refused

IRRADIANCE_UNITS: Mapping[str, float] = {"mW/cm2": 1.0, "W/m2": 0.1}
LENGTH_UNITS: Mapping[str, float] = {"cm": 1.0, "in": 2.54}


def mw_cm2(field_name: str, value: float, unit: str) -> float:
    """What was typed, in mW/cm²; the unit is never guessed. Raises Refused."""
    return value * _factor(field_name, unit, IRRADIANCE_UNITS)


def cm(field_name: str, value: float, unit: str) -> float:
    """What was typed, in cm. Raises Refused."""
    return value * _factor(field_name, unit, LENGTH_UNITS)


def _factor(field_name: str, unit: str, known: Mapping[str, float]) -> float:
    if unit not in known:
        remedy = f"Say the unit: one of {', '.join(known)}"
        raise Refused([Problem(f"{field_name}.unit", unit, "is no unit that is known here", remedy)])
    return known[unit]
