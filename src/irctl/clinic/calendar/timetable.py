"""When an appointment may be: how long it takes, the clinic's hours, and what is in its way. Functions of values; nothing is read or written here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from math import ceil

from irctl.clinic.settings import AboutSection
from irctl.domain.course import WEEKDAYS, CourseRule, planned, problems_with_times
from irctl.domain.problems import Problem, Refused
from irctl.domain.protocols import Protocol

HANDLING_MIN = 15
"""Minutes beside the light: greeting, screening, positioning, a look at the skin afterwards. Project choice."""
ROUNDED_TO_MIN = 5
"""Appointments end at full five minutes."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A time in the clinic's zone, and where; `lamp` is empty while any will do."""

    at: datetime
    minutes: int
    station: str = ""
    lamp: str = ""

    @property
    def until(self) -> datetime:
        # By the clock that nobody sets: an appointment is as long on the day the hour changes.
        return datetime.fromtimestamp(self.at.timestamp() + 60 * self.minutes, self.at.tzinfo)

    def meets(self, other: Slot) -> bool:
        """Whether both are at once."""
        return self.at.timestamp() < other.until.timestamp() and other.at.timestamp() < self.until.timestamp()


@dataclass(frozen=True, slots=True)
class Taken:
    """A slot that is somebody's."""

    slot: Slot
    patient: str


def minutes_of(protocol: Protocol, visit: int) -> int:
    """Of the visit with this number, everything that belongs to it counted."""
    light_min = protocol.dose_of(max(1, visit)).duration_s / 60
    return ceil((light_min + HANDLING_MIN) / ROUNDED_TO_MIN) * ROUNDED_TO_MIN


def course_times(
    rule: CourseRule,
    interval_s_min: float,
    first: datetime,
    hours: AboutSection,
    *,
    weekdays: Sequence[int] = (),
    at_times: Mapping[int, time] | None = None,
) -> tuple[datetime, ...]:
    """All visits of a course on days when the clinic is open. `at_times`: another hour on some weekdays than that of `first`. Raises Refused."""
    open_days = [day for day in range(7) if day not in hours.closed]
    if shut := [day for day in weekdays if day not in open_days]:
        raise Refused([Problem("weekdays", shut, "the clinic is closed on them", f"Open are {open_days}; Monday is 0")])
    usual = WEEKDAYS.get(rule.per_week, tuple(range(7)))
    days = tuple(weekdays) or (usual if set(usual) <= set(open_days) else tuple(open_days))
    found = planned(first, rule, interval_s_min, weekdays=days)
    hour = at_times or {}
    return tuple(datetime.combine(at.date(), hour.get(at.weekday(), at.time()), at.tzinfo) for at in found)


def problems_with_hours(hours: AboutSection, slot: Slot, now: datetime) -> list[Problem]:
    """Why the clinic is not there for it."""
    value, until = spoken(slot.at), slot.until
    if until.timestamp() <= now.timestamp():
        return [Problem("at", value, "is past", "Choose a later time")]
    if slot.at.weekday() in hours.closed:
        return [Problem("at", value, "the clinic is closed on that day", "Choose another day")]
    if slot.at.time() < hours.opens or until.time() > hours.closes or until.date() != slot.at.date():
        limit = f"takes {slot.minutes} min, and the clinic is open from {hours.opens:%H:%M} to {hours.closes:%H:%M}"
        return [Problem("at", value, limit, "Choose another time")]
    return []


def problems_with_room(slot: Slot, patient: str, others: Collection[Taken], lamps: int) -> list[Problem]:
    """What is at the same time: the same lamp, the same patient, or as many as there are lamps. `lamps`: 0 where nobody knows."""
    at_once = [other for other in others if slot.meets(other.slot)]
    problems: list[Problem] = []
    for other in at_once:
        told = f"from {other.slot.at:%H:%M} to {other.slot.until:%H:%M}"
        if other.patient == patient:
            limit = f"has another appointment then, {told}"
            problems.append(Problem("patient", patient, limit, "Choose a time before or after it"))
        elif slot.lamp and (slot.station, slot.lamp) == (other.slot.station, other.slot.lamp):
            problems.append(
                Problem("lamp", slot.lamp, f"is taken on {slot.at:%a %d %b} {told}", "Another lamp, or another time")
            )
    if not problems and lamps and len(at_once) >= lamps:
        limit = "every lamp is taken then" if lamps > 1 else "the lamp is taken then"
        problems.append(Problem("at", spoken(slot.at), limit, "Choose another time"))
    return problems


def new_problems_with_course(
    times: Sequence[datetime], wanted: Sequence[datetime], rule: CourseRule, interval_s_min: float
) -> list[Problem]:
    """What these times bring into a course that has `times` already; what was wrong before is not their fault."""
    before = problems_with_times(times, rule, interval_s_min)
    return [one for one in problems_with_times([*times, *wanted], rule, interval_s_min) if one not in before]


def spoken(at: datetime) -> str:
    """As a refusal says it."""
    return f"{at:%a %d %b %Y, %H:%M}"


def day_from(at: datetime) -> tuple[datetime, datetime]:
    """When the day of `at` begins and ends, in its zone."""
    start = datetime.combine(at.date(), time(), at.tzinfo)
    return start, datetime.combine(at.date() + timedelta(days=1), time(), at.tzinfo)
