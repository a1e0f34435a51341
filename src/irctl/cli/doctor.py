"""`irctl doctor`: is it well, and what to do where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from irctl.cli import exits, say
from irctl.cli.app import Json
from irctl.cli.health.finding import TITLES, Finding, Verdict
from irctl.cli.health.report import Asked, Report, look_at
from irctl.cli.state_folder import StateOption, default_state
from irctl.cli.station import ConfigOption, EndpointsOption, tell_problems
from irctl.domain.problems import Refused

ClinicFileOption = Annotated[
    Path | None,
    Parameter(help="The clinic's own file. Without it, what is usual, where the state folder has a clinic."),
]
UrlOption = Annotated[
    str | None, Parameter(env_var="IRCTL_URL", help="Address of the controller. Default: as the station file says.")
]
SHOWN = {
    Verdict.OK: "[green]ok[/]",
    Verdict.WARNING: "[bold yellow]warning[/]",
    Verdict.PROBLEM: "[bold red]PROBLEM[/]",
    Verdict.UNKNOWN: "[cyan]not known[/]",
}
WIDEST = max(len(verdict) for verdict in Verdict)
SUMMED = {Verdict.PROBLEM: "problem", Verdict.WARNING: "warning", Verdict.UNKNOWN: "not known", Verdict.OK: "ok"}


def doctor(
    *,
    config: ConfigOption | None = None,
    state: StateOption = None,
    clinic_file: ClinicFileOption = None,
    probe: Annotated[
        bool, Parameter(negative=(), help="Ask every device who it is. Only while no controller runs.")
    ] = False,
    url: UrlOption = None,
    sim_endpoints: EndpointsOption = None,
    json: Json = False,
) -> int:
    """Is it well: the station file, lines, ports, controller, state folder, journal, clinic, clock and computer, each with a remedy. Changes nothing, lights nothing.

    irctl doctor --config /etc/irctl/station.toml --state /var/lib/irctl --clinic-file /etc/irctl/clinic.toml

    On a computer with a clinic alone, leave --config out.

    What could not be looked at is "not known", with how to know it. Exit code 0: no problem was found; 1: there is a problem, or a device does not answer as it
    should; 3: a file has a mistake, or --probe would disturb a controller.
    """
    asked = Asked(config, state or default_state(), state is not None, url, clinic_file, sim_endpoints, probe)
    try:
        report = look_at(asked)
    except Refused as refused:
        if refused.conflict:
            raise
        tell_problems(config or clinic_file, refused.problems, json)
        return exits.REFUSED
    if json:
        say.as_json(as_dict(report, config))
    else:
        tell(report)
    return exits.FAILED if report.has_problem else exits.OK


def as_dict(report: Report, file: Path | None) -> dict[str, object]:
    """For `--json`."""
    return {
        "ok": not report.has_problem,
        "file": None if file is None else str(file),
        "at": report.at.isoformat(timespec="seconds"),
        "problems": [],
        "lines": report.lines,
        "devices": report.devices,
        "counts": {str(verdict): number for verdict, number in report.counts.items()},
        "findings": [finding.as_dict() for finding in report.findings],
    }


def tell(report: Report) -> None:
    """Where people read: one group after another, and at the end what it comes to."""
    out = say.console()
    file, clinic = report.config, report.clinic_file
    name = file.file.station.name if file else clinic.clinic.name if clinic else ""
    out.print(f"[bold]{say.escape(name)}[/]  [dim]looked at {report.at.astimezone():%Y-%m-%d %H:%M %Z}[/]")
    for topic, found in groupby(report.findings, key=lambda finding: finding.topic):
        out.print(f"\n[bold]{TITLES[topic]}[/]")
        out.print(_group(list(found)))
    counts = report.counts
    told = ", ".join(f"{SUMMED[verdict]}: {counts[verdict]}" for verdict in SUMMED)
    out.print(f"\n[bold]{told}[/]")
    if counts[Verdict.UNKNOWN]:
        out.print("[dim]What is not known is not well yet: the arrow says how to know it.[/]")
    out.print(f"[dim]{say.NOTICE}[/]")


def _group(findings: Sequence[Finding]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(min_width=WIDEST + 2, no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for finding in findings:
        text = say.escape(finding.text)
        if finding.remedy:
            text += f"\n[dim]→[/] {say.escape(finding.remedy)}"
        grid.add_row(f"  {SHOWN[finding.verdict]}", say.escape(finding.about), text)
    return grid
