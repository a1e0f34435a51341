"""The short check of a lamp, guided: by which reference, nobody under it, what happens, what came out, what to do next. Every screen shows one that is running."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from nicegui import ui

from irctl.clinic.drawing.icons import icon
from irctl.clinic.drawing.markup import table
from irctl.clinic.lamps import lamp_upkeep
from irctl.clinic.lamps.stations import Station
from irctl.clinic.pages.upkeep_parts import TONES, address, asked_station, deviated, verdict_word
from irctl.clinic.screens import screen
from irctl.clinic.screens.parts import Choice
from irctl.clinic.screens.screen import LOOK_AGAIN_S, Here, card, heading, live_panel, show_empty
from irctl.clinic.words import tr
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused

View = Mapping[str, Any]
STILL_NEWS_S = 600.0
"""A result is shown to whoever comes so soon after: the screen may have locked itself while the lamp was measured."""
UNITS = ("mW/cm2", "W/m2")


@screen.screen("/calibrate/{lamp}/check", "Check a lamp", verb=Verb.CHECK_LAMP)
async def check(here: Here, lamp: str) -> None:
    """Of one lamp."""
    station = asked_station(here)
    await station.hear()
    known = station.lamp(lamp)
    meters: list[View] = await station.get("/v1/meters")
    title = str(known["title"] or lamp)
    with heading(tr("Check {lamp}", lamp=title), tr("Two levels of light, two to three minutes, against the calibration in force.")):  # fmt: skip
        ui.button(tr("Back"), on_click=lambda: ui.navigate.to("/calibrate"), color=None)
    guided = Guided(here, station, lamp)
    guided.form = ui.element("div")
    guided.shown = ui.element("div")
    with guided.form:
        _form(here, guided, known, meters)
    with ui.element("div").classes("live-figures"):
        live_panel(here, lamp=lamp, station=station)
    await guided.look()
    ui.timer(LOOK_AGAIN_S, guided.look)


class Guided:
    """One screen with one lamp. A form, until a check is running; then its progress; then what it found."""

    form: ui.element
    shown: ui.element

    def __init__(self, here: Here, station: Station, lamp: str) -> None:
        self.here, self.station, self.lamp = here, station, lamp
        self.watched = False
        """A check was seen running on this screen: its end is its result."""
        self.drawn: Any = None
        self.said: ui.html | None = None

    async def look(self) -> None:
        """Ask the controller, and draw what is another."""
        try:
            found: View = await self.station.get(f"{lamp_upkeep.at(self.lamp)}/check")
        except Refused as error:
            refused = error
            # None since the controller began, or it does not answer: only the second is worth words, while one was running.
            if self.watched:
                self._draw(("silent",), lambda: _silent(refused))
            else:
                self._draw(("form",), lambda: None, form=True)
            return
        if found["running"]:
            self.watched = True
            self._draw(("running", found["waits_for_value"]), lambda: self._running(found))
            if self.said is not None:
                self.said.set_content(progress(found, tr("levels")))
        elif self.watched or (self.drawn is None and found["done_s_ago"] < STILL_NEWS_S):
            self.watched = True
            self._draw(("result",), lambda: self._result(found))
        else:
            self._draw(("form",), lambda: None, form=True)

    def again(self) -> None:
        """Back to the form."""
        self.watched = False
        self._draw(("form",), lambda: None, form=True)

    def _draw(self, key: Any, draw: Any, *, form: bool = False) -> None:
        if key == self.drawn:
            return
        self.drawn, self.said = key, None
        self.form.set_visibility(form)
        self.shown.clear()
        with self.shown:
            draw()

    def _running(self, found: View) -> None:
        with card(tr("The check is running")):
            self.said = ui.html(progress(found, tr("levels")), sanitize=False).props("aria-live=polite")
            if found["waits_for_value"] and self.here.may(Verb.CHECK_LAMP):
                self._value()
            ui.label(tr("It goes on by itself on every screen. STOP ends it dark.")).classes("soft spaced")

    def _value(self) -> None:
        with ui.element("div").classes("row spaced"):
            value = ui.number(tr("What the meter shows")).props("outlined autofocus")
            unit = ui.select({one: one.replace("2", "²") for one in UNITS}, value=UNITS[0], label=tr("Unit")).props(
                "outlined"
            )

            async def send() -> None:
                async def work(acting: Any) -> None:
                    if value.value is None:
                        raise Refused([Problem("value", None, "is missing", "Type what the meter shows")])
                    await lamp_upkeep.type_check_value(self.station, acting, self.lamp, value.value, str(unit.value))

                await self.here.do(work)

            ui.button(tr("Enter"), on_click=send, color=None).classes("primary")

    def _result(self, found: View) -> None:
        with card():
            ui.html(result(found), sanitize=False)
            with ui.element("div").classes("buttons spaced"):
                self._next(found)

    def _next(self, found: View) -> None:
        here = self.here
        if found["verdict"] == "fail" and here.may(Verb.CALIBRATE):
            ui.button(tr("Calibrate it"), on_click=lambda: ui.navigate.to("/calibrate"), color=None).classes("primary")
        ui.button(tr("Check again"), on_click=self.again, color=None)
        drift = address(here, self.station, "calibrate", self.lamp, "drift")
        ui.button(tr("Drift"), on_click=lambda: ui.navigate.to(drift), color=None)
        ui.button(tr("Done"), on_click=lambda: ui.navigate.to("/calibrate"), color=None)


def _silent(refused: Refused) -> None:
    for problem in refused.problems:
        show_empty(problem.limit, problem.remedy)


def _form(here: Here, guided: Guided, lamp: View, meters: list[View]) -> None:
    with card(tr("Before the light")), ui.element("div").classes("stack"):
        if lamp["locked"]:
            ui.label(tr("Locked: {why}", why=lamp["locked"])).classes("advice")
        if lamp["calibration"] is None:
            show_empty(tr("There is no calibration to check against"), tr("Calibrate the lamp first."))
            return
        fitted = lamp["live"]["fitted"]["radiometer"]
        options = {lamp_upkeep.MONITOR: tr("The lamp's own radiometer")} if fitted else {}
        options |= {
            m["name"]: tr("Meter {name}, it stands under the lamp at {distance} cm", name=m["name"], distance=f"{lamp['calibration']['distance_cm']:g}")
            for m in meters
            if not m["problems"]
        }  # fmt: skip
        if not options:
            show_empty(tr("Nothing to check it with"), tr("It has no radiometer, and no meter can be used."))
            return
        reference = Choice(tr("What is it compared with?"), options, next(iter(options)))
        nobody = Choice(tr("Who is under the lamp? It will light."), {True: tr("Nobody is under the lamp")})

        async def begin() -> None:
            async def work(acting: Any) -> None:
                await lamp_upkeep.begin_check(
                    guided.station, acting, guided.lamp, reference.value, nobody=bool(nobody.value)
                )
                nobody.press(None)  # asked anew before every light

            if await here.do(work):
                guided.watched = True
                await guided.look()

        with ui.element("div").classes("buttons"):
            ui.button(tr("Begin the check"), on_click=begin, color=None).classes("primary big")


def progress(found: View, what: str) -> str:
    """What happens now, as markup; `what` is counted."""
    done, of = found["progress"]["done"], found["progress"]["of"]
    share = 100.0 * done / of if of else 0.0
    shown: list[str] = []
    live: View = found["live"]
    for name, word in (("meter_mw_cm2", tr("meter")), ("monitor_mw_cm2", tr("lamp's own radiometer"))):
        if live.get(name) is not None:
            shown.append(f'<div><div class="figure">{live[name]:.2f}</div><div class="figure-label">{escape(word)}, mW/cm²</div></div>')  # fmt: skip
    said = tr("{done} of {of} {what}", done=done, of=of, what=what)
    return (
        f'<div class="progress"><div class="progress-track"><div class="progress-done" style="width:{share:.0f}%"></div></div>'
        f'<span class="progress-said">{escape(said)}</span></div><p class="big-said spaced">{escape(found["now"] or tr("begins"))}</p>'
        f'<div class="row figures-row spaced">{"".join(shown)}</div>'
    )


def result(found: View) -> str:
    """What came out, as markup: the verdict, each level, and what to do next."""
    verdict = found["verdict"]
    if verdict is None:
        ended = found["ended"] or ""
        return (
            f'<div class="verdict"><h2>{icon("warn")} {escape(tr("Cut off: nothing was decided"))}</h2><p class="why">{escape(ended)}</p>'
            f"<p>{escape(tr('The lamp is dark. Remove the cause, then check again.'))}</p></div>"
        )
    tone, sign = TONES[verdict]
    means = {
        "pass": tr("The lamp gives what its calibration says."),
        "warn": tr("No error beyond the tolerance was found, and none can be excluded. The lamp may be used; calibrate it soon."),
        "fail": tr("The lamp does not give what its calibration says."),
    }  # fmt: skip
    worst = lamp_upkeep.deviation(found)
    figure = "" if worst is None else f'<p class="figure">{escape(deviated(*worst))}</p>'
    locked = ""
    if found["locked"]:
        locked = (
            f'<p class="advice">{escape(tr("Locked: {why}", why=found["locked"]))}</p>'
            f"<p>{escape(tr('Nobody is treated with it until it is calibrated or a check passes.'))}</p>"
        )
    rows = [
        [
            f"{one['level_pct']:g} %",
            f"{one['expected_mw_cm2']:.1f}",
            f"{one['found_mw_cm2']:.1f}",
            f"{one['error_pct']:+z.1f} %",
            f"± {one['expanded_pct']:.1f} %",
        ]
        for one in found["levels"]
    ]
    columns = (tr("Level"), tr("Expected, mW/cm²"), tr("Found, mW/cm²"), tr("Deviation"), tr("U (k=2)"))
    tolerance = tr("Tolerance ±{tolerance} %. The rule: {rule}.", tolerance=f"{found['tolerance_pct']:g}", rule=found["rule"])  # fmt: skip
    return (
        f'<div class="verdict {"bad" if tone == "bad" else ""}" role="status"><h2>{icon(sign)} {escape(verdict_word(verdict))}</h2>{figure}'
        f'<p class="why">{escape(means[verdict])}</p>{locked}</div>'
        f'<div class="spaced">{table(columns, rows, numbers=(1, 2, 3, 4))}</div><p class="soft small spaced">{escape(tolerance)}</p>'
    )
