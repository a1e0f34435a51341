"""A visit's light, what is seen afterwards, and the signature. This module registers no page of its own."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
import time
from datetime import datetime
from html import escape
from typing import Any, Literal, cast

from nicegui import ui

from irctl.clinic.care import courses, visits
from irctl.clinic.care.visits import AfterPart, VisitBody
from irctl.clinic.drawing.moments import day, minute
from irctl.clinic.drawing.outcomes import interval, outcome_tag
from irctl.clinic.pages.visit_before import override_button
from irctl.clinic.pages.visit_claim import ClaimFields, services_told
from irctl.clinic.screens.parts import Choice, facts, function, minutes, pain, problems, step_button, step_title
from irctl.clinic.screens.redrawing import redraw
from irctl.clinic.screens.screen import Here
from irctl.clinic.words import tr
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused
from irctl.domain.record_and_verify import NEVER
from irctl.records.papers import Paper

CONFIRMABLE = ("lamp", "fluence_j_cm2", "irradiance_mw_cm2", "protocol")
RUNNING = ("ordered", "checking", "ready", "warming", "emitting", "paused", "ending")


def state_of(here: Here, body: VisitBody) -> str:
    """Of the session, as the controller tells it: empty without one, "unknown" while it does not answer, "ended" when it is over."""
    if body.session is None:
        return ""
    station = here.desk.station(body.station)
    if station.view is None:
        return "unknown"
    session = station.lamp(body.lamp)["session"]
    if session is None or session["id"] != courses.session_key(body.session)[1]:
        return "ended"
    return "ended" if session["outcome"] else str(session["state"])


def over(here: Here, visit: Paper, body: VisitBody) -> bool:
    """Whether the light has been: while a lamp glows out, the skin is looked at already."""
    return visit.index.state in ("given", "signed") and state_of(here, body) in ("ending", "ended", "")


# --- light ----------------------------------------------------------------------------------------------------------------


def light(here: Here, visit: Paper, body: VisitBody) -> None:
    """Two deliberate actions: the lamp is made ready, then the light is started. Pause, end and STOP stand in the live figures below."""
    state = state_of(here, body)
    station = here.desk.station(body.station)
    if state == "unknown":
        step_title(
            tr("The controller does not answer"),
            tr("Look at the lamp itself: its own watchdog keeps it. STOP works from here as soon as it answers."),
        )
        return
    if visit.index.state == "given" and state in RUNNING:
        step_title(
            tr("Light"),
            tr("Stay with the patient. Pause, end and the questions stand in the figures below; STOP above."),
        )
        return
    if state == "ready":
        step_title(
            tr("The lamp is ready"), tr("Nothing shines yet. Is the patient comfortable, are the eyes protected?")
        )
        step_button(
            here, f"☀  {tr('START the light')}", lambda: visits.start(here.desk, here.acting(), visit, station), "start"
        )
        return
    if state in ("ordered", "checking"):
        step_title(tr("The lamp is being checked"), tr("Calibration, interlocks, dark reading: a few seconds."))
        ui.spinner(size="3em")
        return
    if state == "ended" and visit.index.state == "armed":
        _why_not(here, body)
    _summary(here, body)
    found = visits.look(here.desk, visit, station)
    if found:
        problems(found, title=tr("Not yet, because"))
        _ways_out(here, visit, body, found)
    else:
        step_title(tr("Everything agrees"), tr("First the lamp is made ready. Then you start the light."))
        step_button(
            here, tr("Make the lamp ready"), lambda: visits.arm(here.desk, here.acting(), visit, station), "primary big"
        )


def _why_not(here: Here, body: VisitBody) -> None:
    """The lamp was made ready for this visit, and is not any more: a check that failed, or nobody started it in time."""
    session = here.desk.station(body.station).lamp(body.lamp)["session"]
    reason = session["reason"] if session and session["id"] == courses.session_key(body.session)[1] else None
    with ui.element("div").classes("verdict bad").props("role=alert"):
        ui.html(f"<h2>✕ {escape(tr('No light was given'))}</h2>", sanitize=False)
        ui.label(reason or tr("The lamp is not ready any more.")).classes("why")
        ui.label(tr("Put it right, then make the lamp ready again.")).classes("soft")


def _summary(here: Here, body: VisitBody) -> None:
    lamp = here.desk.station(body.station).lamp(body.lamp)
    seconds = body.fluence_j_cm2 * 1000 / body.irradiance_mw_cm2
    with ui.element("div").classes("row figures-row"):
        for figure, unit in (
            (f"{body.fluence_j_cm2:g}", "J/cm²"),
            (f"{body.irradiance_mw_cm2:g}", "mW/cm²"),
            (minutes(seconds).removesuffix(" min"), "min"),
        ):
            with ui.element("div"):
                ui.label(figure).classes("figure")
                ui.label(unit).classes("figure-label")
    calibration = lamp["calibration"]
    facts(
        {
            tr("Lamp"): f"{lamp['title'] or body.lamp} ({body.lamp_serial})",
            tr("Calibration"): calibration
            and f"{calibration['id']}, {tr('valid until')} {day(datetime.fromisoformat(calibration['valid_until']), here.desk.zone)}",
            tr("Protocol"): body.protocol,
        }
    )


def _ways_out(here: Here, visit: Paper, body: VisitBody, found: list[Problem]) -> None:
    changed = tuple(p.field for p in found if p.field in CONFIRMABLE and p.remedy.startswith("Confirm the change"))
    with ui.element("div").classes("row"):
        if changed:

            async def confirm() -> None:
                await here.desk.run(visits.confirm, here.desk, here.acting(), visit, (*body.confirmed, *changed))

            step_button(here, tr("The change since the last visit is meant"), confirm, "")
        slips = tuple(
            p.field
            for p in found
            if p.field not in NEVER and p.field not in changed and p.field in (*CONFIRMABLE, "distance_cm")
        )
        if slips and here.may(Verb.OVERRIDE):
            override_button(here, visit, slips)


# --- afterwards -----------------------------------------------------------------------------------------------------------


def _delivered(here: Here, visit: Paper) -> None:
    """What the controller's record says was given, as soon as it is there."""
    redraw(
        here,
        lambda: asyncio.to_thread(courses.session_row, here.desk, *courses.session_key(visit.index.session)),
        _given,
    )


