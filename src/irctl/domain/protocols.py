"""Treatment protocols: doses by visit, less after missed visits, within ceilings. Each carries tests of its own, and is known by its file's hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from irctl.domain.course import CourseRule, Settings, StopRule, Visit
from irctl.domain.history import plain
from irctl.domain.limits import UNITS, Bounds
from irctl.domain.orders import (
    DURATION_MAX_S,
    FLUENCE_ABSOLUTE_MAX_J_CM2,
    IRRADIANCE_MAX_MW_CM2,
    IRRADIANCE_MAX_WITH_SKIN_MW_CM2,
)
from irctl.domain.problems import Problem, Refused

STEP_RATIO_MAX = 2.0
"""No step gives more than twice the one before: a slip of the decimal point in one step is found before anybody lies under it."""
CEILINGS = ("irradiance_mw_cm2_max", "fluence_j_cm2_max", "duration_s_max", "interval_s_min")
"""What every protocol must say: brightest, session ceiling, longest, least interval."""
SAME = 1e-6


@dataclass(frozen=True, slots=True)
class Dose:
    """What is given at one visit."""

    fluence_j_cm2: float
    irradiance_mw_cm2: float

    @property
    def duration_s(self) -> float:
        return self.fluence_j_cm2 * 1000.0 / self.irradiance_mw_cm2

    def same_as(self, other: Dose) -> bool:
        return (
            abs(self.fluence_j_cm2 - other.fluence_j_cm2) <= SAME
            and abs(self.irradiance_mw_cm2 - other.irradiance_mw_cm2) <= SAME
        )

    def __str__(self) -> str:
        return f"{self.fluence_j_cm2:g} J/cm² at {self.irradiance_mw_cm2:g} mW/cm²"


@dataclass(frozen=True, slots=True)
class Step:
    """The dose from this visit on, until the next step."""

    from_visit: int
    dose: Dose


@dataclass(frozen=True, slots=True)
class Setback:
    """After so many days without a visit: so many visits back in the progression; None: from the beginning."""

    after_days: float
    visits_back: int | None


@dataclass(frozen=True, slots=True)
class Source:
    """Where something in it comes from. `mark`: F found, W weak, C computed, M memory or project choice."""

    mark: str
    of: str
    text: str


@dataclass(frozen=True, slots=True)
class Expect:
    """A test that the protocol carries: what is due at a visit, every one before it complete and in its time, the last so many days ago."""

    visit: int
    dose: Dose | None
    """None: refused."""
    after_days: float | None = None
    """Since the visit before; None: as usual."""


@dataclass(frozen=True, slots=True)
class Approval:
    """The clinic's own."""

    by: str
    on: date


def standing(approval: Approval | None) -> str:
    """Whose a protocol or a list is."""
    return "EXAMPLE, to be approved by your clinic" if approval is None else f"approved by {approval.by}, {approval.on}"


@dataclass(frozen=True, slots=True)
class Protocol:
    """One version of one protocol. `sha256` is its file's."""

    name: str
    version: int
    title: str
    written_by: str
    approval: Approval | None
    lamp_types: tuple[str, ...]
    distance_cm: tuple[float, float]
    areas: tuple[str, ...]
    """Empty: any."""
    needs_skin_thermometer: bool
    steps: tuple[Step, ...]
    setbacks: tuple[Setback, ...]
    course: CourseRule
    limits: Bounds
    stop: StopRule
    sources: tuple[Source, ...]
    expects: tuple[Expect, ...]
    sha256: str

    @property
    def label(self) -> str:
        """As an order carries it, and the record for ever."""
        return f"{self.name} version {self.version}, {self.sha256[:12]}"

    @property
    def standing(self) -> str:
        """Whose it is, for everybody who sees it."""
        return standing(self.approval)

    def dose_of(self, place: int) -> Dose:
        """Of the visit with this place in the progression."""
        return next(step.dose for step in reversed(self.steps) if step.from_visit <= place)

    def prescribes(self, dose: Dose) -> bool:
        """Whether some step does."""
        return any(step.dose.same_as(dose) for step in self.steps)

    def back(self, place: int, gap_days: float) -> int:
        """The place after a gap."""
        reached = [setback for setback in self.setbacks if gap_days >= setback.after_days]
        if not reached:
            return place
        back = max(reached, key=lambda setback: setback.after_days).visits_back
        return 1 if back is None else max(1, place - back)


