"""`irctl serve` and `irctl clinic serve`: what runs for as long as the computer does."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Json
from irctl.cli.state_folder import StateOption, default_state
from irctl.cli.station import ConfigOption, EndpointsOption
from irctl.domain.problems import Problem, Refused
from irctl.supervisor import Message, NeverServed, Supervisor

# -P: what lies in the folder where somebody stands must not be taken for a module.
PYTHON = (sys.executable, "-P", "-m")
CLINIC = (*PYTHON, "irctl.clinic")


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
    folder = state or default_state()

    def command(served: Message | None, how: str | None) -> list[str]:
        words = [*PYTHON, "irctl.controller", "--config", str(config), "--state", str(folder)]
        # A controller that is started again has to be found where the one before was.
        at = urlsplit(str(served["url"])).port if served else port
        options: dict[str, object] = {"--sim-endpoints": sim_endpoints, "--trace": trace, "--port": at}
        options |= {"--clinic-port": clinic_port, "--previous": how}
        return words + [f"{name}={value}" for name, value in options.items() if value is not None]

    def beside(serving: Message) -> list[str] | None:
        if not clinic or not serving["clinic"]["enabled"]:
            return None
        words = [*CLINIC, "--state", str(folder), "--url", str(serving["url"])]
        words += ["--day-begins", str(serving["clinic"]["day_begins"])]
        words += ["--port", str(serving["clinic"]["port"])]
        words += ["--sim-endpoints", str(sim_endpoints)] if sim_endpoints else []
        return [*words, "--file", str(clinic_file)] if clinic_file else words

    def door(serving: Message) -> list[str] | None:
        if (fleet := serving["fleet"]) is None:
            return None
        words = [*PYTHON, "irctl.fleet", "--state", str(folder), "--url", str(serving["url"])]
        return [*words, "--host", str(fleet["host"]), "--port", str(fleet["port"])]

    def announce(serving: Message) -> None:
        url, name = str(serving["url"]), str(serving["station"])
        if json:
            say.as_json({"url": url, "state": str(folder), "pid": os.getpid(), "controller_pid": serving["pid"]})
            return
        out = say.console()
        out.print(f"[bold]{say.escape(name)}[/] is served at [bold cyan]{url}[/]")
        out.print(f"[dim]journal {say.escape(str(folder / 'journal.jsonl'))}[/]", soft_wrap=True)
        out.print(f"[dim]{say.NOTICE} Ctrl-C: dark, then end.[/]")

    return _supervised(Supervisor("the controller", command, announce, _tell, {"the clinic": beside, "the door": door}))


def serve_clinic(
    *,
    file: Annotated[Path, Parameter(help="The clinic's file, TOML, which names the stations.")],
    state: StateOption = None,
    json: Json = False,
) -> int:
    """Run a clinic that follows controllers elsewhere: its pages, its records, its reminders. It lights nothing.

    irctl clinic serve --file clinic.toml --state /var/lib/irctl-clinic

    Each station that is not on this computer is paired first: irctl pair offer there, irctl pair join here.
    """
    folder = state or default_state()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def announce(serving: Message) -> None:
        if json:
            say.as_json({"url": serving["url"], "state": str(folder), "pid": os.getpid(), "clinic_pid": serving["pid"]})
            return
        out = say.console()
        out.print(f"The clinic is at [bold cyan]{serving['url'] or 'no address: it has no pages'}[/]")
        out.print(f"[dim]{say.NOTICE} Ctrl-C: end. The lamps go on without it.[/]")

    words = [*CLINIC, "--file", str(file), "--state", str(folder)]
    return _supervised(Supervisor("the clinic", lambda _served, _how: words, announce, _tell))


def _tell(text: str) -> None:
    say.console(stderr=True).print(f"irctl: {say.escape(text)}", soft_wrap=True)


def _supervised(supervisor: Supervisor) -> int:
    try:
        return exits.OK if supervisor.run() else exits.FAILED
    except NeverServed as never:
        told = [(str(p["field"]), p["value"], str(p["limit"]), str(p["remedy"])) for p in never.problems]
        raise Refused([Problem(*found) for found in told]) from None
