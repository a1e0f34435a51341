"""Keeping lamps true: what is known of each, what is due, and every calibration so far."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any

from nicegui import ui

from irctl.clinic.drawing.markup import facts, table, tag
from irctl.clinic.drawing.moments import minute
from irctl.clinic.lamps import lamp_upkeep
from irctl.clinic.lamps.lamp_upkeep import Known
from irctl.clinic.lamps.stations import Station
from irctl.clinic.pages.upkeep_dialogs import maintain, start, unlock
from irctl.clinic.pages.upkeep_parts import address, deviated, verdict_tag
from irctl.clinic.screens import screen
from irctl.clinic.screens.redrawing import redraw
from irctl.clinic.screens.screen import Here, card, heading, show_empty
from irctl.clinic.words import dates, tr
from irctl.domain.people import Verb
from irctl.domain.problems import Refused

View = Mapping[str, Any]
Told = list[tuple[Station, list[Known] | str]]
"""Of every station; why not, where it does not answer."""


@screen.screen("/calibrate", "Calibrate", verb=Verb.CHECK_LAMP, icon="calibrate", order=5)
async def overview(here: Here) -> None:
    """Every lamp of every station."""
    heading(tr("Calibrate and check"), tr("A dose is as good as the calibration behind it."))
    dialogs = ui.element("div")
    redraw(here, lambda: gather(here), lambda told: draw(here, told, dialogs))


async def gather(here: Here) -> Told:
    """What is known now."""
    told: Told = []
    for station in here.stations:
        try:
            told.append((station, await lamp_upkeep.known(station)))
        except Refused as refused:
            told.append((station, str(refused)))
    return told


def draw(here: Here, told: Told, dialogs: ui.element) -> None:
    """Lamps, then history. `dialogs`: where they open, so that they outlast a redraw."""
    for station, lamps in told:
        if len(told) > 1:
            ui.html(f"<h2>{escape(station.title)}</h2>", sanitize=False).classes("below")
        if isinstance(lamps, str):
            show_empty(tr("{station} does not answer", station=station.title), lamps)
            continue
        with ui.element("div").classes("columns"):
            for one in lamps:
                _lamp(here, station, one, dialogs)
    with card(tr("Calibrations so far")):
        _history(here, told)


def _lamp(here: Here, station: Station, one: Known, dialogs: ui.element) -> None:
    lamp = one.lamp
    with card():
        ui.html(
            f'<div class="row"><h2 class="grow">{escape(lamp["title"] or lamp["name"])}</h2>{_state(lamp)}</div>',
            sanitize=False,
        ).classes("below")
        if lamp["locked"]:
            ui.html(
                f'<p class="advice">{escape(tr("Locked: {why}", why=lamp["locked"]))}</p>'
                f"<p>{escape(tr('Nobody is treated with it until it is calibrated or a check passes.'))}</p>",
                sanitize=False,
            ).classes("below")
        ui.html(facts(_facts(here, one)), sanitize=False)
        with ui.element("div").classes("buttons spaced"):
            _buttons(here, station, one, dialogs)


def _buttons(here: Here, station: Station, one: Known, dialogs: ui.element) -> None:
    name = one.lamp["name"]

    def to(*parts: str) -> Any:
        return lambda: ui.navigate.to(address(here, station, *parts))

    if here.may(Verb.CHECK_LAMP):
        ui.button(tr("Check"), on_click=to("calibrate", name, "check"), color=None).classes("primary")
    if (begun := one.open_calibration) is not None:
        text = tr("Go on calibrating") if here.may(Verb.CALIBRATE) else tr("Look at the calibration")
        ui.button(text, on_click=to("calibrations", begun), color=None)
    elif here.may(Verb.CALIBRATE):
        ui.button(tr("Calibrate"), on_click=lambda: start(here, station, name, dialogs), color=None)
    ui.button(tr("Drift"), on_click=to("calibrate", name, "drift"), color=None)
    if here.may(Verb.CALIBRATE):
        ui.button(tr("Maintenance"), on_click=lambda: maintain(here, station, name, dialogs), color=None)
        if one.lamp["locked"]:
            ui.button(tr("Unlock"), on_click=lambda: unlock(here, station, name, dialogs), color=None).classes("danger")


def _state(lamp: View) -> str:
    if lamp["locked"]:
        return tag("bad", "lock", tr("Locked"))
    match lamp["calibration_state"]:
        case "calibrated":
            return tag("good", "check", tr("Calibrated"))
        case "calibration-required":
            return tag("warn", "warn", tr("Needs a calibration or a check"))
        case _:
            return tag("bad", "no", tr("Not calibrated"))


def _facts(here: Here, one: Known) -> list[tuple[str, str]]:
    zone, lamp = here.desk.zone, one.lamp
    told: list[tuple[str, str]] = []
    if (found := lamp["calibration"]) is None:
        told.append((tr("Calibration"), escape(tr("none in force"))))
    else:
        until = datetime.fromisoformat(found["valid_until"]).astimezone(zone)
        told += [
            (tr("Calibration"), f"<b>{escape(found['id'])}</b>"),
            (tr("Valid until"), escape(dates.plain(until.date()))),
            (tr("Distance"), f"{found['distance_cm']:g} cm"),
        ]
    if (check := one.check) is None:
        told.append((tr("Last check"), escape(tr("none yet"))))
    else:
        at = datetime.fromisoformat(check["at"])
        worst = lamp_upkeep.deviation(check)
        said = "" if worst is None else f" {escape(deviated(*worst))}"
        told.append((tr("Last check"), f"{verdict_tag(check['verdict'])}{said}<br>{minute(at, zone)}, {escape(check['by'])}"))  # fmt: skip
    told.append((tr("Lamp-hours"), f"{lamp['lamp_hours']:.1f} h"))
    told.append((tr("Serial number"), escape(lamp["serial"])))
    due = "<br>".join(_due(due) for due in one.due)
    told.append((tr("Due"), due or escape(tr("nothing"))))
    return told


def _due(due: View) -> str:
    text = escape(str(due["text"]))
    if due["overdue"]:
        return f"{tag('bad', 'warn', tr('overdue'))} {text}"
    return f"{tag('warn', 'warn', tr('soon'))} {text}" if due["soon"] else text


def outcome(one: View) -> str:
    """How a calibration ended, as markup."""
    match one["outcome"]:
        case None:
            return tag("live", "calibrate", tr("Not decided yet"))
        case "approved":
            return tag("good", "check", tr("Approved"))
        case "rejected":
            return tag("bad", "no", tr("Rejected"))
        case _:
            return tag("warn", "warn", tr("Abandoned"))


def _history(here: Here, told: Told) -> None:
    found = [
        (station, one)
        for station, lamps in told
        if not isinstance(lamps, str)
        for lamp in lamps
        for one in lamp.calibrations
    ]
    if not found:
        show_empty(tr("No calibration was made here yet"), tr("What is in force now came with the station, as a file."))
        return
    found.sort(key=lambda pair: str(pair[1]["started_at"]), reverse=True)
    rows: list[list[str]] = []
    for station, one in found:
        verdict: View | None = one["result"] and one["result"]["as-found"]["verdict"]
        as_found = "–" if verdict is None else f"{verdict_tag(verdict['decision'])} {verdict['error_pct']:+z.1f} %"
        link = address(here, station, "calibrations", one["id"])
        begun = minute(datetime.fromisoformat(one["started_at"]), here.desk.zone)
        closed = "" if one["closed_by"] is None else f"<br>{escape(one['closed_by'])}"
        rows.append([
            f'<a class="button" href="{escape(link)}">{escape(one["id"])}</a>', escape(one["lamp"]),
            f"{begun}<br>{escape(one['by'])}", escape(one["meter"]), as_found, f"{outcome(one)}{closed}",
        ])  # fmt: skip
    columns = (tr("Number"), tr("Lamp"), tr("Begun"), tr("Meter"), tr("As found"), tr("Outcome"))
    ui.html(table(columns, rows), sanitize=False)
