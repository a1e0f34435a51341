"""What can be found out about a file from the file alone, in plain words; common to certificates and exported sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from irctl.domain.problems import Refused
from irctl.domain.signature import fingerprint, signature_problem

Judged = Iterator[tuple[str, str]]
"""One finding after the other, each of a kind: what `holds`, what is a `problem`, what is `unchecked` for want of something to judge it by."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found. `problems`: why it must not be relied on; `unchecked`: what could not be judged with what was given."""

    number: str | None
    """Of the certificate, or the session's."""
    holds: tuple[str, ...]
    problems: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()

    @classmethod
    def of(cls, number: str, judged: Iterable[tuple[str, str]]) -> Verified:
        found = tuple(judged)
        holds, problems, unchecked = (
            tuple(text for kind, text in found if kind == wanted) for wanted in ("holds", "problem", "unchecked")
        )
        return cls(number, holds, problems, unchecked)

    @property
    def ok(self) -> bool:
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "ok": self.ok,
            "number": self.number,
            "holds": list(self.holds),
            "problems": list(self.problems),
            "unchecked": list(self.unchecked),
        }


def about(what: str, judged: Judged) -> Judged:
    """The same, each with what it is about."""
    return ((kind, f"{what}: {text}") for kind, text in judged)


def signature(
    told: bytes, key: str, signed: str, public_key: str | None, trusted: Sequence[bytes], theirs: str = "journal.pub"
) -> Judged:
    """Whether the key with fingerprint `key` signed `told`. `public_key`, hexadecimal, came with the file; `trusted` the caller has from elsewhere."""
    own = [bytes.fromhex(public_key)] if public_key else []
    if own and fingerprint(own[0]) != key:
        yield "problem", f"the signature: the public key in the file is not key {key}"
    if trusted:
        why = signature_problem(told, key, signed, trusted)
        yield ("problem", f"the signature: {why}") if why else ("holds", f"signed by key {key}, which you trust")
    elif not own:
        yield (
            "unchecked",
            f"the signature: no public key was given (--key), and none is in the file; it names key {key}",
        )
    elif (why := signature_problem(told, key, signed, own)) is not None:
        yield "problem", f"the signature: {why}"
    else:
        yield "holds", f"signed by key {key}, whoever has it"
        yield (
            "unchecked",
            f"whose key {key} is: it came with the file, and anybody can make one. Compare it with the station's, or give its {theirs} with --key",
        )


def pages(file: bytes, render: Callable[[], bytes], made_by: object) -> Judged:
    """The pages are not signed, the data in them is: so they are set again, and must be the same bytes. `made_by`: the irctl that set them."""
    here = f"irctl {version('irctl')}"
    try:
        same = render() == file
    except (ValueError, Refused) as error:
        yield "problem", f"the pages cannot be set again: {error}"
        return
    if same:
        yield "holds", "the pages say what the data says: set again from it, they are the same, byte for byte"
    elif made_by == here:
        yield (
            "problem",
            f"the pages are not those that {here} sets from the data: they were changed, or set with another template, fonts or Typst. "
            "Rely on none of their figures; print them anew from the data",
        )
    else:
        yield (
            "unchecked",
            f"the pages: they were set by another version ({made_by}, this is {here}). Print them anew from the data and compare",
        )
