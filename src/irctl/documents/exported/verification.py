"""Does an exported session hold? Answered from the file alone, in plain words: what holds, what was changed and where, what could not be judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, cast

from irctl.documents.attachment import is_pdf
from irctl.documents.certificate.sealed import DAMAGED
from irctl.documents.certificate.verification import judge
from irctl.documents.dossier import Dossier, Signed, Visit
from irctl.documents.exported import on_paper
from irctl.documents.exported.form import Exported, read
from irctl.documents.exported.making import render_pdf
from irctl.documents.figures import ranges
from irctl.documents.session_note import session_note
from irctl.documents.verified import Judged, Verified, about, pages, signature
from irctl.domain import electronic_signature as electronic
from irctl.domain.certificate import digest as certificate_digest
from irctl.domain.chain import CHECKPOINT
from irctl.domain.excerpt import digest, is_stub, message
from irctl.domain.excerpt_check import checkpoints, problems, shown
from irctl.domain.signature import checkpoint_message, fingerprint, signature_problem

TOLD_MAX = 12
"""Of one kind: a file that was cut to pieces is not told piece by piece."""


def verify(file: bytes, trusted: Sequence[bytes] = ()) -> Verified:
    """Check an exported session, JSON or PDF. Never raises for a damaged file: that is the finding.

    `trusted`: public keys (Ed25519, 32 bytes) that the caller has from the station and the clinic themselves. Without one each signature is judged by the
    key in the file, which shows that nothing was changed since somebody signed it, and not who.
    """
    try:
        exported = read(file)
    except DAMAGED as error:
        return Verified(None, (), (f"the file cannot be read as an exported session: {error}",))
    judged = [
        *_part("the file", lambda: _file(exported, file, trusted)),
        *_part("journal", lambda: _journal(exported)),
        *_part("journal", lambda: _checkpoints(exported, trusted)),
        *_part("journal", lambda: _seal(exported, trusted)),
        *_part("note", lambda: _note(exported)),
        *_part("calibration", lambda: _calibration(exported, trusted)),
        *_part("signatures", lambda: _paper(exported)),
        *_part("simulation", lambda: _simulated(exported)),
    ]
    if is_pdf(file):
        judged += _part("pages", lambda: _pages(exported, file))
    return Verified.of(exported.session, judged)


def _part(what: str, judge: Callable[[], Judged]) -> Judged:
    """What one part finds; what it cannot make sense of is a finding too, and keeps no other part from its own."""
    try:
        yield from about(what, judge())
    except (*DAMAGED, RuntimeError) as error:  # a generator makes a RuntimeError of a StopIteration
        yield "problem", f"{what}: is damaged, and cannot be judged: {type(error).__name__}: {error}"


def _file(exported: Exported, file: bytes, trusted: Sequence[bytes]) -> Judged:
    if not is_pdf(file) and exported.as_json() != file:
        yield "problem", "is not written as irctl writes it: it was cut, changed, or saved anew by another program"
    if exported.digest != exported.sha256:
        yield "problem", "its content is not what its hash says: something in it was changed"
    else:
        yield "holds", f"its content is what its hash says (SHA-256 {exported.sha256})"
    yield "unchecked", f"who made it: it says {exported.made_by}, {exported.made_at.isoformat()}"
    if exported.clinic is None:
        yield (
            "unchecked",
            "what no journal knows, such as the patient's name, the diagnosis and what people wrote: the clinic's key did not sign it, and whoever changes that can make the hash anew",
        )
        return
    seal = exported.clinic
    known = [key for key in trusted if fingerprint(key) == seal.key]
    yield from about("the clinic", signature(exported.message, seal.key, seal.signature, seal.public_key, known, "people.pub"))  # fmt: skip


# --- the journal -----------------------------------------------------------------------------------------------------------


def _journal(exported: Exported) -> Judged:
    told = exported.excerpt
    if told["session"] != exported.session:
        yield "problem", f"the excerpt is of session {told['session']}: it was taken from there"
    found = list(islice(problems(told), TOLD_MAX))
    yield from (("problem", text) for text in found)
    if not found:
        events = told["events"]
        own = shown(events)
        kept = f"{own} are here, {len(events) - own} of others as hashes only"
        yield "holds", f"events {told['first']} to {told['last']} follow one another without a gap ({kept})"


def _checkpoints(exported: Exported, trusted: Sequence[bytes]) -> Judged:
    keys = list(trusted) or [bytes.fromhex(exported.seal.public_key)]
    strangers: set[str] = set()

    def signed(seq: int, head: str, key: str, signature: str) -> str | None:
        if not trusted and key not in map(fingerprint, keys):
            strangers.add(key)
            return None
        return signature_problem(checkpoint_message(seq, head), key, signature, keys)

    events = exported.excerpt["events"]
    found = checkpoints(events, signed)
    yield from (("problem", text) for text in found.wrong[:TOLD_MAX])
    if found.wrong:
        return
    if strangers:
        yield "unchecked", f"checkpoints signed by {', '.join(sorted(strangers))}: that key is not in the file"
    elif found.signed:
        yield "holds", f"its {found.signed} checkpoints are signed"
    told = [e["seq"] for e in events if not is_stub(e) and e["event"] != CHECKPOINT]
    if left := [seq for seq in told if seq not in found.seqs]:
        why = "another session's events, or no checkpoint yet, come after them"
        yield "unchecked", f"events {ranges(left)} by a checkpoint of their own time: {why}. The seal vouches for them"


def _seal(exported: Exported, trusted: Sequence[bytes]) -> Judged:
    told, seal = exported.excerpt, exported.seal
    if seal.session != told["session"]:
        yield "problem", f"its seal is that of session {seal.session}: it was taken from there"
    if digest(told) != seal.sha256:
        yield "problem", "is not what the controller sealed: its hash is another one, so something in it was changed"
    found = list(signature(message(told), seal.key, seal.signature, seal.public_key, trusted))
    yield from found
    if found[0][0] == "holds":
        yield "holds", "which events are hidden as another session's is the controller's own word: it sealed the choice"


# --- what follows from it --------------------------------------------------------------------------------------------------


def _note(exported: Exported) -> Judged:
    found = exported.shown()
    if found is None:
        note = session_note(exported.events, exported.session)
        given = note.ending.delivered
        dose = f"{given.best_j_cm2:g} J/cm² [{given.min_j_cm2:g}, {given.max_j_cm2:g}]"
        yield "holds", f"the events tell a whole session: {note.ending.outcome}, {dose}"
        return
    dossier, visit = found
    if visit.note is None or visit.session != exported.session:
        yield "problem", f"visit {visit.id} shows no light of session {exported.session}"
        return
    note = session_note(exported.events, exported.session, timezone=visit.note.timezone)
    wrong = list(_differences(_json(note), _json(visit.note)))
    yield from (("problem", f"{text}: it was changed") for text in wrong[:TOLD_MAX])
    if not wrong:
        yield "holds", f"every figure follows from the events, read anew ({len(note.samples)} readings)"
    yield from _ordered(dossier, visit, exported)


def _ordered(dossier: Dossier, visit: Visit, exported: Exported) -> Judged:
    """The same facts, said once by the journal and once by the clinic."""
    assert visit.note is not None
    order = visit.note.order
    pairs = (
        ("the patient's reference", order.patient, dossier.patient.reference),
        ("the lamp", order.lamp, visit.lamp),
        ("the lamp's serial", visit.note.lamp_info.serial, visit.lamp_serial),
        ("the dose ordered", order.fluence_j_cm2, visit.fluence_j_cm2),
        ("the irradiance ordered", order.irradiance_mw_cm2, visit.irradiance_mw_cm2),
        ("the controller", exported.seal.key, visit.controller),
    )
    for what, journal, clinic in pairs:
        if journal != clinic:
            yield "problem", f"{what} is {journal} in the journal, and {clinic} in the visit"
    answered = [
        (e["seq"], e["by"], e["comfort"], datetime.fromisoformat(e["at"]).timestamp())
        for e in exported.events
        if e.get("event") == "session.attended" and e["session"] == exported.session
    ]
    if answered != [(one.seq, one.by, one.comfort, one.at.timestamp()) for one in visit.attended]:
        yield "problem", "the attendant's answers are not those that the journal has"


def _calibration(exported: Exported, trusted: Sequence[bytes]) -> Judged:
    in_force = exported.calibration
    wanted, hashed, source = in_force["id"], in_force["hash"], in_force.get("source")
    sealed = exported.sealed_certificate()
    if sealed is None:
        told = "was made elsewhere and has none here" if source == "file" else "has one, and it is not in this file"
        yield "unchecked", f"the certificate of calibration {wanted}: it {told}"
        return
    number = sealed.payload.get("number")
    if number != wanted:
        yield "problem", f"the certificate is that of {number}, and the session relied on {wanted}: it was swapped"
    elif certificate_digest(sealed.payload) != hashed:
        yield "problem", f"the certificate of {wanted} is not the one that was in force: its hash is another one"
    else:
        yield "holds", f"the certificate is that of the calibration in force ({wanted})"
    yield from about(f"certificate {number}", judge(sealed, trusted))


# --- what people wrote and signed ------------------------------------------------------------------------------------------


def _paper(exported: Exported) -> Judged:
    found = exported.shown()
    if found is None:
        yield "unchecked", "the patient's name, the course and what people signed: a controller knows none of it"
        return
    _, visit = found
    versions = {one.number: one for one in map(_version, exported.versions)}
    signed = [electronic.Signature.of(_object(text)) for text in exported.signatures]
    told = [(one.login, one.version, one.at.timestamp(), one.printed_name, str(one.meaning)) for one in signed]
    if told != [(one.login, one.version, one.at.timestamp(), one.name, one.meaning) for one in visit.signatures]:
        yield "problem", "those shown with the visit are not those on record"
    for text, one, printed in zip(exported.signatures, signed, visit.signatures, strict=False):
        yield from about(str(one), _signature(text, one, printed, versions))
    shown_version = versions.get(visit.version)
    if shown_version is None:
        yield "unchecked", f"version {visit.version} of the visit, which is shown: its text is not in this file"
    else:
        yield from _shown(visit, shown_version)
    if visit.amendments:
        yield "unchecked", f"{len(visit.amendments)} amendments beside the record: they are the clinic's word"
    if not signed:
        yield "unchecked", "nobody has signed this visit"
    elif not any(one.version == visit.version for one in signed):
        yield "unchecked", f"nobody has signed version {visit.version}, which is shown"


def _signature(
    text: str, one: electronic.Signature, printed: Signed, versions: Mapping[int, electronic.Version]
) -> Judged:
    if one.canonical().decode() != text:
        yield "problem", "is not written as a signature is written: it was changed"
    version = versions.get(one.version)
    if version is None:
        yield "problem", f"version {one.version}, which was signed, is not in this file"
        return
    wrong = electronic.problems_with_signature(one, version)
    yield from (("problem", f"{problem.limit}: the record was changed after it was signed, or exchanged") for problem in wrong)  # fmt: skip
    if (printed.record_sha256, printed.sound) != (one.record_sha256, not wrong):
        yield "problem", "what is shown of it is not what it says"
    if not wrong:
        yield "holds", f"was given to version {one.version} of {one.record}, which is unchanged (SHA-256 {one.record_sha256})"  # fmt: skip


def _shown(visit: Visit, version: electronic.Version) -> Judged:
    if version.record.rpartition("/")[2] != visit.id:
        yield "problem", f"version {version.number} is of {version.record}, and visit {visit.id} is shown"
    wrong = list(on_paper.differences(visit, version.body))
    yield from (("problem", text) for text in wrong[:TOLD_MAX])
    if not wrong:
        yield "holds", f"the visit shows what version {version.number} of its paper says"


def _version(text: str) -> electronic.Version:
    told = _object(text)
    told["made_at"] = datetime.fromisoformat(told["made_at"])
    version = electronic.Version(**told)
    if version.canonical().decode() != text:
        raise ValueError(f"version {version.number} is not written as a version is written")
    return version


def _simulated(exported: Exported) -> Judged:
    note, found = session_note(exported.events, exported.session), exported.shown()
    if not note.simulated:
        return
    if found is not None and not found[0].simulated:
        yield "problem", "the session was simulated, and the course says that none was"
    yield "unchecked", "whether anybody was treated: the station was simulated"


def _pages(exported: Exported, file: bytes) -> Judged:
    if exported.template is not None:
        yield (
            "unchecked",
            f"they were set with the clinic's own template ({exported.template}), which is not here. Rely on the data, or set the note anew from it",
        )
        return
    yield from pages(file, lambda: render_pdf(exported), exported.software)


# --- inside ----------------------------------------------------------------------------------------------------------------


def _object(text: str) -> dict[str, Any]:
    told: Any = json.loads(text)
    if not isinstance(told, dict):
        raise ValueError("not an object")
    return cast("dict[str, Any]", told)


def _json(part: Any) -> Any:
    return json.loads(part.model_dump_json())


def _differences(found: Any, told: Any, place: str = "") -> Iterator[str]:
    """Where what is told is not what was found, by its place."""
    match found, told:
        case dict(), dict():
            here, there = cast("dict[str, Any]", found), cast("dict[str, Any]", told)
            for name in {**here, **there}:
                yield from _differences(here.get(name), there.get(name), f"{place}.{name}".strip("."))
        case list(), list():
            one, other = cast("list[Any]", found), cast("list[Any]", told)
            if len(one) != len(other):
                yield f"{place} has {len(other)} entries, and {len(one)} by the events"
            for number, pair in enumerate(zip(one, other, strict=False)):
                yield from _differences(*pair, f"{place}.{number}")
        case _ if found != told:
            yield f"{place} is {told}, and {found} by the events"
        case _:
            pass