def name_of(label: str) -> str:
    """The protocol that a label names, whatever its version."""
    return label.partition(" version ")[0]


@dataclass(frozen=True, slots=True)
class Due:
    """What a visit is due, and the place in the progression it was taken from (the visit's own number unless visits were missed or cut off)."""

    visit: int
    place: int
    dose: Dose


def due(protocol: Protocol, visit: int, before: Sequence[Visit], now: datetime) -> Due:
    """The dose of this visit. `before`: every visit of the course until now, oldest first. Raises Refused with every reason."""
    problems: list[Problem] = []
    if visit != len(before) + 1:
        problems.append(
            Problem(
                "visit", visit, f"{len(before)} {'visit was' if len(before) == 1 else 'visits were'} given before",
                f"This is visit {len(before) + 1}; tell of visits that were given elsewhere",
            )
        )  # fmt: skip
    if visit > protocol.course.visits:
        limit = f"{protocol.name} ends after {protocol.course.visits} visits"
        problems.append(Problem("visit", visit, limit, "Review the patient; another course is another decision"))
    times = [*(one.at for one in before), now]
    if times != sorted(times):
        problems.append(Problem("visits", None, "are not in the order of their times, or not yet", "Check the clock"))
    if problems:
        raise Refused(problems)
    place = _place(protocol, before, now)
    dose = protocol.dose_of(place)
    problems = _ceilings(protocol, dose, before, now)
    if problems:
        raise Refused(problems)
    return Due(visit, place, dose)


def _place(protocol: Protocol, before: Sequence[Visit], now: datetime) -> int:
    place = 1
    for number, one in enumerate(before):
        place += one.complete
        until = before[number + 1].at if number + 1 < len(before) else now
        place = protocol.back(place, (until - one.at) / timedelta(days=1))
    return place


def _ceilings(protocol: Protocol, dose: Dose, before: Sequence[Visit], now: datetime) -> list[Problem]:
    problems: list[Problem] = []
    had_j_cm2 = sum(one.max_j_cm2 for one in before)
    if had_j_cm2 + dose.fluence_j_cm2 > protocol.course.fluence_j_cm2_max:
        limit = (
            f"the course may have had {had_j_cm2:.1f} J/cm², and {protocol.course.fluence_j_cm2_max:g} is its ceiling"
        )
        problems.append(Problem("fluence_j_cm2", dose.fluence_j_cm2, limit, "End the course; review the patient"))
    least_s = protocol.limits.interval_s_min or 0.0
    if before and (since_s := (now - before[-1].at).total_seconds()) < least_s:
        again = before[-1].at + timedelta(seconds=least_s)
        limit = f"less than {least_s / 3600:g} h after the last visit"
        problems.append(Problem("interval_s", round(since_s), limit, f"Wait until {again:%Y-%m-%d %H:%M %Z}".rstrip()))
    return problems


@dataclass(frozen=True, slots=True)
class Under:
    """The lamp and the place that a protocol is to be used with."""

    lamp_type: str
    distance_cm: float
    skin_thermometer: bool
    area: str
    simulated: bool


