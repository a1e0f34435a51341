"""`irctl config check` and `irctl doctor`: one station, its file and its wires."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sized
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Json
from irctl.cli.client import Controller, Failed, Unreachable
from irctl.domain.problems import Problem, Refused

if TYPE_CHECKING:
    from irctl.controller.config import LineSection, StationConfig
    from irctl.controller.load import LineLoad
    from irctl.controller.station import Station, Wire
    from irctl.devices.registry import ConnectedDevice
    from irctl.devices.roles import Identity

ConfigOption = Annotated[Path, Parameter(help="The station file, TOML.")]
EndpointsOption = Annotated[Path | None, Parameter(help="Where irctl-sim wrote its endpoints, for sim:// lines.")]


def check(file: Path, /, *, json: Json = False) -> int:
    """Check a station file: every problem at once, with its remedy. Opens no port.

    irctl config check station.toml

    Exit code 3 when there is a problem.
    """
    try:
        station = _on_paper(file)
    except Refused as refused:
        _tell_problems(file, refused.problems, json)
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


def doctor(
    *,
    config: ConfigOption,
    probe: Annotated[
        bool, Parameter(negative=(), help="Ask every device who it is. Only while no controller runs.")
    ] = False,
    sim_endpoints: EndpointsOption = None,
    json: Json = False,
) -> int:
    """Check a station file, its leases against each line's time to dark and, with --probe, its devices. Lights nothing.

    irctl doctor --config station.toml --probe

    Exit code 3 when the file has a problem, 1 when a device does not answer as it should.
    """
    from irctl.controller.load import loads

    try:
        station = _on_paper(config)
    except Refused as refused:
        _tell_problems(config, refused.problems, json)
        return exits.REFUSED
    busy = {load.line: load for load in asyncio.run(loads(station.config))}
    lines = [_line_verdict(station, name) | _told_load(busy.get(name)) for name in station.lines]
    devices = asyncio.run(_probe(station.config, sim_endpoints)) if probe else None
    if json:
        say.as_json({"ok": True, "file": str(config), "problems": [], "lines": lines, "devices": devices})
    else:
        _tell_doctor(config, lines, devices)
    return exits.OK if all(found["ok"] for found in devices or []) else exits.FAILED


def _on_paper(file: Path) -> Station:
    """The station put together without a wire. Raises Refused with everything that is wrong."""
    from irctl.bus.port import MemoryPort, open_port
    from irctl.controller.clock import utc_now
    from irctl.controller.config import load
    from irctl.controller.journal import Journal
    from irctl.controller.station import Wire, build

    def wire(name: str, section: LineSection) -> Wire:
        if section.port.startswith("sim://"):  # whatever a simulator would offer there
            return Wire(MemoryPort(lambda _receive: lambda _data: None))
        try:
            return Wire(open_port(section.port, section.baud, section.format), section.port.startswith("tcp://"))
        except ValueError as error:
            raise Refused([Problem(f"lines.{name}.port", section.port, str(error), "Correct the port")]) from None

    return build(load(file), Journal(Path(os.devnull), utc_now), wire)


def _tell_problems(file: Path, problems: tuple[Problem, ...], json: bool) -> None:
    if json:
        say.as_json({"ok": False, "file": str(file), "problems": say.problems_json(problems)})
        return
    out = say.console()
    out.print(f"[bold red]{say.escape(str(file))}[/]: {_count(problems, 'problem')}")
    out.print(say.problems_table(problems))


def _line_verdict(station: Station, line: str) -> dict[str, Any]:
    """A line's worst time to dark, and the leases that have to outlast it."""
    from irctl.controller.station import leases, off_frames

    file = station.config.file
    return {
        "name": line,
        "port": file.lines[line].port,
        "devices": [name for name, device in file.devices.items() if device.line == line],
        "worst_time_to_dark_s": round(station.lines[line].worst_time_to_dark_s(off_frames(station, line)), 4),
        "leases_s": leases(file, line),
    }


