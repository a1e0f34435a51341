"""Gathering a dossier: everything that the clinic's papers, its database and the stations' journals say of one course."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from irctl.clinic.acting import Acting
from irctl.clinic.calendar import appointments
from irctl.clinic.care import courses, coverage, sessions, visits
from irctl.clinic.care.courses import CourseBody
from irctl.clinic.care.coverage import CoverageBody
from irctl.clinic.care.visits import VisitBody
from irctl.clinic.desk import Desk
from irctl.documents.dossier import (
    Amended,
    Asked,
    Attended,
    Authorisation,
    Certification,
    ClinicInfo,
    Coverage,
    DoseStep,
    Dossier,
    Member,
    Overridden,
    PatientInfo,
    PlanOfCare,
    Position,
    ProtocolInfo,
    Ratings,
    Response,
    ScreeningInfo,
    Service,
    Signed,
    StopAdvice,
    Visit,
)
from irctl.documents.record import SessionNote
from irctl.documents.session_note import NoteError, session_note
from irctl.domain.chain import Event
from irctl.domain.course import Outcome
from irctl.domain.electronic_signature import Signature, Version, problems_with_signature
from irctl.domain.people import Verb
from irctl.domain.problems import Refused
from irctl.domain.protocols import Protocol, name_of
from irctl.domain.screening import Kind, Screened, ScreeningList, Trial, findings
from irctl.records import amending, people
from irctl.records.papers import Paper, Wanted
from irctl.records.tables import controllers, entries

ATTENDED = "session.attended"


@dataclass(frozen=True, slots=True)
class Gathered:
    """A dossier, and the journal's events of each session that they were read from. `away`: sessions whose journal is out of reach, with why."""

    dossier: Dossier
    events: Mapping[str, Sequence[Event]]
    away: Mapping[str, str]


async def gather(desk: Desk, acting: Acting, course: str, why: str, only: str | None = None) -> Gathered:
    """A course as it is now; a look at its patient, for which `why` is written down. `only`: with this one visit. Raises Refused."""
    person = acting.require(Verb.SEE_PATIENT)
    return await gather_for(desk, person.login, acting.at, course, why, only)


async def gather_for(desk: Desk, login: str, at: datetime, course: str, why: str, only: str | None = None) -> Gathered:
    """The same for the clinic itself, which asks nobody and writes its look down like everybody. Raises Refused."""
    papers = await desk.run(_papers, desk, login, at, course, why, only)
    events: dict[str, list[Event]] = {}
    away: dict[str, str] = {}
    for paper in papers.visits:
        controller, session = courses.session_key(paper.index.session)
        if session:
            try:
                events[paper.index.session or ""] = await sessions.journal(desk, controller, session)
            except Refused as refused:
                away[paper.index.session or ""] = str(refused)
    return await desk.run(_gathered, desk, at, papers, events, away)


@dataclass(frozen=True, slots=True)
class _Papers:
    patient: people.Version
    course: Paper
    coverage: Paper | None
    visits: tuple[Paper, ...]
    all_visits: tuple[Paper, ...]


def _papers(desk: Desk, login: str, at: datetime, course: str, why: str, only: str | None) -> _Papers:
    found = desk.papers.get(courses.KIND, course)
    patient = desk.patients.show(found.index.patient or "", login, why, at)
    every = tuple(desk.papers.find(courses.VISIT, Wanted(parent=course)))
    wanted = tuple(paper for paper in every if only is None or paper.id == only)
    return _Papers(patient, found, coverage.of_course(desk, course), wanted, every)


def _gathered(
    desk: Desk, at: datetime, papers: _Papers, events: Mapping[str, list[Event]], away: Mapping[str, str]
) -> Gathered:
    members = _Members(desk)
    body, cover = courses.body_of(papers.course), coverage.body_of(papers.coverage)
    protocol = desk.library.protocols.get(name_of(body.protocol))
    numbers = _numbers(papers.all_visits)
    told = [_visit(desk, members, paper, numbers.get(paper.id), events) for paper in papers.visits]
    rated = [(numbers[paper.id], paper.body.get("after")) for paper in papers.all_visits if paper.id in numbers]
    outcomes = [Outcome(number, after["nprs"]) for number, after in rated if after]
    advice = courses.advised(body, protocol, outcomes)
    about, person = desk.file.clinic, papers.patient.person
    dossier = Dossier(
        course=papers.course.id,
        made_at=at.astimezone(desk.zone),
        timezone=_zone(desk),
        simulated=any(visit.note.simulated for visit in told if visit.note) or _simulated(desk, papers.visits),
        clinic=ClinicInfo(
            name=about.name, address=about.address, phone=about.phone, npi=about.npi, tax_id=about.tax_id
        ),
        patient=PatientInfo(
            reference=papers.patient.patient,
            name=person.name,
            born=person.born,
            number=person.number,
            contact=person.contact,
        ),
        plan=_plan(desk, members, papers.course, body, cover, protocol),
        coverage=_coverage(cover),
        visits=tuple(told),
        missed=tuple(appointments.missed(desk, papers.course.id)),
        advice=StopAdvice(reason=advice.reason.value, text=advice.text, source=advice.source) if advice else None,
    )
    return Gathered(dossier, events, away)


