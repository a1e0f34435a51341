"""The papers of a whole course in statements: progress report, plan of care, discharge summary, letter to the referrer."""

from __future__ import annotations

from collections.abc import Iterator

from irctl.documents.course.common import (
    BLANK,
    of_every_paper,
    outcomes,
    patient,
    planned,
    proposal,
    steps_table,
    visits_table,
    why,
)
from irctl.documents.course.sources import moment, paper, person, the_plan
from irctl.documents.course.statements import Statement, said
from irctl.documents.dossier import Dossier
from irctl.documents.figures import date


def progress(dossier: Dossier) -> Iterator[Statement]:
    """How the course goes: for the payer's review and for whoever decides whether to go on."""
    yield from _begun(dossier)
    yield from why(dossier)
    yield from planned(dossier)
    yield from outcomes(dossier)
    yield from proposal(dossier)
    yield _next(dossier)
    yield visits_table(dossier)
    yield from _unsigned(dossier)


def plan_of_care(dossier: Dossier) -> Iterator[Statement]:
    """What is to be certified."""
    plan, source = dossier.plan, the_plan(dossier)
    yield from _begun(dossier)
    yield from why(dossier)
    yield from planned(dossier)
    yield said("planned", "Plan written", f"{date(plan.planned_at)} by {person(plan.planned_by)}", source)
    yield steps_table(dossier)
    yield said("baseline-pain", "Pain before the course (NPRS)", f"{plan.baseline_nprs} of 10", source)
    base = plan.baseline_function
    scale = plan.function_scale or "function scale"
    yield said("baseline-function", f"Function before the course ({scale})", "" if base is None else str(base), source)
    written = "; ".join(plan.protocol.sources) if plan.protocol else ""
    yield said("protocol-sources", "Sources of the protocol", written, source)
    discipline = dossier.coverage.discipline
    yield said("discipline", "Discipline", discipline, f"coverage of course {dossier.course}")
    yield from _unsigned(dossier)


def discharge(dossier: Dossier) -> Iterator[Statement]:
    """How the course ended."""
    plan = dossier.plan
    yield from _begun(dossier)
    yield from why(dossier)
    yield from planned(dossier)
    yield from outcomes(dossier)
    yield from proposal(dossier)
    by = (
        f"{(plan.closed_by and person(plan.closed_by)) or 'nobody named'}, {moment(plan.closed_at)}"
        if plan.closed_at
        else ""
    )
    source = f"course {dossier.course}, closed {moment(plan.closed_at)}" if plan.closed_at else the_plan(dossier)
    yield said("closed", "Course closed", by and f"{plan.state} by {by}", source)
    yield said("closed-because", "Because", plan.closed_because, source)
    yield _next(dossier)
    yield visits_table(dossier)
    yield from _unsigned(dossier)


def letter(dossier: Dossier) -> Iterator[Statement]:
    """To whoever referred the patient."""
    yield from _begun(dossier)
    yield from why(dossier)
    yield from planned(dossier)
    yield from outcomes(dossier)
    yield from proposal(dossier)
    yield _next(dossier)
    state = {"active": "still under way", "ended": "ended", "stopped": "stopped early"}[dossier.plan.state]
    because = f": {dossier.plan.closed_because}" if dossier.plan.closed_because else ""
    yield said("state", "The course", f"{state}{because}", the_plan(dossier))
    yield from _unsigned(dossier)


def _begun(dossier: Dossier) -> Iterator[Statement]:
    yield from of_every_paper(dossier)
    yield said("made", "Written on", date(dossier.made_at))
    yield from patient(dossier)


def _next(dossier: Dossier) -> Statement:
    """What the last visit planned."""
    last = next((v for v in reversed(dossier.given) if v.response and v.response.plan), None)
    if last is None or last.response is None:
        return said("plan", "Plan", "")
    return said("plan", "Plan", last.response.plan, paper(last, "response"))


def _unsigned(dossier: Dossier) -> Iterator[Statement]:
    """Reports are signed on paper or where they are filed: irctl holds signatures of visits only."""
    author = dossier.plan.planned_by
    yield said(
        "author", "For the clinic", person(author) + (f", NPI {author.npi}" if author.npi else ""), the_plan(dossier)
    )
    yield Statement("signature", "Signature", BLANK)
