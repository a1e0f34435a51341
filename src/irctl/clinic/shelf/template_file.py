"""Templates of notes: TOML into a strict model."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated

from pydantic import Field

from irctl.clinic.shelf.protocol_file import Words
from irctl.documents.note_template import NoteTemplate
from irctl.domain.problems import Problem, Refused
from irctl.toml_file import Name, Strict, parse

Passage = Annotated[str, Field(max_length=600)]
"""A few sentences: the note stays one page."""


class _SectionsSection(Strict):
    graph: bool = True
    uncertainty: bool = True
    happenings: bool = True
    signature: bool = True


class TemplateFile(Strict):
    name: Name
    version: Annotated[int, Field(ge=1)]
    written_by: Words
    title: Annotated[str, Field(min_length=1, max_length=60)]
    introduction: Passage = ""
    closing: Passage = ""
    sections: _SectionsSection = _SectionsSection()


def read_template(text: bytes, name: str) -> NoteTemplate:
    """From its text, kept under this name. Raises Refused with everything that is wrong."""
    file = parse(text, TemplateFile, f"{name}.toml")
    if file.name != name:
        raise Refused([Problem("name", file.name, f"is kept under {name}", "Give both the same name")])
    label = f"{file.name} version {file.version}, {sha256(text).hexdigest()[:12]}"
    return NoteTemplate(file.title, file.introduction, file.closing, **file.sections.model_dump(), label=label)
