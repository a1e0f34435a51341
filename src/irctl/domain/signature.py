"""Ed25519 signatures as they are judged: which key, and whether it signed these bytes. Making them is the seal's business, in the controller."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

KEY_BYTES = 32


def fingerprint(public_key: bytes) -> str:
    return sha256(public_key).hexdigest()[:16]


def checkpoint_message(seq: int, head: str) -> bytes:
    """What a checkpoint of the journal signs: that the chain's event number `seq` has this hash."""
    return f"irctl journal\n{seq}\n{head}\n".encode()


def signature_problem(told: bytes, key: str, signature: str, public_keys: Iterable[bytes]) -> str | None:
    """Why none of these keys signed `told`; None when the one with fingerprint `key` did. `signature`: hexadecimal."""
    # Imported here: the lamps go dark before anything is signed.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    known = next((public for public in public_keys if fingerprint(public) == key), None)
    if known is None:
        return f"signed by key {key}, which is not known here"
    try:
        Ed25519PublicKey.from_public_bytes(known).verify(bytes.fromhex(signature), told)
    except (InvalidSignature, ValueError):
        return "its signature does not match"
    return None
