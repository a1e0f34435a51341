"""Patients at the desk: written down, found, opened. Whoever is shown by name was looked at, and that is on record before it is shown."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from irctl.clinic.acting import Acting
from irctl.clinic.care.courses import KIND as COURSE
from irctl.clinic.care.courses import VISIT
from irctl.clinic.desk import Desk
from irctl.clinic.doors.doors import Doors
from irctl.clinic.doors.visitor import Visitor
from irctl.clinic.office import notices
from irctl.domain.people import Person as Somebody
from irctl.domain.people import Verb, is_emergency
from irctl.domain.problems import Problem, Refused
from irctl.records.papers import Index, Paper, Wanted
from irctl.records.people import Person, Version
from irctl.records.sealing import normal
from irctl.records.tables import papers, patient_versions, sessions

BACKGROUND = "background"
"""The paper of what was before: one of each patient, named like the patient."""
SIGNS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Of a reference: none that are taken for each other."""
REFERENCE_SIGNS = 7
"""30⁷ of them: a new one is never one that was."""
OLDEST = date(1890, 1, 1)
RECENT = 12
NAME_MAX, NUMBER_MAX, CONTACT_MAX = 200, 60, 200


class BackgroundBody(BaseModel):
    """What was before, and what it shall come to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    history: Annotated[str, Field(max_length=4000)] = ""
    goals: Annotated[str, Field(max_length=2000)] = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient as shown. `age`: in whole years, today."""

    reference: str
    version: Version
    age: int
    background: BackgroundBody
    background_version: int
    """0 where nothing was written yet."""

    @property
    def person(self) -> Person:
        return self.version.person


# --- writing them down ----------------------------------------------------------------------------------------------------


def register(desk: Desk, acting: Acting, person: Person, *, another: bool = False) -> str:
    """Somebody new; returns the reference, which orders and the journal know them by.

    `another`: they are somebody else than whoever has the same name and birthday here. Raises Refused.
    """
    by = acting.require(Verb.EDIT_PATIENT)
    tidy = _tidy(person)
    problems = problems_with(tidy, acting.at.date())
    if not problems:
        problems = _known(desk, acting, by, tidy, another=another)
    if problems:
        raise Refused(problems)
    reference = "P-" + "".join(secrets.choice(SIGNS) for _ in range(REFERENCE_SIGNS))
    desk.patients.add(reference, tidy, by.login, acting.at)
    return reference


def amend(desk: Desk, acting: Acting, patient: str, version: int, person: Person, reason: str) -> None:
    """Another version in place of `version`, which stays. Raises Refused."""
    by = acting.require(Verb.EDIT_PATIENT)
    tidy = _tidy(person)
    problems = problems_with(tidy, acting.at.date())
    if not problems and tidy.number:
        problems = _number_of_another(desk, acting, by, tidy.number, patient)
    if problems:
        raise Refused(problems)
    desk.patients.amend(patient, version, tidy, by.login, reason, acting.at)


def problems_with(person: Person, today: date) -> list[Problem]:
    """Everything about somebody that cannot be so."""
    problems: list[Problem] = []
    for name, value, most in (
        ("name", person.name, NAME_MAX),
        ("record number", person.number, NUMBER_MAX),
        ("contact", person.contact, CONTACT_MAX),
    ):
        if len(value) > most or not value.isprintable():
            limit = f"is longer than {most} characters, or has signs that nobody sees"
            problems.append(Problem(name, value[:most], limit, "Type it in plain letters"))
    if not normal(person.name):
        problems.append(Problem("name", person.name, "has no letter", "Give the name"))
    if not OLDEST <= person.born <= today:
        problems.append(Problem("birthday", person.born.isoformat(), "cannot be", "Give it as year, month, day"))
    return problems


def _tidy(person: Person) -> Person:
    name, number, contact = (" ".join(said.split()) for said in (person.name, person.number, person.contact))
    return Person(name, person.born, number, contact)


def _known(desk: Desk, acting: Acting, by: Somebody, person: Person, *, another: bool) -> list[Problem]:
    """Two records of one patient, or one number for two: how doses are given twice, or to the wrong one."""
    problems = _number_of_another(desk, acting, by, person.number, "") if person.number else []
    if problems or another:
        return problems
    alike = desk.patients.find(
        by.login, why(acting, "registering somebody"), acting.at, name=person.name, born=person.born
    )
    same = [one for one in alike if normal(one.person.name) == normal(person.name)]
    if not same:
        return []
    limit = f"with this birthday is here already, as {same[0].patient}"
    return [Problem("name", person.name, limit, "Open that one; or say that this is another person")]


def _number_of_another(desk: Desk, acting: Acting, by: Somebody, number: str, patient: str) -> list[Problem]:
    has_it = desk.patients.find(by.login, why(acting, "checking a record number"), acting.at, number=number)
    return [
        Problem("record number", number, f"is {one.patient}'s", "Check the number, or open that patient")
        for one in has_it
        if one.patient != patient
    ]


# --- finding them ---------------------------------------------------------------------------------------------------------


