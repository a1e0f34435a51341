"""The day board: what is planned today, how the lamps are, what is due, what is wrong."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from html import escape

from nicegui import ui

from irctl.clinic.acting import Acting
from irctl.clinic.calendar import appointments
from irctl.clinic.calendar.appointment_words import tag
from irctl.clinic.calendar.appointments import Appointment, State
from irctl.clinic.calendar.calendar_file import lamp_title
from irctl.clinic.calendar.planned_sessions import due_to_prepare
from irctl.clinic.care.names import Names
from irctl.clinic.desk import Desk
from irctl.clinic.drawing.body_map import label_of
from irctl.clinic.drawing.icons import icon
from irctl.clinic.pages.lamp_board import lamps_of, to_do
from irctl.clinic.screens import screen
from irctl.clinic.screens.redrawing import redraw
from irctl.clinic.screens.screen import Here, card, heading, show_empty
from irctl.clinic.words import dates, tr
from irctl.domain.people import Verb


@screen.screen("/", "Day", verb=None, icon="day", order=1)
def day(here: Here) -> None:
    """Everybody's first page. Nothing on it waits for a controller."""
    beside = heading(tr("Today"), dates.full(here.desk.now().date()))
    if here.may(Verb.SEE_PATIENT):
        with beside:
            ui.button(tr("Calendar"), on_click=lambda: ui.navigate.to("/calendar"))
    live = ui.element("div").classes("live-place stack")
    with ui.element("div").classes("board"):
        with ui.element("div").classes("stack"):
            _today(here)
        with ui.element("div").classes("stack"):
            to_do(here)
            for station in here.desk.stations.values():
                lamps_of(here, station, live)


@dataclass(frozen=True, slots=True)
class Today:
    """What the list shows; `names` is None for those who may not know them."""

    count: int
    called_off: int
    shown: tuple[Appointment, ...]
    names: Mapping[str, str] | None
    prepare: tuple[tuple[str, str], ...]
    """Times and lamps."""
    now_before: int
    """The place in the list before which it is now."""


def _today(here: Here) -> None:
    names = Names(here.desk, "day board")
    redraw(here, lambda: asyncio.to_thread(_look, here, names), lambda found: _draw(here, found))


def _look(here: Here, names: Names) -> Today:
    desk, acting = here.desk, here.acting()
    now = desk.now()
    everything = appointments.between(desk, now.date(), now.date() + timedelta(days=1))
    shown = tuple(one for one in everything if one.state is not State.CANCELLED)
    prepare = tuple((f"{one.at:%H:%M}", lamp_title(desk, one) or tr("a lamp")) for one in due_to_prepare(shown, now))
    called_off, count = len(everything) - len(shown), len(shown)
    if not acting.may(Verb.SEE_PATIENT):
        return Today(count, called_off, (), None, prepare, 0)
    told = names.of(acting, [one.patient for one in shown])
    now_before = sum(one.at.timestamp() <= now.timestamp() for one in shown)
    return Today(count, called_off, shown, told, prepare, now_before)


def _draw(here: Here, today: Today) -> None:
    for time, lamp in today.prepare:
        text = tr("Ready at {time}: prepare {lamp}", time=time, lamp=lamp)
        ui.html(f'<p class="ready" role="status">{icon("treat")}<span>{escape(text)}</span></p>', sanitize=False)
    if today.names is None:
        with card():
            ui.label(_how_many(today.count)).classes("figure")
            ui.label(tr("Whose they are is for those who treat.")).classes("soft")
        return
    if not today.shown:
        show_empty(tr("No appointments today"), tr("Plan a course from a patient's page, or look at the calendar."))
    with ui.element("ul").classes("list"):
        for place, one in enumerate(today.shown):
            if 0 < place == today.now_before:
                _now_line()
            _row(here, one, today.names[one.patient])
        if 0 < today.now_before == len(today.shown):
            _now_line()
    if today.called_off:
        ui.label(tr("{count} cancelled: see the calendar.", count=today.called_off)).classes("soft small")


def _how_many(count: int) -> str:
    return tr("1 appointment") if count == 1 else tr("{count} appointments", count=count)


def _now_line() -> None:
    with ui.element("li").classes("now-line"):
        ui.label(tr("Now"))


def _row(here: Here, one: Appointment, name: str) -> None:
    where = " · ".join(part for part in (label_of(one.area), lamp_title(here.desk, one)) if part)
    over = "" if one.ahead or one.state is State.TREATING else "over"
    with ui.element("li").classes(f"item appointment {over}"):
        ui.html(
            f'<time class="when">{one.at:%H:%M}</time><div><div class="row">'
            f'<a class="title" href="/patients/{escape(one.patient)}">{escape(name)}</a>{tag(one.state)}</div>'
            f'<div>{escape(where)}</div><div class="soft small">{escape(one.title)}</div></div>',
            sanitize=False,
        ).classes("told")
        with ui.element("div").classes("buttons"):
            _buttons(here, one)


def _buttons(here: Here, one: Appointment) -> None:
    if here.may(Verb.SCREEN) and (one.ahead or one.state is State.TREATING):
        text = tr("Go on") if one.state is State.TREATING else tr("Treat")
        where = f"/treat/{one.course}?appointment={one.id}"
        button = ui.button(text, on_click=lambda: ui.navigate.to(where))
        button.classes("" if one.state is State.PLANNED else "primary")
    if not here.may(Verb.SCHEDULE):
        return
    match one.state:
        case State.PLANNED:
            _does(here, one, tr("Arrived"), appointments.arrived).classes("primary")
            if one.at.timestamp() <= here.desk.now().timestamp():
                _does(here, one, tr("No-show"), appointments.no_show)
        case State.ARRIVED | State.NO_SHOW:
            _does(here, one, tr("Undo"), appointments.put_back).classes("quiet")
        case _:
            pass


def _does(here: Here, one: Appointment, text: str, service: Callable[[Desk, Acting, str], Appointment]) -> ui.button:
    async def pressed() -> None:
        await here.do(lambda acting: here.desk.run(service, here.desk, acting, one.id))

    return ui.button(text, on_click=pressed)
