"""Back-up and restore: every row of every table as a line of JSON, the same from and to either database. What is encrypted stays encrypted.

The first line says what it is, the last how many rows there are and what hash they have: a back-up that was cut off or changed is not restored. A restored
database is read again and compared before anything counts. A back-up of an earlier version fills that version's tables, which are then brought to this one's as a
database that was upgraded would have been.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import groupby, islice
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Column, Connection, MetaData, Table, inspect, text

from irctl.domain.problems import Problem, Refused
from irctl.records.database import Database, empty, head, known_revisions
from irctl.records.digest import heard, line, rows
from irctl.records.tables import KEPT, NUMBERED, PROJECTED

FORMAT = "irctl records back-up"
FORMAT_VERSION = 1
TABLES = (*PROJECTED, *KEPT)
AT_ONCE = 1000
OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a back-up holds."""

    rows: int
    sha256: str
    made_at: str
    revision: str
    """Of the tables."""


def back_up(database: Database, path: Path, at: datetime) -> BackedUp:
    """One moment of the database, whatever is written meanwhile. On the disk under its name only when it is whole. Raises Refused."""
    beside = path.with_name(f"{path.name}.part")
    opening = {"format": FORMAT, "version": FORMAT_VERSION, "revision": head(), "made_at": at.isoformat()}
    found, number = sha256(), 0
    database.require()
    try:
        with (
            database.reading() as connection,
            os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY), "wb") as file,
        ):
            file.write(line(opening))
            for told in _lines(connection, TABLES):
                found.update(told)
                number += 1
                file.write(told)
            file.write(line({"rows": number, "sha256": found.hexdigest()}))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise _file_problem(path, error) from None
    return BackedUp(number, found.hexdigest(), at.isoformat(), head())


def restore(database: Database, path: Path) -> BackedUp:
    """Into a database without any row. All of it and verified, or nothing. Raises Refused."""
    backed_up = examine(path)
    database.prepare(backed_up.revision)
    try:
        with database.writing() as connection, path.open("rb") as file:
            tables = _tables(connection)
            if not empty(connection, tables.values()):
                remedy = "Name a new database; then point IRCTL_DATABASE to it"
                raise Refused([Problem("database", database.name, "is not empty", remedy)], conflict=True)
            next(file)
            _insert(connection, tables, islice(file, backed_up.rows))
            if (now := _hash(_lines(connection, tables.values()))) != backed_up.sha256:
                why = f"did not come back as it was: {now} is not {backed_up.sha256}"
                raise Refused([Problem("backup", str(path), why, "Nothing was restored; report this")])
    except (KeyError, TypeError, ValueError) as error:
        raise Refused([Problem("backup", str(path), f"has a row that is none: {error}", "Take another")]) from None
    except OSError as error:
        raise _file_problem(path, error) from None
    database.prepare()
    return backed_up


def examine(path: Path) -> BackedUp:
    """Whether a back-up is whole and unchanged. Raises Refused."""
    found, number = sha256(), 0
    try:
        with path.open("rb") as file:
            opening = _object(file.readline())
            last = b""
            for told in file:
                if last:
                    found.update(last)
                    number += 1
                last = told
    except OSError as error:
        raise _file_problem(path, error) from None
    if opening.get("format") != FORMAT or opening.get("version") != FORMAT_VERSION:
        raise Refused([Problem("backup", str(path), "is no back-up of these records", "Name the right file")])
    revision = opening.get("revision")
    if revision not in known_revisions():
        why = f"has tables of revision {revision}, and this irctl knows {head()}"
        raise Refused([Problem("backup", str(path), why, "Use the irctl that wrote it, or a newer one")])
    if _object(last) != {"rows": number, "sha256": found.hexdigest()}:
        raise Refused([Problem("backup", str(path), "is cut off or was changed", "Take another back-up")])
    return BackedUp(number, found.hexdigest(), str(opening["made_at"]), revision)


def _tables(connection: Connection) -> Mapping[str, Table]:
    """Those that are there, with the columns that they have: in an earlier revision some of today's are missing."""
    found, there = MetaData(), inspect(connection)
    names = there.get_table_names()
    for table in TABLES:
        if table.name in names:
            columns = {column["name"] for column in there.get_columns(table.name)}
            had = [Column(c.name, c.type, primary_key=c.primary_key) for c in table.columns if c.name in columns]
            Table(table.name, found, *had)
    return found.tables


def _lines(connection: Connection, tables: Iterable[Table]) -> Iterator[bytes]:
    for table in tables:
        for row in rows(connection, table):
            yield line({"table": table.name, "row": row})


def _hash(lines: Iterable[bytes]) -> str:
    found = sha256()
    for told in lines:
        found.update(told)
    return found.hexdigest()


def _insert(connection: Connection, tables: Mapping[str, Table], lines: Iterable[bytes]) -> None:
    found = (_object(told) for told in lines)
    for name, group in groupby(found, key=lambda told: str(told["table"])):
        table = tables[name]
        while piece := [heard(table, told["row"]) for told in islice(group, AT_ONCE)]:
            connection.execute(table.insert(), piece)
    if connection.dialect.name == "postgresql":  # the numbers that were given must not be given again
        for table in (table for table in NUMBERED if table.name in tables):
            highest = f"(SELECT coalesce(max(id), 0) + 1 FROM {table.name})"
            numbered = f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {highest}, false)"
            connection.execute(text(numbered))


def _object(told: bytes) -> dict[str, Any]:
    """Empty for what is no JSON object."""
    try:
        found: Any = json.loads(told)
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _file_problem(path: Path, error: OSError) -> Refused:
    return Refused([Problem("backup", str(path), error.strerror or str(error), "Check its name, rights and space")])
