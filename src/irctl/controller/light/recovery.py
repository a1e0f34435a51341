"""Sessions that a crash cut off: what the journal proves was given, and what may have been given after its last word.

The light outlives the process by at most the hardware's lease, and the journal's last sample may be older than the last renewal. All of
that goes into the maximum, which ceilings are charged with. Nothing here resumes anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from irctl.controller.light.session import Outcome
from irctl.devices.roles import FailSafe
from irctl.domain.chain import Event

UNSEEN_S = 6.5
"""From the last synced sample to the last renewal at most: the 4 s of samples a power cut may take, one more second, and two ticks."""
BRIGHTER = 1.15
"""The rules end a session that is this much brighter than its limit; below that it may have been."""


def interrupted(events: Sequence[Event]) -> Iterator[dict[str, Any]]:
    """The terminal record of each session that has none, ready to be written as `session.ended`."""
    open_sessions: dict[str, list[Event]] = {}
    for event in events:
        match event["event"]:
            case "session.ordered":
                open_sessions[event["session"]] = [event]
            case "session.ended":
                open_sessions.pop(event["session"], None)
            case _ if event.get("session") in open_sessions:
                open_sessions[event["session"]].append(event)
            case _:
                pass
    for history in open_sessions.values():
        yield _ended(history)


def _ended(history: Sequence[Event]) -> dict[str, Any]:
    ordered, last = history[0], history[-1]
    order, info = ordered["order"], ordered["lamp_info"]
    samples = [e for e in history if e["event"] == "session.sample"]
    first_light = next((e for e in history if e["event"] == "session.first_light"), None)
    known: dict[str, float] = {"min": 0.0, "best": 0.0, "max": 0.0}
    if samples:
        newest = samples[-1]
        known = {key: newest[f"fluence{'' if key == 'best' else '_' + key}_j_cm2"] for key in known}
    lasts_s = _light_lasts_s(history, info)
    possible = _possible_j_cm2(history, samples, order["irradiance_mw_cm2"], lasts_s, ordered["calibration"])
    lit_at = [e["level_pct"] for e in (first_light, *samples) if e is not None and e["level_pct"]]
    skin = [s["skin_c"] for s in samples if s["skin_c"] is not None]
    return {
        "session": ordered["session"],
        "lamp": ordered["lamp"],
        "outcome": Outcome.INTERRUPTED,
        "reason": "the controller ended during the session; what was given after its last record is counted as possible",
        "hazard": None,
        "by": None,
        "started_at": first_light["at"] if first_light else None,
        "ended_at": last["at"],
        "time_on_s": samples[-1]["t_s"] if samples else 0.0,
        "planned_s": ordered["planned_s"],
        "prescribed_j_cm2": order["fluence_j_cm2"],
        "delivered": {
            "min_j_cm2": known["min"],
            "best_j_cm2": known["best"],
            "max_j_cm2": round(known["max"] + possible, 5),
            "contributions": [
                {
                    "name": "possible after the last record",
                    "relative_pct": None,
                    "absolute_j_cm2": round(possible, 5),
                }
            ],
        },
        "irradiance_mean_mw_cm2": None,
        "levels_pct": [min(lit_at), max(lit_at)] if lit_at else None,
        "skin_c_max": max(skin) if skin else None,
        "cem43_min": samples[-1]["cem43_min"] if samples else None,
        "drift": None,
        "dose_source": samples[-1]["irradiance_source"] if samples else "calibrated",
    }


def _light_lasts_s(history: Sequence[Event], info: dict[str, Any]) -> float:
    """How long the hardware lets light last that nobody renews: the emitter's lease; the cut-off's where the emitter keeps none."""
    cutoff_s = next((e["cutoff_lease_s"] for e in history if e["event"] == "session.armed"), None)
    return cutoff_s if info["fail_safe"] == FailSafe.NONE and cutoff_s is not None else info["lease_s"]


def _possible_j_cm2(
    history: Sequence[Event],
    samples: Sequence[Event],
    prescribed_mw_cm2: float,
    lease_s: float,
    calibration: dict[str, Any],
) -> float:
    """What may have been given after the last sample, J/cm²."""
    kinds = [e["event"] for e in history]
    lit_at = max((i for i, kind in enumerate(kinds) if kind in ("session.starting", "session.resumed")), default=-1)
    if lit_at < 0:
        return 0.0  # written before the first light, and never written: there was none
    off_at = max((i for i, kind in enumerate(kinds) if kind == "session.off"), default=-1)
    brightest = max([prescribed_mw_cm2, *(s["irradiance_mw_cm2"] for s in samples)]) * BRIGHTER
    afterglow_s: float = calibration["afterglow_s"]
    dark = off_at > lit_at and history[off_at]["verified_dark_s"] is not None
    lit_s = 0.0 if dark else UNSEEN_S + lease_s
    return brightest * (lit_s + afterglow_s) / 1000.0
