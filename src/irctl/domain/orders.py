"""What is prescribed, and whether it may be: an order is allowed, or refused with every reason at once. Never silently shrunk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from irctl.domain.calibration import Calibration
from irctl.domain.limits import NO_BOUNDS, Bounds, Limits, narrowed, problems_with_bounds
from irctl.domain.problems import Problem

FLUENCE_ABSOLUTE_MAX_J_CM2 = 200.0
"""Nobody means more than this: about the longest session at the highest irradiance. A slip of the decimal point."""
IRRADIANCE_MAX_MW_CM2 = 100.0
"""Without skin temperature feedback (project limit, DOMAIN facts §2; a design choice, not a standard)."""
IRRADIANCE_MAX_WITH_SKIN_MW_CM2 = 150.0
DURATION_MAX_S = 1800.0
TEXT_MAX = 200


@dataclass(frozen=True, slots=True)
class Order:
    """One treatment as prescribed. `patient` is a reference, never a name; `area` is where on the body; `by` is who ordered."""

    lamp: str
    fluence_j_cm2: float
    irradiance_mw_cm2: float
    patient: str
    area: str
    by: str
    protocol: str = ""
    """The template that this follows, by name and version; it is the clinic's."""
    protocol_limits: Bounds = NO_BOUNDS
    limits: Bounds = NO_BOUNDS
    """What this order narrows for this patient."""

    def narrowed(self, station: Limits) -> Limits:
        """The limits in force for this order: station ≥ protocol ≥ order."""
        return narrowed(narrowed(station, self.protocol_limits), self.limits)

    @property
    def planned_s(self) -> float:
        """How long it takes at the prescribed irradiance."""
        return self.fluence_j_cm2 * 1000.0 / self.irradiance_mw_cm2


def problems_with(
    order: Order,
    limits: Limits,
    calibration: Calibration | None,
    distance_cm: float,
    now: datetime,
    lamp_hours: float = 0.0,
) -> list[Problem]:
    """Everything that forbids this order, in the order a person would read it; empty when it is allowed. `limits` are the station's."""
    problems = problems_with_bounds("protocol.limits", order.protocol_limits, limits)
    limits = narrowed(limits, order.protocol_limits)
    problems += problems_with_bounds("limits", order.limits, limits)
    limits = narrowed(limits, order.limits)
    problems += [*_texts(order), *_numbers(order, limits)]
    numbers_make_sense = all(isfinite(x) and x > 0 for x in (order.fluence_j_cm2, order.irradiance_mw_cm2))
    if numbers_make_sense and order.planned_s > limits.duration_s_max:
        problems.append(
            Problem(
                "duration_s",
                round(order.planned_s, 1),
                f"{order.fluence_j_cm2:g} J/cm² at {order.irradiance_mw_cm2:g} mW/cm² takes longer than this lamp's "
                f"{limits.duration_s_max:g} s",
                "Prescribe a lower dose, or more irradiance where the patient tolerates it",
            )
        )
    lapsed = None if calibration is None else calibration.lapse(now, lamp_hours)
    problems += _calibration(order, calibration, distance_cm, lapsed, numbers_make_sense)
    return problems


def _texts(order: Order) -> list[Problem]:
    problems: list[Problem] = []
    for name in ("patient", "area", "by"):
        text: str = getattr(order, name)
        if not text.strip():
            problems.append(Problem(name, text, "is empty", "Say who or where: it goes into the record"))
        elif len(text) > TEXT_MAX:
            problems.append(Problem(name, text[:20] + "…", f"is longer than {TEXT_MAX} characters", "Shorten it"))
        elif not text.isprintable():
            problems.append(Problem(name, text, "holds a control character", "Type it again as plain text"))
    if len(order.protocol) > TEXT_MAX or not order.protocol.isprintable():
        problems.append(Problem("protocol", order.protocol[:20], "is no name", "Name the protocol in plain text"))
    return problems


def _numbers(order: Order, limits: Limits) -> list[Problem]:
    problems: list[Problem] = []
    asked = (
        ("fluence_j_cm2", order.fluence_j_cm2, limits.fluence_j_cm2_max, FLUENCE_ABSOLUTE_MAX_J_CM2, "J/cm²"),
        (
            "irradiance_mw_cm2",
            order.irradiance_mw_cm2,
            limits.irradiance_mw_cm2_max,
            IRRADIANCE_MAX_WITH_SKIN_MW_CM2,
            "mW/cm²",
        ),
    )
    for name, value, limit, absurd, unit in asked:
        if not isfinite(value) or value <= 0:
            problems.append(Problem(name, value, "must be a number above zero", f"Give the prescription in {unit}"))
        elif value > absurd:
            problems.append(
                Problem(
                    name, value, f"no treatment goes above {absurd:g} {unit}", "Check the decimal point and the unit"
                )
            )
        elif value > limit:
            problems.append(
                Problem(name, value, f"above the limit of {limit:g} {unit}", f"Prescribe at most {limit:g} {unit}")
            )
    return problems


def _calibration(
    order: Order, calibration: Calibration | None, distance_cm: float, lapsed: str | None, numbers_make_sense: bool
) -> list[Problem]:
    if calibration is None:
        return [
            Problem(
                "calibration",
                None,
                f"lamp {order.lamp!r} has none",
                "Calibrate the lamp; without one it gives no light",
            )
        ]
    problems: list[Problem] = []
    if lapsed is not None:
        remedy = "Calibrate the lamp again, and check this computer's clock"
        problems.append(Problem("calibration", calibration.id, lapsed, remedy))
    if abs(calibration.distance_cm - distance_cm) > 1e-6:
        problems.append(
            Problem(
                "distance_cm",
                distance_cm,
                f"the calibration was made at {calibration.distance_cm:g} cm",
                "Calibrate at this distance",
            )
        )
    low, high = calibration.irradiance_min_mw_cm2, calibration.irradiance_max_mw_cm2
    if numbers_make_sense and not low <= order.irradiance_mw_cm2 <= high:
        problems.append(
            Problem(
                "irradiance_mw_cm2",
                order.irradiance_mw_cm2,
                f"outside the calibrated {low:.1f} to {high:.1f} mW/cm²",
                "Prescribe within it, or calibrate at more levels",
            )
        )
    return problems
