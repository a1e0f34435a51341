"""What a calibration found, as markup: points with their uncertainty, the curve, the budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from irctl.clinic.drawing.markup import table
from irctl.clinic.lamps import calibrating
from irctl.clinic.pages.upkeep_parts import deviated, verdict_tag
from irctl.clinic.words import tr

View = Mapping[str, Any]
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 300, 64, 44, 16, 16
GRID = 4
"""Lines of irradiance."""


def findings(found: View) -> str:
    """A stage's verdict, points and curve, and what its uncertainty is made of."""
    parts: list[str] = []
    if (verdict := found["verdict"]) is not None:
        said = deviated(verdict["error_pct"], verdict["expanded_pct"])
        tolerance = tr("Tolerance ±{tolerance} %. The rule: {rule}.", tolerance=f"{verdict['tolerance_pct']:g}", rule=verdict["rule"])  # fmt: skip
        parts.append(
            f'<p class="row">{verdict_tag(verdict["decision"])} <b>{escape(said)}</b></p><p class="soft small">{escape(tolerance)}</p>'
        )
    parts.append(f'<div class="drawn spaced">{curve(found["points"])}<div>{_points(found)}</div></div>')
    if (monitor := found["monitor"]) is not None:
        text = tr("The lamp's own radiometer: true = {factor} × shown, U {u} % (k=2)", factor=f"{monitor['factor']:.4f}", u=f"{monitor['expanded_pct']:.1f}")  # fmt: skip
        parts.append(f'<p class="spaced">{escape(text)}</p>')
    summary = tr("Why it is not known better: U {u} % (k=2)", u=f"{found['curve']['expanded_pct']:.1f}")
    parts.append(f"<details><summary>{escape(summary)}</summary>{budget(found['curve']['budget'])}</details>")
    return "".join(parts)


def _points(found: View) -> str:
    errors = {(e["level_pct"]): e for e in found["errors"]}
    rows: list[list[str]] = []
    for point in found["points"]:
        error = errors.get(point["level_pct"])
        rows.append([
            f"{point['level_pct']:g} %", f"{point['irradiance_mw_cm2']:.2f}", f"± {point['expanded_pct']:.1f} %",
            "" if error is None else f"{error['error_pct']:+z.1f} %",
            "" if error is None else verdict_tag(error["decision"]),
        ])  # fmt: skip
    columns = (tr("Level"), "mW/cm²", tr("U (k=2)"), tr("Deviation"), "")
    return table(columns, rows, numbers=(1, 2, 3))


def budget(told: Sequence[View]) -> str:
    """Its terms, the largest part of the variance first."""
    rows = [
        [escape(term["name"]), f"{term['standard_uncertainty_pct']:.2f} %", term["kind"], f"{share:.0%}", escape(term["source"])]
        for term, share in calibrating.shares(told)
    ]  # fmt: skip
    return table((tr("From"), tr("u (k=1)"), tr("Kind"), tr("Part"), tr("Source")), rows, numbers=(1, 3))


def curve(points: Sequence[View]) -> str:
    """Irradiance over level, each point with a bar of its U (k=2)."""
    top = max((p["irradiance_mw_cm2"] * (1 + p["expanded_pct"] / 100) for p in points), default=1.0) * 1.05

    def x(level_pct: float) -> float:
        return LEFT + level_pct / 100 * (WIDTH - LEFT - RIGHT)

    def y(irradiance: float) -> float:
        return HEIGHT - BOTTOM - irradiance / top * (HEIGHT - BOTTOM - TOP)

    drawn: list[str] = []
    for step in range(GRID + 1):
        value = top * step / GRID
        drawn.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        drawn.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.0f}</text>')
    for level in (0, 20, 40, 60, 80, 100):
        drawn.append(f'<text x="{x(level):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{level} %</text>')
    ordered = sorted(points, key=lambda p: float(p["level_pct"]))
    line = " ".join(f"{x(p['level_pct']):.1f},{y(p['irradiance_mw_cm2']):.1f}" for p in ordered)
    drawn.append(f'<polyline class="curve" points="{line}"/>')
    for p in ordered:
        here, half = p["irradiance_mw_cm2"], p["irradiance_mw_cm2"] * p["expanded_pct"] / 100
        at, low, high = x(p["level_pct"]), y(here - half), y(here + half)
        drawn.append(f'<path class="error-bar" d="M{at:.1f} {low:.1f}V{high:.1f}M{at - 6:.1f} {low:.1f}h12M{at - 6:.1f} {high:.1f}h12"/>')  # fmt: skip
        drawn.append(f'<circle class="point" cx="{at:.1f}" cy="{y(here):.1f}" r="4"/>')
    drawn.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end">{escape(tr("Level"))}</text>')
    drawn.append(f'<text x="{LEFT - 8}" y="12" text-anchor="end">mW/cm²</text>')
    name = escape(tr("Irradiance over level, with U (k=2)"))
    return f'<svg class="dose-chart calibration-curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}">{"".join(drawn)}</svg>'
