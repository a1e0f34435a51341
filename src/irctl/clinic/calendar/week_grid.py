"""A week as columns of half hours: where each appointment stands in it. Functions of values."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta

from irctl.clinic.calendar.appointments import Appointment

HALF_HOUR_MIN = 30


@dataclass(frozen=True, slots=True)
class Block:
    """One appointment in its column. `top` and `height` in half hours from where the grid begins; `lane` of `lanes` beside one another."""

    appointment: Appointment
    top: float
    height: float
    lane: int
    lanes: int


@dataclass(frozen=True, slots=True)
class Column:
    day: date
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Week:
    """`first`: minutes after midnight where the grid begins; `halves`: how many half hours it has."""

    monday: date
    first: int
    halves: int
    columns: tuple[Column, ...]

    @property
    def hours(self) -> list[str]:
        """What stands beside each half hour."""
        return [f"{minute // 60:02d}:{minute % 60:02d}" for minute in (self.first + 30 * n for n in range(self.halves))]


def week_of(
    monday: date, appointments: Sequence[Appointment], opens: time, closes: time, closed: Collection[int]
) -> Week:
    """The days on which the clinic is open, and any other with an appointment; its hours, and longer where an appointment is outside of them."""
    begins = [_minute(opens), *(_minute(one.at.time()) for one in appointments)]
    ends = [_minute(closes), *(_minute(one.at.time()) + one.slot.minutes for one in appointments)]
    first = min(begins) // HALF_HOUR_MIN * HALF_HOUR_MIN
    halves = -((first - max(ends)) // HALF_HOUR_MIN)
    days = [monday + timedelta(days=n) for n in range(7)]
    kept = {one.at.date() for one in appointments}
    columns = [
        Column(day, _blocks([one for one in appointments if one.at.date() == day], first))
        for day in days
        if day.weekday() not in closed or day in kept
    ]
    return Week(monday, first, halves, tuple(columns))


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _blocks(appointments: Sequence[Appointment], first: int) -> tuple[Block, ...]:
    """Those at the same time stand beside one another; each group of them is as many lanes wide as it needs."""
    blocks: list[Block] = []
    group: list[tuple[Appointment, int]] = []
    ends: list[int] = []
    for one in sorted(appointments, key=lambda one: (one.at, one.id)):
        begin = _minute(one.at.time())
        if ends and begin >= max(ends):
            blocks += _placed(group, len(ends), first)
            group, ends = [], []
        lane = next((n for n, end in enumerate(ends) if end <= begin), len(ends))
        ends[lane : lane + 1] = [begin + one.slot.minutes]
        group.append((one, lane))
    return tuple(blocks + _placed(group, len(ends), first))


def _placed(group: Sequence[tuple[Appointment, int]], lanes: int, first: int) -> list[Block]:
    return [
        Block(one, (_minute(one.at.time()) - first) / HALF_HOUR_MIN, one.slot.minutes / HALF_HOUR_MIN, lane, lanes)
        for one, lane in group
    ]
