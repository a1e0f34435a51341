"""What waits to be sent to other systems, and what they would not have: a person decides over that."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from functools import partial
from html import escape
from urllib.parse import quote

from nicegui import ui

from irctl.clinic.acting import Acting
from irctl.clinic.drawing.markup import tag
from irctl.clinic.drawing.moments import minute
from irctl.clinic.exchange import sending
from irctl.clinic.screens import screen
from irctl.clinic.screens.redrawing import redraw
from irctl.clinic.screens.screen import Here, card, heading, show_empty
from irctl.clinic.words import tr
from irctl.domain.people import Verb
from irctl.interop.outbox import Parcel, State


@screen.screen("/outbox", "Outbox", verb=Verb.SEE_PATIENT)
async def outbox(here: Here) -> None:
    """By references only: nobody is named here."""
    with heading(tr("Outbox"), tr("What waits to be sent to other systems, and what they would not have.")):
        pass
    targets = ", ".join(f"{name} ({one.what}: {one.to})" for name, one in here.desk.file.send.items())
    ui.label(targets or tr("The clinic’s file names no system to be told: see [send].")).classes("soft")
    redraw(
        here,
        lambda: asyncio.to_thread(sending.waiting, here.desk, here.acting()),
        lambda found: _listed(here, found),
        verb=Verb.SEE_PATIENT,
    )


def _listed(here: Here, found: list[Parcel]) -> None:
    if not found:
        show_empty(tr("Nothing waits"), tr("Every signed visit was told to every system that is to know."))
        return
    with card():
        for one in found:
            with ui.element("div").classes("row item"):
                ui.html(_parcel(here, one), sanitize=False).classes("grow")
                if one.state is State.REFUSED and here.may(Verb.SIGN):
                    ui.button(tr("Send again"), on_click=partial(_retry, here, one.id), color=None)
                if here.may(Verb.SIGN):
                    ui.button(tr("Never send"), on_click=partial(_ask, here, one.id), color=None).classes("quiet")


def _parcel(here: Here, one: Parcel) -> str:
    state = tag("bad", "no", tr("not taken")) if one.state is State.REFUSED else tag("live", "clock", tr("waits"))
    again = here.desk.outbox.again(one.target)
    when = "" if again is None else f" {tr('Next try: {time}', time=minute(again, here.desk.zone))}"
    visit = f'<a href="/visits/{quote(one.subject)}">{escape(one.about)}</a>'
    return (
        f"{state} {visit} → <b>{escape(one.target)}</b><br>"
        f'<span class="soft small">{minute(one.made_at, here.desk.zone)}. {escape(one.told)}{escape(when)}</span>'
    )


async def _retry(here: Here, parcel: str) -> None:
    async def work(acting: Acting) -> None:
        await here.desk.run(sending.retry, here.desk, acting, parcel)

    await here.do(work, said=tr("It waits again"))


def _ask(here: Here, parcel: str) -> None:
    with ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card stack"):
        ui.html(f"<h2>{escape(tr('Never send this?'))}</h2>", sanitize=False)
        reason = ui.input(tr("Why?")).props("outlined maxlength=300")

        async def work(acting: Acting) -> None:
            await here.desk.run(sending.give_up, here.desk, acting, parcel, reason.value or "")

        async def give_up() -> None:
            if await here.do(work, said=tr("Written down")):
                dialog.close()

        with ui.element("div").classes("row"):
            ui.button(tr("Never send"), on_click=give_up, color=None).classes("danger")
            ui.button(tr("Cancel"), on_click=dialog.close, color=None).classes("quiet")
