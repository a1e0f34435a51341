"""Patients: searched for, seen lately, written down; and, for who may not see them, the way in an emergency."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from datetime import date

from nicegui import ui

from irctl.clinic.care import patients
from irctl.clinic.pages.patient_pieces import patient_row
from irctl.clinic.screens import screen
from irctl.clinic.screens.screen import Here, card, heading, show_empty
from irctl.clinic.words import tr
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused
from irctl.records.people import Person, Version


@screen.screen("/patients", "Patients", verb=None, icon="patients", order=3)
async def all_patients(here: Here) -> None:
    """The search first: whoever is looked for is rarely among the last dozen."""
    if not may_see(here):
        return
    with heading(tr("Patients")):
        if here.may(Verb.EDIT_PATIENT):
            ui.button(tr("New patient"), on_click=lambda: ui.navigate.to("/patients/new"), color=None).classes(
                "primary"
            )
    with card():
        with ui.element("div").classes("row search"):
            asked = ui.input(tr("Name, birthday or record number")).props(
                "outlined clearable autofocus autocomplete=off"
            )
            asked.classes("grow").props('type=search aria-describedby="search-hint"')
            button = ui.button(tr("Search"), color=None).classes("primary")
        ui.label(tr("The first three letters of a name are enough. A birthday as 1961-05-04 or 4.5.1961.")).classes(
            "soft small"
        ).props("id=search-hint")
        found = ui.element("div").classes("stack").props("aria-live=polite")

    async def search() -> None:
        text = str(asked.value or "").strip()
        if not text:
            found.clear()
            return
        await here.do(lambda acting: _show_found(here, found, text))

    asked.on("keydown.enter", search)
    button.on_click(search)
    asked.on("clear", found.clear)
    await _recent(here)


async def _show_found(here: Here, box: ui.element, asked: str) -> None:
    found = await asyncio.to_thread(patients.search, here.desk, here.acting(), asked)
    box.clear()
    with box:
        if not found:
            show_empty(
                tr("Nobody fits"), tr("Check the spelling; give only the beginning of the name, or the birthday.")
            )
        else:
            ui.label(tr("{number} found", number=len(found))).classes("soft")
            _rows(here, [(version, None) for version in found])


async def _recent(here: Here) -> None:
    lately = await asyncio.to_thread(patients.recent, here.desk, here.acting())
    with card(tr("Seen lately")):
        if not lately:
            show_empty(tr("Nobody yet"), tr("Write down the first patient with New patient."))
            return
        with ui.element("div").classes("list two"):
            for version, at in lately:
                ui.html(patient_row(version, here.desk.now().date(), at.astimezone(here.desk.zone)), sanitize=False)


def _rows(here: Here, found: list[tuple[Version, None]]) -> None:
    with ui.element("div").classes("list"):
        for version, _ in found:
            ui.html(patient_row(version, here.desk.now().date()), sanitize=False)


# --- an emergency ---------------------------------------------------------------------------------------------------------


def may_see(here: Here) -> bool:
    """Whether patients may be shown; where not, the page offers emergency access instead."""
    if here.may(Verb.SEE_PATIENT):
        return True
    heading(tr("Patients"), tr("Your role does not see patients."))
    with card(tr("Emergency access")), ui.element("div").classes("stack"):
        ui.label(
            tr(
                "In an emergency you may, for half an hour. The administrator is told at once, and everything you open is recorded."
            )
        )
        reason = ui.textarea(tr("What has happened? (without names)")).props("outlined autogrow")

        async def open_up() -> None:
            said = str(reason.value or "")
            if await here.do(
                lambda acting: here.desk.run(
                    patients.in_emergency, here.desk, here.doors, here.visitor, said, acting.at
                )
            ):
                ui.navigate.to(here.request.url.path)

        with ui.element("div").classes("buttons"):
            ui.button(tr("Open patients in this emergency"), on_click=open_up, color=None).classes("danger")
            ui.button(tr("Back"), on_click=lambda: ui.navigate.to("/"), color=None)
    return False


# --- a new one ------------------------------------------------------------------------------------------------------------


@screen.screen("/patients/new", "New patient", verb=Verb.EDIT_PATIENT)
def new_patient(here: Here) -> None:
    """Who they are; everything else comes later."""
    heading(tr("New patient"))
    with card(), ui.element("div").classes("stack form"):
        fields = PersonFields()
        another = ui.checkbox(tr("This is another person with the same name and birthday"))
        another.set_visibility(False)

        async def save() -> None:
            made: list[str] = []

            async def register() -> None:
                person, is_another = fields.person(), bool(another.value)
                made.append(
                    await here.desk.run(patients.register, here.desk, here.acting(), person, another=is_another)
                )

            if await here.do(lambda _acting: register()):
                ui.navigate.to(f"/patients/{made[0]}")
            else:
                another.set_visibility(True)

        with ui.element("div").classes("buttons"):
            ui.button(tr("Save"), on_click=save, color=None).classes("primary")
            ui.button(tr("Cancel"), on_click=lambda: ui.navigate.to("/patients"), color=None)


class PersonFields:
    """Name, birthday, record number and contact, to type."""

    def __init__(self, person: Person | None = None) -> None:
        given = person or Person("", date.min)
        self._name = ui.input(tr("Name"), value=given.name).props("outlined autocomplete=off")
        born = "" if person is None else given.born.isoformat()
        self._born = ui.input(tr("Birthday"), value=born).props("outlined type=date stack-label")
        self._number = ui.input(tr("Record number"), value=given.number).props("outlined autocomplete=off")
        self._contact = ui.input(tr("Contact (e-mail or phone)"), value=given.contact).props(
            "outlined autocomplete=off"
        )

    def person(self) -> Person:
        """Raises Refused."""
        typed = str(self._born.value or "")
        try:
            born = date.fromisoformat(typed)
        except ValueError:
            remedy = "Give it as year, month, day"
            raise Refused([Problem("birthday", typed, "is missing, or is no day", remedy)]) from None
        return Person(str(self._name.value or ""), born, str(self._number.value or ""), str(self._contact.value or ""))
