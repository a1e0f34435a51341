"""The journal's seal: an Ed25519 key that signs how far the chain had come, and the anchor that keeps the last signed head outside the file.

The chain shows an edit, the signature shows a chain that was computed anew, the anchor shows an end that is missing. Somebody who holds the private key
can do all three anew: keep the anchor, or the heads that the commands print, where that person has no access.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

KEY, PUBLIC_KEY, ANCHOR = "journal.key", "journal.pub", "journal.anchor"
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last signed head."""

    seq: int
    head: str
    at: str
    key: str
    signature: str


def message(seq: int, head: str) -> bytes:
    """What a checkpoint signs: that the chain's event number `seq` has this hash."""
    return f"irctl journal\n{seq}\n{head}\n".encode()


def fingerprint(public_key: bytes) -> str:
    return sha256(public_key).hexdigest()[:16]


class Seal:
    """The private key of one state folder."""

    def __init__(self, private_key: bytes) -> None:
        # Imported here: the lamps go dark before anything is signed.
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._key = Ed25519PrivateKey.from_private_bytes(private_key)
        self.public_key = self._key.public_key().public_bytes_raw()
        self.fingerprint = fingerprint(self.public_key)

    @classmethod
    def of(cls, folder: Path) -> Seal:
        """The folder's key, made where there is none. Raises OSError, ValueError for a file that is no key."""
        path = folder / KEY
        if not path.exists():
            made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(made, os.urandom(KEY_BYTES))
                os.fsync(made)
            finally:
                os.close(made)
        seal = cls(path.read_bytes())
        public = folder / PUBLIC_KEY
        if not public.exists():
            public.write_text(seal.public_key.hex() + "\n", encoding="ascii")
        return seal

    def sign(self, seq: int, head: str) -> str:
        return self._key.sign(message(seq, head)).hex()


class Verifier:
    """Says whether a checkpoint was signed by one of these public keys."""

    def __init__(self, public_keys: Iterable[bytes]) -> None:
        self._keys = {fingerprint(key): key for key in public_keys}

    def __call__(self, seq: int, head: str, key: str, signature: str) -> str | None:
        """Why it was not; None when it was."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        if (known := self._keys.get(key)) is None:
            return f"signed by key {key}, which is not known here"
        try:
            Ed25519PublicKey.from_public_bytes(known).verify(bytes.fromhex(signature), message(seq, head))
        except (InvalidSignature, ValueError):
            return "its signature does not match"
        return None


def verifier(folder: Path) -> Verifier | None:
    """By the public key that lies beside a journal; None where there is none. Raises ValueError, OSError."""
    path = folder / PUBLIC_KEY
    return Verifier([bytes.fromhex(path.read_text(encoding="ascii"))]) if path.exists() else None


def write_anchor(path: Path, anchor: Anchor) -> None:
    """Whole or not at all. Raises OSError."""
    beside = path.with_name(path.name + ".new")
    with beside.open("w", encoding="utf-8") as file:
        json.dump(asdict(anchor), file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def read_anchor(path: Path) -> Anchor | None:
    """None where there is none. Raises ValueError for a file that is no anchor, OSError."""
    with suppress(FileNotFoundError):
        found: Any = json.loads(path.read_text(encoding="utf-8"))
        try:
            return Anchor(int(found["seq"]), *(str(found[name]) for name in ("head", "at", "key", "signature")))
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path.name} is no anchor: {error!r}") from None
    return None


def fields_of(event: Mapping[str, Any]) -> tuple[int, str, str, str]:
    """What a `journal.checkpoint` says: seq, head, key, signature."""
    return event["signs"], event["prev"], event["key"], event["signature"]
