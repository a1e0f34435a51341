"""The journal's seal: an Ed25519 key that signs how far the chain had come.

The chain shows an edit, the signature shows a chain that was computed anew, the anchor (see anchor.py) shows an end that is missing. Somebody who holds the
private key can do all three anew: keep the anchor, or the heads that the commands print, where that person has no access.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from irctl.domain.signature import KEY_BYTES, checkpoint_message, fingerprint, signature_problem
from irctl.whole_file import OWNER_ONLY, write_whole

KEY, PUBLIC_KEY = "journal.key", "journal.pub"
DOCUMENTS = (b"irctl certificate\n", b"irctl excerpt\n")
"""So begins what is signed of a document (irctl.domain.certificate, irctl.domain.excerpt): it can never be taken for a checkpoint, nor a checkpoint for it."""


class KeyMissing(ValueError):
    """The private key is gone, though there is a public one: somebody has signed here before."""


class Seal:
    """The private key of one state folder."""

    def __init__(self, private_key: bytes) -> None:
        # Imported here: the lamps go dark before anything is signed.
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._key = Ed25519PrivateKey.from_private_bytes(private_key)
        self.public_key = self._key.public_key().public_bytes_raw()
        self.fingerprint = fingerprint(self.public_key)

    @classmethod
    def of(cls, folder: Path, *, anew: bool = False) -> Seal:
        """The folder's key, made at the first start.

        `anew`: also where a public key says that there was another; whoever asks for this has told why in the journal. Raises OSError, KeyMissing,
        ValueError for a file that is no key.
        """
        path, public = folder / KEY, folder / PUBLIC_KEY
        if not path.exists():
            if public.exists() and not anew:
                raise KeyMissing("is gone")
            write_whole(path, os.urandom(KEY_BYTES), OWNER_ONLY)
        seal = cls(path.read_bytes())
        if seal.public_key not in public_keys(public):
            with public.open("a", encoding="ascii") as file:
                file.write(seal.public_key.hex() + "\n")
        return seal

    def sign(self, seq: int, head: str) -> str:
        return self._key.sign(checkpoint_message(seq, head)).hex()

    def sign_document(self, told: bytes) -> str:
        """`told`: a document's `message`."""
        assert told.startswith(DOCUMENTS)
        return self._key.sign(told).hex()


class Verifier:
    """Says whether a checkpoint was signed by one of these public keys."""

    def __init__(self, public_keys: Iterable[bytes]) -> None:
        self._keys = tuple(public_keys)

    def __call__(self, seq: int, head: str, key: str, signature: str) -> str | None:
        """Why it was not; None when it was."""
        return signature_problem(checkpoint_message(seq, head), key, signature, self._keys)


def public_keys(path: Path) -> list[bytes]:
    """One a line, in hexadecimal: where a key was lost, the later ones follow. Empty without a file. Raises ValueError, OSError."""
    return [bytes.fromhex(line) for line in path.read_text(encoding="ascii").split()] if path.exists() else []


def verifier(path: Path) -> Verifier | None:
    """By the public keys of a file; None where there are none. Raises ValueError, OSError."""
    keys = public_keys(path)
    return Verifier(keys) if keys else None
