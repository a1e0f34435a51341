"""Sessions as lists: newest first, narrowed by what is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from irctl.records.database import Database
from irctl.records.tables import amendments, controllers, sessions


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sessions; what is empty narrows nothing."""

    patient: str = ""
    lamp: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None
    """Before this moment."""


def listed(database: Database, wanted: Wanted, limit: int) -> list[dict[str, Any]]:
    """Sessions with the name of their station and how often they were amended. Raises Refused."""
    amended = select(func.count()).where(
        amendments.c.controller == sessions.c.controller, amendments.c.session == sessions.c.session
    )
    query = select(sessions, controllers.c.station, amended.scalar_subquery().label("amendments")).outerjoin(
        controllers, controllers.c.controller == sessions.c.controller
    )
    for name in ("patient", "lamp", "outcome"):
        if value := getattr(wanted, name):
            query = query.where(sessions.c[name] == value)
    if wanted.since:
        query = query.where(sessions.c.ordered_at >= wanted.since)
    if wanted.until:
        query = query.where(sessions.c.ordered_at < wanted.until)
    newest = query.order_by(sessions.c.ordered_at.desc(), sessions.c.controller, sessions.c.session.desc()).limit(limit)
    with database.reading() as connection:
        return [dict(row) for row in connection.execute(newest).mappings()]
