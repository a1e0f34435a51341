"""A desk without stations, and patients who have been treated: visits as the clinic writes them, sessions as a journal told of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from irctl.clinic.acting import Acting
from irctl.clinic.care.courses import VISIT, CourseBody
from irctl.clinic.desk import Desk
from irctl.clinic.opening import open_desk
from irctl.clinic.settings import AboutSection, ClinicFile
from irctl.domain.people import NOTHING_MORE, Context, Person, Role
from irctl.records.papers import Index, Paper
from irctl.records.people import Person as Somebody
from irctl.records.tables import sessions

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
CLINICIAN = Person("r.demo", "Robin Demo", frozenset({Role.CLINICIAN}))
ASSISTANT = Person("l.meyer", "Lena Meyer", frozenset({Role.ASSISTANT}))
TECHNICIAN = Person("t.tech", "Toni Tech", frozenset({Role.TECHNICIAN}))
AUDITOR = Person("a.auditor", "Aud Itor", frozenset({Role.AUDITOR}))
ADA = Somebody("Adaeze Nwachukwu-Björk", date(1968, 3, 9), "MRN 0042-7", "+47 5550 1234")
BEN = Somebody("Benjamin Björk", date(1971, 1, 30), "MRN 0043-1")
KNEE = CourseBody(
    area="left knee", protocol="luminous-ir", diagnosis="osteoarthritis", goal="stairs without pain",
    function_scale="walking stairs", baseline_nprs=7, baseline_function=3,
)  # fmt: skip
CONTROLLER = "c0ffee"


class NoTokens:
    def issue(self, person: Person, now: datetime) -> str:
        return f"token of {person.login} at {now}"


def a_desk(folder: Path, wall: Callable[[], datetime] = lambda: NOW) -> Desk:
    return open_desk(ClinicFile(clinic=AboutSection(zone="Europe/Oslo")), folder, NoTokens(), wall, stations={})


def by(person: Person | None, at: datetime = NOW, context: Context = NOTHING_MORE) -> Acting:
    return Acting(person, at, context)


def a_visit(
    desk: Desk,
    course: Paper,
    number: int,
    at: datetime,
    *,
    nprs: tuple[int, int] = (6, 6),
    function: tuple[int, int] | None = None,
    share: float = 1.0,
    outcome: str | None = "completed",
    reason: str = "",
) -> Paper:
    """One that was signed; of its prescription this share was delivered. `outcome` None: its session still runs."""
    wanted = 24.0
    session = f"s-{course.id}-{number}"
    row: dict[str, Any] = {
        "controller": CONTROLLER, "session": session, "lamp": "left", "patient": course.index.patient, "area": "left knee",
        "ordered_at": at, "ordered_by": "r.demo", "prescribed_j_cm2": wanted, "irradiance_mw_cm2": 40.0, "started_at": at,
    }  # fmt: skip
    if outcome is not None:
        best = wanted * share
        row |= {
            "ended_at": at + timedelta(minutes=10), "outcome": outcome, "reason": reason, "delivered_min_j_cm2": best * 0.95,
            "delivered_j_cm2": best, "delivered_max_j_cm2": best * 1.05,
        }  # fmt: skip
    with desk.database.writing() as connection:
        connection.execute(sessions.insert().values(**row))
    functions = function or (None, None)
    body = {
        "patient": course.index.patient, "course": course.id, "area": "left knee", "visit": number, "place": number,
        "protocol": course.body["protocol"], "fluence_j_cm2": wanted, "irradiance_mw_cm2": 40.0, "lamp": "left", "started_by": "r.demo",
        "before": {"by": "r.demo", "at": at.isoformat(), "nprs": nprs[0], "function": functions[0]},
        "after": {"by": "r.demo", "at": at.isoformat(), "nprs": nprs[1], "function": functions[1], "skin": "as before"},
    }  # fmt: skip
    index = Index(course.index.patient, at, "signed" if outcome else "given", course.id, f"{CONTROLLER}/{session}")
    return desk.papers.new(VISIT, f"V-{course.id}-{number}", body, CLINICIAN, at, index)


def a_refused_visit(desk: Desk, course: Paper, number: int, at: datetime, reason: str) -> Paper:
    body = {
        "patient": course.index.patient, "course": course.id, "area": "left knee", "visit": number, "place": number,
        "protocol": course.body["protocol"], "fluence_j_cm2": 24.0, "irradiance_mw_cm2": 40.0, "dropped": reason,
    }  # fmt: skip
    index = Index(course.index.patient, at, "refused", course.id)
    return desk.papers.new(VISIT, f"V-{course.id}-r{number}", body, CLINICIAN, at, index)
