"""Exported sessions: a journal with two lamps treating at once, signed as a controller signs it, and what a clinic has beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from irctl.clinic.care.visits import VisitBody
from irctl.documents.dossier import Attended, Dossier, Signed
from irctl.documents.exported import Exported, made
from irctl.domain import excerpt
from irctl.domain.chain import CHECKPOINT, GENESIS, link
from irctl.domain.electronic_signature import Meaning, Reauthentication, Signature, Version, signed
from irctl.domain.people import Person, Role
from irctl.domain.signature import checkpoint_message, fingerprint
from tests.documents import worlds
from tests.documents.calibrations import ANOTHER_KEY, KEY, NUMBER, public, sealed
from tests.documents.dossiers import CLINICIAN, FIRST, a_dossier, a_visit
from tests.documents.worlds import SESSION, Event

OTHER, OTHERS_PATIENT = "S-20261123-0002", "P-777777"
MADE_AT = FIRST + timedelta(days=40)
CLINIC_KEY = ANOTHER_KEY


@cache
def certificate() -> dict[str, Any]:
    """As the controller serves it. Not to be changed: see `copied`."""
    return sealed()


@cache
def another_certificate() -> dict[str, Any]:
    """Of another calibration of the same lamp, by the same key."""
    return sealed(edit=lambda payload: payload.update(performed_by="A. N. Other"))


@cache
def journal(*, stopped: bool = False) -> tuple[Event, ...]:
    """A session at the left lamp; in between another patient's at the right one. Checkpoints are signed by `KEY`."""
    journal = worlds.Journal()
    worlds.started(journal, simulated=False)
    worlds.ordered(journal, fluence=6.0, planned_s=125.0)
    treatment = worlds.Treatment(journal)
    _other(journal, "ordered", order={"patient": OTHERS_PATIENT, "area": "knee"})
    treatment.light()
    treatment.run(14, "warming")
    journal.session("attended", by="B. Okafor, PTA", comfort="comfortable")
    for _ in range(12):
        treatment.run(5, "emitting")
        _other(journal, "sample", irradiance_mw_cm2=41.0)
    journal.write(CHECKPOINT)
    treatment.run(48, "emitting")
    if stopped:
        journal.write("stop.latched", by="a visitor", reason="smoke", source="button")
    treatment.run(20, "ending")
    treatment.end("stopped" if stopped else "completed", "smoke" if stopped else "the dose was reached")
    journal.write(CHECKPOINT)
    if stopped:
        _other(journal, "ended", reason="smoke")
        journal.pass_s(0.4)
        evidence = {"off_sent_s": 0.002, "acknowledged_s": None, "verified_dark_s": 0.655, "by": "cutoff"}
        journal.write("stop.evidence", lamps={"left": evidence, "right": evidence})
        journal.write(CHECKPOINT)
    _other(journal, "warning", text="too hot")
    journal.pass_s(20)
    journal.write(CHECKPOINT)
    return tuple(signed_chain(journal.events))


def _other(journal: worlds.Journal, event: str, **fields: Any) -> None:
    journal.write(f"session.{event}", session=OTHER, lamp="right", **fields)


def signed_chain(events: list[Event], key: Ed25519PrivateKey = KEY) -> list[Event]:
    """The events as one chain, their checkpoints signed, and the order relying on `certificate()`."""
    out: list[Event] = []
    prev = GENESIS
    held = certificate()["seal"]
    for seq, event in enumerate(events, start=1):
        body = {k: v for k, v in event.items() if k != "hash"} | {"seq": seq, "prev": prev}
        if event["event"] == CHECKPOINT:
            signature = key.sign(checkpoint_message(seq - 1, prev)).hex()
            body |= {"signs": seq - 1, "key": fingerprint(public(key)), "signature": signature}
        if event["event"] == "session.ordered" and event["session"] == SESSION:
            in_force = {"id": NUMBER, "hash": held["sha256"], "source": "journal"}
            body["calibration"] = event["calibration"] | in_force
        out.append(body | {"hash": link(body)})
        prev = out[-1]["hash"]
    return out


