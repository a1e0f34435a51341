"""What the journal says about a lamp's session: the fields of each event, from values."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from math import hypot
from typing import Any

from irctl.controller.light.equipment import InForce
from irctl.controller.light.output import Output
from irctl.controller.light.session import Drift, Ending, Session
from irctl.devices.roles import Identity
from irctl.domain.calibration import Calibration
from irctl.domain.dose import Dose
from irctl.domain.limits import Limits
from irctl.domain.orders import Order


def order(order: Order) -> dict[str, Any]:
    return {
        "lamp": order.lamp,
        "fluence_j_cm2": order.fluence_j_cm2,
        "irradiance_mw_cm2": order.irradiance_mw_cm2,
        "patient": order.patient,
        "area": order.area,
        "by": order.by,
        "protocol": order.protocol or None,
    }


def limits(limits: Limits) -> dict[str, Any]:
    return asdict(limits)


def in_force(in_force: InForce, calibration: Calibration) -> dict[str, Any]:
    """What a session was given with: the calibration, where it came from, what it is bound to, and how much the lamp had burnt."""
    hours = round(in_force.use.lamp_hours, 3)
    return calibration_told(calibration) | {"source": in_force.source, "binding": in_force.binding, "lamp_hours": hours}


def calibration_told(calibration: Calibration) -> dict[str, Any]:
    return {
        "id": calibration.id,
        "lamp_serial": calibration.lamp_serial,
        "distance_cm": calibration.distance_cm,
        "performed_at": iso(calibration.performed_at),
        "performed_by": calibration.performed_by,
        "meter": calibration.meter,
        "valid_until": iso(calibration.valid_until),
        "expanded_uncertainty_pct": calibration.expanded_uncertainty_pct,
        "meter_uncertainty_pct": calibration.meter_uncertainty_pct,
        "drift_allowance_pct": calibration.drift_allowance_pct,
        "monitor_factor": calibration.monitor_factor,
        "lamp_type": calibration.lamp_type,
        "valid_for_hours": calibration.valid_for_hours,
        "afterglow_s": round(calibration.response.afterglow_s, 3),
        "irradiance_min_mw_cm2": round(calibration.irradiance_min_mw_cm2, 2),
        "irradiance_max_mw_cm2": round(calibration.irradiance_max_mw_cm2, 2),
        "hash": calibration.sha256,
    }


def armed(fail_safe: str, output: Output, identity: Identity) -> dict[str, Any]:
    return {
        "fail_safe": fail_safe,
        "lease_s": output.lease_s,
        "cutoff_lease_s": output.cutoff_lease_s if output.cutoff else None,
        "identity": {"model": identity.model, "serial": identity.serial, "firmware": identity.firmware},
    }


def dose(dose: Dose) -> dict[str, Any]:
    return {
        "min_j_cm2": round(dose.min_j_cm2, 5),
        "best_j_cm2": round(dose.best_j_cm2, 5),
        "max_j_cm2": round(dose.max_j_cm2, 5),
        "contributions": [
            {
                "name": c.name,
                "relative_pct": rounded(c.relative_pct, 3),
                "absolute_j_cm2": round(c.half_width_j_cm2, 5),
            }
            for c in dose.contributions
        ],
    }


def ended(session: Session, ending: Ending, *, skin_fitted: bool) -> dict[str, Any]:
    """The terminal record: what was prescribed, what was delivered, and how sure that is."""
    return {
        "outcome": ending.outcome,
        "reason": ending.reason,
        "hazard": ending.hazard,
        "by": ending.by,
        "started_at": iso(session.started_at),
        "ended_at": iso(session.ended_at),
        "time_on_s": round(session.time_on_s, 2),
        "planned_s": round(session.order.planned_s, 2),
        "prescribed_j_cm2": session.order.fluence_j_cm2,
        "delivered": dose(session.dose),
        "irradiance_mean_mw_cm2": rounded(session.irradiance_mean_mw_cm2, 2),
        "levels_pct": None if session.levels_pct is None else [round(level, 2) for level in session.levels_pct],
        "skin_c_max": rounded(session.skin_c_max, 1),
        "cem43_min": round(session.cem43_min, 3) if skin_fitted else None,
        "dose_source": "measured" if session.meter and session.meter.measured else "calibrated",
    }


DRIFT_READINGS_MIN = 40
"""Ten seconds of them: fewer are noise, and no evidence."""


def drift(drift: Drift, calibration: Calibration, lamp_hours: float) -> dict[str, Any] | None:
    """What a session says about the lamp; None without a radiometer, or where the light was too short."""
    if drift.readings < DRIFT_READINGS_MIN or drift.expected_mw_cm2 <= 0 or calibration.meter_uncertainty_pct is None:
        return None
    return {
        "level_pct": round(drift.level_pct / drift.readings, 2),
        "expected_mw_cm2": round(drift.expected_mw_cm2 / drift.readings, 3),
        "measured_mw_cm2": round(drift.measured_mw_cm2 / drift.readings, 3),
        "ratio": round(drift.measured_mw_cm2 / drift.expected_mw_cm2, 5),
        "expanded_pct": round(_change_pct(calibration, calibration.meter_uncertainty_pct), 3),
        "lamp_hours": round(lamp_hours, 3),
    }


def _change_pct(calibration: Calibration, meter_uncertainty_pct: float) -> float:
    """Of measured against expected, k=2: what curve and radiometer have in common, being of one calibration, cancels."""
    curve, monitor = calibration.curve_budget, calibration.monitor_budget
    if curve.terms and monitor.terms:
        return monitor.change_from(curve).expanded_pct
    return hypot(calibration.expanded_uncertainty_pct, meter_uncertainty_pct)


def iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
