"""Who is asked to pay for a course, and on what conditions: payer, authorisation, certified plan of care. One paper a course, versioned."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from irctl.clinic.acting import Acting
from irctl.clinic.care import courses
from irctl.clinic.desk import Desk
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused
from irctl.records.papers import Index, Paper, Wanted

KIND = "coverage"
Line = Annotated[str, Field(max_length=200)]


class CoverageBody(BaseModel):
    """What a person says of it; empty is not known. `payer` names a file of payer rules."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    payer: Annotated[str, Field(pattern=r"^([a-z][a-z0-9-]*)?$", max_length=40)] = ""
    member: Line = ""
    discipline: Literal["", "PT", "OT", "SLP"] = ""
    notice: Literal["none", "signed", "required-by-payer", "voluntary"] = "none"
    authorisation: Line = ""
    authorised_visits: Annotated[int, Field(ge=1, le=1000)] | None = None
    authorised_since: date | None = None
    authorised_until: date | None = None
    paid_this_year_usd: Annotated[float, Field(ge=0)] | None = None
    certified_by: Line = ""
    certified_on: date | None = None
    certified_until: date | None = None
    certificate_at: Line = ""
    """Where the signed plan is filed."""


def of_course(desk: Desk, course: str) -> Paper | None:
    """None where nobody has said anything yet."""
    found = desk.papers.find(KIND, Wanted(parent=course, limit=1))
    return found[0] if found else None


def body_of(paper: Paper | None) -> CoverageBody:
    return CoverageBody() if paper is None else CoverageBody.model_validate(paper.body)


def write(desk: Desk, acting: Acting, course: str, version: int, body: CoverageBody) -> Paper:
    """In place of `version` (0: the first). Raises Refused."""
    person = acting.require(Verb.SCHEDULE)
    if problems := _problems(body):
        raise Refused(problems)
    about = desk.papers.get(courses.KIND, course)
    told = body.model_dump(mode="json")
    if not version:
        return desk.papers.new(KIND, course, told, person, acting.at, Index(about.index.patient, acting.at, "", course))
    return desk.papers.amend(KIND, course, version, told, person, "brought up to date", acting.at)


def _problems(body: CoverageBody) -> list[Problem]:
    problems: list[Problem] = []
    for name, since, until in (
        ("authorised_until", body.authorised_since, body.authorised_until),
        ("certified_until", body.certified_on, body.certified_until),
    ):
        if since and until and until < since:
            problems.append(
                Problem(name, until.isoformat(), f"is before {since.isoformat()}", "Correct one of the two")
            )
    if bool(body.certified_by) != bool(body.certified_on):
        lacking = "certified_on" if body.certified_by else "certified_by"
        problems.append(Problem(lacking, None, "is missing", "Say who has certified the plan of care, and when"))
    return problems
