"""Treat: whom, which course, at which lamp. Then the visit itself."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from html import escape

from nicegui import ui

from irctl.clinic import courses, screen, visits
from irctl.clinic.body_map import label_of
from irctl.clinic.parts import minutes, problems
from irctl.clinic.patients import search
from irctl.clinic.screen import Here, card, heading, show_empty
from irctl.clinic.stations import Station
from irctl.clinic.words import dates, tr
from irctl.domain.people import Verb
from irctl.domain.problems import Refused
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

    async def work() -> None:
        found.extend(await here.desk.run(search, here.desk, here.acting(), typed))

    await here.do(lambda _acting: work())
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
                    f'<br><span class="soft">{escape(body.protocol.partition(" version ")[0])}</span></span><span class="tag live">{escape(tr("Choose"))}</span></a>',
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

    def draw() -> None:
        with ui.element("div").classes("columns"):
            for station in [here.station, *(s for s in here.desk.stations.values() if s is not here.station)]:
                if station.view is None:
                    with card(station.title):
                        show_empty(tr("Not answering"), tr("Look at the lamps themselves, then at the controller."))
                for lamp in station.lamps:
                    _lamp(here, found, station, lamp["name"], appointment)

    here.follow(draw)


def _lamp(here: Here, course: Paper, station: Station, name: str, appointment: str | None) -> None:
    lamp = station.lamp(name)
    with card(f"{lamp['title'] or name}"):
        ui.label(f"{station.title} · {lamp['serial']} · {lamp['distance_cm']:g} cm").classes("soft")
        try:
            due, protocol = visits.offered(here.desk, course, station, name)
        except Refused as refused:
            problems(refused.problems, title=tr("Not this lamp"))
            return
        dose = due.dose
        with ui.element("div").classes("row"):
            for figure, unit in (
                (f"{dose.fluence_j_cm2:g}", "J/cm²"),
                (f"{dose.irradiance_mw_cm2:g}", "mW/cm²"),
                (minutes(dose.duration_s).removesuffix(" min"), "min"),
            ):
                ui.html(f'<div class="figure">{figure}</div><div class="figure-label">{unit}</div>', sanitize=False)
        ui.label(f"{tr(protocol.title)} · {tr(protocol.standing)}").classes("small soft")

        async def begin() -> None:
            async def work() -> None:
                visit = await here.desk.run(visits.begin, here.desk, here.acting(), course, station, name, appointment)
                ui.navigate.to(f"/visits/{visit.id}")

            await here.do(lambda _acting: work())

        ui.button(tr("Treat at this lamp"), on_click=begin).classes("primary big")
