"""What leaves the house: documents made from the journal alone, by functions of values."""

from irctl.documents.session_note import NoteError, SessionNote, note_json, render_pdf, session_note

__all__ = ["NoteError", "SessionNote", "note_json", "render_pdf", "session_note"]
