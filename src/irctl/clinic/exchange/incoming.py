"""What other systems tell the clinic of patients and appointments. It waits until a person takes it over, or sets it aside: no machine writes into a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from irctl.clinic.acting import Acting
from irctl.clinic.calendar import appointments
from irctl.clinic.care import courses, patients
from irctl.clinic.desk import Desk
from irctl.clinic.office.notices import ITSELF
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused
from irctl.records.papers import Index, Paper, Wanted
from irctl.records.people import Person
from irctl.records.sealing import normal

KIND = "incoming"


class State(StrEnum):
    WAITING = "waiting"
    TAKEN = "taken"
    SET_ASIDE = "set aside"


class Event(StrEnum):
    """What is told of an appointment, or that this is a patient and no more."""

    PATIENT = "patient"
    BOOKED = "booked"
    MOVED = "moved"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    NO_SHOW = "no-show"


class News(BaseModel):
    """As it was told. `system`: a name of the clinic's file; `theirs`: what that system calls it; `number`: of the patient's record, there and here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    system: str
    event: Event
    theirs: Annotated[str, Field(min_length=1, max_length=200)]
    number: Annotated[str, Field(max_length=patients.NUMBER_MAX)] = ""
    name: Annotated[str, Field(max_length=patients.NAME_MAX)] = ""
    born: date | None = None
    contact: Annotated[str, Field(max_length=patients.CONTACT_MAX)] = ""
    at: datetime | None = None
    about: Annotated[str, Field(max_length=500)] = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One that waits. `ours`: the appointment that was made of what this system told before."""

    id: str
    version: int
    news: News
    told_at: datetime
    ours: str


def keep(desk: Desk, news: News, at: datetime) -> None:
    """Put it where people see it. The same again changes nothing; something else about the same thing waits anew. Raises Refused."""
    known = _id(news)
    body = {"news": news.model_dump(mode="json"), "ours": "", "state": State.WAITING}
    try:
        found = desk.papers.get(KIND, known)
    except Refused:
        desk.papers.new(KIND, known, body, ITSELF, at, Index(moment=at, state=State.WAITING))
        return
    if found.body["news"] != body["news"]:
        body["ours"] = found.body["ours"]
        desk.papers.amend(KIND, known, found.number, body, ITSELF, "told anew", at, moment=at, state=State.WAITING)


def waiting(desk: Desk, acting: Acting) -> list[Item]:
    """Oldest first, so that a move follows its booking. Raises Refused."""
    acting.require(Verb.SEE_PATIENT)
    return [_item(paper) for paper in desk.papers.find(KIND, Wanted(states=(State.WAITING,)))]


def looked(desk: Desk, acting: Acting) -> None:
    """Write down that somebody saw who is told of here. Raises Refused."""
    person = acting.require(Verb.SEE_PATIENT)
    rows = len(desk.papers.find(KIND, Wanted(states=(State.WAITING,))))
    desk.accounts.audit.write(None, acting.at, person.login, "look", KIND, rows=rows)


def take(desk: Desk, acting: Acting, item: str, version: int) -> str:
    """Do what it says: register the patient where nobody has the number, book, move or cancel. Returns the patient's reference. Raises Refused, and it waits on."""
    person = acting.require(Verb.SCHEDULE)
    paper = _waiting(desk, item, version)
    found = _item(paper)
    patient = _patient(desk, acting, found.news)
    ours = _appointment(desk, acting, found, patient)
    body = {**paper.body, "ours": ours, "state": State.TAKEN}
    desk.papers.amend(
        KIND, item, version, body, person, "taken over", acting.at, patient=patient, state=State.TAKEN
    )  # fmt: skip
    return patient


