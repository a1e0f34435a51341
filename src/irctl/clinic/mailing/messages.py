"""Messages to patients: written, waiting, sent or not. Each is a paper whose text is sealed; nobody gets one who has not said yes to it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from irctl.clinic.acting import Acting
from irctl.clinic.care.consent import consent_of, consented
from irctl.clinic.desk import Desk
from irctl.clinic.mailing.letters import Letter, Sort, letter
from irctl.clinic.office.notices import ITSELF
from irctl.domain.people import Person, Verb
from irctl.domain.problems import Problem, Refused
from irctl.records.papers import Index, Paper, Wanted
from irctl.records.people import Version

KIND = "message"
OWN_USEFUL = timedelta(days=7)
TEXT_MAX = 4000
ADDRESS = re.compile(r"(?<![^\s<(,;:])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?![^\s>),;])")
"""Among whatever else a contact says: a telephone number, the way to the house."""
NO_ADDRESS = "no e-mail address in the patient's contact"


class State(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    """Written down before it leaves. Whoever finds it so later does not know whether it left."""
    SENT = "sent"
    FAILED = "failed"
    UNSURE = "unsure"
    """It may have been sent, and is not sent again by itself."""
    WITHDRAWN = "withdrawn"


class MessageBody(BaseModel):
    """What is sealed. `until`: after that nobody has any use for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sort: Sort
    to: str
    subject: str
    text: Annotated[str, Field(max_length=2 * TEXT_MAX)]
    planned_at: datetime
    until: datetime
    attempts: int = 0
    why: str = ""
    """Of the state it is in: a refusal, a withdrawal."""
    withdrawn_by: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """As a list shows it: without its text, and without who it is to but for the reference."""

    id: str
    patient: str
    sort: Sort
    subject: str
    at: datetime
    """When it is to be sent, or was; in the clinic's zone."""
    state: State
    why: str
    by: str


# --- what people do --------------------------------------------------------------------------------------------------------


def write(desk: Desk, acting: Acting, patient: str, text: str) -> Paper:
    """A message of one's own, sent at once. Its subject is the clinic's: what is typed stands in the text alone. Raises Refused."""
    person = acting.require(Verb.SCHEDULE)
    problems: list[Problem] = []
    if not text.strip() or len(text) > TEXT_MAX:
        problems.append(
            Problem("text", len(text.strip()), f"is empty, or above {TEXT_MAX} characters", "Write it anew")
        )
    consent = consent_of(desk, patient)
    if consent is None or not consent.yes:
        remedy = "Ask, and write the answer down on the patient's page"
        problems.append(Problem("consent", patient, "has not said yes to messages", remedy))
    to = address_of(desk, patient, person, acting.at)
    if to is None:
        problems.append(Problem("contact", patient, f"there is {NO_ADDRESS}", "Ask for one, and write it down"))
    if problems or consent is None or to is None:
        raise Refused(problems)
    said = letter(Sort.OWN, consent.language, desk.file.clinic, text=text)
    name = f"M-{secrets.token_hex(4)}"
    return compose(desk, name, patient, Sort.OWN, to, said, acting.at, acting.at + OWN_USEFUL, None, person, acting.at)


def withdraw(desk: Desk, acting: Acting, message: str) -> Paper:
    """It is not to be sent. Raises Refused once it has left."""
    person = acting.require(Verb.SCHEDULE)
    paper = desk.papers.get(KIND, message)
    if paper.index.state != State.WAITING:
        raise _not_waiting(paper)
    return put(desk, paper, State.WITHDRAWN, acting.at, person, why="withdrawn", withdrawn_by=person.login)


def send_now(desk: Desk, acting: Acting, message: str) -> Paper:
    """At the next round, a few seconds from now; also one that failed, and one of which nobody knows whether it was sent. Raises Refused."""
    person = acting.require(Verb.SCHEDULE)
    paper = desk.papers.get(KIND, message)
    if paper.index.state not in (State.WAITING, State.FAILED, State.UNSURE):
        raise _not_waiting(paper)
    until = max(body_of(paper).until, acting.at + OWN_USEFUL)
    if body_of(paper).sort is Sort.REMINDER:
        until = body_of(paper).until
        if until <= acting.at:
            raise Refused([Problem("message", message, "reminds of an appointment that is past", "Write another")])
    asked = {"planned_at": acting.at, "until": until, "attempts": 0, "why": f"asked for by {person.login}"}
    return put(desk, paper, State.WAITING, acting.at, person, moment=acting.at, **asked)


