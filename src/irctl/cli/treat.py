"""`irctl treat`: order, wait until the lamp is ready, start, follow to the end. Ctrl-C ends the session, twice stops the station."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Folder, To
from irctl.cli.client import Controller, Failed, Unreachable
from irctl.cli.progress import Progress, summary
from irctl.cli.signals import like_ctrl_c
from irctl.cli.signed_in import somebody
from irctl.cli.stop import stop
from irctl.domain.problems import Problem, Refused

if TYPE_CHECKING:
    from irctl.domain.protocols import Due, Protocol

POLL_S = 0.25
"""As often as the controller decides."""
SILENCE_MAX_S = 10.0
"""So long a controller may be away (a busy machine, a restart) before the terminal gives up following it."""

View = dict[str, Any]
_TO = To()


@dataclass(frozen=True, slots=True)
class Prescription:
    """What to order."""

    lamp: str
    fluence_j_cm2: float
    irradiance_mw_cm2: float
    patient: str
    area: str
    by: str
    protocol: Protocol | None = None

    def body(self) -> View:
        body = {name: getattr(self, name) for name in self.__slots__}
        if (protocol := self.protocol) is not None:
            body["protocol"] = {"name": protocol.label, "limits": dict(protocol.limits.given())}
        return body


@dataclass(frozen=True, slots=True)
class Treated:
    """How a treatment ended, from the journal."""

    session: View
    ended: View

    @property
    def completed(self) -> bool:
        return self.ended["outcome"] == "completed"


def treat(
    lamp: str,
    /,
    *,
    fluence: Annotated[float | None, Parameter(help="Dose, J/cm². A protocol says it.")] = None,
    irradiance: Annotated[float | None, Parameter(help="Irradiance at the skin, mW/cm². A protocol says it.")] = None,
    patient: Annotated[str, Parameter(help="A reference to the patient, never a name.")],
    area: Annotated[str, Parameter(help="Where on the body.")],
    by: Annotated[
        str,
        Parameter(
            required=False,
            validator=somebody,
            help="Who orders and attends: it goes into the record. Default: who is signed in.",
        ),
    ],
    protocol: Annotated[str | None, Parameter(help="Take the dose from this treatment protocol.")] = None,
    visit: Annotated[int | None, Parameter(help="Which visit of the course this is.")] = None,
    given_elsewhere: Annotated[
        tuple[str, ...],
        Parameter(
            negative=(),
            help="An earlier visit that this station does not know: 2026-11-18T10:30=24@40 (J/cm², mW/cm²).",
        ),
    ] = (),
    confirm_change: Annotated[
        tuple[str, ...], Parameter(negative=(), help="What may differ from the last visit: lamp, protocol, a figure.")
    ] = (),
    protocols: Folder = None,
    to: To = _TO,
) -> int:
    """Give one treatment and follow it. Ctrl-C ends it; Ctrl-C again stops the whole station.

    irctl treat left --fluence 20 --irradiance 50 --patient P-17 --area lumbar --by okafor

    irctl treat left --protocol luminous-ir --visit 1 --patient P-17 --area lumbar --by okafor

    Exit code 0 only when the prescribed dose was reached.
    """
    if protocol is None:
        prescription = _typed(lamp, fluence, irradiance, patient, area, by, visit)
    else:
        from irctl.cli.by_protocol import resolved

        if visit is None:
            raise Refused([Problem("visit", None, "is missing", "Say which visit of the course this is: --visit N")])
        found, due = resolved(
            to.controller, lamp, protocol, visit, patient=patient, area=area, folder=protocols,
            asked=(fluence, irradiance), elsewhere=given_elsewhere, confirmed=confirm_change,
        )  # fmt: skip
        dose = due.dose
        prescription = Prescription(lamp, dose.fluence_j_cm2, dose.irradiance_mw_cm2, patient, area, by, found)
        if not to.json:
            say.console().print(f"{say.escape(found.label)}, visit {due.visit}{_as_visit(due)}. {found.standing}.")
    treated = give(to.controller, prescription, quiet=to.json)
    if to.json:
        say.as_json({"session": treated.session, "ended": treated.ended})
    else:
        summary(say.console(), treated.ended, treated.session)
    return exits.OK if treated.completed else exits.FAILED


def _typed(
    lamp: str, fluence: float | None, irradiance: float | None, patient: str, area: str, by: str, visit: int | None
) -> Prescription:
    """What was typed, without a protocol. Raises Refused."""
    problems = [
        Problem(name, None, "is missing", "Give it, or name a protocol")
        for name, value in (("fluence", fluence), ("irradiance", irradiance))
        if value is None
    ]
    if visit is not None:
        problems.append(Problem("visit", visit, "belongs to a protocol", "Name the protocol: --protocol NAME"))
    if problems or fluence is None or irradiance is None:
        raise Refused(problems)
    return Prescription(lamp, fluence, irradiance, patient, area, by)


def _as_visit(due: Due) -> str:
    return "" if due.place == due.visit else f", dosed as visit {due.place} (visits missed or not complete)"


def give(controller: Controller, prescription: Prescription, *, quiet: bool = False) -> Treated:
    """Order and follow one session to its end. Raises Refused, Unreachable, Failed; KeyboardInterrupt after an emergency stop."""
    with like_ctrl_c(), Progress(time.monotonic, quiet=quiet) as progress:
        session: View = controller.post("/v1/sessions", prescription.body())
        attended = _Attended(controller, session["id"], prescription.by, progress, as_json=quiet)
        progress.say(
            f"[bold]{session['id']}[/]  lamp {session['lamp']}, {say.escape(prescription.patient)}, "
            f"{say.escape(prescription.area)}: {prescription.fluence_j_cm2:g} J/cm² at "
            f"{prescription.irradiance_mw_cm2:g} mW/cm²"
        )
        progress.say("[dim]Ctrl-C ends the session; twice is an emergency stop.[/]")
        return attended.to_its_end()


QUESTION = "[bold]Enter[/] yes   [bold]w[/] Enter: warm   [bold]h[/] Enter: too hot, dark at once"
ANSWERS = {"": "comfortable", "w": "warm", "h": "too-hot"}


class Keys:
    """Lines typed at this terminal, while it is one. Reading waits for the Enter key, so a thread does it."""

    def __init__(self) -> None:
        self.listening = sys.stdin is not None and sys.stdin.isatty()
        self._typed: SimpleQueue[str] = SimpleQueue()
        if self.listening:
            Thread(target=self._listen, name="keys", daemon=True).start()

    def _listen(self) -> None:
        with suppress(OSError, ValueError):
            for line in sys.stdin:
                self._typed.put(line.strip().lower())

    def forget(self) -> None:
        """What was typed before the question is no answer."""
        while not self._typed.empty():
            self._typed.get()

    def answer(self) -> str | None:
        """How the patient feels, once somebody has said so in a word that is known."""
        while not self._typed.empty():
            if (comfort := ANSWERS.get(self._typed.get())) is not None:
                return comfort
        return None


@dataclass
class _Attended:
    """A session with somebody at the keyboard."""

    controller: Controller
    id: str
    by: str
    progress: Progress
    as_json: bool
    started: bool = False
    leaving: bool = False
    asked: bool = False
    """The attendant has been asked, and has not answered yet."""
    keys: Keys = field(default_factory=Keys)

    def to_its_end(self) -> Treated:
        try:
            try:
                session = self._follow()
            except KeyboardInterrupt:
                session = self._end()
        except KeyboardInterrupt:
            self._stop()
            raise
        except OSError:  # the terminal is gone, or the reader of our lines: nobody attends any more
            self._ask_to_end("the terminal went away")
            raise
        return Treated(session, self._ended_event())

    def _follow(self) -> View:
        """Poll and draw until it is over; ask for what is due on the way."""
        heard_at_s = time.monotonic()
        while True:
            try:
                session, live, attendance = self._look()
                self._ask_for_what_is_due(session["state"])
                self._attend(attendance)
            except (Unreachable, Failed):
                if time.monotonic() - heard_at_s > SILENCE_MAX_S:
                    self.progress.say(
                        "[bold red]Lost the controller.[/] If it has died the lamp goes dark by itself when its lease "
                        "runs out: look at the lamp."
                    )
                    raise
                time.sleep(POLL_S)
                continue
            heard_at_s = time.monotonic()
            self.progress.show(session, live)
            if session["state"] == "ended":
                return session
            time.sleep(POLL_S)

    def _ask_for_what_is_due(self, state: str) -> None:
        if self.leaving and state not in ("ending", "ended"):
            self._ask_to_end("ended from the terminal (Ctrl-C)")
        elif state == "ready" and not self.started and not self.leaving:
            self.started = True
            with suppress(Refused):  # it has moved on meanwhile: the next look tells
                self.controller.post(self.controller.session(self.id, "start"), {"by": self.by})

    def _attend(self, attendance: View | None) -> None:
        """Ask whoever sits here whether the patient is comfortable, and pass the answer on."""
        asked = attendance is not None and attendance["asked"]
        if asked and not self.asked:
            self.keys.forget()
            answer = QUESTION if self.keys.listening else f"Answer with: irctl attend {self.id} --by NAME"
            self.progress.say(f"[bold yellow]Are you there, and is the patient comfortable?[/] {answer}")
        self.asked = asked
        if asked and (comfort := self.keys.answer()) is not None:
            with suppress(Refused):
                self.controller.post(self.controller.session(self.id, "attend"), {"by": self.by, "comfort": comfort})
                self.progress.say(f"[dim]Noted: {comfort}.[/]")

    def _ask_to_end(self, reason: str) -> None:
        with suppress(Refused):
            self.controller.post(self.controller.session(self.id, "end"), {"by": self.by, "reason": reason})

    def _end(self) -> View:
        """The end is asked for before anything is said, and again until the session is ending."""
        self.leaving = True
        with suppress(Unreachable, Failed):
            self._ask_to_end("ended from the terminal (Ctrl-C)")
        self.progress.say("[bold yellow]Ctrl-C: ending the session.[/] The lamp goes dark.")
        return self._follow()

    def _stop(self) -> None:
        stop(self.controller.url, self.by, "Ctrl-C twice", as_json=self.as_json)

    def _look(self) -> tuple[View, View, View | None]:
        """The session, its lamp's instruments and what is asked of the attendant, of one moment."""
        lamps: list[View] = self.controller.get("/v1/lamps")
        for lamp in lamps:
            if lamp["session"] is not None and lamp["session"]["id"] == self.id:
                return lamp["session"], lamp["live"], lamp["attendance"]
        session: View = self.controller.get(self.controller.session(self.id))
        return session, {"irradiance_mw_cm2": None, "irradiance_source": "", "skin_c": None}, None

    def _ended_event(self) -> View:
        events: list[View] = self.controller.get(self.controller.session(self.id, "events"))
        for event in reversed(events):
            if event["event"] == "session.ended":
                return event
        raise Failed(f"session {self.id} is over, but its end is not in the journal")