class _Members:
    """Who somebody is, by login; one who is no longer known keeps the login for a name."""

    def __init__(self, desk: Desk) -> None:
        self._names = {account.person.login: account.person.name for account in desk.accounts.listed()}
        self._staff = desk.file.staff

    def of(self, login: str) -> Member:
        known = self._staff.get(login)
        credentials, npi = (known.credentials, known.npi) if known else ("", "")
        return Member(login=login, name=self._names.get(login, login), credentials=credentials, npi=npi)


def _zone(desk: Desk) -> str:
    return getattr(desk.zone, "key", "UTC")


def _numbers(papers: Sequence[Paper]) -> dict[str, int]:
    given = [paper.id for paper in papers if paper.index.state in courses.GIVEN]
    return {paper: number for number, paper in enumerate(given, start=1)}


def _simulated(desk: Desk, papers: Sequence[Paper]) -> bool:
    wanted = {courses.session_key(paper.index.session)[0] for paper in papers if paper.index.session}
    with desk.database.reading() as connection:
        query = select(controllers.c.simulated).where(controllers.c.controller.in_(wanted))
        return any(connection.execute(query).scalars())


# --- the plan --------------------------------------------------------------------------------------------------------------


def _plan(
    desk: Desk, members: _Members, course: Paper, body: CourseBody, cover: CoverageBody, protocol: Protocol | None
) -> PlanOfCare:
    first = desk.papers.versions(courses.KIND, course.id)[0]
    closed = course.index.state != "active"
    certification = None
    if cover.certified_by and cover.certified_on:
        certification = Certification(
            by=cover.certified_by, on=cover.certified_on, until=cover.certified_until, document=cover.certificate_at
        )
    return PlanOfCare(
        area=body.area,
        diagnosis=body.diagnosis,
        diagnosis_codes=body.diagnosis_codes,
        necessity=body.necessity,
        goal=body.goal,
        function_scale=body.function_scale,
        baseline_nprs=body.baseline_nprs,
        baseline_function=body.baseline_function,
        referred_by=body.referred_by,
        protocol=_protocol(protocol) if protocol else None,
        protocol_label=body.protocol,
        planned_at=first.made_at.astimezone(desk.zone),
        planned_by=members.of(first.by),
        certification=certification,
        state=course.index.state,  # type: ignore[arg-type]
        closed_at=course.version.made_at.astimezone(desk.zone) if closed else None,
        closed_by=members.of(course.version.by) if closed else None,
        closed_because=str(course.body.get("closed", "")),
    )


def _protocol(protocol: Protocol) -> ProtocolInfo:
    return ProtocolInfo(
        label=protocol.label,
        title=protocol.title,
        standing=protocol.standing,
        steps=tuple(
            DoseStep(
                from_visit=step.from_visit,
                fluence_j_cm2=step.dose.fluence_j_cm2,
                irradiance_mw_cm2=step.dose.irradiance_mw_cm2,
            )
            for step in protocol.steps
        ),
        visits=protocol.course.visits,
        per_week=protocol.course.per_week,
        weeks=protocol.course.weeks,
        interval_s_min=protocol.limits.interval_s_min,
        sources=tuple(f"{source.mark}: {source.of}: {source.text}" for source in protocol.sources),
    )


def _coverage(body: CoverageBody) -> Coverage:
    authorisation = None
    if body.authorisation:
        authorisation = Authorisation(
            number=body.authorisation,
            visits=body.authorised_visits,
            since=body.authorised_since,
            until=body.authorised_until,
        )
    return Coverage(
        payer=body.payer,
        member=body.member,
        discipline=body.discipline,
        notice=body.notice,
        authorisation=authorisation,
        paid_this_year_usd=body.paid_this_year_usd,
    )


# --- a visit ---------------------------------------------------------------------------------------------------------------


def _visit(desk: Desk, members: _Members, paper: Paper, number: int | None, events: Mapping[str, list[Event]]) -> Visit:
    body = visits.body_of(paper)
    controller, session = courses.session_key(paper.index.session)
    versions = desk.papers.versions(courses.VISIT, paper.id)
    assert paper.index.moment is not None, "a visit is always at a time"
    about: dict[str, Any] = {}
    if session:
        about = {
            "controller": controller,
            "session": session,
            "note": _note(desk, events.get(paper.index.session or ""), session),
            "attended": _attended(desk, controller, session),
            "amendments": _amendments(desk, members, controller, session),
        }
    return Visit(
        id=paper.id,
        version=paper.number,
        number=number,
        at=paper.index.moment.astimezone(desk.zone),
        state=paper.index.state,  # type: ignore[arg-type]
        station=body.station,
        lamp=body.lamp,
        lamp_serial=body.lamp_serial,
        fluence_j_cm2=body.fluence_j_cm2,
        irradiance_mw_cm2=body.irradiance_mw_cm2,
        distance_cm=body.distance_cm,
        calibration=body.calibration,
        refused_because=body.dropped,
        signatures=_signatures(versions, desk.papers.signatures(courses.VISIT, paper.id), desk),
        **about,
        **_before(desk, members, body),
        **_after(desk, members, body),
    )


