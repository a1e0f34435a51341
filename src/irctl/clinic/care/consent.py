"""Whether a patient wants messages: asked once, written down with who asked and when, and taken back at any time. Without a yes there is no message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.domain.people import Verb
from irctl.records.papers import Index, Paper, Wanted

KIND = "consent"
Language = Literal["en", "de"]


@dataclass(frozen=True, slots=True)
class Consent:
    """What a patient said last of messages by e-mail, and in which language they are."""

    yes: bool
    language: Language
    by: str
    at: datetime


def consent_of(desk: Desk, patient: str) -> Consent | None:
    """None where nobody has asked. Raises Refused."""
    found = _paper(desk, patient)
    if found is None:
        return None
    body = found.body
    return Consent(body["yes"], body["language"], found.version.by, found.version.made_at)


def consented(desk: Desk, patient: str) -> bool:
    """Whether messages may be sent. Raises Refused."""
    found = consent_of(desk, patient)
    return found is not None and found.yes


def set_consent(desk: Desk, acting: Acting, patient: str, yes: bool, language: Language | None = None) -> None:
    """Write down what the patient says now; in the language as before, else the clinic's. What waits for somebody who says no is not sent. Raises Refused."""
    person = acting.require(Verb.EDIT_PATIENT)
    desk.patients.show(patient, person.login, "consent to messages", acting.at)
    found = _paper(desk, patient)
    before = desk.file.clinic.language if found is None else found.body["language"]
    body = {"yes": yes, "language": language or before, "how": "e-mail"}
    state = "yes" if yes else "no"
    if found is None:
        desk.papers.new(KIND, patient, body, person, acting.at, Index(patient, acting.at, state))
    elif found.body != body:
        reason = "the patient says so"
        desk.papers.amend(KIND, patient, found.number, body, person, reason, acting.at, state=state, moment=acting.at)


def _paper(desk: Desk, patient: str) -> Paper | None:
    return next(iter(desk.papers.find(KIND, Wanted(patient=patient, limit=1))), None)
