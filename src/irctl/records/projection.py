"""What a journal's event says, as rows: a pure function of the events before it and this one.

Every row has a key that follows from the event, and the columns that this event knows of it: a session is ordered by one event and ended by another. The
same event again writes the same values again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Table

from irctl.domain.chain import CHECKPOINT, CONTINUED, SET_ASIDE, Event
from irctl.records import tables

VERSION = 1
"""Of what is projected. Where it changes, the database is rebuilt before it goes on."""

UNTOLD = frozenset(
    {
        "session.sample", "session.state", "session.armed", "session.dark_reading", "session.starting", "session.first_light",
        "session.off", "lamp.dark_verified", "bench.lit", CHECKPOINT, CONTINUED, "commissioning.started", "commissioning.step",
        "check.started", "calibration.identified", "calibration.positioned", "calibration.dark", "calibration.steady",
        "calibration.reading", "calibration.adjusted",
    }
)  # fmt: skip
"""The readings of each second and the steps in between: whoever wants them asks the journal. What they come to is in a later event."""
FRAME = frozenset(
    {
        "seq",
        "at",
        "mono_s",
        "event",
        "prev",
        "hash",
        "lamp",
        "session",
        "by",
        "kept",
        "given",
        "use",
        "numbers",
        "latest_at",
    }
)
"""What an entry has columns for, and what one file hands to the next."""

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """What an event cannot say itself: the stop that it is evidence of, or clears, by the number of the event that latched it."""

    latched: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Columns of one row; those that are not named stay as they are."""

    table: Table
    key: str | int
    """Beside the controller; of no account where there is one row for each controller."""
    values: Values


def project(known: Known, event: Event) -> tuple[Known, list[Row]]:
    """The rows of one event, and what is known after it. Raises KeyError, TypeError, ValueError for one that is not as its name says."""
    rows: list[Row] = []
    for each in (*_handed_on(event), event):
        rows += _rows(known, each)
        known = _after(known, each)
    return known, rows


def _handed_on(event: Event) -> list[Event]:
    """The events that a file begins with. Where the ones before it were read too, they say what is known already."""
    if event["event"] not in (CONTINUED, SET_ASIDE):
        return []
    return list(event.get("kept", ()))


def _after(known: Known, event: Event) -> Known:
    match event["event"]:
        case "stop.latched":
            return replace(known, latched=event["seq"])
        case "stop.cleared":
            return replace(known, latched=None)
        case _:
            return known


def _rows(known: Known, event: Event) -> Iterator[Row]:
    name: str = event["event"]
    kind, _, what = name.partition(".")
    match kind:
        case _ if name in UNTOLD:
            return
        case "session" if what in ("ordered", "ended"):
            values = _ordered(event) if what == "ordered" else _ended(event)
            yield Row(tables.sessions, event["session"], values)
        case "alarm" | "reminder" if (told := _alarm(event)) is not None:
            yield Row(tables.alarms, *told)
        case "stop":
            yield from _stop(known, event)
        case "calibration" if (values := _calibration(event)) is not None:
            yield Row(tables.calibrations, event["calibration"], values)
        case "check":
            yield Row(tables.checks, event["seq"], _check(event))
        case "maintenance":
            yield Row(tables.maintenance, event["seq"], _maintenance(event))
        case "commissioning":
            yield Row(tables.commissioning, event["seq"], _commissioning(event))
        case "controller" if what == "started":
            yield Row(tables.controllers, "", _controller(event))
        case _:
            yield Row(tables.entries, event["seq"], _entry(event))


def _moment(told: str | None) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)


def _ordered(event: Event) -> Values:
    order, calibration, info = event["order"], event["calibration"], event["lamp_info"]
    return {
        "lamp": event["lamp"],
        "lamp_serial": info["serial"],
        "simulated": event["simulated"],
        "patient": order["patient"],
        "area": order["area"],
        "protocol": order.get("protocol"),
        "ordered_at": _moment(event["at"]),
        "ordered_by": order["by"],
        "prescribed_j_cm2": order["fluence_j_cm2"],
        "irradiance_mw_cm2": order["irradiance_mw_cm2"],
        "planned_s": event["planned_s"],
        "distance_cm": calibration["distance_cm"],
        "calibration": calibration["id"],
        "calibration_source": calibration.get("source"),
        "lamp_hours": calibration.get("lamp_hours"),
    }


