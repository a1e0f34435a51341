"""Appointments: planned for a course, booked one by one, moved, kept or not. Each is one paper, so that its history stays with it when it is moved.

Whether somebody is being treated or was is not written here: it follows from the visit that belongs to the appointment.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from threading import Lock
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from irctl.clinic.acting import Acting
from irctl.clinic.calendar.timetable import (
    Slot,
    Taken,
    course_times,
    day_from,
    minutes_of,
    new_problems_with_course,
    problems_with_hours,
    problems_with_room,
    spoken,
)
from irctl.clinic.care import courses
from irctl.clinic.care.courses import GIVEN, VISIT, CourseBody, Text
from irctl.clinic.desk import Desk
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused
from irctl.domain.protocols import Protocol, name_of
from irctl.records.papers import Index, Paper, Wanted

KIND = "appointment"
_ONE_AT_A_TIME = Lock()
"""Two screens of this clinic do not book the same lamp at once: looking and writing are one step."""


class State(StrEnum):
    PLANNED = "planned"
    ARRIVED = "arrived"
    TREATING = "treating"
    DONE = "done"
    REFUSED = "refused"
    """They came, and there was no light: the screening, or their own wish."""
    NO_SHOW = "no-show"
    CANCELLED = "cancelled"


AHEAD = (State.PLANNED, State.ARRIVED)
"""What still takes up a lamp."""


class AppointmentBody(BaseModel):
    """`at` and `moved_from` with their offsets: each version keeps its own, so a move is never forgotten."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: datetime
    minutes: Annotated[int, Field(ge=1, le=600)]
    area: str
    protocol: str
    station: str = ""
    lamp: str = ""
    """Empty: any lamp."""
    state: State = State.PLANNED
    """As somebody said it; also in the index, and here so that its history tells it."""
    moved_from: datetime | None = None
    reason: Text = ""
    """Of the last change."""


