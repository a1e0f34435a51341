"""An exported session as it travels: one JSON form, the same bytes in a file and inside the PDF."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from irctl.documents.attachment import attached, is_pdf
from irctl.documents.certificate import Sealed
from irctl.documents.dossier import Dossier, Visit
from irctl.domain import excerpt
from irctl.domain.chain import Event, canonical

FORMAT = "irctl-export-1"
SUFFIX = ".irctl.json"


class ExportError(ValueError):
    """No exported session can be read here; the text says why."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Signature(_Part):
    """An Ed25519 signature. `key`: fingerprint of `public_key`, which is hexadecimal, for who has none of his own."""

    key: str = Field(pattern="^[0-9a-f]{16}$")
    signature: str = Field(pattern="^[0-9a-f]{128}$")
    public_key: str = Field(pattern="^[0-9a-f]{64}$")


class Seal(Signature):
    """The journal's, over an excerpt (`irctl.domain.excerpt.message`)."""

    session: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Exported(_Part):
    """All the evidence of one session. What others have signed is kept as they wrote it, and judged by `verify`."""

    format: Literal["irctl-export-1"] = FORMAT
    session: str
    made_by: str
    made_at: AwareDatetime = Field(strict=False)
    software: str
    excerpt: dict[str, Any]
    seal: Seal
    dossier: dict[str, Any] | None = None
    """The course with this one visit (irctl-dossier-1); None: only a controller was asked, which knows a reference, and no paper."""
    certificate: dict[str, Any] | None = None
    """Of the calibration in force, with its seal; None where that calibration has none, or it is not at hand."""
    versions: tuple[str, ...] = Field(default=(), strict=False)
    """Of the visit's paper: those that were signed, and the one in force; the very text that is hashed (irctl.domain.electronic_signature)."""
    signatures: tuple[str, ...] = Field(default=(), strict=False)
    """Electronic signatures, each as its own text."""
    template: str | None = None
    """Whose pages the PDF has: None for irctl's own."""
    sha256: str = ""
    """Of all the above."""
    clinic: Signature | None = None
    """The clinic's signature over the whole, where it gave one."""

    @property
    def digest(self) -> str:
        """What `sha256` must be."""
        told = self.model_dump(mode="json", exclude={"sha256", "clinic"})
        return sha256(canonical(told)).hexdigest()

    @property
    def message(self) -> bytes:
        """The bytes that the clinic signs."""
        return f"irctl export\n{self.session}\n{self.sha256}\n".encode()

    @property
    def events(self) -> list[Event]:
        """What the session's note is read from."""
        return excerpt.whole(self.excerpt)

    @property
    def calibration(self) -> Mapping[str, Any]:
        """As the session's order names it. Raises ExportError, KeyError."""
        for event in self.events:
            if event.get("event") == excerpt.ORDERED and event["session"] == self.session:
                return event["calibration"]
        raise ExportError(f"the journal's excerpt has no order of session {self.session}")

    def shown(self) -> tuple[Dossier, Visit] | None:
        """The course, and its one visit. Raises ValueError for one that is none."""
        if self.dossier is None:
            return None
        dossier = Dossier.model_validate(self.dossier)
        (visit,) = dossier.visits
        return dossier, visit

    def sealed_certificate(self) -> Sealed | None:
        """Raises irctl.documents.certificate.CertificateError."""
        return None if self.certificate is None else Sealed.of(self.certificate)

    def as_json(self) -> bytes:
        """The file."""
        told = self.model_dump(mode="json")
        return json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def read(file: bytes) -> Exported:
    """From a JSON file, or out of a PDF's attachment. Raises ExportError, irctl.documents.attachment.AttachmentError."""
    try:
        told: Any = json.loads(attached(file) if is_pdf(file) else file)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ExportError(f"not JSON, or only a part of it: {error}") from None
    try:
        return Exported.model_validate(told)
    except (ValidationError, RecursionError) as error:
        raise ExportError(f"it is no exported session of irctl: {_first(error)}") from None


def _first(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "it is nested without end"
    told = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, told['loc'])) or 'it'}: {told['msg']}"
