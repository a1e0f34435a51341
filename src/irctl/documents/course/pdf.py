"""Papers of a course as pages: PDF to keep, pictures for a look."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from irctl.documents.course.chart import course_svg
from irctl.documents.course.kinds import PAPERS, Kind, Paper, template_of
from irctl.documents.course.statements import Evidence, evidence_of, facts_of
from irctl.documents.dossier import Dossier, Visit
from irctl.documents.plot import PANEL_HEIGHT_MIN
from irctl.documents.printed import View, visible
from irctl.documents.record import SessionNote
from irctl.documents.session_note import graph
from irctl.documents.typesetting import TypesettingError, pictured, typeset
from irctl.documents.wording import view
from irctl.domain.problems import Problem, Refused

DATA, GRAPH, CHART, ATTACHMENT = "paper.json", "graph.svg", "chart.svg", "session.json"
"""The files a template finds beside itself."""
EMBEDDED = b"/Type/EmbeddedFile"
"""As Typst writes an attachment into a PDF."""


def evidence(dossier: Dossier, visit: Visit) -> tuple[Evidence, ...]:
    """Every statement of the visit's treatment note, and what it rests on, nearest first."""
    return evidence_of(PAPERS[Kind.TREATMENT_NOTE].statements(dossier, visit))


def evidence_of_course(dossier: Dossier, kind: Kind) -> tuple[Evidence, ...]:
    """The same of a paper of the whole course."""
    return evidence_of(PAPERS[kind].statements(dossier, None))


def render_pdf(
    dossier: Dossier,
    visit_id: str | None = None,
    *,
    kind: Kind = Kind.TREATMENT_NOTE,
    template: Path | None = None,
    attachment: bytes | None = None,
    fonts: Sequence[Path] = (),
) -> bytes:
    """PDF/A-3a and PDF/UA-1, the same bytes for the same dossier. Raises Refused with the remedy.

    `visit_id` names a visit by its own id or its session's; only the treatment note has one. `template` is a clinic's Typst file in place of our own: check it
    first (`checking.check`). `attachment` is embedded as session.json.
    """
    source = template or template_of(kind)
    files = files_of(dossier, visit_of(dossier, visit_id, kind), kind, attachment=attachment)
    try:
        pdf = typeset(source, files, standards=("a-3a", "ua-1"), fonts=fonts)
    except (TypesettingError, OSError) as error:
        raise _unprintable(source, error) from None
    if attachment is not None and EMBEDDED not in pdf:
        remedy = 'Begin it with `#import "course.typ": *` and `#show: paper`'
        raise Refused([Problem("template", source.name, f"does not attach {ATTACHMENT}", remedy)])
    return pdf


def render_png(
    dossier: Dossier,
    visit_id: str | None = None,
    *,
    kind: Kind = Kind.TREATMENT_NOTE,
    template: Path | None = None,
    dots_per_inch: float = 110.0,
) -> list[bytes]:
    """The same pages as pictures, for a look at them. Raises Refused."""
    source = template or template_of(kind)
    files = files_of(dossier, visit_of(dossier, visit_id, kind), kind)
    return pictures(source, files, dots_per_inch)


def pictures(source: Path, files: dict[str, bytes], dots_per_inch: float) -> list[bytes]:
    """Raises Refused."""
    try:
        return pictured(source, files, dots_per_inch=dots_per_inch)
    except (TypesettingError, OSError) as error:
        raise _unprintable(source, error) from None


def visit_of(dossier: Dossier, visit_id: str | None, kind: Kind) -> Visit | None:
    """The visit a paper of this kind is about; None for papers of a course. Raises Refused."""
    if PAPERS[kind].of_course is not None:
        return None
    try:
        return dossier.visit(visit_id or "")
    except KeyError:
        known = ", ".join(visit.id for visit in dossier.visits) or "none"
        remedy = f"Name one of its visits: {known}"
        raise Refused([Problem("visit", visit_id, f"is no visit of course {dossier.course}", remedy)]) from None


def files_of(dossier: Dossier, visit: Visit | None, kind: Kind, *, attachment: bytes | None = None) -> dict[str, bytes]:
    """What lies beside the template."""
    paper = PAPERS[kind]
    note = visit.note if visit else None
    told = view_of(paper, dossier, visit) | {"attached": attachment is not None}
    files = {DATA: as_data(told), GRAPH: graph(note, PANEL_HEIGHT_MIN) if note else b""}
    files[CHART] = course_svg(dossier).encode() if told["chart"] else b""
    if attachment is not None:
        files[ATTACHMENT] = attachment
    return files


def as_data(told: View) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode()


def view_of(paper: Paper, dossier: Dossier, visit: Visit | None) -> View:
    """Everything a template prints; `facts` by key are what the check is about."""
    written = dossier.made_at
    note = visit.note if visit else None
    return visible(
        {
            "title": paper.title,
            "number": visit.id if visit else dossier.course,
            "course": dossier.course,
            "written": [written.year, written.month, written.day, written.hour, written.minute, written.second],
            "facts": facts_of(paper.statements(dossier, visit)),
            "chart": paper.chart and bool(dossier.given),
            "chart_alt": f"Pain, function and delivered dose of {len(dossier.given)} visits.",
            "light": _light(note) if note else None,
            "software": f"irctl {version('irctl')}",
        }
    )


def _light(note: SessionNote) -> View:
    told = view(note)
    kept = ("session", "dose", "outcome", "graph", "graph_alt", "timezone", "happenings", "record")
    return {key: told[key] for key in kept}


def _unprintable(source: Path, error: Exception) -> Refused:
    remedy = "Correct the template, or the words with characters that its fonts lack"
    return Refused([Problem("template", source.name, f"cannot be printed: {error}", remedy)])