def problems_with_use(protocol: Protocol, under: Under) -> list[Problem]:
    """Why it is not for this lamp, this area, or not for patients at all."""
    problems: list[Problem] = []
    if protocol.approval is None and not under.simulated:
        limit = "is an example that no clinic has approved"
        problems.append(
            Problem("protocol", protocol.name, limit, "A second person approves it, in Settings or in its file")
        )
    if under.lamp_type not in protocol.lamp_types:
        limit = f"{protocol.name} is for {' or '.join(protocol.lamp_types)}"
        problems.append(Problem("lamp_type", under.lamp_type, limit, "Take another lamp, or another protocol"))
    low, high = protocol.distance_cm
    if not low <= under.distance_cm <= high:
        limit = f"{protocol.name} is for {low:g} to {high:g} cm"
        problems.append(Problem("distance_cm", under.distance_cm, limit, "Take another lamp, or another protocol"))
    if protocol.needs_skin_thermometer and not under.skin_thermometer:
        limit = f"{protocol.name} needs a skin thermometer"
        problems.append(Problem("skin", None, limit, "Take a lamp that has one"))
    if protocol.areas and plain(under.area) not in {plain(area) for area in protocol.areas}:
        limit = f"{protocol.name} is for {', '.join(protocol.areas)}"
        problems.append(Problem("area", under.area, limit, "Correct the area, or take another protocol"))
    return problems


# --- what a protocol's own file must hold ---------------------------------------------------------------------------------


def problems_with_protocol(protocol: Protocol) -> list[Problem]:
    """Everything about it that does not hold together, its own tests included; empty when it may be used."""
    problems = [*_steps(protocol), *_limits(protocol), *_approval(protocol), *_setbacks(protocol)]
    return problems or [*_expects(protocol), *_untested(protocol)]


def _steps(protocol: Protocol) -> list[Problem]:
    problems: list[Problem] = []
    visits = [step.from_visit for step in protocol.steps]
    if not visits or visits[0] != 1 or visits != sorted(set(visits)) or visits[-1] > protocol.course.visits:
        limit = f"must begin with visit 1 and rise, within the course's {protocol.course.visits}"
        return [Problem("steps", visits, limit, "Correct from_visit")]
    ceilings = dict(protocol.limits.given())
    for number, step in enumerate(protocol.steps):
        at, dose = f"steps.{number}", step.dose
        for name, value in (
            ("fluence_j_cm2", dose.fluence_j_cm2),
            ("irradiance_mw_cm2", dose.irradiance_mw_cm2),
            ("duration_s", dose.duration_s),
        ):
            most = ceilings.get(f"{name}_max")
            if most is not None and value > most:
                limit = f"above the protocol's own limit of {most:g} {UNITS[f'{name}_max']}"
                problems.append(Problem(f"{at}.{name}", round(value, 1), limit, "Correct the step, or the limit"))
        prior = protocol.steps[number - 1].dose if number else dose
        for name in ("fluence_j_cm2", "irradiance_mw_cm2"):
            value, before = getattr(dose, name), getattr(prior, name)
            if value > STEP_RATIO_MAX * before:
                limit = f"more than {STEP_RATIO_MAX:g} times the step before ({before:g})"
                problems.append(Problem(f"{at}.{name}", value, limit, "Check the decimal point, or add a step between"))
    whole = sum(protocol.dose_of(visit).fluence_j_cm2 for visit in range(1, protocol.course.visits + 1))
    if whole > protocol.course.fluence_j_cm2_max:
        limit = f"its visits add up to {whole:g} J/cm²"
        value = protocol.course.fluence_j_cm2_max
        problems.append(Problem("course.fluence_j_cm2_max", value, limit, "Correct the steps, or the ceiling"))
    return problems


def _limits(protocol: Protocol) -> list[Problem]:
    given = dict(protocol.limits.given())
    problems = [
        Problem(f"limits.{name}", None, "is missing", f"Every protocol says it, in {UNITS[name]}")
        for name in CEILINGS
        if name not in given
    ]
    brightest = IRRADIANCE_MAX_WITH_SKIN_MW_CM2 if protocol.needs_skin_thermometer else IRRADIANCE_MAX_MW_CM2
    absolute = {
        "irradiance_mw_cm2_max": brightest,
        "fluence_j_cm2_max": FLUENCE_ABSOLUTE_MAX_J_CM2,
        "duration_s_max": DURATION_MAX_S,
    }
    for name, most in absolute.items():
        if given.get(name, 0.0) > most:
            limit = f"no station of irctl allows more than {most:g} {UNITS[name]} here"
            problems.append(Problem(f"limits.{name}", given[name], limit, "Check the decimal point and the unit"))
    usual_s = protocol.course.usual_days * 86_400
    if given.get("interval_s_min", 0.0) > usual_s:
        limit = f"longer than {usual_s:g} s, the usual time between {protocol.course.per_week} visits a week"
        problems.append(Problem("limits.interval_s_min", given["interval_s_min"], limit, "Correct one of the two"))
    if protocol.distance_cm[0] > protocol.distance_cm[1]:
        problems.append(Problem("distance_cm", list(protocol.distance_cm), "must rise", "Give the nearest first"))
    return problems


