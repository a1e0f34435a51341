"""A session that nobody had, for a look at how notes are printed."""

from __future__ import annotations

from functools import cache

from irctl.documents.record import SessionNote
from irctl.documents.typesetting import TEMPLATES


@cache
def sample_note() -> SessionNote:
    """Four simulated minutes, with every optional part in it."""
    return SessionNote.model_validate_json((TEMPLATES / "sample_note.json").read_bytes())
