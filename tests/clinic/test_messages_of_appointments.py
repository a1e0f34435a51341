"""Reminders of appointments as the calendar really books, moves and cancels them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from irctl.clinic.calendar import appointments
from irctl.clinic.care.consent import set_consent
from irctl.clinic.mailing.messages import KIND, body_of
from irctl.clinic.mailing.outgoing import Outgoing
from irctl.records.papers import Wanted
from irctl.records.people import Person as Patient
from tests.clinic.a_clinic import ASSISTANT, Clinic, a_clinic, at


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    """A Monday; the patient has an address and has said yes."""
    with a_clinic(tmp_path, "2026-11-23 08:00") as made:
        known = made.desk.patients.show("P-0001", ASSISTANT.login, "contact", made.now()).person
        told = Patient(known.name, known.born, known.number, "ada@example.org")
        made.desk.patients.amend("P-0001", 1, told, ASSISTANT.login, "asked", made.now())
        set_consent(made.desk, made.acting(), "P-0001", True)
        yield made


def box(clinic: Clinic) -> list[tuple[str, str]]:
    """When each message is to go, and its state; as planned now."""
    Outgoing(clinic.desk).plan(clinic.now())
    found = clinic.desk.papers.find(KIND, Wanted())
    zone = clinic.desk.zone
    return [(f"{one.index.moment.astimezone(zone):%a %d. %H:%M}", one.index.state) for one in found if one.index.moment]


def test_a_planned_course_is_reminded_of_visit_by_visit_two_weeks_ahead(clinic: Clinic) -> None:
    appointments.plan_course(clinic.desk, clinic.acting(), clinic.course(), at("2026-11-25 10:30"))
    assert box(clinic) == [
        (day, "waiting")
        for day in ("Tue 24. 10:30", "Thu 26. 10:30", "Sun 29. 10:30", "Tue 01. 10:30", "Thu 03. 10:30")
    ]


def test_moved_it_is_reminded_of_the_new_time_and_cancelled_of_none(clinic: Clinic) -> None:
    one = appointments.book(clinic.desk, clinic.acting(), clinic.course(), at("2026-11-26 10:30"))
    assert box(clinic) == [("Wed 25. 10:30", "waiting")]
    clinic.moment += timedelta(hours=1)
    appointments.move(clinic.desk, clinic.acting(), one.id, at("2026-11-27 15:00"))
    assert box(clinic) == [("Wed 25. 10:30", "withdrawn"), ("Thu 26. 15:00", "waiting")]
    appointments.cancel(clinic.desk, clinic.acting(), one.id, "they are ill")
    assert [state for _, state in box(clinic)] == ["withdrawn", "withdrawn"]
    whys = [body_of(paper).why for paper in clinic.desk.papers.find(KIND, Wanted())]
    assert whys == ["the appointment was moved", "the appointment is cancelled"]


def test_whoever_has_arrived_is_not_reminded(clinic: Clinic) -> None:
    one = appointments.book(clinic.desk, clinic.acting(), clinic.course(), at("2026-11-25 10:30"))
    box(clinic)
    clinic.moment = at("2026-11-25 10:00")
    appointments.arrived(clinic.desk, clinic.acting(), one.id)
    assert [state for _, state in box(clinic)] == ["withdrawn"]
