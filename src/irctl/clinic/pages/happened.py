"""What the journals tell beside sessions: alarms, stops, calibrations, checks. Nobody's name is in them, so whoever is signed in may read them."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any

from nicegui import ui

from irctl.clinic.drawing.markup import tag
from irctl.clinic.drawing.moments import day, moment
from irctl.clinic.pages.records import PATH, follow_from_now, kinds, pager
from irctl.clinic.screens import screen
from irctl.clinic.screens.screen import Here, heading, show_empty
from irctl.clinic.session_filter import place_of
from irctl.clinic.words import tr
from irctl.domain.people import Verb
from irctl.records import searching
from irctl.records.searching import HAPPENED, Page, Place

ROWS = 50
PRIORITIES = {"high": ("bad", "warn"), "medium": ("warn", "warn"), "low": ("live", "warn")}
VERDICTS = {"pass": ("good", "check"), "warn": ("warn", "warn"), "fail": ("bad", "no"), "interrupted": ("warn", "no")}
RESULTS = {
    "approved": ("good", "check"),
    "rejected": ("bad", "no"),
    "abandoned": ("warn", "no"),
}


@screen.screen(f"{PATH}/{{what}}", "Records", verb=Verb.WATCH)
async def happened(here: Here, what: str) -> None:
    """Of one kind, newest first."""
    titles = {
        "alarms": tr("Alarms"),
        "stops": tr("Stops"),
        "calibrations": tr("Calibrations"),
        "checks": tr("Checks"),
    }
    if what not in HAPPENED:
        show_empty(tr("Nothing is kept under this name"), tr("See the records."))
        return
    asked = dict(here.request.query_params)
    after = place_of(asked.get("after", ""))
    if after and HAPPENED[what][2] == "seq":
        controller, number = after.key
        after = Place(after.at, (controller, int(number) if str(number).isdecimal() else 0))
    heading(titles[what])
    kinds(here, what)

    async def look() -> Page:
        return await asyncio.to_thread(searching.happened, here.desk.database, what, ROWS, after)

    def show(page: Page) -> None:
        if not page.rows:
            show_empty(tr("None so far"), tr("What happens at the lamps is here a second later."))
            return
        rows = "".join(_ITEMS[what](here, row) for row in page.rows)
        ui.html(f'<ul class="list">{rows}</ul>', sanitize=False)
        pager(f"{PATH}/{what}", asked, page)

    await follow_from_now(here, look, show)


def _item(here: Here, at: datetime | None, sign: str, title: str, *told: str) -> str:
    zone = here.desk.zone
    when = f"<b>{day(at, zone)}</b><span>{at.astimezone(zone):%H:%M:%S}</span>" if at else ""
    lines = "".join(f'<span class="soft">{text}</span>' for text in told if text)
    return f'<li class="item"><span class="at">{when}</span><span class="who"><b>{escape(title)}</b>{lines}</span><span class="how">{sign}</span></li>'


def _where(row: Mapping[str, Any]) -> str:
    return " · ".join(escape(text) for text in (row.get("lamp"), row["station"]) if text)


def _time(here: Here, at: datetime | None) -> str:
    return moment(at, here.desk.zone)


def _alarm(here: Here, row: Mapping[str, Any]) -> str:
    priorities = {"high": tr("High"), "medium": tr("Medium"), "low": tr("Low")}
    tone, sign = PRIORITIES.get(row["priority"], ("", "warn"))
    where = _where(row) + (f" · {escape(row['hazard'])}" if row["hazard"] else "")
    if row["session"]:
        there = f"{PATH}/{escape(row['controller'])}/{escape(row['session'])}"
        where += f' · <a href="{there}">{escape(row["session"])}</a>'
    acknowledged = (
        escape(tr("acknowledged by {who}, {at}", who=row["acknowledged_by"], at=_time(here, row["acknowledged_at"])))
        if row["acknowledged_at"]
        else escape(tr("not acknowledged"))
    )
    return _item(here, row["at"], tag(tone, sign, priorities.get(row["priority"], row["priority"] or "–")),
                 row["text"] or "", where, escape(row["remedy"] or ""), acknowledged)  # fmt: skip


def _stop(here: Here, row: Mapping[str, Any]) -> str:
    evidence: Mapping[str, Any] = row["evidence"] or {}
    dark = [
        f"{escape(lamp)}: {told['verified_dark_s']:g} s"
        for lamp, told in evidence.items()
        if told.get("verified_dark_s")
    ]
    cleared = (
        escape(tr("cleared by {who}, {at}: {why}", who=row["cleared_by"], at=_time(here, row["cleared_at"]), why=row["cleared_reason"]))
        if row["cleared_at"]
        else ""
    )  # fmt: skip
    state = tag("", "check", tr("Cleared")) if row["cleared_at"] else tag("bad", "no", tr("In force"))
    told = f"{escape(row['by'] or '–')} · {escape(row['source'] or '')}"
    seen = f"{escape(tr('seen to be dark after'))} {', '.join(dark)}" if dark else ""
    return _item(here, row["at"], state, row["reason"] or "", f"{told} · {_where(row)}", seen, cleared)


def _calibration(here: Here, row: Mapping[str, Any]) -> str:
    words = {"approved": tr("Approved"), "rejected": tr("Rejected"), "abandoned": tr("Abandoned")}
    tone, sign = RESULTS.get(row["outcome"] or "", ("live", "calibrate"))
    state = tag(tone, sign, words.get(row["outcome"] or "", tr("Not decided yet")))
    closed = (
        f"{escape(row['closed_by'] or '–')}, {_time(here, row['closed_at'])}" if row["closed_at"] else ""
    ) + (f": {escape(row['reason'])}" if row["reason"] else "")  # fmt: skip
    performed = escape(tr("begun by {who}", who=row["started_by"] or "–"))
    meter = escape(tr("meter {name}", name=row["meter"])) if row["meter"] else ""
    return _item(here, row["started_at"], state, row["calibration"],
                 f"{_where(row)} · {escape(row['lamp_serial'] or '')}", f"{performed} · {meter}", closed)  # fmt: skip


def _check(here: Here, row: Mapping[str, Any]) -> str:
    words = {"pass": tr("Passed"), "warn": tr("Passed, with a warning"), "fail": tr("Failed"), "interrupted": tr("Interrupted")}  # fmt: skip
    tone, sign = VERDICTS.get(row["verdict"], ("warn", "warn"))
    levels: list[Mapping[str, Any]] = row["levels"] or []
    errors = ", ".join(
        f"{level['level_pct']:g} %: {level['error_pct']:+.1f} %"
        for level in levels
        if level.get("error_pct") is not None
    )
    told = escape(tr("calibration {id}", id=row["calibration"])) if row["calibration"] else ""
    return _item(here, row["at"], tag(tone, sign, words.get(row["verdict"], str(row["verdict"]))), row["lamp"],
                 f"{escape(row['station'] or '')} · {escape(row['by'] or '–')}", told, escape(row["reason"] or errors))  # fmt: skip


_ITEMS = {"alarms": _alarm, "stops": _stop, "calibrations": _calibration, "checks": _check}
