"""Does a certificate follow from its own readings? Everything it concludes is computed again from the raw readings inside it.

This shows an error and a careless edit; whether the readings are those that were taken, only the signature shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from math import isclose
from typing import Any, cast

from irctl.domain.certificate import FORMAT, STATEMENT
from irctl.domain.findings import findings, to_six_digits
from irctl.domain.meters import Meter, meter_problems
from irctl.domain.plan import Plan
from irctl.domain.readings import LevelReading
from irctl.domain.steps import Stage, Taken, conditions
from irctl.domain.tolerance import RULE
from irctl.domain.worksheet import plain

SAME = 1e-5
"""Relative: figures have six digits."""


def check(payload: Mapping[str, Any]) -> list[str]:
    """What does not follow from the raw readings inside: points, budgets, decisions; empty when all of it does."""
    if payload.get("format") != FORMAT:
        return [f"format: {payload.get('format')!r} is none that this version knows ({FORMAT})"]
    # Here and not at the top: the controller imports its domain before it drives the lamps dark.
    from numpy import errstate

    try:
        with errstate(
            all="ignore"
        ):  # a forger's figures may be of any size; what overflows is wrong, and is said to be
            return [*_formal(payload), *_stages(payload)]
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        return [f"the certificate is damaged: {type(error).__name__}: {error}"]


def _formal(payload: Mapping[str, Any]) -> Iterator[str]:
    if payload["decision_rule"] != RULE:
        yield "decision_rule: not the rule that was applied"
    if payload["statement"] != STATEMENT:
        yield "statement: changed"
    if plain(payload["approved_by"]) in {plain(name) for name in (*payload["took_part"], payload["performed_by"])}:
        yield f"approved_by: {payload['approved_by']} took part in the calibration"
    if datetime.fromisoformat(payload["approved_at"]) < datetime.fromisoformat(payload["performed_at"]):
        yield "approved_at: before it was performed"


def _stages(payload: Mapping[str, Any]) -> Iterator[str]:
    meter, plan = Meter.of(payload["meter"]), Plan.of(payload["plan"])
    lamp_type, compared = payload["lamp"]["lamp_type"], payload["compared_with"]
    left: dict[str, Any] = {}
    for stage in Stage:
        told: dict[str, Any] | None = payload["stages"][stage]
        if told is None and stage is Stage.AS_LEFT and payload["adjustment"]["what"] is None:
            continue
        if told is None:
            yield f"stages.{stage}: missing"
            return
        held = [_taken(stage, reading) for reading in told["readings"]]
        readings = [taken.reading for taken in held]
        if [(r.number, r.level_pct, r.distance_cm) for r in readings] != [
            (p.number, p.level_pct, p.distance_cm) for p in plan.order
        ]:
            yield f"stages.{stage}.readings: not those of the plan"
            return
        yield from (f"meter: {p.limit}" for p in meter_problems(meter, lamp_type, max(r.at for r in readings)))
        stood = conditions(held, plan)
        stated = [(level, value) for level, value in compared["points"]] if compared else None
        factor = compared.get("monitor_factor", 1.0) if compared else 1.0
        found = findings(
            stage,
            readings,
            meter,
            lamp_type,
            plan,
            stood,
            stated if stage is Stage.AS_FOUND else None,
            payload["calibration"],
            stated_monitor_factor=factor,
        ).as_dict()
        yield from (f"{problem}" for problem in found["problems"])
        yield from _differences(f"stages.{stage}.findings", told["findings"], found)
        left = found
    yield from _record(payload, left)


def _record(payload: Mapping[str, Any], left: Mapping[str, Any]) -> Iterator[str]:
    """What it puts in force is what was left."""
    record = to_six_digits(payload["record"])
    concluded = {
        "id": payload["calibration"],
        "lamp_serial": payload["lamp"]["serial"],
        "distance_cm": payload["plan"]["distances_cm"][0],
        "performed_by": payload["performed_by"],
        "approved_by": payload["approved_by"],
        "points": [[p["level_pct"], p["irradiance_mw_cm2"]] for p in left["points"]],
        "expanded_uncertainty_pct": left["curve"]["expanded_pct"],
        "monitor_factor": left["monitor"]["factor"] if left["monitor"] else 1.0,
        "meter_uncertainty_pct": left["monitor"]["expanded_pct"] if left["monitor"] else None,
        "curve_budget": left["curve"]["budget"],
        "monitor_budget": left["monitor"]["budget"] if left["monitor"] else [],
    }
    for name, value in concluded.items():
        yield from _differences(f"record.{name}", record[name], value)


def _taken(stage: Stage, told: Mapping[str, Any]) -> Taken:
    reading = LevelReading(
        told["number"],
        stage,
        told["level_pct"],
        told["distance_cm"],
        told["reading_mw_cm2"],
        told["dark_mw_cm2"],
        told["monitor_mw_cm2"],
        datetime.fromisoformat(told["at"]),
        told["dark_noise_mw_cm2"],
        told["seq"],
        tuple(told["based_on"]),
    )
    return Taken(reading, told["slope_pct_per_min"], told["angle_deg"], told["positioning_cm"])


def _differences(path: str, says: Any, gives: Any) -> Iterator[str]:
    """Where two JSON values differ, figures within their digits."""
    match says, gives:
        case dict(), dict():
            one, other = cast("dict[str, Any]", says), cast("dict[str, Any]", gives)
            for name in sorted(one.keys() | other.keys()):
                yield from _differences(f"{path}.{name}", one.get(name), other.get(name))
        case list(), list() if len(cast("Sequence[Any]", says)) == len(cast("Sequence[Any]", gives)):
            pairs = zip(cast("Sequence[Any]", says), cast("Sequence[Any]", gives), strict=True)
            for index, (one, other) in enumerate(pairs):
                yield from _differences(f"{path}[{index}]", one, other)
        case ((int() | float()), (int() | float())) if isclose(says, gives, rel_tol=SAME, abs_tol=1e-9):
            return
        case _ if says != gives:
            yield f"{path}: says {says!r}, the readings give {gives!r}"
        case _:
            return
