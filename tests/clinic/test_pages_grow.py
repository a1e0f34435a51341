"""Ten years of records, and a page asks the database as often as on the first day: what it shows is found at once, not row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from irctl.clinic.calendar import appointments
from irctl.clinic.care import courses, patients, sessions
from irctl.clinic.care.names import Names
from irctl.clinic.care.outlook import outlook
from irctl.clinic.care.timeline import timeline
from irctl.clinic.desk import Desk
from irctl.records.database import upsert
from irctl.records.papers import Index, Paper
from irctl.records.searching import Wanted
from irctl.records.tables import alarms, stops
from tests.clinic.treated import ADA, BEN, CLINICIAN, CONTROLLER, DAY, KNEE, NOW, a_desk, a_visit, by

FEW, MANY = 2, 10
"""Visits; fewer than the patients that are listed as seen lately."""


@dataclass(frozen=True)
class Years:
    desk: Desk
    patient: str
    course: Paper


def years(folder: Path, visits: int) -> Years:
    """A patient with so many visits, each with an alarm, a stop, an amendment; and as many appointments today, each of another patient."""
    folder.mkdir()
    desk = a_desk(folder)
    patient = patients.register(desk, by(CLINICIAN), ADA)
    course = courses.plan(desk, by(CLINICIAN, NOW - 400 * DAY), patient, KNEE)
    for number in range(1, visits + 1):
        at = NOW - (visits - number + 1) * DAY
        visit = a_visit(desk, course, number, at)
        session = (visit.index.session or "").partition("/")[2]
        during = {"controller": CONTROLLER, "at": at + timedelta(minutes=5)}
        with desk.database.writing() as connection:
            upsert(connection, alarms, [during | {"alarm": f"A-{number}", "session": session, "reminder": False}])
            upsert(connection, stops, [during | {"seq": number, "by": "helper", "reason": "button"}])
        sessions.amend(desk, by(CLINICIAN), CONTROLLER, session, {"note": "made up"}, "for the test")
        _an_appointment(desk, number)
    return Years(desk, patient, course)


def _an_appointment(desk: Desk, number: int) -> None:
    who, about = f"P-{number}", {"minutes": 20, "area": KNEE.area, "protocol": KNEE.protocol}
    desk.patients.add(who, BEN, "l.meyer", NOW)
    at = NOW + timedelta(minutes=number)
    body = appointments.AppointmentBody.model_validate({"at": at, **about}).model_dump(mode="json")
    desk.papers.new(appointments.KIND, f"A-{number}", body, CLINICIAN, NOW, Index(who, at, "planned", "C-1"))


def a_patient(there: Years) -> int:
    """All that the page of a patient looks for; the number of things that happened."""
    patients.open_patient(there.desk, by(CLINICIAN), there.patient)
    for course in courses.of_patient(there.desk, there.patient):
        outlook(there.desk, by(CLINICIAN), course)
    appointments.of_patient(there.desk, by(CLINICIAN), there.patient)
    return len(timeline(there.desk, by(CLINICIAN), there.patient))


def a_course(there: Years) -> int:
    return len(outlook(there.desk, by(CLINICIAN), there.course).rows)


def the_next_dose(there: Years) -> int:
    return len(courses.progress(there.desk, there.course).visits)


def the_records(there: Years) -> int:
    page = sessions.find(there.desk, by(CLINICIAN), Wanted())
    sessions.names(there.desk, by(CLINICIAN), page.rows)
    return len(page.rows)


def the_patients(there: Years) -> int:
    return len(patients.recent(there.desk, by(CLINICIAN)))


def the_day(there: Years) -> int:
    today = appointments.between(there.desk, NOW.date(), (NOW + DAY).date())
    return len(Names(there.desk, "day board").of(by(CLINICIAN), [one.patient for one in today]))


def a_week(there: Years) -> int:
    found = appointments.week(there.desk, by(CLINICIAN), NOW.date())
    return len(Names(there.desk, "calendar").of(by(CLINICIAN), [one.patient for one in found]))


PAGES: tuple[Callable[[Years], int], ...] = (
    a_patient, a_course, the_next_dose, the_records, the_patients, the_day, a_week,
)  # fmt: skip


@contextmanager
def counted(desk: Desk) -> Iterator[list[str]]:
    """The statements that the database is asked meanwhile."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(desk.database.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(desk.database.engine, "before_cursor_execute", note)


@pytest.fixture(scope="module")
def clinics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Years, Years]]:
    folder = tmp_path_factory.mktemp("years")
    few, many = years(folder / "few", FEW), years(folder / "many", MANY)
    yield few, many
    for there in (few, many):
        there.desk.database.close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.__name__)
def test_a_page_asks_as_often_for_many_visits_as_for_few(
    clinics: tuple[Years, Years], page: Callable[[Years], int]
) -> None:
    few, many = clinics
    with counted(few.desk) as asked_for_few:
        shown_of_few = page(few)
    with counted(many.desk) as asked_for_many:
        shown_of_many = page(many)
    assert shown_of_many >= shown_of_few + MANY - FEW, "it shows them all"
    assert 0 < len(asked_for_many) == len(asked_for_few)
