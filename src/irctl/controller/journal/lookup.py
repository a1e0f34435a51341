"""What is asked of the journal: from memory where it is there, from its files otherwise, in a thread beside the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, TypeVar

from irctl.controller.journal import segments
from irctl.controller.journal.examining import examine
from irctl.controller.journal.journal import Journal
from irctl.domain import chain, excerpt
from irctl.domain.chain import Event
from irctl.domain.excerpt import EVIDENCE_AFTER_S

PAGE = 1000
"""Events read at once, so that the loop is not kept from the lamps."""

Files = Sequence[tuple[int, IO[bytes]]]
T = TypeVar("T")


async def page(journal: Journal, after: int, limit: int) -> list[Event]:
    """The next `limit` events after a number; fewer only at the end. Raises OSError, ValueError for a file that cannot be read."""
    found = journal.memory.page(after, limit)
    return found if found is not None else await _from_files(journal, lambda files: _page(files, after, limit))


async def session_events(journal: Journal, session: str) -> list[Event]:
    """A session's own events, what happened to its lamp and station meanwhile, and the controller's start before it. Empty where it is not here."""
    if journal.memory.has_samples_of(session):
        return _concerning(journal.events, session)
    return _concerning(await _from_files(journal, lambda files: _story(files, session)), session)


async def stretch(journal: Journal, session: str) -> tuple[Event | None, list[Event]]:
    """The controller's start before a session, and every event from shortly before its order to the checkpoint that signs its end.

    Where that checkpoint is not written yet, to the journal's end. Nothing where the session is not here, or has not ended.
    """
    own = await session_events(journal, session)
    if not any(e["event"] == excerpt.ENDED and e["session"] == session for e in own):
        return None, []
    ordered = next(e["seq"] for e in own if e["event"] == excerpt.ORDERED)
    after, found = max(0, ordered - 1 - excerpt.BEFORE), list[Event]()
    while (needed := excerpt.through(found, session)) is None:
        more = await page(journal, after, PAGE)
        if not more:
            break
        found += more
        after = more[-1]["seq"]
    return next((e for e in own if e["seq"] < ordered), None), found[:needed]


async def sessions(journal: Journal, limit: int) -> list[dict[str, Any]]:
    """The newest `limit` sessions with their outcomes, newest first."""
    found = _listed(journal.events)
    if len(found) >= limit or journal.memory.complete_after == 0:
        return found[:limit]
    return await _from_files(journal, lambda files: _sessions(files, limit))


def stretch_in(path: Path, session: str) -> list[Event]:
    """Everything from a session's order to its end, and the controller's start before it, without a controller: from the journal at `path` and the closed
    files before it; from a closed file alone. Empty where it is not here. Raises OSError, ValueError.
    """
    before = [] if segments.is_closed(path) else [part.path for part in segments.closed(path) if not part.moved]
    for each in [path, *reversed(before)]:
        with each.open("rb") as file:
            if story := segments.story(file, session, EVIDENCE_AFTER_S):
                return story
    return []


async def examined(journal: Journal) -> chain.Verified:
    """Whether the file that is written to holds. Only that one: a year of them would take the controller's time while it treats."""
    async with journal.reading:
        return await asyncio.to_thread(examine, journal.path, journal.anchoring.path, alone=True)


async def named(journal: Journal, *names: str) -> list[Event]:
    """Every event whose name begins so, oldest first, however long ago."""
    return await _from_files(journal, lambda files: _named(files, names))


async def _from_files(journal: Journal, read: Callable[[Files], T]) -> T:
    def reading() -> T:
        with ExitStack() as open_files:
            files = journal.opened()
            for _, file in files:
                open_files.enter_context(file)
            return read(files)

    async with journal.reading:
        return await asyncio.to_thread(reading)


def _page(files: Files, after: int, limit: int) -> list[Event]:
    found: list[Event] = []
    for place in range(len(files) - 1, -1, -1):
        first, file = files[place]
        behind = files[place - 1][0] if place else float("inf")
        if behind <= after + 1 or len(found) >= limit:
            continue
        found += segments.page(file, first, after, limit - len(found))
    return found


def _story(files: Files, session: str) -> list[Event]:
    for _, file in files:
        if story := segments.story(file, session, EVIDENCE_AFTER_S):
            return story
    return []


def _sessions(files: Files, limit: int) -> list[dict[str, Any]]:
    events: list[Event] = []
    for _, file in files:
        events = segments.sessions_in(file) + events
        if len(found := _listed(events)) >= limit:
            return found[:limit]
    return _listed(events)


def _named(files: Files, names: tuple[str, ...]) -> list[Event]:
    found = {event["seq"]: event for _, file in files for event in segments.named_in(file, names)}
    return [found[seq] for seq in sorted(found)]


def _concerning(events: Sequence[Event], session: str) -> list[Event]:
    mine = [e for e in events if e.get("session") == session]
    if not mine:
        return []
    first, lamp, until_s = mine[0]["seq"], mine[0]["lamp"], mine[-1]["mono_s"] + EVIDENCE_AFTER_S

    def concerns(event: Event) -> bool:
        if "session" in event:
            return event["session"] == session
        return event.get("lamp", lamp) == lamp and event["mono_s"] <= until_s

    started = [e for e in events if e["event"] == "controller.started" and e["seq"] < first][-1:]
    return started + [e for e in events if e["seq"] >= first and concerns(e)]


def _listed(events: Sequence[Event]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        match event["event"]:
            case "session.ordered":
                found[event["session"]] = {
                    "id": event["session"],
                    "lamp": event["lamp"],
                    "ordered_at": event["at"],
                    "order": event["order"],
                    "outcome": None,
                    "reason": None,
                    "delivered": None,
                    "dose_source": None,
                    "levels_pct": None,
                }
            case "session.ended" if event["session"] in found:
                found[event["session"]] |= {
                    key: event.get(key)
                    for key in ("outcome", "reason", "delivered", "ended_at", "dose_source", "levels_pct")
                }
            case _:
                pass
    return list(reversed(found.values()))
