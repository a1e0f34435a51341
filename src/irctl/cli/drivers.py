"""`irctl drivers` and `irctl map …`: which devices are supported, and maps for those that are not yet."""

from __future__ import annotations

import json as jsons
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Json
from irctl.domain.problems import Problem, Refused

if TYPE_CHECKING:
    from irctl.devices.registry import AnyDriver

NAME = r"^[a-z][a-z0-9-]{1,59}$"


def drivers(*, json: Json = False) -> None:
    """Every device that can be named in a station file: what it can be, how its light ends by itself, and what that was tested against.

    irctl drivers
    """
    from irctl.devices.finding import every_driver

    found = [_told(driver) for driver in every_driver()]
    if json:
        say.as_json(found)
        return
    rows = [
        (
            one["name"],
            say.escape(one["title"]),
            ", ".join(one["roles"]),
            one["fail_safe"] or "–",
            one["line"] or "–",
            say.escape("; ".join((one["source"], *one["tested"]))),
        )
        for one in found
    ]
    out = say.console()
    out.print(say.table(("driver", "device", "roles", "fail-safe", "line", "evidence"), rows))
    out.print(
        "[dim]None of them has been commissioned on hardware by the authors. fail-safe none: only behind a cut-off.[/]"
    )


def _told(driver: AnyDriver) -> dict[str, Any]:
    about = driver.about
    return {
        "name": driver.name,
        "title": about.title if about else "",
        "roles": list(about.roles) if about else [],
        "fail_safe": str(about.fail_safe) if about and about.fail_safe else None,
        "line": about.line if about else "",
        "source": about.source if about else "",
        "tested": list(about.tested) if about else [],
        "options": {name: str(field.annotation) for name, field in driver.options.model_fields.items()},
    }


def check(file: Path, /, *, json: Json = False) -> int:
    """Check a device map: every mistake with its line, or what it offers and which questions that takes.

    irctl map check acme-relay.toml

    Exit code 3 when there is a mistake. Opens no port.
    """
    from irctl.devices.mapped import BadMap, driver_of, load_map
    from irctl.devices.mapped.blocks import blocks

    try:
        told = load_map(file)
    except BadMap as bad:
        mistakes = str(bad).splitlines()
        if json:
            say.as_json({"ok": False, "file": str(file), "mistakes": mistakes})
        else:
            out = say.console()
            for mistake in mistakes:
                out.print(f"[bold red]{say.escape(mistake)}[/]", soft_wrap=True)
        return exits.REFUSED
    driver = driver_of(told)
    asked = [f"{block.area} {block.first} to {block.last}" for block in blocks(told, _polled(told))]
    options = list(driver.options.model_fields)
    if json:
        say.as_json({"ok": True, "file": str(file), **_told(driver), "asks": asked, "options": options})
        return exits.OK
    out = say.console()
    out.print(
        f"[bold green]{say.escape(str(file))} holds together[/]: {say.escape(told.title)}, {len(told.points)} points."
    )
    out.print(f"Offers   {', '.join(driver.about.roles) if driver.about else ''}")
    out.print(f"Asks     {say.escape('; '.join(asked))}", soft_wrap=True)
    if options:
        out.print(f"Options  {', '.join(options)}  [dim]which the station file must give[/]")
    if told.failsafe is not None and told.failsafe.kind == "none":
        out.print("[yellow]Nothing in it ends the light when the host falls silent: only behind a cut-off.[/]")
    if told.probe.answers and not told.probe.expect and not told.probe.own_address:
        out.print("[yellow]It is only recognised by answering: another device at its address would not be noticed.[/]")
    return exits.OK


def _polled(told: Any) -> set[str]:
    """What is read again and again: values with their status, contacts, outputs."""
    wanted: set[str] = set()
    for sensor in (*told.radiometers.values(), *told.thermometers.values()):
        wanted |= {sensor.value, *sensor.ready, *sensor.busy}
    wanted |= {contact.closed for contact in told.contacts.values()}
    for output in (*told.cutoffs.values(), *told.emitters.values()):
        wanted |= {one for one in (output.state or output.switch, output.level_read or output.level) if one}
    if told.failsafe is not None and told.failsafe.trip is not None:
        wanted.add(told.failsafe.trip)
    return wanted


def schema() -> None:
    """The JSON schema of device maps, for editors.

    irctl map schema > device-map.schema.json
    """
    from irctl.devices.mapped import schema as of_maps

    print(jsons.dumps(of_maps(), indent=1, ensure_ascii=False))


def new(
    name: Annotated[str, Parameter(help="As station files will call it, such as acme-relay.")],
    /,
    *,
    kind: Annotated[
        Literal["map", "driver"], Parameter(help="A map (TOML) or a driver in Python with its test and twin.")
    ] = "map",
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], help="Where to; default here.")] = None,
    json: Json = False,
) -> None:
    """Begin a new device: a map to fill in from its manual, or a package with a driver, its twin and its tests.

    irctl device new acme-relay
    irctl device new acme-relay --kind driver

    What is there already is never overwritten.
    """
    from irctl.cli.scaffold import driver_files, map_files

    if not re.match(NAME, name):
        raise Refused(
            [Problem("name", name, "is no driver's name", "Use small letters, digits and dashes: acme-relay")]
        )
    files = map_files(name) if kind == "map" else driver_files(name)
    folder = output or Path()
    there = [str(folder / path) for path in files if (folder / path).exists()]
    if there:
        raise Refused([Problem("file", path, "is there already", "Choose another name or --output") for path in there])
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    written = [str(folder / path) for path in files]
    if json:
        say.as_json({"files": written})
        return
    out = say.console()
    for path in written:
        out.print(f"Written  [cyan]{say.escape(path)}[/]", soft_wrap=True)
    if kind == "map":
        out.print(f"Fill it in from the manual, then: irctl map check {written[0]}")
    else:
        out.print(f"Then: pip install -e {folder / name} && pytest {folder / name}")
