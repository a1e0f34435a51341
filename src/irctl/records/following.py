"""Follows a journal into the database: each event exactly once, by its controller and its number.

Rows and the cursor that counts them are written in one transaction. Whatever ends the process in between, what is in the database is what some whole number
of events say, and the next run goes on there. Events come from anywhere, in pieces of any size; what is known already is passed over, what is missing or
does not fit the chain is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import Any

from sqlalchemy import Connection, Table, func, select

from irctl.domain import chain
from irctl.domain.chain import CHECKPOINT, CONTINUED, GENESIS, SET_ASIDE, Event
from irctl.domain.problems import Problem, Refused
from irctl.records import projection, tables
from irctl.records.database import Database, upsert
from irctl.records.digest import digest
from irctl.records.projection import Known, Row

BATCH_EVENTS = 2000
"""In one transaction. More of them cost less each; another writer waits for as long as one takes, some tenths of a second."""
UNSYNCED = frozenset({"session.sample", "journal.anchor_failed"})
"""Written without a sync: a power cut may take them, and give their numbers to others, until something else is written behind them."""
LOOK_MAX_EVENTS = 1000
"""A journal is signed at least every 500 events."""
VERIFY = "Look into it: irctl journal verify. Keep the database, it knows what was there. Archived files are named with --archive"


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a journal is projected: the last event's number, hash and time."""

    seq: int = 0
    head: str = GENESIS
    at: datetime | None = None
    latched: int | None = None


@dataclass(frozen=True, slots=True)
class Followed:
    """What a run has done."""

    controller: str
    events: int
    """That were new."""
    seq: int
    differing: tuple[str, ...] = ()
    """Of a rebuild: the tables that are not as they were, up to the event that they had come to."""


def controller_of(events: Iterable[Event]) -> str | None:
    """Whose journal this is: the fingerprint of the key that signs it, from the first checkpoint. None while nothing is signed yet."""
    for event in islice(events, LOOK_MAX_EVENTS):
        if event.get("event") == CHECKPOINT:
            return str(event["key"])
    return None


def cursor(database: Database, controller: str) -> Cursor:
    """How far this journal is projected."""
    with database.reading() as connection:
        return _cursor(connection, controller)


def follow(database: Database, controller: str, events: Iterable[Event], batch: int = BATCH_EVENTS) -> Followed:
    """Project what is new. `events`: in order, from the cursor's own event or earlier on.

    What the journal itself could still lose waits for the next time. Raises Refused for what does not fit.
    """
    known, new = cursor(database, controller), 0
    reached = known.seq == 0
    for piece in _pieces(_on_disk(events), batch):
        reached = reached or int(piece[-1]["seq"]) >= known.seq
        with database.writing() as connection:
            new += _project(connection, controller, piece)
    if not reached:
        raise _refused(known.seq, "is in the database, and the journal ends before it: its end was lost")
    return Followed(controller, new, cursor(database, controller).seq)


def rebuild(database: Database, controller: str, events: Iterable[Event], batch: int = BATCH_EVENTS) -> Followed:
    """Project everything from the journal's beginning, in place of what is there of this controller; all of it, or nothing changes.

    Raises Refused, also where the journal no longer tells what the database knows: then the database is what is left of it.
    """
    with database.writing() as connection:
        before, gaps = _found(connection, controller), _gaps(connection, controller)
        seq = 0 if before is None else before.seq
        was = {table.name: digest(connection, table, controller) for table in tables.PROJECTED}
        for table in tables.PROJECTED:
            connection.execute(table.delete().where(table.c.controller == controller))
        stream, new = _on_disk(events), 0
        for piece in _pieces(_up_to(stream, seq), batch):
            new += _project(connection, controller, piece)
        differing = tuple[str, ...]()
        if before is not None:
            now = _cursor(connection, controller)
            if (now.seq, now.head) != (before.seq, before.head) or _gaps(connection, controller) - gaps:
                raise _refused(seq, "is in the database, and this journal no longer tells everything up to it")
            differing = tuple(t.name for t in tables.PROJECTED if digest(connection, t, controller) != was[t.name])
        for piece in _pieces(stream, batch):
            new += _project(connection, controller, piece)
        return Followed(controller, new, _cursor(connection, controller).seq, differing)


def _on_disk(events: Iterable[Event]) -> Iterator[Event]:
    """Without those at the end that a power cut could still take from the journal."""
    held: list[Event] = []
    for event in events:
        held.append(event)
        if event.get("event") not in UNSYNCED:
            yield from held
            held.clear()


def _pieces(events: Iterable[Event], size: int) -> Iterator[list[Event]]:
    stream = iter(events)
    while piece := list(islice(stream, size)):
        yield piece


def _up_to(stream: Iterator[Event], seq: int) -> Iterator[Event]:
    """Those up to this number, leaving the others in the stream."""
    for event in stream if seq else ():
        yield event
        if event["seq"] >= seq:
            return


# --- one batch -------------------------------------------------------------------------------------------------------------


