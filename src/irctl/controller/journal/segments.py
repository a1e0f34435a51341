"""The journal's files: the one that is written, closed ones before it, and notes of those that were moved away.

journal.jsonl             is written to
journal-000000001.jsonl   closed; the name has the number of its first event
journal-000000001.moved   where there was one: its numbers and hashes, so that the chain is still known
journal.next              the beginning of the next file, while one file follows another
"""

from __future__ import annotations

import json
import mmap
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

from irctl.controller.journal.disk import replace
from irctl.controller.journal.memory import SAMPLE, unfolded
from irctl.domain import chain
from irctl.domain.chain import SET_ASIDE, Elsewhere, Event

NEXT, MOVED = ".next", ".moved"
LINE_MAX = 64 * 2**20
"""Bytes. Longer than any event, even one that carries the samples of an open session; beyond it, whatever it is is no journal."""
CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed file, or what is left of it where it was moved away."""

    first: int
    path: Path

    @property
    def moved(self) -> bool:
        return self.path.suffix == MOVED


def closed(path: Path) -> list[Closed]:
    """The closed files that belong to the journal at `path`, oldest first. Where a file and its note are both there, the file counts."""
    pattern = re.compile(re.escape(path.stem) + r"-(\d{9,})(\.jsonl|\.moved)")
    found: dict[int, Closed] = {}
    for name in sorted(os.listdir(path.parent), reverse=True):  # .moved before .jsonl
        if match := pattern.fullmatch(name):
            first = int(match[1])
            found[first] = Closed(first, path.with_name(name))
    return [found[first] for first in sorted(found)]


def closed_name(path: Path, first: int) -> Path:
    return path.with_name(f"{path.stem}-{first:09d}{path.suffix}")


def is_closed(path: Path) -> bool:
    """Whether a file's name is that of a closed one."""
    return re.fullmatch(r".*-\d{9,}", path.stem) is not None


def next_name(path: Path) -> Path:
    return path.with_suffix(NEXT)


def settle(path: Path) -> bool:
    """Finish what a crash cut off while one file followed another. False where a file should be there and is not. Raises OSError.

    The next file is whole before anything is renamed: without a current file it takes its place; beside one, nothing had happened yet.
    """
    following = next_name(path)
    if path.exists():
        following.unlink(missing_ok=True)
        return True
    if following.exists():
        following.rename(path)
        return True
    return not closed(path)


def lines_of(path: Path) -> Iterator[bytes]:
    """A file's lines, one at a time. Raises OSError."""
    with path.open("rb") as file:
        yield from _lines_in(file)


