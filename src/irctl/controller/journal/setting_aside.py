"""A journal that does not hold is kept as evidence, and a new one begins by saying so. What can still be read of the old one goes on to count."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from irctl.controller.clock import WallClock, now_s
from irctl.controller.journal import segments
from irctl.controller.journal.anchor import ANCHOR, AtOnce, read_anchor
from irctl.controller.journal.beginning import Beginning
from irctl.controller.journal.disk import sync_folder
from irctl.controller.journal.memory import Memory
from irctl.controller.journal.reopening import newer
from irctl.controller.journal.seal import PUBLIC_KEY, Seal, verifier
from irctl.domain import chain


def set_aside(path: Path, clock: WallClock, *, by: str, reason: str, anchor: Path | None = None) -> Path:
    """Give the journal at `path` a name that says when, and begin a new chain in its place; the numbers go on, so that none is given twice.

    To be called within a running loop, with the state folder claimed. The old journal's new path. Raises OSError; ValueError, also for one that a newer irctl
    has written: nobody here could say what of it counts.
    """
    if (why := newer(path)) is not None:
        raise ValueError(why)
    broken = path.with_name(f"{path.stem}-set-aside-{clock():%Y%m%dT%H%M%SZ}{path.suffix}")
    lines = segments.lines_of(path) if path.exists() else ()
    held = chain.verify(lines, verifier(path.with_name(PUBLIC_KEY)))
    memory, former = _what_counts(path), _former(path)
    anchor = anchor or path.with_name(ANCHOR)
    last = max(memory.last, _anchored(anchor, broken), former["seq"] if former else 0)
    beginning = Beginning.after(
        last,
        chain.GENESIS,
        chain.SET_ASIDE,
        Seal.of(path.parent, anew=True),
        clock,
        file=broken.name,
        held_events=held.events,
        held_head=held.head,
        former=former,
        by=by,
        reason=reason,
        **memory.carried(clock()),
    )
    os.close(beginning.write(segments.next_name(path), os))
    with suppress(FileNotFoundError):
        path.rename(broken)
    segments.next_name(path).rename(path)
    sync_folder(path.parent)
    AtOnce(anchor).keep(beginning.anchor, now_s())
    return broken


def _what_counts(path: Path) -> Memory:
    """Given doses, alarms, a stop that nobody cleared, sessions that nobody ended. The closed file before has it where the current one has lost its beginning."""
    memory = Memory()
    here = [part.path for part in segments.closed(path) if not part.moved][-1:]
    for event in (event for file in [*here, path] for event in segments.readable(file)):
        with suppress(KeyError, TypeError, ValueError):  # an event of no known form is evidence, and tells nothing
            memory.add(event, now_s(), read=True)
    return memory


def _former(path: Path) -> dict[str, Any] | None:
    """Where the closed files end: by what the journal's beginning says, else by what is there. None where there is none, or it cannot be read."""
    first = next(segments.readable(path), None)
    if first and first["event"] in (chain.CONTINUED, chain.SET_ASIDE):
        return first.get("former")
    parts = segments.closed(path)
    end = segments.end_of(parts[-1]) if parts else None
    return None if end is None else {"seq": end[0], "hash": end[1]}


def _anchored(anchor: Path, broken: Path) -> int:
    """The highest number that was ever anchored; the anchor is kept beside what was set aside."""
    with suppress(FileNotFoundError, ValueError):
        broken.with_suffix(".anchor").write_bytes(anchor.read_bytes())
        known = read_anchor(anchor)
        return known.seq if known else 0
    return 0
