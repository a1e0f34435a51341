"""The calendar: a week of appointments, planning, and what goes out of it (a feed for one's own telephone, a card and a file for the patient)."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from nicegui import ui

from irctl.clinic.calendar import appointments, calendar_file, feeds
from irctl.clinic.calendar.appointment_words import sign, tag
from irctl.clinic.calendar.appointments import Appointment, State
from irctl.clinic.calendar.week_grid import Block, Week, week_of
from irctl.clinic.care import courses
from irctl.clinic.care.names import Names
from irctl.clinic.desk import Desk
from irctl.clinic.doors.doors import Doors
from irctl.clinic.drawing.body_map import label_of
from irctl.clinic.drawing.icons import icon
from irctl.clinic.handover import patient_card
from irctl.clinic.pages.appointment_dialogs import show_appointment, show_plan
from irctl.clinic.screens import screen
from irctl.clinic.screens.guarded import guarded
from irctl.clinic.screens.redrawing import redraw
from irctl.clinic.screens.screen import Here, card, heading
from irctl.clinic.words import dates, tr
from irctl.domain.people import Verb


@screen.screen("/calendar", "Calendar", verb=Verb.SEE_PATIENT, icon="calendar", order=4)
async def calendar(here: Here) -> None:
    """`?week=2026-11-23`: of that day; `?course=C-…`: with the dialog that plans it."""
    today = here.desk.now().date()
    day = _day(here.request.query_params.get("week", ""), today)
    monday = day - timedelta(days=day.weekday())
    beside = heading(tr("Calendar"), _span(monday))
    course = here.request.query_params.get("course", "")
    with beside:
        _go(monday - timedelta(days=7), course, "back", tr("Week before"))
        _go(today, course, "", tr("This week"))
        _go(monday + timedelta(days=7), course, "next", tr("Next week"))
        if here.may(Verb.SCHEDULE):
            ui.button(tr("Messages"), on_click=lambda: ui.navigate.to("/messages"), color=None)
    names = Names(here.desk, "calendar")
    redraw(here, lambda: asyncio.to_thread(_look, here, names, monday), lambda found: _draw(here, found))
    if here.may(Verb.SCHEDULE):
        _feed(here)
        if course:
            paper = await asyncio.to_thread(here.desk.papers.get, courses.KIND, course)
            patient = paper.index.patient or ""
            name = (await asyncio.to_thread(names.of, here.acting(), [patient]))[patient]
            show_plan(here, paper, name)


def _day(told: str, today: date) -> date:
    try:
        return date.fromisoformat(told)
    except ValueError:
        return today


def _span(monday: date) -> str:
    sunday = monday + timedelta(days=6)
    week = tr("Week {number}", number=monday.isocalendar().week)
    return f"{week}, {dates.short(monday)} – {dates.short(sunday)} {sunday.year}"


def _go(to: date, course: str, sign: str, text: str) -> None:
    where = f"/calendar?week={to.isoformat()}" + (f"&course={course}" if course else "")
    with ui.button(on_click=lambda: ui.navigate.to(where)) as button:
        button.props["aria-label"] = text
        ui.html(icon(sign) or escape(text), sanitize=False)


# --- the week -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """`now`: the day, and how many half hours of the grid are past in it."""

    week: Week
    names: Mapping[str, str]
    called_off: tuple[Appointment, ...]
    now: tuple[date, float]


def _look(here: Here, names: Names, monday: date) -> Shown:
    desk, acting = here.desk, here.acting()
    found = appointments.week(desk, acting, monday)
    about, now = desk.file.clinic, desk.now()
    kept = [one for one in found if one.state is not State.CANCELLED]
    week = week_of(monday, kept, about.opens, about.closes, about.closed)
    past = (now.hour * 60 + now.minute // 5 * 5 - week.first) / 30
    called_off = tuple(one for one in found if one.state is State.CANCELLED)
    return Shown(week, names.of(acting, [one.patient for one in found]), called_off, (now.date(), past))


def _draw(here: Here, shown: Shown) -> None:
    week = shown.week
    with ui.element("div").classes("week").style(f"--halves: {week.halves}; --days: {len(week.columns)}"):
        hours = "".join(f"<li>{hour if hour.endswith(':00') else ''}</li>" for hour in week.hours)
        ui.html(f'<div class="week-name"></div><ol class="hours">{hours}</ol>', sanitize=False).props(
            "aria-hidden=true"
        )
        for column in week.columns:
            here_today = column.day == shown.now[0]
            label = escape(dates.full(column.day))
            with (
                ui.element("section")
                .classes(f"week-day {'today' if here_today else ''}")
                .props(f'aria-label="{label}"')
            ):
                ui.html(escape(dates.short(column.day)), sanitize=False, tag="h2").classes("week-name")
                with ui.element("div").classes("week-body"):
                    if here_today and 0 <= shown.now[1] <= week.halves:
                        ui.element("div").classes("week-now").style(f"--top: {shown.now[1]}").props("aria-hidden=true")
                    for block in column.blocks:
                        _block(here, block, shown.names[block.appointment.patient])
    if shown.called_off:
        with card(tr("Cancelled this week")), ui.element("div").classes("list"):
            for one in shown.called_off:
                _called_off(here, one, shown.names[one.patient])


def _block(here: Here, block: Block, name: str) -> None:
    one = block.appointment
    told = sign(one.state)
    place = f"--top: {block.top:g}; --height: {block.height:g}; --lane: {block.lane}; --lanes: {block.lanes}"
    with (
        ui.element("button")
        .classes(f"week-block {told.tone} {'' if one.ahead else 'over'}")
        .style(place)
        .props("type=button")
        .on("click", lambda: show_appointment(here, one, name))
    ) as block_button:
        block_button.props["aria-label"] = ", ".join((dates.moment(one.at), name, label_of(one.area), told.word))
        ui.html(
            f'<span class="block-time">{icon(told.icon, "1em")}{one.at:%H:%M}</span><span class="block-name">{escape(name)}</span>',
            sanitize=False,
        )


def _called_off(here: Here, one: Appointment, name: str) -> None:
    with (
        ui.element("button").classes("item").props("type=button").on("click", lambda: show_appointment(here, one, name))
    ):
        ui.html(
            f'<span class="title">{escape(dates.moment(one.at))}, {escape(name)}</span> <span class="soft">{escape(one.reason)}</span> {tag(one.state)}',
            sanitize=False,
        ).classes("row")


# --- a feed for one's own telephone ----------------------------------------------------------------------------------------


def _feed(here: Here) -> None:
    desk, login = here.desk, here.visitor.login
    with card(tr("On your own telephone")):
        ui.label(
            tr(
                "An address that a calendar subscribes to. It has references only, no names; whoever knows it sees them."
            )
        ).classes("soft")
        told = ui.element("div").classes("stack").props('aria-live="polite"')
        with ui.element("div").classes("buttons"):
            make_it, revoke_it = ui.button(tr("Make a new address")), ui.button(tr("Revoke it"))

    async def refresh() -> None:
        known = await asyncio.to_thread(feeds.has_one, desk, login)
        revoke_it.set_visibility(known)
        make_it.set_text(tr("Make another address") if known else tr("Make a new address"))

    async def make() -> None:

        async def work(acting: object) -> None:
            token = await desk.run(feeds.make, desk, here.acting())
            address = f"{here.request.base_url}feeds/{token}.ics"
            told.clear()
            with told:
                ui.label(tr("It is shown this once. Copy it into your calendar now."))
                ui.html(
                    f'<input class="copy" readonly value="{escape(address)}" aria-label="{escape(tr("Address"))}">',
                    sanitize=False,
                )

        await here.do(work)
        await refresh()

    async def revoke() -> None:
        if await here.do(lambda acting: desk.run(feeds.revoke, desk, acting), said=tr("Revoked")):
            told.clear()
        await refresh()

    make_it.on_click(make)
    revoke_it.on_click(revoke)
    ui.timer(0.1, refresh, once=True)


# --- what goes out --------------------------------------------------------------------------------------------------------------


def routes(desk: Desk, doors: Doors) -> APIRouter:
    """Files: the feed asks for its secret, the others for a sign-in."""
    router = APIRouter()

    @router.get("/feeds/{token}.ics")
    async def get_feed(token: str) -> Response:
        body = await asyncio.to_thread(_feed_body, desk, token)
        if body is None:
            return PlainTextResponse("no such feed", 404)
        return Response(body, media_type=calendar_file.MEDIA_TYPE)

    @router.get("/patients/{patient}/card.pdf")
    async def get_card(request: Request, patient: str) -> Response:
        return await guarded(
            request,
            desk,
            doors,
            Verb.SEE_PATIENT,
            lambda acting: _file(
                patient_card.card_pdf(desk, acting, patient), "application/pdf", f"{patient}.pdf", "inline"
            ),
        )

    @router.get("/patients/{patient}/appointments.ics")
    async def get_appointments(request: Request, patient: str) -> Response:
        return await guarded(
            request,
            desk,
            doors,
            Verb.SEE_PATIENT,
            lambda acting: _file(
                patient_card.calendar_ics(desk, acting, patient), calendar_file.MEDIA_TYPE, "appointments.ics"
            ),
        )

    return router


def _feed_body(desk: Desk, token: str) -> bytes | None:
    if not feeds.is_good(desk, token):
        return None
    today, (back, ahead) = desk.now().date(), calendar_file.FEED_DAYS
    found = appointments.between(desk, today - timedelta(days=back), today + timedelta(days=ahead))
    return calendar_file.feed(desk, found)


def _file(body: bytes, media_type: str, name: str, how: str = "attachment") -> Response:
    plain = "".join(sign for sign in name if sign.isalnum() or sign in "-_.")
    return Response(body, media_type=media_type, headers={"Content-Disposition": f'{how}; filename="{plain}"'})
