"""From a statement to what it rests on: the journal's events, the calibration in force, and the certificate of the meter that it was made with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from irctl.documents.certificate import Sealed
from irctl.documents.course import evidence
from irctl.documents.course.common import interval
from irctl.documents.course.sources import calibration
from irctl.documents.exported.form import Exported
from irctl.documents.record import SessionNote
from irctl.documents.session_note import session_note


@dataclass(frozen=True, slots=True)
class Chain:
    """One statement, and what it rests on, nearest first."""

    statement: str
    value: str
    sources: tuple[str, ...]

    def __str__(self) -> str:
        return " → ".join((f"{self.statement} {self.value}", *self.sources))


def chains(exported: Exported) -> tuple[Chain, ...]:
    """Every statement of the visit's note; without a course, the delivered dose alone. Raises NoteError, CertificateError, ValueError."""
    return tuple(_chains(exported))


def _chains(exported: Exported) -> Iterator[Chain]:
    note = session_note(exported.events, exported.session)
    sealed = exported.sealed_certificate()
    here, meter = calibration(note)
    beyond = (here, *_certificate(sealed)) if sealed else (here, f"{meter} (its certificate is not in this file)")
    shown = exported.shown()
    if shown is None:
        yield Chain("Delivered", interval(note), (_events(note), *beyond))
        return
    for one in evidence(*shown):
        rest = tuple(source for source in one.sources if source not in (here, meter))
        yield Chain(one.statement, one.value, (*rest, *beyond) if here in one.sources else rest)


def _certificate(sealed: Sealed) -> Iterator[str]:
    meter = sealed.payload["meter"]
    yield f"its certificate, approved by {sealed.payload['approved_by']}, signed with key {sealed.seal.key}"
    yield f"meter {meter['model']} no. {meter['serial']}, certificate {meter['certificate']} of {meter['laboratory']}"


def _events(note: SessionNote) -> str:
    source = note.source
    return f"events {source.first_seq}–{source.last_seq} (hash {source.head[:12]}…)"
