"""Whether a journal's excerpt is whole: each event by its hash, each by the one before it, the end by what it says of itself. In plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from irctl.domain.chain import CHECKPOINT, Event, Signed, checkpoint_problem, link
from irctl.domain.excerpt import ENDED, FORMAT, ORDERED, STARTED, is_stub


def problems(payload: Mapping[str, Any]) -> Iterator[str]:
    """Every place where it does not hold, by the event's number and kind. Raises what a value in the wrong place makes of it (KeyError, TypeError, …)."""
    if payload["format"] != FORMAT:
        yield f"it is of format {payload['format']!r}, and not {FORMAT}"
    events: Sequence[Event] = payload["events"]
    own = [event for event in events if event.get("session") == payload["session"]]
    yield from _one_story(payload, events, own)
    last, head = payload["first"] - 1, None
    for event in events:
        seq = event["seq"]
        if seq != last + 1:
            yield _gap(last + 1, seq)
        elif head is not None and event["prev"] != head:
            yield f"{told(event)} does not follow from event {last}: one of them was changed or put in its place"
        if not is_stub(event) and link(event) != event["hash"]:
            yield f"{told(event)} was changed: its content does not match its hash"
        last, head = seq, event["hash"]
    if last != payload["last"]:
        yield f"{_events(last + 1, payload['last'])} missing at its end: it was cut off after event {last}"
    if payload["started"] is not None:
        yield from _start(payload["started"], own)


def _one_story(payload: Mapping[str, Any], events: Sequence[Event], own: Sequence[Event]) -> Iterator[str]:
    for name in (ORDERED, ENDED):
        if (count := sum(event["event"] == name for event in own)) != 1:
            yield f"it holds {count} {name} of session {payload['session']} where one belongs"
    if own and own[0]["lamp"] != payload["lamp"]:
        yield f"the session was given at lamp {own[0]['lamp']}, and not at {payload['lamp']}"
    for event in events:
        if event.get("session", payload["session"]) != payload["session"]:
            yield f"{told(event)} belongs to another session"


def _start(started: Event, own: Sequence[Event]) -> Iterator[str]:
    if started["event"] != STARTED or (own and started["seq"] >= own[0]["seq"]):
        yield f"{told(started)} stands where the controller's start belongs"
    if link(started) != started["hash"]:
        yield f"{told(started)} was changed: its content does not match its hash"


@dataclass(frozen=True, slots=True)
class Vouched:
    """What the checkpoints of an excerpt say of it."""

    seqs: frozenset[int]
    """Numbers of events that a signed checkpoint vouches for by itself: no stub lies between."""
    signed: int
    """How many checkpoints are signed."""
    wrong: tuple[str, ...]
    """Those that are not, and why."""


def checkpoints(events: Sequence[Event], signed: Signed) -> Vouched:
    """Judge every checkpoint."""
    vouched, wrong, run, count = set[int](), list[str](), list[int](), 0
    for event in events:
        if is_stub(event):
            run = []
            continue
        if event["event"] == CHECKPOINT:
            if (why := checkpoint_problem(event, signed)) is None:
                count += 1
                vouched.update(run)
            else:
                wrong.append(f"{told(event)} is not valid: {why}")
        run.append(event["seq"])
    return Vouched(frozenset(vouched), count, tuple(wrong))


def told(event: Event) -> str:
    """An event's number and kind."""
    return f"event {event['seq']} ({event.get('event', 'of another session')})"


def shown(events: Sequence[Event]) -> int:
    """How many are held whole."""
    return sum(not is_stub(event) for event in events)


def _gap(expected: int, found: int) -> str:
    if found > expected:
        return f"{_events(expected, found - 1)} missing: taken out before event {found}"
    return f"event {found} stands where event {expected} belongs: events are repeated or out of order"


def _events(first: int, last: int) -> str:
    return f"event {first} is" if first == last else f"events {first} to {last} are"
