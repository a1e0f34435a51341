"""What a calibration asks of whoever stands at the lamp, one form for each step."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from html import escape
from typing import Any

from nicegui import ui

from irctl.clinic.acting import Acting
from irctl.clinic.lamps import calibrating
from irctl.clinic.lamps.stations import Station
from irctl.clinic.pages.calibration_result import findings
from irctl.clinic.pages.upkeep_dialogs import NOTE_MAX
from irctl.clinic.screens.parts import Choice
from irctl.clinic.screens.screen import Here
from irctl.clinic.words import tr
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused

View = Mapping[str, Any]
Work = Callable[[Acting], Awaitable[Any]]
UNITS = {"mW/cm2": "mW/cm²", "W/m2": "W/m²"}


class Steps:
    """The forms of one worksheet on one screen."""

    def __init__(self, here: Here, station: Station, calibration: str) -> None:
        self.here, self.station, self.id = here, station, calibration

    def draw(self, view: View) -> None:
        """The form of the step that it waits for; nothing for whoever may not."""
        here = self.here
        if view["step"] == "approval":
            self._approval(view)
            return
        if not here.may(Verb.CALIBRATE):
            ui.label(tr("A technician does this step.")).classes("soft")
            return
        match view["step"]:
            case "identity":
                self._identity()
            case "position":
                self._position(view)
            case "adjustment":
                self._adjustment(view)
            case "review":
                self._review(view)
            case _:
                self._light(view)

    def _button(self, text: str, work: Work, kind: str = "primary") -> None:
        async def go() -> None:
            await self.here.do(work)

        ui.button(text, on_click=go, color=None).classes(kind)

    def _identity(self) -> None:
        serial = ui.input(tr("Serial number on the lamp's plate")).props("outlined maxlength=200")
        condition = ui.textarea(tr("How do lamp, reflector and cable look?")).props(f"outlined autogrow maxlength={NOTE_MAX}")  # fmt: skip

        async def work(acting: Acting) -> None:
            await calibrating.identify(
                self.station, acting, self.id, str(serial.value or ""), str(condition.value or "")
            )

        self._button(tr("That is it"), work)

    def _position(self, view: View) -> None:
        at_cm = view["next"]["distance_cm"] if view["next"] else view["plan"]["distances_cm"][0]
        ui.label(
            tr("In the lamp's axis, to the meter's own reference plane: 1 cm wrong here is {wrong} % wrong there.", wrong=f"{200 / at_cm:.1f}")
        )  # fmt: skip
        with ui.element("div").classes("row"):
            distance = ui.number(tr("Distance as measured")).props("outlined")
            angle = ui.number(tr("Tilt of the meter, degrees"), value=0.0).props("outlined")
        unit = Choice(tr("In which unit?"), {"cm": "cm", "in": tr("inches")})

        async def work(acting: Acting) -> None:
            if unit.value is None:
                raise Refused([Problem("unit", None, "is not chosen", "Touch cm or inches")])
            await calibrating.position(
                self.station, acting, self.id, distance.value, unit.value, float(angle.value or 0.0)
            )

        self._button(tr("It stands there"), work)

    def _light(self, view: View) -> None:
        if view["waits_for_value"]:
            self._value()
            return
        if view["running"]:
            return
        if view["ended"]:
            ui.label(tr("Dark: {why}. Nothing is lost: the step begins anew.", why=view["ended"])).classes("advice")
        nobody = Choice(tr("The lamp will light. What is under it?"), {True: tr("Only the meter, nobody else")})

        async def work(acting: Acting) -> None:
            if not nobody.value:
                raise Refused([Problem("under the lamp", None, "is not confirmed, and the lamp will light", "Look, and touch it")])  # fmt: skip
            await calibrating.go_on(self.station, acting, self.id)

        self._button(tr("Light and read"), work, "primary big")

    def _value(self) -> None:
        with ui.element("div").classes("row"):
            value = ui.number(tr("What the meter shows")).props("outlined autofocus")
            unit = ui.select(UNITS, value="mW/cm2", label=tr("Unit")).props("outlined")

        async def work(acting: Acting) -> None:
            await calibrating.type_value(self.station, acting, self.id, value.value, str(unit.value))

        self._button(tr("Enter"), work)

    def _adjustment(self, view: View) -> None:
        self._found(view["as_found"], view)
        what = ui.textarea(tr("What did you adjust?")).props(f"outlined autogrow maxlength={NOTE_MAX}")

        async def adjusted(acting: Acting) -> None:
            if not (said := str(what.value or "").strip()):
                raise Refused([Problem("what", None, "is empty", "Say what was adjusted, or that nothing was")])
            await calibrating.adjust(self.station, acting, self.id, said)

        async def nothing(acting: Acting) -> None:
            await calibrating.adjust(self.station, acting, self.id, None)

        with ui.element("div").classes("buttons"):
            self._button(tr("Nothing was adjusted"), nothing)
            self._button(tr("Adjusted: read again"), adjusted, "")

    def _review(self, view: View) -> None:
        self._found(view["as_left"] or view["as_found"], view)

        async def work(acting: Acting) -> None:
            await calibrating.submit(self.station, acting, self.id)

        self._button(tr("Hand it in for approval"), work)

    def _approval(self, view: View) -> None:
        self._found(view["as_left"] or view["as_found"], view)
        if not self.here.may(Verb.APPROVE_CALIBRATION):
            ui.label(tr("It waits for a second person.")).classes("soft")
            return
        ui.label(tr("Took part, and may not approve: {people}", people=", ".join(view["people"]))).classes("soft")
        reason = ui.textarea(tr("Why is it rejected?")).props(f"outlined autogrow maxlength={NOTE_MAX}")

        async def approve(acting: Acting) -> None:
            await calibrating.approve(self.station, acting, self.id)

        async def reject(acting: Acting) -> None:
            await calibrating.reject(self.station, acting, self.id, str(reason.value or ""))

        with ui.element("div").classes("buttons"):
            self._button(tr("Approve: in force from now"), approve)
            self._button(tr("Reject"), reject, "danger")

    def _found(self, found: View | None, view: View) -> None:
        if found is not None:
            ui.html(findings(found), sanitize=False)
        for problem in view["problems"]:
            ui.html(
                f'<div class="reason"><p class="why">{escape(str(problem["field"]))}: {escape(str(problem["limit"]))}</p><p>{escape(str(problem["remedy"]))}</p></div>',
                sanitize=False,
            )