def _told_load(load: LineLoad | None) -> dict[str, Any]:
    """How much of its time a line spends on what its lamps ask while all are lit."""
    if load is None:
        return {"busy": 0.0, "frames_per_s": 0.0, "busy_by_device": {}, "advice": None}
    shares = {name: round(share, 4) for name, share in load.by_device.items()}
    return {
        "busy": round(load.busy, 4),
        "frames_per_s": round(load.frames, 1),
        "busy_by_device": shares,
        "advice": load.advice,
    }


async def _probe(config: StationConfig, endpoints: Path | None) -> list[dict[str, Any]]:
    """Who answers at every configured address. Opens the lines, commands nothing. Raises Refused while a controller runs."""
    from irctl.bus.errors import BusError
    from irctl.controller.clock import utc_now
    from irctl.controller.journal import Journal
    from irctl.controller.station import build, real_wire
    from irctl.devices.roles import DeviceFault

    require_no_controller(config)
    station = build(config, Journal(Path(os.devnull), utc_now), real_wire(endpoints))
    await asyncio.gather(*(line.start() for line in station.lines.values()))
    found: list[dict[str, Any]] = []
    try:
        for name, device in station.devices.by_name.items():
            section = config.file.devices[name]
            verdict: dict[str, Any] = {
                "name": name,
                "driver": device.driver,
                "line": section.line,
                "unit": section.unit,
            }
            try:
                identity = await _identify(device)
            except (BusError, DeviceFault) as error:
                found.append(verdict | {"ok": False, "problem": str(error)})
                continue
            told = {"model": identity.model, "serial": identity.serial, "firmware": identity.firmware}
            found.append(verdict | {"ok": True, "problem": None} | told)
    finally:
        await asyncio.gather(*(line.close() for line in station.lines.values()))
    return found


async def _identify(device: ConnectedDevice) -> Identity:
    """Asked twice before it counts as silent: a time-out is short, and a computer may be busy. Raises BusError, DeviceFault."""
    from irctl.bus.errors import BusError

    try:
        return await device.identify()
    except BusError:
        return await device.identify()


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


def _tell_doctor(file: Path, lines: list[dict[str, Any]], devices: list[dict[str, Any]] | None) -> None:
    out = say.console()
    out.print(f"[bold green]{say.escape(str(file))} holds together.[/]\n")
    rows = [
        (
            line["name"],
            say.escape(line["port"]),
            ", ".join(line["devices"]),
            f"{line['worst_time_to_dark_s']:.2f} s",
            ", ".join(f"{name} {lease_s:g} s" for name, lease_s in line["leases_s"].items()) or "–",
            f"{line['busy']:.0%}",
            f"{line['frames_per_s']:.0f}",
        )
        for line in lines
    ]
    columns = ("line", "port", "devices", "worst time to dark", "leases", "busy", "frames/s")
    out.print(say.table(columns, rows, right=("worst time to dark", "busy", "frames/s")))
    out.print("[dim]busy: while every lamp is lit, if each device answers within 6 ms.[/]")
    for line in lines:
        if line["advice"]:
            out.print(f"[bold yellow]{line['name']} is too busy.[/] {say.escape(line['advice'])}.", soft_wrap=True)
    if devices is None:
        out.print("\n[dim]--probe asks every device who it is.[/]")
        return
    out.print()
    rows = [
        (
            device["name"],
            f"{device['line']}, unit {device['unit']}",
            "[green]answers[/]" if device["ok"] else "[bold red]does not[/]",
            say.escape(_identity(device)),
        )
        for device in devices
    ]
    out.print(say.table(("device", "at", "", "is"), rows))


def _identity(device: dict[str, Any]) -> str:
    if not device["ok"]:
        return str(device["problem"])
    told = [f"{name} {device[name]}" for name in ("serial", "firmware") if device[name]]
    return ", ".join([device["model"], *told])


def _count(things: Sized, name: str) -> str:
    return f"{len(things)} {name}" + ("" if len(things) == 1 else "s")