@dataclass(frozen=True, slots=True)
class Appointment:
    """As it is now. `at` in the clinic's zone; `title`: of the protocol; `lamp_title` as people call the lamp, empty for any."""

    id: str
    patient: str
    course: str
    slot: Slot
    area: str
    title: str
    state: State
    moved_from: datetime | None
    reason: str
    version: int
    changed_at: datetime

    @property
    def at(self) -> datetime:
        return self.slot.at

    @property
    def until(self) -> datetime:
        return self.slot.until

    @property
    def ahead(self) -> bool:
        return self.state in AHEAD


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan before anybody is bound to it."""

    slots: tuple[Slot, ...]
    problems: tuple[Problem, ...]


# --- planning -------------------------------------------------------------------------------------------------------------


def proposed(
    desk: Desk,
    course: Paper,
    first: datetime,
    weekdays: Sequence[int] = (),
    at_times: Mapping[int, time] | None = None,
    station: str = "",
    lamp: str = "",
) -> Proposal:
    """The visits that a course still has, from `first` on, and everything that is in their way."""
    body, protocol = _course(desk, course)
    taken = _times(desk, course.id)
    left = protocol.course.visits - len(taken)
    if left < 1:
        limit = f"has all of its {protocol.course.visits} visits"
        return Proposal((), (Problem("course", body.area, limit, "Another course is another decision"),))
    try:
        rule, apart_s = protocol.course, protocol.limits.interval_s_min or 0.0
        times = course_times(
            rule, apart_s, first.astimezone(desk.zone), desk.file.clinic, weekdays=weekdays, at_times=at_times
        )[:left]
    except Refused as refused:
        return Proposal((), refused.problems)
    slots = [
        Slot(at, minutes_of(protocol, len(taken) + number), station, lamp) for number, at in enumerate(times, start=1)
    ]
    problems = _problems(desk, course, protocol, slots, taken)
    return Proposal(tuple(slots), tuple(problems))


def plan_course(
    desk: Desk,
    acting: Acting,
    course: str,
    first: datetime,
    weekdays: Sequence[int] = (),
    at_times: Mapping[int, time] | None = None,
    station: str = "",
    lamp: str = "",
) -> list[Appointment]:
    """Book every visit that the course still has, or none. Raises Refused with all that is in the way."""
    acting.require(Verb.SCHEDULE)
    found = desk.papers.get(courses.KIND, course)
    with _ONE_AT_A_TIME:
        proposal = proposed(desk, found, first, weekdays, at_times, station, lamp)
        if proposal.problems:
            raise Refused(proposal.problems)
        return [_write(desk, acting, found, slot) for slot in proposal.slots]


def book(desk: Desk, acting: Acting, course: str, at: datetime, station: str = "", lamp: str = "") -> Appointment:
    """One more visit. Raises Refused."""
    acting.require(Verb.SCHEDULE)
    found = desk.papers.get(courses.KIND, course)
    _, protocol = _course(desk, found)
    with _ONE_AT_A_TIME:
        taken = _times(desk, course)
        slot = Slot(at.astimezone(desk.zone), minutes_of(protocol, len(taken) + 1), station, lamp)
        if problems := _problems(desk, found, protocol, [slot], taken):
            raise Refused(problems)
        return _write(desk, acting, found, slot)


def move(
    desk: Desk,
    acting: Acting,
    appointment: str,
    at: datetime,
    reason: str = "",
    station: str | None = None,
    lamp: str | None = None,
) -> Appointment:
    """To another time, another lamp, or both; the time that it had stays in its history. Raises Refused."""
    acting.require(Verb.SCHEDULE)
    with _ONE_AT_A_TIME:
        paper, now = _ahead(desk, appointment)
        found = desk.papers.get(courses.KIND, now.course)
        _, protocol = _course(desk, found)
        where = (now.slot.station if station is None else station, now.slot.lamp if lamp is None else lamp)
        slot = Slot(at.astimezone(desk.zone), now.slot.minutes, *where)
        if problems := _problems(desk, found, protocol, [slot], _times(desk, now.course, appointment), appointment):
            raise Refused(problems)
        told = {"at": slot.at, "station": slot.station, "lamp": slot.lamp, "moved_from": now.at, "reason": reason}
        why = reason.strip() or f"moved from {spoken(now.at)}"
        return _amended(desk, acting, paper, why, State.PLANNED, moment=slot.at, **told)


# --- the day itself ---------------------------------------------------------------------------------------------------------


def arrived(desk: Desk, acting: Acting, appointment: str) -> Appointment:
    """They are here. Raises Refused on another day than that of the appointment."""
    acting.require(Verb.SCHEDULE)
    paper, now = _ahead(desk, appointment)
    if now.at.date() != acting.at.astimezone(desk.zone).date():
        raise Refused([Problem("at", spoken(now.at), "is not today", "Move the appointment to today first")])
    return _amended(desk, acting, paper, "arrived", State.ARRIVED)


def no_show(desk: Desk, acting: Acting, appointment: str) -> Appointment:
    """They did not come. Raises Refused before the time of the appointment."""
    acting.require(Verb.SCHEDULE)
    paper, now = _ahead(desk, appointment)
    if now.at.timestamp() > acting.at.timestamp():
        raise Refused([Problem("at", spoken(now.at), "is still to come", "Wait until then, or cancel it")])
    return _amended(desk, acting, paper, "did not come", State.NO_SHOW)


def put_back(desk: Desk, acting: Acting, appointment: str) -> Appointment:
    """After a slip: what was marked as arrived or as a no-show is planned again. Raises Refused."""
    acting.require(Verb.SCHEDULE)
    paper = desk.papers.get(KIND, appointment)
    now = _as_shown(desk, [paper])[0]
    if now.state not in (State.ARRIVED, State.NO_SHOW):
        raise Refused([_not_any_more(now)], conflict=True)
    return _amended(desk, acting, paper, f"was not {now.state}", State.PLANNED)


def cancel(desk: Desk, acting: Acting, appointment: str, reason: str) -> Appointment:
    """It will not be. Raises Refused without a reason."""
    acting.require(Verb.SCHEDULE)
    if not reason.strip():
        raise Refused([Problem("reason", reason, "is empty", "Say why: it stays in the appointment's history")])
    paper, _ = _ahead(desk, appointment)
    return _amended(desk, acting, paper, reason.strip(), State.CANCELLED, reason=reason.strip())


# --- looking ----------------------------------------------------------------------------------------------------------------


def day(desk: Desk, acting: Acting, on: date) -> list[Appointment]:
    """In the order of their times. Raises Refused."""
    acting.require(Verb.SEE_PATIENT)
    return between(desk, on, on + timedelta(days=1))


def week(desk: Desk, acting: Acting, on: date) -> list[Appointment]:
    """Of the week, Monday to Sunday, that this day is in. Raises Refused."""
    acting.require(Verb.SEE_PATIENT)
    monday = on - timedelta(days=on.weekday())
    return between(desk, monday, monday + timedelta(days=7))


def of_patient(desk: Desk, acting: Acting, patient: str) -> list[Appointment]:
    """All of one patient's, oldest first. Raises Refused."""
    acting.require(Verb.SEE_PATIENT)
    return _as_shown(desk, desk.papers.find(KIND, Wanted(patient=patient)))


