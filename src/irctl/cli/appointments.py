"""`irctl appointments …`: the calendar's own services, with the same permissions. By references only: a terminal shows no names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from cyclopts import Parameter

from irctl.cli import say
from irctl.cli.at_the_desk import Where, at_the_desk
from irctl.clinic.calendar.appointments import Appointment
from irctl.clinic.calendar.timetable import Slot
from irctl.clinic.desk import Desk
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
At = Annotated[str, Parameter(help='Day and time at the clinic, as "2026-12-01 10:30".')]
Lamp = Annotated[str, Parameter(help="Any where not given. It is taken as typed: no station is asked here.")]
StationName = Annotated[str, Parameter(help="Whose lamp, as the clinic's file calls it.")]
Days = Annotated[
    tuple[str, ...], Parameter(name="--weekday", negative=(), help="mon to sun; may be given again. Default: the usual ones for so many a week.")
]  # fmt: skip
_WHERE = Where()


def list_all(
    *,
    day: Annotated[date | None, Parameter(help="Today where not given.")] = None,
    week: Annotated[bool, Parameter(negative=(), help="The whole week of that day.")] = False,
    where: Where = _WHERE,
) -> None:
    """Who comes, by reference, in the order of their times.

    irctl appointments list --as l.meyer
    irctl appointments list --day 2026-12-01 --week --as l.meyer
    """
    from irctl.clinic.calendar import appointments

    with at_the_desk(where, Verb.SEE_PATIENT) as (desk, acting):
        on = day or desk.now().date()
        found = (appointments.week if week else appointments.day)(desk, acting, on)
    if not found and not where.json:
        until = on + timedelta(days=6 - on.weekday() if week else 0)
        say.console().print(f"No appointments until {until}." if week else f"No appointments on {on}.")
        return
    _tell(found, where)


def book(
    course: str, /, *, at: At, lamp: Lamp = "", station: StationName = "", where: Where = _WHERE
) -> None:  # fmt: skip
    """One more visit of a course.

    irctl appointments book C-1a2b3c4d --at "2026-12-01 10:30" --as l.meyer
    """
    from irctl.clinic.calendar import appointments

    with at_the_desk(where, Verb.SCHEDULE) as (desk, acting):
        made = appointments.book(desk, acting, course, _moment(desk, at), *_lamp(desk, station, lamp))
    _tell([made], where)


def move(
    appointment: str,
    /,
    *,
    at: At,
    reason: Annotated[str, Parameter(help="Stays in its history.")] = "",
    lamp: Annotated[str | None, Parameter(help="Another lamp.")] = None,
    station: StationName = "",
    where: Where = _WHERE,
) -> None:
    """To another time; where it was stays in its history.

    irctl appointments move A-1a2b3c4d --at "2026-12-02 15:00" --reason "rang up" --as l.meyer
    """
    from irctl.clinic.calendar import appointments

    with at_the_desk(where, Verb.SCHEDULE) as (desk, acting):
        to = (None, None) if lamp is None else _lamp(desk, station, lamp)
        made = appointments.move(desk, acting, appointment, _moment(desk, at), reason, *to)
    _tell([made], where)


def no_show(appointment: str, /, *, where: Where = _WHERE) -> None:
    """They did not come.

    irctl appointments no-show A-1a2b3c4d --as l.meyer
    """
    from irctl.clinic.calendar import appointments

    with at_the_desk(where, Verb.SCHEDULE) as (desk, acting):
        made = appointments.no_show(desk, acting, appointment)
    _tell([made], where)


def cancel(appointment: str, /, *, reason: str, where: Where = _WHERE) -> None:
    """It will not be; says why.

    irctl appointments cancel A-1a2b3c4d --reason "has a cold" --as l.meyer
    """
    from irctl.clinic.calendar import appointments

    with at_the_desk(where, Verb.SCHEDULE) as (desk, acting):
        made = appointments.cancel(desk, acting, appointment, reason)
    _tell([made], where)


def plan(
    course: str,
    /,
    *,
    first: At,
    weekday: Days = (),
    lamp: Lamp = "",
    station: StationName = "",
    show: Annotated[bool, Parameter(negative=(), help="Only show the dates; book nothing.")] = False,
    where: Where = _WHERE,
) -> None:
    """Every visit that a course still has, from a day on, or none of them where something is in the way.

    irctl appointments plan C-1a2b3c4d --first "2026-12-01 10:30" --show --as l.meyer
    irctl appointments plan C-1a2b3c4d --first "2026-12-01 10:30" --weekday tue --weekday thu --as l.meyer
    """
    from irctl.clinic.calendar import appointments
    from irctl.clinic.care import courses

    with at_the_desk(where, Verb.SCHEDULE) as (desk, acting):
        at, days, to = _moment(desk, first), _weekdays(weekday), _lamp(desk, station, lamp)
        if show:
            proposal = appointments.proposed(desk, desk.papers.get(courses.KIND, course), at, days, None, *to)
            _show(proposal.slots, proposal.problems, where)
            return
        made = appointments.plan_course(desk, acting, course, at, days, None, *to)
    _tell(made, where)


# --- what is typed, and what is told --------------------------------------------------------------------------------------


def _moment(desk: Desk, typed: str) -> datetime:
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=desk.zone)
    except ValueError:
        raise Refused([Problem("at", typed, "is no day and time", 'Such as "2026-12-01 10:30"')]) from None


def _weekdays(typed: Sequence[str]) -> list[int]:
    wrong = [day for day in typed if day.lower()[:3] not in DAYS]
    if wrong:
        raise Refused([Problem("weekday", day, "is no weekday", f"One of {', '.join(DAYS)}") for day in wrong])
    return sorted({DAYS.index(day.lower()[:3]) for day in typed})


def _lamp(desk: Desk, station: str, lamp: str) -> tuple[str, str]:
    """The only station there is needs no name."""
    return (station or next(iter(desk.stations)), lamp) if lamp else ("", "")


def _show(slots: Sequence[Slot], problems: Sequence[Problem], where: Where) -> None:
    if where.json:
        told = [{"at": slot.at.isoformat(), "minutes": slot.minutes} for slot in slots]
        say.as_json({"slots": told, "problems": say.problems_json(problems)})
        return
    say.console().print(say.table(("day", "time", "min"), [_when(slot) for slot in slots]))
    if problems:
        say.console().print(say.problems_table(problems))


def _tell(found: Sequence[Appointment], where: Where) -> None:
    if where.json:
        say.as_json([_plain(one) for one in found])
        return
    rows = [
        (*_when(one.slot), one.patient, say.escape(one.area), say.escape(one.slot.lamp or "any"), one.state, one.id)
        for one in found
    ]
    columns = ("day", "time", "min", "patient", "area", "lamp", "state", "appointment")
    say.console().print(say.table(columns, rows, right=("min",)))


def _when(slot: Slot) -> tuple[str, str, int]:
    return f"{slot.at:%a %Y-%m-%d}", f"{slot.at:%H:%M}", slot.minutes


def _plain(one: Appointment) -> dict[str, Any]:
    return {
        "appointment": one.id,
        "patient": one.patient,
        "course": one.course,
        "at": one.at.isoformat(),
        "minutes": one.slot.minutes,
        "area": one.area,
        "station": one.slot.station,
        "lamp": one.slot.lamp,
        "state": one.state,
        "moved_from": one.moved_from.isoformat() if one.moved_from else None,
        "reason": one.reason,
    }
