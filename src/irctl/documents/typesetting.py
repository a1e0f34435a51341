"""Setting a document: a template, the data it reads beside itself, and the house style, to PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import typst

TEMPLATES = Path(__file__).parent / "templates"
SHARED = ("house.typ", "light.typ", "course.typ")
"""What templates import by these names: colours, page and small parts of every document; a session's dose and happenings; papers of a course."""
Standard = Literal["ua-1", "a-3a"]


class TypesettingError(ValueError):
    """The document cannot be set; the text says why."""


def typeset(
    template: Path,
    files: Mapping[str, bytes],
    *,
    standards: Sequence[Standard] = ("ua-1",),
    fonts: Sequence[Path] = (),
) -> bytes:
    """The PDF, the same bytes for the same files: no clock, no font of the machine, no network. Raises TypesettingError."""
    try:
        return typst.compile(
            cast(
                "bytes", _project(template, files)
            ),  # a mapping of names to bytes is the project; the binding's types do not say so
            format="pdf",
            font_paths=typst.Fonts(include_system_fonts=False, font_paths=list(fonts)),
            pdf_standards=list(standards),
        )
    except typst.TypstError as error:
        hints: list[Any] = error.hints
        raise TypesettingError("; ".join([error.message, *map(str, hints)])) from error


def pictured(template: Path, files: Mapping[str, bytes], *, dots_per_inch: float = 110.0) -> list[bytes]:
    """The pages as PNG pictures. Raises TypesettingError."""
    try:
        made: bytes | list[bytes] = typst.compile(
            cast("bytes", _project(template, files)),
            format="png",
            ppi=dots_per_inch,
            font_paths=typst.Fonts(include_system_fonts=False),
        )
    except typst.TypstError as error:
        raise TypesettingError(str(error)) from error
    return made if isinstance(made, list) else [made]


def _project(template: Path, files: Mapping[str, bytes]) -> dict[str, bytes]:
    shared = {name: (TEMPLATES / name).read_bytes() for name in SHARED}
    return {"main.typ": template.read_bytes(), **shared, **files}
