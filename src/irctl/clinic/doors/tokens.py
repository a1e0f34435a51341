"""Tokens for who is signed in, signed with a key that only the clinic has. Controllers verify them with its public half."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from irctl.domain.people import Person
from irctl.domain.problems import Problem, Refused
from irctl.domain.tokens import ALGORITHM, LIFETIME_MAX, PUBLIC_KEY, SERVICE, claims
from irctl.whole_file import EVERYBODY_READS, OWNER_ONLY, write_whole

PRIVATE_KEY = "people.key"
SERVICE_LIFETIME = timedelta(minutes=1)
"""The schedule makes one for each thing that it tells."""
_SERVICE = Person(SERVICE, "the clinic's schedule", frozenset())


class Issuer:
    """The private key of one state folder, made where there is none; its public half lies beside it, for the controller that shares the folder."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError; Refused for a file that is no such key, and where the public half is another's: a controller relies on it."""
        path, beside = folder / PRIVATE_KEY, folder / PUBLIC_KEY
        if not path.exists() and not beside.exists():
            write_whole(path, _pem(Ed25519PrivateKey.generate()), OWNER_ONLY)
        self._key = _read(path)
        public = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        if not beside.exists():
            write_whole(beside, public, EVERYBODY_READS)
        elif beside.read_bytes() != public:
            remedy = f"Put the right {PRIVATE_KEY} beside it; or remove {PUBLIC_KEY}, and everybody signs in anew"
            raise Refused([Problem(PUBLIC_KEY, None, f"does not belong to {PRIVATE_KEY}", remedy)])

    def issue(self, person: Person, now: datetime, lifetime_s: float = LIFETIME_MAX.total_seconds()) -> str:
        """A token of who has just signed in. Raises ValueError for a lifetime above irctl.domain.tokens.LIFETIME_MAX."""
        return self._signed(claims(person, now, timedelta(seconds=lifetime_s)))

    def service(self, now: datetime) -> str:
        """One of the clinic's own process: it tells reminders, and nothing else."""
        return self._signed(claims(_SERVICE, now, SERVICE_LIFETIME, service=True))

    def sign_export(self, message: bytes) -> tuple[bytes, str]:
        """The public key, and its signature over an exported session (irctl.documents.exported). No token begins as such a message does."""
        assert message.startswith(b"irctl export\n")
        return self._key.public_key().public_bytes_raw(), self._key.sign(message).hex()

    def _signed(self, said: dict[str, object]) -> str:
        return jwt.encode(said, self._key, algorithm=ALGORITHM)


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _read(path: Path) -> Ed25519PrivateKey:
    remedy = f"Put it back from a back-up; or remove it and {PUBLIC_KEY}, and everybody signs in anew"
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        limit = f"is not there, though {PUBLIC_KEY} is"
        raise Refused([Problem(PRIVATE_KEY, None, limit, remedy)]) from None
    except ValueError:
        raise Refused([Problem(PRIVATE_KEY, None, "is not a private key", remedy)]) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Refused([Problem(PRIVATE_KEY, None, "is not an Ed25519 key", remedy)])
    return key
