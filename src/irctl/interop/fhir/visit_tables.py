"""Tables of what one visit leaves: in the order in which they may be sent, one after the other."""

from __future__ import annotations

from irctl.interop.fhir.conversions import (
    as_is,
    base64,
    called,
    coding,
    concept,
    diagnoses,
    diagnosis_codes,
    each,
    in_words,
    manifest,
    moment,
    one_of,
    person,
    quantity,
    refer,
    said,
    service,
    sha1_of,
    signer,
    site,
    size,
    touch,
    touched,
)
from irctl.interop.fhir.course_tables import ORDER, PLAN, subject
from irctl.interop.fhir.devices import LAMP, METRIC
from irctl.interop.fhir.engine import Row, Table

_HERE = "{dossier.course}/{visit.id}"

APPOINTMENT = Table(
    "appointment",
    "Appointment",
    f"{_HERE}/appointment",
    "Appointment of {visit.at:%Y-%m-%d %H:%M}.",
    (
        ("status", "visit.state",
         one_of({"open": "arrived", "armed": "arrived", "given": "fulfilled", "signed": "fulfilled", "refused": "arrived"})),
        ("serviceType", "=Infrared heat treatment", in_words),
        ("start", "visit.at", moment),
        ("end", "until", moment),
        ("basedOn", "plan", refer(ORDER)),
        ("participant:patient.actor", "who", subject),
        ("participant:patient.status", "=accepted", as_is),
        ("participant:clinician.actor", "visit.started_by", person),
        ("participant:clinician.status", "=accepted", as_is),
    ),
)  # fmt: skip

DOCUMENT = Table(
    "document",
    "DocumentReference",
    f"{_HERE}/note",
    "Treatment note of {visit.at:%Y-%m-%d} (PDF).",
    (
        ("status", "=current", as_is),
        ("docStatus", "standing", one_of({"signed": "final", "amended": "amended", "draft": "preliminary"})),
        ("type", "kind_of_note", concept),
        ("subject", "who", subject),
        ("date", "dossier.made_at", moment),
        ("author", "visit.started_by", person),
        ("description", "=Treatment note of {visit.at:%Y-%m-%d}, visit {visit.id}", as_is),
        ("content.attachment.contentType", "=application/pdf", as_is),
        ("content.attachment.data", "pdf", base64),
        ("content.attachment.size", "pdf", size),
        ("content.attachment.hash", "pdf", sha1_of),
        ("content.attachment.title", "=Treatment note {visit.id}.pdf", as_is),
        ("content.attachment.creation", "dossier.made_at", moment),
        ("context.period.start", "visit.note.ending.started_at", moment),
        ("context.period.end", "visit.note.ending.ended_at", moment),
        ("context.related", "plan", refer(ORDER)),
    ),
    needs=("pdf",),
)

_AMENDMENT: tuple[Row, ...] = (
    ("time", "item.at", moment),
    ("authorReference", "item.by", person),
    ("text", "=Amended: {item.reason}. {item.changes}", as_is),
)

PROCEDURE = Table(
    "procedure",
    "Procedure",
    f"{_HERE}/procedure",
    "Infrared heat treatment of {plan.area}, {visit.at:%Y-%m-%d}: {progress}.",
    (
        ("status", "progress", one_of({
            "completed": "completed", "stopped": "stopped", "faulted": "stopped", "interrupted": "stopped",
            "refused": "not-done", "open": "preparation", "armed": "preparation",
            "given": "unknown", "signed": "unknown",  # whose journal is out of reach
        })),
        ("statusReason", "because", in_words),
        ("basedOn:order", "plan", refer(ORDER)),
        ("basedOn:plan", "plan", refer(PLAN)),
        ("code", "=procedure", concept),
        ("subject", "who", subject),
        ("performedPeriod.start", "visit.note.ending.started_at", moment),
        ("performedPeriod.end", "lit_until", moment),
        ("performer:by.actor", "visit.started_by", person),
        ("performer:by.function.text", "=performed", as_is),
        ("performer:supervisor.actor", "visit.supervised_by", person),
        ("performer:supervisor.function.text", "=supervised", as_is),
        ("location.display", "=Station {visit.station}", as_is),
        ("reasonCode", "plan", diagnoses),
        ("bodySite", "plan.area", site),
        ("report", "pdf", refer(DOCUMENT)),
        ("complication", "visit.response.adverse_event", in_words),
        ("followUp", "visit.response.plan", in_words),
        ("note:reaction.text", "visit.response.reaction", said("Reaction: {}")),
        ("note:protocol.text", "plan.protocol_label", said("Protocol: {}")),
        ("note:distance.text", "visit.position.distance_cm", said("Distance of the lamp: {:g} cm")),
        ("note:override.text", "visit.override.reason", said("Given against a warning, by two people: {}")),
        ("note:amended", "visit.amendments", each("Annotation", "", _AMENDMENT)),
        ("usedReference", "visit.lamp_serial", refer(LAMP)),
    ),
)  # fmt: skip

