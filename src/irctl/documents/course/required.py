"""What each paper must state, by the key of the statement, and who asks for it. A template that leaves one out is refused.

`MANUAL` items are Medicare Benefit Policy Manual chapter 15 §220.3 as far as our facts have it; `HOUSE` items are irctl's own promise that the paper can be traced.
"""

from __future__ import annotations

from dataclasses import dataclass

MANUAL = "Medicare Benefit Policy Manual 15 §220.3"
ISSUE = "what payers ask of CPT 97026 (our list; a payer's own may ask more)"
PART_11 = "21 CFR 11.50"
HOUSE = "irctl: every statement can be traced, and nothing simulated passes for real"


@dataclass(frozen=True, slots=True)
class Required:
    """What it is, and who asks for it."""

    what: str
    source: str


Table = dict[str, Required]

EVERY: Table = {
    "clinic": Required("the clinic", ISSUE),
    "notice": Required("that irctl is not a certified medical device", HOUSE),
    "simulated": Required("that it is simulated", HOUSE),
    "patient-name": Required("the patient’s name", ISSUE),
    "patient-born": Required("the patient’s date of birth", ISSUE),
    "patient-number": Required("the patient’s record number", ISSUE),
    "diagnosis": Required("the diagnosis", ISSUE),
    "diagnosis-codes": Required("the diagnosis codes as the clinic wrote them", ISSUE),
    "signature": Required("the signature with name, time and meaning, or that there is none", f"{PART_11}; {MANUAL}"),
    "evidence": Required("what each statement rests on", HOUSE),
}
TREATMENT: Table = {
    "visit": Required("which visit of the course", ISSUE),
    "visit-date": Required("the date of service", MANUAL),
    "refused": Required("why the visit was refused", ISSUE),
    "necessity": Required("the medical necessity", ISSUE),
    "referrer": Required("who referred the patient", ISSUE),
    "certification": Required("the certification of the plan of care", ISSUE),
    "service-code": Required("the service", MANUAL),
    "area": Required("the area treated", ISSUE),
    "lamp": Required("the lamp", ISSUE),
    "lamp-serial": Required("the lamp’s serial number", ISSUE),
    "calibration": Required("the calibration in force", ISSUE),
    "meter": Required("the meter of the calibration", ISSUE),
    "uncertainty": Required("the expanded uncertainty of the calibration", ISSUE),
    "parameters": Required("the parameters", ISSUE),
    "prescribed": Required("the prescribed dose", ISSUE),
    "delivered": Required("the delivered dose with its interval", ISSUE),
    "outcome": Required("how the treatment ended", ISSUE),
    "alerts": Required("what a reader must not miss of the light", HOUSE),
    "started": Required("when the light started", ISSUE),
    "ended": Required("when the treatment ended", ISSUE),
    "time-on": Required("the time on", ISSUE),
    "pauses": Required("the pauses", ISSUE),
    "timed-minutes": Required("the total timed-code minutes", MANUAL),
    "total-minutes": Required("the total treatment minutes", MANUAL),
    "services": Required("each service of the visit with its minutes", MANUAL),
    "position": Required("distance and angle", ISSUE),
    "eyes": Required("whether the eyes were protected", ISSUE),
    "screening": Required("the result of the screening", ISSUE),
    "answers": Required("the screening’s answers", ISSUE),
    "sensation": Required("the thermal sensation test", ISSUE),
    "override": Required("what was overridden, by whom and why", ISSUE),
    "before": Required("pain and function before", ISSUE),
    "after": Required("pain and function after", ISSUE),
    "skin": Required("the skin’s response", ISSUE),
    "reaction": Required("the patient’s reaction", ISSUE),
    "adverse": Required("adverse events", ISSUE),
    "supervision": Required("who supervised", ISSUE),
    "attended": Required("the attendant’s answers during the light", ISSUE),
    "plan": Required("the plan", ISSUE),
    "signatures": Required("signatures that are not of the version in force", PART_11),
    "amendments": Required("what was amended, beside what stood there", ISSUE),
}
_COURSE: Table = {
    "goal": Required("the goal", MANUAL),
    "area": Required("the area treated", ISSUE),
    "period": Required("the period reported on", MANUAL),
    "visits-given": Required("how many visits were given of how many planned", ISSUE),
    "pain": Required("pain before the course and now", MANUAL),
    "function": Required("function before the course and now", MANUAL),
    "adverse": Required("adverse events", ISSUE),
    "plan": Required("the plan", MANUAL),
}
PROGRESS: Table = _COURSE | {
    "necessity": Required("the medical necessity", ISSUE),
    "referrer": Required("who referred the patient", ISSUE),
    "certification": Required("the certification of the plan of care", ISSUE),
    "protocol": Required("the protocol", ISSUE),
    "frequency": Required("frequency and duration", ISSUE),
    "visits-refused": Required("how many visits were refused", ISSUE),
    "visits-missed": Required("how many visits were missed", ISSUE),
    "advice": Required("what the stop rule says", ISSUE),
    "advice-source": Required("the stop rule’s source", ISSUE),
    "visits": Required("every visit with ratings, dose and skin", ISSUE),
    "author": Required("for whom the report speaks", MANUAL),
}
DISCHARGE: Table = PROGRESS | {
    "closed": Required("who closed the course, and when", ISSUE),
    "closed-because": Required("why the course was closed", ISSUE),
}
PLAN: Table = {
    "necessity": Required("the medical necessity", ISSUE),
    "goal": Required("the goal", "42 CFR 410.61 (as irctl reads it; unverified)"),
    "area": Required("the area treated", ISSUE),
    "protocol": Required("the treatment and its protocol", ISSUE),
    "frequency": Required("frequency and duration", "42 CFR 410.61 (as irctl reads it; unverified)"),
    "steps": Required("the dose by visit", ISSUE),
    "planned": Required("when the plan was written", ISSUE),
    "baseline-pain": Required("pain before the course", ISSUE),
    "baseline-function": Required("function before the course", ISSUE),
    "referrer": Required("who referred the patient", ISSUE),
    "certification": Required("the certification", ISSUE),
    "author": Required("who wrote the plan", ISSUE),
}
REFERRER: Table = _COURSE | {
    "referrer": Required("to whom the letter goes", ISSUE),
    "advice": Required("what the stop rule says", ISSUE),
    "state": Required("whether the course goes on", ISSUE),
}
