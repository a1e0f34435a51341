"""How a lamp has drifted since its calibration: drawn, in words, and when it will likely leave its tolerance."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any

from nicegui import ui

from irctl.clinic.drawing.markup import table, tag
from irctl.clinic.drawing.moments import minute
from irctl.clinic.lamps import lamp_upkeep
from irctl.clinic.pages.upkeep_parts import asked_station
from irctl.clinic.screens import screen
from irctl.clinic.screens.screen import Here, card, heading, show_empty
from irctl.clinic.words import tr
from irctl.domain.people import Verb

View = Mapping[str, Any]
ROWS_MAX = 50
"""Of what was seen, the newest."""


@screen.screen("/calibrate/{lamp}/drift", "Drift of a lamp", verb=Verb.CHECK_LAMP)
async def drift(here: Here, lamp: str) -> None:
    """Of one lamp."""
    station = asked_station(here)
    told = await lamp_upkeep.drift_of(station, lamp)
    sub = tr("Calibration {id}, {hours} lamp-hours", id=told["calibration"] or "–", hours=f"{told['lamp_hours']:.1f}")
    with heading(tr("Drift of {lamp}", lamp=lamp), sub):
        ui.button(tr("Back"), on_click=lambda: ui.navigate.to("/calibrate"), color=None)
    with card(tr("What to expect")):
        ui.html(words(here, told), sanitize=False)
    drawing = await asyncio.to_thread(lamp_upkeep.drawn, station, told)
    with card(tr("Since its calibration")):
        if drawing is None:
            show_empty(
                tr("Nothing was seen yet"), tr("Checks, calibrations and sessions with a radiometer are shown here.")
            )
            return
        ui.html(f'<div class="sheet drift">{drawing[drawing.index("<svg") :]}</div>', sanitize=False)
    with card(tr("What was seen")):
        ui.html(_evidence(here, told), sanitize=False)


def words(here: Here, told: View) -> str:
    """The forecast and the control chart's signals, as markup."""
    ahead, tolerance = told["forecast"], f"{told['tolerance_pct']:g}"
    said = tr("Tolerance ±{tolerance} %: {forecast}.", tolerance=tolerance, forecast=ahead["text"])
    if ahead["likely_to_days"]:
        said = tr(
            "It leaves its tolerance of ±{tolerance} %: {forecast} (95 %; at {hours} h a day).",
            tolerance=tolerance, forecast=ahead["text"], hours=f"{told['hours_per_day']:.1f}",
        )  # fmt: skip
    lines = [f'<p class="big-said">{escape(said)}</p>']
    for rule, first, times in lamp_upkeep.signals(told):
        since = minute(datetime.fromisoformat(first), here.desk.zone)
        text = tr("{rule}, since {first} ({times} times)", rule=rule, first=since, times=times)
        lines.append(f'<p class="spaced">{tag("warn", "warn", tr("Control chart"))} {escape(text)}</p>')
    if told["evidence"] and len(lines) == 1:
        lines.append(f'<p class="spaced">{tag("good", "check", tr("The control chart shows nothing unusual"))}</p>')
    return "".join(lines)


def _evidence(here: Here, told: View) -> str:
    rows = [
        [
            minute(datetime.fromisoformat(e["at"]), here.desk.zone),
            f"{e['lamp_hours']:.1f} h",
            escape(str(e["kind"])),
            f"{e['level_pct']:g} %",
            f"{100 * (e['ratio'] - 1):+z.1f} %",
            f"± {e['expanded_pct']:.1f} %",
        ]
        for e in reversed(told["evidence"])
    ]
    columns = (tr("When"), tr("Lamp-hours"), tr("Seen by"), tr("Level"), tr("Against the calibration"), tr("U (k=2)"))
    return table(columns, rows[:ROWS_MAX], numbers=(1, 3, 4, 5))
