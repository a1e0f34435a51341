"""A course as a FHIR R4 transaction: the same resources with the same identifiers whenever it is made, sent on condition that they are not there yet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from irctl.documents.claims import Claim
from irctl.documents.course.common import interval
from irctl.documents.dossier import Dossier, PatientInfo, Visit
from irctl.interop.fhir.codes import Codes, Systems
from irctl.interop.fhir.course_tables import COURSE
from irctl.interop.fhir.delivery import token
from irctl.interop.fhir.devices import Lamp, Metric
from irctl.interop.fhir.engine import Made, Scene, make
from irctl.interop.fhir.r4 import Resource
from irctl.interop.fhir.visit_tables import VISIT

KEPT_AS_THEY_ARE = frozenset({"Provenance", "AuditEvent"})
"""Of these, R4 has no identifier to search by, and what was written once is never written again."""


@dataclass(frozen=True, slots=True)
class Who:
    """What the receiver knows the patient by."""

    system: str
    value: str


def bundle(
    dossier: Dossier,
    codes: Codes,
    *,
    notes: Mapping[str, bytes] | None = None,
    claims: Sequence[Claim] = (),
    visits: Collection[str] | None = None,
    full_patient: bool = False,
) -> Resource:
    """`notes`: the printed treatment note (PDF) of each visit, by its id. `visits`: only these; all without it.

    The patient is referred to by the clinic's record number, or irctl's reference where there is none; `full_patient` sends name and birthday along. Raises
    Refused where something cannot be said in R4.
    """
    made = _made(dossier, codes, notes or {}, {claim.visit: claim for claim in claims}, visits, full_patient)
    return {"resourceType": "Bundle", "type": "transaction", "entry": [_entry(one) for one in made]}


def _made(
    dossier: Dossier,
    codes: Codes,
    notes: Mapping[str, bytes],
    claims: Mapping[str, Claim],
    visits: Collection[str] | None,
    full_patient: bool,
) -> Iterator[Made]:
    course = Scene(
        {
            "dossier": dossier,
            "plan": dossier.plan,
            "clinic": dossier.clinic,
            "patient": dossier.patient,
            "who": _who(dossier.patient, codes.systems),
            "full_patient": full_patient or None,
            "function_scale": dossier.plan.function_scale or codes.concept("function")["text"],
            "simulated": dossier.simulated,
        },
        codes,
    )
    yield from make(COURSE, course)
    for visit in dossier.visits:
        if visits is None or visit.id in visits:
            yield from make(VISIT, _scene(course, dossier, visit, notes.get(visit.id), claims.get(visit.id)))


def _who(patient: PatientInfo, systems: Systems) -> Who:
    if patient.number:
        return Who(systems.patient_number, patient.number)
    return Who(systems.patient, patient.reference)


def _scene(course: Scene, dossier: Dossier, visit: Visit, pdf: bytes | None, claim: Claim | None) -> Scene:
    """What the tables of a visit read beside the visit itself."""
    note, sound = visit.note, [one for one in visit.signatures if one.sound and one.version == visit.version]
    simulated = dossier.simulated or (note is not None and note.simulated)
    ending = note.ending if note else None
    lamp = Lamp(visit.lamp_serial, note.lamp_info.title if note else visit.lamp, simulated)
    return course.beside(
        visit=visit,
        pdf=pdf,
        claim=claim,
        lamp=lamp,
        metric=_metric(visit, lamp, dossier.made_at),
        simulated=simulated,
        progress="refused" if visit.state == "refused" else ending.outcome if ending else visit.state,
        because=visit.refused_because or (ending.reason if ending and ending.outcome != "completed" else ""),
        until=_until(visit),
        lit_until=ending.ended_at if ending and ending.started_at else None,
        standing="draft" if not sound else "amended" if visit.amendments else "signed",
        signatures=sound,
        sealed=_sealed(visit),
        interval=interval(note) if note else None,
        billing="simulated" if simulated else claim.verdict.value if claim else None,
        requestor=False,
        kind_of_note=f"note-{dossier.coverage.discipline}" if dossier.coverage.discipline in ("PT", "OT") else "note",
        people={
            one.login: one
            for one in (dossier.plan.planned_by, visit.supervised_by, visit.started_by)
            if one is not None
        },
    )


def _metric(visit: Visit, lamp: Lamp, at: datetime) -> Metric | None:
    if visit.note is None:
        return None
    held = visit.note.calibration
    words = f"irradiance at {held.distance_cm:g} cm by level"
    return Metric(lamp, held.id, "output", words, held.performed_at, at < held.valid_until)


def _until(visit: Visit) -> datetime:
    """The last that is known of the visit: R4 asks for an end wherever there was a beginning."""
    known = (visit.after and visit.after.at, visit.note and visit.note.ending.ended_at)
    return max((visit.at, *(one for one in known if one)))


def _sealed(visit: Visit) -> str:
    if visit.note is None:
        return ""
    source = visit.note.source
    return f"{visit.controller}/{source.first_seq}-{source.last_seq}/{source.head}"


def _entry(made: Made) -> Resource:
    kind, named = made.resource["resourceType"], made.identifier
    wanted = token(named["system"], named["value"])
    if kind in KEPT_AS_THEY_ARE:
        request = {"method": "POST", "url": kind, "ifNoneExist": f"_tag={wanted}"}
    else:
        request = {"method": "PUT", "url": f"{kind}?identifier={wanted}"}
    return {"fullUrl": made.url, "resource": made.resource, "request": request}
