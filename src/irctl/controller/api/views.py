"""The station as the API shows it: plain data, made anew at each look."""

from __future__ import annotations

from typing import Any

from irctl.controller.light import record
from irctl.controller.light.lamp import Lamp
from irctl.controller.light.session import Session


def session_view(session: Session, now_s: float) -> dict[str, Any]:
    """A session; `now_s` on the loop's clock."""
    dose = session.dose
    elapsed_s = (
        now_s - session.first_light_s if session.first_light_s is not None and session.running else session.time_on_s
    )
    return {
        "id": session.id,
        "lamp": session.order.lamp,
        "state": session.state,
        "outcome": session.ending.outcome if session.ending and not session.running else None,
        "reason": session.ending.reason if session.ending else None,
        "order": record.order(session.order),
        "planned_s": round(session.order.planned_s, 1),
        "elapsed_s": round(elapsed_s, 1),
        "remaining_s": record.rounded(session.remaining_s(), 1),
        "time_on_s": round(session.time_on_s, 1),
        "fluence_j_cm2": round(dose.best_j_cm2, 4),
        "fluence_min_j_cm2": round(dose.min_j_cm2, 4),
        "fluence_max_j_cm2": round(dose.max_j_cm2, 4),
        "warnings": list(session.warnings),
    }


STATUSES = ("dark", "busy", "bench", "unverified")


def lamp_status(lamp: Lamp) -> str:
    """One of `STATUSES`."""
    return "busy" if lamp.busy else "bench" if lamp.work else "dark" if lamp.output.verified_dark else "unverified"


def lamp_view(lamp: Lamp, now_s: float) -> dict[str, Any]:
    """A lamp, its present or last session, and its live figures. What is stale is shown as unknown."""
    session, equipment, busy = lamp.session, lamp.equipment, lamp.busy
    calibration = equipment.calibration
    info, output, instruments = equipment.info, equipment.output, equipment.instruments
    stale_s = equipment.envelope.stale_s + (0.0 if busy else info.idle_s)
    state, cutoff = output.state.fresh(now_s, stale_s), output.cutoff_state.fresh(now_s, stale_s)
    work, status = lamp.work, lamp_status(lamp)
    irradiance = instruments.irradiance.fresh(now_s, stale_s)
    if session is not None and session.meter is not None and busy:
        irradiance = session.meter.shown_mw_cm2
    return {
        "name": lamp.name,
        "title": info.title,
        "status": status,
        "work": work,
        "reason": None if status != "unverified" else output.state.problem or "reads back as on",
        "serial": info.serial,
        "lamp_type": info.lamp_type,
        "distance_cm": info.distance_cm,
        "calibration": None if calibration is None else record.in_force(equipment.in_force, calibration),
        "calibration_state": equipment.in_force.state,
        "locked": equipment.in_force.locked,
        "lamp_hours": round(equipment.in_force.use.lamp_hours, 2),
        "starts": equipment.in_force.use.starts,
        "limits": record.limits(equipment.envelope.limits),
        "session": None if session is None else session_view(session, now_s),
        "attendance": lamp.treatment.attendance if lamp.treatment is not None else None,
        "live": {
            "at_s": round(now_s, 3),
            "irradiance_mw_cm2": record.rounded(irradiance, 2),
            "irradiance_source": "measured" if instruments.radiometer else "calibrated",
            "skin_c": record.rounded(instruments.temperature.fresh(now_s, stale_s), 1),
            "housing_c": record.rounded(instruments.housing_c.fresh(now_s, stale_s), 1),
            "fitted": {
                "radiometer": instruments.radiometer is not None,
                "skin": instruments.skin is not None,
                "housing": instruments.housing is not None,
            },
            "level_pct": record.rounded(output.level_pct, 1),
            "on": None if state is None else state.on,
            "interlocks": {i.name: i.latest.fresh(now_s, stale_s) for i in instruments.interlocks},
            "cutoff_closed": None if cutoff is None else cutoff.on,
        },
    }
