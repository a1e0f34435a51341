"""Reminders of what is due: which one holds now, and when the next one comes. When nothing is due there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What can be due."""

    CALIBRATION = "calibration"
    CHECK = "check"
    MAINTENANCE = "maintenance"
    METER = "meter"


NEVER = "never"
LEADS_DAYS: Mapping[Kind, tuple[int, ...]] = {
    Kind.CALIBRATION: (30, 7, 1, 0),
    Kind.CHECK: (0,),
    Kind.MAINTENANCE: (7, 1, 0),
    Kind.METER: (30, 7, 1, 0),
}
"""Days before the due date, longest first. A month, because a laboratory or a technician is not there tomorrow. Project choices."""
LEAD_HOURS, LEAD_HOURS_DAYS = 10.0, 7
"""Lamp-hours have no date: this many of them left are told as a week would be."""
LATE_MIN = timedelta(minutes=10)
"""What is told later than this after its moment says so."""


@dataclass(frozen=True, slots=True)
class Day:
    """A working day: it begins at `begins`, where the station is. Reminders come then, before the first session."""

    begins: time
    zone: tzinfo

    def of(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def begin(self, day: date) -> datetime:
        return datetime.combine(day, self.begins, self.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Item:
    """Something that is due again and again: `at` by date, `hours_left` by lamp-hours, whichever comes first; last done at `last_at`."""

    kind: Kind
    name: str
    """Such as "calibration of left": nothing else has it."""
    lamp: str | None
    last_at: datetime | None
    at: datetime | None
    hours_left: float | None
    text: str

    @property
    def occasion(self) -> str:
        """Which time of the many that it is due: another one as soon as it was done."""
        known = self.at or self.last_at
        return NEVER if known is None else known.astimezone(UTC).isoformat()


@dataclass(frozen=True, slots=True)
class Reminder:
    """`lead_days`: days before the due date, negative after it; of one occasion the smaller number is the more urgent.

    `planned_at`: when it was to be told; None where no date said so.
    """

    item: Item
    lead_days: int
    planned_at: datetime | None
    text: str

    def late(self, now: datetime) -> timedelta:
        """How long ago it was to be told; nothing where that is no news."""
        late = timedelta() if self.planned_at is None else now - self.planned_at
        return late if late >= LATE_MIN else timedelta()


class Told(NamedTuple):
    """The last reminder of an item that anybody was told, and whether it still waits for somebody."""

    occasion: str
    lead_days: int
    open: bool

    def covers(self, occasion: str, lead_days: int) -> bool:
        """Whether a reminder says nothing new after this one."""
        return self.occasion == occasion and self.lead_days <= lead_days


@dataclass(frozen=True, slots=True)
class Agenda:
    """What follows from all that is due."""

    tell: tuple[Reminder, ...]
    settle: tuple[str, ...]
    """Items whose last reminder still waits, though they have been done since."""
    wake: Mapping[str, datetime]
    """By item: when its next reminder comes."""


def agenda(items: Sequence[Item], told: Mapping[str, Told], now: datetime, day: Day) -> Agenda:
    """What to tell now, once, however many moments were missed; and when to look again. `told` is by item."""
    tell: list[Reminder] = []
    wake: dict[str, datetime] = {}
    for item in items:
        last, present = told.get(item.name), present_reminder(item, now, day)
        if present is not None and (last is None or not last.covers(item.occasion, present.lead_days)):
            tell.append(present)
        if (moment := next_moment(item, now, day)) is not None:
            wake[item.name] = moment
    occasions, telling = {item.name: item.occasion for item in items}, {reminder.item.name for reminder in tell}
    settle = [
        name
        for name, last in told.items()
        if last.open and occasions.get(name) != last.occasion and name not in telling
    ]
    return Agenda(tuple(tell), tuple(settle), wake)


def present_reminder(item: Item, now: datetime, day: Day) -> Reminder | None:
    """The most urgent of those whose moment has come."""
    if item.occasion == NEVER:
        return Reminder(item, 0, None, item.text)
    by_date = [m for m in _moments(item, now, day) if m.at <= now]
    by_hours = _lead_by_hours(item)
    if by_date and (by_hours is None or by_date[-1].lead_days <= by_hours):
        lead_days, at = by_date[-1]
        return Reminder(item, lead_days, at, _text(item, now, day))
    return None if by_hours is None else Reminder(item, by_hours, None, item.text)


def next_moment(item: Item, now: datetime, day: Day) -> datetime | None:
    """When the next reminder comes, by date; None where no date says so."""
    return next((m.at for m in _moments(item, now, day) if m.at > now), None)


class _Moment(NamedTuple):
    lead_days: int
    at: datetime


def _moments(item: Item, now: datetime, day: Day) -> list[_Moment]:
    """Earliest first. A day that had begun before the thing was last done is not told of: the next one is."""
    if item.at is None:
        return []
    due = day.of(item.at)
    leads = list(LEADS_DAYS[item.kind])
    if item.kind is Kind.CHECK:
        # Each morning until it is made: today's attendant need not be yesterday's.
        leads += range(-1, min((due - day.of(now)).days, 0) - 2, -1)
    moments = [_Moment(lead, day.begin(due - timedelta(days=lead))) for lead in leads]
    fresh = [m for m in moments if item.last_at is None or m.at > item.last_at]
    return fresh or [_Moment(-1, day.begin(due + timedelta(days=1)))]


def _lead_by_hours(item: Item) -> int | None:
    if item.hours_left is None or item.hours_left > LEAD_HOURS:
        return None
    return 0 if item.hours_left <= 0 else LEAD_HOURS_DAYS


def _text(item: Item, now: datetime, day: Day) -> str:
    assert item.at is not None
    due, today = day.of(item.at), day.of(now)
    if item.kind is Kind.CHECK:
        if item.at <= now or due < today:
            return f"{item.name}: due before the next session"
        return f"{item.name}: due today; the last one counts until {item.at.astimezone(day.zone):%H:%M}"
    match (due - today).days:
        case 0:
            return f"{item.name}: due today"
        case 1:
            return f"{item.name}: due tomorrow, {due}"
        case days if days > 1:
            return f"{item.name}: due {due}, in {days} days"
        case _:
            return item.text


def spoken(late: timedelta) -> str:
    """A delay as people say it: "2 days", "3 h", "25 min"."""
    minutes = int(late / timedelta(minutes=1))
    days, hours = minutes // 1440, minutes // 60
    return f"{days} days" if days > 1 else f"{hours} h" if hours > 1 else f"{minutes} min"
