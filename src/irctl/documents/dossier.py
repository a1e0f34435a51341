"""A course of treatment as documents, claims and health records see it: for whom, why, what was planned, and each visit as the journal and people tell it.

Values only, in the journal's own names and units; what nobody has said is empty or null, never guessed. The clinic gathers it from its records.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, Field

from irctl.documents.record import Part, SessionNote

FORMAT = "irctl-dossier-1"
HEAT_CODE = "97026"
"""What a visit with light is billed as: CPT, of which only the number is ours to print. Untimed, supervised, one unit a day."""

Notice = Literal["none", "signed", "required-by-payer", "voluntary"]
"""Of a written notice that the payer may not pay (for Medicare: the ABN)."""
Discipline = Literal["", "PT", "OT", "SLP"]
"""Under whose plan of care."""
Skin = Literal["as before", "mild redness", "marked redness", "blister or burn"]


class Member(Part):
    """Somebody of the clinic. `credentials` as printed after the name; `npi`: the US provider number, empty where nobody gave it."""

    login: str
    name: str
    credentials: str = ""
    npi: str = ""


class ClinicInfo(Part):
    """As its letterhead says it."""

    name: str
    address: str = ""
    phone: str = ""
    npi: str = ""
    tax_id: str = ""


class PatientInfo(Part):
    """Whom it is about. `reference` is what orders and the journal know; `number` the clinic's record number."""

    reference: str
    name: str
    born: date
    number: str = ""
    contact: str = ""


class Signed(Part):
    """An electronic signature with its meaning (21 CFR 11.50). `sound`: the version that was signed is still what it was."""

    name: str
    login: str
    meaning: str
    at: AwareDatetime
    version: int
    record_sha256: str
    sound: bool = True


class Amended(Part):
    """What somebody said is right, beside what stands in the record and stays there."""

    version: int
    at: AwareDatetime
    by: Member
    reason: str
    changes: dict[str, str]


class DoseStep(Part):
    """The dose from this visit on."""

    from_visit: int
    fluence_j_cm2: float
    irradiance_mw_cm2: float


class ProtocolInfo(Part):
    """By which protocol, on whose authority. `standing`: who approved it, or that nobody did."""

    label: str
    title: str
    standing: str
    steps: tuple[DoseStep, ...]
    visits: int
    per_week: int
    weeks: int
    interval_s_min: float | None = None
    sources: tuple[str, ...] = ()


class Certification(Part):
    """Who has certified the plan of care, and for how long. A referrer's own signature is on paper; here is what the clinic has of it."""

    by: str
    on: date
    until: date | None = None
    document: str = ""
    """Where it is filed."""


class PlanOfCare(Part):
    """Why and how. `diagnosis_codes` as the clinic wrote them (ICD-10-CM)."""

    area: str
    diagnosis: str
    diagnosis_codes: tuple[str, ...] = ()
    necessity: str = ""
    goal: str = ""
    function_scale: str = ""
    baseline_nprs: int = Field(ge=0, le=10)
    baseline_function: int | None = None
    referred_by: str = ""
    protocol: ProtocolInfo | None
    """None where it is not in force any more."""
    protocol_label: str
    planned_at: AwareDatetime
    planned_by: Member
    certification: Certification | None = None
    state: Literal["active", "ended", "stopped"]
    closed_at: AwareDatetime | None = None
    closed_by: Member | None = None
    closed_because: str = ""


class Authorisation(Part):
    """A payer's permission in advance."""

    number: str
    visits: int | None = None
    since: date | None = None
    until: date | None = None


class Coverage(Part):
    """Who is asked to pay. `payer` names a file of payer rules; empty: nobody has said."""

    payer: str = ""
    member: str = ""
    discipline: Discipline = ""
    notice: Notice = "none"
    authorisation: Authorisation | None = None
    paid_this_year_usd: float | None = Field(default=None, ge=0)
    """Charged against the year's threshold before this course, as far as the clinic knows; null: nobody has asked."""


class Service(Part):
    """Something else that was done at the same visit. `minutes` of a timed code count towards the timed total."""

    code: str
    minutes: float = Field(ge=0)
    timed: bool
    distinct: str = ""
    """Why it is a service of its own beside the lamp, where both are billed."""


class Asked(Part):
    """One question of the screening, and what was answered. `dangerous`: that answer forbids or asks for care."""

    key: str
    asks: str
    answer: Literal["yes", "no", "unknown"]
    dangerous: bool
    forbids: bool
    advice: str