def _given(row: Any) -> None:
    if row is None or row.outcome is None:
        ui.label(tr("The record of the light is on its way.")).classes("soft")
        return
    ui.html(f"{outcome_tag(row.outcome)} {escape(row.reason or '')}", sanitize=False)
    facts(
        {
            tr("Delivered"): f"{interval(row._mapping)}, {tr('prescribed')} {row.prescribed_j_cm2:g}",
            tr("Light on"): minutes(row.time_on_s or 0),
            tr("Warmest skin"): None if row.skin_c_max is None else f"{row.skin_c_max:.1f} °C",
        }
    )


def afterwards(here: Here, visit: Paper, body: VisitBody) -> None:
    """Skin, pain, function, reaction, plan."""
    step_title(tr("Afterwards"), tr("Look at the skin, then ask."))
    _delivered(here, visit)
    course = courses.body_of(here.desk.papers.get(courses.KIND, body.course))
    skin = Choice(
        tr("Skin"),
        {
            "as before": tr("As before"),
            "mild redness": tr("Mild redness"),
            "marked redness": tr("Marked redness"),
            "blister or burn": tr("Blister or burn"),
        },
    )
    hurts = pain(tr("How much does it hurt now?"))
    works = (
        function(tr("How well does it go: {scale}?", scale=course.function_scale)) if course.function_scale else None
    )
    reaction = ui.input(tr("What the patient says")).props("outlined").classes("wide")
    adverse = ui.input(tr("Adverse event, and what was done")).props("outlined").classes("wide")
    plan = ui.input(tr("Plan: next visit, change, review")).props("outlined").classes("wide")
    claim = ClaimFields(here, body)

    async def work() -> None:
        lacking = [
            Problem(name, None, "was not answered", remedy)
            for name, value, remedy in (("skin", skin.value, "Look at it"), ("pain", hurts.value, "Ask for 0 to 10"))
            if value is None
        ]
        if skin.value == "blister or burn" and not (adverse.value or "").strip():
            lacking.append(Problem("adverse_event", None, "is empty", "Say what happened and what was done"))
        if lacking:
            raise Refused(lacking)
        acting = here.acting()
        person = acting.require(Verb.SCREEN)
        part = AfterPart(
            by=person.login,
            at=acting.at,
            nprs=hurts.value,
            function=works.value if works else None,
            skin=cast("Literal['as before', 'mild redness', 'marked redness', 'blister or burn']", skin.value),
            reaction=(reaction.value or "").strip(),
            adverse_event=(adverse.value or "").strip(),
            plan=(plan.value or "").strip(),
            **claim.told(),
        )
        await here.desk.run(visits.after, here.desk, acting, visit, part)

    step_button(here, tr("Next"), work)


# --- signature ------------------------------------------------------------------------------------------------------------


def signature(here: Here, visit: Paper, body: VisitBody) -> None:
    """The password is part of signing."""
    if visit.index.state == "signed":
        step_title(tr("Signed"))
        for one in here.desk.papers.signatures(courses.VISIT, visit.id):
            ui.label(
                f"✓ {one.printed_name}, {minute(one.at, here.desk.zone)} {one.at.astimezone(here.desk.zone):%Z}, {tr(one.meaning)}"
            ).classes("title")
        with ui.element("div").classes("row"):
            ui.button(tr("Back to the day"), on_click=lambda: ui.navigate.to("/")).classes("primary big")
            ui.button(tr("The course"), on_click=lambda: ui.navigate.to(f"/courses/{body.course}"))
        return
    step_title(tr("Sign"), tr("With your password you sign that you performed this treatment as it is written here."))
    _delivered(here, visit)
    after = body.after
    facts(
        {
            tr("Pain"): f"{body.before.nprs if body.before else '–'} → {after.nprs if after else '–'}",
            tr("Skin"): after and tr(after.skin.capitalize()),
            tr("What the patient says"): (after and after.reaction) or None,
            tr("Adverse event"): (after and after.adverse_event) or None,
            tr("Plan"): (after and after.plan) or None,
            tr("Minutes in all"): after and after.minutes and f"{after.minutes:g}",
            tr("Supervised by"): (after and after.supervised_by) or None,
            tr("Other services"): after and services_told(after.services),
        }
    )
    password = ui.input(tr("Password"), password=True).props("outlined autocomplete=current-password autofocus")

    async def work() -> None:
        acting = here.acting()
        person = acting.require(Verb.SIGN)
        typed, desk = password.value or "", here.desk
        password.set_value("")
        proof = await desk.run(desk.accounts.reauthenticate, person.login, typed, acting.at, time.monotonic())
        await desk.run(visits.sign, desk, acting, visit, proof)

    step_button(here, tr("Sign: performed by me"), work)
