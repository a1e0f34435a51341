"""`irctl device`: single devices, for technicians."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from irctl.cli import say
from irctl.cli.app import To
from irctl.cli.session import By

_TO = To()


def act(
    device: str,
    action: str,
    /,
    *,
    by: By,
    reason: Annotated[str, Parameter(help="Why: it goes into the record.")],
    to: To = _TO,
) -> None:
    """What only a person may order of a device, such as clearing a trip that its fail-safe has latched.

    irctl device act contactor2 clear-trip --by okafor --reason "the host was restarted"
    """
    answer = to.controller.post(f"/v1/devices/{device}/{action}", {"by": by, "reason": reason})
    if to.json:
        say.as_json(answer)
    else:
        say.console().print(f"Done: {say.escape(device)} {say.escape(action)}.")


def accept_clock(
    *, by: By, reason: Annotated[str, Parameter(help="How you know that it is right.")], to: To = _TO
) -> None:
    """Vouch that this computer's clock is right now, though the journal holds later entries: it had been ahead.

    irctl clock accept --by okafor --reason "compared with the wall clock; the battery was replaced"

    What was given while it was ahead counts for today's ceiling from now on.
    """
    answer = to.controller.post("/v1/clock/accept", {"by": by, "reason": reason})
    if to.json:
        say.as_json(answer)
    else:
        say.console().print("Noted. Orders are accepted again.")
