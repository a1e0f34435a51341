"""A session and a course that nobody had, for a look at how papers are printed."""

from __future__ import annotations

from functools import cache

from irctl.documents.dossier import Dossier
from irctl.documents.record import SessionNote
from irctl.documents.typesetting import TEMPLATES


@cache
def sample_note() -> SessionNote:
    """Four simulated minutes, with every optional part in it."""
    return SessionNote.model_validate_json((TEMPLATES / "sample_note.json").read_bytes())


@cache
def sample_dossier() -> Dossier:
    """A simulated course of four visits: one with everything there is to tell, a usual one, a refused one, and one that nobody has signed."""
    return Dossier.model_validate_json((TEMPLATES / "sample_dossier.json").read_bytes())
