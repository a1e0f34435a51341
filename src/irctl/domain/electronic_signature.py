"""What a person signs, as 21 CFR Part 11 asks: printed name, time and meaning (11.50), bound to the very record that was shown (11.70), after the password
was asked for again (11.200). Records are never overwritten: an amendment is a new version, and a signature stays with the version it was given to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from itertools import pairwise
from typing import Any

from irctl.domain.chain import GENESIS, canonical
from irctl.domain.people import Person
from irctl.domain.problems import Problem, Refused

REAUTHENTICATED_MAX = timedelta(seconds=60)
"""Signing follows the password at once: what lies between could be somebody else's hand."""


class Meaning(StrEnum):
    """What a signature says (11.50(a)(3))."""

    AUTHORED = "authored"
    PERFORMED = "performed"
    REVIEWED = "reviewed"
    APPROVED = "approved"
    AMENDED = "amended"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a record; `body` is what a person is shown, as plain data. `made_at` with its offset."""

    record: str
    number: int
    body: Mapping[str, Any]
    by: str
    made_at: datetime
    reason: str = ""
    """Why it was amended; empty for the first."""
    prior_sha256: str = GENESIS
    """Of the version before: what was there stays, and stays found."""

    def canonical(self) -> bytes:
        """The one way it is written down: this is what is hashed and kept. Raises ValueError for what JSON cannot hold."""
        return canonical({**asdict(self), "made_at": self.made_at.isoformat()})

    @property
    def sha256(self) -> str:
        return sha256(self.canonical()).hexdigest()

    def amended(self, body: Mapping[str, Any], person: Person, reason: str, now: datetime) -> Version:
        """The next version. Raises Refused without a reason, and where nothing is changed."""
        problems: list[Problem] = []
        if not reason.strip():
            problems.append(Problem("reason", reason, "is empty", "Say why the record is amended"))
        if canonical({"body": body}) == canonical({"body": self.body}):
            problems.append(Problem("body", self.record, "is what it was", "Change something, or leave it"))
        if now < self.made_at:
            problems.append(Problem("made_at", now.isoformat(), "is before the version it amends", "Check the clock"))
        if problems:
            raise Refused(problems)
        return Version(self.record, self.number + 1, body, person.login, now, reason.strip(), self.sha256)


def problems_with_versions(versions: Sequence[Version]) -> list[Problem]:
    """Where a record's history is not whole: a version missing, exchanged or changed. Oldest first."""
    problems: list[Problem] = []
    if versions and (versions[0].number, versions[0].prior_sha256) != (1, GENESIS):
        problems.append(Problem("version", versions[0].number, "is not the first", "Look for what was before it"))
    for prior, later in pairwise(versions):
        if (later.record, later.number, later.prior_sha256) != (prior.record, prior.number + 1, prior.sha256):
            limit = f"does not follow version {prior.number} of {prior.record}"
            problems.append(Problem("version", later.number, limit, "Restore the record from its back-up"))
    return problems


@dataclass(frozen=True, slots=True)
class Reauthentication:
    """Who proved again who they are, and when."""

    login: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Signature:
    """The manifestation on every display and printout (11.50(b)), and what binds it to its record."""

    record: str
    version: int
    record_sha256: str
    login: str
    printed_name: str
    meaning: Meaning
    at: datetime
    authenticated_at: datetime

    def canonical(self) -> bytes:
        """What the clinic's key seals, so that nobody cuts a signature out and pastes it elsewhere (11.70)."""
        times = {"at": self.at.isoformat(), "authenticated_at": self.authenticated_at.isoformat()}
        return canonical({**asdict(self), **times})

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Signature:
        """From the canonical form read back. Raises KeyError, TypeError, ValueError."""
        changed: dict[str, Any] = {name: datetime.fromisoformat(told[name]) for name in ("at", "authenticated_at")}
        changed["meaning"] = Meaning(told["meaning"])
        return cls(**{**told, **changed})

    def __str__(self) -> str:
        return f"{self.printed_name}, {self.at:%Y-%m-%d %H:%M %Z}, {self.meaning}".replace("  ", " ")


def signed(
    version: Version, person: Person, meaning: Meaning, proof: Reauthentication | None, now: datetime
) -> Signature:
    """This person's signature on this version. Raises Refused; whether their role may sign is `people.may`'s business."""
    problems: list[Problem] = []
    if not person.name.strip():
        problems.append(Problem("name", person.name, "is empty", "A signature shows a printed name"))
    if now.tzinfo is None or now < version.made_at:
        problems.append(
            Problem("at", now.isoformat(), "is before the record, or without its offset", "Check the clock")
        )
    if proof is None:
        problems.append(Problem("password", None, "was not asked for", "Type the password: it is part of signing"))
    elif proof.login != person.login:
        problems.append(Problem("password", None, f"was that of {proof.login!r}", "Whoever signs types their own"))
    elif not timedelta(0) <= now - proof.at <= REAUTHENTICATED_MAX:
        limit = f"was not typed within the last {REAUTHENTICATED_MAX.total_seconds():.0f} s"
        problems.append(Problem("password", None, limit, "Type it again"))
    if problems or proof is None:
        raise Refused(problems)
    return Signature(
        version.record, version.number, version.sha256, person.login, person.name, meaning, now, proof.at
    )  # fmt: skip


def problems_with_signature(signature: Signature, shown: Version) -> list[Problem]:
    """Why this is no signature on what is shown: another record, another version, or one that was changed since."""
    if (signature.record, signature.version) != (shown.record, shown.number):
        limit = f"was given to version {signature.version} of {signature.record}"
        remedy = f"Version {shown.number} of {shown.record} needs its own"
        return [Problem("signature", signature.login, limit, remedy)]
    if signature.record_sha256 != shown.sha256:
        limit = "what is shown is not what was signed"
        return [Problem("signature", signature.login, limit, "Restore the record from its back-up")]
    return []
