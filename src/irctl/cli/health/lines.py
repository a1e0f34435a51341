"""The lines: on paper how soon each is dark and how busy it is, and what a running controller has seen on them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from irctl.cli.health.finding import Finding, ok, problem, unknown, warning

if TYPE_CHECKING:
    from irctl.controller.load import LineLoad
    from irctl.controller.station import Station

View = Mapping[str, Any]
ERRORS_MAX = 0.01
"""Of the questions: a line that is wired well loses far fewer."""
ASKED_MIN = 200
"""Fewer questions say nothing about a share."""


def lines_on_paper(station: Station) -> list[dict[str, Any]]:
    """Each line with its worst time to dark, its leases, and how much of its time its lamps take while all are lit."""
    from irctl.controller.load import loads

    busy = {load.line: load for load in asyncio.run(loads(station.config))}
    return [_line_verdict(station, name) | _told_load(busy.get(name)) for name in station.lines]


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


def paper_findings(lines: Sequence[View]) -> list[Finding]:
    """Of `lines_on_paper`. A lease that is shorter than its line's time to dark is refused with the file, so here is none."""
    return [finding for line in lines for finding in (_dark(line), _busy(line))]


def _dark(line: View) -> Finding:
    check, name, worst_s = "line.time-to-dark", line["name"], line["worst_time_to_dark_s"]
    if not line["leases_s"]:
        return ok(check, "dark within {worst_s:.2f} s at worst; no lease hangs on it", name, worst_s=worst_s)
    shortest_s = min(line["leases_s"].values())
    said = "dark within {worst_s:.2f} s at worst; its shortest lease is {lease_s:g} s"
    return ok(check, said, name, worst_s=worst_s, lease_s=shortest_s)


def _busy(line: View) -> Finding:
    said = "busy {busy:.0%} of its time while every lamp is lit ({frames_per_s:.0f} frames/s), if devices answer within 6 ms"
    values = {"busy": line["busy"], "frames_per_s": line["frames_per_s"]}
    if line["advice"]:
        return warning("line.busy", "too busy: " + said, "{advice}", line["name"], advice=line["advice"], **values)
    return ok("line.busy", said, line["name"], **values)


def running_findings(lines: Sequence[View] | None, names: Sequence[str]) -> list[Finding]:
    """Of `GET /v1/station`; None where no controller answers."""
    if lines is None:
        remedy = "Start the controller; or irctl doctor --probe, which asks every device"
        return [unknown("line.up", "whether its devices answer: no controller says", remedy, name) for name in names]
    return [finding for line in lines for finding in (_up(line), *_silent(line))]


def _up(line: View) -> Finding:
    name, asked, errors = line["name"], line["requests"], sum(line["errors"].values())
    kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(line["errors"].items()))
    values: Mapping[str, object] = {"asked": asked, "errors": errors, "kinds": kinds, "status": line["status"]}
    if line["status"] != "up":
        remedy = "Check the adapter and its cable; `irctl line watch {line}` shows what goes by"
        return problem("line.up", "is {status}: {reason}", remedy, name, reason=line["reason"], line=name, **values)
    if asked >= ASKED_MIN and errors > ERRORS_MAX * asked:
        remedy = "Check wiring, termination, bias and unit addresses; `irctl line watch {line}` shows what goes by"
        said = "is up, and {errors} of {asked} questions had no good answer: {kinds}"
        return warning("line.errors", said, remedy, name, line=name, **values)
    return ok("line.up", "is up; {errors} of {asked} questions had no good answer", name, **values)


def _silent(line: View) -> list[Finding]:
    """Devices that never answered, on a line that is up."""
    if line["status"] != "up":
        return []
    silent = [one for one in line["devices"] if one["requests"] and not one["ok"]]
    remedy = "Check its power, its address and its wiring; `irctl line watch {line}` shows what goes by"
    return [
        problem("device.silent", "unit {unit} on {line} has answered none of {asked} questions", remedy, one["name"],
                unit=one["unit"], line=line["name"], asked=one["requests"])
        for one in silent
    ]  # fmt: skip
