"""`irctl commission`: a technician measures what the station file claims about a lamp, with nobody under it."""

from __future__ import annotations

import time
from typing import Annotated, Any

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import To
from irctl.cli.session import By
from irctl.domain.problems import Problem, Refused

POLL_S = 0.25
View = dict[str, Any]
_TO = To()


def commission(
    lamp: str,
    /,
    *,
    by: By,
    nobody_under_the_lamp: Annotated[
        bool, Parameter(negative=(), help="There is a dummy load, and no person.")
    ] = False,
    to: To = _TO,
) -> int:
    """Measure a lamp's fail-safes on the real devices: they are told to act, and it is seen whether they do. The lamp lights several times, at its lowest level, for seconds.

    irctl commission left --by okafor --nobody-under-the-lamp

    Without it a lamp gives no light in clinical mode. Exit code 0 only when every step succeeded.
    """
    if not nobody_under_the_lamp:
        remedy = "Put a dummy load under the lamp, then add --nobody-under-the-lamp"
        raise Refused([Problem("nobody-under-the-lamp", None, "is not confirmed, and the lamp will light", remedy)])
    controller, path = to.controller, f"/v1/lamps/{lamp}/commission"
    controller.post(path, {"by": by, "nobody_under_the_lamp": True})
    found = _follow(to, f"{path}ing")
    if to.json:
        say.as_json(found)
    elif found["ok"]:
        say.console().print(f"[bold green]Commissioned[/]: {lamp} may be used as it is configured now.")
        say.console().print(
            "[dim]Look at the lamp itself too: what reads back dark must be dark. A cut-off that latches its trip wants it "
            "cleared now: irctl device act DEVICE clear-trip --by NAME --reason commissioned[/]"
        )
    else:
        say.console().print("[bold red]Not commissioned.[/] The lamp is dark; the record says why.")
    return exits.OK if found["ok"] else exits.FAILED


def _follow(to: To, path: str) -> View:
    told = 0
    while True:
        found: View = to.controller.get(path)
        for step in found["steps"][told:]:
            if not to.json:
                mark = "[green]ok  [/]" if step["ok"] else "[bold red]no  [/]"
                say.console().print(f"{mark}{say.escape(step['step'])}: [dim]{say.escape(step['text'])}[/]")
        told = len(found["steps"])
        if found["done"]:
            return found
        time.sleep(POLL_S)