_ASKED: tuple[Row, ...] = (
    ("linkId", "item.key", as_is),
    ("text", "item.asks", as_is),
    ("answer:sure.valueBoolean", "item.answer", one_of({"yes": True, "no": False, "unknown": None})),
    ("answer:unsure.valueString", "item.answer", one_of({"yes": None, "no": None, "unknown": "unknown"})),
)
_TOUCH: tuple[Row, ...] = (
    ("linkId", "=thermal-sensation-{n}", as_is),
    ("text", "item", touched),
    ("answer:felt.valueString", "item", touch),
)

SCREENING = Table(
    "screening",
    "QuestionnaireResponse",
    f"{_HERE}/screening",
    "Screening before the treatment: {visit.screening.result}.",
    (
        ("status", "=completed", as_is),
        ("basedOn", "plan", refer(ORDER)),
        ("partOf", "visit.screening", refer(PROCEDURE)),
        ("subject", "who", subject),
        ("authored", "visit.screening.at", moment),
        ("author", "visit.screening.by", person),
        ("item:asked", "visit.screening.asked", each("QuestionnaireResponse", "item.", _ASKED)),
        ("item:sensation.linkId", "=thermal-sensation", as_is),
        ("item:sensation.text", "=Thermal sensation, tested on the area with the eyes closed", as_is),
        ("item:sensation.item", "visit.screening.touches", each("QuestionnaireResponse", "item.", _TOUCH)),
        ("item:result.linkId", "=result", as_is),
        ("item:result.text", "=Result, by screening list {visit.screening.label}", as_is),
        ("item:result.answer.valueString", "visit.screening.result", as_is),
    ),
    needs=("visit.screening",),
)

_OBSERVED: tuple[Row, ...] = (
    ("status", "standing", one_of({"signed": "final", "amended": "amended", "draft": "preliminary"})),
    ("basedOn", "plan", refer(ORDER)),
    ("partOf", "visit", refer(PROCEDURE)),
    ("subject", "who", subject),
)
_LIGHT: tuple[Row, ...] = (
    *_OBSERVED,
    ("category", "=therapy", concept),
    ("effectivePeriod.start", "visit.note.ending.started_at", moment),
    ("effectivePeriod.end", "visit.note.ending.ended_at", moment),
    ("performer", "visit.started_by", person),
    ("bodySite", "plan.area", site),
    ("device", "visit.lamp_serial", refer(LAMP)),
)
_HOW = one_of({"measured": "Measured during the treatment", "calibrated": "Computed from the lamp's calibration"})
_J_CM2, _MW_CM2 = quantity("J/cm2", "J/cm²"), quantity("mW/cm2", "mW/cm²")

DOSE = Table(
    "dose",
    "Observation",
    f"{_HERE}/dose",
    "Dose delivered: {interval}.",
    (
        *_LIGHT,
        ("code", "=dose", concept),
        ("method.text", "visit.note.ending.dose_source", _HOW),
        ("valueQuantity", "visit.note.ending.delivered.best_j_cm2", _J_CM2),
        ("component:min.code", "=dose-min", concept),
        ("component:min.valueQuantity", "visit.note.ending.delivered.min_j_cm2", _J_CM2),
        ("component:max.code", "=dose-max", concept),
        ("component:max.valueQuantity", "visit.note.ending.delivered.max_j_cm2", _J_CM2),
        ("component:prescribed.code", "=dose-prescribed", concept),
        ("component:prescribed.valueQuantity", "visit.note.ending.prescribed_j_cm2", _J_CM2),
    ),
    needs=("visit.note",),
)


def _light(name: str, source: str, says: str, *how: Row) -> Table:
    """One more figure of the light."""
    rows = (*_LIGHT, ("code", f"={name}", concept), *how)
    return Table(name, "Observation", f"{_HERE}/{name}", f"{says}: {{{source}:.4g}}.", rows, needs=(source,))


def _rated(name: str, when: str, figure: str, code: Row) -> Table:
    """What the patient said, before or after."""
    rated = f"visit.{when}"
    rows: tuple[Row, ...] = (
        *_OBSERVED,
        ("category", "=survey", concept),
        code,
        ("effectiveDateTime", f"{rated}.at", moment),
        ("performer", f"{rated}.by", person),
        ("valueQuantity", f"{rated}.{figure}", quantity("{score}", "score")),
        ("note.text", f"={when.capitalize()} the treatment", as_is),
    )
    said = f"{name.capitalize()} {when} the treatment: {{{rated}.{figure}}}."
    return Table(f"{name} {when}", "Observation", f"{_HERE}/{name}-{when}", said, rows, needs=(f"{rated}.{figure}",))


