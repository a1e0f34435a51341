"""A clinic for tests: a desk on an empty database, with a clock that stands where the test puts it, and a patient with a course."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from irctl.clinic.acting import Acting
from irctl.clinic.care import courses
from irctl.clinic.care.courses import CourseBody
from irctl.clinic.desk import Desk
from irctl.clinic.lamps.stations import Station
from irctl.clinic.opening import open_desk
from irctl.clinic.settings import AboutSection, ClinicFile
from irctl.domain.people import Person, Role
from irctl.records.papers import Index, Paper
from irctl.records.people import Person as Patient

BERLIN = ZoneInfo("Europe/Berlin")
ASSISTANT = Person("helper", "Alex Assistant", frozenset({Role.ASSISTANT}))
CLINICIAN = Person("demo", "Robin Demo", frozenset({Role.CLINICIAN}))
TECHNICIAN = Person("tech", "Toni Tech", frozenset({Role.TECHNICIAN}))
AUDITOR = Person("auditor", "Aud Itor", frozenset({Role.AUDITOR}))
NAMES = {"P-0001": "Ada Example", "P-0002": "Bo Sample", "P-0003": "Cleo Fictive"}


def at(text: str) -> datetime:
    """A time in the clinic: "2026-11-23 10:30"."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


class NoTokens:
    def issue(self, person: Person, now: datetime) -> str:
        return f"token of {person.login}"


SILENT = Station("here", "http://127.0.0.1:9", NoTokens())
"""A controller that nothing was ever heard of."""


@dataclass
class Clinic:
    desk: Desk
    moment: datetime

    def now(self) -> datetime:
        return self.moment

    def acting(self, person: Person = ASSISTANT) -> Acting:
        return self.desk.acting(person)

    def course(self, patient: str = "P-0001", protocol: str = "luminous-ir", area: str = "left knee") -> str:
        body = CourseBody(area=area, protocol=protocol, baseline_nprs=6)
        return courses.plan(self.desk, self.acting(CLINICIAN), patient, body).id

    def visit(self, course: str, state: str, appointment: str | None = None, **index: Any) -> Paper:
        """That began now."""
        found = self.desk.papers.get(courses.KIND, course)
        body = {"appointment": appointment, "station": "here"}
        place = Index(found.index.patient, self.moment, state, course, **index)
        name = f"V-{self.moment.timestamp():.0f}"
        return self.desk.papers.new(courses.VISIT, name, body, CLINICIAN, self.moment, place)


@contextmanager
def a_clinic(folder: Path, now: str, stations: dict[str, Station] | None = None) -> Iterator[Clinic]:
    clinic: Clinic
    about = AboutSection(name="Mill Lane Clinic", phone="555 0100", address="1 Sample Street", zone="Europe/Berlin")
    desk = open_desk(
        ClinicFile(clinic=about), folder, NoTokens(), lambda: clinic.now(), stations=stations or {"here": SILENT}
    )
    clinic = Clinic(desk, at(now))
    for reference, name in NAMES.items():
        desk.patients.add(reference, Patient(name, date(1961, 5, 4)), "demo", clinic.moment)
    try:
        yield clinic
    finally:
        desk.database.close()
