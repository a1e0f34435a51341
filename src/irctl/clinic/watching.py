"""Parts of a page that show patients' data, and keep it true: drawn again only when something else is found, so that nothing flickers while a lamp is on."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from nicegui import ui

from irctl.clinic.acting import Acting
from irctl.clinic.screen import Here, show_empty
from irctl.domain.people import Verb
from irctl.domain.problems import Refused

T = TypeVar("T")


def watch(here: Here, gather: Callable[[Acting], T], draw: Callable[[T], None]) -> None:
    """Show what `gather` finds, here and now and whenever it changes. It is called in a thread, and compares by value.

    Where patients may no longer be seen (the screen is locked, an emergency is over), the page is left instead.
    """
    box = ui.element("div")
    shown: list[T] = []

    async def look() -> None:
        if not here.may(Verb.SEE_PATIENT):
            ui.navigate.to(here.request.url.path)
            return
        try:
            found = await asyncio.to_thread(gather, here.acting())
        except Refused as refused:
            shown.clear()
            box.clear()
            with box:
                for problem in refused.problems:
                    show_empty(problem.limit, problem.remedy)
            return
        if shown and shown[0] == found:
            return
        shown[:] = [found]
        box.clear()
        with box:
            draw(found)

    here.follow(look)
