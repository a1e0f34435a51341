"""Searching the sessions of many years: newest first, page after page, each page from where the one before ended.

No page is found by counting rows: a page far back costs what the first does, and sessions that come meanwhile neither repeat a row nor hide one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, func, literal, select, tuple_

from irctl.records.database import Database
from irctl.records.tables import (
    accounts,
    alarms,
    amendments,
    calibrations,
    checks,
    controllers,
    papers,
    sessions,
    signatures,
    stops,
)

VISIT = "visit"
SIGNED = "signed"
USUAL = "completed"
"""How nearly every session ends."""
UNSIGNED = ("open", "armed", "given")
"""States of a visit's paper that somebody still has to sign."""
CONTROLLER_CHARS = 16
"""Of the fingerprint before the stroke in `controller/session`."""

Key = tuple[str, str]
"""A session's: its controller and its id there."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sessions; what is empty narrows nothing."""

    patients: Collection[str] | None = None
    """References; an empty collection fits nobody."""
    lamp: str = ""
    outcome: str = ""
    """As the journal has it; `running` for those that have not ended."""
    protocol: str = ""
    since: datetime | None = None
    until: datetime | None = None
    """Before this moment."""
    signed: bool | None = None
    """False: somebody still has to sign the visit."""
    amended: bool = False
    alarms: bool = False
    """With one or more."""


