"""One patient: who they are, what they are treated for and how it goes, and everything that happened."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from html import escape

from nicegui import ui

from irctl.clinic.acting import Acting
from irctl.clinic.calendar import appointments
from irctl.clinic.care import consent, courses, patients
from irctl.clinic.care.outlook import Outlook, outlook
from irctl.clinic.care.patients import BackgroundBody, Patient
from irctl.clinic.care.timeline import Entry, timeline
from irctl.clinic.drawing.body_map import label_of
from irctl.clinic.pages.patient_pieces import (
    advice_box,
    born,
    chart_of,
    progress_bar,
    standing,
    state_tag,
    timeline_list,
    versions_table,
)
from irctl.clinic.pages.patients import PersonFields, may_see
from irctl.clinic.screens import screen
from irctl.clinic.screens.redrawing import watch
from irctl.clinic.screens.screen import Here, card, heading, show_empty
from irctl.clinic.words import tr
from irctl.clinic.words.dates import moment
from irctl.domain.people import Verb

NEXT = 4
"""Appointments that are named."""
SHOWN_AT_FIRST = 25
"""Entries of the timeline; the rest is one touch away."""


@screen.screen("/patients/{patient}", "Patient", verb=None)
async def one_patient(here: Here, patient: str) -> None:
    """The look is written once, when the page is opened; what follows by itself shows no name."""
    if not may_see(here):
        return
    opened = await asyncio.to_thread(patients.open_patient, here.desk, here.acting(), patient)
    person = opened.person
    sub = " · ".join(filter(None, (born(person, here.desk.now().date()), person.number, patient, person.contact)))
    with heading(person.name, sub):
        record = tr("Edit patient") if here.may(Verb.EDIT_PATIENT) else tr("History of versions")
        ui.button(record, on_click=lambda: ui.navigate.to(f"/patients/{patient}/record"), color=None)
        if here.may(Verb.ORDER):
            to = f"/patients/{patient}/course/new"
            ui.button(tr("Plan a course"), on_click=lambda: ui.navigate.to(to), color=None).classes("primary")
    watch(here, lambda acting: _outlooks(here, acting, patient), lambda found: _courses(here, found))
    _background(here, opened)
    watch(here, lambda _acting: _taken_along(here, patient), lambda found: _appointments(here, patient, found))
    shown = [SHOWN_AT_FIRST]
    watch(here, lambda acting: timeline(here.desk, acting, patient), lambda entries: _timeline(here, entries, shown))


# --- courses --------------------------------------------------------------------------------------------------------------


def _outlooks(here: Here, acting: Acting, patient: str) -> list[Outlook]:
    """Those that are going on first."""
    found = [outlook(here.desk, acting, course) for course in courses.of_patient(here.desk, patient)]
    return sorted(found, key=lambda one: not one.active)


def _courses(here: Here, found: list[Outlook]) -> None:
    if not found:
        with card(tr("Courses")):
            show_empty(tr("No course yet"), tr("A course says where, by which protocol, and what it shall bring."))
        return
    for one in found:
        with card():
            _course(here, one)


def _course(here: Here, one: Outlook) -> None:
    course = one.course.id
    with ui.element("div").classes("course-head"):
        title = escape(label_of(one.body.area))
        ui.html(f'<h2>{title} {state_tag(one)}</h2><p class="soft">{standing(one)}</p>', sanitize=False).classes("grow")
        with ui.element("div").classes("buttons"):
            ui.button(tr("Open course"), on_click=lambda: ui.navigate.to(f"/courses/{course}"), color=None)
            if one.active and here.may(Verb.START):
                treat = ui.button(tr("Treat now"), on_click=lambda: ui.navigate.to(f"/treat/{course}"), color=None)
                treat.classes("primary")
    ui.html(progress_bar(one) + advice_box(one), sanitize=False)
    if one.active:
        ui.html(chart_of(one), sanitize=False).classes("chart-box")
    elif one.closed_because:
        ui.label(tr("Ended because: {why}", why=one.closed_because)).classes("soft")


# --- history and goals ----------------------------------------------------------------------------------------------------


def _background(here: Here, opened: Patient) -> None:
    known = opened.background
    with ui.element("div").classes("columns gap-below"):
        for title, text, empty in (
            (tr("Goals"), known.goals, tr("No goals written yet.")),
            (tr("Treatment history"), known.history, tr("No history written yet.")),
        ):
            with card(title):
                ui.label(text or empty).classes("prose" if text else "soft")
                if here.may(Verb.EDIT_PATIENT):
                    edit = ui.button(tr("Edit"), on_click=lambda: _write(here, opened), color=None)
                    edit.classes("quiet").props["aria-label"] = f"{tr('Edit')}: {title}"


def _write(here: Here, opened: Patient) -> None:
    known = opened.background
    with ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card stack"):
        ui.html(f"<h2>{escape(tr('Goals and history'))}</h2>", sanitize=False)
        goals = ui.textarea(tr("Goals"), value=known.goals).props("outlined autogrow maxlength=2000")
        history = ui.textarea(tr("Treatment history"), value=known.history).props("outlined autogrow maxlength=4000")

        async def save() -> None:
            body = BackgroundBody(history=str(history.value or ""), goals=str(goals.value or ""))
            told = (here.desk, here.acting(), opened.reference, opened.background_version, body)
            if await here.do(lambda _acting: here.desk.run(patients.write_background, *told)):
                ui.navigate.to(f"/patients/{opened.reference}")

        with ui.element("div").classes("buttons"):
            ui.button(tr("Save"), on_click=save, color=None).classes("primary")
            ui.button(tr("Cancel"), on_click=dialog.close, color=None)


# --- appointments, messages, what is taken along --------------------------------------------------------------------------


def _taken_along(here: Here, patient: str) -> tuple[list[str], bool]:
    """The next appointments in words, and whether messages may be sent."""
    now = here.desk.now()
    ahead = [
        one
        for one in appointments.of_patient(here.desk, here.acting(), patient)
        if one.at >= now and one.state is appointments.State.PLANNED
    ]
    return [moment(one.at.astimezone(here.desk.zone)) for one in ahead[:NEXT]], consent.consented(here.desk, patient)


def _appointments(here: Here, patient: str, found: tuple[list[str], bool]) -> None:
    ahead, consented = found
    with card(tr("Appointments and messages")), ui.element("div").classes("stack"):
        ui.label(" · ".join(ahead) if ahead else tr("No appointment ahead.")).classes("prose" if ahead else "soft")
        with ui.element("div").classes("buttons"):
            if ahead:
                links = (
                    (f"/patients/{patient}/card.pdf", tr("Card to take home")),
                    (f"/patients/{patient}/appointments.ics", tr("Calendar file")),
                )
                for to, text in links:
                    ui.html(f'<a class="item" href="{to}" target="_blank">{escape(text)}</a>', sanitize=False)
            if here.may(Verb.SCHEDULE):

                async def change() -> None:
                    told = (here.desk, here.acting(), patient, not consented)
                    await here.do(lambda _acting: here.desk.run(consent.set_consent, *told))

                says = tr("Patient no longer wants e-mail") if consented else tr("Patient agrees to e-mail")
                ui.button(says, on_click=change, color=None)
        state = tr("Agreed to reminders by e-mail.") if consented else tr("Has not agreed to e-mail: none is sent.")
        ui.label(state).classes("soft small")


# --- the story ------------------------------------------------------------------------------------------------------------


def _timeline(here: Here, entries: list[Entry], shown: list[int]) -> None:
    with card(tr("Everything that happened")):
        box = ui.html("", sanitize=False)

        def draw() -> None:
            box.content = timeline_list(entries[: shown[0]], here.desk.zone, here.desk.now())
            more.set_visibility(len(entries) > shown[0])

        def show_all() -> None:
            shown[0] = len(entries)
            draw()

        more = ui.button(tr("Show all {number}", number=len(entries)), on_click=show_all, color=None)
        draw()


# --- who they are ---------------------------------------------------------------------------------------------------------


@screen.screen("/patients/{patient}/record", "Patient record", verb=None)
async def patient_record(here: Here, patient: str) -> None:
    """Corrected with a reason; what was there stays to be seen."""
    if not may_see(here):
        return
    found = await asyncio.to_thread(patients.versions, here.desk, here.acting(), patient)
    now = found[-1]
    with heading(now.person.name, patient):
        ui.button(tr("Back to patient"), on_click=lambda: ui.navigate.to(f"/patients/{patient}"), color=None)
    if here.may(Verb.EDIT_PATIENT):
        with card(tr("Edit patient")), ui.element("div").classes("stack form"):
            fields = PersonFields(now.person)
            reason = ui.input(tr("Why is it changed?")).props("outlined")

            async def save() -> None:
                async def amend() -> None:
                    told = (patient, now.version, fields.person(), str(reason.value or ""))
                    await here.desk.run(patients.amend, here.desk, here.acting(), *told)

                if await here.do(lambda _acting: amend()):
                    ui.navigate.to(f"/patients/{patient}")

            with ui.element("div").classes("buttons"):
                ui.button(tr("Save"), on_click=save, color=None).classes("primary")
    with card(tr("History of versions")):
        ui.html(versions_table(found, here.desk.zone), sanitize=False)
