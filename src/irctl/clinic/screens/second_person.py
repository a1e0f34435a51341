"""A second person at the same screen: signs in for this one thing, and nothing else."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from html import escape

from nicegui import ui

from irctl.clinic.acting import Acting
from irctl.clinic.screens.screen import Here
from irctl.clinic.words import tr
from irctl.domain.people import Person


async def ask_second(here: Here, title: str, agreed: Callable[[Person, str], Awaitable[None]]) -> None:
    """Ask for another person's login and password, and for the reason; then do it. Whether the two may is the verb's own question."""
    with ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card stack"):
        ui.html(f"<h2>{escape(title)}</h2>", sanitize=False)
        ui.label(tr("The second person types their own login and password.")).classes("soft")
        why = ui.input(tr("Reason. It goes into the record")).props("outlined autofocus")
        login = ui.input(tr("Second person's login")).props("outlined autocomplete=off")
        password = ui.input(tr("Second person's password"), password=True).props("outlined autocomplete=off")

        async def work(acting: Acting) -> None:
            second = await here.desk.run(
                here.desk.accounts.sign_in, login.value or "", password.value or "", acting.at, time.monotonic()
            )
            password.set_value("")
            await agreed(second, why.value or "")
            dialog.close()

        async def press() -> None:
            await here.do(work)

        with ui.element("div").classes("row"):
            ui.button(tr("Both agree"), on_click=press).classes("primary")
            ui.button(tr("Back"), on_click=dialog.close)
