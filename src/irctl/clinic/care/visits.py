"""One visit, from the greeting to the signature: each step is a version of its paper, so it goes on where it was on any screen.

The light itself is the controller's. What is decided here is whether everything still agrees (record and verify) before it is asked for.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from irctl.clinic.acting import Acting
from irctl.clinic.care import courses
from irctl.clinic.care.courses import VISIT, Nprs, Text
from irctl.clinic.desk import Desk
from irctl.clinic.lamps.stations import Station
from irctl.domain.course import Settings
from irctl.domain.electronic_signature import Meaning, Reauthentication, Signature, signed
from irctl.domain.override import Override, overriding
from irctl.domain.people import Person, Verb
from irctl.domain.problems import Problem, Refused
from irctl.domain.protocols import Dose, Due, Protocol, Under, due, name_of, problems_with_use
from irctl.domain.record_and_verify import NEVER, AtTheLamp, Prescribed, disagreements
from irctl.domain.screening import Answer, Findings, Screened, Trial, findings
from irctl.records.papers import Index, Paper, Wanted

POSITIONING_CM = 1.0
"""How well a distance set with a tape is kept (project choice); a calibration counts it in its uncertainty."""
OPEN = ("open", "armed")
PICTURE_MAX = 400_000
"""Characters of a small picture of how the patient lies, as a data URL."""
SERVICES_MAX = 12
Minutes = Annotated[float, Field(ge=0, le=480)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    by: str
    at: datetime


class IdentifiedPart(_Part):
    """The patient said name and date of birth beside the lamp."""


class ScreeningPart(_Part):
    screening: str
    answers: dict[str, Answer]
    trials: tuple[tuple[bool, bool | None], ...]
    """Each touch: whether it was hot, and whether the patient said so; None for nothing felt."""


class PositionPart(_Part):
    distance_cm: float
    angle_deg: Annotated[float, Field(ge=0, le=60)]
    """Between the beam and the perpendicular to the skin."""
    eyes_protected: bool
    picture: Annotated[
        str, Field(max_length=PICTURE_MAX, pattern=r"^(data:image/(png|jpeg);base64,[A-Za-z0-9+/=]+)?$")
    ] = ""


class BeforePart(_Part):
    nprs: Nprs
    function: Nprs | None = None


class ServicePart(BaseModel):
    """Something else that was done at the same visit, by its code: claims ask for its minutes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Annotated[str, Field(pattern=r"^[A-Z0-9]{5}$")]
    minutes: Minutes
    timed: bool
    distinct: Annotated[str, Field(max_length=300)] = ""
    """Why it is a service of its own beside the lamp."""


class AfterPart(_Part):
    nprs: Nprs
    function: Nprs | None = None
    skin: Literal["as before", "mild redness", "marked redness", "blister or burn"]
    reaction: Text = ""
    adverse_event: Text = ""
    plan: Text = ""
    minutes: Minutes | None = None
    """Of this treatment in all, from making ready to the last look at the skin; None: nobody has said."""
    supervised_by: str = ""
    """Login of who was there and answers for the supervision."""
    assistant: bool = False
    """A therapist's assistant gave it, in whole or in part."""
    services: Annotated[tuple[ServicePart, ...], Field(max_length=SERVICES_MAX)] = ()


class OverridePart(_Part):
    what: tuple[str, ...]
    second: str
    reason: str


class VisitBody(BaseModel):
    """All that is known of a visit. Doses J/cm², irradiance mW/cm²."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    patient: str
    course: str
    area: str
    appointment: str | None = None
    visit: int
    place: int
    """In the protocol's progression."""
    protocol: str
    fluence_j_cm2: float
    irradiance_mw_cm2: float
    station: str
    lamp: str
    lamp_serial: str
    distance_cm: float
    calibration: str
    identified: IdentifiedPart | None = None
    screening: ScreeningPart | None = None
    position: PositionPart | None = None
    before: BeforePart | None = None
    override: OverridePart | None = None
    confirmed: tuple[str, ...] = ()
    """Settings whose change since the last visit somebody has confirmed."""
    session: str | None = None
    started_by: str | None = None
    after: AfterPart | None = None
    dropped: str = ""
    """Why it was given up without light."""

    @property
    def settings(self) -> Settings:
        return Settings(self.lamp, self.fluence_j_cm2, self.irradiance_mw_cm2, self.protocol)


# --- the beginning --------------------------------------------------------------------------------------------------------


