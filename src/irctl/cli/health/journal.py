"""The journal: does it hold, how far is it signed, how large is it, and is what is running the file that lies there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from irctl.cli.health.finding import Finding, ok, problem, unknown, warning
from irctl.cli.health.state import AS_SERVICE

if TYPE_CHECKING:
    from irctl.domain.chain import Event, Verified

JOURNAL = "journal.jsonl"
LOOKS = 3
"""A controller may be writing its last line just while it is read."""


@dataclass(frozen=True, slots=True)
class Written:
    """Where an event stands on both clocks: `at` the wall's, `mono_s` the computer's own, which nobody sets."""

    at: datetime
    mono_s: float


@dataclass(frozen=True, slots=True)
class JournalLook:
    """`why`: why it could not be read, where it could not. `started`, `last`: the newest start of a controller, and the newest event."""

    exists: bool
    why: str = ""
    verified: Verified | None = None
    files: int = 0
    bytes: int = 0
    started: Written | None = None
    last: Written | None = None
    station_hash: str | None = None
    """Of the station file that the newest controller was started with."""


def look(state: Path, anchor: Path | None) -> JournalLook:
    """At the file that is written to; closed ones before it are only counted. `anchor`: where the last signed head is kept, if not beside it."""
    from irctl.controller.journal import segments
    from irctl.controller.journal.examining import examine

    path = state / JOURNAL
    try:
        if not path.exists():
            return JournalLook(exists=False)
        verified = examine(path, anchor, alone=True)
        for _ in range(LOOKS - 1):
            if verified.broken is None:
                break
            verified = examine(path, anchor, alone=True)
        files = [path, *(one.path for one in segments.closed(path) if not one.moved)]
        started, last, digest = _newest(segments.parse(_whole(segments.lines_of(path))))
        return JournalLook(
            True, "", verified, len(files), sum(file.stat().st_size for file in files), started, last, digest
        )
    except (OSError, ValueError, KeyError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        return JournalLook(exists=True, why=why or str(error))


def _whole(lines: Iterable[bytes]) -> Iterable[bytes]:
    return (line for line in lines if line.endswith(b"\n"))


def _newest(events: Iterable[Event]) -> tuple[Written | None, Written | None, str | None]:
    started, last, digest = None, None, None
    for event in events:
        last = event
        if event["event"] == "controller.started":
            started, digest = event, str(event["station_hash"])
    return _written(started), _written(last), digest


def _written(event: Event | None) -> Written | None:
    return None if event is None else Written(datetime.fromisoformat(event["at"]), float(event["mono_s"]))


def journal_findings(look: JournalLook, station_hash: str, *, running: bool) -> list[Finding]:
    """`station_hash`: of the station file as it lies there; `running`: whether a controller is at work on it."""
    if look.why:
        return [unknown("journal.holds", "it cannot be read: {why}", AS_SERVICE, why=look.why)]
    if look.verified is None:
        return [
            unknown(
                "journal.holds",
                "there is no journal yet",
                "irctl serve begins it; if there should be one, correct --state",
            )
        ]
    told = [_holds(look.verified), _anchored(look.verified)]
    told.append(
        ok("journal.size", "files: {files}, together {megabytes:.1f} MB", megabytes=look.bytes / 1e6, files=look.files)
    )
    if running and look.station_hash is not None:
        told.append(_in_use(look.station_hash == station_hash))
    return told


def _holds(verified: Verified) -> Finding:
    values: dict[str, object] = {"events": verified.events, "signed": verified.signed, "last": verified.last}
    if verified.broken is None:
        said = "the newest file holds over {events} events; signed up to number {signed} of {last}"
        return ok("journal.holds", said, **values)
    remedy = "Keep its files as they are: they are evidence. Then `irctl journal verify --file`, and docs/verify.md"
    said = "does not hold from line {line} on: {why}"
    return problem("journal.holds", said, remedy, line=verified.broken.line, why=verified.broken.text, **values)


def _anchored(verified: Verified) -> Finding:
    if not any("anchor" in text for text in verified.unchecked):
        return ok("journal.anchor", "its last signed head is kept outside of it")
    remedy = "It is kept within a minute of the first event; a disk of its own is best: [journal] anchor"
    return unknown("journal.anchor", "whether its end is missing: no last signed head is kept outside of it", remedy)


def _in_use(same: bool) -> Finding:
    if same:
        return ok("file.in-use", "the controller runs on this file as it is now")
    remedy = "Look at the change; irctl config check FILE; start irctl again when nobody is treated"
    return warning("file.in-use", "was changed since the controller read it, or another file was meant", remedy)
