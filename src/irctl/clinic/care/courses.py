"""Courses: what a patient is treated for, by which protocol, how many visits there were, and what they brought."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row, select

from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.domain.course import NPRS_MAX, Advice, Outcome, Settings, Visit, advice
from irctl.domain.history import plain
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused
from irctl.domain.protocols import Protocol, name_of
from irctl.records.papers import Index, Paper, Wanted
from irctl.records.tables import sessions

KIND = "course"
VISIT = "visit"
GIVEN = ("given", "signed")
"""States of a visit at which there was, or may have been, light."""

Nprs = Annotated[int, Field(ge=0, le=NPRS_MAX)]
Text = Annotated[str, Field(max_length=2000)]
DIAGNOSIS_CODE = r"^[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?$"
DiagnosisCode = Annotated[str, Field(pattern=DIAGNOSIS_CODE)]


class CourseBody(BaseModel):
    """What is decided for a course. `protocol` is the label in force when it was planned; each visit takes the version in force then."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    area: Annotated[str, Field(min_length=1, max_length=120)]
    protocol: str
    diagnosis: Text = ""
    goal: Text = ""
    function_scale: Annotated[str, Field(max_length=120)] = ""
    """What is rated 0 to 10 beside pain, such as "walking stairs"; empty for nothing."""
    baseline_nprs: Nprs
    baseline_function: Nprs | None = None
    referred_by: Annotated[str, Field(max_length=200)] = ""
    diagnosis_codes: Annotated[tuple[DiagnosisCode, ...], Field(max_length=12)] = ()
    """ICD-10-CM, as the clinic wrote them."""
    necessity: Text = ""
    """Why the treatment is needed: the sentence that a payer asks for."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a course is."""

    course: Paper
    body: CourseBody
    protocol: Protocol | None
    """None where it is not in force any more."""
    visits: tuple[Visit, ...]
    """That gave light, oldest first."""
    outcomes: tuple[Outcome, ...]
    functions: tuple[int | None, ...]
    advice: Advice | None

    @property
    def planned(self) -> int | None:
        return None if self.protocol is None else self.protocol.course.visits


def plan(desk: Desk, acting: Acting, patient: str, body: CourseBody) -> Paper:
    """A new course. Raises Refused."""
    person = acting.require(Verb.ORDER)
    protocol = desk.library.protocol(body.protocol)
    if problems := [*_problems_with_patient(desk, patient), *problems_with_body(body, protocol)]:
        raise Refused(problems)
    settled = body.model_copy(update={"protocol": protocol.label})
    index = Index(patient, acting.at, "active")
    return desk.papers.new(KIND, f"C-{secrets.token_hex(4)}", settled.model_dump(mode="json"), person, acting.at, index)


def problems_with_body(body: CourseBody, protocol: Protocol) -> list[Problem]:
    """What does not go together, whatever the lamp."""
    problems: list[Problem] = []
    if protocol.areas and plain(body.area) not in {plain(area) for area in protocol.areas}:
        limit = f"{protocol.name} is for {', '.join(protocol.areas)}"
        problems.append(Problem("area", body.area, limit, "Correct the area, or take another protocol"))
    if body.function_scale and body.baseline_function is None:
        limit = f"has no rating before the course: {body.function_scale}"
        problems.append(Problem("function", None, limit, "Ask the patient for 0 to 10, or leave the scale out"))
    if body.baseline_function is not None and not body.function_scale:
        limit = "says nothing while nobody knows of what"
        problems.append(
            Problem("function", body.baseline_function, limit, "Name what is rated, such as walking stairs")
        )
    return problems


def problem_with_codes(codes: Sequence[str]) -> Problem | None:
    """Their shape; whether there is such a code is the payer's to say."""
    wrong = [code for code in codes if not re.fullmatch(DIAGNOSIS_CODE, code)]
    return Problem("diagnosis_codes", wrong[0], "is no ICD-10-CM code", "Such as M54.50") if wrong else None


def _problems_with_patient(desk: Desk, patient: str) -> list[Problem]:
    if desk.patients.known(patient):
        return []
    return [Problem("patient", patient, "is nobody here", "Search by name, birthday or number")]


