"""Where the facts of a course come from, in words: a paper and its version, the journal's events and their hash, a calibration and its meter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from irctl.documents.dossier import Dossier, Member, Visit
from irctl.documents.figures import clock, date, offset
from irctl.documents.record import Kind, SessionNote

VISITS_NAMED = 3
"""More are told as a range; the table of visits names the journal's events of each."""


def person(one: Member) -> str:
    """Name and credentials."""
    return f"{one.name}, {one.credentials}" if one.credentials else one.name


def moment(at: datetime) -> str:
    return f"{date(at)}, {clock(at)} {offset(at)}"


def the_record(dossier: Dossier) -> str:
    return f"clinic’s record of patient {dossier.patient.reference}"


def the_plan(dossier: Dossier) -> str:
    plan = dossier.plan
    return f"plan of care {dossier.course}, written by {person(plan.planned_by)}, {moment(plan.planned_at)}"


def the_coverage(dossier: Dossier) -> str:
    return f"coverage of course {dossier.course}"


def paper(visit: Visit, what: str, by: Member | None = None, at: datetime | None = None) -> str:
    """A step of the visit's paper, in the version in force."""
    step = f"{what} by {person(by)}" if by else what
    return f"visit {visit.id} version {visit.version}, {step}" + (f", {moment(at)}" if at else "")


def the_visits(visits: Sequence[Visit]) -> tuple[str, ...]:
    """The papers of several visits, each in the version in force."""
    told = [f"{one.id} version {one.version}" for one in visits]
    if len(told) > VISITS_NAMED:
        told = [f"{told[0]} to {told[-1]}, {len(told)} visits"]
    return (f"visit{'s' if len(visits) > 1 else ''} {', '.join(told)}",) if told else ()


def events(visit: Visit, note: SessionNote) -> str:
    """All events of the session, and the hash that seals them."""
    source = note.source
    return _events(visit, note, source.first_seq, source.last_seq)


def light_events(visit: Visit, note: SessionNote) -> str:
    """From the first light to the end."""
    lit = [one.seq for one in note.happenings if one.kind is Kind.FIRST_LIGHT]
    ends = [one.seq for one in note.happenings if one.kind is Kind.ENDED]
    return _events(visit, note, lit[0] if lit else note.source.first_seq, ends[-1] if ends else note.source.last_seq)


def single_events(visit: Visit, seqs: list[int]) -> str:
    """Some events by their numbers."""
    told = ", ".join(map(str, seqs))
    return f"event{'s' if len(seqs) > 1 else ''} {told}{_whose(visit)}"


def calibration(note: SessionNote) -> tuple[str, str]:
    held = note.calibration
    return f"calibration {held.id} (hash {held.hash[:12]}…)", f"meter {held.meter}"


def _events(visit: Visit, note: SessionNote, first: int, last: int) -> str:
    return f"events {first}–{last}{_whose(visit)} (hash {note.source.head[:12]}…)"


def _whose(visit: Visit) -> str:
    return f" of controller {visit.controller}" if visit.controller else ""
