"""Maintenance: what each kind of work does to the calibration, and when it is due again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
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


RULES: Mapping[Kind, Rule] = {
    Kind.REPLACED: Rule(Consequence.VOID, "another lamp has another curve"),
    Kind.CLEANED: Rule(Consequence.CHECK, "a clean reflector or filter gives more light than a dirty one"),
    Kind.MOVED: Rule(Consequence.CHECK, "mains, distance stop and alignment may differ in the new place"),
    Kind.REPAIRED: Rule(Consequence.VOID, "a repair may change what the lamp gives at every level"),
    Kind.FIRMWARE_CHANGED: Rule(Consequence.VOID, "firmware decides what a level means"),
    Kind.SETTINGS_CHANGED: Rule(Consequence.VOID, "the emitter's settings decide what a level means"),
    Kind.EMITTER_REPLACED: Rule(Consequence.VOID, "another dimmer makes another power of the same level"),
    Kind.RADIOMETER_REPLACED: Rule(Consequence.VOID, "the monitor's factor is that of the one that was taken out"),
    Kind.RADIOMETER_CLEANED: Rule(Consequence.CHECK, "a clean window lets the monitor see more than its factor knows"),
    Kind.INSPECTED: Rule(Consequence.STAYS, "looking changes nothing"),
    Kind.ELECTRICAL_TEST: Rule(Consequence.STAYS, "the test changes nothing that the light depends on"),
    Kind.OTHER: Rule(Consequence.CHECK, "what it did to the light is unknown until somebody looks"),
}
"""Project choices. Whoever did more than one thing records each."""


@dataclass(frozen=True, slots=True)
class Due:
    """Something to be done: `at` by date, `hours_left` by lamp-hours, whichever comes first. `last_at`: when it was last done."""

    what: str
    last_at: datetime | None
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
    if last_at is None:
        return Due(what, None, None, None, overdue=True, soon=True, text=f"{what}: never done")
    at = None if every_days is None else last_at + timedelta(days=every_days)
    hours_left = None if every_hours is None else last_hours + every_hours - lamp_hours
    overdue = (at is not None and now >= at) or (hours_left is not None and hours_left <= 0)
    ahead = timedelta(days=remind_days)
    soon = overdue or (at is not None and now >= at - ahead)
    soon = soon or (hours_left is not None and hours_left <= remind_days * hours_per_day)
    when = [] if at is None else [f"{at:%Y-%m-%d}"]
    if hours_left is not None:
        when.append(f"in {hours_left:.0f} lamp-hours" if hours_left > 0 else f"{-hours_left:.0f} lamp-hours ago")
    text = f"{what}: {'overdue since' if overdue else 'due'} {' or '.join(when)}" if when else f"{what}: not due"
    return Due(what, last_at, at, hours_left, overdue, soon, text)
