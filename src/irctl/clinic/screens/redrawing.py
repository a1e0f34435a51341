"""Parts of a screen that are drawn anew only when what they show is another: a button that somebody is about to press stays where it is, and keeps the focus."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from nicegui import ui

from irctl.clinic.acting import Acting
from irctl.clinic.screens.screen import LOOK_AGAIN_S, Here, show_empty
from irctl.domain.people import Verb
from irctl.domain.problems import Refused

T = TypeVar("T")
LOOK_ANYWAY_S = 15.0
"""Time passes without anything having changed: what is late, what is now."""


def redraw(
    here: Here,
    look: Callable[[], Awaitable[T]],
    draw: Callable[[T], None],
    every_s: float = LOOK_ANYWAY_S,
    *,
    verb: Verb | None = None,
) -> None:
    """Look whenever something has changed, and every so often; draw where the answer (compared by ==) is another. First when the page is there already.

    `verb`: what one must be allowed to, to see it: where that is over (the screen is locked, an emergency has ended), the page is left instead.
    """
    box = ui.element("div").classes("follow")
    revision, again_s, shown = -1, 0.0, object()

    async def tick() -> None:
        nonlocal revision, again_s, shown
        if revision == here.desk.revision and time.monotonic() < again_s:
            return
        if verb is not None and not here.may(verb):
            ui.navigate.to(here.request.url.path)
            return
        revision, again_s = here.desk.revision, time.monotonic() + every_s
        try:
            found: T | Refused = await look()
        except Refused as refused:
            found = refused
        if found == shown or (isinstance(found, Refused) and str(found) == str(shown)):
            return
        shown = found
        box.clear()
        with box:
            if isinstance(found, Refused):
                for problem in found.problems:
                    show_empty(problem.limit, problem.remedy)
            else:
                draw(found)

    ui.timer(LOOK_AGAIN_S, tick)


def watch(here: Here, gather: Callable[[Acting], T], draw: Callable[[T], None]) -> None:
    """Patients' data: what `gather` finds, in a thread, whenever something has changed."""
    redraw(here, lambda: asyncio.to_thread(gather, here.acting()), draw, math.inf, verb=Verb.SEE_PATIENT)
