"""Is this certificate genuine, and does it follow from its own readings? Answered from the file alone, in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from irctl.documents.attachment import attached, is_pdf
from irctl.documents.certificate.pdf import render_pdf
from irctl.documents.certificate.sealed import DAMAGED, Sealed
from irctl.documents.verified import Judged, Verified, pages, signature
from irctl.domain.certificate import digest, message
from irctl.domain.certificate_check import check


def verify(file: bytes, trusted: Sequence[bytes] = ()) -> Verified:
    """Check a certificate, PDF or JSON. Never raises for a damaged file: that is the finding.

    `trusted`: public keys (Ed25519, 32 bytes) that the caller has from the station itself. Without one the signature is judged by the key in the file,
    which shows that nothing was changed since somebody signed it, and not who.
    """
    try:
        sealed = Sealed.read(attached(file) if is_pdf(file) else file)
        judged = [*judge(sealed, trusted)]
        if is_pdf(file):
            judged += pages(file, lambda: render_pdf(sealed), sealed.payload.get("software"))
        judged += _place(sealed)
    except DAMAGED as error:
        return Verified(None, (), (f"the file cannot be read as a certificate: {error}",))
    return Verified.of(str(sealed.payload.get("number")), judged)


def judge(sealed: Sealed, trusted: Sequence[bytes]) -> Judged:
    """Content, signature and figures. Raises DAMAGED."""
    yield from _content(sealed)
    yield from _signature(sealed, trusted)
    yield from _figures(sealed)


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
    yield from signature(told, seal.key, seal.signature, seal.public_key, trusted)


def _figures(sealed: Sealed) -> Judged:
    wrong = check(sealed.payload)
    yield from (("problem", f"does not follow from the readings: {text}") for text in wrong)
    if not wrong:
        count = sum(len(stage["readings"]) for stage in sealed.payload["stages"].values() if stage)
        yield "holds", f"every point, budget and decision follows from the {count} readings inside, computed anew"


def _place(sealed: Sealed) -> Judged:
    match sealed.payload:
        case {"station": {"simulated": False}}:
            return
        case _:
            yield (
                "unchecked",
                "whether any lamp was measured: the station was simulated, or does not say that it was not",
            )
