"""How a session's end and its dose are shown, on every page alike: a sign, a word, and an interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from irctl.clinic.drawing.markup import tag
from irctl.clinic.words import tr
from irctl.documents.figures import ceiled, dose_places, floored, nearest

TONES = {
    "completed": ("good", "check"),
    "stopped": ("warn", "warn"),
    "faulted": ("bad", "no"),
    "interrupted": ("bad", "no"),
}


def outcome_tag(outcome: str | None) -> str:
    """As the journal has it; None while it is running."""
    words = {
        "completed": tr("Completed"),
        "stopped": tr("Stopped"),
        "faulted": tr("Faulted"),
        "interrupted": tr("Interrupted"),
    }
    if outcome is None:
        return tag("live", "treat", tr("Running"))
    tone, sign = TONES.get(outcome, ("warn", "warn"))
    return tag(tone, sign, words.get(outcome, outcome))


def interval(row: Mapping[str, Any]) -> str:
    """The delivered dose with what it may have been at least and at most, rounded outwards; J/cm²."""
    best = row["delivered_j_cm2"]
    if best is None:
        return "–"
    places = dose_places(row["prescribed_j_cm2"] or best)
    low, high = floored(row["delivered_min_j_cm2"], places), ceiled(row["delivered_max_j_cm2"], places)
    return f"{nearest(best, places)} [{low}, {high}] J/cm²"
