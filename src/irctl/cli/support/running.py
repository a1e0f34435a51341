"""What may leave of a controller's journal and of what it says of itself: every field by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from irctl.bus.bus import LinkStatus
from irctl.cli.support.cleaning import (
    Named,
    cleaned,
    either,
    figure,
    listed,
    moment,
    number,
    recognised,
    version,
    words,
)
from irctl.cli.support.names import Names
from irctl.controller.light.session import Outcome, State
from irctl.devices.roles import FailSafe, Retrigger
from irctl.domain import reminders, upkeep
from irctl.domain.alarms import Priority
from irctl.domain.events import EVENTS
from irctl.domain.rules import Hazard
from irctl.domain.steps import Outcome as CalibrationOutcome
from irctl.domain.steps import Stage, Step
from irctl.domain.tolerance import Decision

FIGURES = (
    "seq", "mono_s", "at_s", "by_s", "format", "bytes", "for_s", "ok", "warns", "simulated", "signs", "late_s", "lead_days", "took_s", "t_s", "lit_s", "starts",
    "lamp_hours", "level_pct", "levels_pct", "lease_s", "cutoff_lease_s", "readings", "radiometer_offset_mw_cm2", "cem43_min", "fluence_j_cm2",
    "fluence_min_j_cm2", "fluence_max_j_cm2", "irradiance_mw_cm2", "irradiance_mean_mw_cm2", "skin_c", "skin_c_max", "planned_s", "time_on_s",
    "prescribed_j_cm2", "distance_cm", "angle_deg", "positioning_cm", "offset_mw_cm2", "monitor_offset_mw_cm2", "monitor_mw_cm2", "reading_mw_cm2",
    "noise_mw_cm2", "slope_pct_per_min", "n", "number", "after_s", "tolerance_pct", "off_sent_s", "acknowledged_s", "verified_dark_s",
    "elapsed_s", "remaining_s",
)  # fmt: skip
STEPS = words([*Step])
ROLES = ("emitter", "cutoff")
BY_ITSELF = words(("emitter", "cutoff", "radiometer", "controller"))
"""Where a person's name may stand as well."""
SOURCES = words(("api", "signal", "shutdown", "controller", "file", "journal"))
"""Of a stop, and of a calibration."""
CALIBRATED = words(("calibrated", "calibration-required", "not-calibrated"))
FIGURE_FIELDS = dict.fromkeys(FIGURES, figure)
ORDER = dict.fromkeys(("fluence_j_cm2", "irradiance_mw_cm2"), figure)
LIMITS = dict.fromkeys(("irradiance_mw_cm2_max", "fluence_j_cm2_max", "duration_s_max", "skin_c_max", "day_fluence_j_cm2_max", "interval_s_min"), figure)  # fmt: skip
DELIVERED = dict.fromkeys(("min_j_cm2", "best_j_cm2", "max_j_cm2"), figure)
EVIDENCE = {**dict.fromkeys(("off_sent_s", "acknowledged_s", "verified_dark_s"), figure), "by": BY_ITSELF}
CALIBRATION = {
    **dict.fromkeys(
        ("distance_cm", "expanded_uncertainty_pct", "meter_uncertainty_pct", "drift_allowance_pct", "monitor_factor", "valid_for_hours",
         "afterglow_s", "irradiance_min_mw_cm2", "irradiance_max_mw_cm2", "lamp_hours"), figure,
    ),
    "performed_at": moment, "valid_until": moment, "source": SOURCES,
}  # fmt: skip
MEASURED = dict.fromkeys(
    ("off_worst_s", "dark_median_s", "dark_worst_s", "emitter_dropped_s", "cutoff_dropped_s"), figure
)


