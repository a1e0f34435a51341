"""Fees: CMS's files as they are imported, and what a day's codes come to. Nothing of a patient is in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.documents.rvu import (
    NATIONAL,
    Asked,
    Estimate,
    Folder,
    Localities,
    Origin,
    Participant,
    RelativeValues,
    estimate,
    factor_of,
)
from irctl.documents.rvu.reading import BYTES_MAX
from irctl.domain.people import Verb
from irctl.domain.problems import Refused

UPLOAD = "/billing/rvu/files"
"""Where a page sends a file to."""
UPLOAD_MAX = BYTES_MAX + 8192
"""Bytes, with the form around it."""


@dataclass(frozen=True, slots=True)
class Question:
    """`locality`: AL-00, or empty for national."""

    codes: tuple[Asked, ...]
    day: date
    locality: str = ""
    facility: bool = False
    participant: Participant = "other"


def bring(desk: Desk, acting: Acting, name: str, data: bytes, reason: str) -> tuple[Origin, bool]:
    """Keep a file of CMS's; says whether it took the place of one. What the clinic reckons with is a setting: for whoever may configure. Raises Refused."""
    person = acting.require(Verb.CONFIGURE, reason=reason)
    origin, replaced = desk.fees.bring(data, name, acting.at)
    desk.accounts.audit.write(
        None, acting.at, person.login, "fees-imported", origin.file[:120],
        kind=origin.kind, year=origin.year, rows=origin.rows, sha256=origin.sha256, replaced=replaced, reason=reason.strip(),
    )  # fmt: skip
    return origin, replaced


def worked_out(folder: Folder, asked: Question) -> Estimate:
    """Raises Refused: without the files of that year, and as `estimate` does."""
    values: RelativeValues = folder.values(asked.day.year)
    place = folder.localities(asked.day.year).find(asked.locality) if asked.locality else NATIONAL
    factor = factor_of(folder.factors(), asked.day, asked.participant, values.factor)
    return estimate(asked.codes, values, place, factor, asked.day, facility=asked.facility)


def localities(folder: Folder, year: int) -> Localities | None:
    """None where none of this year can be read."""
    try:
        return folder.localities(year)
    except Refused:
        return None


def by_participant(folder: Folder, day: date) -> bool:
    """Whether the factor depends on who takes part in an advanced payment model."""
    return any(one.participant for one in folder.factors() if one.since <= day <= one.until)
