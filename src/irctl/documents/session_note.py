"""The session note: one page for the clinician's file, made from the journal alone.

`session_note` reads a session's events, `note_json` writes them down for machines, `render_pdf` sets them for people.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from irctl.documents.note_template import USUAL, NoteTemplate
from irctl.documents.plot import PANEL_HEIGHT_MAX, PANEL_HEIGHT_MIN, graph_svg
from irctl.documents.reading import read_session as session_note
from irctl.documents.record import NoteError, SessionNote
from irctl.documents.typesetting import TEMPLATES, TypesettingError, pictured, typeset
from irctl.documents.wording import marks, view

__all__ = ["NoteError", "NoteTemplate", "SessionNote", "note_json", "render_pdf", "render_png", "session_note"]

TEMPLATE = TEMPLATES / "session_note.typ"
DATA, GRAPH = "note.json", "graph.svg"
"""The files a template finds beside itself; it never has the record's text formatted into it."""


def note_json(note: SessionNote) -> str:
    """The whole note as JSON, samples included, unrounded, in the journal's names and units."""
    return note.model_dump_json(indent=2) + "\n"


def render_pdf(
    note: SessionNote, *, chosen: NoteTemplate = USUAL, template: Path | None = None, fonts: Sequence[Path] = ()
) -> bytes:
    """The note as an accessible PDF (PDF/UA-1), the same bytes for the same note.

    `chosen` is what a clinic has chosen of heading, words and optional parts. `template` is a Typst file in place of our own; it reads `note.json` and `graph.svg` beside itself. `fonts` are folders
    with further fonts, for scripts that the built-in ones (Latin, Greek, Cyrillic) do not cover. Fonts of the machine
    are never used: they would change the page from one machine to the next.
    Raises NoteError when a character cannot be printed or the template does not compile.
    """
    source = template or TEMPLATE
    try:
        return typeset(source, _files(note, chosen), fonts=fonts)
    except TypesettingError as error:
        raise NoteError(f"session {note.session}: the note cannot be printed with {source.name}: {error}") from error


def render_png(note: SessionNote, chosen: NoteTemplate = USUAL) -> list[bytes]:
    """The same pages as pictures, for a look at them. Raises NoteError."""
    try:
        return pictured(TEMPLATE, _files(note, chosen))
    except TypesettingError as error:
        raise NoteError(f"session {note.session}: the note cannot be shown: {error}") from error


def _files(note: SessionNote, chosen: NoteTemplate) -> dict[str, bytes]:
    return {DATA: json.dumps(view(note, chosen), ensure_ascii=False).encode(), GRAPH: graph(note)}


def graph(note: SessionNote, panel_height: float | None = None) -> bytes:
    """The picture of its light, as SVG; empty without samples. `panel_height` in points; None: what the list of happenings leaves of the page."""
    if not note.samples:
        return b""
    return graph_svg(
        note.samples,
        note.pauses,
        marks(note),
        prescribed_mw_cm2=note.order.irradiance_mw_cm2,
        skin_c_max=note.limits.skin_c_max,
        panel_height=panel_height or _panel_height(len(note.happenings)),
    ).encode()


def _panel_height(rows: int) -> float:
    """Points: a short list of happenings leaves the graph more of the page."""
    return min(max(PANEL_HEIGHT_MIN, PANEL_HEIGHT_MAX - 4.0 * (rows - 6)), PANEL_HEIGHT_MAX)