_IRRADIANCE, _SKIN, _CEM43 = (
    f"visit.note.ending.{name}" for name in ("irradiance_mean_mw_cm2", "skin_c_max", "cem43_min")
)
_PAIN: Row = ("code", "=pain", concept)
_FUNCTION: Row = ("code", "function_scale", called("function"))

OBSERVATIONS = (
    DOSE,
    _light("irradiance", _IRRADIANCE, "Mean irradiance in mW/cm²", ("valueQuantity", _IRRADIANCE, _MW_CM2),
           ("method.text", "visit.note.ending.dose_source", _HOW)),
    _light("skin", _SKIN, "Highest skin temperature in °C", ("valueQuantity", _SKIN, quantity("Cel", "°C"))),
    _light("cem43", _CEM43, "CEM43 in minutes", ("valueQuantity", _CEM43, quantity("min", "min"))),
    _rated("pain", "before", "nprs", _PAIN),
    _rated("pain", "after", "nprs", _PAIN),
    _rated("function", "before", "function", _FUNCTION),
    _rated("function", "after", "function", _FUNCTION),
    Table(
        "skin response",
        "Observation",
        f"{_HERE}/skin-response",
        "Skin afterwards: {visit.response.skin}.",
        (
            *_OBSERVED,
            ("category", "=exam", concept),
            ("code", "=skin-response", concept),
            ("effectiveDateTime", "visit.after.at", moment),
            ("bodySite", "plan.area", site),
            ("valueCodeableConcept", "visit.response.skin", in_words),
        ),
        needs=("visit.response",),
    ),
)  # fmt: skip

CHARGE = Table(
    "charge",
    "ChargeItem",
    f"{_HERE}/charge/{{n}}",
    "Service {item.code}: {item.units} (claim check: {claim.verdict}).",
    (
        ("status", "billing",
         one_of({"bill": "billable", "hold": "planned", "needs notice": "planned", "simulated": "not-billable"})),
        ("code", "item.code", service),
        ("subject", "who", subject),
        ("occurrenceDateTime", "visit.at", moment),
        ("performer.actor", "visit.started_by", person),
        ("quantity", "item.units", quantity("1", "units")),
        ("bodysite", "plan.area", site),
        ("reason", "item.diagnosis_codes", diagnosis_codes),
        ("service", "visit", refer(PROCEDURE)),
        ("note:modifiers.text", "item.modifiers", lambda value, scene: f"Modifiers: {', '.join(value)}"),
        ("note:because.text", "item.because", lambda value, scene: "; ".join(value)),
        ("note:minutes.text", "item.minutes", said("Minutes: {:g}")),
    ),
    over="claim.lines",
)  # fmt: skip

SIGNATURE = Table(
    "signature",
    "Provenance",
    f"{_HERE}/signature/{{item.version}}/{{item.login}}",
    "Signed by {item.name}, {item.at:%Y-%m-%d %H:%M}: {item.meaning}.",
    (
        ("target:document", "pdf", refer(DOCUMENT)),
        ("target:procedure", "visit", refer(PROCEDURE)),
        ("target:dose", "visit.note", refer(DOSE)),
        ("recorded", "item.at", moment),
        ("activity.text", "item.meaning", as_is),
        ("agent.type", "=signer", concept),
        ("agent.who", "item", signer),
        ("entity:journal.role", "=source", as_is),
        ("entity:journal.what.identifier.system", "={systems.journal}", as_is),
        ("entity:journal.what.identifier.value", "sealed", as_is),
        ("entity:journal.what.display", "=Events of the controller's journal, and the hash that seals them", as_is),
        ("signature.type", "=signature", coding),
        ("signature.when", "item.at", moment),
        ("signature.who", "item", signer),
        ("signature.sigFormat", "=application/json", as_is),
        ("signature.data", "item", manifest),
    ),
    over="signatures",
)

EXPORT = Table(
    "export",
    "AuditEvent",
    f"{_HERE}/export/{{visit.version}}",
    "Version {visit.version} of visit {visit.id} was made ready for this system.",
    (
        ("type", "=export", coding),
        ("action", "=R", as_is),
        ("recorded", "dossier.made_at", moment),
        ("outcome", "=0", as_is),
        ("agent.who.display", "=irctl, for {clinic.name}", as_is),
        ("agent.requestor", "requestor", as_is),
        ("source.observer.display", "=irctl", as_is),
        ("source.type", "=application", coding),
        ("entity:patient.what", "who", subject),
        ("entity:procedure.what", "visit", refer(PROCEDURE)),
        ("entity:document.what", "pdf", refer(DOCUMENT)),
    ),
)

VISIT = (LAMP, METRIC, APPOINTMENT, DOCUMENT, PROCEDURE, SCREENING, *OBSERVATIONS, CHARGE, SIGNATURE, EXPORT)
