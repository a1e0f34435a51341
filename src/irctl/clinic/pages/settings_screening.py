"""The screening list: its questions as whoever asks them sees them, and its next version."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from functools import partial
from html import escape

from nicegui import ui

from irctl.clinic.drawing.markup import facts, tag
from irctl.clinic.pages.screening_form import screening_form
from irctl.clinic.pages.settings import allowed, tabs
from irctl.clinic.pages.shelf import Shelf
from irctl.clinic.screens import screen
from irctl.clinic.screens.screen import Here, card, heading, show_empty
from irctl.clinic.shelf.library import SCREENING, Text
from irctl.clinic.words import tr
from irctl.domain.people import Verb
from irctl.domain.screening import Answer, Item, Kind, ScreeningList

PATH = "/settings/screening"
SEEN_BY = (Verb.ORDER, Verb.SCREEN, Verb.READ_AUDIT)
ANSWERS = {Answer.NO: "No", Answer.YES: "Yes", Answer.UNKNOWN: "Not known"}


@screen.screen(PATH, "Screening", verb=None)
def screening(here: Here) -> None:
    """A clinic has one list."""
    if not allowed(here, SEEN_BY):
        show_empty(tr("Not for you"), tr("This page is for other roles. Ask an administrator."))
        return
    library = here.desk.library
    now = library.now().screening
    heading(tr("Screening"), now.label if now else tr("not in force"))
    tabs(here, PATH)
    Shelf(here, SCREENING, library.list_name, screening_form, show).draw()


def show(here: Here, found: Text) -> None:
    """To be tried: an answer shows what it would say."""
    assert isinstance(found, ScreeningList)
    with card(found.title), ui.element("div").classes("stack"):
        ui.label(tr("Try it: nothing is written down here.")).classes("soft")
        for item in found.items:
            _asked(item)
    with card(tr("Hot and cold")):
        test = found.sensation
        ui.label(tr("At least {count} touches, at most {errors} wrong.", count=test.trials_min, errors=test.errors_max))
        ui.label(test.advice).classes("soft")
    with card(tr("Sources")):
        sources = {item.source.text: item.source for item in found.items} | {test.source.text: test.source}
        told = (
            (one.mark, f"{escape(one.of)}<br><span class=soft>{escape(one.text)}</span>") for one in sources.values()
        )
        ui.html(facts(told), sanitize=False)


def _asked(item: Item) -> None:
    with ui.element("div").classes("asked"):
        ui.label(item.asks).classes("question")
        row = ui.element("div").classes("buttons")
        said = ui.element("div").props("role=status")

        def answer(chosen: Answer) -> None:
            for known, button in buttons.items():
                button.classes(remove="chosen")
                if known is chosen:
                    button.classes(add="chosen")
            said.clear()
            with said:
                ui.html(_says(item, chosen), sanitize=False)

        with row:
            buttons = {known: ui.button(tr(word), on_click=partial(answer, known)) for known, word in ANSWERS.items()}


def _says(item: Item, chosen: Answer) -> str:
    if chosen is Answer.UNKNOWN:
        return _said("bad", "no", tr("Forbids until it is known"), tr("Find out before the treatment."))
    if chosen is not item.dangerous:
        return _said("good", "check", tr("No reason against it"), "")
    if item.kind is Kind.PRECAUTION:
        return _said("warn", "warn", tr("Precaution"), item.advice)
    never = tr("Forbids; nobody may override it") if item.absolute else tr("Forbids; two clinicians may override it")
    return _said("bad", "no", never, item.advice)


def _said(tone: str, sign: str, word: str, advice: str) -> str:
    return f'<p class="row answered">{tag(tone, sign, word)}<span>{escape(advice)}</span></p>'
