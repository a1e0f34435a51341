"""`irctl note` and `irctl journal`: what the record says, as documents and as lines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import To
from irctl.cli.client import Controller
from irctl.domain.problems import Problem, Refused

Format = Literal["pdf", "json"]
View = dict[str, Any]
_TO = To()


def write_note(events: list[View], session: str, folder: Path, formats: tuple[Format, ...] = ("pdf", "json")) -> list[Path]:
    """A session's note in several formats, named after it. Raises Refused where no honest note can be made."""
    return [_write(render(events, session, kind), folder / f"{session}.{kind}") for kind in formats]


def render(events: list[View], session: str, kind: Format, timezone: str = "UTC") -> bytes:
    """One note. Raises Refused."""
    from irctl.documents import NoteError, note_json, render_pdf, session_note

    try:
        note = session_note(events, session, timezone=timezone)
        return render_pdf(note) if kind == "pdf" else note_json(note).encode()
    except NoteError as error:
        raise Refused([Problem("session", session, str(error), "See `irctl sessions`")]) from None


def _write(data: bytes, path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        remedy = "Check the folder's rights and space"
        raise Refused([Problem("output", str(path), error.strerror or str(error), remedy)]) from None
    return path


def session_events(controller: Controller, session: str) -> list[View]:
    """The stretch of the journal that a session's note is made from."""
    return controller.get(controller.session(session, "events"))
