"""A stretch of the journal for people outside: one session's events, and of everything between them no more than keeps the chain.

What belongs to other sessions is a *stub*: number, hash and the hash before it. A hash says nothing of what was hashed, so nobody's reference leaves with
another patient's record. The chain can be followed across a stub, but not computed: its hash cannot be made anew, so a checkpoint vouches by itself only for
what lies between the last stub and it. The rest, and which events are stubs, is the controller's word: its journal's key signs the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from irctl.domain.chain import CHECKPOINT, Event, canonical

FORMAT = "irctl-excerpt-1"
BEFORE = 1
"""Events before the order."""
EVIDENCE_AFTER_S = 5.0
"""The evidence of a stop is complete at most this long after the session it ended."""
STUB = ("seq", "prev", "hash")
ORDERED, ENDED, STARTED = "session.ordered", "session.ended", "controller.started"
LATCHED, EVIDENCE, CLEARED = "stop.latched", "stop.evidence", "stop.cleared"
STATION = frozenset(
    {
        STARTED,
        "controller.stopped",
        "lamp.dark_verified",
        "lamp.unverified",
        "alarm",
        LATCHED,
        EVIDENCE,
        CLEARED,
        CHECKPOINT,
    }
)
"""Told of a lamp or of the whole station: nothing in them is about somebody. What is not named here stays a stub."""


def shows(event: Event, session: str, lamp: str) -> bool:
    """Whether an excerpt of this session, given at this lamp, holds the event whole."""
    if "session" in event:
        return event["session"] == session
    return event["event"] in STATION and event.get("lamp") in (None, lamp)


def through(events: Sequence[Event], session: str) -> int | None:
    """How many of these events an excerpt needs: through the first signed checkpoint after the session's end and the evidence of its stop. None: go on."""
    ordered, until_s, awaited = False, float("inf"), False
    for count, event in enumerate(events, start=1):
        name = event["event"]
        ended = until_s < float("inf")
        if name == LATCHED:
            awaited = ordered and not ended
        elif name in (EVIDENCE, CLEARED) or (ended and (name == STARTED or event["mono_s"] > until_s)):
            awaited = False
        if event.get("session") == session:
            ordered = ordered or name == ORDERED
            until_s = event["mono_s"] + EVIDENCE_AFTER_S if name == ENDED else until_s
        if ended and name == CHECKPOINT and not awaited:
            return count
    return None


def payload(
    events: Sequence[Event], session: str, *, started: Event | None, station: str, version: str, made_at: str
) -> dict[str, Any]:
    """What the controller seals. `events` have no gaps, the session's order and end among them; `started`: the controller's start before its order."""
    (ordered,) = (e for e in events if e["event"] == ORDERED and e.get("session") == session)
    lamp = ordered["lamp"]
    return {
        "format": FORMAT,
        "session": session,
        "lamp": lamp,
        "station": station,
        "software": f"irctl {version}",
        "made_at": made_at,
        "first": events[0]["seq"],
        "last": events[-1]["seq"],
        "started": None if started is None else dict(started),
        "events": [
            dict(event) if shows(event, session, lamp) else {name: event[name] for name in STUB} for event in events
        ],
    }


def is_stub(event: Mapping[str, Any]) -> bool:
    return set(event) == set(STUB)


def whole(payload: Mapping[str, Any]) -> list[Event]:
    """What a session's note is read from: the controller's start, where it is known, and every event, stubs among them."""
    started = payload["started"]
    return ([] if started is None else [started]) + list(payload["events"])


def digest(payload: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON, hexadecimal: what is signed."""
    return sha256(canonical(payload)).hexdigest()


def message(payload: Mapping[str, Any]) -> bytes:
    """The bytes that the journal's key signs."""
    return f"irctl excerpt\n{payload['session']}\n{digest(payload)}\n".encode()
