"""Does a template still print everything it must? Found out by looking at the pages.

A value that is really printed changes the picture when it changes. So the sample is set once as it is, and once more for each required value with its first or
its last character altered: pages that stay the same, pixel for pixel, do not show it. That holds for what is left out, cut short, printed in white, or put
beside the paper, which a search through the file's text would take for printed. It does not judge whether people can read it: look at the preview for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from irctl.documents.course.kinds import PAPERS, Kind, template_of
from irctl.documents.course.pdf import DATA, as_data, files_of, pictures, render_pdf, view_of
from irctl.documents.printed import View
from irctl.documents.sample import sample_dossier
from irctl.domain.problems import Problem, Refused

DOTS_PER_INCH = 50.0
"""A character of 7 pt is five dots high: enough for one to differ from another."""
SAMPLES: dict[Kind, tuple[str, ...]] = {Kind.TREATMENT_NOTE: ("V-00000001", "V-00000003")}
"""Which visits of the sample dossier a note is set of: one with everything, one refused."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked for, and each requirement that is not met, with its remedy."""

    kind: Kind
    looked_for: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        return not self.problems


def check(template: Path, kind: Kind) -> Checked:
    """Set the template with the sample and name every required statement that its pages do not show. Never raises for a bad template."""
    looked_for: dict[str, None] = {}
    found: dict[str, Problem] = {}
    try:
        for visit in SAMPLES.get(kind, (None,)):
            render_pdf(sample_dossier(), visit, kind=kind, template=template, attachment=b"{}")
            for name, problem in _of_sample(template, kind, visit):
                looked_for[name] = None
                if problem is not None:
                    found.setdefault(problem.field, problem)
    except Refused as refused:
        return Checked(kind, tuple(looked_for), refused.problems)
    return Checked(kind, tuple(looked_for), tuple(found.values()))


def allowed(template: Path, kind: Kind) -> Path:
    """The template, if it may be used; our own is. Raises Refused with everything it leaves out."""
    if template != template_of(kind) and not (checked := check(template, kind)).ok:
        raise Refused(checked.problems)
    return template


def _of_sample(template: Path, kind: Kind, visit_id: str | None) -> Iterator[tuple[str, Problem | None]]:
    dossier, paper = sample_dossier(), PAPERS[kind]
    visit = None if visit_id is None else dossier.visit(visit_id)
    files, told = files_of(dossier, visit, kind), view_of(paper, dossier, visit) | {"attached": False}
    usual = pictures(template, files, DOTS_PER_INCH)
    for key, required in paper.required.items():
        for name, altered in _altered(told, key):
            seen = pictures(template, files | {DATA: as_data(altered)}, DOTS_PER_INCH)
            remedy = f"Print it again, as irctl’s own {template_of(kind).name} does"
            limit = f"is not printed whole: {required.what} (asked for by {required.source})"
            yield key, Problem(name, template.name, limit, remedy) if seen == usual else None


def _altered(told: View, key: str) -> Iterator[tuple[str, View]]:
    """The view with one thing changed in it, for each thing that the statement is made of."""
    fact: View | None = told["facts"].get(key)
    if fact is None:
        return
    if fact["rows"] is None:
        for where in (0, -1):
            other = deepcopy(told)
            other["facts"][key]["value"] = changed(fact["value"], where)
            yield key, other
        return
    for row in {0, len(fact["rows"]) - 1} if fact["rows"] else ():
        for column, cell in fact["rows"][row].items():
            other = deepcopy(told)
            other["facts"][key]["rows"][row][column] = changed(cell, -1)
            yield f"{key}.{column}", other


def changed(words: str, where: int) -> str:
    """The same with its first (0) or last (-1) character another one that looks different."""
    letters = list(words or " ")
    letters[where] = "8" if letters[where] != "8" else "1"
    return "".join(letters)
