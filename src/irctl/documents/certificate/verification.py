"""Is this certificate genuine, and does it follow from its own readings? Answered from the file alone, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from irctl.documents.certificate.attachment import attached, is_pdf
from irctl.documents.certificate.pdf import render_pdf
from irctl.documents.certificate.sealed import DAMAGED, CertificateError, Sealed
from irctl.domain.certificate import digest, message
from irctl.domain.certificate_check import check
from irctl.domain.signature import signature_problem


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found. `problems`: why it must not be relied on; `unchecked`: what could not be judged with what was given."""

    number: str | None
    holds: tuple[str, ...]
    problems: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()

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


def verify(file: bytes, trusted: Sequence[bytes] = ()) -> Verified:
    """Check a certificate, PDF or JSON. Never raises for a damaged file: that is the finding.

    `trusted`: public keys (Ed25519, 32 bytes) that the caller has from the station itself. Without one the signature is judged by the key in the file,
    which shows that nothing was changed since somebody signed it, and not who.
    """
    try:
        sealed = Sealed.read(attached(file) if is_pdf(file) else file)
        judged = [*_content(sealed), *_signature(sealed, trusted), *_figures(sealed)]
        judged += _pages(sealed, file) if is_pdf(file) else ()
        judged += _place(sealed)
    except DAMAGED as error:
        return Verified(None, (), (f"the file cannot be read as a certificate: {error}",))
    number = str(sealed.payload.get("number"))
    told = {how: tuple(text for kind, text in judged if kind == how) for how in ("holds", "problem", "unchecked")}
    return Verified(number, told["holds"], told["problem"], told["unchecked"])


Judged = Iterator[tuple[str, str]]


def _content(sealed: Sealed) -> Judged:
    if digest(sealed.payload) != sealed.seal.sha256:
        yield "problem", "the content is not what was signed: its hash is another one, so something in it was changed"
    elif sealed.payload.get("number") != sealed.seal.number:
        yield "problem", f"the seal is that of certificate {sealed.seal.number}: it was taken from there"
    else:
        yield "holds", f"the content is what its hash says (SHA-256 {sealed.seal.sha256})"


def _signature(sealed: Sealed, trusted: Sequence[bytes]) -> Judged:
    seal = sealed.seal
    try:
        told = message(sealed.payload)
    except KeyError:
        yield "problem", "the certificate has no number, so nobody can have signed it"
        return
    own = [bytes.fromhex(seal.public_key)] if seal.public_key else []
    if trusted:
        why = signature_problem(told, seal.key, seal.signature, trusted)
        yield ("problem", f"the signature: {why}") if why else ("holds", f"signed by key {seal.key}, which you trust")
    elif not own:
        yield (
            "unchecked",
            f"the signature: no public key was given (--key), and none is in the file; it names key {seal.key}",
        )
    elif (why := signature_problem(told, seal.key, seal.signature, own)) is not None:
        yield "problem", f"the signature: {why}"
    else:
        yield "holds", f"signed by key {seal.key}, whoever has it"
        yield (
            "unchecked",
            f"whose key {seal.key} is: it came with the file, and anybody can make one. Compare it with the station's, or give its journal.pub with --key",
        )


def _figures(sealed: Sealed) -> Judged:
    wrong = check(sealed.payload)
    yield from (("problem", f"does not follow from the readings: {text}") for text in wrong)
    if not wrong:
        count = sum(len(stage["readings"]) for stage in sealed.payload["stages"].values() if stage)
        yield "holds", f"every point, budget and decision follows from the {count} readings inside, computed anew"


def _pages(sealed: Sealed, file: bytes) -> Judged:
    """The pages are not signed, the data in them is: so they are set again, and must be the same bytes."""
    made_by, here = sealed.payload.get("software"), f"irctl {version('irctl')}"
    try:
        same = render_pdf(sealed) == file
    except CertificateError as error:
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


def _place(sealed: Sealed) -> Judged:
    match sealed.payload:
        case {"station": {"simulated": False}}:
            return
        case _:
            yield (
                "unchecked",
                "whether any lamp was measured: the station was simulated, or does not say that it was not",
            )
