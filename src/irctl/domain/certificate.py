"""What a calibration certificate says, as data: computed from the journal's events, and checked again from the raw readings inside it.

Contents after ISO/IEC 17025 7.8.2 and 7.8.4. The same events give the same bytes, so a signature over them can be verified by anybody, any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from irctl.domain.chain import Event, canonical

FORMAT = "irctl-calibration-certificate-1"


@dataclass(frozen=True, slots=True)
class Approval:
    """Who lets it go, when, and under which number: known before `calibration.approved` is written, which carries the hash of the whole."""

    number: str
    by: str
    at: datetime


def payload(
    events: Sequence[Event], station: Mapping[str, Any], version: str, approval: Approval | None = None
) -> dict[str, Any]:
    """Everything the certificate says, each figure with the journal's numbers (`seq`) that it comes from.

    `events`: of one calibration. `approval`: by default, of the `calibration.approved` among them. Raises ValueError for one that has none.
    """
    raise NotImplementedError


def digest(payload: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON, hex: what is signed."""
    return sha256(canonical(payload)).hexdigest()


def message(payload: Mapping[str, Any]) -> bytes:
    """The bytes that the journal's key signs."""
    return f"irctl certificate\n{payload['number']}\n{digest(payload)}\n".encode()


def check(payload: Mapping[str, Any]) -> list[str]:
    """What does not follow from the raw readings inside: points, budgets, decisions; empty when all of it does."""
    raise NotImplementedError
