"""`irctl pair offer` and `irctl pair join`: a controller and its clinic on another computer get to know each other. One command on each."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Json
from irctl.cli.state_folder import StateOption, default_state
from irctl.cli.station import ConfigOption
from irctl.domain.problems import Problem, Refused

if TYPE_CHECKING:
    from irctl.controller.config import FleetSection

PORT = 8973
"""Of an offer, while it lasts; the door's own is beside it."""
WITHIN_MIN = 15.0


def offer(
    *,
    config: ConfigOption,
    state: StateOption = None,
    port: Annotated[int, Parameter(help="Where the clinic's command is waited for.")] = PORT,
    minutes: Annotated[float, Parameter(help="For so long the code is good.")] = WITHIN_MIN,
    json: Json = False,
) -> int:
    """At a controller: print a code, and wait until its clinic has joined. Run it as the user that `irctl serve` runs as.

    irctl pair offer --config station.toml --state /var/lib/irctl

    The station file says under [fleet] at which address of this computer the clinic reaches it. A running controller goes on meanwhile; what was paired before
    is replaced once the clinic has joined.
    """
    from irctl.controller.config import load

    file = load(config).file
    if file.fleet is None:
        raise Refused(
            [Problem("fleet", None, "is missing", f"Add [fleet] with host = the address of this computer to {config}")]
        )
    folder = state or default_state()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    own_url = f"http://{file.api.host}:{file.api.port}"
    asyncio.run(_offered(file.station.name, folder, file.fleet, own_url, port, minutes * 60, json))
    return exits.OK


async def _offered(
    station: str, folder: Path, fleet: FleetSection, own_url: str, port: int, within_s: float, json: bool
) -> None:
    from irctl.fleet.pairing import Offer

    offered = Offer(station, folder, fleet.port, own_url)
    at = f"{fleet.host}:{await offered.listen(fleet.host, port)}"
    out = say.console()
    if json:
        say.as_json({"address": at, "code": str(offered.code), "station": station})
    else:
        out.print(f"At the clinic's computer, within {within_s / 60:g} minutes:\n")
        out.print(f"  [bold]irctl pair join NAME {at} {offered.code} --file clinic.toml[/]\n", soft_wrap=True)
        out.print("[dim]NAME is what the clinic calls this station: small letters, such as room-7. Waiting…[/]")
    await offered.joined(within_s)
    if not json:
        out.print("[bold green]Paired.[/] The clinic is let in from now on, while `irctl serve` runs.")


def join(
    name: Annotated[str, Parameter(help="What the clinic calls the station: small letters, digits, dashes.")],
    address: Annotated[str, Parameter(help="HOST:PORT, as the offer printed it.")],
    code: Annotated[str, Parameter(help="As the offer printed it.")],
    /,
    *,
    file: Annotated[Path, Parameter(help="The clinic's file: the station is added to it.")],
    state: StateOption = None,
    json: Json = False,
) -> int:
    """At the clinic: pair with the controller whose offer waits. Run it as the user that `irctl clinic serve` runs as.

    irctl pair join room-7 10.0.0.7:8973 AAAAA-… --file clinic.toml --state /var/lib/irctl-clinic

    Then start the clinic again: it reads its file at the start.
    """
    from pydantic import TypeAdapter, ValidationError

    from irctl.clinic.doors.tokens import Issuer
    from irctl.clinic.settings import StationSection, load_clinic
    from irctl.domain.tokens import PUBLIC_KEY
    from irctl.fleet.pairing import Code, join
    from irctl.toml_file import Name

    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise Refused(
            [Problem("NAME", name, "is no name of a station", "Small letters, digits and dashes: room-7")]
        ) from None
    where = urlsplit(f"//{address}")
    try:
        host, port = where.hostname, where.port
    except ValueError:
        host = port = None
    if host is None or port is None:
        raise Refused([Problem("ADDRESS", address, "is not HOST:PORT", "Copy it from the offer")])
    listed = load_clinic(file).stations
    folder = state or default_state()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    Issuer(folder)  # its public half is what the controller is told
    paired = asyncio.run(join(name, host, port, Code.read(code), folder, (folder / PUBLIC_KEY).read_bytes()))
    section = f'[stations.{name}]\nurl = "{paired.url}"\nown_url = "{paired.own_url}"\n'
    written = _add(file, section, listed.get(name, StationSection(url=paired.url)).url == paired.url, name in listed)
    if json:
        say.as_json({"station": paired.station, "name": name, "url": paired.url, "written": written})
        return exits.OK
    out = say.console()
    out.print(
        f"[bold green]Paired[/] with {say.escape(paired.station)}, which this clinic calls [bold]{name}[/], at {paired.url}."
    )
    if written:
        out.print(f"{say.escape(str(file))} names it now. Start the clinic again: it reads its file at the start.")
    else:
        out.print(
            f"[bold yellow]Write this into {say.escape(str(file))}[/], then start the clinic again:\n\n{say.escape(section)}"
        )
    return exits.OK


def _add(file: Path, section: str, same: bool, listed: bool) -> bool:
    """Whether the file names the station now as it should. What people have written there is not touched."""
    if listed:
        return same
    try:
        text = file.read_text(encoding="utf-8")
        with file.open("a", encoding="utf-8") as more:
            more.write(("" if text.endswith("\n") or not text else "\n") + f"\n{section}")
    except OSError:
        return False
    return True