def offered(desk: Desk, course: Paper, station: Station, lamp: str) -> tuple[Due, Protocol]:
    """The dose that the next visit of a course is due at this lamp. Raises Refused with every reason why not."""
    found = courses.progress(desk, course)
    protocol = desk.library.protocol(found.body.protocol)
    view = station.lamp(lamp)
    under = Under(
        view["lamp_type"],
        view["distance_cm"],
        bool(view["live"]["fitted"]["skin"]),
        found.body.area,
        bool(station.view and station.view["simulated"]),
    )
    problems = problems_with_use(protocol, under)
    if (screening := desk.library.screening).approval is None and not under.simulated:
        remedy = "A second person approves it, in Settings or in its file"
        problems.append(Problem("screening", screening.name, "is an example that no clinic has approved", remedy))
    if view.get("locked"):
        remedy = "Calibrate it, or check it again once it is mended"
        problems.append(Problem("lamp", view["title"] or lamp, f"is locked: {view['locked']}", remedy))
    if view["calibration"] is None:
        problems.append(
            Problem("calibration", None, f"{view['title'] or lamp} has none in force", "Calibrate the lamp")
        )
    try:
        next_due = due(protocol, len(found.visits) + 1, found.visits, desk.now())
    except Refused as refused:
        raise Refused([*problems, *refused.problems]) from None
    if problems:
        raise Refused(problems)
    return next_due, protocol


def begin(
    desk: Desk, acting: Acting, course: Paper, station: Station, lamp: str, appointment: str | None = None
) -> Paper:
    """Open the next visit of a course at a lamp. Raises Refused."""
    person = acting.require(Verb.SCREEN)
    if begun := desk.papers.find(VISIT, Wanted(parent=course.id, states=OPEN)):
        return begun[-1]
    courses.require_active(course)
    next_due, protocol = offered(desk, course, station, lamp)
    view = station.lamp(lamp)
    body = VisitBody(
        patient=course.index.patient or "",
        course=course.id,
        area=courses.body_of(course).area,
        appointment=appointment,
        visit=next_due.visit,
        place=next_due.place,
        protocol=protocol.label,
        fluence_j_cm2=next_due.dose.fluence_j_cm2,
        irradiance_mw_cm2=next_due.dose.irradiance_mw_cm2,
        station=station.name,
        lamp=lamp,
        lamp_serial=view["serial"],
        distance_cm=view["distance_cm"],
        calibration=view["calibration"]["id"],
    )
    index = Index(course.index.patient, acting.at, "open", course.id)
    return desk.papers.new(VISIT, f"V-{secrets.token_hex(4)}", body.model_dump(mode="json"), person, acting.at, index)


def body_of(visit: Paper) -> VisitBody:
    return VisitBody.model_validate(visit.body)


# --- the steps ------------------------------------------------------------------------------------------------------------


def identify(desk: Desk, acting: Acting, visit: Paper) -> Paper:
    """The patient has said name and date of birth, and they are this patient's."""
    person = acting.require(Verb.SCREEN)
    return _step(desk, acting, visit, person, "identified", identified=IdentifiedPart(by=person.login, at=acting.at))


def screen(desk: Desk, acting: Acting, visit: Paper, answers: dict[str, Answer], trials: tuple[Trial, ...]) -> Paper:
    """What was asked and answered today."""
    person = acting.require(Verb.SCREEN)
    told = tuple((trial.hot, trial.said_hot) for trial in trials)
    label = desk.library.screening.label
    part = ScreeningPart(by=person.login, at=acting.at, screening=label, answers=answers, trials=told)
    return _step(desk, acting, visit, person, "screened", screening=part)


def position(
    desk: Desk, acting: Acting, visit: Paper, distance_cm: float, angle_deg: float, *, eyes: bool, picture: str = ""
) -> Paper:
    """As the lamp stands to the skin."""
    person = acting.require(Verb.SCREEN)
    if not eyes:
        raise Refused([Problem("eyes_protected", False, "must be so before any light", "Goggles, or cover the face")])
    part = PositionPart(
        by=person.login,
        at=acting.at,
        distance_cm=distance_cm,
        angle_deg=angle_deg,
        eyes_protected=eyes,
        picture=picture,
    )
    return _step(desk, acting, visit, person, "positioned", position=part)


def before(desk: Desk, acting: Acting, visit: Paper, nprs: int, function: int | None) -> Paper:
    """Pain and function before the light."""
    person = acting.require(Verb.SCREEN)
    part = BeforePart(by=person.login, at=acting.at, nprs=nprs, function=function)
    return _step(desk, acting, visit, person, "asked for pain", before=part)


