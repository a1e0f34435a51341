"""Courses as bundles: the usual one, and those at the edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from irctl.documents.claims import check, load_rules
from irctl.documents.course import render_pdf
from irctl.documents.dossier import Amended, Dossier, Overridden, Response
from irctl.interop.fhir import bundle, load_codes
from tests.documents.dossiers import ASSISTANT, CLINICIAN, FIRST, a_dossier, a_visit

PAYERS = Path(__file__).parents[2] / "configs" / "payers"
Bundle = dict[str, Any]


@dataclass(frozen=True)
class Parcel:
    body: bytes


@cache
def printed(visits: int = 12) -> dict[str, bytes]:
    """The treatment notes of the usual course, as they are printed."""
    course = a_dossier(visits)
    return {visit.id: render_pdf(course, visit.id) for visit in course.visits}


def a_bundle(dossier: Dossier, **options: Any) -> Bundle:
    rules = load_rules(PAYERS / f"{dossier.coverage.payer}.toml") if dossier.coverage.payer else None
    given: dict[str, Any] = {"claims": check(dossier, rules), "notes": {v.id: b"%PDF-1.7" for v in dossier.visits}}
    return bundle(dossier, load_codes(), **given | options)


def refused() -> Dossier:
    visit = a_visit(
        1, state="refused", refused_because="open wound", number=None, note=None, signatures=(), response=None, after=None
    )  # fmt: skip
    return a_dossier(visits=0).model_copy(update={"visits": (visit,)})


def troubled() -> Dossier:
    """Stopped, a burn, amended after the signature, given against a warning; part of the screening unknown."""
    usual = a_visit(1)
    assert usual.note is not None
    assert usual.screening is not None
    ending = usual.note.ending.model_copy(
        update={"outcome": "faulted", "reason": "the skin was too warm", "skin_c_max": None}
    )
    asked = usual.screening.asked[0].model_copy(update={"answer": "unknown"})
    visit = usual.model_copy(
        update={
            "note": usual.note.model_copy(update={"ending": ending}),
            "screening": usual.screening.model_copy(update={"asked": (asked,), "touches": ((True, None), (False, True))}),
            "response": Response(skin="blister or burn", adverse_event="blister of 1 cm", plan="none for two weeks"),
            "override": Overridden(what=("metal-in-area",), by=CLINICIAN, second=ASSISTANT, reason="far from the lamp", at=FIRST),
            "amendments": (Amended(version=9, at=FIRST, by=CLINICIAN, reason="mistyped", changes={"nprs": "4"}),),
        }
    )  # fmt: skip
    return a_dossier(visits=0).model_copy(update={"visits": (visit,)})


def scant() -> Dossier:
    """As little as may be said: no protocol in force, no ratings, no journal at hand."""
    visit = a_visit(
        1, state="given", note=None, screening=None, position=None, before=None, after=None, response=None, signatures=(),
        started_by=None, supervised_by=None, services=(), treatment_minutes=None,
    )  # fmt: skip
    course = a_dossier(visits=0, missed=(FIRST - timedelta(days=1),))
    bare = {
        "protocol": None,
        "certification": None,
        "diagnosis_codes": (),
        "necessity": "",
        "goal": "",
        "referred_by": "",
    }
    patient = course.patient.model_copy(update={"number": ""})
    plan = course.plan.model_copy(update=bare | {"state": "stopped", "closed_at": FIRST, "function_scale": ""})
    return course.model_copy(update={"plan": plan, "patient": patient, "visits": (visit,)})


def every_case() -> dict[str, Callable[[], Bundle]]:
    return {
        "one visit": lambda: a_bundle(a_dossier(1)),
        "twelve visits": lambda: a_bundle(a_dossier()),
        "the patient in full": lambda: a_bundle(a_dossier(1), full_patient=True),
        "simulated": lambda: a_bundle(a_dossier(1, simulated=True)),
        "refused": lambda: a_bundle(refused()),
        "troubled": lambda: a_bundle(troubled()),
        "scant": lambda: a_bundle(scant(), notes={}),
    }
