"""Codes and identifier systems of a site: a file of values, each with a mark of how well it is known, and its source.

A code that nobody has checked (marks M and W) is not sent: its words are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from irctl.domain.problems import Problem, Refused
from irctl.examples import examples
from irctl.toml_file import Strict, parse, read

Words = Annotated[str, Field(min_length=1, max_length=400)]
Uri = Annotated[str, Field(pattern=r"^(https?://|urn:)\S+$", max_length=200)]
CODES_FILE = Path("interop") / "fhir-codes.toml"


class Systems(Strict):
    """The namespaces in which irctl's identifiers live."""

    record: Uri
    patient: Uri
    patient_number: Uri
    person: Uri
    npi: Uri
    lamp: Uri
    calibration: Uri
    journal: Uri
    diagnosis: Uri
    service: Uri


class Code(Strict):
    """One meaning: its words, and a coding where there is one. `mark`: F found, W weak, C computed, M memory."""

    text: Words
    system: Uri | None = None
    code: Annotated[str, Field(pattern=r"^\S+( \S+)*$")] | None = None
    display: Words | None = None
    mark: Literal["F", "W", "C", "M"] | None = None
    source: Words | None = None
    words: tuple[Words, ...] = Field(default=(), strict=False)
    """Of a body site: what of an area's name means it."""

    @model_validator(mode="after")
    def _whole(self) -> Code:
        if self.code and not (self.system and self.mark and self.source):
            raise ValueError("a code needs its system, a mark and a source")
        return self

    @property
    def coding(self) -> dict[str, str] | None:
        """As FHIR says it; None where there is no code, or nobody has checked it."""
        if self.code is None or self.system is None or self.unverified:
            return None
        return {"system": self.system, "code": self.code} | ({"display": self.display} if self.display else {})

    @property
    def unverified(self) -> bool:
        return self.mark in ("M", "W")


class _CodesFile(Strict):
    systems: Systems
    codes: dict[str, Code]
    sites: dict[str, Code] = Field(default_factory=dict[str, Code])


@dataclass(frozen=True, slots=True)
class Codes:
    """What a site calls things."""

    systems: Systems
    codes: Mapping[str, Code]
    sites: Mapping[str, Code]

    def concept(self, name: str, text: str | None = None) -> dict[str, Any]:
        """A CodeableConcept; `text` takes the place of the code's own words. Raises Refused where the file lacks it."""
        code = self._of(name)
        return ({"coding": [code.coding]} if code.coding else {}) | {"text": text or code.text}

    def coding(self, name: str) -> dict[str, str]:
        """A Coding, where FHIR has no place for words. Raises Refused where there is no checked one."""
        coding = self._of(name).coding
        if coding is None:
            raise Refused(
                [Problem(f"codes.{name}", None, "has no code that was checked", "Give it one, with its mark")]
            )
        return coding

    def site(self, area: str) -> dict[str, Any]:
        """Where on the body: always the area's own words, and a code where one is known for them."""
        said = area.casefold()
        for site in self.sites.values():
            if site.coding and any(word.casefold() in said for word in site.words):
                return {"coding": [site.coding], "text": area}
        return {"text": area}

    @property
    def unverified(self) -> tuple[str, ...]:
        """The names of codes that are not sent until somebody has checked them."""
        return tuple(name for name, code in {**self.codes, **self.sites}.items() if code.unverified)

    def _of(self, name: str) -> Code:
        if name not in self.codes:
            raise Refused(
                [Problem(f"codes.{name}", None, "is not in the file of codes", "Add it; the example has all")]
            )
        return self.codes[name]


def load_codes(path: Path | None = None) -> Codes:
    """From a site's file; without one, irctl's example. Raises Refused with everything that is wrong with it."""
    path = path or examples() / CODES_FILE
    file = parse(read(path, "codes"), _CodesFile, path.name)
    return Codes(file.systems, file.codes, file.sites)
