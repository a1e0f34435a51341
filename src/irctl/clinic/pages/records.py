"""The records: every session there ever was, searched and narrowed, newest first; and what else the journals tell, each by kind.

What is asked for stands in the address, so that a page can be gone back to: references there, never a name.
"""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from html import escape
from typing import Any, TypeVar

from nicegui import ui

from irctl.clinic.acting import Acting
from irctl.clinic.care import sessions
from irctl.clinic.drawing.icons import icon
from irctl.clinic.drawing.markup import tag
from irctl.clinic.drawing.moments import day
from irctl.clinic.drawing.outcomes import interval, outcome_tag
from irctl.clinic.screens import screen
from irctl.clinic.screens.screen import LOOK_AGAIN_S, Here, heading, show_empty
from irctl.clinic.session_filter import OUTCOMES, address, filter_of, place_of, told, wanted_of
from irctl.clinic.words import tr
from irctl.documents.figures import dose_places, exactly
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused
from irctl.records import searching
from irctl.records.searching import UNSIGNED, Page

PATH = "/records"
T = TypeVar("T")


@screen.screen(PATH, "Records", verb=Verb.SEE_PATIENT, icon="records", order=6)
async def records(here: Here) -> None:
    """All sessions, or those that the address asks for."""
    asked = dict(here.request.query_params)
    wanted, after = wanted_of(asked, here.desk.zone), place_of(asked.get("after", ""))
    with heading(tr("Records")):
        if here.may(Verb.EXPORT):
            ui.button(tr("Export"), color=None, on_click=lambda: _ask_export(here, asked))
        if here.may(Verb.READ_AUDIT):
            ui.button(tr("Audit"), color=None, on_click=lambda: ui.navigate.to("/audit"))
    kinds(here, "")
    await _filters(here, asked)
    known: dict[str, str] = {}

    async def look() -> Page:
        page = await asyncio.to_thread(sessions.find, here.desk, here.acting(), wanted, after)
        # A name that stands here already is not looked at again whenever something changes.
        new = [row for row in page.rows if row["patient"] and row["patient"] not in known]
        if new:
            known.update(dict.fromkeys((row["patient"] for row in new), ""))
            known.update(await asyncio.to_thread(sessions.names, here.desk, here.acting(), new))
        return page

    await follow_from_now(here, look, lambda page: _show(here, page, known, asked))


async def follow_from_now(here: Here, look: Callable[[], Awaitable[T]], show: Callable[[T], None]) -> None:
    """As `Here.follow`, but shown before the page is sent: there at once, and without a script, too. What is the same is not drawn anew."""
    box, seen, shown = ui.element("div").classes("follow"), here.desk.revision, await look()
    with box:
        show(shown)

    async def again() -> None:
        nonlocal seen, shown
        if seen == here.desk.revision:
            return
        seen = here.desk.revision
        try:
            found = await look()
        except Refused:
            return  # the screen is being locked, or the database is away: what was true a moment ago stays
        if found != shown:
            shown = found
            box.clear()
            with box:
                show(found)

    ui.timer(LOOK_AGAIN_S, again)


def kinds(here: Here, current: str) -> None:
    """Sessions, alarms, stops, calibrations, checks: one click each."""
    names = {
        "": tr("Sessions"),
        "alarms": tr("Alarms"),
        "stops": tr("Stops"),
        "calibrations": tr("Calibrations"),
        "checks": tr("Checks"),
    }
    links = [
        f'<a href="{PATH}{"/" if kind else ""}{kind}"{" aria-current=page" if kind == current else ""}>{escape(name)}</a>'
        for kind, name in names.items()
        if kind or here.may(Verb.SEE_PATIENT)
    ]
    ui.html(f'<nav class="tabs" aria-label="{escape(tr("Kinds of records"))}">{"".join(links)}</nav>', sanitize=False)


# --- what is asked for -----------------------------------------------------------------------------------------------------


