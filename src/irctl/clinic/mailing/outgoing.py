"""Which messages there should be: a reminder of each appointment, and after each visit what to watch for and, a day later, how it went.

What should be is compared with what is there, so nothing depends on having seen an appointment being made, moved or cancelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from irctl.clinic.care.consent import Consent, consent_of, consented
from irctl.clinic.care.courses import GIVEN, VISIT
from irctl.clinic.desk import Desk
from irctl.clinic.mailing.letters import Sort, letter
from irctl.clinic.mailing.messages import KIND, State, address_of, body_of, compose, put
from irctl.clinic.office.notices import ITSELF
from irctl.records.papers import Paper, Wanted

APPOINTMENT, PLANNED = "appointment", "planned"
AHEAD = timedelta(days=14)
"""So long before an appointment its reminder stands in the box, for people to see."""
USEFUL = timedelta(days=2)
"""What comes later after a visit than this is of no use; nothing is written for visits longer ago."""
BOX_MAX = 10_000
REMIND_HOURS, AFTER_CARE_HOURS = 24.0, 24.0
"""As in [mail], where the clinic's file has none."""


@dataclass(frozen=True, slots=True)
class _Due:
    """A message that should be there: `name` says for what, so that there is one of each."""

    name: str
    patient: str
    sort: Sort
    at: datetime
    until: datetime
    parent: str
    appointment_at: datetime | None = None


class Outgoing:
    """Keeps the box of one clinic as it should be."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: set[str] = set()
        """Names of messages that are there: they stay."""

    def plan(self, now: datetime) -> None:
        """Write what is missing, withdraw what should not be sent any more. Raises Refused."""
        desk, consents = self._desk, dict[str, Consent | None]()
        for one in [*_reminders(desk, now), *_after_visits(desk, now)]:
            if one.patient not in consents:
                consents[one.patient] = consent_of(desk, one.patient)
            consent = consents[one.patient]
            if one.name in self._known or consent is None or not consent.yes or now >= one.until:
                continue
            if not desk.papers.versions(KIND, one.name):
                _write(desk, one, consent, now)
            self._known.add(one.name)
        for paper in desk.papers.find(KIND, Wanted(states=(State.WAITING,), limit=BOX_MAX)):
            if why := unwanted(desk, paper, now):
                put(desk, paper, State.WITHDRAWN, now, why=why)
        for paper in desk.papers.find(KIND, Wanted(states=(State.WITHDRAWN,), since=now - AHEAD, limit=BOX_MAX)):
            # An appointment was moved and moved back, or somebody has said yes again.
            if not body_of(paper).withdrawn_by and not unwanted(desk, paper, now):
                put(desk, paper, State.WAITING, now, why="wanted again")


def unwanted(desk: Desk, message: Paper, now: datetime) -> str:
    """Why a message should not be sent any more; empty where it should. Asked again right before it leaves. Raises Refused."""
    body = body_of(message)
    if not consented(desk, message.index.patient or ""):
        return "the patient has not said yes to messages"
    if now >= body.until:
        return "it is too late for it"
    if body.sort is Sort.REMINDER:
        found = desk.papers.get(APPOINTMENT, message.index.parent or "")
        if found.index.state != PLANNED:
            return f"the appointment is {found.index.state}"
        if found.index.moment != body.until:
            return "the appointment was moved"
    return ""


def _reminders(desk: Desk, now: datetime) -> Iterable[_Due]:
    mail = desk.file.mail
    before = timedelta(hours=mail.remind_hours_before if mail else REMIND_HOURS)
    ahead = Wanted(since=now, until=now + AHEAD, states=(PLANNED,), limit=BOX_MAX)
    for one in desk.papers.find(APPOINTMENT, ahead):
        moment, patient = one.index.moment, one.index.patient
        if moment is None or patient is None:
            continue
        at = moment - before
        # Made so shortly before, they know of it; unless they were reminded of another time since.
        if one.version.made_at <= at or _told(desk, one.id):
            name = f"{Sort.REMINDER} {one.id} {moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}"
            yield _Due(name, patient, Sort.REMINDER, at, moment, one.id, moment)


def _told(desk: Desk, appointment: str) -> bool:
    return bool(desk.papers.find(KIND, Wanted(parent=appointment, states=(State.SENT, State.UNSURE), limit=1)))


def _after_visits(desk: Desk, now: datetime) -> Iterable[_Due]:
    mail = desk.file.mail
    later = timedelta(hours=mail.after_care_hours if mail else AFTER_CARE_HOURS)
    for visit in desk.papers.find(VISIT, Wanted(since=now - USEFUL, until=now, states=GIVEN)):
        over_at, patient = _over_at(visit.body), visit.index.patient
        if over_at is None or patient is None:
            continue
        for sort, at in ((Sort.AFTER_CARE, over_at), (Sort.REACTION, over_at + later)):
            yield _Due(f"{sort} {visit.id}", patient, sort, at, at + USEFUL, visit.id)


def _over_at(visit: Mapping[str, object]) -> datetime | None:
    """When somebody looked at the skin; None before that: the patient is still here."""
    match visit.get("after"):
        case {"at": str(at)}:
            return datetime.fromisoformat(at)
        case _:
            return None


def _write(desk: Desk, one: _Due, consent: Consent, now: datetime) -> None:
    to = address_of(desk, one.patient, ITSELF, now)
    at = None if one.appointment_at is None else one.appointment_at.astimezone(desk.zone)
    said = letter(one.sort, consent.language, desk.file.clinic, at=at)
    compose(desk, one.name, one.patient, one.sort, to, said, one.at, one.until, one.parent, ITSELF, now)
