"""Amendments of a session's record: what somebody says is right, and why, beside what the journal says, which stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from irctl.domain.problems import Problem, Refused
from irctl.records.database import Database
from irctl.records.sealing import Ring
from irctl.records.tables import amendments, sessions

AMENDABLE = frozenset({"patient", "area", "protocol", "ordered_by", "distance_cm", "note"})
"""What people say of a session. What was measured is not amended: a note may say what is to be thought of it."""


@dataclass(frozen=True, slots=True)
class Amendment:
    """One of them, numbered from 1."""

    version: int
    at: datetime
    by: str
    reason: str
    changes: Mapping[str, Any]


def amend(
    database: Database,
    ring: Ring,
    session: tuple[str, str],
    changes: Mapping[str, Any],
    by: str,
    reason: str,
    at: datetime,
) -> Amendment:
    """Amend a session, known by its controller and its id. Raises Refused."""
    controller, name = session
    said = (("by", by), ("reason", reason))
    problems = [Problem(what, text, "is empty", "It goes into the record") for what, text in said if not text.strip()]
    problems += [
        Problem(field, value, "cannot be amended", f"Only {', '.join(sorted(AMENDABLE))}")
        for field, value in changes.items()
        if field not in AMENDABLE
    ]
    if not changes:
        problems.append(Problem("changes", None, "are empty", "Say what is right"))
    with database.writing() as connection:
        mine = (sessions.c.controller == controller) & (sessions.c.session == name)
        if connection.execute(select(sessions.c.session).where(mine)).first() is None:
            problems.append(Problem("session", name, "is not in the records", "See `irctl records sessions`"))
        if problems:
            raise Refused(problems)
        mine = (amendments.c.controller == controller) & (amendments.c.session == name)
        version = (connection.execute(select(func.max(amendments.c.version)).where(mine)).scalar() or 0) + 1
        key = ring.current
        sealed = key.seal({"reason": reason, "changes": dict(changes)}, place(controller, name, version))
        key_of_row = {"controller": controller, "session": name, "version": version}
        connection.execute(amendments.insert().values(**key_of_row, at=at, by=by, key_id=key.id, sealed=sealed))
    return Amendment(version, at, by, reason, dict(changes))


def amendments_of(database: Database, ring: Ring, session: tuple[str, str]) -> list[Amendment]:
    """Oldest first. Raises Refused."""
    controller, name = session
    mine = (amendments.c.controller == controller) & (amendments.c.session == name)
    with database.reading() as connection:
        found = connection.execute(select(amendments).where(mine).order_by(amendments.c.version)).all()
    opened = [(row, ring.open(row.key_id, row.sealed, place(controller, name, row.version))) for row in found]
    return [Amendment(row.version, row.at, row.by, told["reason"], told["changes"]) for row, told in opened]


def place(controller: str, session: str, version: int) -> str:
    return f"amendments\n{controller}\n{session}\n{version}"