def _project(connection: Connection, controller: str, events: Sequence[Event]) -> int:
    """Project a batch and move the cursor. The number of events that were new."""
    at = _cursor(connection, controller)
    known, rows, last, new = Known(at.latched), list[Row](), None, 0
    seq, head = at.seq, at.head
    for event in events:
        number = _number(event)
        if number <= seq:
            if number == seq and event.get("hash") != head:
                raise _refused(number, "is another event than the one that was projected: the history was written anew")
            continue
        if (newer := chain.newer(event)) is not None:
            raise Refused([Problem("seq", number, newer, "Use that version of irctl, or a newer one")])
        rows += _gap(event, seq, head)
        try:
            known, told = projection.project(known, event)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            why = f"{event.get('event')} is not as this version knows it: {error!r}"
            raise Refused(
                [Problem("seq", number, why, "Use the version of irctl that wrote it, or a newer one")]
            ) from None
        rows += told
        seq, head, last, new = number, str(event["hash"]), event, new + 1
    if last is not None:
        moment = datetime.fromisoformat(last["at"])
        values = {"seq": seq, "head": head, "at": moment, "projection": projection.VERSION, "latched": known.latched}
        _write(connection, controller, [*rows, Row(tables.cursors, "", values)])
    return new


def _number(event: Event) -> int:
    seq = event.get("seq")
    if isinstance(seq, int):
        return seq
    raise _refused(seq, "is no number: this is no event of a journal")


def _gap(event: Event, seq: int, head: str) -> list[Row]:
    """What is missing before this event, where the journal itself says why. Raises Refused where it does not fit the chain."""
    number, name = int(event["seq"]), event.get("event")
    whole = False
    with suppress(KeyError, TypeError, ValueError):
        whole = event["hash"] == chain.link(event)
    if not whole:
        raise _refused(number, "does not have the hash that it should have: it was changed")
    if number == seq + 1 and event["prev"] == head:
        return []
    if name == SET_ASIDE and event["prev"] == GENESIS:
        why = "the journal did not hold, and was set aside"
    elif name == CONTINUED and seq == 0:
        why = "the files before were not here"
    else:
        raise _refused(number, f"does not follow event {seq}, the last one here")
    return [Row(tables.gaps, number, {"after": seq, "why": why})] if number > seq + 1 else []


def _refused(seq: object, why: str) -> Refused:
    return Refused([Problem("seq", seq, why, VERIFY)], conflict=True)


def _write(connection: Connection, controller: str, rows: Sequence[Row]) -> None:
    """What is said of the same row is said at once, the last word winning, as if it had been written event by event."""
    merged: dict[tuple[str, str | int], tuple[Table, dict[str, Any]]] = {}
    for row in rows:
        _, values = merged.setdefault((row.table.name, row.key), (row.table, _key(row, controller)))
        values.update(_storable(row.values))
    alike = sorted(merged.values(), key=_alike)
    for _, group in groupby(alike, key=_alike):
        same = list(group)
        upsert(connection, same[0][0], [values for _, values in same])


def _alike(row: tuple[Table, dict[str, Any]]) -> tuple[str, list[str]]:
    return row[0].name, sorted(row[1])


def _key(row: Row, controller: str) -> dict[str, Any]:
    names = [column.name for column in row.table.primary_key]
    return dict(zip(names, (controller, row.key), strict=False))


def _storable(values: Mapping[str, Any]) -> dict[str, Any]:
    """PostgreSQL stores no U+0000, so neither database gets one."""
    return {
        name: value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value
        for name, value in values.items()
    }


def _cursor(connection: Connection, controller: str) -> Cursor:
    found = _found(connection, controller)
    if found is None:
        return Cursor()
    if found.projection != projection.VERSION:
        why = f"was projected by version {found.projection} of the projection, and this is {projection.VERSION}"
        raise Refused([Problem("database", controller, why, "Run `irctl records rebuild`")])
    return Cursor(found.seq, found.head, found.at, found.latched)


def _found(connection: Connection, controller: str) -> Any:
    return connection.execute(select(tables.cursors).where(tables.cursors.c.controller == controller)).first()


def _gaps(connection: Connection, controller: str) -> set[tuple[int, int]]:
    found = connection.execute(
        select(tables.gaps.c.after, tables.gaps.c.seq).where(tables.gaps.c.controller == controller)
    )
    return {(row.after, row.seq) for row in found}


def status(database: Database) -> list[dict[str, Any]]:
    """Each controller that was ever followed: how far, what is missing, how many rows."""
    with database.reading() as connection:
        stations = {row.controller: row for row in connection.execute(select(tables.controllers))}
        return [
            {
                "controller": row.controller,
                "station": stations[row.controller].station if row.controller in stations else None,
                "simulated": stations[row.controller].simulated if row.controller in stations else None,
                "seq": row.seq,
                "at": row.at,
                "projection": row.projection,
                "rebuild": row.projection != projection.VERSION,
                "gaps": sorted(_gaps(connection, row.controller)),
                "rows": {t.name: _count(connection, t, row.controller) for t in tables.PROJECTED},
            }
            for row in connection.execute(select(tables.cursors).order_by(tables.cursors.c.controller))
        ]


def _count(connection: Connection, table: Table, controller: str) -> int:
    counted = select(func.count()).select_from(table).where(table.c.controller == controller)
    return connection.execute(counted).scalar_one()
