"""Moments as people write them, in the clinic's zone and in the language of whoever looks."""

from __future__ import annotations

from datetime import datetime, tzinfo

from irctl.clinic.words import dates

UNKNOWN = "–"


def day(at: datetime, zone: tzinfo) -> str:
    """The day there."""
    return dates.compact(at.astimezone(zone).date())


def moment(at: datetime | None, zone: tzinfo) -> str:
    """To the second; a dash for what is not known."""
    return UNKNOWN if at is None else f"{day(at, zone)} {at.astimezone(zone):%H:%M:%S}"


def minute(at: datetime, zone: tzinfo) -> str:
    return f"{day(at, zone)} {at.astimezone(zone):%H:%M}"
