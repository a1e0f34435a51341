"""`irctl serve`, `irctl config check` and `irctl doctor`: one station, its file and its wires."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from irctl.cli import say
from irctl.cli.app import Json

ConfigOption = Annotated[Path, Parameter(help="The station file, TOML.")]
EndpointsOption = Annotated[Path | None, Parameter(help="Where irctl-sim wrote its endpoints, for sim:// lines.")]
StateOption = Annotated[Path | None, Parameter(help="Where the journal is kept.")]


def default_state() -> Path:
    """IRCTL_STATE, else the user's state folder: XDG on Linux and macOS, LOCALAPPDATA on Windows."""
    if named := os.environ.get("IRCTL_STATE"):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "irctl"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "irctl"


def serve(
    *,
    config: ConfigOption,
    state: StateOption = None,
    sim_endpoints: EndpointsOption = None,
    trace: Annotated[Path | None, Parameter(help="Write every frame on every line to this file.")] = None,
    port: Annotated[int | None, Parameter(help="Instead of the file's api.port; 0 is any free one.")] = None,
    json: Json = False,
) -> None:
    """Run a station's controller until Ctrl-C or SIGTERM: dark first, dark last.

    irctl serve --config station.toml --state /var/lib/irctl

    The journal is kept in --state, else IRCTL_STATE, else ~/.local/state/irctl (on Windows %LOCALAPPDATA%\\irctl).
    """
    from irctl.controller.config import load
    from irctl.controller.serve import serve as run

    loaded = load(config)
    if port is not None:
        api = loaded.file.api.model_copy(update={"port": port})
        loaded = replace(loaded, file=loaded.file.model_copy(update={"api": api}))
    folder = state or default_state()

    def announce(url: str) -> None:
        if json:
            say.as_json({"url": url, "state": str(folder), "pid": os.getpid()})
            return
        out = say.console()
        out.print(f"[bold]{say.escape(loaded.file.station.name)}[/] is served at [bold cyan]{url}[/]")
        out.print(f"[dim]journal {say.escape(str(folder / 'journal.jsonl'))}[/]", soft_wrap=True)
        out.print(f"[dim]{say.NOTICE} Ctrl-C: dark, then end.[/]")

    asyncio.run(run(loaded, folder, endpoints=sim_endpoints, trace=trace, announce=announce))