def search(desk: Desk, acting: Acting, asked: str = "", *, born: date | None = None) -> list[Version]:
    """By what people say: words of the name or their first three letters, the record number, the birthday. Each that is found is a look. Raises Refused."""
    by = acting.require(Verb.SEE_PATIENT)
    reason = why(acting, "search")
    said, day = _birthday_in(asked) if born is None else (asked, born)
    if not normal(said) and day is None:
        raise Refused([Problem("name", asked, "says nothing to search by", "Give a name, a birthday or a number")])
    by_name = desk.patients.find(by.login, reason, acting.at, name=said, born=day, beginnings=True)
    if by_name or not any(sign.isdigit() for sign in said):
        return _by_name(by_name)
    return _by_name(desk.patients.find(by.login, reason, acting.at, number=said, born=day))


def _by_name(found: list[Version]) -> list[Version]:
    return sorted(found, key=lambda one: (normal(one.person.name), one.person.born))


def _birthday_in(asked: str) -> tuple[str, date | None]:
    """A date among what was typed, as 1961-05-04 or 4.5.1961, and the rest."""
    rest, day = list[str](), None
    for word in asked.replace(",", " ").split():
        found = _day(word)
        if found is None or day is not None:
            rest.append(word)
        else:
            day = found
    return " ".join(rest), day


def _day(word: str) -> date | None:
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(word, form).date()  # noqa: DTZ007 - a day, not a moment
        except ValueError:
            continue
    return None


def recent(desk: Desk, acting: Acting, most: int = RECENT) -> list[tuple[Version, datetime]]:
    """Whom this clinic has seen lately, and when: treated, planned for, or written down. Each is a look. Raises Refused."""
    by = acting.require(Verb.SEE_PATIENT)
    lately: dict[str, datetime] = {}
    for patient, at in _lately(desk, acting.at, most):
        lately[patient] = max(at, lately.get(patient, at))
    newest = sorted(lately.items(), key=lambda one: one[1], reverse=True)[:most]
    found = desk.patients.several([patient for patient, _ in newest], by.login, why(acting, "recent"), acting.at)
    return [(found[patient], at) for patient, at in newest if patient in found]


ROWS_OF_EACH = 8
"""Somebody who comes daily stands several times among the newest."""


def _lately(desk: Desk, now: datetime, most: int) -> list[tuple[str, datetime]]:
    of_papers = papers.c.patient.is_not(None) & (papers.c.moment <= now)
    queries = (
        (papers.c.patient, papers.c.moment, of_papers & (papers.c.kind == VISIT)),
        (papers.c.patient, papers.c.moment, of_papers & (papers.c.kind == COURSE)),
        (sessions.c.patient, sessions.c.ordered_at, sessions.c.patient.is_not(None)),
        (patient_versions.c.patient, patient_versions.c.at, patient_versions.c.at <= now),
    )
    found: list[tuple[str, datetime]] = []
    with desk.database.reading() as connection:
        for patient, moment, which in queries:
            # The newest rows alone, by their index: over the years of a clinic, each patient's newest would be a look at everything.
            newest = select(patient, moment).where(which, moment.is_not(None)).order_by(moment.desc())
            found += [(row[0], row[1]) for row in connection.execute(newest.limit(ROWS_OF_EACH * most))]
    return found


# --- opening one ----------------------------------------------------------------------------------------------------------


def open_patient(desk: Desk, acting: Acting, patient: str) -> Patient:
    """One patient; the look is written. Raises Refused."""
    by = acting.require(Verb.SEE_PATIENT)
    version = desk.patients.show(patient, by.login, why(acting, "opened"), acting.at)
    paper = background_of(desk, patient)
    body = BackgroundBody.model_validate(paper.body) if paper else BackgroundBody()
    age = age_on(acting.at.date(), version.person.born)
    return Patient(patient, version, age, body, paper.number if paper else 0)


def versions(desk: Desk, acting: Acting, patient: str) -> list[Version]:
    """How somebody was written down before, oldest first; the look is written. Raises Refused."""
    by = acting.require(Verb.SEE_PATIENT)
    return desk.patients.history(patient, by.login, why(acting, "history of versions"), acting.at)


def background_of(desk: Desk, patient: str) -> Paper | None:
    """None where nothing was written yet."""
    found = desk.papers.find(BACKGROUND, Wanted(patient=patient, limit=1))
    return found[0] if found else None


def write_background(
    desk: Desk, acting: Acting, patient: str, version: int, body: BackgroundBody, reason: str = ""
) -> Paper:
    """History and goals, in place of `version` (0: the first). Raises Refused."""
    by = acting.require(Verb.EDIT_PATIENT)
    told = body.model_dump(mode="json")
    if not version:
        return desk.papers.new(BACKGROUND, patient, told, by, acting.at, Index(patient, acting.at))
    return desk.papers.amend(BACKGROUND, patient, version, told, by, reason or "brought up to date", acting.at)


def age_on(day: date, born: date) -> int:
    """In whole years."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def why(acting: Acting, usual: str) -> str:
    """What the record of a look says: an emergency is named as one."""
    if acting.person is not None and is_emergency(acting.person, Verb.SEE_PATIENT, acting.context):
        return f"EMERGENCY: {acting.context.reason}"
    return usual


def in_emergency(desk: Desk, doors: Doors, visitor: Visitor, reason: str, at: datetime) -> None:
    """Patients opened to whoever may not see them otherwise: in the audit before anything is seen, and told on every day board. Raises Refused."""
    given = doors.emergency(visitor, reason, at)
    text = f"Emergency access: {visitor.standing.person.name} may see patients until {given.until.astimezone(desk.zone):%H:%M}"
    notices.tell(
        desk, f"emergency/{visitor.login}/{at.isoformat()}", text, "Look at the audit, and talk to them", "high", at
    )