def listed(desk: Desk, acting: Acting, states: Collection[State], limit: int = 100) -> list[Message]:
    """What waits: the next first; everything else: the newest first. Raises Refused."""
    acting.require(Verb.SCHEDULE)
    newest = State.WAITING not in states
    papers = desk.papers.find(KIND, Wanted(states=tuple(states), newest=newest, limit=limit))
    return [_message(desk, paper) for paper in papers]


def found(desk: Desk, acting: Acting, words: str) -> list[tuple[Version, bool]]:
    """Patients by words of the name, else by record number; and whether they have said yes. Raises Refused."""
    person = acting.require(Verb.SCHEDULE)
    by, why = person.login, "write a message"
    people = desk.patients.find(by, why, acting.at, name=words) if any(map(str.isalpha, words)) else []
    people = people or desk.patients.find(by, why, acting.at, number=words)
    return [(one, consented(desk, one.patient)) for one in people]


def shown(desk: Desk, acting: Acting, message: str) -> Letter:
    """What it says. That is a look at the patient, and is written down as one. Raises Refused."""
    person = acting.require(Verb.SCHEDULE)
    paper = desk.papers.get(KIND, message)
    desk.patients.show(paper.index.patient or "", person.login, f"message {message}", acting.at)
    body = body_of(paper)
    return Letter(body.subject, body.text)


# --- what the clinic does by itself ---------------------------------------------------------------------------------------


def compose(
    desk: Desk,
    name: str,
    patient: str,
    sort: Sort,
    to: str | None,
    said: Letter,
    at: datetime,
    until: datetime,
    parent: str | None,
    by: Person,
    now: datetime,
) -> Paper:
    """Put it into the box, to be sent `at`; without an address it stands there as failed, so that somebody sees it. Raises Refused."""
    body = MessageBody(
        sort=sort,
        to=to or "",
        subject=said.subject,
        text=said.text,
        planned_at=at,
        until=until,
        why="" if to else NO_ADDRESS,
    )
    state = State.WAITING if to else State.FAILED
    return desk.papers.new(KIND, name, body.model_dump(mode="json"), by, now, Index(patient, at, state, parent))


def put(
    desk: Desk,
    paper: Paper,
    state: State,
    now: datetime,
    by: Person = ITSELF,
    moment: datetime | None = None,
    **told: Any,
) -> Paper:
    """Into another state. Raises Refused where somebody was quicker."""
    body = MessageBody.model_validate({**paper.body, **told}).model_dump(mode="json")
    index = {"state": state} if moment is None else {"state": state, "moment": moment}
    reason = str(told.get("why") or state)
    if body == dict(paper.body):  # a version says something new: here, how often it was tried
        body["attempts"] += 1
    return desk.papers.amend(KIND, paper.id, paper.number, body, by, reason, now, **index)


def body_of(paper: Paper) -> MessageBody:
    return MessageBody.model_validate(paper.body)


def address_of(desk: Desk, patient: str, by: Person, at: datetime) -> str | None:
    """The first in their contact. A look at the patient, written down as one. Raises Refused."""
    found = ADDRESS.search(desk.patients.show(patient, by.login, "message", at).person.contact)
    return found.group() if found else None


def _message(desk: Desk, paper: Paper) -> Message:
    body = body_of(paper)
    assert paper.index.moment is not None
    at = paper.index.moment.astimezone(desk.zone)
    return Message(
        paper.id,
        paper.index.patient or "",
        body.sort,
        body.subject,
        at,
        State(paper.index.state),
        body.why,
        paper.version.by,
    )


def _not_waiting(paper: Paper) -> Refused:
    why = f"is {paper.index.state} already"
    return Refused([Problem("message", paper.id, why, "Look at it again, then decide")], conflict=True)
