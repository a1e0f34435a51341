"""Record and verify: at the start, everything must still be what was prescribed: patient, area, order, lamp, distance, calibration, screening, protocol.

The last look before the light, by the one who stands beside the patient. The name is radiotherapy's.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from irctl.domain.course import Settings
from irctl.domain.history import plain
from irctl.domain.override import Override, covered_by
from irctl.domain.problems import Problem
from irctl.domain.screening import Findings
from irctl.domain.since_last import unlike

NEVER = frozenset({"patient", "calibration"})
"""No two people make another patient of somebody, or a calibration of none."""


@dataclass(frozen=True, slots=True)
class Prescribed:
    """What was decided for this visit. `calibration`: of the lamp when the order was accepted."""

    patient: str
    area: str
    settings: Settings
    distance_cm: float
    positioning_cm: float
    """How well that distance has to be kept, from the calibration."""
    calibration: str


@dataclass(frozen=True, slots=True)
class AtTheLamp:
    """What is there now. None is what nobody has looked at."""

    patient: str | None
    """As the patient was identified beside the lamp."""
    area: str | None
    settings: Settings
    """As the controller holds the order."""
    distance_cm: float | None
    """As measured from lamp to skin."""
    calibration: str | None
    """In force; None for none."""
    protocol: str
    """The label of the protocol in force under this name; empty without one."""
    findings: Findings | None
    """Of the screening; None for none."""


def disagreements(
    prescribed: Prescribed,
    found: AtTheLamp,
    now: datetime,
    *,
    last: Settings | None = None,
    explained: Collection[str] = (),
    confirmed: Collection[str] = (),
    override: Override | None = None,
) -> list[Problem]:
    """Everything that does not agree, and what is unlike the last visit; empty when the lamp may be started. A slip of the decimal point needs two people."""
    problems = [
        *_who_and_where(prescribed, found),
        *_order(prescribed.settings, found),
        *_lamp(prescribed, found),
    ]
    if last is not None:
        problems += unlike(last, found.settings, explained=explained, confirmed=confirmed)
    covered = covered_by(override, now, never=NEVER)
    left = [problem for problem in problems if problem.field not in covered]
    # A screening has overrides of its own, item by item; none here stands for them.
    if found.findings is None:
        return [*left, Problem("screening", None, "was not done", "Screen this patient and area today")]
    return [*left, *found.findings.reasons]


def _who_and_where(prescribed: Prescribed, found: AtTheLamp) -> list[Problem]:
    problems: list[Problem] = []
    for name, remedy in (("patient", "Ask for the name and the date of birth"), ("area", "Point at the area")):
        wanted: str = getattr(prescribed, name)
        seen: str | None = getattr(found, name)
        if seen is None or not seen.strip():
            problems.append(Problem(name, seen, "was not checked beside the lamp", remedy))
        elif plain(seen) != plain(wanted):
            problems.append(Problem(name, seen, f"the order is for {wanted!r}", remedy))
    return problems


def _order(wanted: Settings, found: AtTheLamp) -> list[Problem]:
    problems = [
        Problem(
            name, getattr(found.settings, name), f"prescribed is {getattr(wanted, name)!r}", "End it and order again"
        )
        for name in ("lamp", "fluence_j_cm2", "irradiance_mw_cm2", "protocol")
        if getattr(found.settings, name) != getattr(wanted, name)
    ]
    if found.settings.protocol == wanted.protocol and found.protocol != wanted.protocol:
        limit = f"was ordered by {wanted.protocol or 'none'}"
        problems.append(Problem("protocol", found.protocol, limit, "The protocol has changed since: order again"))
    return problems


def _lamp(prescribed: Prescribed, found: AtTheLamp) -> list[Problem]:
    problems: list[Problem] = []
    if found.calibration is None:
        problems.append(Problem("calibration", None, "is not in force", "Calibrate the lamp"))
    elif found.calibration != prescribed.calibration:
        limit = f"{prescribed.calibration} was in force when it was ordered"
        problems.append(Problem("calibration", found.calibration, limit, "End it and order again"))
    if found.distance_cm is None:
        problems.append(Problem("distance_cm", None, "was not measured", "Measure from lamp to skin"))
    elif not isfinite(found.distance_cm) or abs(found.distance_cm - prescribed.distance_cm) > prescribed.positioning_cm:
        limit = f"{prescribed.distance_cm:g} ± {prescribed.positioning_cm:g} cm is what it was calibrated for"
        problems.append(Problem("distance_cm", found.distance_cm, limit, "Move the lamp, and measure again"))
    return problems
