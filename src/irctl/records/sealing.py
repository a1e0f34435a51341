"""Encryption at rest: AES-256-GCM with keys that are kept outside the database, and blind indices to search by.

The key file is JSON: the keys by their ids, and which of them seals what is written now. Older ones stay in it, for older back-ups. From each key two are
derived (HKDF-SHA256), one that seals and one that hashes what is searched for. A key's id is derived from it too, so another key is never taken for it.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import secrets
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from irctl.domain.problems import Problem, Refused

KEY_BYTES = 32
NONCE_BYTES = 12
"""NIST SP 800-38D: 96 bits, random, for far fewer than 2³² texts under one key."""
OWNER_ONLY = 0o600
FIRST = "`irctl records rotate-key` makes the first; keep a copy elsewhere: without it nobody is known by name any more"


class Key:
    """One key: seals texts, opens them, and hashes what is searched for."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.id = _derived(secret, "id", 8).hex()
        self._cipher = AESGCM(_derived(secret, "seal", KEY_BYTES))
        self._index = _derived(secret, "index", KEY_BYTES)

    def seal(self, told: Mapping[str, Any], place: str) -> bytes:
        """Sealed for this place (table, row, version): it opens nowhere else."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, json.dumps(told, ensure_ascii=False).encode(), self._bound(place))

    def open(self, sealed: bytes, place: str) -> dict[str, Any]:
        """Raises Refused for what was changed, or was sealed for another place."""
        try:
            told = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._bound(place))
        except InvalidTag:
            remedy = "It was changed in the database: restore a back-up"
            raise Refused([Problem("sealed", place, f"does not open with key {self.id}", remedy)]) from None
        return cast("dict[str, Any]", json.loads(told))

    def blind(self, kind: str, word: str) -> bytes:
        """The same word of the same kind has the same hash; without the key nobody can compute it."""
        return hmac.digest(self._index, f"{kind}\0{word}".encode(), "sha256")

    def _bound(self, place: str) -> bytes:
        return f"irctl records\n{place}\n{self.id}".encode()


@dataclass(frozen=True)
class Ring:
    """The keys of one key file."""

    path: Path
    keys: Mapping[str, Key]
    current: Key

    @classmethod
    def read(cls, path: Path) -> Ring:
        """Raises Refused."""
        try:
            if sys.platform != "win32" and path.stat().st_mode & 0o077:
                raise Refused([Problem("key", str(path), "may be read by others", f"chmod 600 {path}")])
            found: Any = json.loads(path.read_text(encoding="ascii"))
            keys = [Key(_secret(text)) for text in found["keys"]]
            by_id = {key.id: key for key in keys}
            return cls(path, by_id, by_id[found["current"]])
        except FileNotFoundError:
            raise Refused([Problem("key", str(path), "is not there", FIRST)]) from None
        except OSError as error:
            raise Refused([Problem("key", str(path), error.strerror or str(error), "Check its rights")]) from None
        except (ValueError, KeyError, TypeError):
            raise Refused([Problem("key", str(path), "is no key file", "Name the right one, or its copy")]) from None

    @classmethod
    def with_new_key(cls, path: Path) -> Ring:
        """Make a key, and from now on seal with it; the first one where there is no file yet. On the disk when this returns. Raises Refused."""
        older = list(cls.read(path).keys.values()) if path.exists() else []
        new = Key(secrets.token_bytes(KEY_BYTES))
        keys = {key.id: key for key in (*older, new)}
        told = {"current": new.id, "keys": [base64.b64encode(key.secret).decode() for key in keys.values()]}
        beside = path.with_name(f"{path.name}.new")
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY), "w") as file:
                json.dump(told, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError as error:
            remedy = "Check the folder, its rights and space"
            raise Refused([Problem("key", str(path), error.strerror or str(error), remedy)]) from None
        return cls(path, keys, new)

    def open(self, key_id: str, sealed: bytes, place: str) -> dict[str, Any]:
        """Raises Refused where the key is not in this file."""
        return self._key(key_id).open(sealed, place)

    def blind(self, kind: str, word: str) -> list[bytes]:
        """By each key: while keys are being changed, rows are indexed with either."""
        return [key.blind(kind, word) for key in self.keys.values()]

    def _key(self, key_id: str) -> Key:
        if key_id not in self.keys:
            raise Refused([Problem("key", str(self.path), f"lacks key {key_id}", "Name the key file that has it")])
        return self.keys[key_id]


def normal(text: str) -> str:
    """A word as it is searched for: without accents, case, or anything but letters and digits between single spaces."""
    plain = (c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in plain).split())


def _secret(text: str) -> bytes:
    secret = base64.b64decode(text, validate=True)
    if len(secret) != KEY_BYTES:
        raise ValueError("not a key")
    return secret


def _derived(secret: bytes, what: str, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=f"irctl records {what}".encode()).derive(secret)
