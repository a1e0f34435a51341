"""One session, whole: what was ordered, what the lamp gave, what people saw and wrote, who signed, and what was amended, beside what stood there."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape
from typing import Any

from nicegui import ui

from irctl.clinic.acting import Acting
from irctl.clinic.care import sessions
from irctl.clinic.care.sessions import Record
from irctl.clinic.drawing.icons import icon
from irctl.clinic.drawing.markup import facts, table, tag
from irctl.clinic.drawing.moments import moment
from irctl.clinic.drawing.outcomes import interval, outcome_tag
from irctl.clinic.pages import visit_parts
from irctl.clinic.pages.records import PATH, follow_from_now
from irctl.clinic.screens import screen
from irctl.clinic.screens.screen import Here, card, heading, show_empty
from irctl.clinic.words import tr
from irctl.documents.figures import ceiled, duration, nearest
from irctl.documents.plot import PANEL_HEIGHT_MAX, graph_svg
from irctl.documents.wording import marks
from irctl.domain.people import Verb
from irctl.domain.problems import Refused
from irctl.records import tables
from irctl.records.amending import AMENDABLE

Fact = tuple[str, str]
"""A word and its value, which is markup."""


@screen.screen(f"{PATH}/{{controller}}/{{session}}", "Record", verb=Verb.SEE_PATIENT)
async def record(here: Here, controller: str, session: str) -> None:
    """Everything of one session."""
    found = await asyncio.to_thread(sessions.record, here.desk, here.acting(), controller, session)

    async def look() -> Record:
        return await asyncio.to_thread(sessions.record, here.desk, here.acting(), controller, session, found.patient)

    row = found.row
    name = found.patient.person.name if found.patient else ""
    who = " · ".join(text for text in (row["patient"] or "–", name) if text)
    with heading(
        who, f"{session} · {_moment(here, row['ordered_at'])} · {row['lamp'] or '–'} · {row['station'] or '–'}"
    ):
        _buttons(here, found)
    await follow_from_now(here, look, lambda now: _show(here, now))
    with card(tr("Course of the session")):
        _curve(here, controller, session)


def _buttons(here: Here, found: Record) -> None:
    controller, session = found.key
    ui.button(tr("All records"), color=None, on_click=lambda: ui.navigate.to(PATH)).classes("quiet")
    if found.row["outcome"] is not None:
        there = f"{PATH}/{controller}/{session}/note.pdf"
        ui.html(
            f'<a class="button" href="{escape(there)}" target="_blank">{icon("print")}{escape(tr("Note as PDF"))}</a>',
            sanitize=False,
        )
        if here.may(Verb.EXPORT):
            ui.button(tr("Hand out"), color=None, on_click=lambda: _ask_export(here, found))
    if here.may(Verb.AMEND):
        ui.button(tr("Amend"), color=None, on_click=lambda: _ask_amendment(here, found))
    if found.awaits_signature and here.may(Verb.SIGN):
        ui.button(tr("Sign"), color=None, on_click=lambda: _ask_signature(here, found)).classes("primary")


# --- shown -----------------------------------------------------------------------------------------------------------------


def _show(here: Here, found: Record) -> None:
    for problem in found.problems:
        ui.html(f'<p class="row">{tag("bad", "no", f"{problem.field}: {problem.limit}. {problem.remedy}")}</p>', sanitize=False)  # fmt: skip
    with ui.element("div").classes("columns"):
        with card(tr("Delivered")):
            _delivered(found)
        with card(tr("Order and times")):
            ui.html(facts([*_order(here, found), *_times(here, found)]), sanitize=False)
    if found.amendments:
        with card(tr("Amendments")):
            _amendments(here, found)
    if found.visit is not None and found.body is not None:
        visit_parts.show(here, found)
    if found.alarms or found.entries:
        with card(tr("What happened")):
            _happenings(here, found)


def _moment(here: Here, at: datetime | None) -> str:
    return moment(at, here.desk.zone)


def _text(value: object) -> str:
    return "" if value is None else escape(str(value))


def _delivered(found: Record) -> None:
    row = found.row
    hazard = f" ({escape(row['hazard'])})" if row["hazard"] else ""
    simulated = tag("warn", "warn", tr("Simulated")) if row["simulated"] else ""
    ui.html(f'<p class="row">{outcome_tag(row["outcome"])}{simulated}</p>', sanitize=False)
    ui.html(f'<p class="figure-line">{escape(interval(row))}</p>', sanitize=False)
    source = {"measured": tr("measured by the radiometer"), "calibrated": tr("estimated from the calibration")}
    told = (
        [
            (tr("Prescribed"), f"{row['prescribed_j_cm2']:g} J/cm²" if row["prescribed_j_cm2"] else ""),
            (tr("Why it ended"), _text(row["reason"]) + hazard),
            (tr("Ended by"), _text(row["ended_by"])),
            (tr("Dose"), escape(source.get(row["dose_source"] or "", row["dose_source"] or ""))),
            (tr("Mean irradiance"), f"{nearest(row['irradiance_mean_mw_cm2'], 1)} mW/cm²" if row["irradiance_mean_mw_cm2"] else ""),
            (tr("Warmest skin"), f"{ceiled(row['skin_c_max'], 1)} °C" if row["skin_c_max"] else escape(tr("not measured"))),
            ("CEM43", f"{ceiled(row['cem43_min'], 2)} min" if row["cem43_min"] is not None else ""),
        ]
    )  # fmt: skip
    ui.html(facts(told), sanitize=False)
    if parts := row["contributions"]:
        ui.html(f"<details><summary>{escape(tr('Why it is not known better'))}</summary>{_contributions(parts)}</details>", sanitize=False)  # fmt: skip


def _contributions(parts: Iterable[dict[str, object]]) -> str:
    rows = "".join(
        f"<tr><td>{escape(str(part['name']))}</td><td class=number>{_figure(part.get('relative_pct'), '%')}</td>"
        f"<td class=number>{_figure(part.get('absolute_j_cm2'), 'J/cm²')}</td></tr>"
        for part in parts
    )
    return f'<table class="plain">{rows}</table>'


def _figure(value: object, unit: str) -> str:
    return f"±{value:.3g} {unit}" if isinstance(value, int | float) else ""


def _order(here: Here, found: Record) -> list[Fact]:
    row, said = found.row, found.calibration
    calibrated = f"{_text(row['calibration'])}"
    if said and said["closed_at"]:
        calibrated += f", {escape(said['outcome'] or '')} {_moment(here, said['closed_at'])}"
    irradiance = f"{row['irradiance_mw_cm2']:g} mW/cm²" if row["irradiance_mw_cm2"] else ""
    return [
        (tr("Patient"), amended(found, "patient")),
        (tr("Area"), amended(found, "area")),
        (tr("Protocol"), amended(found, "protocol")),
        (tr("Irradiance"), irradiance),
        (tr("Distance"), amended(found, "distance_cm", " cm")),
        (tr("Ordered by"), amended(found, "ordered_by")),
        (tr("Lamp"), f"{_text(row['lamp'])} ({_text(row['lamp_serial'])})"),
        (tr("Calibration"), calibrated),
    ]


def amended(found: Record, field: str, unit: str = "") -> str:
    """What the journal says, and beside it what somebody says is right."""
    value = found.row[field]
    original = f"{value:g}{unit}" if isinstance(value, float) else _text(value)
    said = [one for one in found.amendments if field in one.changes]
    if not said:
        return original
    right = f"{_text(said[-1].changes[field])}{unit}"
    return f"<s>{original or '–'}</s> {right} {tag('warn', 'pen', tr('amended'))}"


def _times(here: Here, found: Record) -> list[Fact]:
    row = found.row
    return [
        (tr("Ordered"), _moment(here, row["ordered_at"])),
        (tr("First light"), _moment(here, row["started_at"])),
        (tr("Ended"), _moment(here, row["ended_at"])),
        (tr("Light"), duration(row["time_on_s"]) if row["time_on_s"] is not None else ""),
        (tr("Planned"), duration(row["planned_s"]) if row["planned_s"] is not None else ""),
    ]


def _amendments(here: Here, found: Record) -> None:
    rows: list[list[str]] = []
    for one in found.amendments:
        for field, value in one.changes.items():
            original = _text(found.row[field]) if field in tables.sessions.c else ""
            said = f"{escape(one.by)}, {_moment(here, one.at)}"
            what, right = escape(_fields().get(field, field)), f"<b>{_text(value)}</b>"
            rows.append([f"{one.version}", what, original or "–", right, escape(one.reason), said])
    names = (tr("No."), tr("What"), tr("As it stood"), tr("What is right"), tr("Why"), tr("Who and when"))
    ui.html(table(names, rows), sanitize=False)


def _happenings(here: Here, found: Record) -> None:
    """Alarms and what else the journal has of it, by time."""
    told = [
        (alarm["at"], tag("warn", "warn", tr("Alarm")), f"{_text(alarm['text'])}. {_text(alarm['remedy'])}")
        for alarm in found.alarms
    ]
    for entry in found.entries:
        what = entry["event"].partition(".")[2].replace("_", " ")
        by = f" · {escape(entry['by'])}" if entry["by"] else ""
        why = _said(entry["told"])
        told.append((entry["at"], f"<b>{escape(what)}</b>", f"{_text(why)}{by}"))
    rows = "".join(
        f"<tr><td>{_moment(here, at)}</td><td>{what}</td><td>{more}</td></tr>"
        for at, what, more in sorted(told, key=lambda one: one[0])
    )
    ui.html(f'<table class="plain">{rows}</table>', sanitize=False)


def _said(told: Mapping[str, Any]) -> str:
    comfort = {"comfortable": tr("comfortable"), "warm": tr("warm"), "too-hot": tr("too hot")}
    said = told.get("text") or told.get("reason") or comfort.get(told.get("comfort", ""))
    return said or ""


def _curve(here: Here, controller: str, session: str) -> None:
    """Asked of the station after the page is there: it may be away, and the rest does not wait for it."""
    box = ui.element("div")
    with box:
        ui.label(tr("Asking the station for its journal …")).classes("soft")

    async def ask() -> None:
        try:
            note = await sessions.note(here.desk, controller, session)
        except Refused as refused:
            box.clear()
            with box:
                said = " ".join(f"{problem.limit}. {problem.remedy}." for problem in refused.problems)
                show_empty(tr("The journal is not at hand"), said)
            return
        box.clear()
        with box:
            if not note.samples:
                ui.label(tr("There was no light.")).classes("soft")
                return
            drawn = graph_svg(
                note.samples, note.pauses, marks(note), panel_height=PANEL_HEIGHT_MAX,
                prescribed_mw_cm2=note.order.irradiance_mw_cm2, skin_c_max=note.limits.skin_c_max,
            )  # fmt: skip
            label = escape(tr("Irradiance and skin temperature over time"))
            ui.html(f'<div class="sheet" role="img" aria-label="{label}">{drawn}</div>', sanitize=False)

    ui.timer(0.05, ask, once=True)


# --- asked -----------------------------------------------------------------------------------------------------------------


def _fields() -> dict[str, str]:
    """What people say of a session, in this language."""
    return {
        "note": tr("Remark"),
        "area": tr("Area"),
        "patient": tr("Patient’s reference"),
        "protocol": tr("Protocol"),
        "ordered_by": tr("Ordered by"),
        "distance_cm": tr("Distance, cm"),
    }


def _ask_amendment(here: Here, found: Record) -> None:
    controller, session = found.key
    options = {key: text for key, text in _fields().items() if key in AMENDABLE}
    with ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card stack"):
        ui.html(f"<h2>{escape(tr('Amend the record'))}</h2>", sanitize=False)
        ui.label(tr("What stands there stays, and what you write stands beside it.")).classes("soft")
        field = ui.select(options, value="note", label=tr("What")).props("outlined")
        value = ui.input(tr("What is right")).props("outlined maxlength=2000")
        reason = ui.input(tr("Why")).props("outlined maxlength=300")

        async def changed(acting: Acting) -> None:
            what = str(field.value)
            changes = {what: sessions.written(what, value.value or "")}
            await here.desk.run(sessions.amend, here.desk, acting, controller, session, changes, reason.value or "")

        async def amend() -> None:
            if await here.do(changed, said=tr("Amended")):
                dialog.close()

        with ui.element("div").classes("row"):
            ui.button(tr("Amend"), color=None, on_click=amend).classes("primary")
            ui.button(tr("Cancel"), color=None, on_click=dialog.close).classes("quiet")


def _ask_export(here: Here, found: Record) -> None:
    """A plain form: the browser saves what comes."""
    controller, session = found.key
    forms = [("json", tr("Save as JSON"))]
    if found.visit is not None:
        forms.insert(0, ("pdf", tr("Save as PDF")))
    buttons = "".join(f'<button name="as" value="{form}">{escape(title)}</button>' for form, title in forms)
    with ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card stack"):
        ui.html(f"<h2>{escape(tr('Hand out this session'))}</h2>", sanitize=False)
        about = tr(
            "One file for somebody outside: the note, the journal’s events, the calibration and the signatures. Whoever has it can verify it with “irctl verify”. It names the patient. The audit keeps who took it, when and what for."
        )
        ui.html(
            f'<form method="post" action="{PATH}/{escape(controller)}/{escape(session)}/export" class="stack plain-form">'
            f'<input type="hidden" name="csrf" value="{escape(here.visitor.csrf)}">'
            f'<label>{escape(tr("What for"))}<input name="reason" required maxlength="300" autocomplete="off"></label>'
            f'<p class="soft small">{escape(about)}</p><div class="row">{buttons}</div></form>',
            sanitize=False,
        )
        ui.button(tr("Close"), color=None, on_click=dialog.close).classes("quiet")


def _ask_signature(here: Here, found: Record) -> None:
    visit = found.visit
    assert visit is not None
    with ui.dialog(value=True).props("persistent") as dialog, ui.element("div").classes("card stack"):
        ui.html(f"<h2>{escape(tr('Sign this visit'))}</h2>", sanitize=False)
        person = here.visitor.standing.person
        ui.label(
            tr("{name} signs for having performed it, version {number}.", name=person.name, number=visit.number)
        ).classes("soft")
        password = ui.input(tr("Password"), password=True).props("outlined autocomplete=current-password")

        async def sign() -> None:
            async def proved(acting: Acting) -> None:
                assert acting.person is not None
                proof = await asyncio.to_thread(
                    here.desk.accounts.reauthenticate, acting.person.login, password.value or "", acting.at, time.monotonic()
                )  # fmt: skip
                await here.desk.run(sessions.sign, here.desk, acting, visit.id, visit.number, proof)

            done = await here.do(proved, said=tr("Signed"))
            password.value = ""
            if done:
                dialog.close()
                ui.navigate.reload()

        password.on("keydown.enter", sign)
        with ui.element("div").classes("row"):
            ui.button(tr("Sign"), color=None, on_click=sign).classes("primary")
            ui.button(tr("Cancel"), color=None, on_click=dialog.close).classes("quiet")
