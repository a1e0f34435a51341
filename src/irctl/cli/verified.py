"""What commands that verify a file have in common: the file, the keys that somebody trusts, and what was found in words."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from irctl.cli import exits, say
from irctl.domain.problems import Problem, Refused

if TYPE_CHECKING:
    from irctl.documents.verified import Verified


def contents(path: Path) -> bytes:
    """Raises Refused."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused([Problem("file", str(path), error.strerror or str(error), "Check its name and rights")]) from None


def trusted(paths: Iterable[Path]) -> list[bytes]:
    """The public keys in these files: a controller's journal.pub (hexadecimal, one a line), or a clinic's people.pub (PEM). Raises Refused."""
    return [key for path in paths for key in _keys(path)]


def tell(found: Verified, what: str) -> int:
    """In words, what is wrong first."""
    out, name = say.console(), say.escape(what)
    out.print(f"[bold green]{name} holds.[/]" if found.ok else f"[bold red]{name} does not hold.[/]")
    for text in found.problems:
        out.print(f"[red]Wrong[/]: {say.escape(text)}.", soft_wrap=True)
    for text in found.holds:
        out.print(f"[green]Holds[/]: {say.escape(text)}.", soft_wrap=True)
    for text in found.unchecked:
        out.print(f"[yellow]Not checked[/]: {say.escape(text)}.", soft_wrap=True)
    return exits.OK if found.ok else exits.DOES_NOT_HOLD


def _keys(path: Path) -> list[bytes]:
    from irctl.controller.journal.seal import public_keys

    try:
        keys = [_pem(path.read_bytes())] if path.exists() and path.read_bytes().startswith(PEM) else public_keys(path)
    except (OSError, ValueError) as error:
        remedy = "Give a journal.pub (hexadecimal, one key a line) or a people.pub (PEM)"
        raise Refused([Problem("key", str(path), str(error), remedy)]) from None
    if not keys:
        raise Refused([Problem("key", str(path), "holds no key, or is not there", "Give the station's journal.pub")])
    return keys


PEM = b"-----BEGIN"


def _pem(data: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key = load_pem_public_key(data)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("is no Ed25519 key")
    return key.public_bytes_raw()
