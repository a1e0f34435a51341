"""How a lamp is, in words: from a station's view, for screens that show many lamps at a glance. The live figures are the controller's own element."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from irctl.clinic.drawing.body_map import label_of
from irctl.clinic.words import dates, tr

SOON = timedelta(days=30)
"""A calibration that ends within it is said to: as the reminders do."""


@dataclass(frozen=True, slots=True)
class LampWords:
    """`icon` and `tone` as elsewhere; `doing` and `left` are empty while it does nothing; `notes`: what somebody must do about it."""

    name: str
    title: str
    word: str
    icon: str
    tone: str
    doing: str
    left: str
    calibration: str
    notes: tuple[str, ...]


def lamp_words(lamp: Mapping[str, Any], now: datetime) -> LampWords:
    """In the language of this moment. `now` in the clinic's zone."""
    session = _running(lamp)
    word, icon, tone = _state(lamp, session)
    doing, left = "", ""
    if session is not None:
        order = session["order"]
        doing = tr("{dose} J/cm², {area}", dose=f"{order['fluence_j_cm2']:g}", area=label_of(order["area"]))
        if (remaining_s := session["remaining_s"]) is not None:
            left = tr("{minutes} min left", minutes=ceil(remaining_s / 60))
    elif lamp["work"]:
        doing = str(lamp["work"])
    calibration, notes = _calibration(lamp, now)
    if lamp["locked"]:
        notes.insert(0, tr("Locked: {why}", why=lamp["locked"]))
    if lamp["reason"]:
        notes.append(str(lamp["reason"]))
    return LampWords(lamp["name"], lamp["title"] or lamp["name"], word, icon, tone, doing, left, calibration,
                     tuple(notes))  # fmt: skip


def _running(lamp: Mapping[str, Any]) -> Mapping[str, Any] | None:
    session = lamp["session"]
    return session if session is not None and not session["outcome"] else None


def _state(lamp: Mapping[str, Any], session: Mapping[str, Any] | None) -> tuple[str, str, str]:
    match lamp["status"]:
        case "unverified":
            return tr("Not verified dark"), "warn", "bad"
        case "fault":
            return tr("Fault"), "warn", "bad"
        case "bench":
            return tr("On the bench"), "calibrate", "live"
        case "dark" if session is None:
            return tr("Dark"), "check", "good"
        case _:
            pass
    match session["state"] if session else "":
        case "emitting":
            return tr("Light on"), "treat", "heat"
        case "warming":
            return tr("Warming up"), "treat", "heat"
        case "paused":
            return tr("Paused"), "lock", "warn"
        case "ready":
            return tr("Ready"), "check", "live"
        case "ending":
            return tr("Ending"), "no", "live"
        case "fault":
            return tr("Fault"), "warn", "bad"
        case _:
            return tr("Checking"), "search", "live"


def _calibration(lamp: Mapping[str, Any], now: datetime) -> tuple[str, list[str]]:
    found = lamp["calibration"]
    if found is None:
        return tr("Not calibrated"), [tr("Calibrate it before anybody is treated.")]
    until = datetime.fromisoformat(found["valid_until"]).astimezone(now.tzinfo)
    day = dates.plain(until.date())
    if until < now:
        return tr("Calibration ended {day}", day=day), [tr("Calibrate it before anybody is treated.")]
    soon = [tr("Calibrate it soon.")] if until - now < SOON else []
    return tr("Calibrated until {day}", day=day), soon
