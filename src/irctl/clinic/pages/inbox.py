"""What other systems told of patients and appointments: a person takes each over, or sets it aside."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from functools import partial
from html import escape

from nicegui import ui

from irctl.clinic.acting import Acting
from irctl.clinic.drawing.moments import minute
from irctl.clinic.exchange import incoming
from irctl.clinic.exchange.incoming import Event, Item
from irctl.clinic.screens import screen
from irctl.clinic.screens.redrawing import redraw
from irctl.clinic.screens.screen import Here, card, heading, show_empty
from irctl.clinic.words import tr
from irctl.domain.people import Verb


@screen.screen("/inbox", "Inbox", verb=Verb.SEE_PATIENT)
async def inbox(here: Here) -> None:
    """Whoever opens it sees names, and that is in the audit."""
    with heading(tr("Inbox"), tr("What other systems told of patients and appointments. Nothing is done until a person takes it over.")):  # fmt: skip
        pass
    sources = ", ".join(f"{name} ({one.what}: {one.at})" for name, one in here.desk.file.receive.items())
    ui.label(sources or tr("The clinic’s file names no system to listen to: see [receive].")).classes("soft")
    await asyncio.to_thread(incoming.looked, here.desk, here.acting())
    redraw(
        here,
        lambda: asyncio.to_thread(incoming.waiting, here.desk, here.acting()),
        lambda found: _listed(here, found),
        verb=Verb.SEE_PATIENT,
    )


def _listed(here: Here, found: list[Item]) -> None:
    if not found:
        show_empty(tr("Nothing waits"), tr("Whatever was told is dealt with."))
        return
    with card():
        for one in found:
            with ui.element("div").classes("row item"):
                ui.html(_told(here, one), sanitize=False).classes("grow")
                if here.may(Verb.SCHEDULE):
                    ui.button(tr("Take over"), on_click=partial(_take, here, one), color=None).classes("primary")
                    ui.button(tr("Set aside"), on_click=partial(_ask, here, one), color=None)


def _told(here: Here, one: Item) -> str:
    news = one.news
    what = {
        Event.PATIENT: tr("A patient"),
        Event.BOOKED: tr("An appointment"),
        Event.MOVED: tr("An appointment was moved"),
        Event.CHANGED: tr("An appointment was changed"),
        Event.CANCELLED: tr("An appointment was cancelled"),
        Event.NO_SHOW: tr("Somebody did not come"),
    }[news.event]
    when = "" if news.at is None else f" · {minute(news.at, here.desk.zone)}"
    who = " · ".join(part for part in (news.name, news.born and news.born.isoformat(), news.number) if part)
    about = f" {escape(news.about)}" if news.about else ""
    return (
        f"<b>{escape(what)}</b>{escape(when)}<br>{escape(who)}{about}<br>"
        f'<span class="soft small">{escape(tr("{system}, told {time}", system=news.system, time=minute(one.told_at, here.desk.zone)))}</span>'
    )


async def _take(here: Here, one: Item) -> None:
    async def work(acting: Acting) -> None:
        await here.desk.run(incoming.take, here.desk, acting, one.id, one.version)

    await here.do(work, said=tr("Taken over"))


def _ask(here: Here, one: Item) -> None:
    with ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card stack"):
        ui.html(f"<h2>{escape(tr('Set this aside?'))}</h2>", sanitize=False)
        reason = ui.input(tr("Why?")).props("outlined maxlength=300")

        async def work(acting: Acting) -> None:
            await here.desk.run(incoming.set_aside, here.desk, acting, one.id, one.version, reason.value or "")

        async def aside() -> None:
            if await here.do(work, said=tr("Written down")):
                dialog.close()

        with ui.element("div").classes("row"):
            ui.button(tr("Set aside"), on_click=aside, color=None).classes("primary")
            ui.button(tr("Cancel"), on_click=dialog.close, color=None).classes("quiet")
