"""Everything that happened with one patient, in one list: treated and refused visits, alarms and stops meanwhile, amendments, appointments, messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, or_, select

from irctl.clinic.acting import Acting
from irctl.clinic.care.courses import KIND as COURSE
from irctl.clinic.care.courses import VISIT
from irctl.clinic.care.outlook import delivered_of
from irctl.clinic.care.patients import BACKGROUND
from irctl.clinic.desk import Desk
from irctl.clinic.drawing.body_map import label_of
from irctl.clinic.words import tr
from irctl.domain.people import Verb
from irctl.records.papers import Paper, Wanted
from irctl.records.tables import alarms, amendments, paper_versions, patient_versions, sessions, signatures, stops

AFTERWARDS = timedelta(seconds=10)
"""A stop that ends a session may be written down a moment after it."""
AT_ONCE = 200
"""Sessions in one question; SQLite takes no more than 1000 alternatives."""
OUTCOME_TONES = {"completed": "good", "stopped": "warn", "faulted": "bad", "interrupted": "bad"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, or will. `kind` in one word; `tone`: good, warn, bad, or empty."""

    at: datetime
    kind: str
    title: str
    detail: str = ""
    by: str = ""
    tone: str = ""
    course: str | None = None


def timeline(desk: Desk, acting: Acting, patient: str) -> list[Entry]:
    """Newest first. Raises Refused."""
    acting.require(Verb.SEE_PATIENT)
    visits = desk.papers.find(VISIT, Wanted(patient=patient))
    told = {f"{row.controller}/{row.session}": row for row in _rows(desk, sessions, sessions.c.patient == patient)}
    entries = [
        *_visits(visits, told),
        *_unplanned(visits, told),
        *_alarms(desk, told),
        *_stops(desk, told),
        *_amended_sessions(desk, told),
        *_amended_visits(desk, visits),
        *_courses(desk.papers.find(COURSE, Wanted(patient=patient))),
        *_appointments(desk.papers.find("appointment", Wanted(patient=patient))),
        *_messages(desk.papers.find("message", Wanted(patient=patient))),
        *_written(desk, patient),
    ]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def _rows(desk: Desk, table: Table, which: Any) -> list[Row[Any]]:
    with desk.database.reading() as connection:
        return list(connection.execute(select(table).where(which)).all())


# --- visits and light -----------------------------------------------------------------------------------------------------


def _visits(visits: Sequence[Paper], told: Mapping[str, Row[Any]]) -> Iterator[Entry]:
    for paper in visits:
        body, state = paper.body, paper.index.state
        area = label_of(body["area"])
        at, course, by = _moment(paper), paper.index.parent, body.get("started_by") or paper.version.by
        if state == "refused":
            yield Entry(
                at, tr("Refused"), tr("No treatment: {area}", area=area), body.get("dropped", ""), by, "warn", course
            )
            continue
        session = told.get(paper.index.session or "")
        outcome = session.outcome if session is not None else None
        title = tr("Visit {number}: {area}", number=body["visit"], area=area)
        detail = " · ".join(filter(None, (_dose(session), *_asked(body))))
        yield Entry(at, tr("Visit"), title, detail, by, OUTCOME_TONES.get(outcome or "", ""), course)


def _unplanned(visits: Sequence[Paper], told: Mapping[str, Row[Any]]) -> Iterator[Entry]:
    """Sessions that were ordered at the lamp, or in a terminal: without a visit."""
    with_visit = {paper.index.session for paper in visits}
    for known, session in told.items():
        if known not in with_visit and session.ordered_at is not None:
            title = tr("Session without a visit: {area}", area=label_of(session.area or "–"))
            tone = OUTCOME_TONES.get(session.outcome or "", "")
            yield Entry(session.ordered_at, tr("Session"), title, _dose(session), session.ordered_by or "", tone)


def _dose(session: Row[Any] | None) -> str:
    if session is None:
        return tr("no light yet")
    given = delivered_of(session)
    if given is None:
        return tr("not ended")
    dose = tr("{best} J/cm² ({least} to {most}) of {wanted}", best=f"{given.best_j_cm2:.1f}", least=f"{given.min_j_cm2:.1f}",
              most=f"{given.max_j_cm2:.1f}", wanted=f"{session.prescribed_j_cm2:g}")  # fmt: skip
    why = f": {session.reason}" if session.outcome != "completed" and session.reason else ""
    return f"{dose}, {tr(session.outcome)}{why}"


def _asked(body: Mapping[str, Any]) -> Iterator[str]:
    before, after = body.get("before"), body.get("after")
    if before and after:
        yield tr("pain {before} → {after}", before=before["nprs"], after=after["nprs"])
    if after:
        yield tr("skin {skin}", skin=tr(after["skin"]))
        yield after.get("adverse_event", "")


def _alarms(desk: Desk, told: Mapping[str, Row[Any]]) -> Iterator[Entry]:
    for row in _rows(desk, alarms, _of_sessions(alarms, told)) if told else ():
        if f"{row.controller}/{row.session}" in told and row.at is not None and not row.reminder:
            yield Entry(row.at, tr("Alarm"), row.text or "", row.remedy or "", row.acknowledged_by or "", "bad")