def served(
    events: tuple[Event, ...] | list[Event] | None = None,
    *,
    key: Ed25519PrivateKey = KEY,
    edit: Callable[[dict[str, Any]], None] = lambda payload: None,
) -> dict[str, Any]:
    """What the controller answers. `edit`: what somebody with the key changes before sealing."""
    found = list(events or journal())
    begin = next(n for n, e in enumerate(found) if e["event"] == "session.ordered") - excerpt.BEFORE
    stretch = found[begin:]
    told = excerpt.payload(
        stretch[: excerpt.through(stretch, SESSION)],
        SESSION,
        started=found[0],
        station="Treatment room 2",
        version="0.1.0",
        made_at=MADE_AT.isoformat(),
    )
    edit(told)
    seal = {"session": SESSION, "sha256": excerpt.digest(told), "key": fingerprint(public(key))}
    signature = key.sign(excerpt.message(told)).hex()
    return {"excerpt": told, "seal": seal | {"signature": signature, "public_key": public(key).hex()}}


def paper() -> tuple[list[Version], list[Signature]]:
    """The visit's paper in the version in force and the one before, and the signature it has."""
    at = FIRST + timedelta(minutes=9)
    told: dict[str, Any] = {
        "patient": "P-104882", "course": "C-0a1b2c3d", "area": "lumbar", "visit": 1, "place": 1, "protocol": "luminous-ir",
        "fluence_j_cm2": 6.0, "irradiance_mw_cm2": 50.0, "station": "room-2", "lamp": "left", "lamp_serial": "HL-500-22817",
        "distance_cm": 50.0, "calibration": NUMBER, "identified": {"by": "moreau", "at": FIRST},
        "screening": {
            "by": "moreau", "at": FIRST + timedelta(minutes=1), "screening": "infrared version 1, 0123456789ab",
            "answers": {"eyes-protected": "yes", "metal-in-area": "yes"}, "trials": ((True, True), (False, False)) * 3,
        },
        "position": {"by": "moreau", "at": FIRST + timedelta(minutes=3), "distance_cm": 50.0, "angle_deg": 0.0, "eyes_protected": True},
        "before": {"by": "moreau", "at": FIRST + timedelta(minutes=4), "nprs": 8, "function": 2},
        "session": f"{fingerprint(public())}/{SESSION}", "started_by": "moreau",
    }  # fmt: skip
    before = VisitBody.model_validate(told).model_dump(mode="json")
    after = {
        "by": "moreau", "at": at, "nprs": 7, "function": 3, "skin": "mild redness", "reaction": "pleasantly warm",
        "plan": "go on as planned", "minutes": 12.0, "supervised_by": "moreau",
        "services": ({"code": "97110", "minutes": 24.0, "timed": True},),
    }  # fmt: skip
    body = VisitBody.model_validate(told | {"after": after}).model_dump(mode="json")
    person = Person("moreau", "Claire Moreau", frozenset({Role.CLINICIAN}))
    first = Version("visit/V-00000001", 8, before, "moreau", FIRST)
    version = first.amended(body, person, "afterwards", at)
    proof = Reauthentication("moreau", at + timedelta(minutes=3))
    return [first, version], [signed(version, person, Meaning.PERFORMED, proof, at + timedelta(minutes=3))]


def course(events: tuple[Event, ...] | None = None) -> Dossier:
    """The course around this session, and another visit that must not leave with it."""
    versions, (signature,) = paper()
    attended = tuple(
        Attended(seq=e["seq"], at=datetime.fromisoformat(e["at"]), by=e["by"], comfort=e["comfort"])
        for e in events or journal()
        if e["event"] == "session.attended"
    )
    shown = Signed(
        name="Claire Moreau",
        login="moreau",
        meaning="performed",
        at=signature.at,
        version=9,
        record_sha256=versions[-1].sha256,
    )
    visit = a_visit(
        1, session=SESSION, controller=fingerprint(public()), calibration=NUMBER, attended=attended, signatures=(shown,),
        supervised_by=CLINICIAN,
    )  # fmt: skip
    return a_dossier(2).model_copy(update={"visits": (visit, a_visit(2))})


def sign(message: bytes) -> tuple[bytes, str]:
    """With the clinic's key."""
    return public(CLINIC_KEY), CLINIC_KEY.sign(message).hex()


def an_export(events: tuple[Event, ...] | None = None, **changes: Any) -> Exported:
    """Everything that there is of the session; `changes` take the place of what `made` is given."""
    versions, signatures = paper()
    told: dict[str, Any] = {
        "by": "Claire Moreau",
        "at": MADE_AT,
        "dossier": course(events),
        "certificate": certificate(),
        "versions": versions,
        "signatures": signatures,
    }
    return made(changes.pop("excerpt", None) or served(events), **told | changes)
