"""Sessions in the records: searched, each whole with everything that people wrote down beside it, amended, signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from irctl.clinic.acting import Acting
from irctl.clinic.care import visits
from irctl.clinic.care.courses import VISIT
from irctl.clinic.care.visits import VisitBody
from irctl.clinic.desk import Desk
from irctl.clinic.lamps.stations import Station
from irctl.documents.session_note import NoteError, SessionNote, session_note
from irctl.domain.chain import Event
from irctl.domain.electronic_signature import (
    Reauthentication,
    Signature,
    Version,
    problems_with_signature,
    problems_with_versions,
)
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused
from irctl.records import amending, people, searching
from irctl.records.amending import Amendment
from irctl.records.papers import Paper
from irctl.records.papers import Wanted as WantedPapers
from irctl.records.searching import Key, Page, Place, Wanted
from irctl.records.tables import alarms, calibrations, controllers, entries, sessions

WHY = "records"
ROWS = 25
"""On a page: each shown name is a look at somebody."""


def find(desk: Desk, acting: Acting, wanted: Wanted, after: Place | None = None, limit: int = ROWS) -> Page:
    """One page, newest first, without names. Raises Refused."""
    acting.require(Verb.SEE_PATIENT)
    return searching.found(desk.database, wanted, limit, after)


def names(desk: Desk, acting: Acting, rows: Sequence[Mapping[str, Any]], why: str = WHY) -> dict[str, str]:
    """Of the patients of these rows, by reference; each is a look. Whoever is not registered has none. Raises Refused."""
    person = acting.require(Verb.SEE_PATIENT)
    wanted = {row["patient"] for row in rows if row["patient"]}
    found = desk.patients.named(wanted, person.login, why, acting.at)
    return {reference: version.person.name for reference, version in found.items()}


def references(desk: Desk, acting: Acting, name: str) -> list[str]:
    """Of the patients whom these words of a name fit, or this very reference. Raises Refused."""
    person = acting.require(Verb.SEE_PATIENT)
    said = name.strip()
    with desk.database.reading() as connection:
        mine = select(sessions.c.patient).where(sessions.c.patient == said).limit(1)
        if connection.execute(mine).first() is not None:
            return [said]
    found = desk.patients.find(person.login, WHY, acting.at, name=said)
    return [version.patient for version in found]


# --- one session ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that is known of one session, as the journal told it and as people wrote it down."""

    row: Mapping[str, Any]
    """Of the table of sessions, with the `station`."""
    patient: people.Version | None
    """None for a reference that is nobody's here."""
    calibration: Mapping[str, Any] | None
    """That was in force, where this journal tells of it."""
    alarms: tuple[Mapping[str, Any], ...]
    entries: tuple[Mapping[str, Any], ...]
    """Pauses, answers and warnings, oldest first."""
    amendments: tuple[Amendment, ...]
    visit: Paper | None
    body: VisitBody | None
    versions: tuple[Version, ...]
    """Of the visit's paper, oldest first."""
    signatures: tuple[Signature, ...]
    problems: tuple[Problem, ...]
    """Why its history or a signature is not whole; empty when all is."""

    @property
    def key(self) -> Key:
        return self.row["controller"], self.row["session"]

    @property
    def awaits_signature(self) -> bool:
        """Whether somebody may sign it now: treated and looked at afterwards, and not signed yet."""
        return (
            self.visit is not None and self.visit.index.state in searching.UNSIGNED and self.row["outcome"] is not None
        )


def record(desk: Desk, acting: Acting, controller: str, session: str, shown: people.Version | None = None) -> Record:
    """One session, whole. A look at its patient, unless they are `shown` already. Raises Refused."""
    person = acting.require(Verb.SEE_PATIENT)
    row = _row(desk, controller, session)
    if shown is None and row["patient"]:
        shown = desk.patients.named([row["patient"]], person.login, WHY, acting.at).get(row["patient"])
    mine = {"controller": controller, "session": session}
    with desk.database.reading() as connection:
        # Put in order here: asked for in order, SQLite would look through everything that it has in that order.
        alarmed, told = select(alarms).filter_by(**mine), select(entries).filter_by(**mine)
        calibrated = select(calibrations).filter_by(controller=controller, calibration=row["calibration"])
        alarm_rows = sorted(map(dict, connection.execute(alarmed).mappings()), key=lambda one: one["at"])
        entry_rows = sorted(map(dict, connection.execute(told).mappings()), key=lambda one: one["seq"])
        calibration = connection.execute(calibrated).mappings().first()
    visit = visit_of(desk, controller, session)
    versions = desk.papers.versions(VISIT, visit.id) if visit else []
    signatures = desk.papers.signatures(VISIT, visit.id) if visit else []
    return Record(
        row,
        shown,
        dict(calibration) if calibration else None,
        tuple(alarm_rows),
        tuple(entry_rows),
        tuple(amending.amendments_of(desk.database, desk.ring, (controller, session))),
        visit,
        visits.body_of(visit) if visit else None,
        tuple(versions),
        tuple(signatures),
        tuple(_problems(versions, signatures)),
    )


