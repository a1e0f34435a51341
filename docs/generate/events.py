"""The journal's events: what each means, its fields, and an example from a day in the simulator."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from docs.generate.day import day
from docs.generate.markdown import form, in_a_cell, table
from docs.generate.written import ANYTHING, written
from irctl.domain.chain import Event
from irctl.domain.events import SUBJECTS

OF_EVERY_EVENT = {
    "seq": "its number; no number is missing",
    "at": "the wall clock, UTC",
    "mono_s": "the clock that doses follow, in seconds; only differences mean anything",
    "event": "its name",
    "prev": "the hash of the event before",
    "hash": "SHA-256 of `prev` and of all the rest ([how](verify.md#by-hand))",
}


def page() -> str:
    """Raises LookupError for an event whose fields nobody knows."""
    seen = defaultdict[str, list[Event]](list)
    for event in day().events:
        seen[event["event"]].append(event)
    told = ["## What every event has\n", table(("field", ""), [(f"`{f}`", what) for f, what in OF_EVERY_EVENT.items()])]
    for subject, events in SUBJECTS.items():
        told.append(f"## {subject}\n")
        for name, meaning in events.items():
            told += [f"### `{name}`\n", f"{meaning}\n", _table(name, seen[name])]
    return "\n".join(told)


def _table(name: str, seen: Sequence[Event]) -> str:
    if seen:
        return table(("field", "", "such as"), _rows(name, seen))
    return f"Fields: {', '.join(f'`{field}`' for field in _fields(name, seen))}.\n"


def _rows(name: str, seen: Sequence[Event]) -> Iterator[tuple[str, str, str]]:
    for field in _fields(name, seen):
        values = [event[field] for event in seen if field in event]
        forms = sorted({form(value) for value in values}, key=lambda one: one == "null")
        example = next((value for value in values if value is not None), None)
        yield f"`{field}`", " or ".join(forms), in_a_cell(example) if values else ""


def _fields(name: str, seen: Sequence[Event]) -> list[str]:
    """In the order of their names, as they stand in the journal."""
    found: set[str] = {field for event in seen for field in event}
    ways = [one for pattern, one in written().items() if _is(name, pattern)]
    for one in ways:
        found |= one.fields
    if not seen and not all(one.whole for one in ways):
        raise LookupError(
            f"{name}: the code does not say its fields in one place; let it happen in docs/generate/day.py"
        )
    return sorted(found - OF_EVERY_EVENT.keys())


def _is(name: str, pattern: str) -> bool:
    return name == pattern or (pattern.endswith(ANYTHING) and name.startswith(pattern.removesuffix(ANYTHING)))
