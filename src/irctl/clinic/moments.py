"""Days and times of day as people write them, in the language of whoever looks."""

from __future__ import annotations

from datetime import datetime, tzinfo

from irctl.clinic.words import language

UNKNOWN = "–"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day(at: datetime, zone: tzinfo) -> str:
    """The day there."""
    there = at.astimezone(zone)
    if language.get() == "de":
        return f"{there:%d.%m.%Y}"
    return f"{there.day} {MONTHS[there.month - 1]} {there.year}"


def moment(at: datetime | None, zone: tzinfo) -> str:
    """To the second; a dash for what is not known."""
    return UNKNOWN if at is None else f"{day(at, zone)} {at.astimezone(zone):%H:%M:%S}"


def minute(at: datetime, zone: tzinfo) -> str:
    return f"{day(at, zone)} {at.astimezone(zone):%H:%M}"