def _of_sessions(table: Table, told: Mapping[str, Row[Any]]) -> ColumnElement[bool]:
    """By both parts of the key, which the index begins with; and of another controller's session of the same name, perhaps."""
    controllers, names = {one.controller for one in told.values()}, {one.session for one in told.values()}
    return table.c.controller.in_(controllers) & table.c.session.in_(names)


def _stops(desk: Desk, told: Mapping[str, Row[Any]]) -> Iterator[Entry]:
    """Asked for by the times of light: over the years there are many stops, and few of them while this patient was treated."""
    lit = [session for session in told.values() if session.started_at is not None]
    for first in range(0, len(lit), AT_ONCE):
        several = lit[first : first + AT_ONCE]
        meanwhile = or_(*map(_about_then, several))
        for stop in _rows(desk, stops, meanwhile):
            if any(_during(stop, session) for session in several):
                title = tr("Emergency stop during a session")
                yield Entry(stop.at, tr("Stop"), title, stop.reason or "", stop.by or "", "bad")


def _about_then(session: Row[Any]) -> ColumnElement[bool]:
    since = stops.c.at >= session.started_at
    return since if session.ended_at is None else since & (stops.c.at <= session.ended_at + AFTERWARDS)


def _during(stop: Row[Any], session: Row[Any]) -> bool:
    if stop.controller != session.controller or stop.at is None or session.started_at is None:
        return False
    return session.started_at <= stop.at and (session.ended_at is None or stop.at <= session.ended_at + AFTERWARDS)


# --- amendments -----------------------------------------------------------------------------------------------------------


def _amended_sessions(desk: Desk, told: Mapping[str, Row[Any]]) -> Iterator[Entry]:
    for row in _rows(desk, amendments, _of_sessions(amendments, told)) if told else ():
        if f"{row.controller}/{row.session}" in told:
            yield Entry(
                row.at, tr("Amended"), tr("Record of session {session} amended", session=row.session), "", row.by
            )


def _amended_visits(desk: Desk, visits: Sequence[Paper]) -> Iterator[Entry]:
    """What was changed after somebody had signed."""
    ids = [paper.id for paper in visits]
    if not ids:
        return
    first: dict[str, datetime] = {}
    for row in _rows(desk, signatures, (signatures.c.kind == VISIT) & signatures.c.paper.in_(ids)):
        first[row.paper] = min(row.at, first.get(row.paper, row.at))
    numbers = {paper.id: paper.body["visit"] for paper in visits}
    for row in _rows(desk, paper_versions, (paper_versions.c.kind == VISIT) & paper_versions.c.paper.in_(list(first))):
        if row.at > first[row.paper]:
            yield Entry(
                row.at, tr("Amended"), tr("Visit {number} amended", number=numbers[row.paper]), "", row.by, "warn"
            )


# --- everything else ------------------------------------------------------------------------------------------------------


def _courses(found: Sequence[Paper]) -> Iterator[Entry]:
    for paper in found:
        area = label_of(paper.body["area"])
        yield Entry(_moment(paper), tr("Course"), tr("Course planned: {area}", area=area), paper.body["protocol"],
                    course=paper.id)  # fmt: skip
        if paper.index.state != "active":
            title = tr("Course {how}: {area}", how=tr(paper.index.state), area=area)
            yield Entry(paper.version.made_at, tr("Course"), title, paper.body.get("closed", ""), paper.version.by,
                        course=paper.id)  # fmt: skip


def _appointments(found: Sequence[Paper]) -> Iterator[Entry]:
    for paper in found:
        state = paper.index.state or "planned"
        tone = "warn" if state in ("no-show", "cancelled") else ""
        title = tr("Appointment: {area}", area=label_of(paper.body.get("area", "–")))
        detail = " · ".join(filter(None, (tr(state), paper.body.get("reason", ""))))
        yield Entry(_moment(paper), tr("Appointment"), title, detail, paper.version.by, tone, paper.index.parent)


def _messages(found: Sequence[Paper]) -> Iterator[Entry]:
    for paper in found:
        title = str(paper.body.get("subject") or tr("Message"))
        yield Entry(_moment(paper), tr("Message"), title, tr(paper.index.state), paper.version.by)


def _written(desk: Desk, patient: str) -> Iterator[Entry]:
    """That somebody wrote down who they are, or their history; not what."""
    for row in _rows(desk, patient_versions, patient_versions.c.patient == patient):
        title = (
            tr("Written down for the first time")
            if row.version == 1
            else tr("Name, birthday, number or contact corrected")
        )
        yield Entry(row.at, tr("Patient"), title, "", row.by)
    mine = (paper_versions.c.kind == BACKGROUND) & (paper_versions.c.paper == patient)
    for row in _rows(desk, paper_versions, mine):
        yield Entry(row.at, tr("Patient"), tr("History and goals written"), "", row.by)


def _moment(paper: Paper) -> datetime:
    return paper.index.moment or paper.version.made_at
