"""Messages to patients: what waits, what was sent and what was not; and writing one."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from dataclasses import dataclass
from html import escape

from nicegui import ui

from irctl.clinic.acting import Acting
from irctl.clinic.care.consent import consented
from irctl.clinic.mailing import messages
from irctl.clinic.mailing.letters import Sort
from irctl.clinic.mailing.messages import Message, State
from irctl.clinic.screens import screen
from irctl.clinic.screens.redrawing import redraw
from irctl.clinic.screens.screen import Here, card, heading, show_empty
from irctl.clinic.words import dates, tr
from irctl.domain.people import Verb

SHOWN = 50
SORTS = {
    Sort.REMINDER: "Reminder of an appointment",
    Sort.AFTER_CARE: "After the visit: what to watch for",
    Sort.REACTION: "A day after: how it went",
    Sort.OWN: "Written by hand",
}
TAGS = {
    State.WAITING: ("live", "Waiting"),
    State.SENDING: ("live", "Being sent"),
    State.SENT: ("good", "Sent"),
    State.FAILED: ("bad", "Not sent"),
    State.UNSURE: ("warn", "May have been sent"),
    State.WITHDRAWN: ("", "Withdrawn"),
}


@screen.screen("/messages", "Messages", verb=Verb.SCHEDULE)
def box(here: Here) -> None:
    """The box of the clinic."""
    with heading(tr("Messages"), tr("By e-mail, to patients who said yes to it")):
        ui.button(tr("Write to a patient"), on_click=lambda: ui.navigate.to("/messages/new"), color=None).classes(
            "primary"
        )
    if here.desk.file.mail is None:
        with ui.element("div").classes("below"):
            show_empty(
                tr("No mail server is set."),
                tr("Messages wait. An administrator sets one in the clinic's file: [mail]."),
            )
    # Beside the lists, which are drawn anew while somebody reads.
    dialogs = ui.element("div")
    redraw(here, lambda: asyncio.to_thread(_look, here), lambda found: _lists(here, dialogs, found))


@dataclass(frozen=True, slots=True)
class Box:
    """What the lists show."""

    failed: tuple[Message, ...]
    waiting: tuple[Message, ...]
    sent: tuple[Message, ...]


def _look(here: Here) -> Box:
    acting = here.acting()

    def found(*states: State) -> tuple[Message, ...]:
        return tuple(messages.listed(here.desk, acting, states, SHOWN))

    return Box(
        found(State.FAILED, State.UNSURE), found(State.WAITING, State.SENDING), found(State.SENT, State.WITHDRAWN)
    )


def _lists(here: Here, dialogs: ui.element, found: Box) -> None:
    if found.failed:
        with card(tr("Not sent")):
            _list(here, dialogs, found.failed)
    with card(tr("Waiting")):
        if found.waiting:
            _list(here, dialogs, found.waiting)
        else:
            show_empty(tr("Nothing waits."), tr("Reminders come here two weeks before an appointment."))
    if found.sent:
        with card(tr("Sent and withdrawn")):
            _list(here, dialogs, found.sent)


def _list(here: Here, dialogs: ui.element, found: tuple[Message, ...]) -> None:
    with ui.element("div").classes("list"):
        for one in found:
            _item(here, dialogs, one)


def _item(here: Here, dialogs: ui.element, one: Message) -> None:
    kind, word = TAGS[one.state]
    with ui.element("div").classes("item message"):
        ui.label(dates.moment(one.at)).classes("when")
        with ui.element("div").classes("grow"):
            ui.label(tr(SORTS[one.sort])).classes("title")
            patient = escape(one.patient)
            ui.html(f'<a href="/patients/{patient}">{patient}</a> · {escape(one.subject)}', sanitize=False).classes(
                "soft"
            )
            if one.why and one.state is not State.SENT:
                ui.label(one.why).classes("small")
        ui.html(f'<span class="tag {kind}">{escape(tr(word))}</span>', sanitize=False)
        with ui.element("div").classes("buttons"):
            ui.button(tr("Read"), on_click=lambda: _read(here, dialogs, one), color=None).classes("quiet")
            if one.state is State.UNSURE:
                ui.button(tr("Send again"), on_click=lambda: _confirm_again(here, dialogs, one), color=None)
            elif one.state in (State.WAITING, State.FAILED):
                ui.button(tr("Send now"), on_click=lambda: _send_now(here, one), color=None)
            if one.state is State.WAITING:
                ui.button(tr("Withdraw"), on_click=lambda: _withdraw(here, one), color=None)


async def _send_now(here: Here, one: Message) -> None:
    desk = here.desk
    await here.do(
        lambda acting: desk.run(messages.send_now, desk, acting, one.id), said=tr("It goes within a few seconds")
    )


async def _withdraw(here: Here, one: Message) -> None:
    desk = here.desk
    await here.do(lambda acting: desk.run(messages.withdraw, desk, acting, one.id), said=tr("Withdrawn"))


def _confirm_again(here: Here, dialogs: ui.element, one: Message) -> None:
    async def again() -> None:
        dialog.close()
        await _send_now(here, one)

    with dialogs, ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card"):
        ui.html(f"<h2>{escape(tr('Send it again?'))}</h2>", sanitize=False)
        ui.label(tr("It may have arrived already; then the patient has it twice."))
        with ui.element("div").classes("buttons spaced"):
            ui.button(tr("Send again"), on_click=again, color=None).classes("primary")
            ui.button(tr("Leave it"), on_click=dialog.close, color=None)


async def _read(here: Here, dialogs: ui.element, one: Message) -> None:
    desk = here.desk

    async def show(acting: Acting) -> None:
        said = await asyncio.to_thread(messages.shown, desk, acting, one.id)
        with dialogs, ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card"):
            ui.html(f"<h2>{escape(said.subject)}</h2>", sanitize=False)
            ui.label(said.text).classes("letter")
            ui.button(tr("Close"), on_click=dialog.close, color=None).classes("primary")

    await here.do(show)


@screen.screen("/messages/new", "Write a message", verb=Verb.SCHEDULE)
def new(here: Here) -> None:
    """For whom?"""
    heading(tr("Write to a patient"), tr("Who is it for?"))
    desk = here.desk
    with card():
        name = ui.input(tr("Name or record number")).props("outlined autofocus").classes("wide")

        async def search() -> None:
            words = (name.value or "").strip()
            if not words:
                return

            async def look(acting: Acting) -> None:
                people = await asyncio.to_thread(messages.found, desk, acting, words)
                found.clear()
                with found:
                    for person, may_write in people:
                        _person(person.patient, f"{person.person.name}, {dates.compact(person.person.born)}", may_write)
                    if not people:
                        show_empty(tr("Nobody of that name."), tr("Whole words of the name, or the record number."))

            await here.do(look)

        name.on("keydown.enter", search)
        with ui.element("div").classes("buttons spaced"):
            ui.button(tr("Search"), on_click=search, color=None).classes("primary")
        found = ui.element("div").classes("list spaced")


def _person(reference: str, who: str, may_write: bool) -> None:
    with ui.element("div").classes("item"):
        with ui.element("div").classes("grow"):
            ui.label(who).classes("title")
            ui.label(
                reference if may_write else tr("{reference}: has not said yes to messages", reference=reference)
            ).classes("soft")
        if may_write:
            ui.button(tr("Write"), on_click=lambda: ui.navigate.to(f"/messages/new/{reference}"), color=None).classes(
                "primary"
            )


@screen.screen("/messages/new/{patient}", "Write a message", verb=Verb.SCHEDULE)
async def write(here: Here, patient: str) -> None:
    """To this patient."""
    desk = here.desk
    acting = here.acting()
    assert acting.person is not None
    known = await asyncio.to_thread(desk.patients.show, patient, acting.person.login, "write a message", acting.at)
    heading(tr("Write to {name}", name=known.person.name), patient)
    if not await asyncio.to_thread(consented, desk, patient):
        show_empty(
            tr("This patient has not said yes to messages."),
            tr("Ask, and write the answer down on the patient's page."),
        )
        return
    with card():
        ui.label(
            tr("The subject says only that it is from the clinic. Write nothing that others should not read.")
        ).classes("soft")
        text = ui.textarea(tr("Message")).props("outlined autogrow").classes("wide")

        async def send() -> None:
            said = tr("It goes within a few seconds")
            if await here.do(lambda by: desk.run(messages.write, desk, by, patient, text.value or ""), said=said):
                ui.navigate.to("/messages")

        with ui.element("div").classes("buttons spaced"):
            ui.button(tr("Send"), on_click=send, color=None).classes("primary")
            ui.button(tr("Back"), on_click=lambda: ui.navigate.to("/messages"), color=None)
