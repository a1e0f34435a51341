"""`irctl config check`: one station and its file."""

from __future__ import annotations

from collections.abc import Sized
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Json
from irctl.cli.client import Controller, Failed, Unreachable
from irctl.domain.problems import Problem, Refused

if TYPE_CHECKING:
    from irctl.controller.config import StationConfig

ConfigOption = Annotated[Path, Parameter(help="The station file, TOML.")]
EndpointsOption = Annotated[Path | None, Parameter(help="Where irctl-sim wrote its endpoints, for sim:// lines.")]


def check(file: Path, /, *, json: Json = False) -> int:
    """Check a station file: every problem at once, with its remedy. Opens no port.

    irctl config check station.toml

    Exit code 3 when there is a problem.
    """
    from irctl.cli.health.paper import on_paper

    try:
        station = on_paper(file)
    except Refused as refused:
        tell_problems(file, refused.problems, json)
        return exits.REFUSED
    found = station.config.file
    if json:
        say.as_json({"ok": True, "file": str(file), "station": found.station.name, "problems": []})
    else:
        counted = f"{_count(found.lamps, 'lamp')}, {_count(found.devices, 'device')}, {_count(found.lines, 'line')}"
        out = say.console()
        out.print(
            f"[bold green]{say.escape(str(file))} holds together[/]: {say.escape(found.station.name)}, {counted}."
        )
        for name in found.lamps.keys() - station.config.calibrations.keys():
            out.print(f"[yellow]Lamp {name} has no calibration: it will give no light.[/]")
    return exits.OK


def tell_problems(file: Path | None, problems: tuple[Problem, ...], json: bool) -> None:
    """Of a file that does not hold together."""
    if json:
        say.as_json({"ok": False, "file": str(file), "problems": say.problems_json(problems)})
        return
    out = say.console()
    out.print(f"[bold red]{say.escape(str(file))}[/]: {_count(problems, 'problem')}")
    out.print(say.problems_table(problems))


def require_no_controller(config: StationConfig) -> None:
    """Two masters on one line spoil each other's frames, and one of them may be keeping a lamp safe."""
    url = f"http://{config.file.api.host}:{config.file.api.port}"
    try:
        Controller(url).get("/v1/station")
    except Unreachable:
        return
    except Failed:
        pass
    raise Refused(
        [Problem("controller", url, "is running and owns the lines", "End it first, or use `irctl status`")],
        conflict=True,
    )


def _count(things: Sized, name: str) -> str:
    return f"{len(things)} {name}" + ("" if len(things) == 1 else "s")
