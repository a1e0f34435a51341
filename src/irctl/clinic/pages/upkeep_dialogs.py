"""What is asked before a calibration begins, a lamp is unlocked, or work on it is written down."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from nicegui import ui

from irctl.clinic.acting import Acting
from irctl.clinic.lamps import calibrating, lamp_upkeep
from irctl.clinic.lamps.stations import Station
from irctl.clinic.pages.upkeep_parts import address
from irctl.clinic.screens.parts import Choice
from irctl.clinic.screens.screen import Here, show_empty
from irctl.clinic.words import tr
from irctl.domain.problems import Problem, Refused
from irctl.domain.upkeep import Kind

NOTE_MAX = 2000


def asked(here: Here, dialogs: ui.element, title: str, button: str, ask: Callable[[], Any], said: str = "") -> None:
    """A dialog. `ask` draws what it asks, and returns what is then done with the answers: a function of `acting`."""
    with dialogs, ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card stack"):
        ui.html(f"<h2>{escape(title)}</h2>", sanitize=False)
        work = ask()

        async def go() -> None:
            if await here.do(work, said=said):
                dialog.close()

        with ui.element("div").classes("buttons"):
            ui.button(button, on_click=go, color=None).classes("primary")
            ui.button(tr("Cancel"), on_click=dialog.close, color=None)


async def start(here: Here, station: Station, lamp: str, dialogs: ui.element) -> None:
    """Begin a calibration."""

    async def show(_acting: Acting) -> None:
        meters: list[Mapping[str, Any]] = await station.get("/v1/meters")
        asked(here, dialogs, tr("Calibrate {lamp}", lamp=lamp), tr("Begin"), lambda: ask(meters))

    def ask(meters: list[Mapping[str, Any]]) -> Any:
        ui.label(
            tr("The lamp lights at every level for minutes. Nothing is in force until a second person has approved it.")
        )
        usable = {m["name"]: f"{m['name']} ({m['certificate']})" for m in meters if not m["problems"]}
        if not usable:
            show_empty(tr("No meter can be used"), tr("Its certificate is missing or no longer valid."))
        meter = Choice(tr("Which reference meter?"), usable, next(iter(usable)) if len(usable) == 1 else None)
        nobody = Choice(tr("What is under the lamp?"), {True: tr("Only the meter, nobody else")})
        temperature = ui.number(tr("Room temperature, °C"), format="%.1f").props("outlined")
        note = ui.textarea(tr("Anything about the surroundings")).props(f"outlined autogrow maxlength={NOTE_MAX}")

        async def work(acting: Acting) -> None:
            begun = await calibrating.begin(
                station, acting, lamp, meter.value or "", nobody=bool(nobody.value), temperature_c=temperature.value,
                note=str(note.value or ""),
            )  # fmt: skip
            ui.navigate.to(address(here, station, "calibrations", begun["id"]))

        return work

    await here.do(show)


def unlock(here: Here, station: Station, lamp: str, dialogs: ui.element) -> None:
    """A named person answers for it."""

    def ask() -> Any:
        ui.label(tr("You answer for a lamp that failed its check. Better: calibrate it, or check it again."))
        reason = ui.textarea(tr("Why?")).props(f"outlined autogrow maxlength={NOTE_MAX}")

        async def work(acting: Acting) -> None:
            await lamp_upkeep.unlock(station, acting, lamp, str(reason.value or ""))

        return work

    asked(here, dialogs, tr("Unlock {lamp}", lamp=lamp), tr("Unlock"), ask, said=tr("Unlocked"))


def maintain(here: Here, station: Station, lamp: str, dialogs: ui.element) -> None:
    """What was done, and what becomes of the calibration."""

    def ask() -> Any:
        ui.label(tr("By rule the calibration stays, needs a check, or is void."))
        kind = Choice(tr("What was done?"), _kinds())
        note = ui.textarea(tr("What exactly?")).props(f"outlined autogrow maxlength={NOTE_MAX}")

        async def work(acting: Acting) -> None:
            if kind.value is None:
                raise Refused([Problem("kind", None, "is not chosen", "Touch what was done")])
            told = await lamp_upkeep.maintain(station, acting, lamp, str(kind.value), str(note.value or ""))
            follows = {
                "stays": tr("The calibration stays in force."),
                "check": tr("The calibration needs a check."),
                "void": tr("The calibration is void: calibrate the lamp."),
            }
            ui.notify(follows[told["consequence"]], position="bottom", type="positive")

        return work

    asked(here, dialogs, tr("Maintenance of {lamp}", lamp=lamp), tr("Write it down"), ask)


def _kinds() -> dict[str, str]:
    return {
        Kind.CLEANED: tr("Cleaned"),
        Kind.MOVED: tr("Moved to another place"),
        Kind.REPAIRED: tr("Repaired"),
        Kind.REPLACED: tr("Lamp replaced"),
        Kind.EMITTER_REPLACED: tr("Emitter replaced"),
        Kind.RADIOMETER_REPLACED: tr("Radiometer replaced"),
        Kind.RADIOMETER_CLEANED: tr("Radiometer cleaned"),
        Kind.FIRMWARE_CHANGED: tr("Firmware changed"),
        Kind.SETTINGS_CHANGED: tr("Settings changed"),
        Kind.INSPECTED: tr("Inspected"),
        Kind.ELECTRICAL_TEST: tr("Electrical test"),
        Kind.OTHER: tr("Something else"),
    }