def confirm(desk: Desk, acting: Acting, visit: Paper, settings: tuple[str, ...]) -> Paper:
    """Changes since the last visit are meant."""
    person = acting.require(Verb.START)
    return _step(desk, acting, visit, person, "changes confirmed", confirmed=settings)


def override(desk: Desk, acting: Acting, visit: Paper, what: tuple[str, ...], second: Person, reason: str) -> Paper:
    """Two people say: it is known, and it shall be done all the same. Raises Refused for what nobody may override."""
    person = acting.require(Verb.OVERRIDE, reason=reason, second=second)
    never = NEVER | desk.library.screening.absolute
    said = overriding(what, person, second, reason, acting.at, never=never)
    part = OverridePart(by=said.by, at=said.at, what=tuple(sorted(said.what)), second=said.second, reason=said.reason)
    return _step(desk, acting, visit, person, f"overridden: {reason}", override=part)


def drop(desk: Desk, acting: Acting, visit: Paper, reason: str) -> Paper:
    """Give a visit up without light: refused by the screening, or the patient's own wish. The record stays."""
    person = acting.require(Verb.SCREEN)
    if not reason.strip():
        raise Refused([Problem("reason", reason, "is empty", "Say why: it goes into the record")])
    return _step(desk, acting, visit, person, reason, state="refused", dropped=reason.strip())


def _step(
    desk: Desk, acting: Acting, visit: Paper, person: Person, reason: str, *, state: str = "", **parts: Any
) -> Paper:
    now = desk.papers.get(VISIT, visit.id)
    if now.index.state == "signed":
        remedy = "Amend it, with a reason"
        raise Refused([Problem("visit", visit.id, "is signed", remedy)], conflict=True)
    body = VisitBody.model_validate({**now.body, **{name: _plain(value) for name, value in parts.items()}})
    index = {"state": state} if state else {}
    told = body.model_dump(mode="json")
    if told == dict(now.body):
        return now
    return desk.papers.amend(VISIT, visit.id, now.number, told, person, reason, acting.at, **index)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


# --- record and verify ----------------------------------------------------------------------------------------------------


def screened(desk: Desk, visit: Paper, now: datetime) -> Findings | None:
    """What the screening says at this moment; None where nobody has screened."""
    body = body_of(visit)
    if (part := body.screening) is None:
        return None
    trials = tuple(Trial(hot, said) for hot, said in part.trials)
    told = Screened(part.screening, body.patient, body.area, part.by, part.at, part.answers, trials)
    return findings(desk.library.screening, told, body.patient, body.area, now, override_of(body))


def look(desk: Desk, visit: Paper, station: Station) -> list[Problem]:
    """The last look before the light: everything that is missing or does not agree; empty when the lamp may be started."""
    body, now = body_of(visit), desk.now()
    lamp = station.lamp(body.lamp)
    calibration = lamp["calibration"]
    held = body.settings
    session = lamp["session"]
    if body.session is not None and session is not None and session["id"] == courses.session_key(body.session)[1]:
        order = session["order"]
        held = Settings(order["lamp"], order["fluence_j_cm2"], order["irradiance_mw_cm2"], order["protocol"])
    protocol = desk.library.protocols.get(name_of(body.protocol))
    there = AtTheLamp(
        patient=body.patient if body.identified else None,
        area=body.area if body.identified else None,
        settings=held,
        distance_cm=body.position.distance_cm if body.position else None,
        calibration=calibration["id"] if calibration else None,
        protocol=protocol.label if protocol else "",
        findings=screened(desk, visit, now),
    )
    prescribed = Prescribed(body.patient, body.area, body.settings, body.distance_cm, POSITIONING_CM, body.calibration)
    visits = courses.progress(desk, desk.papers.get(courses.KIND, body.course)).visits
    last = visits[-1].settings if visits else None
    explained: set[str] = set()
    if protocol and last and protocol.prescribes(Dose(last.fluence_j_cm2, last.irradiance_mw_cm2)):
        explained = {"fluence_j_cm2", "irradiance_mw_cm2"}
    problems = disagreements(
        prescribed, there, now, last=last, explained=explained, confirmed=body.confirmed, override=override_of(body)
    )
    if body.before is None:
        problems.append(Problem("pain", None, "was not asked", "Ask the patient for 0 to 10"))
    return problems


