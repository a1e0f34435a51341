"""`irctl serve` and `irctl config check`: one station and its file."""

from __future__ import annotations

import os
import sys
from collections.abc import Sized
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Json
from irctl.cli.client import Controller, Failed, Unreachable
from irctl.domain.problems import Problem, Refused

if TYPE_CHECKING:
    from irctl.controller.config import StationConfig

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
    clinic: Annotated[bool, Parameter(help="The clinic beside it: its pages, and what reminds of what is due.")] = True,
    clinic_file: Annotated[
        Path | None, Parameter(help="The clinic's own file, TOML; without it, what is usual.")
    ] = None,
    clinic_port: Annotated[int | None, Parameter(help="Instead of the file's clinic.port; 0 for no pages.")] = None,
    json: Json = False,
) -> int:
    """Run a station's controller until Ctrl-C or SIGTERM: dark first, dark last; started again whenever it dies or hangs.

    irctl serve --config station.toml --state /var/lib/irctl

    Beside it runs the clinic: pages for its staff, and reminders of what is due. It lights nothing by itself; --no-clinic leaves it out.

    The journal is kept in --state, else IRCTL_STATE, else ~/.local/state/irctl (on Windows %LOCALAPPDATA%\\irctl).
    """
    from irctl.supervisor import Message, NeverServed, Supervisor

    folder = state or default_state()

    def command(served: Message | None, how: str | None) -> list[str]:
        # -P: what lies in the folder where somebody stands must not be taken for a module.
        words = [sys.executable, "-P", "-m", "irctl.controller", "--config", str(config), "--state", str(folder)]
        # A controller that is started again has to be found where the one before was.
        at = urlsplit(str(served["url"])).port if served else port
        options: dict[str, object] = {"--sim-endpoints": sim_endpoints, "--trace": trace, "--port": at}
        options |= {"--clinic-port": clinic_port, "--previous": how}
        return words + [f"{name}={value}" for name, value in options.items() if value is not None]

    def schedule(serving: Message) -> list[str] | None:
        if not clinic or not serving["clinic"]["enabled"]:
            return None
        words = [sys.executable, "-P", "-m", "irctl.clinic", "--state", str(folder), "--url", str(serving["url"])]
        words += ["--day-begins", str(serving["clinic"]["day_begins"])]
        words += ["--port", str(serving["clinic"]["port"])]
        words += ["--sim-endpoints", str(sim_endpoints)] if sim_endpoints else []
        return [*words, "--file", str(clinic_file)] if clinic_file else words

    def announce(serving: Message) -> None:
        url, name = str(serving["url"]), str(serving["station"])
        if json:
            say.as_json({"url": url, "state": str(folder), "pid": os.getpid(), "controller_pid": serving["pid"]})
            return
        out = say.console()
        out.print(f"[bold]{say.escape(name)}[/] is served at [bold cyan]{url}[/]")
        out.print(f"[dim]journal {say.escape(str(folder / 'journal.jsonl'))}[/]", soft_wrap=True)
        out.print(f"[dim]{say.NOTICE} Ctrl-C: dark, then end.[/]")

    def tell(text: str) -> None:
        say.console(stderr=True).print(f"irctl serve: {say.escape(text)}", soft_wrap=True)

    try:
        return exits.OK if Supervisor(command, announce, tell, schedule).run() else exits.FAILED
    except NeverServed as never:
        told = [(str(p["field"]), p["value"], str(p["limit"]), str(p["remedy"])) for p in never.problems]
        raise Refused([Problem(*found) for found in told]) from None


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


def tell_problems(file: Path, problems: tuple[Problem, ...], json: bool) -> None:
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