@dataclass(frozen=True, slots=True)
class Place:
    """Behind one row of a list: when it was, and what tells it from others of the same moment."""

    at: datetime
    key: tuple[str, str | int]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first; `next` is where the following page begins, None after the last."""

    rows: tuple[Mapping[str, Any], ...]
    next: Place | None


def found(database: Database, wanted: Wanted, limit: int, after: Place | None = None) -> Page:
    """Sessions as the journals tell them, and what is known of each beside: `station`, `amendments`, `alarms`, `visit`, `visit_state`, `signed_by` (names).

    A session whose order is missing from the journal is not among them: it has no place in time. Raises Refused.
    """
    with database.reading() as connection:
        query = narrowed(select(sessions).where(sessions.c.ordered_at.is_not(None)), wanted)
        rows, following = _page(connection, query, sessions.c.ordered_at, sessions.c.session, limit, after)
        return Page(tuple(_with_more(connection, rows)), following)


def counted(database: Database, wanted: Wanted) -> int:
    """How many there are."""
    query = narrowed(select(func.count()).select_from(sessions).where(sessions.c.ordered_at.is_not(None)), wanted)
    with database.reading() as connection:
        return connection.execute(query).scalar_one()


def choices(database: Database) -> tuple[list[str], list[str]]:
    """Lamps and protocols that sessions were given with, each found by one step through its index."""
    with database.reading() as connection:
        return _distinct(connection, "lamp"), _distinct(connection, "protocol")


def narrowed(query: Select[Any], wanted: Wanted) -> Select[Any]:
    """The query with what is asked for."""
    if wanted.patients is not None:
        query = query.where(sessions.c.patient.in_(sorted(wanted.patients)))
    few = wanted.amended or wanted.alarms or wanted.signed is False
    rare = wanted.outcome not in ("", USUAL)
    for name in ("lamp", "protocol"):
        if value := getattr(wanted, name):
            query = query.where(_column(name, begins=not few and not rare) == value)
    if wanted.outcome == "running":
        query = query.where(sessions.c.outcome.is_(None))
    elif wanted.outcome:
        query = query.where(_column("outcome", begins=not few) == wanted.outcome)
    if wanted.since:
        query = query.where(sessions.c.ordered_at >= wanted.since)
    if wanted.until:
        query = query.where(sessions.c.ordered_at < wanted.until)
    key = tuple_(sessions.c.controller, sessions.c.session)
    if wanted.amended:
        query = query.where(key.in_(select(amendments.c.controller, amendments.c.session)))
    if wanted.alarms:
        query = query.where(key.in_(select(alarms.c.controller, alarms.c.session).where(alarms.c.session.is_not(None))))
    if wanted.signed is not None:
        query = query.where(_signed() if wanted.signed else key.in_(_awaiting()))
    return query


def _column(name: str, *, begins: bool) -> Any:
    """A column to compare; unless the search `begins` with it, so that its index is not taken where another finds fewer rows to look at."""
    column = sessions.c[name]
    return column if begins else func.coalesce(column, "")


def _signed() -> Any:
    mine = papers.c.session == sessions.c.controller + "/" + sessions.c.session
    return select(papers.c.paper).where(mine, papers.c.kind == VISIT, papers.c.state == SIGNED).exists()


def _awaiting() -> Select[Any, Any]:
    """Those whose visit is unsigned: few, so they are what the search begins with."""
    controller = func.substr(papers.c.session, 1, CONTROLLER_CHARS)
    session = func.substr(papers.c.session, CONTROLLER_CHARS + 2)
    unsigned = papers.c.state.in_(UNSIGNED) & papers.c.session.is_not(None)
    return select(controller, session).where(papers.c.kind == VISIT, unsigned)


def _distinct(connection: Connection, name: str) -> list[str]:
    """A search of the index for each value, not a look at every row."""
    column, values = sessions.c[name], list[str]()
    while True:
        query = select(func.min(column))
        following = connection.execute(query.where(column > values[-1]) if values else query).scalar()
        if following is None:
            return values
        values.append(following)


# --- pages -----------------------------------------------------------------------------------------------------------------


def _page(
    connection: Connection, query: Select[Any], at: Any, key: Any, limit: int, after: Place | None
) -> tuple[list[dict[str, Any]], Place | None]:
    """One more than asked for is read: whether anything follows."""
    controller = at.table.c.controller
    if after:
        last = tuple_(literal(after.at, at.type), *after.key)
        query = query.where(at <= after.at, tuple_(at, controller, key) < last)
    query = query.order_by(at.desc(), controller.desc(), key.desc()).limit(limit + 1)
    rows = [dict(row) for row in connection.execute(query).mappings()]
    if len(rows) <= limit:
        return rows, None
    last_row = rows[limit - 1]
    return rows[:limit], Place(last_row[at.name], (last_row["controller"], last_row[key.name]))


def _with_more(connection: Connection, rows: list[dict[str, Any]]) -> Iterable[Mapping[str, Any]]:
    """What other tables know of these rows, each asked once."""
    keys = [(row["controller"], row["session"]) for row in rows]
    if not keys:
        return []
    stations = {row.controller: row.station for row in connection.execute(select(controllers))}
    amended, alarmed = _counts(connection, amendments, keys), _counts(connection, alarms, keys)
    known = [f"{controller}/{session}" for controller, session in keys]
    visits = {
        row.session: row
        for row in connection.execute(
            select(papers.c.session, papers.c.paper, papers.c.state).where(
                papers.c.session.in_(known), papers.c.kind == VISIT
            )
        )
    }
    signers = _signers(connection, [row.paper for row in visits.values() if row.state == SIGNED])
    return [
        {
            **row,
            "station": stations.get(row["controller"]),
            "amendments": amended.get(key, 0),
            "alarms": alarmed.get(key, 0),
            "visit": visit.paper if visit else None,
            "visit_state": visit.state if visit else None,
            "signed_by": tuple(signers.get(visit.paper, ())) if visit else (),
        }
        for key, row in zip(keys, rows, strict=True)
        for visit in [visits.get("/".join(key))]
    ]


def _counts(connection: Connection, table: Table, keys: Collection[Key]) -> dict[Key, int]:
    pair = (table.c.controller, table.c.session)
    # Not as pairs in a list: for those SQLite looks through the whole table. What is counted beyond them, nobody asks for.
    several = pair[0].in_({one for one, _ in keys}) & pair[1].in_({one for _, one in keys})
    query = select(*pair, func.count()).where(several).group_by(*pair)
    return {(controller, session): number for controller, session, number in connection.execute(query)}


def _signers(connection: Connection, visits: Collection[str]) -> dict[str, list[str]]:
    """Printed names, for the list; the record itself shows each signature as it was sealed."""
    query = (
        select(signatures.c.paper, accounts.c.name, signatures.c.login)
        .outerjoin(accounts, accounts.c.login == signatures.c.login)
        .where(signatures.c.kind == VISIT, signatures.c.paper.in_(visits))
        .order_by(signatures.c.at)
    )
    found: dict[str, list[str]] = {}
    for paper, name, login in connection.execute(query) if visits else ():
        found.setdefault(paper, []).append(name or login)
    return found


# --- what else the journals tell ----------------------------------------------------------------------------------------------

HAPPENED: Mapping[str, tuple[Table, str, str]] = {
    "alarms": (alarms, "at", "alarm"),
    "stops": (stops, "at", "seq"),
    "calibrations": (calibrations, "started_at", "calibration"),
    "checks": (checks, "at", "seq"),
}
"""Each with its moment and its key beside the controller."""


def happened(
    database: Database,
    what: str,
    limit: int,
    after: Place | None = None,
    *,
    lamp: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page:
    """Alarms, stops, calibrations or checks, newest first, with the name of their station. Raises Refused, and KeyError for anything else."""
    table, moment, key = HAPPENED[what]
    at = table.c[moment]
    query = (
        select(table, controllers.c.station)
        .outerjoin(controllers, controllers.c.controller == table.c.controller)
        .where(at.is_not(None))
    )
    if lamp and "lamp" in table.c:
        query = query.where(table.c.lamp == lamp)
    if since:
        query = query.where(at >= since)
    if until:
        query = query.where(at < until)
    with database.reading() as connection:
        rows, following = _page(connection, query, at, table.c[key], limit, after)
    return Page(tuple(rows), following)
