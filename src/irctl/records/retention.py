"""What has been kept longer than it need be: listed for somebody to decide over. Nothing is deleted here, and nothing deletes by itself.

A patient's records count from the last thing that was written of them, as retention laws do (in Germany ten years, § 630f BGB): all of a patient's are old, or none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, func, select

from irctl.records.database import Database
from irctl.records.tables import amendments, paper_versions, papers, patient_versions, sessions

YEAR = timedelta(days=365.25)
NOBODY = ""


@dataclass(frozen=True, slots=True)
class Old:
    """One patient by reference, and when anything was last written of them. Sessions of no patient are one line, whose reference is empty."""

    patient: str
    last_at: datetime
    sessions: int
    papers: int


def before(now: datetime, years: float) -> datetime:
    """What was last written before this moment is older than `years`."""
    return now - years * YEAR


def old(database: Database, before: datetime) -> list[Old]:
    """The longest ago first. Raises Refused."""
    same_paper = (papers.c.kind == paper_versions.c.kind) & (papers.c.paper == paper_versions.c.paper)
    same_session = (sessions.c.controller == amendments.c.controller) & (sessions.c.session == amendments.c.session)
    lit = func.coalesce(sessions.c.ended_at, sessions.c.started_at, sessions.c.ordered_at)
    with database.reading() as connection:
        given = _last(connection, select(sessions.c.patient, func.max(lit), func.count()))
        written = _last(
            connection,
            select(papers.c.patient, func.max(paper_versions.c.at), func.count(papers.c.paper.distinct()))
            .join(paper_versions, same_paper)
            .where(papers.c.patient.is_not(None)),
        )
        known = _last(connection, select(patient_versions.c.patient, func.max(patient_versions.c.at), func.count()))
        amended = _last(
            connection,
            select(sessions.c.patient, func.max(amendments.c.at), func.count()).join(amendments, same_session),
        )
    found: list[Old] = []
    for patient in given.keys() | written.keys() | known.keys():
        last_at = max(told[patient][0] for told in (given, written, known, amended) if patient in told)
        if last_at < before:
            sessions_of, papers_of = (told[patient][1] if patient in told else 0 for told in (given, written))
            found.append(Old(patient, last_at, sessions_of, papers_of))
    return sorted(found, key=lambda one: (one.last_at, one.patient))


def _last(connection: Connection, query: Select[Any, Any, int]) -> Mapping[str, tuple[datetime, int]]:
    """By patient: when last, and how many. What has no time is not judged."""
    rows = connection.execute(query.group_by(query.selected_columns[0]))
    return {patient or NOBODY: (at, number) for patient, at, number in rows if at is not None}
