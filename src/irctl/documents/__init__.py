"""What leaves the house: documents made from the journal alone, by functions of values."""

from irctl.documents.session_note import (
    NoteError,
    NoteTemplate,
    SessionNote,
    note_json,
    render_pdf,
    render_png,
    session_note,
)

__all__ = ["NoteError", "NoteTemplate", "SessionNote", "note_json", "render_pdf", "render_png", "session_note"]
