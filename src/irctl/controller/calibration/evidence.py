"""What the journal says of a lamp since its calibration: its approval, its checks, its sessions, each as a ratio to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from irctl.domain.calibration import Calibration
from irctl.domain.chain import Event
from irctl.domain.drift import Evidence, Kind

HOURS_PER_DAY_USUAL = 1.0
"""Before a lamp's own hours tell."""


def evidence(events: Sequence[Event], calibration: Calibration) -> list[tuple[Evidence, float]]:
    """Since this calibration, and of it: each with its level in %."""
    told: list[tuple[Evidence, float]] = []
    for event in events:
        at = datetime.fromisoformat(event["at"])
        if at < calibration.performed_at:
            continue
        match event:
            case {"event": "calibration.approved", "record": {"id": approved}} if approved == calibration.id:
                told.append(
                    (
                        Evidence(
                            at, calibration.lamp_hours, 1.0, calibration.expanded_uncertainty_pct, Kind.CALIBRATION
                        ),
                        calibration.level_max_pct,
                    )
                )
            case {"event": "check.completed", "levels": levels, "lamp_hours": hours}:
                for level in levels:
                    ratio = 1.0 + level["error_pct"] / 100.0
                    told.append((Evidence(at, hours, ratio, level["expanded_pct"], Kind.CHECK), level["level_pct"]))
            case {
                "event": "session.ended",
                "drift": {"ratio": ratio, "expanded_pct": u, "lamp_hours": hours, "level_pct": level},
            }:
                told.append((Evidence(at, hours, ratio, u, Kind.SESSION), level))
            case _:
                pass
    return told


def hours_per_day(seen: Sequence[Evidence]) -> float:
    """How much the lamp is used, from its own hours."""
    if len(seen) < 2 or (days := (seen[-1].at - seen[0].at) / timedelta(days=1)) < 1.0:
        return HOURS_PER_DAY_USUAL
    return (seen[-1].lamp_hours - seen[0].lamp_hours) / days
