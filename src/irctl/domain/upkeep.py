"""Maintenance: what each kind of work does to the calibration, and when it is due again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What somebody did to a lamp."""

    REPLACED = "replaced"
    CLEANED = "cleaned"
    MOVED = "moved"
    REPAIRED = "repaired"
    FIRMWARE_CHANGED = "firmware-changed"
    SETTINGS_CHANGED = "settings-changed"
    EMITTER_REPLACED = "emitter-replaced"
    RADIOMETER_REPLACED = "radiometer-replaced"
    RADIOMETER_CLEANED = "radiometer-cleaned"
    INSPECTED = "inspected"
    ELECTRICAL_TEST = "electrical-test"
    OTHER = "other"


class Consequence(StrEnum):
    STAYS = "stays"
    CHECK = "check"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a kind of work does to the calibration, and why."""

    consequence: Consequence
    why: str


RULES: Mapping[Kind, Rule] = {}


@dataclass(frozen=True, slots=True)
class Due:
    """Something to be done: `at` by date, `hours_left` by lamp-hours, whichever comes first."""

    what: str
    at: datetime | None
    hours_left: float | None
    overdue: bool
    soon: bool
    text: str


def due(
    what: str,
    now: datetime,
    *,
    last_at: datetime | None,
    every_days: float | None = None,
    lamp_hours: float = 0.0,
    last_hours: float = 0.0,
    every_hours: float | None = None,
    remind_days: float = 14.0,
    hours_per_day: float = 0.0,
) -> Due:
    """When something is due again, by date and by lamp-hours. What was never done is overdue."""
    raise NotImplementedError
