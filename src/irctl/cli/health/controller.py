"""The controller that should be running: does it answer, is it this version, is it stopped, does it want somebody."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irctl.cli.client import Controller, Failed, Unreachable
from irctl.cli.health.finding import Finding, ok, problem, unknown, warning
from irctl.domain.problems import Refused

View = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answers:
    """What a controller says of itself; `station` None: nobody answered, or not as a controller does, and `why`."""

    url: str
    why: str = ""
    station: View | None = None
    lines: tuple[View, ...] = ()
    due: tuple[View, ...] | None = None


def ask(url: str) -> Answers:
    """Reads alone."""
    controller = Controller(url)
    try:
        station: dict[str, Any] = controller.get("/v1/station")
        lines = tuple(station.pop("lines"))
        return Answers(url, "", station, lines, tuple(controller.get("/v1/due")))
    except Unreachable as error:
        return Answers(url, error.why)
    except (Failed, Refused, KeyError, TypeError, AttributeError) as error:
        return Answers(url, f"it does not answer as a controller of this version does ({error})")


def controller_findings(answers: Answers, version: str, holder: int | None) -> list[Finding]:
    """`version`: of this irctl; `holder`: the process that holds the state folder."""
    station = answers.station
    if station is None:
        return [_silent(answers, holder)]
    told = [
        ok("controller.answers", "answers at {url}", url=answers.url, simulated=station["simulated"]),
        _version(station, version),
        _latched(station),
        _alarms(station),
        _journal(station),
        *(_lamp(lamp) for lamp in station["lamps"]),
    ]
    if (anchor := station["journal"]["anchor_failure"]) is not None:
        remedy = "Check the disk of [journal] anchor: without it, a journal whose end was cut off looks whole"
        told.append(warning("controller.anchor", "the last signed head could not be kept: {why}", remedy, why=anchor))
    return told


def _silent(answers: Answers, holder: int | None) -> Finding:
    values: dict[str, object] = {"url": answers.url, "why": answers.why}
    if holder is not None:
        remedy = "Was it started with another --port? Then name its address: --url. Else look at its log: journalctl -u irctl"
        return problem("controller.answers", "process {pid} holds the state folder, and nobody answers at {url} ({why})", remedy, pid=holder, **values)  # fmt: skip
    remedy = "irctl serve --config FILE, or sudo systemctl start irctl; if it does not stay up: journalctl -u irctl"
    return unknown("controller.answers", "no controller answers at {url} ({why})", remedy, **values)


def _version(station: View, version: str) -> Finding:
    values: dict[str, object] = {"running": station["version"], "version": version}
    if station["version"] == version:
        return ok("controller.version", "is irctl {running}, as this command is", **values)
    remedy = "Start it again when nobody is treated: sudo systemctl restart irctl"
    return warning("controller.version", "is irctl {running}, and this command is irctl {version}", remedy, **values)


def _latched(station: View) -> Finding:
    latch = station["latched"]
    if latch is None:
        return ok("controller.stopped", "is not stopped")
    remedy = "When its cause is gone: irctl clear --by NAME --reason TEXT"
    said = "is stopped since {at}, by {by}: {reason}"
    return problem("controller.stopped", said, remedy, at=latch["at"], by=latch["by"], reason=latch["reason"])


def _alarms(station: View) -> Finding:
    alarms = station["alarms"]
    urgent = sum(alarm["priority"] == "high" for alarm in alarms)
    values: dict[str, object] = {"alarms": len(alarms), "urgent": urgent}
    if not alarms:
        return ok("controller.alarms", "no alarm waits for anybody", **values)
    first = f"{alarms[0]['text']}"
    said = "alarms that nobody has acknowledged: {alarms}, of high priority {urgent}; the first: {first}"
    judged = problem if urgent else warning
    return judged("controller.alarms", said, "irctl alarms, then irctl acknowledge ID --by NAME", first=first, **values)


def _journal(station: View) -> Finding:
    journal = station["journal"]
    if journal["failure"] is None:
        return ok("controller.journal", "writes its journal, up to event {seq}", seq=journal["seq"])
    remedy = "No lamp gives light until it can. Check the disk's space and rights, then start irctl again"
    return problem("controller.journal", "cannot write its journal: {why}", remedy, why=journal["failure"])


def _lamp(lamp: View) -> Finding:
    name, status = lamp["name"], lamp["status"]
    if status == "unverified":
        remedy = "Look at the lamp itself; cut its mains if it is lit. Then check the line and the emitter"
        return problem("controller.lamp", "nobody knows whether it is dark: {why}", remedy, name, why=lamp["reason"], status=status)  # fmt: skip
    if lamp["locked"] is not None:
        remedy = "irctl calibrate {lamp} --meter METER --by NAME, or see docs/calibration.md"
        return problem("controller.lamp", "is locked: {why}", remedy, name, why=lamp["locked"], lamp=name, status=status)  # fmt: skip
    return ok("controller.lamp", "is {status}", name, status=status)


def holder_of(lock: Path, table: Path = Path("/proc/locks")) -> int | None:
    """The process that holds a lock file (proc(5)); the file itself is not touched. None: nobody, or that cannot be seen here."""
    with suppress(OSError):
        held = table.read_text(encoding="ascii").splitlines()
        found = lock.stat()
        place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
        for line in held:
            words = line.split()
            if len(words) > 5 and words[1] == "FLOCK" and words[5] == place:
                return int(words[4])
    return None