def _ended(event: Event) -> Values:
    delivered = event["delivered"]
    drift: Values = event.get("drift") or {}
    return {
        "lamp": event["lamp"],
        "started_at": _moment(event["started_at"]),
        "ended_at": _moment(event["ended_at"]),
        "ended_by": event["by"],
        "outcome": event["outcome"],
        "reason": event["reason"],
        "hazard": event["hazard"],
        "time_on_s": event["time_on_s"],
        "delivered_min_j_cm2": delivered["min_j_cm2"],
        "delivered_j_cm2": delivered["best_j_cm2"],
        "delivered_max_j_cm2": delivered["max_j_cm2"],
        "contributions": delivered["contributions"],
        "dose_source": event["dose_source"],
        "irradiance_mean_mw_cm2": event["irradiance_mean_mw_cm2"],
        "skin_c_max": event["skin_c_max"],
        "cem43_min": event["cem43_min"],
        "drift_ratio": drift.get("ratio"),
        "drift_expanded_pct": drift.get("expanded_pct"),
    }


def _alarm(event: Event) -> tuple[str, Values] | None:
    """The alarm's id and what is said of it; None where it is about no single alarm."""
    match event["event"]:
        case "alarm" | "reminder.raised" if "id" in event:
            return event["id"], {
                "at": _moment(event["at"]),
                "priority": event["priority"],
                "hazard": event.get("hazard"),
                "lamp": event["lamp"],
                "session": event.get("session"),
                "text": event["text"],
                "remedy": event["remedy"],
                "reminder": event["event"] == "reminder.raised",
            }
        case "alarm.acknowledged":
            return event["alarm"], {"acknowledged_at": _moment(event["at"]), "acknowledged_by": event["by"]}
        case "alarm.resolved":
            return event["alarm"], {"resolved_at": _moment(event["at"]), "resolved_because": event["because"]}
        case _:
            return None


def _stop(known: Known, event: Event) -> Iterator[Row]:
    match event["event"]:
        case "stop.latched":
            told = {name: event[name] for name in ("by", "reason", "source")}
            yield Row(tables.stops, event["seq"], {"at": _moment(event["at"]), **told})
        case "stop.evidence" if known.latched is not None:
            yield Row(tables.stops, known.latched, {"evidence": event["lamps"]})
        case "stop.cleared" if known.latched is not None:
            cleared = {"cleared_at": _moment(event["at"]), "cleared_by": event["by"], "cleared_reason": event["reason"]}
            yield Row(tables.stops, known.latched, cleared)
        case _:
            yield Row(tables.entries, event["seq"], _entry(event))


def _calibration(event: Event) -> Values | None:
    about = {"lamp": event["lamp"]}
    match event["event"]:
        case "calibration.started":
            return about | {
                "lamp_serial": event["lamp_info"]["serial"],
                "started_at": _moment(event["at"]),
                "started_by": event["by"],
                "meter": event["meter"]["name"],
            }
        case "calibration.submitted":
            return about | {
                "result": event["result"],
                "submitted_at": _moment(event["at"]),
                "submitted_by": event["by"],
            }
        case "calibration.approved" | "calibration.rejected" | "calibration.abandoned":
            return about | {
                "outcome": event["event"].partition(".")[2],
                "closed_at": _moment(event["at"]),
                "closed_by": event["by"],
                "reason": event.get("reason"),
                "record": event.get("record"),
                "certificate": event.get("certificate"),
            }
        case _:
            return None


def _check(event: Event) -> Values:
    """Completed, or interrupted, which has no figures."""
    return {
        "at": _moment(event["at"]),
        "lamp": event["lamp"],
        "by": event["by"],
        "verdict": event.get("verdict", "interrupted"),
        "reason": event.get("reason"),
        "reference": event.get("with"),
        "calibration": event.get("calibration"),
        "tolerance_pct": event.get("tolerance_pct"),
        "levels": event.get("levels"),
        "lamp_hours": event.get("lamp_hours"),
    }


def _maintenance(event: Event) -> Values:
    names = ("lamp", "by", "kind", "note", "consequence", "lamp_hours", "starts")
    told = {name: event[name] for name in names}
    return {"at": _moment(event["at"]), "lamp_serial": event["serial"], **told}


def _commissioning(event: Event) -> Values:
    names = ("lamp", "by", "ok", "aborted", "configuration")
    return {
        "at": _moment(event["at"]),
        **{name: event[name] for name in names},
        "evidence": _told(event, FRAME.union(names)),
    }


def _controller(event: Event) -> Values:
    names = ("station", "simulated", "version", "station_hash")
    return {"started_at": _moment(event["at"]), **{name: event[name] for name in names}}


def _entry(event: Event) -> Values:
    about = {name: event.get(name) for name in ("lamp", "session", "by")}
    return {"at": _moment(event["at"]), "event": event["event"], **about, "told": _told(event, FRAME)}


def _told(event: Event, without: frozenset[str]) -> Values:
    return {name: value for name, value in event.items() if name not in without}