async def _filters(here: Here, asked: Mapping[str, str]) -> None:
    lamps, protocols = await asyncio.to_thread(searching.choices, here.desk.database)
    anything = {"": tr("Any")}
    outcomes = anything | {outcome: tr(outcome.capitalize()) for outcome in OUTCOMES}
    with ui.element("section").classes("card filters"):
        patient = ui.input(tr("Name or reference")).props("outlined clearable")
        lamp = _choice(tr("Lamp"), anything | dict(zip(lamps, lamps, strict=True)), asked.get("lamp", ""))
        outcome = _choice(tr("Outcome"), outcomes, asked.get("outcome", ""))
        protocol = _choice(
            tr("Protocol"), anything | dict(zip(protocols, protocols, strict=True)), asked.get("protocol", "")
        )
        since = ui.input(tr("From"), value=asked.get("from", "")).props("outlined type=date stack-label")
        until = ui.input(tr("To"), value=asked.get("to", "")).props("outlined type=date stack-label")

        async def search() -> None:
            chosen = {
                **filter_of(asked),
                "lamp": lamp.value or "",
                "outcome": outcome.value or "",
                "protocol": protocol.value or "",
                "from": since.value or "",
                "to": until.value or "",
            }

            async def found(acting: Acting) -> None:
                if said := (patient.value or "").strip():
                    chosen["patient"] = ",".join(await asyncio.to_thread(_references, here, acting, said))
                wanted_of(chosen, here.desk.zone)
                ui.navigate.to(address(PATH, chosen))

            await here.do(found)

        patient.on("keydown.enter", search)
        ui.button(tr("Search"), color=None, on_click=search).classes("primary")
    _chips(asked)


def _references(here: Here, acting: Acting, said: str) -> list[str]:
    found = sessions.references(here.desk, acting, said)
    if not found:
        raise Refused([Problem("patient", None, tr("nobody has this name"), tr("Type whole words of the name, or the reference"))])  # fmt: skip
    return found


def _choice(label: str, options: dict[str, str], value: str) -> ui.select:
    return ui.select(options, label=label, value=value if value in options else "").props("outlined")


def _chips(asked: Mapping[str, str]) -> None:
    """What is on or off: each is a link to the same search with it the other way."""
    switches = (
        ("signed", "no", tr("Signature missing")),
        ("signed", "yes", tr("Signed")),
        ("amended", "yes", tr("Amended")),
        ("alarms", "yes", tr("With alarms")),
    )
    links = [_patient_chip(asked)] if asked.get("patient") else []
    for key, value, text in switches:
        on = asked.get(key) == value
        there = address(PATH, {**asked, key: "" if on else value})
        sign = icon("check", "1.1em") if on else ""
        state = tr("on") if on else tr("off")
        links.append(
            f'<a class="chip{" on" if on else ""}" href="{escape(there)}">{sign}{escape(text)}<span class="visually-hidden">, {escape(state)}</span></a>'
        )
    if filter_of(asked):
        links.append(f'<a class="chip quiet" href="{PATH}">{icon("no", "1.1em")}{escape(tr("Show all"))}</a>')
    ui.html(f'<div class="chips">{"".join(links)}</div>', sanitize=False)


def _patient_chip(asked: Mapping[str, str]) -> str:
    there = escape(address(PATH, {**asked, "patient": ""}))
    who = escape(", ".join(asked["patient"].split(",")))
    label = escape(tr("Not only this patient"))
    return f'<a class="chip on" href="{there}" aria-label="{label}">{who}{icon("no", "1.1em")}</a>'


# --- what is found ---------------------------------------------------------------------------------------------------------


def _show(here: Here, page: Page, names: Mapping[str, str], asked: Mapping[str, str]) -> None:
    if not page.rows:
        if filter_of(asked):
            show_empty(tr("No session fits"), tr("Ask for less, or show all."))
        else:
            show_empty(tr("No sessions yet"), tr("Each is here a second after it was ordered at a lamp."))
        return
    rows = "".join(session_item(here, row, names.get(row["patient"] or "", "")) for row in page.rows)
    ui.html(f'<ul class="list sessions">{rows}</ul>', sanitize=False)
    pager(PATH, asked, page)


