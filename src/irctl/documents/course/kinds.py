"""Which papers there are: what each is called, its template, what it states, and what it must state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from irctl.documents.course import note, reports
from irctl.documents.course.required import DISCHARGE, EVERY, PLAN, PROGRESS, REFERRER, TREATMENT, Table
from irctl.documents.course.statements import Statement
from irctl.documents.dossier import Dossier, Visit
from irctl.documents.typesetting import TEMPLATES


class Kind(StrEnum):
    """As `--kind` names them."""

    TREATMENT_NOTE = "treatment-note"
    PROGRESS_REPORT = "progress-report"
    PLAN_OF_CARE = "plan-of-care"
    DISCHARGE_SUMMARY = "discharge-summary"
    REFERRER_LETTER = "referrer-letter"


@dataclass(frozen=True, slots=True)
class Paper:
    """One kind of paper."""

    title: str
    about: str
    required: Table
    of_course: Callable[[Dossier], Iterable[Statement]] | None = None
    """None: it is of one visit."""
    chart: bool = False

    def statements(self, dossier: Dossier, visit: Visit | None) -> tuple[Statement, ...]:
        """All of them. Raises ValueError where a visit is needed and not given."""
        if self.of_course is not None:
            return tuple(self.of_course(dossier))
        if visit is None:
            raise ValueError("this paper is of one visit")
        return tuple(note.statements(dossier, visit))


PAPERS: dict[Kind, Paper] = {
    Kind.TREATMENT_NOTE: Paper("Treatment note", "one visit, as a payer reads it", EVERY | TREATMENT),
    Kind.PROGRESS_REPORT: Paper(
        "Progress report", "how a course goes, with charts", EVERY | PROGRESS, reports.progress, chart=True
    ),
    Kind.PLAN_OF_CARE: Paper("Plan of care", "what is to be certified", EVERY | PLAN, reports.plan_of_care),
    Kind.DISCHARGE_SUMMARY: Paper(
        "Discharge summary", "how a course ended", EVERY | DISCHARGE, reports.discharge, chart=True
    ),
    Kind.REFERRER_LETTER: Paper(
        "Letter to the referrer", "a page for who sent the patient", EVERY | REFERRER, reports.letter
    ),
}


def template_of(kind: Kind) -> Path:
    """Our own template."""
    return TEMPLATES / f"{kind.value.replace('-', '_')}.typ"