def get(desk: Desk, acting: Acting, appointment: str) -> Appointment:
    """Raises Refused."""
    acting.require(Verb.SEE_PATIENT)
    return _as_shown(desk, [desk.papers.get(KIND, appointment)])[0]


def days_ahead(desk: Desk, course: str) -> list[date]:
    """Of the appointments of a course that are still to come."""
    now = desk.now()
    found = desk.papers.find(KIND, Wanted(parent=course, states=AHEAD, since=now))
    return [_local(desk, paper).date() for paper in found]


def missed(desk: Desk, course: str) -> list[datetime]:
    """When a patient did not come to a course's appointments."""
    return [_local(desk, paper) for paper in desk.papers.find(KIND, Wanted(parent=course, states=(State.NO_SHOW,)))]


def how_many(desk: Desk, on: date) -> int:
    """Appointments of a day that nobody called off: for those who may not know whose they are."""
    return sum(one.state is not State.CANCELLED for one in between(desk, on, on + timedelta(days=1)))


def between(desk: Desk, first: date, last: date) -> list[Appointment]:
    """From the first day until before the last. By references only: whoever shows a name asks for it."""
    since = datetime.combine(first, time(), desk.zone)
    until = datetime.combine(last, time(), desk.zone)
    return _as_shown(desk, desk.papers.find(KIND, Wanted(since=since, until=until)))


# --- within ---------------------------------------------------------------------------------------------------------------


def _course(desk: Desk, course: Paper) -> tuple[CourseBody, Protocol]:
    body = courses.body_of(course)
    if course.index.state != "active":
        raise Refused([Problem("course", body.area, "has ended", "Plan another course first")], conflict=True)
    return body, desk.library.protocol(body.protocol)


def _times(desk: Desk, course: str, but: str = "") -> list[datetime]:
    """When a course had its visits, and when it will. What was planned for an earlier day and brought nothing is no visit."""
    given = [_local(desk, paper) for paper in desk.papers.find(VISIT, Wanted(parent=course, states=GIVEN))]
    days, today = {at.date() for at in given}, desk.now().date()
    ahead = desk.papers.find(KIND, Wanted(parent=course, states=AHEAD))
    times = [_local(desk, paper) for paper in ahead if paper.id != but]
    return sorted([*given, *(at for at in times if at.date() >= today and at.date() not in days)])


def _problems(
    desk: Desk, course: Paper, protocol: Protocol, slots: Sequence[Slot], taken: Sequence[datetime], but: str = ""
) -> list[Problem]:
    problems = _problems_with_lamp(desk, protocol, slots[0]) if slots else []
    lamps = sum(len(station.lamps) for station in desk.stations.values())
    for slot in slots:
        problems += problems_with_hours(desk.file.clinic, slot, desk.now())
        since, until = day_from(slot.at)
        others = desk.papers.find(KIND, Wanted(since=since, until=until, states=AHEAD))
        busy = [Taken(_slot(desk, paper), paper.index.patient or "") for paper in others if paper.id != but]
        problems += problems_with_room(slot, course.index.patient or "", busy, lamps)
    apart_s = protocol.limits.interval_s_min or 0.0
    return [*problems, *new_problems_with_course(taken, [slot.at for slot in slots], protocol.course, apart_s)]


def _problems_with_lamp(desk: Desk, protocol: Protocol, slot: Slot) -> list[Problem]:
    """Of a lamp that is known now; of a station that does not answer nothing can be said."""
    if not slot.lamp:
        return []
    try:
        station = desk.station(slot.station)
        if station.view is None:
            return []
        kind = station.lamp(slot.lamp)["lamp_type"]
    except Refused as refused:
        return list(refused.problems)
    if kind in protocol.lamp_types:
        return []
    limit = f"{protocol.title} is for {' or '.join(protocol.lamp_types)}"
    return [Problem("lamp", slot.lamp, limit, "Take another lamp")]


