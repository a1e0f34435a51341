"""Rows as JSON, the same from either database, and their hash: for comparing tables, and for a back-up."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Column, Connection, LargeBinary, RowMapping, String, Table

from irctl.records.tables import Moment

AT_ONCE = 1000
"""Rows in memory."""


def told(table: Table, row: RowMapping) -> dict[str, Any]:
    """A row as JSON holds it: moments as text, bytes in base64."""
    return {column.name: _told(row[column.name]) for column in table.columns}


def _told(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def heard(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row again. Raises KeyError, TypeError, ValueError for one that is none of this table's."""
    if set(row) != {column.name for column in table.columns}:
        raise ValueError(f"not a row of {table.name}")
    return {column.name: _heard(column.type, row[column.name]) for column in table.columns}


def _heard(kind: object, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, Moment):
        return datetime.fromisoformat(value)
    if isinstance(kind, LargeBinary):
        return base64.b64decode(value, validate=True)
    return value


def rows(connection: Connection, table: Table, controller: str | None = None) -> Iterator[dict[str, Any]]:
    """Every row as JSON, in the order of its key."""
    key = [_bytewise(connection, column) for column in table.primary_key]
    query = table.select().order_by(*key).execution_options(yield_per=AT_ONCE)
    if controller is not None:
        query = query.where(table.c.controller == controller)
    for row in connection.execute(query).mappings():
        yield told(table, row)


def _bytewise(connection: Connection, column: Column[Any]) -> Any:
    """PostgreSQL sorts texts as its language has it; SQLite, and this, as their bytes are."""
    as_text = connection.dialect.name == "postgresql" and isinstance(column.type, String)
    return column.collate("C") if as_text else column


def line(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def digest(connection: Connection, table: Table, controller: str | None = None) -> str:
    found = sha256()
    for row in rows(connection, table, controller):
        found.update(line(row))
    return found.hexdigest()
