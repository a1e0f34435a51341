"""`irctl support-bundle`: what a developer needs to help, without persons in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Json
from irctl.cli.doctor import ClinicFileOption, UrlOption
from irctl.cli.health.report import Asked, look_at
from irctl.cli.state_folder import StateOption, default_state
from irctl.cli.station import ConfigOption, tell_problems
from irctl.domain.problems import Problem, Refused

HOURS_MAX = 24.0 * 31


def support_bundle(
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"], help="The archive to write, such as support.tar.gz.")],
    config: ConfigOption | None = None,
    state: StateOption = None,
    clinic_file: ClinicFileOption = None,
    hours: Annotated[float, Parameter(help="So far back go the journal and the log.")] = 24.0,
    log: Annotated[Path | None, Parameter(help="irctl's log, where systemd does not keep it.")] = None,
    url: UrlOption = None,
    json: Json = False,
) -> int:
    """Collect what a developer needs to help into one file: health report, versions, files, the journal and the log of the last hours. Sends nothing.

    irctl support-bundle -o support.tar.gz --config /etc/irctl/station.toml --state /var/lib/irctl --clinic-file /etc/irctl/clinic.toml

    Nothing about a person is in it, and nothing that a person typed: only fields that are on a list leave, and texts are reduced to irctl's own words. Look at
    it before you send it all the same; its MANIFEST.txt says what each file is there for.
    """
    from irctl.cli.support.bundle import parts, write

    if not 0 < hours <= HOURS_MAX:
        raise Refused([Problem("hours", hours, f"is not between 0 and {HOURS_MAX:g}", "Give the hours")])
    if output.exists():  # before everything is looked at
        raise Refused([Problem("output", str(output), "is there already", "Name another, or remove it")])
    folder = state or default_state()
    try:
        report = look_at(Asked(config, folder, state is not None, url, clinic_file))
    except Refused as refused:
        tell_problems(config or clinic_file, refused.problems, json)
        return exits.REFUSED
    found = parts(report, folder, hours, log)
    write(output, found, report.at)
    told = [{"name": part.name, "bytes": len(part.content) if part.content is not None else None, "why": part.why} for part in found]  # fmt: skip
    if json:
        say.as_json({"path": str(output), "bytes": output.stat().st_size, "files": told})
        return exits.OK
    out = say.console()
    out.print(
        f"Written  [cyan]{say.escape(str(output))}[/], {output.stat().st_size / 1e3:.0f} kB, readable by you alone",
        soft_wrap=True,
    )
    rows = [
        (one["name"], "not there" if one["bytes"] is None else f"{one['bytes']} bytes", say.escape(str(one["why"])))
        for one in told
    ]
    out.print(say.table(("file", "size", "what it is"), rows, right=("size",)))
    out.print(
        f"\n[bold]Look at it before you send it:[/] tar -xzf {say.escape(str(output))}, then read MANIFEST.txt first.",
        soft_wrap=True,
    )
    out.print(
        "[dim]Names, references, reasons, notes, addresses, hosts, paths and keys were left out. irctl has sent it to nobody.[/]"
    )
    return exits.OK
