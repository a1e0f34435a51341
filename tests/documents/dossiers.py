"""Made-up courses, as a clinic would gather them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from irctl.documents.dossier import (
    Asked,
    Attended,
    Authorisation,
    Certification,
    ClinicInfo,
    Coverage,
    DoseStep,
    Dossier,
    Member,
    PatientInfo,
    PlanOfCare,
    Position,
    ProtocolInfo,
    Ratings,
    Response,
    ScreeningInfo,
    Service,
    Signed,
    StopAdvice,
    Visit,
)
from irctl.documents.record import SessionNote
from irctl.documents.session_note import session_note
from tests.documents import worlds

FIRST = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
CLINICIAN = Member(login="moreau", name="Claire Moreau", credentials="PT, DPT", npi="1234567893")
ASSISTANT = Member(login="okafor", name="Ben Okafor", credentials="PTA")
PAIN = (7, 6, 6, 5, 5, 5, 4, 4, 4, 3, 3, 3)
FUNCTION = (3, 3, 4, 4, 5, 5, 6, 6, 6, 7, 7, 7)


@cache
def _template() -> SessionNote:
    journal = worlds.Journal()
    worlds.started(journal, simulated=False)
    worlds.ordered(journal, fluence=6.0, planned_s=125.0)
    treatment = worlds.Treatment(journal)
    treatment.light()
    treatment.run(14, "warming")
    treatment.run(108, "emitting")
    treatment.run(20, "ending")
    treatment.end("completed", "the dose was reached")
    return session_note(journal.events, worlds.SESSION)


def a_note(at: datetime, session: str) -> SessionNote:
    """A completed treatment of 6 J/cm², begun then."""
    note = _template()
    by = at - note.ordered_at
    ending = note.ending.model_copy(
        update={
            "started_at": note.ending.started_at and note.ending.started_at + by,
            "ended_at": note.ending.ended_at + by,
        }
    )
    happenings = tuple(one.model_copy(update={"at": one.at + by}) for one in note.happenings)
    return note.model_copy(update={"session": session, "ordered_at": at, "ending": ending, "happenings": happenings})


def a_visit(number: int, /, **changes: Any) -> Visit:
    """The visit with this number (from 1), signed, three a week."""
    week, day = divmod(number - 1, 3)
    at = FIRST + timedelta(days=7 * week + 2 * day)
    session = f"S-{at:%Y%m%d}-0001"
    told: dict[str, Any] = {
        "id": f"V-{number:08x}",
        "version": 9,
        "number": number,
        "at": at,
        "state": "signed",
        "controller": "ab12cd34ef56ab12",
        "session": session,
        "station": "room-2",
        "lamp": "left",
        "lamp_serial": "HL-500-22817",
        "fluence_j_cm2": 6.0,
        "irradiance_mw_cm2": 50.0,
        "distance_cm": 50.0,
        "calibration": "CAL-2026-0093",
        "identified_by": CLINICIAN,
        "identified_at": at,
        "screening": ScreeningInfo(
            label="infrared version 1, 0123456789ab",
            standing="approved by C. Moreau, 2026-10-01",
            at=at + timedelta(minutes=1),
            by=CLINICIAN,
            result="may treat with precautions",
            asked=(
                Asked(key="eyes-protected", asks="Are the eyes protected?", answer="yes", dangerous=False, forbids=True,
                      advice="Protect the eyes first."),
                Asked(key="metal-in-area", asks="Is there metal in the area?", answer="yes", dangerous=True, forbids=False,
                      advice="Less irradiance; ask more often."),
            ),
            touches=((True, True), (False, False), (True, True), (False, False), (True, True), (False, False)),
        ),
        "position": Position(at=at + timedelta(minutes=3), by=CLINICIAN, distance_cm=50.0, angle_deg=0.0,
                             eyes_protected=True),
        "before": Ratings(at=at + timedelta(minutes=4), by=CLINICIAN, nprs=PAIN[max(0, number - 2)] if number > 1 else 8,
                          function=FUNCTION[max(0, number - 2)] if number > 1 else 2),
        "started_by": CLINICIAN,
        "supervised_by": CLINICIAN,
        "attended": (Attended(seq=77, at=at + timedelta(minutes=6), by="Claire Moreau", comfort="comfortable"),),
        "after": Ratings(at=at + timedelta(minutes=9), by=CLINICIAN, nprs=PAIN[number - 1], function=FUNCTION[number - 1]),
        "response": Response(skin="mild redness", reaction="pleasantly warm", plan="go on as planned"),
        "treatment_minutes": 12.0,
        "services": (Service(code="97110", minutes=24.0, timed=True),),
        "note": a_note(at + timedelta(minutes=5), session),
        "signatures": (
            Signed(name="Claire Moreau", login="moreau", meaning="performed", at=at + timedelta(minutes=12), version=9,
                   record_sha256="5e" * 32),
        ),
    }  # fmt: skip
    return Visit.model_validate(told | changes)


def a_dossier(visits: int = 12, **changes: Any) -> Dossier:
    """A course for low back pain that went well; `changes` take the place of its fields."""
    told: dict[str, Any] = {
        "course": "C-0a1b2c3d",
        "made_at": FIRST + timedelta(days=30),
        "timezone": "UTC",
        "simulated": False,
        "clinic": ClinicInfo(name="Lakeside Clinic", address="1 Sample Street, Lakeside", phone="555 0100",
                             npi="1987654320"),
        "patient": PatientInfo(reference="P-104882", name="Ada Example", born=date(1961, 5, 4), number="R-2071"),
        "plan": PlanOfCare(
            area="Lower back, lumbar, both sides",
            diagnosis="Low back pain with morning stiffness",
            diagnosis_codes=("M54.50",),
            necessity="Pain limits walking to 10 minutes; heat eases guarding before exercise.",
            goal="Walk 30 minutes without stopping by week 4",
            function_scale="walking",
            baseline_nprs=8,
            baseline_function=2,
            referred_by="Dr. J. Lind, Lakeside Family Practice",
            protocol=ProtocolInfo(
                label="luminous-ir version 1, 0123456789ab", title="Luminous infrared", standing="approved by C. Moreau, 2026-10-01",
                steps=(DoseStep(from_visit=1, fluence_j_cm2=6.0, irradiance_mw_cm2=50.0),), visits=12, per_week=3, weeks=4,
                interval_s_min=72000.0, sources=("F: practice: 45–90 cm, 15–20 min",),
            ),
            protocol_label="luminous-ir version 1, 0123456789ab",
            planned_at=FIRST - timedelta(days=3),
            planned_by=CLINICIAN,
            certification=Certification(by="Dr. J. Lind", on=date(2026, 11, 1), until=date(2027, 1, 29), document="scan 114"),
            state="active",
        ),
        "coverage": Coverage(
            payer="medicare-part-b", member="1EG4-TE5-MK73", discipline="PT", notice="none",
            authorisation=Authorisation(number="A-7731", visits=12, since=date(2026, 11, 1), until=date(2026, 12, 31)),
            paid_this_year_usd=640.0,
        ),
        "visits": tuple(a_visit(number) for number in range(1, visits + 1)),
        "advice": StopAdvice(
            reason="better", text="pain 8 before the course, 3 after visit 12: the change that matters is reached. Review whether to go on",
            source="minimal clinically important difference of the NPRS: 2 points",
        ) if visits >= 12 else None,
    }  # fmt: skip
    return Dossier.model_validate(told | changes)
