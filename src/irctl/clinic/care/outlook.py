"""A course as people look at it: every visit of it, refused and unfinished ones too, and what its protocol advises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from irctl.clinic.acting import Acting
from irctl.clinic.care import courses
from irctl.clinic.care.courses import GIVEN, VISIT, CourseBody
from irctl.clinic.desk import Desk
from irctl.domain.course import Advice, Outcome
from irctl.domain.people import Verb
from irctl.domain.protocols import Protocol, name_of
from irctl.records.papers import Paper, Wanted

WAITING = "not in the records yet"
"""Of a session that the journal has told nothing of here so far."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """J/cm²."""

    min_j_cm2: float
    best_j_cm2: float
    max_j_cm2: float


@dataclass(frozen=True, slots=True)
class VisitRow:
    """One visit. `number`: among those with light, as in outcomes and advice; None for one without. Ratings 0 to 10."""

    visit: str
    number: int | None
    at: datetime
    state: str
    prescribed_j_cm2: float
    irradiance_mw_cm2: float
    delivered: Delivered | None
    """None while it is not known."""
    outcome: str
    """As the session ended (completed, stopped, faulted, interrupted); else running, refused, or being prepared."""
    reason: str
    nprs_before: int | None
    nprs_after: int | None
    function_before: int | None
    function_after: int | None
    skin: str
    by: str
    session: str | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where a course is. `planned`: visits in all, None where its protocol is not in force any more."""

    course: Paper
    body: CourseBody
    protocol: Protocol | None
    rows: tuple[VisitRow, ...]
    advice: Advice | None

    @property
    def planned(self) -> int | None:
        return None if self.protocol is None else self.protocol.course.visits

    @property
    def done(self) -> int:
        """Visits that gave light."""
        return sum(1 for row in self.rows if row.delivered is not None and row.delivered.max_j_cm2 > 0)

    @property
    def active(self) -> bool:
        return self.course.index.state == "active"

    @property
    def closed_because(self) -> str:
        return str(self.course.body.get("closed", ""))


def outlook(desk: Desk, acting: Acting, course: Paper) -> Outlook:
    """Unlike `courses.progress`, also while a session runs: for looking, not for the next dose. Raises Refused."""
    acting.require(Verb.SEE_PATIENT)
    body = courses.body_of(course)
    protocol = desk.library.protocols.get(name_of(body.protocol))
    rows = tuple(_rows(desk, desk.papers.find(VISIT, Wanted(parent=course.id))))
    outcomes = [Outcome(row.number, row.nprs_after) for row in rows if row.number and row.nprs_after is not None]
    return Outlook(course, body, protocol, rows, courses.advised(body, protocol, outcomes))


def delivered_of(session: Row[Any] | None) -> Delivered | None:
    """None where it has not ended."""
    if session is None or session.outcome is None:
        return None
    return Delivered(session.delivered_min_j_cm2, session.delivered_j_cm2, session.delivered_max_j_cm2)


def _rows(desk: Desk, papers: Sequence[Paper]) -> list[VisitRow]:
    told = courses.sessions_of(desk, [paper.index.session for paper in papers])
    rows: list[VisitRow] = []
    number = 0
    for paper in papers:
        with_light = paper.index.state in GIVEN
        number += with_light
        rows.append(_row(paper, told.get(paper.index.session or ""), number if with_light else None))
    return rows


def _row(paper: Paper, session: Row[Any] | None, number: int | None) -> VisitRow:
    body, index = paper.body, paper.index
    before: Mapping[str, Any] = body.get("before") or {}
    after: Mapping[str, Any] = body.get("after") or {}
    assert index.moment is not None, "a visit is always at a time"
    return VisitRow(
        visit=paper.id,
        number=number,
        at=index.moment,
        state=index.state,
        prescribed_j_cm2=body["fluence_j_cm2"],
        irradiance_mw_cm2=body["irradiance_mw_cm2"],
        delivered=delivered_of(session) if number else None,
        outcome=_outcome(paper, session),
        reason=body.get("dropped") or (session.reason if session is not None and session.reason else ""),
        nprs_before=before.get("nprs"),
        nprs_after=after.get("nprs"),
        function_before=before.get("function"),
        function_after=after.get("function"),
        skin=after.get("skin", ""),
        by=body.get("started_by") or paper.version.by,
        session=index.session,
    )


def _outcome(paper: Paper, session: Row[Any] | None) -> str:
    if paper.index.state == "refused":
        return "refused"
    if paper.index.state not in GIVEN:
        return "being prepared"
    if session is None:
        return WAITING
    return session.outcome or "running"