def _before(desk: Desk, members: _Members, body: VisitBody) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if part := body.identified:
        told |= {"identified_by": members.of(part.by), "identified_at": _local(desk, part.at)}
    if body.screening:
        told["screening"] = _screening(desk, members, body)
    if part := body.position:
        told["position"] = Position(
            at=_local(desk, part.at),
            by=members.of(part.by),
            distance_cm=part.distance_cm,
            angle_deg=part.angle_deg,
            eyes_protected=part.eyes_protected,
        )
    if part := body.before:
        told["before"] = Ratings(
            at=_local(desk, part.at), by=members.of(part.by), nprs=part.nprs, function=part.function
        )
    if part := body.override:
        told["override"] = Overridden(
            what=part.what,
            by=members.of(part.by),
            second=members.of(part.second),
            reason=part.reason,
            at=_local(desk, part.at),
        )
    if body.started_by:
        told["started_by"] = members.of(body.started_by)
    return told


def _after(desk: Desk, members: _Members, body: VisitBody) -> dict[str, Any]:
    if (part := body.after) is None:
        return {}
    return {
        "after": Ratings(at=_local(desk, part.at), by=members.of(part.by), nprs=part.nprs, function=part.function),
        "response": Response(skin=part.skin, reaction=part.reaction, adverse_event=part.adverse_event, plan=part.plan),
        "treatment_minutes": part.minutes,
        "supervised_by": members.of(part.supervised_by) if part.supervised_by else None,
        "given_by_assistant": part.assistant,
        "services": tuple(Service.model_validate(one.model_dump()) for one in part.services),
    }


def _screening(desk: Desk, members: _Members, body: VisitBody) -> ScreeningInfo:
    part = body.screening
    assert part is not None
    held = desk.library.screening_of(part.screening)
    return ScreeningInfo(
        label=part.screening,
        standing=held.standing if held else "",
        at=_local(desk, part.at),
        by=members.of(part.by),
        result=_result(desk, held, body) if held else "",
        asked=tuple(_asked(held, key, answer) for key, answer in part.answers.items()),
        touches=part.trials,
    )


def _result(desk: Desk, held: ScreeningList, body: VisitBody) -> str:
    """As it stood when the visit went on: with what two people had overridden by then."""
    part, override = body.screening, visits.override_of(body)
    assert part is not None
    trials = tuple(Trial(hot, said) for hot, said in part.trials)
    told = Screened(part.screening, body.patient, body.area, part.by, part.at, part.answers, trials)
    then = max(part.at, override.at) if override else part.at
    return str(findings(held, told, body.patient, body.area, _local(desk, then), override).result)


def _asked(held: ScreeningList | None, key: str, answer: str) -> Asked:
    """As the list put it; only the question's key where that list is no longer here."""
    item = next((item for item in held.items if item.key == key), None) if held else None
    return Asked(
        key=key,
        asks=item.asks if item else key,
        answer=answer,  # type: ignore[arg-type]
        dangerous=item is not None and answer == item.dangerous,
        forbids=item is not None and item.kind is Kind.CONTRAINDICATION,
        advice=item.advice if item else "",
    )


def _local(desk: Desk, at: datetime) -> datetime:
    return at.astimezone(desk.zone)


def _note(desk: Desk, events: list[Event] | None, session: str) -> SessionNote | None:
    """None while its journal is out of reach, and for a session that has not ended."""
    if events is None:
        return None
    try:
        return session_note(events, session, timezone=_zone(desk))
    except NoteError:
        return None


def _attended(desk: Desk, controller: str, session: str) -> tuple[Attended, ...]:
    mine = (entries.c.controller == controller) & (entries.c.session == session) & (entries.c.event == ATTENDED)
    with desk.database.reading() as connection:
        rows = sorted(connection.execute(select(entries).where(mine)), key=lambda row: row.seq)
    return tuple(
        Attended(
            seq=row.seq,
            at=_local(desk, row.at),
            by=row.by or row.told.get("by") or "",
            comfort=str(row.told.get("comfort", "")),
        )
        for row in rows
    )


def _amendments(desk: Desk, members: _Members, controller: str, session: str) -> tuple[Amended, ...]:
    return tuple(
        Amended(
            version=one.version,
            at=_local(desk, one.at),
            by=members.of(one.by),
            reason=one.reason,
            changes={field: str(value) for field, value in one.changes.items()},
        )
        for one in amending.amendments_of(desk.database, desk.ring, (controller, session))
    )


def _signatures(versions: Sequence[Version], found: Sequence[Signature], desk: Desk) -> tuple[Signed, ...]:
    by_number = {version.number: version for version in versions}
    return tuple(
        Signed(
            name=one.printed_name,
            login=one.login,
            meaning=str(one.meaning),
            at=_local(desk, one.at),
            version=one.version,
            record_sha256=one.record_sha256,
            sound=one.version in by_number and not problems_with_signature(one, by_number[one.version]),
        )
        for one in found
    )
