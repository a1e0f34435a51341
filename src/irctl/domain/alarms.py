"""How urgent an alarm is: the three priorities of IEC 60601-1-8, by what may still happen to somebody and how soon.

The standard ranks by possible harm and its onset. Most faults end with a lamp that is dark and verified so: somebody must come, but nobody burns. High is
what may burn on. Which hazard ranks where is the project's own judgement, not the standard's.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from irctl.domain.rules import Hazard, Stop, Warn


class Priority(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


URGENT = frozenset(
    {
        Hazard.SKIN_HOT,
        Hazard.TOO_BRIGHT,
        Hazard.OVER_DOSE,
        Hazard.OFF_CALIBRATION,
        Hazard.LIT_WHEN_OFF,
        Hazard.THERMAL_DOSE,
        Hazard.HOUSING_HOT,
    }
)
"""Somebody may be burning, or has been."""

WARNED: Mapping[Hazard, Priority] = {Hazard.SKIN_HOT: Priority.MEDIUM, Hazard.UNATTENDED: Priority.MEDIUM}
"""Warnings that want somebody soon; any other is for information."""


def priority(verdict: Stop | Warn) -> Priority:
    if isinstance(verdict, Warn):
        return WARNED.get(verdict.hazard, Priority.LOW)
    return Priority.HIGH if verdict.hazard in URGENT else Priority.MEDIUM