def set_aside(desk: Desk, acting: Acting, item: str, version: int, reason: str) -> None:
    """Nothing is done about it; the reason stays. Raises Refused."""
    person = acting.require(Verb.SCHEDULE)
    if not reason.strip():
        raise Refused([Problem("reason", reason, "is empty", "Say why nothing is done about it")])
    paper = _waiting(desk, item, version)
    body = {**paper.body, "state": State.SET_ASIDE}
    desk.papers.amend(KIND, item, version, body, person, reason.strip(), acting.at, state=State.SET_ASIDE)


# --- within -----------------------------------------------------------------------------------------------------------------


def _id(news: News) -> str:
    """One of each patient and of each appointment of a system, whatever is told of it."""
    about = "patient" if news.event is Event.PATIENT else "appointment"
    return "I-" + sha256(f"{news.system}\n{about}\n{news.theirs}".encode()).hexdigest()[:20]


def _item(paper: Paper) -> Item:
    assert paper.index.moment is not None, "it was told at a moment"
    return Item(
        paper.id, paper.number, News.model_validate(paper.body["news"]), paper.index.moment, str(paper.body["ours"])
    )


def _waiting(desk: Desk, item: str, version: int) -> Paper:
    paper = desk.papers.get(KIND, item)
    if paper.index.state != State.WAITING or paper.number != version:
        why = "is dealt with already" if paper.index.state != State.WAITING else "was told anew meanwhile"
        raise Refused([Problem("incoming", item, why, "Look at it again")], conflict=True)
    return paper


def _patient(desk: Desk, acting: Acting, news: News) -> str:
    by = acting.require(Verb.EDIT_PATIENT)
    if not news.number:
        raise Refused([Problem("record number", None, "is not told", "Find the patient, and plan by hand")])
    reason = patients.why(acting, f"told by {news.system}")
    found = desk.patients.find(by.login, reason, acting.at, number=news.number)
    if not found:
        return patients.register(desk, acting, _told(news))
    here = found[0]
    differs: Mapping[str, tuple[Any, Any]] = {
        "name": (normal(here.person.name), normal(news.name or here.person.name)),
        "birthday": (here.person.born, news.born or here.person.born),
    }
    if problems := [
        Problem(
            field, f"{theirs}", f"is {ours} here, of {here.patient}", "Find out who it is; then amend, or set aside"
        )
        for field, (ours, theirs) in differs.items()
        if ours != theirs
    ]:
        raise Refused(problems)
    return here.patient


def _told(news: News) -> Person:
    if not news.name or news.born is None:
        missing = "name" if not news.name else "birthday"
        remedy = "Ask for it, register the patient with this number, then take this over"
        raise Refused(
            [Problem(missing, None, f"of {news.number} is not told, and nobody here has that number", remedy)]
        )
    return Person(news.name, news.born, news.number, news.contact)


def _appointment(desk: Desk, acting: Acting, item: Item, patient: str) -> str:
    """Ours, by then; empty where there is none."""
    news, ours = item.news, item.ours
    match news.event:
        case Event.PATIENT:
            return ours
        case Event.CANCELLED:
            if ours:
                appointments.cancel(desk, acting, ours, news.about or f"cancelled by {news.system}")
            return ""
        case Event.NO_SHOW:
            if ours:
                appointments.no_show(desk, acting, ours)
            return ours
        case Event.BOOKED | Event.MOVED | Event.CHANGED:
            if news.at is None:
                raise Refused([Problem("time", None, "is not told", "Plan it by hand")])
            if not ours:
                return appointments.book(desk, acting, _course(desk, patient), news.at).id
            now = appointments.get(desk, acting, ours)
            return ours if now.at == news.at else appointments.move(desk, acting, ours, news.at, news.about).id


def _course(desk: Desk, patient: str) -> str:
    active = [course.id for course in courses.of_patient(desk, patient) if course.index.state == "active"]
    if len(active) == 1:
        return active[0]
    why = "has no course to book for" if not active else f"has {len(active)} courses at once"
    remedy = "Plan a course first" if not active else "Book it by hand for the right one, and set this aside"
    raise Refused([Problem("patient", patient, why, remedy)])
