"""Days and times as people here say them.

Numbers keep their decimal point in every language: a dose must never be misread.
"""

from __future__ import annotations

from datetime import date, datetime

from irctl.clinic.words import spoken, tr

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHORT = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def weekday(day: date, *, short: bool = False) -> str:
    """Its name."""
    return tr((_SHORT if short else _DAYS)[day.weekday()])


def full(day: date) -> str:
    """ "Monday, 23 November 2026"."""
    return f"{weekday(day)}, {plain(day)}"


def plain(day: date) -> str:
    """ "23 November 2026"."""
    dot = "." if spoken() == "de" else ""
    return f"{day.day}{dot} {tr(_MONTHS[day.month - 1])} {day.year}"


def compact(day: date) -> str:
    """ "23 Nov 2026"; in German "23.11.2026"."""
    if spoken() == "de":
        return f"{day:%d.%m.%Y}"
    return f"{day.day} {_MONTHS[day.month - 1][:3]} {day.year}"


def short(day: date) -> str:
    """ "Mon 23 Nov"; in German "Mo 23.11."."""
    if spoken() == "de":
        return f"{weekday(day, short=True)} {day.day}.{day.month}."
    return f"{weekday(day, short=True)} {day.day} {_MONTHS[day.month - 1][:3]}"


def moment(at: datetime) -> str:
    """A day and its time."""
    return f"{short(at)}, {at:%H:%M}"
