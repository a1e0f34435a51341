"""Commands on a session or on the stop latch: one request, one line of answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from irctl.cli import say
from irctl.cli.app import To
from irctl.cli.signed_in import somebody
from irctl.cli.stop import stop as stop_station

By = Annotated[
    str,
    Parameter(
        required=False, validator=somebody, help="Who does this: it goes into the record. Default: who is signed in."
    ),
]
Lamp = Annotated[str, Parameter(help="As the station file names it.")]
Number = Annotated[str, Parameter(help="Its number, as `irctl calibrations` lists it.")]
Comfort = Literal["comfortable", "warm", "too-hot"]
_TO = To()


def pause(session: str, /, *, by: By, to: To = _TO) -> None:
    """Pause a session: dark until somebody resumes it.

    irctl pause S-20261123-0001 --by okafor
    """
    _verb(session, "pause", {"by": by}, to, "Pausing; the lamp goes dark.")


def resume(session: str, /, *, by: By, to: To = _TO) -> None:
    """Resume a paused session.

    irctl resume S-20261123-0001 --by okafor
    """
    _verb(session, "resume", {"by": by}, to, "Resuming.")


def end(session: str, /, *, by: By, reason: str = "", to: To = _TO) -> None:
    """End a session before its dose is reached.

    irctl end S-20261123-0001 --by okafor --reason "patient asked"
    """
    _verb(session, "end", {"by": by, "reason": reason}, to, "Ending; the lamp goes dark.")


def attend(session: str, /, *, by: By, comfort: Comfort = "comfortable", to: To = _TO) -> None:
    """Say that you are with the patient, and how he feels. Too hot means dark at once.

    irctl attend S-20261123-0001 --by okafor --comfort warm
    """
    done = "Pausing; the lamp goes dark. Look at the skin." if comfort == "too-hot" else "Noted."
    _verb(session, "attend", {"by": by, "comfort": comfort}, to, done)


def stop(*, by: str = "", reason: str = "", to: To = _TO) -> int:
    """Emergency stop: everything dark now, latched, with evidence per lamp. No sign-in.

    irctl stop

    Exit code 0 only when every lamp is verified dark.
    """
    return stop_station(to.url, by, reason, as_json=to.json)


def clear(*, by: By, reason: Annotated[str, Parameter(help="Why it is safe to go on.")], to: To = _TO) -> None:
    """Lift the emergency stop, once its cause is gone.

    irctl clear --by okafor --reason "cable freed"
    """
    station = to.controller.post("/v1/clear", {"by": by, "reason": reason})
    _answer(station, to, "Cleared. The lamps stay dark until somebody orders a session.")


def _verb(session: str, verb: str, body: dict[str, str], to: To, done: str) -> None:
    _answer(to.controller.post(to.controller.session(session, verb), body), to, done)


def _answer(answer: Any, to: To, done: str) -> None:
    if to.json:
        say.as_json(answer)
    else:
        say.console().print(done)
