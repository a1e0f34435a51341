"""Putting together what is known of one session: what the controller sealed, what the clinic has written, and who asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from irctl.documents import course
from irctl.documents.dossier import Dossier, Visit
from irctl.documents.exported.form import Exported, Seal, Signature
from irctl.documents.record import NoteError
from irctl.documents.session_note import session_note
from irctl.domain import electronic_signature as electronic
from irctl.domain.excerpt import whole
from irctl.domain.problems import Problem, Refused
from irctl.domain.signature import fingerprint

Sign = Callable[[bytes], tuple[bytes, str]]
"""Signs with the clinic's key: the public key, and the signature in hexadecimal."""


def calibration_of(excerpt: Mapping[str, Any]) -> str | None:
    """Which calibration the session relied on; None where that came from a file, and has no certificate."""
    ordered = next(event for event in excerpt["events"] if event.get("event") == "session.ordered")
    in_force = ordered["calibration"]
    return in_force["id"] if in_force["source"] == "journal" else None


def made(
    excerpt: Mapping[str, Any],
    *,
    by: str,
    at: datetime,
    dossier: Dossier | None = None,
    certificate: Mapping[str, Any] | None = None,
    versions: Sequence[electronic.Version] = (),
    signatures: Sequence[electronic.Signature] = (),
    template: str | None = None,
    sign: Sign | None = None,
) -> Exported:
    """One session's evidence.

    `excerpt` and `certificate`: as a controller serves them (`/v1/sessions/ID/excerpt`, `/v1/calibrations/ID/certificate`). `dossier`: the course; its visit
    with this session is kept, with the light as the excerpt tells it. `versions`, `signatures`: of that visit's paper; those that matter are kept.
    `template`: what the pages are set with, if not with irctl's own. Raises Refused.
    """
    try:
        told, seal = dict(excerpt["excerpt"]), Seal.model_validate(excerpt["seal"])
        session = str(told["session"])
        shown = None if dossier is None else _one_visit(dossier, session, told)
    except (KeyError, TypeError, ValidationError, NoteError) as error:
        remedy = "Ask the controller for the excerpt of a session that has ended"
        raise Refused([Problem("excerpt", None, f"is none that can be exported: {error}", remedy)]) from None
    wanted = {one.version for one in signatures}.union([visit.version for visit in shown.visits] if shown else [])
    unsealed = Exported(
        session=session,
        made_by=by,
        made_at=at,
        software=f"irctl {version('irctl')}",
        excerpt=told,
        seal=seal,
        dossier=None if shown is None else shown.model_dump(mode="json"),
        certificate=None if certificate is None else dict(certificate),
        versions=tuple(one.canonical().decode() for one in versions if one.number in wanted),
        signatures=tuple(one.canonical().decode() for one in signatures),
        template=template,
    )
    hashed = unsealed.model_copy(update={"sha256": unsealed.digest})
    return hashed if sign is None else hashed.model_copy(update={"clinic": _signed(hashed.message, sign)})


def render_pdf(exported: Exported, *, template: Path | None = None, fonts: Sequence[Path] = ()) -> bytes:
    """The visit's treatment note, with the whole export attached. `template`: the one that the export names. Raises Refused."""
    found = exported.shown()
    if found is None:
        remedy = "Export it from the clinic, or keep it as JSON"
        raise Refused([Problem("dossier", None, "is not in this export: a controller knows no course", remedy)])
    dossier, visit = found
    return course.render_pdf(dossier, visit.id, template=template, attachment=exported.as_json(), fonts=fonts)


def _one_visit(dossier: Dossier, session: str, excerpt: Mapping[str, Any]) -> Dossier:
    visits = [visit for visit in dossier.visits if visit.session == session]
    if len(visits) != 1:
        limit = f"is of {len(visits)} visits of course {dossier.course}"
        raise Refused([Problem("session", session, limit, "Name the course in which it was given")])
    note = session_note(whole(excerpt), session, timezone=dossier.timezone)
    visit: Visit = visits[0].model_copy(update={"note": note})
    return dossier.model_copy(update={"visits": (visit,)})


def _signed(message: bytes, sign: Sign) -> Signature:
    public_key, signature = sign(message)
    return Signature(key=fingerprint(public_key), signature=signature, public_key=public_key.hex())
