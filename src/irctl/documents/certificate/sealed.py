"""A certificate as it travels: what was signed, and the signature with it. One JSON form, the same bytes in a file and inside the PDF."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

ATTACHMENT = "certificate.json"
NUMBER = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""A certificate is filed under its number, so a number is a plain file name."""
DAMAGED = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, StopIteration, RecursionError)
"""What a value in the wrong place makes of a computation that expects a certificate."""


class CertificateError(ValueError):
    """No honest certificate can be made of this; the text says what is missing or wrong."""


class Seal(BaseModel):
    """The journal's signature over a payload's number and hash. `key`: fingerprint; `public_key`: hexadecimal, for who has none of his own."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    number: str = Field(pattern=NUMBER)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    key: str = Field(pattern="^[0-9a-f]{16}$")
    signature: str = Field(pattern="^[0-9a-f]{128}$")
    public_key: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A payload (`irctl.domain.certificate.payload`) with its seal."""

    payload: Mapping[str, Any]
    seal: Seal

    @classmethod
    def of(cls, told: Any) -> Sealed:
        """From what `GET /v1/calibrations/ID/certificate` gives, or a file holds. Raises CertificateError."""
        payload, seal = (_object(told, name) for name in ("certificate", "seal"))
        try:
            return cls(payload, Seal.model_validate(seal))
        except ValidationError as error:
            first = error.errors()[0]
            raise CertificateError(f"seal.{'.'.join(map(str, first['loc']))}: {first['msg']}") from None

    @classmethod
    def read(cls, data: bytes) -> Sealed:
        """From a JSON file. Raises CertificateError."""
        try:
            told: Any = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise CertificateError(f"not JSON, or only a part of it: {error}") from None
        return cls.of(told)

    def as_json(self) -> bytes:
        """The file: unrounded, every reading included."""
        told = {"certificate": dict(self.payload), "seal": self.seal.model_dump(exclude_none=True)}
        return json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _object(told: Any, name: str) -> dict[str, Any]:
    part: Any = cast("dict[str, Any]", told).get(name) if isinstance(told, dict) else None
    if not isinstance(part, dict):
        raise CertificateError(f"it has no {name!r}: this is no calibration certificate of irctl")
    return cast("dict[str, Any]", part)