def look(desk: Desk, acting: Acting, controller: str, session: str, why: str) -> None:
    """Write down that somebody takes a session's note with them. Raises Refused."""
    acting.require(Verb.SEE_PATIENT)  # whoever may not is not told whether there is such a session, either
    names(desk, acting, [_row(desk, controller, session)], why)


def _row(desk: Desk, controller: str, session: str) -> Mapping[str, Any]:
    query = (
        select(sessions, controllers.c.station)
        .outerjoin(controllers, controllers.c.controller == sessions.c.controller)
        .where(sessions.c.controller == controller, sessions.c.session == session)
    )
    with desk.database.reading() as connection:
        row = connection.execute(query).mappings().first()
    if row is None:
        remedy = "Search for it; a session that has just begun comes within a second"
        raise Refused([Problem("session", session, "is not in the records", remedy)])
    return dict(row)


def visit_of(desk: Desk, controller: str, session: str) -> Paper | None:
    """In which it was given; None where it was ordered without one."""
    found = desk.papers.find(VISIT, WantedPapers(session=f"{controller}/{session}", limit=1))
    return found[0] if found else None


def _problems(versions: Sequence[Version], signatures: Sequence[Signature]) -> list[Problem]:
    problems = problems_with_versions(versions)
    by_number = {version.number: version for version in versions}
    for signature in signatures:
        problems += problems_with_signature(signature, by_number[signature.version])
    return problems


def amend(
    desk: Desk, acting: Acting, controller: str, session: str, changes: Mapping[str, Any], reason: str
) -> Amendment:
    """What is right, beside what stands there, which stays. Raises Refused."""
    person = acting.require(Verb.AMEND, reason=reason)
    return amending.amend(
        desk.database, desk.ring, (controller, session), changes, person.login, reason.strip(), acting.at
    )


def written(field: str, text: str) -> Any:
    """What was typed for a field, as the record holds it. Raises Refused."""
    if field != "distance_cm":
        if not text.strip():
            raise Refused([Problem(field, text, "is empty", "Say what is right")])
        return text.strip()
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise Refused([Problem(field, text, "is no number", "In cm, such as 45.5")]) from None


def sign(desk: Desk, acting: Acting, visit: str, number: int, proof: Reauthentication) -> Signature:
    """Sign the version that was shown, by its number. Raises Refused where another is in force by now."""
    acting.require(Verb.SIGN)
    found = desk.papers.get(VISIT, visit)
    if found.number != number:
        limit = f"is not in force any more: version {found.number} is"
        raise Refused([Problem("version", number, limit, "Read it again, then sign")], conflict=True)
    return visits.sign(desk, acting, found, proof)


# --- its journal -----------------------------------------------------------------------------------------------------------


async def journal(desk: Desk, controller: str, session: str) -> list[Event]:
    """A session's events, from the station whose journal this is. Raises Refused where none that is followed here answers as it."""
    return await (await station_of(desk, controller)).get(f"/v1/sessions/{session}/events")


async def station_of(desk: Desk, controller: str) -> Station:
    """The one whose journal this is. Raises Refused where none that is followed here answers as it."""
    away: Refused | None = None
    for station in desk.stations.values():
        try:
            if await station.controller() == controller:
                return station
        except Refused as refused:
            away = refused
    if away is not None:
        raise away
    remedy = "Its figures are here all the same; the journal itself is where that controller was"
    raise Refused([Problem("journal", controller, "is of a controller that is not followed here", remedy)])


async def note(desk: Desk, controller: str, session: str) -> SessionNote:
    """The session note, from the journal alone. Raises Refused."""
    events = await journal(desk, controller, session)
    try:
        return session_note(events, session, timezone=getattr(desk.zone, "key", "UTC"))
    except NoteError as error:
        raise Refused([Problem("note", session, str(error), "Look into it: irctl journal verify")]) from None
