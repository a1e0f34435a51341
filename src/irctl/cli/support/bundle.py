"""The bundle: its files, why each is in it, and the archive, which says nothing of who made it."""

from __future__ import annotations

import gzip
import io
import json
import os
import platform
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from irctl.cli.health import computer
from irctl.cli.health.journal import JOURNAL
from irctl.cli.health.report import Report
from irctl.cli.support import logs
from irctl.cli.support.cleaning import version
from irctl.cli.support.files import told_clinic, told_station
from irctl.cli.support.health import told_findings
from irctl.cli.support.names import Names
from irctl.cli.support.running import Running
from irctl.domain.problems import Problem, Refused

if TYPE_CHECKING:
    from irctl.domain.chain import Event

FOLDER = "irctl-support"
OWNER_ONLY = 0o600
EVENTS_MAX = 100_000
"""The newest: about three hours of two lit lamps, or weeks without light."""
RULES = """\
What irctl support-bundle has collected for whoever is to help. LOOK AT IT BEFORE YOU SEND IT: these are plain texts.

No field is in it that is not on a list in irctl's sources, and no text that a person may have typed. Where something was, it says "(left out)", or "left_out"
with the number of fields. Left out are patients' references, areas, names of people, logins, reasons and notes, names, addresses and numbers of the clinic,
hosts, paths, keys, passwords, tokens, serial numbers, hashes and signatures. The names of lamps, lines and devices are replaced: lamp-1 is the first lamp of your
station file, line-2 its second line. What is in it: when something happened, figures (irradiance, dose, temperatures, times), kinds of errors and versions.
Times of sessions are in it, too. Somebody who knows who was treated when will recognise the session.

irctl has sent it to nobody.
"""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the bundle. `content` None: there is none, and `why` says why not."""

    name: str
    why: str
    content: bytes | None


def parts(report: Report, state: Path, hours: float, log: Path | None) -> list[Part]:
    """Everything that may leave, of the last `hours`."""
    config, clinic, station = report.config, report.clinic_file, report.answers.station
    names = Names(config.file if config else None, clinic)
    running = Running(names)
    events, no_events = _events(state, report.at - timedelta(hours=hours))
    lines, no_lines = logs.from_file(log) if log else logs.from_systemd(hours)
    silent, no_station = "no controller answered", "no station was looked at"
    return [
        _part("doctor.json", "what irctl doctor found, with remedies", _json(told_findings(report.findings, names))),
        _part("versions.json", "versions of irctl, of what it stands on, and of the system", _json(_versions(computer.look()))),
        _part("station-file.json", "the station file as irctl understands it", _json(told_station(config, names)) if config else None, no_station),
        _part("clinic-file.json", "the clinic's file as irctl understands it", _json(told_clinic(clinic, names)) if clinic else None, "no clinic was looked at"),
        _part("lines-on-paper.json", "how soon each line is dark and how busy it is", _json(_on_paper(report.lines, names)) if config else None, no_station),
        _part("station.json", "what the controller says of itself: lamps, alarms, stop", _json(running.station(station)) if station else None, silent),
        _part("lines.json", "each line's counts of errors and its times", _json(running.lines(report.answers.lines)) if station else None, silent),
        _part("journal.jsonl", f"the journal's events of the last {hours:g} h, at most {EVENTS_MAX}", _json_lines(running.events(events)) if events else None, no_events),
        _part("log.jsonl", "log lines: when, how urgent, and which of irctl's and the system's own words were in them", _json_lines(lines) if lines else None, no_lines),
    ]  # fmt: skip


def _part(name: str, why: str, content: bytes | None, why_not: str = "") -> Part:
    return Part(name, why if content is not None else why_not, content)


def manifest(found: Sequence[Part], at: datetime) -> bytes:
    """For who looks at it before it is sent."""
    told = [RULES, f"Made at {at:%Y-%m-%d %H:%M} UTC.", ""]
    told += [
        f"{part.name:<20} {'not there' if part.content is None else f'{len(part.content)} bytes':>14}  {part.why}"
        for part in found
    ]
    return ("\n".join(told) + "\n").encode()


def write(path: Path, found: Sequence[Part], at: datetime) -> None:
    """The archive, for its owner alone: without names of users, of this computer or of the file itself. Raises Refused."""
    files = [("MANIFEST.txt", manifest(found, at)), *((part.name, part.content) for part in found)]
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        with (
            os.fdopen(made, "wb") as file,
            gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
        ):
            for name, content in files:
                if content is not None:
                    about = tarfile.TarInfo(f"{FOLDER}/{name}")
                    about.size, about.mtime, about.mode = len(content), int(at.timestamp()), OWNER_ONLY
                    archive.addfile(about, io.BytesIO(content))
    except OSError as error:
        why = error.strerror or str(error)
        raise Refused([Problem("output", str(path), why, "Check the folder, its rights and space")]) from None


def _events(state: Path, since: datetime) -> tuple[list[Event], str]:
    """The newest of a journal's files that were written to since then, and why there are none, if so."""
    from irctl.controller.journal import segments

    path = state / JOURNAL
    try:
        if not path.exists():
            return [], "there is no journal in the state folder"
        closed = [part.path for part in segments.closed(path) if not part.moved]
        files = [one for one in (*closed, path) if one.stat().st_mtime >= since.timestamp()]
        found = [event for one in files for event in segments.parse(_whole(one)) if _at(event) >= since]
    except OSError as error:
        return [], f"the journal cannot be read by this user: {error.strerror or 'refused'}"
    except ValueError:
        return [], "the journal has a line that is no event: irctl journal verify says which"
    return found[-EVENTS_MAX:], "" if found else "nothing was written in that time"


def _whole(path: Path) -> Iterator[bytes]:
    """A line that is just being written is none yet."""
    from irctl.controller.journal import segments

    return (line for line in segments.lines_of(path) if line.endswith(b"\n"))


def _at(event: Event) -> datetime:
    return datetime.fromisoformat(str(event["at"]))


def _versions(look: computer.ComputerLook) -> dict[str, Any]:
    """Of the system's own version its number alone: whoever builds a kernel may have put a name behind it."""
    number = re.match(r"\d+(\.\d+)*", platform.release())
    return {
        "irctl": version(installed("irctl")),
        "python": version(platform.python_version()),
        "system": platform.system(),
        "release": number[0] if number else None,
        "machine": platform.machine(),
        "packages": {name: version(found) for name, found in look.packages.items()},
        "tested_with": {name: version(look.pinned[name]) for name in look.packages if name in look.pinned} if look.pinned else None,
    }  # fmt: skip


def _on_paper(lines: Sequence[Mapping[str, Any]], names: Names) -> list[dict[str, Any]]:
    return [
        {
            "name": names.line(line["name"]),
            "worst_time_to_dark_s": line["worst_time_to_dark_s"],
            "leases_s": {names.leased(name): lease_s for name, lease_s in line["leases_s"].items()},
            "busy": line["busy"],
            "frames_per_s": line["frames_per_s"],
            "busy_by_device": {names.device(name): share for name, share in line["busy_by_device"].items()},
        }
        for line in lines
    ]


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _json_lines(values: Iterator[Mapping[str, Any]] | Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()
