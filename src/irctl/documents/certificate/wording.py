"""A certificate in words: every text and figure of its pages, decided here and only laid out by the template. The tables: see tables.py.

Rounding: U has two significant digits, ceiled; a result has as many decimals as its U (GUM 7.2.6). Times are UTC, so that the same payload gives the
same pages everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from irctl.documents.certificate import tables
from irctl.documents.certificate.sealed import ATTACHMENT, Sealed
from irctl.documents.figures import clock, date, nearest, ranges, signed, significant
from irctl.documents.printed import NOT_CERTIFIED, View, visible

NOT_ACCREDITED = (
    "Neither irctl nor the station that issues this certificate claims an accreditation. Its contents follow ISO/IEC 17025:2017, 7.8, as far as a "
    "laboratory without one may."
)
WHOLE = (
    "This certificate may be reproduced only in full, except with the written consent of the station that issued it."
)
SIMULATED = "SIMULATED STATION — no lamp was measured, nothing is calibrated"
NOT_STATED = "not stated"
DECISIONS = {"pass": ("Pass", "good"), "warn": ("Warn", "attention"), "fail": ("FAIL", "alarm")}
RULE = (
    "Pass: the error, with U added to it, lies within the tolerance; U is the guard band (ISO/IEC 17025, 7.8.6), so what passes is inside with a "
    "probability of at least 97.5 %, for a nearly normal distribution. Fail: the error itself is beyond the tolerance, whatever U. Warn: neither; the item "
    "may be used, and cannot be shown to be inside."
)
CHECKED_BY = (
    "irctl certificate verify FILE --key journal.pub works without a server and without a network: it takes the readings out of the file attached to this "
    "PDF, computes every figure anew, sets these pages again and compares, and judges hash and signature."
)
CHECKED_WITHOUT = (
    "Without irctl: the hash is the SHA-256 of “certificate” in the attached file, as JSON with sorted keys, no spaces, UTF-8. What is signed (Ed25519) is "
    "three lines, each with its end: “irctl certificate”, the number, the hash."
)


def view(sealed: Sealed) -> View:
    """What the template prints, as plain JSON values. Raises KeyError, TypeError, ValueError for a payload that is damaged."""
    p = sealed.payload
    issued = moment(p["approved_at"])
    return visible(
        {
            "number": p["number"],
            "issued": date(issued),
            "issued_at": [issued.year, issued.month, issued.day, issued.hour, issued.minute, issued.second],
            "station": p["station"]["name"],
            "laboratory": _laboratory(p["station"]),
            "simulated": SIMULATED if p["station"]["simulated"] else None,
            "columns": [_item(p), _meter(p), _performed(p)],
            "condition": _condition(p),
            "results": [_found(p), _left(p)],
            "chart_alt": _chart_alt(p),
            "rule": [p["decision_rule"], RULE],
            "coverage": p["coverage"],
            "tables": tables.stages(p),
            "law": _law(p),
            "monitor": _monitor(p),
            "budgets": tables.budgets(p),
            "method": list(p["method"]),
            "conditions": tables.conditions(p),
            "deviations": list(_deviations(p)),
            "readings": tables.readings(p),
            "signatures": [
                {
                    "role": "Performed by",
                    "name": p["performed_by"],
                    "at": stamp(p["performed_at"]),
                    "what": "Readings taken, results submitted",
                },
                {
                    "role": "Approved by",
                    "name": p["approved_by"],
                    "at": stamp(p["approved_at"]),
                    "what": "Took no part in it; released for issue",
                },
            ],
            "statements": [p["statement"], WHOLE, NOT_ACCREDITED, NOT_CERTIFIED],
            "seal": _seal(sealed),
            "software": p["software"],
        }
    )


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def stamp(text: str) -> str:
    at = moment(text)
    return f"{date(at)}, {clock(at)} UTC"


def percent(value: float) -> str:
    """A share of uncertainty, ceiled to two significant digits."""
    return f"{significant(value)[0]} %"


def final(p: Mapping[str, Any]) -> Mapping[str, Any]:
    """The findings of the stage that holds from here on."""
    return (p["stages"]["as-left"] or p["stages"]["as-found"])["findings"]


def _laboratory(station: Mapping[str, Any]) -> str:
    return " · ".join(part for part in (station.get("laboratory"), station.get("address")) if part)


# --- who and what --------------------------------------------------------------------------------------------------------


def _item(p: Mapping[str, Any]) -> View:
    lamp = p["lamp"]
    identity: Mapping[str, Any] = lamp["emitter_identity"] or {}
    emitter = " ".join(str(identity[name]) for name in ("model", "serial") if identity.get(name))
    firmware = f", firmware {identity['firmware']}" if identity.get("firmware") else ""
    serial = (
        lamp["serial"]
        if lamp["serial_read"] == lamp["serial"]
        else f"{lamp['serial']}, but read off it: {lamp['serial_read']}"
    )
    return {
        "title": "Item calibrated",
        "facts": [
            ["Lamp", lamp.get("title") or lamp["name"]],
            ["Serial", serial],
            ["Type", lamp["lamp_type"]],
            ["Emitter", f"{lamp['emitter']} ({emitter}{firmware})" if emitter else lamp["emitter"]],
            ["Own radiometer", lamp.get("radiometer") or "none"],
            ["Distance", f"{lamp['distance_cm']:g} cm from its face"],
            ["Lamp-hours", f"{lamp['lamp_hours']:.1f} h"],
            ["Configuration", f"SHA-256 {lamp['binding'][:16]}…"],
            ["Owner", p["station"].get("owner") or NOT_STATED],
        ],
    }


def _meter(p: Mapping[str, Any]) -> View:
    meter, lamp_type = p["meter"], p["lamp"]["lamp_type"]
    mismatch = next(m for m in meter["spectral"] if m["lamp_type"] == lamp_type)
    return {
        "title": "Reference meter and its traceability",
        "facts": [
            ["Meter", f"{meter['model']} ({meter['kind']})"],
            ["Serial", meter["serial"]],
            ["Certificate", meter["certificate"]],
            ["Laboratory", meter["laboratory"]],
            ["Calibrated", date(moment(meter["calibrated_at"]))],
            ["Valid until", date(moment(meter["valid_until"]))],
            ["Factor", f"{meter['factor']:g}, U {meter['expanded_uncertainty_pct']:g} % (k = 2)"],
            [f"Mismatch, {lamp_type}", f"{mismatch['factor']:g}, U {mismatch['expanded_uncertainty_pct']:g} % (k = 2)"],
            ["Range, digit", f"{meter['range_max_mw_cm2']:g}, {meter['resolution_mw_cm2']:g} mW/cm²"],
        ],
    }


def _performed(p: Mapping[str, Any]) -> View:
    began, ended, until = moment(p["started_at"]), moment(p["performed_at"]), moment(p["record"]["valid_until"])
    days = date(began) if began.date() == ended.date() else f"{date(began)} to {date(ended)}"
    hours = p["record"]["valid_for_hours"]
    temperature = p["environment"]["temperature_c"]
    return {
        "title": "Calibration",
        "facts": [
            ["Performed", days],
            ["Time", f"{began:%H:%M} to {ended:%H:%M} UTC"],
            ["Place", p["station"]["name"]],
            ["Temperature", NOT_STATED if temperature is None else f"{temperature:g} °C"],
            ["Environment", p["environment"]["note"] or NOT_STATED],
            ["Compared with", p["compared_with"]["id"] if p["compared_with"] else "no calibration before this"],
            ["Issued", date(moment(p["approved_at"]))],
            [
                "Used until",
                date(until) + (f" or for {hours:g} lamp-hours" if hours else "") + ", the station’s own interval",
            ],
        ],
    }


def _condition(p: Mapping[str, Any]) -> str:
    return p["lamp"]["condition"] or NOT_STATED


# --- what was found ------------------------------------------------------------------------------------------------------


def _found(p: Mapping[str, Any]) -> View:
    found = p["stages"]["as-found"]["findings"]
    if found["verdict"] is None:
        return {
            "title": "As found",
            "word": "No decision",
            "tone": "plain",
            "text": "No calibration was in force, so there was nothing to compare the lamp with.",
        }
    word, tone = DECISIONS[found["verdict"]["decision"]]
    told = f"{_verdict(found)} Compared with calibration {p['compared_with']['id']}, at {len(found['errors'])} levels."
    return {"title": "As found", "word": word, "tone": tone, "text": told}


def _verdict(found: Mapping[str, Any]) -> str:
    verdict = found["verdict"]
    level = next(e["level_pct"] for e in found["errors"] if e["error_pct"] == verdict["error_pct"])
    error, expanded = signed(verdict["error_pct"], 1), significant(verdict["expanded_pct"])[0]
    return f"Error {error} %, U {expanded} % (k = 2), at level {level:g} %; tolerance ±{verdict['tolerance_pct']:g} %."


def _left(p: Mapping[str, Any]) -> View:
    left, what = final(p), p["adjustment"]["what"]
    expanded, tolerance = left["curve"]["expanded_pct"], left["fitness"]["tolerance_pct"]
    low, high = left["points"][0]["irradiance_mw_cm2"], left["points"][-1]["irradiance_mw_cm2"]
    fits = left["fitness"]["decision"] == "pass"
    told = (
        f"At any level from {left['points'][0]['level_pct']:g} to {left['points'][-1]['level_pct']:g} % ({nearest(low, 1)} to {nearest(high, 1)} mW/cm² at "
        f"{p['plan']['distances_cm'][0]:g} cm), U (k = 2) is at most {percent(expanded)}, "
        + ("within" if fits else "which is more than")
        + f" the tolerance of {tolerance:g} %."
    )
    adjusted = f"Adjusted: {what}." if what else "Nothing was adjusted: as found is as left."
    return {
        "title": "As left",
        "word": f"U {percent(expanded)}",
        "tone": "good" if fits else "alarm",
        "text": f"{told} {adjusted}",
    }


def _chart_alt(p: Mapping[str, Any]) -> str:
    left = final(p)
    points = "; ".join(f"{q['level_pct']:g} %: {nearest(q['irradiance_mw_cm2'], 1)} mW/cm²" for q in left["points"])
    return f"Irradiance over level as left, with expanded uncertainties of about {percent(left['curve']['expanded_pct'])}. {points}."


def _law(p: Mapping[str, Any]) -> View | None:
    law = final(p)["law"]
    if law is None:
        return None
    u_d0, places = significant(2.0 * law["u_d0_cm"])
    return {
        "formula": "E = k / (d + d₀)²",
        "facts": [
            ["Valid for", f"{law['from_cm']:g} to {law['to_cm']:g} cm, at level {p['plan']['levels_pct'][-1]:g} %"],
            ["d₀", f"{nearest(law['d0_cm'], places)} cm, U {u_d0} cm (k = 2)"],
            [
                "k",
                f"{_grouped(law['k'])} mW/cm² · cm², U {percent(2.0 * law['u_k_pct'])} (k = 2), correlation with d₀ {law['correlation']:.2f}",
            ],
            ["Common to all distances", f"U {percent(2.0 * law['common_pct'])} (k = 2), from the meter"],
            ["Largest residual", f"{signed(law['residual_pct'], 2)} %"],
        ],
    }


def _grouped(value: float) -> str:
    """Four digits of a large number, its thousands apart."""
    return f"{float(f'{value:.4g}'):,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _monitor(p: Mapping[str, Any]) -> View | None:
    monitor = final(p)["monitor"]
    if monitor is None:
        return None
    absolute, places = significant(monitor["expanded_pct"] / 100.0 * monitor["factor"])
    return {
        "text": f"True irradiance is what the lamp’s own radiometer shows, less its dark reading, times {nearest(monitor['factor'], places)}, "
        f"U {absolute} (k = 2), that is {percent(monitor['expanded_pct'])}, for any level calibrated."
    }


# --- what was out of the ordinary ----------------------------------------------------------------------------------------


def _deviations(p: Mapping[str, Any]) -> Iterator[str]:
    for stage, told in p["stages"].items():
        if told is not None:
            yield from (f"{stage}: {problem}" for problem in told["findings"]["problems"])
    for again in p["redone"]:
        yield f"The step “{again['step']}” ({again['stage']}) was done again by {again['by']}: {again['reason']} (event {ranges(again['seqs'])})."
    for reading in p["set_aside"]:
        value = nearest(reading["reading_mw_cm2"], 2)
        yield (
            f"Set aside: reading {reading['number']} ({reading['stage']}, {reading['level_pct']:g} % at {reading['distance_cm']:g} cm), {value} mW/cm² "
            f"(event {reading['seq']}). It counts no more and stays on record."
        )


def _seal(sealed: Sealed) -> View:
    seal = sealed.seal
    return {
        "facts": [
            ["SHA-256", seal.sha256],
            ["Key", f"{seal.key} (fingerprint of the station journal’s Ed25519 key)"],
            ["Signature", seal.signature],
            ["Attached", ATTACHMENT],
        ],
        "sha256": seal.sha256,
        "how": [CHECKED_BY, CHECKED_WITHOUT],
    }
