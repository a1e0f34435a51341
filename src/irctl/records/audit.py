"""The audit: what people did, beside looking at patients. Only ever added to; the database itself refuses the rest.

No password, PIN or token is ever told here, nor what somebody typed as a login that nobody has: often enough it is a password.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, Table, func, literal, select, tuple_

from irctl.records import tables
from irctl.records.database import Database

SECRET = frozenset({"password", "pin", "token", "secret", "hash", "cookie", "csrf"})
LOOKED = "patient-"
"""Before what a look at a patient was, in the merged trail: `patient-found`, `patient-history`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `by` and `about` are logins, references or numbers; nobody's printed name."""

    at: datetime
    by: str
    """Empty where nobody was signed in."""
    what: str
    about: str
    told: Mapping[str, Any]
    id: int = 0
    """Its number among those of its kind."""


class Audit:
    """Every call raises Refused where the database cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(
        self, connection: Connection | None, at: datetime, by: str, what: str, about: str = "", **told: Any
    ) -> None:
        """One line, in the transaction of what it tells of; None where there is no other. `told` is plain JSON."""
        if found := SECRET & told.keys():
            raise ValueError(f"{sorted(found)} do not belong in the audit")
        row = {"at": at, "by": by, "what": what, "about": about, "told": told}
        if connection is not None:
            connection.execute(tables.audit.insert().values(row))
            return
        with self._database.writing() as own:
            own.execute(tables.audit.insert().values(row))

    def listed(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        by: str = "",
        what: str = "",
        limit: int = 100,
    ) -> list[Entry]:
        """Newest first; looks at patients are elsewhere. `until` is before that moment; what is empty narrows nothing."""
        query = _narrowed(tables.audit, since, until, by, what, limit)
        with self._database.reading() as connection:
            return [_entry(row) for row in connection.execute(query).mappings()]

    def counted(self, whats: Collection[str]) -> dict[str, int]:
        """How often each of these was ever written; what never was is not in it."""
        query = select(tables.audit.c.what, func.count()).where(tables.audit.c.what.in_(whats))
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query.group_by(tables.audit.c.what))}

    def trail(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        by: str = "",
        what: str = "",
        limit: int = 100,
        *,
        about: str = "",
        after: Entry | None = None,
    ) -> list[Entry]:
        """Both, newest first: what people did, and whom they looked at (`patient-…`, with the reason).

        `after`: the last one of the page before; of one moment, what people did stands before whom they looked at.
        """
        of_audit = _narrowed(tables.audit, since, until, by, what, limit)
        of_views = _narrowed(tables.views, since, until, by, what.removeprefix(LOOKED), limit)
        if about:
            of_audit = of_audit.where(tables.audit.c.about == about)
            of_views = of_views.where(tables.views.c.patient == about)
        if after:
            looked = after.what.startswith(LOOKED)
            of_audit = _behind(of_audit, tables.audit, after.at, 0 if looked else after.id)
            of_views = _behind(of_views, tables.views, after.at, after.id if looked else None)
        with self._database.reading() as connection:
            done = [] if what.startswith(LOOKED) else [_entry(row) for row in connection.execute(of_audit).mappings()]
            elsewhere = bool(what) and not what.startswith(LOOKED)
            seen = [] if elsewhere else [_look(row) for row in connection.execute(of_views).mappings()]
        return list(merge(done, seen, key=lambda entry: entry.at, reverse=True))[:limit]


def _behind(query: Select[Any], table: Table, at: datetime, number: int | None) -> Select[Any]:
    """What is older; of the same moment, those with a smaller number, or all of them."""
    if number is None:
        return query.where(table.c.at <= at)
    return query.where(table.c.at <= at, tuple_(table.c.at, table.c.id) < tuple_(literal(at, table.c.at.type), number))


def _narrowed(
    table: Table, since: datetime | None, until: datetime | None, by: str, what: str, limit: int
) -> Select[Any]:
    query = select(table)
    if since:
        query = query.where(table.c.at >= since)
    if until:
        query = query.where(table.c.at < until)
    if by:
        query = query.where(table.c.by == by)
    if what:
        query = query.where(table.c.what == what)
    return query.order_by(table.c.at.desc(), table.c.id.desc()).limit(limit)


def _entry(row: RowMapping) -> Entry:
    return Entry(row["at"], row["by"], row["what"], row["about"], row["told"], row["id"])


def _look(row: RowMapping) -> Entry:
    return Entry(row["at"], row["by"], f"{LOOKED}{row['what']}", row["patient"], {"why": row["why"]}, row["id"])
