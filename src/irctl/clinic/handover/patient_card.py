"""What a patient takes home: the printed card, and a calendar file. To make one is a look at that patient, and is written down as one."""

from __future__ import annotations

from irctl.clinic.acting import Acting
from irctl.clinic.calendar import appointments, calendar_file
from irctl.clinic.calendar.appointments import Appointment
from irctl.clinic.desk import Desk
from irctl.clinic.words import dates, spoken, tr
from irctl.documents.patient_card import Card, Section, Visit, render_pdf
from irctl.documents.printed import NOT_CERTIFIED
from irctl.domain.people import Verb

VISITS_MAX = 8
"""On one page, with everything that matters more; the calendar file has all of them."""


def card_pdf(desk: Desk, acting: Acting, patient: str) -> bytes:
    """The card as a PDF. Raises Refused."""
    return render_pdf(card(desk, acting, patient))


def card(desk: Desk, acting: Acting, patient: str) -> Card:
    """In the language of this moment. Raises Refused."""
    person = acting.require(Verb.SEE_PATIENT)
    name = desk.patients.show(patient, person.login, "patient card", acting.at).person.name
    about = desk.file.clinic
    coming = _coming(desk, acting, patient)
    return Card(
        spoken(),
        about.name,
        about.address,
        about.phone,
        tr("Your infrared treatment"),
        name,
        patient,
        tr("Your next appointments"),
        tuple(_visit(one) for one in coming[:VISITS_MAX]),
        tr("No appointment is planned. Please ask for one."),
        (_bring(), _usual(), _call(about.phone)),
        tr(NOT_CERTIFIED),
        tr("Printed on {day}.", day=dates.full(acting.at.date())),
    )


def calendar_ics(desk: Desk, acting: Acting, patient: str) -> bytes:
    """A patient's appointments for their own calendar. Raises Refused."""
    person = acting.require(Verb.SEE_PATIENT)
    desk.patients.show(patient, person.login, "calendar file", acting.at)
    return calendar_file.for_patient(desk, _coming(desk, acting, patient))


def _coming(desk: Desk, acting: Acting, patient: str) -> list[Appointment]:
    found = appointments.of_patient(desk, acting, patient)
    return [one for one in found if one.ahead and one.until.timestamp() > acting.at.timestamp()]


def _visit(one: Appointment) -> Visit:
    return Visit(dates.full(one.at.date()), f"{one.at:%H:%M}", tr("{minutes} minutes", minutes=one.slot.minutes))


def _bring() -> Section:
    return Section(
        tr("Please bring"),
        (
            tr("This card, and a list of your medicines. Tell us about every new one before the treatment."),
            tr("Clothes that leave the place bare. Come without cream, plaster, make-up or jewellery there."),
        ),
    )


def _usual() -> Section:
    return Section(
        tr("Afterwards"),
        (
            tr("Warm skin and a little redness are usual, and fade within a few hours."),
            tr("No sauna, hot bath, sun or hot-water bottle on the place that day."),
        ),
    )


def _call(phone: str) -> Section:
    where = tr("Call us at once, {phone}", phone=phone) if phone else tr("Call us at once")
    return Section(
        where,
        (
            tr("if redness lasts until the next day,"),
            tr("if there is a blister, or the skin is broken,"),
            tr("if it hurts, burns or swells,"),
            tr("if you feel unwell. In an emergency call the emergency number."),
        ),
        urgent=True,
    )
