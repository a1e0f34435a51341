"""`irctl burn-in`: a lamp lit for hours on a dummy load, with nobody under it."""

from __future__ import annotations

import time
from typing import Annotated, Any

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import To
from irctl.cli.session import By, Lamp

POLL_S = 1.0
View = dict[str, Any]
_TO = To()


def burn_in(
    lamp: Lamp,
    /,
    *,
    by: By,
    hours: Annotated[float, Parameter(help="Of light.")],
    level: Annotated[tuple[float, ...], Parameter(help="In %; given again, each stretch takes the next.")] = (100.0,),
    on_min: Annotated[float, Parameter(help="Minutes of light at a stretch.")] = 50.0,
    off_min: Annotated[float, Parameter(help="Minutes of dark after it.")] = 10.0,
    nobody_under_the_lamp: Annotated[bool, Parameter(negative=(), help="There is no person under it.")] = False,
    dummy_load: Annotated[bool, Parameter(negative=(), help="Something that bears its light is under it.")] = False,
    follow: Annotated[bool, Parameter(help="Stay until it is over.")] = True,
    to: To = _TO,
) -> int:
    """Burn a lamp in: on and off for hours. It ends dark at a stop, an open door, or anything unexpected, and is not taken up again.

    irctl burn-in left --hours 24 --by okafor --nobody-under-the-lamp --dummy-load

    Only where the station file says `[bench] burn_in = true`. Exit code 1 when it ended before its hours were over.
    """
    path = f"/v1/lamps/{lamp}/burn-in"
    asked = {"hours": hours, "levels_pct": list(level), "on_min": on_min, "off_min": off_min}
    stated = {"nobody_under_the_lamp": nobody_under_the_lamp, "dummy_load": dummy_load}
    found: View = to.controller.post(path, {"by": by, **asked, **stated})
    if follow:
        found = _followed(to, path)
    if to.json:
        say.as_json(found)
    else:
        _tell(found)
    return exits.FAILED if found["ended"] else exits.OK


def _followed(to: To, path: str) -> View:
    out = say.console(stderr=to.json)
    out.print("[dim]Ctrl-C leaves it burning; `irctl stop` ends it dark.[/]")
    with out.status("") as status:
        while True:
            found: View = to.controller.get(path)
            if not found["running"]:
                return found
            level = "dark" if found["level_pct"] is None else f"{found['level_pct']:g} %"
            status.update(f"{found['lit_hours']:.2f} of {found['hours']:g} h, stretch {found['stretches']}, {level}")
            time.sleep(POLL_S)


def _tell(found: View) -> None:
    out = say.console()
    given = f"{found['lit_hours']:.2f} h of light; the lamp has {found['lamp_hours']:.1f} h"
    if found["running"]:
        out.print(f"[bold]{say.escape(found['lamp'])}[/] is burning in: {found['hours']:g} h of light.")
    elif found["ended"]:
        out.print(f"[bold red]Ended[/]: {say.escape(found['ended'])}. It is dark, and is not taken up again. {given}.")
    else:
        out.print(f"[bold green]Done[/]: {given}.")
