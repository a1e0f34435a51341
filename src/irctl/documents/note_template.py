"""What a clinic may choose of its session note: heading, introduction, closing words, optional parts. What a reader must not miss is not among them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NoteTemplate:
    """One version. `label` is printed with the note; empty for irctl's own, unchanged."""

    title: str = "Infrared session note"
    introduction: str = ""
    closing: str = ""
    graph: bool = True
    uncertainty: bool = True
    """What the interval of the dose is made of; the interval itself is always there."""
    happenings: bool = True
    signature: bool = True
    """Lines to sign on paper."""
    label: str = ""


USUAL = NoteTemplate()