def close(desk: Desk, acting: Acting, course: str, how: Literal["ended", "stopped"], reason: str) -> Paper:
    """End a course as it was meant, or stop it before; with the reason. Raises Refused."""
    person = acting.require(Verb.ORDER)
    found = desk.papers.get(KIND, course)
    require_active(found)
    said = reason.strip()
    body = {**found.body, "closed": said}
    return desk.papers.amend(KIND, course, found.number, body, person, said, acting.at, state=how)


def require_active(course: Paper) -> None:
    """Raises Refused for one that has been ended or stopped."""
    if course.index.state != "active":
        remedy = "Plan another course: that is another decision"
        raise Refused([Problem("course", course.id, f"was {course.index.state}", remedy)], conflict=True)


def of_patient(desk: Desk, patient: str) -> list[Paper]:
    """Newest first."""
    return desk.papers.find(KIND, Wanted(patient=patient, newest=True))


def body_of(course: Paper) -> CourseBody:
    told = {name: value for name, value in course.body.items() if name in CourseBody.model_fields}
    return CourseBody.model_validate(told)


def progress(desk: Desk, course: Paper) -> Progress:
    """What was given, and what it brought. Raises Refused for a session of it that has not ended."""
    body = body_of(course)
    protocol = desk.library.protocols.get(name_of(body.protocol))
    papers = desk.papers.find(VISIT, Wanted(parent=course.id, states=GIVEN))
    given = _given(desk, papers)
    rated = [(number, paper.body.get("after")) for number, paper in enumerate(papers, 1)]
    outcomes = tuple(Outcome(number, after["nprs"]) for number, after in rated if after)
    functions = tuple(after.get("function") for _, after in rated if after)
    return Progress(course, body, protocol, tuple(given), outcomes, functions, advised(body, protocol, outcomes))


def advised(body: CourseBody, protocol: Protocol | None, outcomes: Sequence[Outcome]) -> Advice | None:
    """By the stop rule of the protocol in force; None: go on."""
    if protocol is None or not outcomes:
        return None
    return advice(protocol.stop, protocol.course.visits, body.baseline_nprs, outcomes)


def _given(desk: Desk, papers: Sequence[Paper]) -> list[Visit]:
    """From the projected journal: the doses that were delivered, by the most that they may have been."""
    told, visits = sessions_of(desk, [paper.index.session for paper in papers]), list[Visit]()
    for paper in papers:
        row = told.get(paper.index.session or "")
        if row is None or row.outcome is None:
            _, session = session_key(paper.index.session)
            why = "of this course has not ended, or is not in the records yet"
            raise Refused([Problem("session", session, why, "End it first; then wait a second")], conflict=True)
        if row.delivered_max_j_cm2:
            visits.append(_visit(paper.body, row.ended_at, row))
    return visits


def sessions_of(desk: Desk, known: Sequence[str | None]) -> dict[str, Row[Any]]:
    """What the journals told of these sessions, each known as controller/session; asked once, however many they are."""
    keys = [one.split("/", 1) for one in known if one and "/" in one]
    if not keys:
        return {}
    with desk.database.reading() as connection:
        # Not as pairs in a list: for those SQLite looks through every session.
        mine = sessions.c.controller.in_({one for one, _ in keys}) & sessions.c.session.in_({one for _, one in keys})
        rows = {f"{row.controller}/{row.session}": row for row in connection.execute(select(sessions).where(mine))}
    return {one: rows[one] for one in known if one in rows}


def session_key(known: str | None) -> tuple[str, str]:
    """Controller and session, as a visit's index has them together."""
    controller, _, session = (known or "").partition("/")
    return controller, session


def session_row(desk: Desk, controller: str, session: str) -> Any:
    """A session as the records have it (`irctl.records.tables.sessions`); None while they do not."""
    mine = (sessions.c.controller == controller) & (sessions.c.session == session)
    with desk.database.reading() as connection:
        return connection.execute(select(sessions).where(mine)).first()


def _visit(body: Any, at: datetime, row: Any) -> Visit:
    settings = Settings(body["lamp"], row.prescribed_j_cm2, row.irradiance_mw_cm2, body["protocol"])
    return Visit(at, settings, row.delivered_j_cm2, row.delivered_max_j_cm2)
