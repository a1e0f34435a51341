"""What somebody takes away: sessions as a table, a course, one session as evidence. Who took how much of what is in the audit before it is out."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from io import StringIO
from typing import Any
from urllib.parse import quote

from irctl.clinic.acting import Acting
from irctl.clinic.care import courses, sessions
from irctl.clinic.desk import Desk
from irctl.clinic.handover.dossiers import gather
from irctl.clinic.session_filter import filter_of, wanted_of
from irctl.documents.exported import Exported, calibration_of, made
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused
from irctl.records import searching

AT_ONCE = 500
MARK = "\ufeff"
"""Spreadsheets read UTF-8 only where it says so."""
COLUMNS = (
    "controller", "session", "station", "simulated", "patient", "area", "protocol", "lamp", "lamp_serial", "ordered_at", "ordered_by",
    "started_at", "ended_at", "ended_by", "outcome", "reason", "hazard", "prescribed_j_cm2", "irradiance_mw_cm2", "time_on_s",
    "delivered_min_j_cm2", "delivered_j_cm2", "delivered_max_j_cm2", "dose_source", "irradiance_mean_mw_cm2", "skin_c_max",
    "cem43_min", "distance_cm", "calibration", "alarms", "amendments", "visit", "visit_state", "signed_by",
)  # fmt: skip
BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Full-width ones, too: some spreadsheets take them as the others."""


def export(
    desk: Desk, acting: Acting, asked: Mapping[str, str], reason: str, *, with_names: bool = False
) -> Iterator[str]:
    """Pieces of a CSV of the sessions that an address asks for, ordered before now. `with_names`: each is a look at somebody. Raises Refused, at once."""
    person = acting.require(Verb.EXPORT, reason=reason)
    wanted = wanted_of(asked, desk.zone)
    until = min(wanted.until, acting.at) if wanted.until else acting.at
    wanted = replace(wanted, until=until)
    rows = searching.counted(desk.database, wanted)
    if not rows:
        raise Refused([Problem("sessions", None, "are none", "Ask for others")])
    desk.accounts.audit.write(
        None, acting.at, person.login, "export", "sessions",
        filter=filter_of(asked), rows=rows, names=with_names, reason=reason.strip(),
    )  # fmt: skip
    return _pieces(desk, acting, wanted, with_names)


async def course_json(desk: Desk, acting: Acting, course: str, reason: str) -> str:
    """A course's dossier as JSON, which documents, claims and health records are made from; in the audit before it is out. Raises Refused."""
    person = acting.require(Verb.EXPORT, reason=reason)
    gathered = await gather(desk, acting, course, "export")
    if gathered.away:
        why = next(iter(gathered.away.values()))
        raise Refused([Problem("journal", None, f"of a visit is out of reach: {why}", "Switch the station on")])
    desk.accounts.audit.write(
        None, acting.at, person.login, "export", course, rows=1, names=True, reason=reason.strip()
    )
    return gathered.dossier.model_dump_json(indent=1) + "\n"


async def evidence(desk: Desk, acting: Acting, controller: str, session: str, reason: str) -> Exported:
    """One session for somebody outside, who can verify it from the file alone; in the audit before it is out. Raises Refused.

    With the patient and the course where it was given in a visit; a session without one has neither.
    """
    person = acting.require(Verb.EXPORT, reason=reason)
    visit, told = await desk.run(sessions.visit_of, desk, controller, session), dict[str, Any]()
    if visit is None:
        await desk.run(sessions.look, desk, acting, controller, session, "evidence")
    else:
        gathered = await gather(desk, acting, visit.index.parent or "", "evidence", only=visit.id)
        told["dossier"] = gathered.dossier
        told["versions"] = desk.papers.versions(courses.VISIT, visit.id)
        told["signatures"] = desk.papers.signatures(courses.VISIT, visit.id)
    station = await sessions.station_of(desk, controller)
    excerpt = await station.get(f"/v1/sessions/{session}/excerpt")
    if (calibration := calibration_of(excerpt["excerpt"])) is not None:
        told["certificate"] = await station.get(f"/v1/calibrations/{quote(calibration, safe='')}/certificate")
    desk.accounts.audit.write(
        None, acting.at, person.login, "export", session, rows=1, names=visit is not None, reason=reason.strip()
    )
    return made(excerpt, by=person.login, at=acting.at, sign=desk.seal, **told)


def _pieces(desk: Desk, acting: Acting, wanted: searching.Wanted, with_names: bool) -> Iterator[str]:
    columns = (*COLUMNS, "name") if with_names else COLUMNS
    yield MARK + _lines([columns])
    after: searching.Place | None = None
    while True:
        page = searching.found(desk.database, wanted, AT_ONCE, after)
        names = sessions.names(desk, acting, page.rows, "export") if with_names else {}
        told = ({**row, "name": names.get(row["patient"] or "", "")} for row in page.rows)
        yield _lines([[_cell(row[column]) for column in columns] for row in told])
        if (after := page.next) is None:
            return


def _lines(rows: Any) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula begins with an apostrophe: then it is text there, too."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return value
        case datetime():
            return value.isoformat()
        case tuple():
            return _cell("; ".join(map(str, value)))  # type: ignore[reportUnknownArgumentType]
        case _:
            written = str(value)
            return f"'{written}" if written.lstrip(" ").startswith(BEGINS_A_FORMULA) else written
