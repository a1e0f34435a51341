"""One calibration: where it stands, the step it waits for, what was found, its certificate. Any screen goes on with it."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from nicegui import ui

from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.clinic.doors.doors import Doors
from irctl.clinic.drawing.moments import minute
from irctl.clinic.lamps import calibrating
from irctl.clinic.lamps.stations import Station
from irctl.clinic.pages.calibrate import outcome
from irctl.clinic.pages.calibration_result import findings
from irctl.clinic.pages.calibration_steps import Steps
from irctl.clinic.pages.lamp_check import progress
from irctl.clinic.pages.upkeep_dialogs import NOTE_MAX, asked
from irctl.clinic.pages.upkeep_parts import asked_station
from irctl.clinic.screens import screen
from irctl.clinic.screens.guarded import guarded
from irctl.clinic.screens.parts import Choice
from irctl.clinic.screens.screen import LOOK_AGAIN_S, Here, card, heading, live_panel, show_empty
from irctl.clinic.words import tr
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused

View = Mapping[str, Any]


@screen.screen("/calibrations/{calibration}", "Calibration", verb=Verb.CHECK_LAMP)
async def one_calibration(here: Here, calibration: str) -> None:
    """At the station of the address."""
    station = asked_station(here)
    view = await calibrating.look(station, calibration)
    meter = view["meter"]
    sub = tr("{lamp}, meter {meter}, begun {at} by {who}", lamp=view["lamp"], meter=meter["name"],
             at=minute(datetime.fromisoformat(view["started_at"]), here.desk.zone), who=view["by"])  # fmt: skip
    dialogs = ui.element("div")
    guided = Guided(here, station, calibration, dialogs)
    with heading(tr("Calibration {id}", id=calibration), sub):
        ui.button(tr("Back"), on_click=lambda: ui.navigate.to("/calibrate"), color=None)
        if view["outcome"] is None and here.may(Verb.CALIBRATE):
            ui.button(tr("A step again"), on_click=lambda: redo(guided), color=None)
            ui.button(tr("Give it up"), on_click=lambda: abandon(guided), color=None).classes("danger")
    guided.box = ui.element("div")
    await guided.look()
    if view["outcome"] is None:
        with ui.element("div").classes("live-figures"):
            live_panel(here, lamp=view["lamp"], station=station)
        ui.timer(LOOK_AGAIN_S, guided.look)


class Guided:
    """One screen with one worksheet: drawn anew when its step is another, its progress twice a second."""

    box: ui.element

    def __init__(self, here: Here, station: Station, calibration: str, dialogs: ui.element) -> None:
        self.here, self.station, self.id, self.dialogs = here, station, calibration, dialogs
        self.drawn: Any = None
        self.said: ui.html | None = None

    async def look(self) -> None:
        try:
            view = await calibrating.look(self.station, self.id)
        except Refused as error:
            self._silent(error)
            return
        key = _key(view)
        if key != self.drawn:
            self.drawn, self.said = key, None
            self.box.clear()
            with self.box:
                self._draw(view)
        if self.said is not None:
            self.said.set_content(_now(view))

    def _silent(self, error: Refused) -> None:
        if self.drawn == "silent":
            return
        self.drawn, self.said = "silent", None
        self.box.clear()
        with self.box:
            for problem in error.problems:
                show_empty(problem.limit, problem.remedy)

    def _draw(self, view: View) -> None:
        if view["outcome"] is not None:
            self._closed(view)
            return
        stage = {"as-found": tr("As found"), "as-left": tr("As left")}.get(view["stage"], view["stage"])
        with card(f"{stage}: {step_word(view['step'])}"), ui.element("div").classes("stack"):
            ui.label(view["waits_for"]).classes("big-said")
            if view["running"]:
                self.said = ui.html(_now(view), sanitize=False)
            Steps(self.here, self.station, self.id).draw(view)
        if view["step"] in ("dark", "warm-up", "readings", "position") and view["as_found"]:
            with card(tr("As found")):
                ui.html(findings(view["as_found"]), sanitize=False)

    def _closed(self, view: View) -> None:
        with card(tr("Outcome")):
            ui.html(outcome(view), sanitize=False)
            if view["outcome"] == "approved":
                where = f"/calibrations/{quote(self.id, safe='')}/{quote(self.station.name, safe='')}/certificate.pdf"
                ui.html(f'<a class="button" href="{escape(where)}">{escape(tr("Certificate as PDF"))}</a>', sanitize=False).classes("spaced")  # fmt: skip
        shown = (("as_found", tr("As found")), ("as_left", tr("As left")))
        for name, title in shown:
            if view[name] and not (name == "as_left" and view["as_left"] == view["as_found"]):
                with card(title):
                    ui.html(findings(view[name]), sanitize=False)


def _key(view: View) -> Any:
    """What a form depends on: while it is the same, what was typed stays."""
    return view["step"], view["stage"], view["outcome"], view["running"], view["waits_for_value"], view["ended"], view["next"], len(view["problems"])  # fmt: skip


def step_word(step: str) -> str:
    """Of the worksheet, in words."""
    words = {
        "identity": tr("Identity"),
        "position": tr("Position"),
        "dark": tr("Dark reading"),
        "warm-up": tr("Warm-up"),
        "readings": tr("Readings"),
        "adjustment": tr("Adjustment"),
        "review": tr("Review"),
        "approval": tr("Approval by a second person"),
    }
    return words.get(step, step)


def _now(view: View) -> str:
    return progress(view, tr("readings"))


def redo(guided: Guided) -> None:
    """A step again, with a reason."""

    def ask() -> Any:
        ui.label(tr("What it had, and every step after it, stays in the record and counts no more."))
        steps = ("identity", "position", "dark", "warm-up", "readings", "adjustment", "review")
        step = Choice(tr("Which step?"), {one: step_word(one) for one in steps})
        reason = ui.textarea(tr("Why?")).props(f"outlined autogrow maxlength={NOTE_MAX}")

        async def work(acting: Acting) -> None:
            if step.value is None:
                raise Refused([Problem("step", None, "is not chosen", "Touch the step")])
            await calibrating.redo(guided.station, acting, guided.id, step.value, str(reason.value or ""))

        return work

    asked(guided.here, guided.dialogs, tr("A step again"), tr("Do it again"), ask)


def abandon(guided: Guided) -> None:
    """Give it up, with a reason."""

    def ask() -> Any:
        ui.label(tr("What is in force stays in force; the record stays."))
        reason = ui.textarea(tr("Why?")).props(f"outlined autogrow maxlength={NOTE_MAX}")

        async def work(acting: Acting) -> None:
            await calibrating.abandon(guided.station, acting, guided.id, str(reason.value or ""))

        return work

    asked(guided.here, guided.dialogs, tr("Give this calibration up?"), tr("Give it up"), ask)


def routes(desk: Desk, doors: Doors) -> APIRouter:
    """The certificate's pages."""
    made = APIRouter()

    @made.get("/calibrations/{calibration}/{station}/certificate.pdf", include_in_schema=False)
    async def get_certificate(request: Request, calibration: str, station: str) -> Response:
        loop = asyncio.get_running_loop()

        def work(_acting: Acting) -> Response:
            if station not in desk.stations:
                raise Refused([Problem("station", station, "is not one of the clinic's", "Begin at Calibrate")])
            # The stations are asked on the loop; this is a thread beside it.
            asking = desk.stations[station].get(f"{calibrating.at(calibration)}/certificate")
            page = calibrating.certificate_pdf(asyncio.run_coroutine_threadsafe(asking, loop).result(), calibration)
            headers = {"Content-Disposition": 'inline; filename="certificate.pdf"'}
            return Response(page, media_type="application/pdf", headers=headers)

        return await guarded(request, desk, doors, Verb.CHECK_LAMP, work)

    return made
