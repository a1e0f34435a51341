"""The tables of a certificate as text cells: results with U, budgets, readings. A figure's decimals are padded, so that columns stand on their points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from irctl.documents.figures import clock, nearest, ranges, signed, significant
from irctl.documents.printed import View
from irctl.domain.budget import Budget

FIGURE_SPACE, POINT_SPACE = "\N{FIGURE SPACE}", "\N{PUNCTUATION SPACE}"
STAGES = {"as-found": "As found", "as-left": "As left"}
SHARED = "•"
EVENTS_EXPLAINED = "Events: the numbers in the station’s journal from which the row was computed (readings, dark readings, warm-up, position)."


def stages(p: Mapping[str, Any]) -> list[View]:
    """The results of each stage that was measured."""
    return [_stage(_named(p, stage), told["findings"]) for stage, told in p["stages"].items() if told is not None]


def _named(p: Mapping[str, Any], stage: str) -> str:
    return STAGES[stage] if p["stages"]["as-left"] else "As found, and as left"


def _stage(title: str, found: Mapping[str, Any]) -> View:
    errors = {error["level_pct"]: error for error in found["errors"]}
    monitored = any(point["monitor_ratio"] is not None for point in found["points"])
    columns = ["level", "n", "irradiance", "U (k = 2)", "U (k = 2)", "s of mean"]
    units = ["%", "", "mW/cm²", "mW/cm²", "%", "%"]
    if errors:
        columns += ["stated before", "error", "decision"]
        units += ["mW/cm²", "%", ""]
    if monitored:
        columns.append("true / own")
        units.append("radiometer")
    rows = [
        _point(point, errors.get(point["level_pct"]), compared=bool(errors), monitored=monitored)
        for point in found["points"]
    ]
    figures = _aligned([row[:-1] for row in rows], skip=8 if errors else None)
    return {
        "title": title,
        "columns": [*columns, "events"],
        "units": [*units, ""],
        "rows": [[*cells, row[-1]] for cells, row in zip(figures, rows, strict=True)],
        "note": EVENTS_EXPLAINED,
    }


def _point(point: Mapping[str, Any], error: Mapping[str, Any] | None, *, compared: bool, monitored: bool) -> list[str]:
    value, expanded_pct = point["irradiance_mw_cm2"], point["expanded_pct"]
    u, places = significant(value * expanded_pct / 100.0)
    cells = [
        f"{point['level_pct']:g}",
        str(point["n"]),
        nearest(value, places),
        u,
        significant(expanded_pct)[0],
        nearest(point["repeatability_pct"], 2),
    ]
    if compared and error is None:
        cells += ["–", "–", "–"]
    elif error is not None:
        # Shown as exactly as what it is compared with.
        cells += [
            nearest(error["stated_mw_cm2"], places),
            signed(error["error_pct"], 1),
            error["decision"].replace("fail", "FAIL"),
        ]
    if monitored:
        ratio = point["monitor_ratio"]
        cells.append("–" if ratio is None else nearest(ratio, 3))
    return [*cells, ranges(point["seqs"])]


def budgets(p: Mapping[str, Any]) -> list[View]:
    """What holds from here on: of the curve, and of the lamp's own radiometer."""
    left = (p["stages"]["as-left"] or p["stages"]["as-found"])["findings"]
    told = [
        _budget(
            "of the irradiance at any level", "the worst level, with what the curve adds between levels", left["curve"]
        )
    ]
    if left["monitor"] is not None:
        told.append(
            _budget("of the lamp’s own radiometer against the reference", "for any level calibrated", left["monitor"])
        )
    return told


def _budget(title: str, note: str, told: Mapping[str, Any]) -> View:
    budget = Budget.of(told["budget"])
    rows = [
        [
            term.name,
            term.source,
            SHARED if term.group else "",
            term.kind,
            term.distribution,
            "∞" if term.degrees_of_freedom is None else str(term.degrees_of_freedom),
            nearest(term.standard_uncertainty_pct, 2),
            nearest(100.0 * budget.share(term), 1),
        ]
        for term in budget.terms
    ]
    effective = budget.degrees_of_freedom
    return {
        "title": title,
        "note": note,
        "rows": rows,
        "combined": nearest(budget.combined_pct, 2),
        "expanded": significant(told["expanded_pct"])[0],
        "effective": "∞" if effective > 9999 else f"{int(effective)}",
    }


def conditions(p: Mapping[str, Any]) -> list[list[str]]:
    """Under which the readings of each stage were taken; what each means for U is in the budget."""
    plan = p["plan"]
    told = [
        [
            "Levels",
            ", ".join(f"{level:g}" for level in plan["levels_pct"])
            + f" %, each {plan['repeats']} times, {len(plan['order'])} readings a stage in an order drawn by lot",
        ],
        [
            "Distances",
            ", ".join(f"{d:g}" for d in plan["distances_cm"])
            + " cm"
            + (" (all levels at the first, the highest level at the others)" if len(plan["distances_cm"]) > 1 else ""),
        ],
    ]
    for stage, held in p["stages"].items():
        if held is not None:
            c = held["conditions"]
            told.append(
                [
                    STAGES[stage],
                    f"position known to ±{c['positioning_cm']:g} cm, square to the beam within {c['angle_deg']:g}°; while read, the lamp moved no more than "
                    f"{c['steadiness_pct']:g} %",
                ]
            )
    return told


def readings(p: Mapping[str, Any]) -> list[View]:
    """Every reading that counts, as the meter showed it."""
    return [_readings(_named(p, stage), told["readings"]) for stage, told in p["stages"].items() if told is not None]


def _readings(title: str, taken: Sequence[Mapping[str, Any]]) -> View:
    monitored = any(reading["monitor_mw_cm2"] is not None for reading in taken)
    rows = [
        [
            str(r["number"]),
            f"{r['level_pct']:g}",
            f"{r['distance_cm']:g}",
            nearest(r["reading_mw_cm2"], 3),
            nearest(r["dark_mw_cm2"], 3),
            *(["–" if r["monitor_mw_cm2"] is None else nearest(r["monitor_mw_cm2"], 3)] if monitored else []),
            clock(datetime.fromisoformat(r["at"]).astimezone(UTC)),
            str(r["seq"]),
        ]
        for r in taken
    ]
    own = ["own"] if monitored else []
    return {
        "title": title,
        "columns": ["no.", "level", "distance", "reading", "dark", *own, "UTC", "event"],
        "units": ["", "%", "cm", "mW/cm²", "mW/cm²", *["mW/cm²" for _ in own], "", ""],
        "rows": rows,
    }


def _aligned(rows: Sequence[Sequence[str]], skip: int | None) -> list[list[str]]:
    """Each column's figures padded on the right to the same decimals; the column `skip` is words."""
    if not rows:
        return []
    most = [max(_decimals(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [[cell if i == skip else cell + _padding(cell, most[i]) for i, cell in enumerate(row)] for row in rows]


def _decimals(cell: str) -> int:
    return len(cell.partition(".")[2])


def _padding(cell: str, most: int) -> str:
    missing = most - _decimals(cell)
    return (POINT_SPACE if missing and "." not in cell else "") + FIGURE_SPACE * missing
