"""The dialogs of the calendar: one appointment, with everything that can be done to it; and the plan of a course, shown with its problems before it is booked."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, time
from html import escape
from typing import Any

from nicegui import ui

from irctl.clinic.acting import Acting
from irctl.clinic.calendar import appointments
from irctl.clinic.calendar.appointment_words import tag
from irctl.clinic.calendar.appointments import Appointment, Proposal, State
from irctl.clinic.calendar.calendar_file import lamp_title
from irctl.clinic.care import courses
from irctl.clinic.desk import Desk
from irctl.clinic.drawing.body_map import label_of
from irctl.clinic.drawing.markup import facts
from irctl.clinic.screens.screen import Here
from irctl.clinic.words import dates, tr
from irctl.domain.course import WEEKDAYS
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused
from irctl.records.papers import Paper

ANY = ""
"""No lamp in particular."""


# --- one appointment --------------------------------------------------------------------------------------------------------


def show_appointment(here: Here, one: Appointment, name: str) -> None:
    """Open the dialog."""
    with ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card stack"):
        dialog.props["aria-label"] = f"{dates.moment(one.at)}, {name}"
        ui.html(f"<h2>{escape(dates.moment(one.at))}, {escape(name)}</h2>{tag(one.state)}", sanitize=False)
        ui.html(_facts(here.desk, one), sanitize=False)
        if here.may(Verb.SCHEDULE) and one.ahead:
            _move(here, one, dialog)
            _cancel(here, one, dialog)
        with ui.element("div").classes("buttons"):
            ui.button(tr("Close"), on_click=dialog.close).classes("primary")
            ui.button(tr("Open patient"), on_click=lambda: ui.navigate.to(f"/patients/{one.patient}"))
            # Links, not presses: a browser opens a page beside this one only for what somebody has touched itself.
            card, file = f"/patients/{one.patient}/card.pdf", f"/patients/{one.patient}/appointments.ics"
            ui.button(tr("Card to take home")).props(f'href="{card}" target="_blank"')
            ui.button(tr("Calendar file")).props(f'href="{file}"')
            if here.may(Verb.SCHEDULE):
                _day_buttons(here, one, dialog)


def _facts(desk: Desk, one: Appointment) -> str:
    told = [
        (tr("Time"), f"{one.at:%H:%M} – {one.until:%H:%M}"),
        (tr("Area"), label_of(one.area)),
        (tr("Protocol"), one.title),
        (tr("Lamp"), lamp_title(desk, one) or tr("any")),
    ]
    if one.moved_from:
        told.append((tr("Moved from"), dates.moment(one.moved_from)))
    if one.reason:
        told.append((tr("Reason"), one.reason))
    return facts((name, escape(value)) for name, value in told)


def _move(here: Here, one: Appointment, dialog: ui.dialog) -> None:
    with ui.element("fieldset").classes("part"):
        ui.html(escape(tr("Move")), sanitize=False, tag="legend")
        with ui.element("div").classes("row"):
            day = _date_input(tr("Day"), one.at.date())
            hour = _time_input(tr("Time"), one.at.time())
            lamp = _lamp_choice(here.desk, one.slot.station, one.slot.lamp)

            said = tr("Moved")

            async def moved() -> None:
                def work(acting: Acting) -> Awaitable[Appointment]:
                    at, (station, name) = _moment(here.desk, day.value, hour.value), _split(lamp.value)
                    return here.desk.run(
                        appointments.move, here.desk, acting, one.id, at, station=station, lamp=name
                    )  # fmt: skip

                await _then_close(here, dialog, work, said)

            ui.button(tr("Move"), on_click=moved)


def _cancel(here: Here, one: Appointment, dialog: ui.dialog) -> None:
    with ui.element("fieldset").classes("part"):
        ui.html(escape(tr("Cancel the appointment")), sanitize=False, tag="legend")
        with ui.element("div").classes("row"):
            reason = ui.input(tr("Reason")).props("outlined maxlength=200").classes("grow")

            said = tr("Cancelled")

            async def cancelled() -> None:
                await _then_close(
                    here,
                    dialog,
                    lambda acting: here.desk.run(appointments.cancel, here.desk, acting, one.id, reason.value or ""),
                    said,
                )

            ui.button(tr("Cancel it"), on_click=cancelled).classes("danger")


def _day_buttons(here: Here, one: Appointment, dialog: ui.dialog) -> None:
    now = here.desk.now()
    said = tr("Saved")
    offered: list[tuple[str, Callable[..., Appointment]]] = []
    if one.state is State.PLANNED and one.at.date() == now.date():
        offered.append((tr("Arrived"), appointments.arrived))
    if one.ahead and one.at.timestamp() <= now.timestamp():
        offered.append((tr("No-show"), appointments.no_show))
    if one.state in (State.ARRIVED, State.NO_SHOW):
        offered.append((tr("Undo"), appointments.put_back))
    for text, service in offered:

        async def pressed(service: Callable[..., Appointment] = service) -> None:
            await _then_close(here, dialog, lambda acting: here.desk.run(service, here.desk, acting, one.id), said)

        ui.button(text, on_click=pressed)


async def _then_close(here: Here, dialog: ui.dialog, work: Callable[[Acting], Awaitable[Any]], said: str) -> None:
    if await here.do(work, said=said):
        dialog.close()


# --- a course ----------------------------------------------------------------------------------------------------------------


class _Plan:
    """What is chosen in the dialog, and what comes of it."""

    def __init__(self, here: Here, course: Paper) -> None:
        self.here, self.course = here, course
        body = courses.body_of(course)
        self.protocol = here.desk.library.protocol(body.protocol)
        closed = here.desk.file.clinic.closed
        usual = WEEKDAYS.get(self.protocol.course.per_week, tuple(range(7)))
        self.weekdays = {day for day in usual if day not in closed}
        self.proposal = Proposal((), ())

    def look(self, day: str, hour: str, lamp: str) -> Proposal:
        """In a thread. What is wrong is part of the answer."""
        try:
            at = _moment(self.here.desk, day, hour)
            return appointments.proposed(
                self.here.desk, self.course, at, sorted(self.weekdays), None, *_split(lamp)
            )  # fmt: skip
        except Refused as refused:
            return Proposal((), refused.problems)


def show_plan(here: Here, course: Paper, name: str) -> None:
    """Open the dialog that plans a course. Raises Refused for one whose protocol is not in force."""
    plan = _Plan(here, course)
    desk, body, said = here.desk, courses.body_of(course), tr("Booked")
    with ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card stack plan"):
        dialog.props["aria-label"] = tr("Plan a course")
        ui.html(
            f"<h2>{escape(tr('Plan a course'))}: {escape(name)}</h2>"
            f'<p class="soft">{escape(label_of(body.area))} · {escape(tr(plan.protocol.title))} · '
            f"{escape(tr('{count} a week for {weeks} weeks', count=plan.protocol.course.per_week, weeks=plan.protocol.course.weeks))}</p>",
            sanitize=False,
        )
        with ui.element("div").classes("row"):
            day = _date_input(tr("First day"), desk.now().date())
            hour = _time_input(tr("Time"), max(desk.file.clinic.opens, time(9)))
            lamp = _lamp_choice(desk, ANY, ANY)
        days = ui.element("div").classes("row").props(f'role="group" aria-label="{escape(tr("Weekdays"))}"')
        told = ui.element("div").classes("proposal").props('aria-live="polite" tabindex="0"')
        with ui.element("div").classes("buttons"):
            book_all = ui.button(tr("Book all")).classes("primary")
            book_one = ui.button(tr("Book only the first"))
            ui.button(tr("Close"), on_click=dialog.close).classes("quiet")

    async def look() -> None:
        plan.proposal = await asyncio.to_thread(plan.look, day.value or "", hour.value or "", lamp.value)
        told.clear()
        with told:
            _show_proposal(plan.proposal)
        free = bool(plan.proposal.slots) and not plan.proposal.problems
        book_all.set_enabled(free)
        book_one.set_enabled(bool(plan.proposal.slots))

    async def all_of_them() -> None:
        def work(acting: Acting) -> Awaitable[list[Appointment]]:
            at, where = _moment(desk, day.value, hour.value), _split(lamp.value)
            days = sorted(plan.weekdays)
            return desk.run(appointments.plan_course, desk, acting, course.id, at, days, None, *where)

        await _then_close(here, dialog, work, said)

    async def the_first() -> None:
        at, where = plan.proposal.slots[0].at, _split(lamp.value)
        await _then_close(
            here, dialog, lambda acting: desk.run(appointments.book, desk, acting, course.id, at, *where), said
        )

    with days:
        for number in range(7):
            if number not in desk.file.clinic.closed:
                _weekday(number, plan, look)
    for one in (day, hour, lamp):
        one.on_value_change(look)
    book_all.on_click(all_of_them)
    book_one.on_click(the_first)
    ui.timer(0.1, look, once=True)


def _weekday(number: int, plan: _Plan, look: Callable[[], Awaitable[None]]) -> None:
    name = dates.weekday(date(2024, 1, 1 + number), short=True)  # a Monday

    async def pressed() -> None:
        plan.weekdays ^= {number}
        draw()
        await look()

    def draw() -> None:
        chosen = number in plan.weekdays
        button.classes(add="chosen" if chosen else "", remove="" if chosen else "chosen")
        button.props(f'aria-pressed="{"true" if chosen else "false"}"')
        button.set_text(f"✓ {name}" if chosen else name)

    button = ui.button(name, on_click=pressed)
    draw()


def _show_proposal(proposal: Proposal) -> None:
    if proposal.slots:
        items = "".join(
            f"<li><strong>{escape(dates.short(slot.at.date()))}</strong> {slot.at:%H:%M}"
            f' <span class="soft">{escape(tr("{minutes} min", minutes=slot.minutes))}</span></li>'
            for slot in proposal.slots
        )
        ui.html(f'<ol class="dates">{items}</ol>', sanitize=False)
    if proposal.problems:
        items = "".join(f"<li>{_problem(problem)}</li>" for problem in proposal.problems)
        ui.html(f"<ul>{items}</ul>", sanitize=False)


def _problem(problem: Problem) -> str:
    value = "" if problem.value is None else f"<strong>{escape(str(problem.value))}</strong>: "
    return f"{value}{escape(problem.limit)}. {escape(problem.remedy)}."


# --- what is typed and chosen ---------------------------------------------------------------------------------------------


def _date_input(label: str, value: date) -> ui.input:
    return ui.input(label, value=value.isoformat()).props("outlined type=date stack-label")


def _time_input(label: str, value: time) -> ui.input:
    return ui.input(label, value=f"{value:%H:%M}").props("outlined type=time step=300 stack-label")


def _lamp_choice(desk: Desk, station: str, lamp: str) -> ui.select:
    """Of every station that is heard of now; the one that is chosen already in any case."""
    found = {ANY: tr("Any lamp")}
    if lamp:
        found[_joined(station, lamp)] = lamp
    several = len(desk.stations) > 1
    for at in desk.stations.values():
        for one in at.lamps:
            title = one["title"] or one["name"]
            found[_joined(at.name, one["name"])] = f"{at.title}: {title}" if several else title
    return ui.select(found, value=_joined(station, lamp) if lamp else ANY, label=tr("Lamp")).props("outlined")


def _joined(station: str, lamp: str) -> str:
    return f"{station}\n{lamp}"


def _split(chosen: str) -> tuple[str, str]:
    station, _, lamp = chosen.partition("\n")
    return station, lamp


def _moment(desk: Desk, day: str | None, hour: str | None) -> datetime:
    """Raises Refused for what is no day or no time."""
    try:
        return datetime.combine(date.fromisoformat(day or ""), time.fromisoformat(hour or ""), desk.zone)
    except ValueError:
        raise Refused([Problem("at", f"{day or ''} {hour or ''}".strip(), "is no day and time", "Give both")]) from None