class ScreeningInfo(Part):
    """What was asked that day, and the thermal sensation test: each touch, whether it was hot and whether the patient said so (null: felt nothing)."""

    label: str
    standing: str
    at: AwareDatetime
    by: Member
    result: str
    asked: tuple[Asked, ...]
    touches: tuple[tuple[bool, bool | None], ...]


class Position(Part):
    """As the lamp stood to the skin."""

    at: AwareDatetime
    by: Member
    distance_cm: float
    angle_deg: float
    eyes_protected: bool


class Ratings(Part):
    """The patient's own: pain 0 to 10 (NPRS), and the course's function scale."""

    at: AwareDatetime
    by: Member
    nprs: int = Field(ge=0, le=10)
    function: int | None = None


class Response(Part):
    """Afterwards."""

    skin: Skin
    reaction: str = ""
    adverse_event: str = ""
    plan: str = ""


class Overridden(Part):
    """What two people decided to do all the same, and why."""

    what: tuple[str, ...]
    by: Member
    second: Member
    reason: str
    at: AwareDatetime


class Attended(Part):
    """One answer of the attendant during the light: evidence of supervision. `seq`: the journal's event."""

    seq: int
    at: AwareDatetime
    by: str
    comfort: str


class Visit(Part):
    """One visit. `number` counts from 1 in the course; a refused visit has none. `note` is null without light, or while the journal is out of reach."""

    id: str
    version: int
    number: int | None
    at: AwareDatetime
    state: Literal["open", "armed", "given", "signed", "refused"]
    controller: str = ""
    """Whose journal tells of the light."""
    session: str = ""
    station: str
    lamp: str
    lamp_serial: str
    fluence_j_cm2: float
    irradiance_mw_cm2: float
    distance_cm: float
    calibration: str
    identified_by: Member | None = None
    identified_at: AwareDatetime | None = None
    screening: ScreeningInfo | None = None
    position: Position | None = None
    before: Ratings | None = None
    override: Overridden | None = None
    started_by: Member | None = None
    supervised_by: Member | None = None
    """Who was there and answers for the supervision, as the record says it."""
    given_by_assistant: bool = False
    """A therapist's assistant gave it, in whole or in part: a modifier depends on it."""
    attended: tuple[Attended, ...] = ()
    after: Ratings | None = None
    response: Response | None = None
    treatment_minutes: float | None = Field(default=None, ge=0)
    """Of this modality, from preparing to the last look at the skin, as the clinician states it; null: not stated."""
    services: tuple[Service, ...] = ()
    """Everything else of the same visit."""
    refused_because: str = ""
    note: SessionNote | None = None
    amendments: tuple[Amended, ...] = ()
    signatures: tuple[Signed, ...] = ()

    @property
    def lit(self) -> bool:
        """Whether there was light, or may have been."""
        return self.note is not None and self.note.ending.delivered.max_j_cm2 > 0

    @property
    def timed_minutes(self) -> float:
        """Total timed-code minutes: this modality is untimed and adds none."""
        return sum(one.minutes for one in self.services if one.timed)

    @property
    def total_minutes(self) -> float | None:
        """Total treatment minutes, timed and untimed; None while this modality's are not stated."""
        if self.treatment_minutes is None:
            return None
        return self.treatment_minutes + sum(one.minutes for one in self.services)

    @property
    def signed(self) -> bool:
        """Whether a sound signature stands for the version in force."""
        return any(one.sound and one.version == self.version for one in self.signatures)


class StopAdvice(Part):
    """What the outcome says of going on, on whose authority; a person decides."""

    reason: Literal["better", "unchanged", "worse", "done"]
    text: str
    source: str


class Dossier(Part):
    """A whole course. Times carry the offset of `timezone`."""

    format: Literal["irctl-dossier-1"] = FORMAT
    course: str
    made_at: AwareDatetime
    timezone: str
    simulated: bool
    clinic: ClinicInfo
    patient: PatientInfo
    plan: PlanOfCare
    coverage: Coverage = Coverage()
    visits: tuple[Visit, ...]
    """In the order of their times."""
    missed: tuple[AwareDatetime, ...] | None = None
    """Appointments to which the patient did not come; null: nobody has looked them up."""
    advice: StopAdvice | None = None

    @property
    def given(self) -> tuple[Visit, ...]:
        """The visits with light."""
        return tuple(visit for visit in self.visits if visit.lit)

    def visit(self, name: str) -> Visit:
        """Raises KeyError."""
        for visit in self.visits:
            if name in (visit.id, visit.session):
                return visit
        raise KeyError(name)
