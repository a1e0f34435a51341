"""`irctl calibrate`: a guided calibration at a terminal. It asks, lights, reads and says why it waits; the same command goes on where it was left.

Everything is in the journal, nothing here: leave with Ctrl-C at any question, come back tomorrow.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from cyclopts import Group as ParameterGroup
from cyclopts import Parameter
from rich.console import Console
from rich.live import Live

from irctl.cli import exits, say
from irctl.cli.app import To
from irctl.cli.client import Controller
from irctl.cli.findings import found, picture, reading_line
from irctl.cli.session import By, Lamp
from irctl.domain.problems import Problem, Refused

POLL_S = 0.25
PLAIN_EVERY_S = 15.0
LIT = ("dark", "warm-up", "readings")
UNITS = {"mw/cm2": "mW/cm2", "mw/cm²": "mW/cm2", "w/m2": "W/m2", "w/m²": "W/m2", "cm": "cm", "in": "in", '"': "in"}

View = dict[str, Any]
Parsed = TypeVar("Parsed")
_TO = To()


@dataclass(frozen=True, slots=True)
class Answers:
    """What was said on the command line, so that a script needs no keyboard."""

    serial: str | None
    condition: str | None
    distance: str | None
    angle_deg: float | None
    adjusted: str | None
    nothing_adjusted: bool
    submit: bool


ANSWERS = ParameterGroup("Answers, given beforehand so that nothing is asked", sort_key=1)


def calibrate(
    lamp: Lamp,
    /,
    *,
    meter: Annotated[str, Parameter(help="The reference meter, as the station file names it; to begin with.")] = "",
    by: By,
    nobody_under_the_lamp: Annotated[
        bool, Parameter(negative=(), help="Confirms that only the meter is under the lamp, and no person.")
    ] = False,
    temperature: Annotated[float | None, Parameter(help="Of the room, °C: for the certificate.")] = None,
    note: Annotated[str, Parameter(help="Anything about the surroundings, for the certificate.")] = "",
    serial: Annotated[str | None, Parameter(group=ANSWERS, help="The serial on the lamp's plate.")] = None,
    condition: Annotated[str | None, Parameter(group=ANSWERS, help="How lamp, reflector and cable look.")] = None,
    distance: Annotated[str | None, Parameter(group=ANSWERS, help='Lamp to meter, with its unit, as "50 cm".')] = None,
    angle: Annotated[float | None, Parameter(group=ANSWERS, help="The meter's tilt, degrees.")] = None,
    adjusted: Annotated[str | None, Parameter(group=ANSWERS, help="What was adjusted.")] = None,
    nothing_adjusted: Annotated[bool, Parameter(group=ANSWERS, negative=(), help="Nothing was adjusted.")] = False,
    submit: Annotated[bool, Parameter(group=ANSWERS, negative=(), help="Hand it in for approval.")] = False,
    to: To = _TO,
) -> int:
    """Calibrate a lamp with a reference meter, step by step. The same command goes on with one that was left.

    irctl calibrate left --meter reference --by okafor

    The lamp lights at every level for minutes, with only the meter under it. Nothing is in force until a second person has approved it.

    Exit code 0 when it is handed in for approval.
    """
    answers = Answers(serial, condition, distance, angle, adjusted, nothing_adjusted, submit)
    return _Guided(to.controller, lamp, by, answers, quiet=to.json).run(
        meter, nobody_under_the_lamp, {"temperature_c": temperature, "note": note}
    )


class _Guided:
    """One person at one terminal with one worksheet."""

    def __init__(self, controller: Controller, lamp: str, by: str, answers: Answers, *, quiet: bool) -> None:
        self.controller, self.lamp, self.by, self.answers = controller, lamp, by, answers
        self.quiet = quiet
        self.out: Console = say.console(stderr=quiet)
        self.id = ""
        self.asks = sys.stdin is not None and sys.stdin.isatty() and not quiet
        self.found_shown = False
        self.told = ""
        """The heading that was shown last."""

    def run(self, meter: str, nobody: bool, surroundings: View) -> int:
        view = self._begin(meter, nobody, surroundings)
        while view["step"] not in ("approval", "closed"):
            self._heading(view)
            match view["step"]:
                case "identity":
                    view = self._identity()
                case "position":
                    view = self._position(view)
                case "adjustment":
                    view = self._adjustment(view)
                case "review":
                    if not self._submit(view):
                        return self._leave(view, exits.FAILED)
                    view = self._post("submit")
                case _:
                    view = self._light(view)
                    if view["step"] in LIT and not self._again(view):
                        return self._leave(view, exits.FAILED)
        self._heading(view)
        if view["step"] == "approval":
            self.out.print(
                f"[bold green]Handed in.[/] A second person approves it: [cyan]irctl calibrations approve {self.id} --by NAME[/]"
            )
        else:
            self.out.print(f"Calibration {self.id} is {view['outcome']}.")
        return self._leave(view, exits.OK, silently=True)

    def _begin(self, meter: str, nobody: bool, surroundings: View) -> View:
        listed: list[View] = self.controller.get(f"/v1/calibrations?lamp={self.lamp}")
        for one in listed:
            if one["outcome"] is None:
                self.id = one["id"]
                self.out.print(f"[bold]{self.id}[/]: going on where it was left.")
                return self._look()
        if not nobody and self.asks:
            nobody = self._yes("The lamp will light at every level. Is nobody under it, and nothing but the meter?")
        body = {"by": self.by, "meter": meter, "nobody_under_the_lamp": nobody, **surroundings}
        view: View = self.controller.post(f"/v1/lamps/{self.lamp}/calibrations", body)
        self.id = view["id"]
        plan = view["plan"]
        self.out.print(
            f"[bold]{self.id}[/]  lamp {self.lamp}, meter {view['meter']['name']} (certificate {say.escape(view['meter']['certificate'])}): "
            f"{len(plan['order'])} readings, {', '.join(f'{x:g}' for x in plan['levels_pct'])} %, {plan['repeats']} times in random order."
        )
        self.out.print(
            "[dim]A reading takes one to two minutes, most of it until the light is steady. Ctrl-C leaves it; the same command goes on.[/]"
        )
        return view

    # --- what a person does ----------------------------------------------------------------------------------------------

    def _identity(self) -> View:
        serial = self._ask("Serial on the lamp's plate", self.answers.serial, "serial")
        condition = self._ask("How do lamp, reflector and cable look?", self.answers.condition, "condition")
        return self._post("identify", serial=serial, condition=condition)

    def _position(self, view: View) -> View:
        at_cm = view["next"]["distance_cm"] if view["next"] else view["plan"]["distances_cm"][0]
        self._say(
            f"[dim]In the lamp's axis, to the meter's own reference plane: 1 cm wrong here is {200 / at_cm:.1f} % wrong there. Closer than five diameters of "
            "the lamp irradiance does not fall as 1/d²: then nothing follows from one distance for another.[/]"
        )
        given = self.answers.distance if at_cm == view["plan"]["distances_cm"][0] else None
        distance, unit = self._understood(
            lambda text: _quantity("distance", text), "Distance, with its unit", given, "distance", f"{at_cm:g} cm"
        )
        tilt = None if self.answers.angle_deg is None else str(self.answers.angle_deg)
        angle_deg = self._understood(
            lambda text: _number("angle", text), "Tilt of the meter against the beam, degrees", tilt, "angle", "0"
        )
        return self._post("position", distance=distance, unit=unit, angle_deg=angle_deg)

    def _adjustment(self, view: View) -> View:
        self.out.print(found(view["as_found"], "As found"))
        self.found_shown = True
        self._problems(view)
        if self.answers.nothing_adjusted:
            return self._post("adjust", what=None)
        what = self._ask(
            "What did you adjust? Enter: nothing, and as found is as left",
            self.answers.adjusted,
            "nothing-adjusted",
            "",
            asked_empty=True,
        )
        return self._post("adjust", what=what or None)

    def _submit(self, view: View) -> bool:
        if self.found_shown and view["as_left"] == view["as_found"]:
            self.out.print("Nothing was adjusted: as left is as found, above.")
        else:
            self.out.print(found(view["as_left"], "As left"))
        self._problems(view)
        return self.answers.submit or (self.asks and self._yes("Hand it in for approval?"))

    def _again(self, view: View) -> bool:
        """It was cut off: the reason is shown, and a person decides."""
        if view["ended"]:
            self.out.print(f"[bold yellow]Dark.[/] {say.escape(view['ended'])}. Nothing is lost: the step begins anew.")
        return self.asks and self._yes("Go on?")

    # --- light -----------------------------------------------------------------------------------------------------------

    def _light(self, view: View) -> View:
        """Dark, warm-up and readings, shown as they happen, until a person is needed."""
        if not view["running"]:
            view = self._post("read")
        live = None
        try:
            if not self.quiet and self.out.is_terminal:
                live = Live(console=self.out, auto_refresh=False, transient=True)
                live.start()
            return self._followed(view, live)
        except KeyboardInterrupt:
            self.out.print(
                "\n[bold yellow]The lamp goes on by itself[/] until a person is needed. `irctl stop` ends it dark; the same command follows it again."
            )
            raise
        finally:
            if live:
                live.stop()

    def _followed(self, view: View, live: Live | None) -> View:
        said, said_s, readings = "", float("-inf"), len(view["readings"])
        while view["running"]:
            for reading in view["readings"][readings:]:
                self.out.print(reading_line(reading, view), soft_wrap=True)
            readings = len(view["readings"])
            if view["waits_for_value"]:
                view = self._typed(view, live)
                continue
            if live:
                live.update(picture(view), refresh=True)
            elif not self.quiet and (view["step"] != said or time.monotonic() - said_s > PLAIN_EVERY_S):
                said, said_s = view["step"], time.monotonic()
                print(f"{view['step']}: {view['now']}", flush=True)
            time.sleep(POLL_S)
            view = self._look()
        for reading in view["readings"][readings:]:
            self.out.print(reading_line(reading, view), soft_wrap=True)
        return view

    def _typed(self, view: View, live: Live | None) -> View:
        if live:
            live.stop()
        try:
            value, unit = _quantity("value", self._ask(f"{view['now']} (with its unit)", None, "meter"))
            return self._post("read", value=value, unit=unit)
        except Refused as refused:
            self.out.print(say.problems_table(refused.problems))
            return self._look()
        finally:
            if live:
                live.start()

    # --- talking ---------------------------------------------------------------------------------------------------------

    def _heading(self, view: View) -> None:
        heading = f"{view['stage']}, {view['step']}"
        if heading != self.told:
            self.told = heading
            self.out.print(f"\n[bold cyan]{heading}[/]  {say.escape(view['waits_for'])}")

    def _problems(self, view: View) -> None:
        if view["problems"]:
            self.out.print("[bold red]This cannot go on as it is:[/]")
            self.out.print(
                say.problems_table([Problem(p["field"], p["value"], p["limit"], p["remedy"]) for p in view["problems"]])
            )
            self.out.print(
                f"[dim]A step again: irctl calibrations redo {self.id} --step readings --by NAME --reason TEXT[/]"
            )

    def _say(self, text: str) -> None:
        if self.asks:
            self.out.print(text)

    def _ask(
        self, question: str, given: str | None, flag: str, usual: str | None = None, *, asked_empty: bool = False
    ) -> str:
        """The answer from the command line, else from the keyboard; `usual` at an empty line. Raises Refused where nobody can be asked."""
        if given is not None:
            return given
        if not self.asks:
            remedy = f"Say it with --{flag}, or run this at a terminal"
            raise Refused([Problem(flag, None, f"is asked for: {question}", remedy)])
        while True:
            shown = f" [dim]({say.escape(usual)})[/]" if usual else ""
            answer = self.out.input(f"[bold]?[/] {say.escape(question)}{shown}: ").strip()
            if answer or asked_empty:
                return answer
            if usual:
                return usual

    def _understood(
        self, parse: Callable[[str], Parsed], question: str, given: str | None, flag: str, usual: str
    ) -> Parsed:
        """The answer as `parse` takes it; at a keyboard, what it does not take is asked again. Raises Refused."""
        while True:
            try:
                return parse(self._ask(question, given, flag, usual))
            except Refused as refused:
                if given is not None or not self.asks:
                    raise
                self.out.print(say.problems_table(refused.problems))

    def _yes(self, question: str) -> bool:
        return self.out.input(f"[bold]?[/] {say.escape(question)} [dim](y/n)[/]: ").strip().lower() in ("y", "yes")

    def _look(self) -> View:
        return self.controller.get(f"/v1/calibrations/{self.id}")

    def _post(self, verb: str, **body: Any) -> View:
        """At a terminal a refusal is shown, and the same is asked again."""
        try:
            return self.controller.post(f"/v1/calibrations/{self.id}/{verb}", {"by": self.by, **body})
        except Refused as refused:
            if not self.asks:
                raise
            self.out.print("[bold red]Refused.[/]")
            self.out.print(say.problems_table(refused.problems))
            return self._look()

    def _leave(self, view: View, code: int, *, silently: bool = False) -> int:
        if self.quiet:
            say.as_json(view)
        elif not silently:
            self.out.print(f"[dim]{self.id} stays as it stands; the same command goes on.[/]")
        return code


def _quantity(field: str, text: str) -> tuple[float, str]:
    """ "50 cm" -> (50.0, "cm"). Raises Refused: a unit is never guessed."""
    match = re.fullmatch(r"\s*([-+0-9.,eE]+)\s*(\S*)\s*", text)
    unit = UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None:
        known = "cm or in" if field == "distance" else "mW/cm2 or W/m2"
        raise Refused(
            [Problem(field, text, "is no number with a known unit", f"Write the number and its unit: {known}")]
        )
    return _number(field, match[1]), unit


def _number(field: str, text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise Refused([Problem(field, text, "is no number", "Write it in figures")]) from None
