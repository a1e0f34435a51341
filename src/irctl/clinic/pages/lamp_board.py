"""The lamps of every station at a glance, and what should be done about them: parts of the day board that need no patient."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from nicegui import ui

from irctl.clinic.drawing.icons import icon
from irctl.clinic.drawing.lamp_words import LampWords, lamp_words
from irctl.clinic.drawing.markup import tag
from irctl.clinic.lamps.dues import Dues
from irctl.clinic.lamps.stations import Station
from irctl.clinic.office.notices import acknowledge, open_notices
from irctl.clinic.screens.redrawing import redraw
from irctl.clinic.screens.screen import Here, card, live_panel
from irctl.clinic.words import tr
from irctl.domain.notices import Notice
from irctl.domain.people import Verb

LAMPS_EVERY_S = 1.0
"""The minutes that are left go by without anything happening."""
ASK_EVERY_S = 5.0
_dues = Dues()


# --- lamps ------------------------------------------------------------------------------------------------------------------


def lamps_of(here: Here, station: Station, live: ui.element) -> None:
    """A card: each lamp with its state; on demand the live figures, in `live`. A station that is not this screen's has a STOP of its own there."""
    with card():
        with ui.element("div").classes("heading"):
            title = ui.html("", sanitize=False)
            with ui.element("div").classes("buttons"):
                button = ui.button(tr("Live")).classes("quiet").props('aria-expanded="false"')
        told = ui.html("", sanitize=False)

    shown: object = None

    def look() -> None:
        nonlocal shown
        now, view = here.desk.now(), station.view
        lamps = None if view is None else tuple(lamp_words(lamp, now) for lamp in view["lamps"])
        if shown != (found := (station.title, lamps)):
            shown = found
            title.set_content(f"<h2>{escape(station.title)}</h2>")
            told.set_content(_unheard() if lamps is None else "".join(map(_tile, lamps)))

    panel: ui.element | None = None

    def toggle() -> None:
        nonlocal panel
        if panel is not None:
            panel.delete()
            panel = None
        else:
            with live:
                panel = live_panel(here, station=station)
        button.classes(add="chosen" if panel else "", remove="" if panel else "chosen")
        button.props(f'aria-expanded="{"false" if panel is None else "true"}"')

    button.on_click(toggle)
    ui.timer(LAMPS_EVERY_S, look)


def _tile(lamp: LampWords) -> str:
    doing = f'<div class="doing">{escape(lamp.doing)}</div>' if lamp.doing else ""
    left = f'<div class="left">{escape(lamp.left)}</div>' if lamp.left else ""
    notes = "".join(f'<div class="note">{icon("warn", "1.2em")}{escape(note)}</div>' for note in lamp.notes)
    return (
        f'<div class="lamp-tile"><div class="row"><h3>{escape(lamp.title)}</h3>'
        f"{tag(lamp.tone, lamp.icon, lamp.word)}</div>"
        f'{doing}{left}<div class="soft small">{escape(lamp.calibration)}</div>{notes}</div>'
    )


def _unheard() -> str:
    hint = tr("Look at the lamps themselves: their own watchdogs keep them.")
    return (
        f'<div class="lamp-tile">{tag("bad", "warn", tr("No answer"))}'
        f'<div class="soft small">{escape(hint)}</div></div>'
    )


# --- what is to be done --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Task:
    """`tone` and `sign` as tags have them."""

    tone: str
    sign: str
    word: str
    text: str
    remedy: str


def to_do(here: Here) -> None:
    """Notices and alarms that nobody has acknowledged, and what is due; nothing where there is nothing."""

    async def ask() -> None:
        for station in here.desk.stations.values():
            if await _dues.ask(station):
                here.desk.changed()

    async def look() -> tuple[tuple[Notice, ...], tuple[Task, ...]]:
        stations = list(here.desk.stations.values())
        several = len(stations) > 1
        tasks = tuple(task for station in stations for task in _tasks(station, named=several))
        return tuple(await asyncio.to_thread(open_notices, here.desk)), tasks

    def draw(found: tuple[tuple[Notice, ...], tuple[Task, ...]]) -> None:
        if not any(found):
            return
        with card(tr("To do")), ui.element("div").classes("tasks"):
            for notice in found[0]:
                _notice(here, notice)
            for task in found[1]:
                ui.html(_task(task), sanitize=False)

    redraw(here, look, draw)
    ui.timer(ASK_EVERY_S, ask)


def _notice(here: Here, notice: Notice) -> None:
    """What the clinic's own process has to tell: until it is put right, or somebody has seen to it."""
    with ui.element("div"):
        word, tone = (tr("Urgent"), "bad") if notice.priority == "high" else (tr("Notice"), "warn")
        ui.html(_task(Task(tone, "warn", word, notice.text, notice.remedy)), sanitize=False)
        if here.may(Verb.ACKNOWLEDGE):

            async def seen() -> None:
                await here.do(lambda acting: here.desk.run(acknowledge, here.desk, acting, notice.id))

            ui.button(tr("I see to it"), on_click=seen)


def _tasks(station: Station, *, named: bool) -> list[Task]:
    at = f"{station.title}: " if named else ""
    view = station.view
    alarms: list[Mapping[str, Any]] = view["alarms"] if view else []
    tasks = [_alarm(at, alarm["priority"], alarm["text"], alarm["remedy"]) for alarm in alarms]
    told = {alarm["text"] for alarm in alarms}
    for due in _dues.known(station):
        if due.text not in told:  # reminders are alarms of low priority until somebody has acknowledged them
            word, tone = (tr("Overdue"), "bad") if due.overdue else (tr("Due"), "warn")
            tasks.append(Task(tone, "calibrate", word, f"{at}{due.text}", ""))
    return tasks


def _alarm(at: str, priority: str, text: str, remedy: str) -> Task:
    word = {"high": tr("High alarm"), "medium": tr("Medium alarm")}.get(priority, tr("Notice"))
    return Task("bad" if priority == "high" else "warn", "warn", word, f"{at}{text}", remedy)


def _task(task: Task) -> str:
    remedy = f'<div class="soft small">{escape(task.remedy)}</div>' if task.remedy else ""
    return (
        f'<div class="task">{tag(task.tone, task.sign, task.word)}'
        f"<div><strong>{escape(task.text)}</strong>{remedy}</div></div>"
    )