def pager(path: str, asked: Mapping[str, str], page: Page) -> None:
    """To the next page, and back to the first."""
    first = f'<a class="button" href="{escape(address(path, asked))}">{icon("back")}{escape(tr("Newest"))}</a>'
    older = escape(address(path, asked, after=told(page.next)))
    following = f'<a class="button" href="{older}">{escape(tr("Older"))}{icon("next")}</a>'
    links = (first if asked.get("after") else "") + (following if page.next else "")
    if links:
        ui.html(f'<nav class="pager" aria-label="{escape(tr("Pages"))}">{links}</nav>', sanitize=False)


def session_item(here: Here, row: Mapping[str, Any], name: str) -> str:
    """One session as a row of the list."""
    at: datetime = row["ordered_at"].astimezone(here.desk.zone)
    who = f"{escape(row['patient'] or '–')}" + (f" · {escape(name)}" if name else "")
    simulated = tr("simulated") if row["simulated"] else ""
    where = " · ".join(escape(text) for text in (row["area"], row["lamp"], row["station"], simulated) if text)
    places = dose_places(row["prescribed_j_cm2"] or 0.0)
    ordered = exactly(row["prescribed_j_cm2"], places) if row["prescribed_j_cm2"] else "–"
    more = [
        tag("warn", "warn", tr("{number} alarms", number=row["alarms"])) if row["alarms"] > 1 else "",
        tag("warn", "warn", tr("1 alarm")) if row["alarms"] == 1 else "",
        tag("", "pen", tr("Amended")) if row["amendments"] else "",
    ]
    return (
        f'<li><a class="item session" href="{PATH}/{escape(row["controller"])}/{escape(row["session"])}">'
        f'<span class="at"><b>{day(at, here.desk.zone)}</b><span>{at:%H:%M}</span></span>'
        f'<span class="who"><b>{who}</b><span class="soft">{where}</span></span>'
        f'<span class="dose"><b>{escape(interval(row))}</b><span class="soft">{escape(tr("prescribed"))} {ordered} J/cm²</span></span>'
        f'<span class="how"><span>{outcome_tag(row["outcome"])}{"".join(more)}</span><span>{_signature(row)}</span></span></a></li>'
    )


def _signature(row: Mapping[str, Any]) -> str:
    if row["signed_by"]:
        return tag("good", "pen", ", ".join(row["signed_by"]))
    if row["visit_state"] in UNSIGNED:
        return tag("warn", "pen", tr("Signature missing"))
    return f'<span class="soft small">{escape(tr("No visit"))}</span>' if row["visit_state"] is None else ""


def _ask_export(here: Here, asked: Mapping[str, str]) -> None:
    """A plain form: the browser saves what comes as it comes."""
    hidden = {**filter_of(asked), "csrf": here.visitor.csrf}
    fields = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in hidden.items())
    with ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card stack"):
        ui.html(f"<h2>{escape(tr('Export these sessions'))}</h2>", sanitize=False)
        ui.html(
            f'<form method="post" action="{PATH}/export" class="stack plain-form">{fields}'
            f'<label>{escape(tr("What for"))}<input name="reason" required maxlength="300" autocomplete="off"></label>'
            f'<label class="check"><input type="checkbox" name="names" value="yes">{escape(tr("With patients’ names"))}</label>'
            f'<p class="soft small">{escape(tr("A table (CSV) of everything that is searched for now. The audit keeps who took it, when and what for."))}</p>'
            f'<button class="primary">{escape(tr("Save the table"))}</button></form>',
            sanitize=False,
        )
        ui.button(tr("Close"), color=None, on_click=dialog.close).classes("quiet")