def _lines_in(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(LINE_MAX):
        yield line


def parse(lines: Iterable[str | bytes]) -> Iterator[Event]:
    """Events from a journal's lines. Raises ValueError on a line that is no event."""
    for line in lines:
        record: Any = json.loads(line)
        if not isinstance(record, dict):
            raise ValueError("not an event")
        yield cast("dict[str, Any]", record)


def readable(path: Path) -> Iterator[Event]:
    """The lines of a file that does not hold which are, each by itself, as they were written. Raises OSError."""
    if not path.exists():
        return
    for line in lines_of(path):
        with suppress(ValueError, RecursionError):
            (event,) = parse([line])
            if isinstance(event.get("seq"), int) and event.get("hash") == chain.link(event):
                yield event


def walk_folder(path: Path, walk: chain.Walk, archive: Path | None = None) -> None:
    """Along every file of the journal at `path`, and those in `archive` that were moved there. Raises OSError, ValueError for a note that is none."""
    with ExitStack() as held:
        parts, current = _as_they_are(path)
        if current:
            held.enter_context(current)
        for part in parts:
            _walk_closed(part, walk, archive)
        if current:
            through(walk.follow(_lines_in(current), path.name))


def _as_they_are(path: Path) -> tuple[list[Closed], IO[bytes] | None]:
    """The closed files and, open, the one that follows them: a controller that goes on to its next file meanwhile must not look like a loss."""
    while True:
        parts = closed(path)
        current = path.open("rb") if path.exists() else None
        if closed(path) == parts:
            return parts, current
        if current:
            current.close()


def _walk_closed(part: Closed, walk: chain.Walk, archive: Path | None) -> None:
    there = _here(part, archive)
    if there == part.path:
        through(walk.follow(lines_of(part.path), part.path.name))
        return
    stretch = read_moved(part.path)
    if there is None:
        walk.pass_over(stretch, part.path.name)
        return
    through(walk.follow(lines_of(there), there.name))
    if walk.broken is None and (walk.last, walk.head) != (stretch.last, stretch.head):
        walk.broken = chain.Break(
            0, f"is not the file that was moved away: that one ended with {stretch.last}", there.name
        )


def through(events: Iterator[Event]) -> None:
    """To the end, for what the walk finds."""
    for _ in events:
        pass


def write_moved(path: Path, stretch: Elsewhere, to: Path) -> None:
    """The note that stays. Raises OSError."""
    replace(path, asdict(stretch) | {"to": str(to)})


def read_moved(path: Path) -> Elsewhere:
    """Raises ValueError for a file that is no such note, OSError."""
    found: Any = json.loads(path.read_text(encoding="utf-8"))
    try:
        return Elsewhere(int(found["first"]), int(found["last"]), str(found["prev"]), str(found["head"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path.name} does not say what was moved: {error!r}") from None


def end_of(part: Closed) -> tuple[int, str] | None:
    """The number and hash of a closed file's last event. None where it cannot be read. Raises OSError, ValueError."""
    if part.moved:
        stretch = read_moved(part.path)
        return stretch.last, stretch.head
    event = last_event(part.path) or {}
    return (event["seq"], event["hash"]) if {"seq", "hash"} <= event.keys() else None


def last_event(path: Path) -> Event | None:
    """A closed file's last event, without reading the rest of it. None where there is no whole one. Raises OSError."""
    with path.open("rb") as file:
        whole = last_line_end(file)
        begin = last_line_end(file, whole - 1) if whole else 0
        file.seek(begin)
        with suppress(ValueError):
            return next(parse([file.read(whole - begin)]))
    return None


def last_line_end(file: IO[bytes], before: int | None = None) -> int:
    """Where the last whole line ends, looking back from `before` (the file's end)."""
    end = file.seek(0, os.SEEK_END) if before is None else before
    while end > 0:
        begin = max(0, end - CHUNK)
        file.seek(begin)
        found = file.read(end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


def events_after(path: Path, after: int, archive: Path | None = None) -> Iterator[Event]:
    """The events with a higher number than `after`, of every file of the journal at `path` and those in `archive`, as they are: judged is nothing.

    A file that is not here is passed over; a line that is just being written ends it. Raises OSError, ValueError.
    """
    with ExitStack() as held:
        parts, current = _as_they_are(path)
        if current:
            held.enter_context(current)
        ends = [part.first - 1 for part in parts[1:]] + ([_first_in(current) - 1] if current else [])
        for part, end in zip(parts, ends, strict=False):
            here = _here(part, archive)
            if here is not None and end > after:
                with here.open("rb") as file:
                    yield from _after(file, part.first, after)
        if current:
            yield from _after(current, _first_in(current), after)


def _here(part: Closed, archive: Path | None) -> Path | None:
    if not part.moved:
        return part.path
    there = archive / part.path.with_suffix(".jsonl").name if archive else None
    return there if there is not None and there.exists() else None


def _first_in(file: IO[bytes]) -> int:
    file.seek(0)
    line = file.readline(LINE_MAX)
    file.seek(0)
    return next(parse([line]))["seq"] if line.endswith(b"\n") else 1


def _after(file: IO[bytes], first: int, after: int) -> Iterator[Event]:
    _skip_lines(file, max(0, after + 1 - first))
    while (line := file.readline(LINE_MAX)).endswith(b"\n"):
        yield from parse([line])


# --- reading what is no longer in memory ---------------------------------------------------------------------------------


def page(file: IO[bytes], first: int, after: int, limit: int) -> list[Event]:
    """Up to `limit` events with a higher number than `after`, from a file that begins with number `first`.

    Each line is one event and the numbers have no gaps: lines are counted, not parsed.
    """
    return list(islice(_after(file, first, after), limit))


def _skip_lines(file: IO[bytes], count: int) -> None:
    at = 0
    while count > 0 and (chunk := file.read(CHUNK)):
        inside = chunk.count(b"\n")
        if inside >= count:
            for _ in range(count):
                at = chunk.index(b"\n", at) + 1
            file.seek(at - len(chunk), os.SEEK_CUR)
            return
        count -= inside


def story(file: IO[bytes], session: str, after_end_s: float) -> list[Event]:
    """A session's stretch of a file: the controller's start before it, then everything from its order to `after_end_s` seconds after its end.

    Empty where the session is not in this file.
    """
    if os.fstat(file.fileno()).st_size == 0:
        return []
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        begin = _begin_of(data, session)
        started = [] if begin is None else _started_before(data, begin)
    if begin is None:
        return []
    file.seek(begin)
    found, until_s = list[Event](), float("inf")
    while (line := file.readline(LINE_MAX)).endswith(b"\n"):
        (event,) = parse([line])
        anew = event["event"] == "controller.started" and until_s < float("inf")
        if event["mono_s"] > until_s or anew:
            break
        found.append(event)
        if event["event"] == "session.ended" and event["session"] == session:
            until_s = event["mono_s"] + after_end_s
    return started + unfolded(found)


def _begin_of(data: mmap.mmap, session: str) -> int | None:
    """Where the line begins that has this session's order. A later file may name the session too: in what it was handed, or with an alarm."""
    key = b'"session":' + json.dumps(session, ensure_ascii=False).encode("utf-8", "replace")
    at = 0
    while (at := data.find(key, at)) >= 0:
        begin, end = _line_around(data, at)
        found = unfolded(parse(_whole(data[begin:end])))
        if any(e["event"] == "session.ordered" and e["session"] == session for e in found):
            return begin
        at = end
    return None


def _started_before(data: mmap.mmap, begin: int) -> list[Event]:
    at = data.rfind(b'"event":"controller.started"', 0, begin)
    if at < 0:
        return []
    first, end = _line_around(data, at)
    return [e for e in unfolded(parse([data[first:end]])) if e["event"] == "controller.started"][-1:]


def _line_around(data: mmap.mmap, at: int) -> tuple[int, int]:
    return data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at) + 1 or len(data)


def _whole(line: bytes) -> list[bytes]:
    """None of a line that is just being written."""
    return [line] if line.endswith(b"\n") else []


def sessions_in(file: IO[bytes]) -> list[Event]:
    """The orders and ends of a file's sessions, and what opened it."""
    names = ("session.ordered", "session.ended")
    return [e for e in named_in(file, names) if e["event"] in names]


def named_in(file: IO[bytes], names: tuple[str, ...]) -> list[Event]:
    """A file's events whose names begin so, with those that it was handed by the file before it."""
    marks = [f'"event":"{name}'.encode() for name in (*names, SET_ASIDE)]
    sample = f'"event":"{SAMPLE}"'.encode()
    found: list[Event] = []
    while (line := file.readline(LINE_MAX)).endswith(b"\n"):
        if sample not in line and any(mark in line for mark in marks):
            found += parse([line])
    return [e for e in unfolded(found) if e["event"].startswith(names)]
