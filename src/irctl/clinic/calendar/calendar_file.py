"""Appointments as an iCalendar file (RFC 5545): for the clinic's own people by reference, and for a patient without a word about what is treated."""

# icalendar's types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, timedelta

from icalendar import Calendar, Event

from irctl.clinic.calendar.appointments import Appointment, State
from irctl.clinic.desk import Desk
from irctl.clinic.words import tr

MEDIA_TYPE = "text/calendar; charset=utf-8"
FEED_DAYS = (30, 180)
"""Back and ahead: what a telephone needs."""
GONE = (State.CANCELLED, State.NO_SHOW)


def feed(desk: Desk, appointments: Iterable[Appointment]) -> bytes:
    """For whoever works here. It has references only: whoever reads it looks the name up, and that look is written down."""
    calendar = _calendar(desk.file.clinic.name)
    for one in appointments:
        title = ", ".join(part for part in ("Infrared", lamp_title(desk, one), one.patient) if part)
        calendar.add_component(_event(one, title))
    return calendar.to_ical()


def for_patient(desk: Desk, appointments: Iterable[Appointment]) -> bytes:
    """To take along: when and where, nothing else. A telephone is seen by others."""
    about = desk.file.clinic
    calendar = _calendar(about.name)
    for one in appointments:
        event = _event(one, tr("Infrared treatment, {clinic}", clinic=about.name))
        if about.address:
            event.add("location", about.address)
        if about.phone:
            event.add("description", tr("If you cannot come, please call {phone}.", phone=about.phone))
        calendar.add_component(event)
    return calendar.to_ical()


def lamp_title(desk: Desk, appointment: Appointment) -> str:
    """As people call it; its name while its station is not heard of, empty for any lamp."""
    slot = appointment.slot
    station = desk.stations.get(slot.station)
    named = [lamp["title"] for lamp in (station.lamps if station else []) if lamp["name"] == slot.lamp]
    return str(named[0] or slot.lamp) if named else slot.lamp


def _calendar(name: str) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", "-//irctl//appointments//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", timedelta(minutes=15), parameters={"VALUE": "DURATION"})
    return calendar


def _event(one: Appointment, title: str) -> Event:
    event = Event()
    event.add("uid", f"{one.id}@irctl")
    # Moved or called off, it is the same event in its next version: a calendar replaces it instead of showing both.
    event.add("sequence", one.version - 1)
    event.add("dtstamp", one.changed_at)
    event.add("dtstart", one.at.astimezone(UTC))
    event.add("dtend", one.until.astimezone(UTC))
    event.add("summary", title)
    event.add("status", "CANCELLED" if one.state in GONE else "CONFIRMED")
    return event