def override_of(body: VisitBody) -> Override | None:
    """What two people decided to do all the same; None for nothing."""
    part = body.override
    return None if part is None else Override(frozenset(part.what), part.by, part.second, part.reason, part.at)


# --- the light ------------------------------------------------------------------------------------------------------------


async def arm(desk: Desk, acting: Acting, visit: Paper, station: Station) -> Paper:
    """The first of two actions: the controller takes the order and checks the lamp. No light yet. Raises Refused with every reason."""
    person = acting.require(Verb.START)
    if problems := look(desk, visit, station):
        raise Refused(problems)
    body = body_of(visit)
    protocol = desk.library.protocol(body.protocol)
    order = {
        "lamp": body.lamp,
        "fluence_j_cm2": body.fluence_j_cm2,
        "irradiance_mw_cm2": body.irradiance_mw_cm2,
        "patient": body.patient,
        "area": body.area,
        "protocol": {"name": body.protocol, "limits": dict(protocol.limits.given())},
    }
    # Asked first: a lamp that was made ready for a visit nobody can find is no use.
    controller = await station.controller()
    told = await station.post("/v1/sessions", acting, order)
    known = f"{controller}/{told['id']}"
    return await desk.run(_armed, desk, acting, visit, person, known)


def _armed(desk: Desk, acting: Acting, visit: Paper, person: Person, known: str) -> Paper:
    now = desk.papers.get(VISIT, visit.id)
    body = {**now.body, "session": known}
    return desk.papers.amend(
        VISIT, visit.id, now.number, body, person, "order accepted", acting.at, state="armed", session=known
    )


async def start(desk: Desk, acting: Acting, visit: Paper, station: Station) -> Paper:
    """The second action: light, if all still agrees. Raises Refused."""
    person = acting.require(Verb.START)
    body = body_of(visit)
    if body.session is None:
        raise Refused([Problem("session", None, "the lamp has not been made ready", "Make it ready first")])
    if problems := look(desk, visit, station):
        raise Refused(problems)
    # Written down before the light: what was begun is never missing from the record.
    begun = await desk.run(_marked, desk, acting, visit, person, "start asked for", "given", person.login)
    try:
        await station.post(f"/v1/sessions/{courses.session_key(body.session)[1]}/start", acting)
    except Refused as refused:
        # It said no, so there was no light. One that did not answer may have given it: then the visit stays as it is.
        if not any(problem.field == "station" for problem in refused.problems):
            await desk.run(_marked, desk, acting, begun, person, f"refused: {refused}"[:500], "armed", None)
        raise
    return begun


def _marked(
    desk: Desk, acting: Acting, visit: Paper, person: Person, reason: str, state: str, started_by: str | None
) -> Paper:
    now = desk.papers.get(VISIT, visit.id)
    if now.index.state not in OPEN and state == "given":
        remedy = "Look at the lamp: it was asked for already"
        raise Refused([Problem("visit", visit.id, f"is {now.index.state}", remedy)], conflict=True)
    body = {**now.body, "started_by": started_by}
    return desk.papers.amend(VISIT, visit.id, now.number, body, person, reason, acting.at, state=state)


# --- the end --------------------------------------------------------------------------------------------------------------


def after(desk: Desk, acting: Acting, visit: Paper, part: AfterPart) -> Paper:
    """Skin, pain, function, reaction and plan after the light."""
    person = acting.require(Verb.SCREEN)
    return _step(desk, acting, visit, person, "looked at afterwards", after=part)


def sign(desk: Desk, acting: Acting, visit: Paper, proof: Reauthentication | None) -> Signature:
    """Sign for having performed it. Raises Refused while something is missing, or without the password just typed."""
    person = acting.require(Verb.SIGN)
    now = desk.papers.get(VISIT, visit.id)
    body = body_of(now)
    if body.after is None and not body.dropped:
        raise Refused(
            [Problem("after", None, "skin and pain afterwards are missing", "Look at the skin, ask, then sign")]
        )
    if body.session is not None and not body.dropped:
        controller, session = courses.session_key(body.session)
        row = courses.session_row(desk, controller, session)
        if row is None or row.outcome is None:
            why = "has not ended, or its end is not in the records yet"
            raise Refused([Problem("session", session, why, "Wait until the lamp is dark")], conflict=True)
    signature = signed(now.version, person, Meaning.PERFORMED, proof, max(acting.at, now.version.made_at))
    desk.papers.sign(VISIT, now.id, signature, state="refused" if body.dropped else "signed")
    return signature
