"""Tables of what a whole course has: the patient, the order, the plan of care, and appointments that were missed."""

from __future__ import annotations

from irctl.interop.fhir.conversions import (
    as_is,
    concept,
    diagnoses,
    each,
    in_words,
    moment,
    one_of,
    person,
    quantity,
    refer,
    said,
    site,
)
from irctl.interop.fhir.engine import Json, Scene, Table

PATIENT = Table(
    "patient",
    "Patient",
    "{who.value}",
    "{patient.name}, born {patient.born}.",
    (
        ("name.text", "patient.name", as_is),
        ("birthDate", "patient.born", moment),
        ("telecom.value", "patient.contact", as_is),
        ("telecom.system", "patient.contact", lambda value, scene: "other"),
    ),
    needs=("full_patient",),
    system="{who.system}",
)
"""Only where it is asked for: an EHR knows its patients, and better."""


def subject(value: Json, scene: Scene) -> Json:
    """To the patient that is sent along, else to the one that the receiver knows by this identifier."""
    known = {"system": value.system, "value": value.value}
    return refer(PATIENT)(value, scene) or {"type": "Patient", "identifier": known}


ORDER = Table(
    "order",
    "ServiceRequest",
    "{dossier.course}/order",
    "Order: infrared heat treatment of {plan.area}.",
    (
        ("status", "plan.state", one_of({"active": "active", "ended": "completed", "stopped": "revoked"})),
        ("intent", "=order", as_is),
        ("code", "=procedure", concept),
        ("quantityQuantity", "plan.protocol.visits", quantity("{visit}", "visits")),
        ("subject", "who", subject),
        ("authoredOn", "plan.planned_at", moment),
        ("requester", "plan.planned_by", person),
        ("reasonCode", "plan", diagnoses),
        ("bodySite", "plan.area", site),
        ("note:necessity.text", "plan.necessity", said("Medical necessity: {}")),
        ("note:referrer.text", "plan.referred_by", said("Referred by {}")),
    ),
)

_STEP = (
    ("detail.kind", "=ServiceRequest", as_is),
    ("detail.code", "=procedure", concept),
    ("detail.status", "plan.state",
     one_of({"active": "in-progress", "ended": "completed", "stopped": "stopped"})),
    ("detail.scheduledString", "=from visit {item.from_visit}: {plan.protocol.per_week} a week", as_is),
    ("detail.description", "=Prescribed {item.fluence_j_cm2:g} J/cm² at {item.irradiance_mw_cm2:g} mW/cm²", as_is),
)  # fmt: skip

PLAN = Table(
    "care plan",
    "CarePlan",
    "{dossier.course}/care-plan",
    "Plan of care: {plan.area}, by protocol {plan.protocol_label}.",
    (
        ("status", "plan.state", one_of({"active": "active", "ended": "completed", "stopped": "revoked"})),
        ("intent", "=plan", as_is),
        ("title", "=Infrared heat treatment: {plan.area}", as_is),
        ("description", "plan.necessity", as_is),
        ("subject", "who", subject),
        ("period.start", "plan.planned_at", moment),
        ("period.end", "plan.closed_at", moment),
        ("created", "plan.planned_at", moment),
        ("author", "plan.planned_by", person),
        ("activity:order.reference", "plan", refer(ORDER)),
        ("activity:steps", "plan.protocol.steps", each("CarePlan", "activity.", _STEP)),
        ("note:goal.text", "plan.goal", said("Goal: {}")),
        ("note:protocol.text", "plan.protocol_label", said("Protocol: {}")),
        ("note:certified.text", "plan.certification.by", said("Certified by {}")),
        ("note:certified-on.text", "plan.certification.on", said("Certified on {}")),
        ("note:certified-until.text", "plan.certification.until", said("Certified until {}")),
        ("note:closed.text", "plan.closed_because", said("Closed: {}")),
    ),
)

MISSED = Table(
    "missed",
    "Appointment",
    "{dossier.course}/missed/{item:%Y%m%dT%H%M%S}",
    "Missed appointment.",
    (
        ("status", "=noshow", as_is),
        ("serviceType", "=Infrared heat treatment", in_words),
        ("start", "item", moment),
        ("end", "item", moment),
        ("comment", "=How long it was planned for is not told: the end is the beginning.", as_is),
        ("basedOn", "plan", refer(ORDER)),
        ("participant:patient.actor", "who", subject),
        ("participant:patient.status", "=accepted", as_is),
    ),
    over="dossier.missed",
)

COURSE = (PATIENT, ORDER, PLAN, MISSED)
