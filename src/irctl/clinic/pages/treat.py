"""Treat: whom, which course, at which lamp. Then the visit itself."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from dataclasses import dataclass
from html import escape

from nicegui import ui

from irctl.clinic.acting import Acting
from irctl.clinic.care import courses, visits
from irctl.clinic.care.patients import search
from irctl.clinic.drawing.body_map import label_of
from irctl.clinic.lamps.stations import Station
from irctl.clinic.screens import screen
from irctl.clinic.screens.parts import minutes, problems
from irctl.clinic.screens.redrawing import redraw
from irctl.clinic.screens.screen import Here, card, heading, show_empty
from irctl.clinic.words import dates, tr
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused
from irctl.domain.protocols import Dose, name_of
from irctl.records.papers import Paper, Wanted
from irctl.records.people import Version


@screen.screen("/treat", "Treat", verb=Verb.START, icon="treat", order=2)
async def treat(here: Here) -> None:
    """Visits that are open, and the search for somebody else."""
    heading(tr("Treat"), tr("Whom?"))
    await _open_visits(here)
    with card(tr("Find the patient")):
        box = ui.element("div").classes("row")
        found = ui.element("div").classes("list")

        async def look() -> None:
            found.clear()
            people = await _searched(here, typed.value or "")
            with found:
                for person in people:
                    _patient(here, person)
                if not people:
                    show_empty(tr("Nobody found"), tr("Search by name, date of birth (1961-05-04) or record number."))

        with box:
            typed = ui.input(tr("Name, date of birth or record number")).props("outlined autofocus").classes("grow")
            typed.on("keydown.enter", look)
            ui.button(tr("Search"), on_click=look).classes("primary")


async def _searched(here: Here, typed: str) -> list[Version]:
    found: list[Version] = []

    async def work(acting: Acting) -> None:
        found.extend(await here.desk.run(search, here.desk, acting, typed))

    await here.do(work)
    return found


async def _open_visits(here: Here) -> None:
    """What somebody has begun, on whichever screen."""
    opened = here.desk.papers.find(courses.VISIT, Wanted(states=(*visits.OPEN, "given"), newest=True, limit=12))
    if not opened:
        return
    with card(tr("Begun")), ui.element("div").classes("list"):
        for visit in opened:
            body = visits.body_of(visit)
            text = f"{body.patient} · {label_of(body.area)} · {tr('visit')} {body.visit}"
            state = tr("light given, not signed") if visit.index.state == "given" else tr("before the light")
            ui.html(
                f'<a class="item" href="/visits/{visit.id}"><span class="grow title">{escape(text)}</span>'
                f'<span class="tag live">{escape(state)}</span></a>',
                sanitize=False,
            )


def _patient(here: Here, person: Version) -> None:
    """One who was found, with the courses that go on."""
    with ui.element("div").classes("card"):
        ui.label(person.person.name).classes("title")
        ui.label(f"{tr('born {day}', day=dates.plain(person.person.born))} · {person.patient}").classes("soft")
        active = [course for course in courses.of_patient(here.desk, person.patient) if course.index.state == "active"]
        with ui.element("div").classes("list"):
            for course in active:
                body = courses.body_of(course)
                ui.html(
                    f'<a class="item" href="/treat/{course.id}"><span class="grow"><span class="title">{escape(label_of(body.area))}</span>'
                    f'<br><span class="soft">{escape(name_of(body.protocol))}</span></span><span class="tag live">{escape(tr("Choose"))}</span></a>',
                    sanitize=False,
                )
        if not active:
            ui.label(tr("No course goes on.")).classes("soft")
            if here.may(Verb.ORDER):
                ui.button(
                    tr("Plan a course"), on_click=lambda: ui.navigate.to(f"/patients/{person.patient}/course/new")
                )


@screen.screen("/treat/{course}", "Treat", verb=Verb.START)
def choose_lamp(here: Here, course: str) -> None:
    """The lamps, each with the dose that it would give, or with why it may not."""
    found = here.desk.papers.get(courses.KIND, course)
    body = courses.body_of(found)
    progress = courses.progress(here.desk, found)
    number = len(progress.visits) + 1
    area = label_of(body.area)
    heading(tr("At which lamp?"), f"{found.index.patient} · {area} · {tr('visit')} {number}")
    if progress.advice is not None:
        with card():
            ui.label(progress.advice.text).classes("advice")
            ui.label(progress.advice.source).classes("small soft")
    appointment = here.request.query_params.get("appointment")

    def offers() -> list[_Offer | _Silent]:
        offered: list[_Offer | _Silent] = []
        for station in here.stations:
            offered += [] if station.view else [_Silent(station.title)]
            offered += [_offer(here, found, station, lamp["name"]) for lamp in station.lamps]
        return offered

    def draw(offered: list[_Offer | _Silent]) -> None:
        with ui.element("div").classes("columns"):
            for one in offered:
                if isinstance(one, _Silent):
                    with card(one.station):
                        show_empty(tr("Not answering"), tr("Look at the lamps themselves, then at the controller."))
                else:
                    _lamp(here, found, one, appointment)

    # Not `follow`: what others do elsewhere must not exchange the button that somebody is pressing.
    redraw(here, lambda: asyncio.to_thread(offers), draw)


@dataclass(frozen=True, slots=True)
class _Silent:
    """A station that does not answer."""

    station: str


@dataclass(frozen=True, slots=True)
class _Offer:
    """A lamp as this page shows it: with a dose, or with why not."""

    station: str
    lamp: str
    title: str
    about: str
    dose: Dose | None
    protocol: str
    problems: tuple[Problem, ...]


def _offer(here: Here, course: Paper, station: Station, name: str) -> _Offer:
    lamp = station.lamp(name)
    title = str(lamp["title"] or name)
    about = f"{station.title} · {lamp['serial']} · {lamp['distance_cm']:g} cm"
    try:
        due, protocol = visits.offered(here.desk, course, station, name)
    except Refused as refused:
        return _Offer(station.name, name, title, about, None, "", tuple(refused.problems))
    return _Offer(station.name, name, title, about, due.dose, f"{tr(protocol.title)} · {tr(protocol.standing)}", ())


def _lamp(here: Here, course: Paper, offer: _Offer, appointment: str | None) -> None:
    with card(offer.title):
        ui.label(offer.about).classes("soft")
        if (dose := offer.dose) is None:
            problems(offer.problems, title=tr("Not this lamp"))
            return
        with ui.element("div").classes("row figures-row"):
            for figure, unit in (
                (f"{dose.fluence_j_cm2:g}", "J/cm²"),
                (f"{dose.irradiance_mw_cm2:g}", "mW/cm²"),
                (minutes(dose.duration_s).removesuffix(" min"), "min"),
            ):
                ui.html(f'<div class="figure">{figure}</div><div class="figure-label">{unit}</div>', sanitize=False)
        ui.label(offer.protocol).classes("small soft")

        async def begin() -> None:
            async def work(acting: Acting) -> None:
                station = here.desk.station(offer.station)
                visit = await here.desk.run(visits.begin, here.desk, acting, course, station, offer.lamp, appointment)
                ui.navigate.to(f"/visits/{visit.id}")

            await here.do(work)

        ui.button(tr("Treat at this lamp"), on_click=begin).classes("primary big")
