"""One course: what was decided, how it goes, its visits; and what one can do next."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from typing import Literal, cast

from nicegui import ui

from irctl.clinic.care import courses, patients
from irctl.clinic.care.outlook import Outlook, outlook
from irctl.clinic.drawing.body_map import body_map, label_of
from irctl.clinic.pages.patient_pieces import (
    advice_box,
    born,
    chart_of,
    course_facts,
    progress_bar,
    state_tag,
    visits_table,
)
from irctl.clinic.pages.patients import may_see
from irctl.clinic.screens import screen
from irctl.clinic.screens.redrawing import watch
from irctl.clinic.screens.screen import Here, card, heading, show_empty
from irctl.clinic.words import tr
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused


@screen.screen("/courses/{course}", "Course", verb=None)
async def one_course(here: Here, course: str) -> None:
    """Of a patient, who is named here, too: a look at them."""
    if not may_see(here):
        return
    paper = await asyncio.to_thread(here.desk.papers.get, courses.KIND, course)
    patient = paper.index.patient or ""
    opened = await asyncio.to_thread(patients.open_patient, here.desk, here.acting(), patient)
    area, active = label_of(paper.body["area"]), paper.index.state == "active"
    sub = f"{opened.person.name} · {born(opened.person, here.desk.now().date())} · {patient}"
    with heading(area, sub):
        ui.button(tr("Back to patient"), on_click=lambda: ui.navigate.to(f"/patients/{patient}"), color=None)
        ui.button(
            tr("Documents and claims"), on_click=lambda: ui.navigate.to(f"/courses/{course}/documents"), color=None
        )
        if active and here.may(Verb.SCHEDULE):
            to = f"/calendar?course={course}"
            ui.button(tr("Plan appointments"), on_click=lambda: ui.navigate.to(to), color=None)
        if active and here.may(Verb.ORDER):
            ui.button(tr("End course"), on_click=lambda: _end(here, course), color=None).classes("danger")
        if active and here.may(Verb.START):
            treat = ui.button(tr("Treat now"), on_click=lambda: ui.navigate.to(f"/treat/{course}"), color=None)
            treat.classes("primary")
    desk = here.desk
    watch(
        here,
        lambda acting: outlook(desk, acting, desk.papers.get(courses.KIND, course)),
        lambda found: _progress(here, found),
    )
    with ui.element("div").classes("columns"):
        with card(tr("Where")):
            body_map(paper.body["area"], compact=True)
        with card(tr("What was decided")):
            found = await asyncio.to_thread(outlook, here.desk, here.acting(), paper)
            ui.html(course_facts(found, here.desk.zone), sanitize=False)


def _progress(here: Here, found: Outlook) -> None:
    with card():
        said = f'<div class="row"><h2 class="grow">{tr("Progress")}</h2>{state_tag(found)}</div>'
        ui.html(said + progress_bar(found) + advice_box(found), sanitize=False)
        ui.html(chart_of(found), sanitize=False).classes("chart-box")
    with card(tr("Visits")):
        if found.rows:
            ui.html(visits_table(found, here.desk.zone), sanitize=False)
        else:
            show_empty(tr("No visit yet"), tr("Plan appointments, or treat now."))


def _end(here: Here, course: str) -> None:
    chosen: list[str] = []
    with ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card stack"):
        ui.html(f"<h2>{tr('End this course?')}</h2>", sanitize=False)
        ui.label(tr("No further visit can be given in it. What was given stays in the record."))
        with ui.element("div").classes("buttons"):
            ended = ui.button(tr("It is complete"), on_click=lambda: choose("ended"), color=None)
            stopped = ui.button(tr("Stop it before its end"), on_click=lambda: choose("stopped"), color=None)
        reason = ui.textarea(tr("Why?")).props("outlined autogrow maxlength=2000")

        def choose(how: str) -> None:
            chosen[:] = [how]
            for button, its in ((ended, "ended"), (stopped, "stopped")):
                button.classes(add="chosen" if its == how else "", remove="" if its == how else "chosen")
                button.props(f"aria-pressed={'true' if its == how else 'false'}")

        async def close() -> None:
            async def end() -> None:
                if not chosen:
                    raise Refused([Problem("course", None, "complete, or stopped?", "Touch one of the two")])
                how = cast(Literal["ended", "stopped"], chosen[0])
                await here.desk.run(courses.close, here.desk, here.acting(), course, how, str(reason.value or ""))

            if await here.do(lambda _acting: end()):
                ui.navigate.to(f"/courses/{course}")

        with ui.element("div").classes("buttons"):
            ui.button(tr("End course"), on_click=close, color=None).classes("danger")
            ui.button(tr("Cancel"), on_click=dialog.close, color=None)
