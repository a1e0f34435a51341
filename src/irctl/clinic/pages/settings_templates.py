"""The note of a session as this clinic prints it: heading, words, optional parts; shown as it will be."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
import base64
from html import escape

from nicegui import ui

from irctl.clinic.pages.protocol_form import text
from irctl.clinic.pages.settings import allowed, tabs
from irctl.clinic.pages.shelf import Draft, Shelf
from irctl.clinic.screens import screen
from irctl.clinic.screens.screen import Here, card, heading, show_empty
from irctl.clinic.shelf.library import NOTE, TEMPLATE, Text
from irctl.clinic.words import tr
from irctl.documents import NoteError, NoteTemplate, render_png
from irctl.documents.sample import sample_note
from irctl.domain.people import Verb

PATH = "/settings/templates"
SEEN_BY = (Verb.EDIT_TEMPLATE, Verb.READ_AUDIT)
SECTIONS = {
    "graph": "Irradiance and skin temperature over time",
    "uncertainty": "What the interval of the dose is made of",
    "happenings": "What happened, one by one",
    "signature": "Lines to sign on paper",
}


@screen.screen(PATH, "Note", verb=None)
def templates(here: Here) -> None:
    """There is one template: of the session note."""
    if not allowed(here, SEEN_BY):
        show_empty(tr("Not for you"), tr("This page is for other roles. Ask an administrator."))
        return
    heading(tr("Session note"), here.desk.library.template.label)
    tabs(here, PATH)
    Shelf(here, TEMPLATE, NOTE, template_form, show).draw()


def template_form(draft: Draft) -> None:
    """What may be chosen. Dose, alerts and warnings stay, whatever is chosen."""
    sections = draft.told.setdefault("sections", {})
    with card(tr("Words")), ui.element("div").classes("stack fill"):
        text(draft, draft.told, "title", tr("Title"))
        text(draft, draft.told, "introduction", tr("Introduction, above the treatment"), area=True)
        text(draft, draft.told, "closing", tr("Closing words, above the signature"), area=True)
    with card(tr("Optional parts")), ui.element("div").classes("stack"):
        for key, label in SECTIONS.items():
            box = ui.checkbox(tr(label), value=bool(sections.get(key, True)))

            def chosen(value: bool, key: str = key) -> None:
                sections[key] = value
                draft.filled()

            box.on_value_change(lambda event, chosen=chosen: chosen(bool(event.value)))
        ui.label(tr("The dose, its interval, alerts and “not a certified medical device” are always printed.")).classes(
            "soft"
        )


def show(here: Here, found: Text) -> None:
    """A sample's note, as it is printed: nobody's."""
    assert isinstance(found, NoteTemplate)
    with card(tr("As it is printed")):
        box = ui.element("div")

    async def draw() -> None:
        """Setting a page takes a while: beside the loop, so that no other screen waits for it."""
        try:
            pages = await asyncio.to_thread(render_png, sample_note(), found)
        except NoteError as error:
            with box:
                show_empty(tr("It cannot be printed"), str(error))
            return
        with box:
            _pictures(pages)

    ui.timer(0, draw, once=True)


def _pictures(pages: list[bytes]) -> None:
    if len(pages) > 1:
        ui.label(tr("It takes {count} pages: shorten it to one.", count=len(pages))).classes("tag warn")
    for number, page in enumerate(pages, 1):
        source = f"data:image/png;base64,{base64.b64encode(page).decode()}"
        about = escape(tr("Page {number} of the sample note", number=number))
        ui.html(f'<img class="page-picture" src="{source}" alt="{about}">', sanitize=False)