def _approval(protocol: Protocol) -> list[Problem]:
    if protocol.approval is None or plain(protocol.approval.by) != plain(protocol.written_by):
        return []
    return [Problem("approval.by", protocol.approval.by, "wrote it", "A second person approves it")]


def _setbacks(protocol: Protocol) -> list[Problem]:
    problems: list[Problem] = []
    days = [setback.after_days for setback in protocol.setbacks]
    if days != sorted(set(days)):
        problems.append(Problem("missed", days, "must rise", "Give the shortest gap first"))
    weekend = protocol.course.usual_days + 2.0
    problems += [
        Problem("missed.after_days", day, f"no gap: {protocol.course.per_week} visits a week have weekends between them",
                f"Give more than {weekend:.1f} days")
        for day in days
        if day <= weekend
    ]  # fmt: skip
    backs = [setback.visits_back for setback in protocol.setbacks]
    amounts = [float("inf") if back is None else back for back in backs]
    if amounts != sorted(amounts):
        problems.append(Problem("missed.visits_back", backs, "must not fall", "A longer gap goes further back"))
    return problems


def _expects(protocol: Protocol) -> list[Problem]:
    problems: list[Problem] = []
    for number, expect in enumerate(protocol.expects):
        found, why = _asked(protocol, expect)
        if expect.dose is None and found is None:
            continue
        if expect.dose is None or found is None or not expect.dose.same_as(found):
            told = f"visit {expect.visit} gives {found}" if found else f"visit {expect.visit} is refused: {why}"
            wanted = "refused" if expect.dose is None else str(expect.dose)
            problems.append(
                Problem(f"expect.{number}", wanted, told, "Correct the protocol, or what is expected of it")
            )
    return problems


def _asked(protocol: Protocol, expect: Expect) -> tuple[Dose | None, str]:
    """What is due at this visit after a history without a fault."""
    usual = timedelta(days=protocol.course.usual_days)
    now, before = datetime(2000, 1, 1, tzinfo=UTC), list[Visit]()
    try:
        for visit in range(1, expect.visit):
            dose = due(protocol, visit, before, now).dose
            settings = Settings("", dose.fluence_j_cm2, dose.irradiance_mw_cm2, protocol.label)
            before.append(Visit(now, settings, dose.fluence_j_cm2, dose.fluence_j_cm2))
            last = visit == expect.visit - 1 and expect.after_days is not None
            now += timedelta(days=expect.after_days or 0.0) if last else usual
        return due(protocol, expect.visit, before, now).dose, ""
    except Refused as refused:
        return None, str(refused)


def _untested(protocol: Protocol) -> list[Problem]:
    """Steps and gaps that no test of the file looks at, and an end of the course that nothing shows."""
    told = [expect for expect in protocol.expects if expect.dose is not None]
    problems = [
        Problem(
            "expect", f"visit {step.from_visit}", "is tested by nothing", "Add an [[expect]] for where the step begins"
        )
        for step in protocol.steps
        if not any(expect.visit == step.from_visit and expect.after_days is None for expect in told)
    ]
    problems += [
        Problem("expect", f"{setback.after_days:g} days", "is tested by nothing", "Add an [[expect]] with after_days")
        for setback in protocol.setbacks
        if not any(expect.after_days == setback.after_days for expect in told)
    ]
    if not any(e.dose is None and e.visit == protocol.course.visits + 1 for e in protocol.expects):
        limit = "that the course ends is tested by nothing"
        problems.append(Problem("expect", f"visit {protocol.course.visits + 1}", limit, "Add it with refused = true"))
    return problems