class Running:
    """The shapes, with one station's names."""

    def __init__(self, names: Names) -> None:
        by_role = Named(words(ROLES), figure)
        self._event = {
            **FIGURE_FIELDS,
            "at": moment, "event": words(EVENTS), "lamp": names.lamp, "session": number, "id": number, "alarm": number,
            "calibration": either(number, CALIBRATION), "version": version, "previous": recognised, "text": recognised, "reason": recognised,
            "problem": recognised, "by": BY_ITSELF, "state": words([*State]), "outcome": words([*Outcome, *CalibrationOutcome]), "hazard": words([*Hazard]),
            "priority": words([*Priority]), "fail_safe": words([*FailSafe]), "source": SOURCES,
            "kind": words([*upkeep.Kind, *reminders.Kind]), "consequence": words([*upkeep.Consequence]), "verdict": words([*Decision]),
            "stage": words([*Stage]), "step": STEPS, "irradiance_source": words(("measured", "calibrated")), "dose_source": words(("measured", "calibrated")),
            "due_at": moment, "started_at": moment, "ended_at": moment, "device": names.device, "order": ORDER, "limits": LIMITS, "delivered": DELIVERED,
            "lamps": Named(names.lamp, EVIDENCE), "figures": MEASURED, "line_worst_s": Named(names.line, figure), "echo": Named(names.line, figure),
            "broadcast": by_role, "retrigger": Named(words(ROLES), words([*Retrigger])), "identity": {"firmware": version},
        }  # fmt: skip
        session = {
            **FIGURE_FIELDS, "id": number, "lamp": names.lamp, "state": words([*State]), "outcome": words([*Outcome]), "reason": recognised, "order": ORDER,
        }  # fmt: skip
        live = {
            **dict.fromkeys(
                ("at_s", "irradiance_mw_cm2", "skin_c", "housing_c", "level_pct", "on", "cutoff_closed"), figure
            ),
            "irradiance_source": words(("measured", "calibrated")),
            "fitted": dict.fromkeys(("radiometer", "skin", "housing"), figure),
            "interlocks": Named(names.interlock, figure),
        }
        lamp = {
            **dict.fromkeys(("distance_cm", "lamp_hours", "starts"), figure),
            "name": names.lamp, "status": words(("dark", "busy", "bench", "unverified", "fault")), "reason": recognised, "locked": recognised,
            "calibration": CALIBRATION, "limits": LIMITS, "session": session, "live": live, "calibration_state": CALIBRATED,
        }  # fmt: skip
        alarm = {"id": number, "at": moment, "priority": words([*Priority]), "hazard": words([*Hazard]), "lamp": names.lamp, "session": number, "text": recognised, "warns": figure}  # fmt: skip
        latch = {"at": moment, "source": SOURCES, "evidence": Named(names.lamp, EVIDENCE)}
        self._station = {
            "version": version, "simulated": figure, "at_s": figure, "sign_in": figure, "audio_paused_s": figure,
            "journal": {"seq": figure, "failure": recognised, "anchor_failure": recognised},
            "latched": latch, "alarms": listed(alarm), "lamps": listed(lamp),
        }  # fmt: skip
        device = {
            **dict.fromkeys(("unit", "requests", "ok", "latency_p99_ms"), figure),
            "name": names.device, "errors": Named(recognised, figure), "identity": {"firmware": version},
        }  # fmt: skip
        self._line = {
            **dict.fromkeys(("baud", "worst_time_to_dark_s", "requests", "ok", "connects", "stray_bytes"), figure),
            "name": names.line, "status": words([*LinkStatus]), "reason": recognised, "leases_s": Named(names.leased, figure), "devices": listed(device),
            "errors": Named(recognised, figure), "latency_ms": dict.fromkeys(("mean", "p50", "p99", "max"), figure), "notes": listed(recognised),
        }  # fmt: skip

    def events(self, events: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Of the journal. Neither hashes nor signatures: with the rest of an event known, its hash would tell whether a guess of a patient is right."""
        for event in events:
            yield cleaned(self._event if event.get("event") in EVENTS else {"seq": figure, "at": moment}, event)

    def station(self, view: Mapping[str, Any]) -> Any:
        """Of `GET /v1/station`."""
        return cleaned(self._station, view)

    def lines(self, views: Iterable[Mapping[str, Any]]) -> Any:
        """Of `GET /v1/lines`."""
        return [cleaned(self._line, view) for view in views]