def _write(desk: Desk, acting: Acting, course: Paper, slot: Slot) -> Appointment:
    assert acting.person is not None
    about = courses.body_of(course)
    body = AppointmentBody(at=slot.at, minutes=slot.minutes, area=about.area, protocol=about.protocol,
                           station=slot.station, lamp=slot.lamp)  # fmt: skip
    index = Index(course.index.patient, slot.at, State.PLANNED, course.id)
    name, told = f"A-{secrets.token_hex(4)}", body.model_dump(mode="json")
    return _as_shown(desk, [desk.papers.new(KIND, name, told, acting.person, acting.at, index)])[0]


def _amended(
    desk: Desk,
    acting: Acting,
    paper: Paper,
    why: str,
    state: State,
    moment: datetime | None = None,
    **told: Any,
) -> Appointment:
    assert acting.person is not None
    body = AppointmentBody.model_validate({**paper.body, "state": state, **told}).model_dump(mode="json")
    index: dict[str, Any] = {"state": state} if moment is None else {"state": state, "moment": moment}
    made = desk.papers.amend(KIND, paper.id, paper.number, body, acting.person, why, acting.at, **index)
    return _as_shown(desk, [made])[0]


def _ahead(desk: Desk, appointment: str) -> tuple[Paper, Appointment]:
    """One that has not been yet. Raises Refused."""
    paper = desk.papers.get(KIND, appointment)
    now = _as_shown(desk, [paper])[0]
    if not now.ahead:
        raise Refused([_not_any_more(now)], conflict=True)
    return paper, now


def _not_any_more(now: Appointment) -> Problem:
    return Problem("appointment", spoken(now.at), f"is {now.state} already", "Look at it again, then decide")


def _local(desk: Desk, paper: Paper) -> datetime:
    assert paper.index.moment is not None, f"{paper.kind} {paper.id} is for a moment"
    return paper.index.moment.astimezone(desk.zone)


def _slot(desk: Desk, paper: Paper) -> Slot:
    body = AppointmentBody.model_validate(paper.body)
    return Slot(_local(desk, paper), body.minutes, body.station, body.lamp)


def _as_shown(desk: Desk, papers: Sequence[Paper]) -> list[Appointment]:
    if not papers:
        return []
    moments = [_local(desk, paper) for paper in papers]
    since, until = day_from(min(moments))[0], day_from(max(moments))[1]
    visits = _Visits(desk, desk.papers.find(VISIT, Wanted(since=since, until=until)))
    protocols = desk.library.protocols  # once: it looks whether there are new versions
    return [_appointment(desk, paper, visits, protocols) for paper in papers]


def _appointment(desk: Desk, paper: Paper, visits: _Visits, protocols: Mapping[str, Protocol]) -> Appointment:
    body = AppointmentBody.model_validate(paper.body)
    protocol = protocols.get(name_of(body.protocol))
    return Appointment(
        paper.id,
        paper.index.patient or "",
        paper.index.parent or "",
        _slot(desk, paper),
        body.area,
        protocol.title if protocol else name_of(body.protocol),
        visits.state(paper),
        body.moved_from.astimezone(desk.zone) if body.moved_from else None,
        body.reason,
        paper.number,
        paper.version.made_at,
    )


class _Visits:
    """What came of appointments: the visits of the same days."""

    def __init__(self, desk: Desk, papers: Iterable[Paper]) -> None:
        self._desk = desk
        self._named: dict[str, Paper] = {}
        self._unnamed: dict[tuple[str | None, date], Paper] = {}
        for paper in papers:
            if named := paper.body.get("appointment"):
                self._named[named] = paper
            else:
                self._unnamed[paper.index.parent, _local(desk, paper).date()] = paper

    def state(self, appointment: Paper) -> State:
        kept = State(appointment.index.state)
        if kept is State.CANCELLED:
            return kept
        today = (appointment.index.parent, _local(self._desk, appointment).date())
        visit = self._named.get(appointment.id) or self._unnamed.get(today)
        if visit is None:
            return kept
        match visit.index.state:
            case "refused":
                return State.REFUSED
            case "given" | "signed":
                return State.TREATING if self._shines(visit) else State.DONE
            case _:
                return State.TREATING

    def _shines(self, visit: Paper) -> bool:
        """Whether its session still runs, as far as its station is heard of."""
        station = self._desk.stations.get(visit.body["station"])
        _, session = courses.session_key(visit.index.session)
        lamps = station.lamps if station else []
        return any(lamp["session"] and lamp["session"]["id"] == session and not lamp["session"]["outcome"]
                   for lamp in lamps)  # fmt: skip
