"""The card that a patient takes home: when to come, what to bring, what to watch for. Its words come ready, in the patient's language; here they are set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from irctl.documents.printed import visible
from irctl.documents.typesetting import TEMPLATES, typeset

TEMPLATE = TEMPLATES / "patient_card.typ"
DATA = "card.json"


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it, a line each. `urgent`: framed, so that it is found at once."""

    title: str
    lines: tuple[str, ...]
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """One appointment as the card says it."""

    day: str
    time: str
    how_long: str


@dataclass(frozen=True, slots=True)
class Card:
    """Everything on it. `reference`: what the document is called; the name is on the page only, not in the file's title."""

    language: str
    clinic: str
    address: str
    phone: str
    title: str
    name: str
    reference: str
    visits_title: str
    visits: tuple[Visit, ...]
    no_visits: str
    sections: tuple[Section, ...]
    notice: str
    printed: str


def render_pdf(card: Card, *, fonts: Sequence[Path] = ()) -> bytes:
    """As an accessible PDF (PDF/UA-1), the same bytes for the same card. Raises TypesettingError."""
    data = json.dumps(visible(asdict(card)), ensure_ascii=False).encode()
    return typeset(TEMPLATE, {DATA: data}, fonts=fonts)
