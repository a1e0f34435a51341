"""The drift of one lamp, at one level or over all of them, as a graph and as a page: evidence with U, ageing and its forecast, the control chart under it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, exp, sqrt
from typing import Any, Self

from irctl.documents.figures import date, nearest, signed, significant
from irctl.documents.printed import NOT_CERTIFIED, View, visible
from irctl.documents.svg import HAIR, INK, QUIET, area, bar, circle, drawing, line, polyline, step_for, text
from irctl.documents.typesetting import TEMPLATES, TypesettingError, typeset
from irctl.domain.drift import EWMA_WEIGHT, ChartRule, ControlChart, Evidence, Kind, control_chart
from irctl.domain.forecast import Ageing, ageing, forecast

TEMPLATE = TEMPLATES / "drift.typ"
WIDTH, LEFT, RIGHT = 505.0, 30.0, 52.0
TOP, RATIO_HEIGHT, BETWEEN, CHART_HEIGHT, BOTTOM = 20.0, 150.0, 36.0, 120.0, 26.0
BLUE, BAND = "#1c5d79", "#dfe9ee"
BAND_STEPS = 40
AHEAD = 0.35
"""Of the hours seen: so far the forecast is drawn at most, unless it leaves the tolerance sooner."""
SIGMA_SHOWN = 3.0
LABEL_HEIGHT = 8.0
SIGNALS = {
    ChartRule.BEYOND_3_SIGMA: "beyond 3 σ",
    ChartRule.TWO_OF_THREE: "2 of 3",
    ChartRule.FOUR_OF_FIVE: "4 of 5",
    ChartRule.EIGHT_ONE_SIDE: "8 on a side",
    ChartRule.SIX_TRENDING: "6 trending",
    ChartRule.EWMA: "EWMA",
}
"""Short, for a row; the page explains them."""
KINDS = {Kind.CALIBRATION: "calibration", Kind.CHECK: "check", Kind.SESSION: "session"}


class DriftError(ValueError):
    """There is nothing to draw, or it cannot be printed; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class LampDrift:
    """What is known of one lamp. `level_pct`: None for evidence of every level. `evidence`: in order of time. `hours_per_day`: how much the lamp is used.

    `at`: when this is told, at so many `lamp_hours`; None: those of the last evidence.
    """

    station: str
    simulated: bool
    lamp: str
    serial: str
    level_pct: float | None
    tolerance_pct: float
    hours_per_day: float
    evidence: tuple[Evidence, ...]
    at: datetime
    lamp_hours: float | None = None

    @classmethod
    def of(cls, told: Mapping[str, Any], station: str, simulated: bool, level_pct: float | None) -> Self:
        """Of what a controller tells (GET /v1/lamps/NAME/drift): the evidence of this level, or of all."""
        seen = (e for e in told["evidence"] if level_pct in (None, e["level_pct"]))
        evidence = tuple(
            Evidence(datetime.fromisoformat(e["at"]), e["lamp_hours"], e["ratio"], e["expanded_pct"], Kind(e["kind"]))
            for e in seen
        )
        about = (told["lamp"], told["serial"], level_pct, told["tolerance_pct"], told["hours_per_day"])
        return cls(station, simulated, *about, evidence, datetime.fromisoformat(told["at"]), told["lamp_hours"])

    @property
    def level(self) -> str:
        return "all levels" if self.level_pct is None else f"level {self.level_pct:g} %"


def drift_pdf(told: LampDrift) -> bytes:
    """One page or more, the same bytes for the same evidence. Raises DriftError."""
    files = {"view.json": json.dumps(view(told), ensure_ascii=False).encode(), "chart.svg": drift_svg(told).encode()}
    try:
        return typeset(TEMPLATE, files)
    except TypesettingError as error:
        raise DriftError(f"lamp {told.lamp}: its drift cannot be printed: {error}") from error


def view(told: LampDrift) -> View:
    """What the template prints, as plain JSON values."""
    chart = control_chart(told.evidence)
    ahead = forecast(told.evidence, told.tolerance_pct, told.hours_per_day, told.lamp_hours)
    aged = ageing(told.evidence)
    at = told.at.astimezone(UTC)
    signals: dict[int, list[str]] = {}
    for signal in chart.signals:
        signals.setdefault(signal.index, []).append(SIGNALS[signal.rule])
    last = told.evidence[-1] if told.evidence else None
    return visible(
        {
            "station": told.station,
            "simulated": told.simulated,
            "lamp": told.lamp,
            "date": date(at),
            "facts": [
                ["Lamp", told.lamp],
                ["Serial", told.serial],
                ["Level", "all" if told.level_pct is None else f"{told.level_pct:g} %"],
                ["Tolerance", f"±{told.tolerance_pct:g} % of the calibration"],
                ["Evidence", f"{len(told.evidence)} comparisons"],
                ["Used", f"{told.hours_per_day:.1f} h a day"],
            ],
            "now": "–" if last is None else f"{signed(100.0 * (last.ratio - 1.0), 1)} %",
            "now_note": ""
            if last is None
            else f"U {significant(last.expanded_pct)[0]} % (k = 2), {date(last.at.astimezone(UTC))}, at {last.lamp_hours:.0f} lamp-hours",
            "forecast": ahead.text[:1].upper() + ahead.text[1:] + ".",
            "ageing": "" if aged is None else _ageing(aged),
            "alt": _alt(told, chart),
            "signals": len(signals),
            "rows": [
                {
                    "cells": [
                        str(number),
                        f"{e.at.astimezone(UTC):%Y-%m-%d %H:%M}",
                        nearest(e.lamp_hours, 1),
                        KINDS[e.kind],
                        signed(100.0 * (e.ratio - 1.0), 2),
                        significant(e.expanded_pct)[0],
                        signed(z, 2),
                        signed(average, 2),
                    ],
                    "signals": "; ".join(signals.get(number - 1, [])),
                }
                for number, (e, z, average) in enumerate(zip(told.evidence, chart.z, chart.ewma, strict=True), start=1)
            ],
            "notice": NOT_CERTIFIED,
        }
    )


def _ageing(aged: Ageing) -> str:
    per_100_h = 100.0 * (exp(100.0 * aged.rate_per_hour) - 1.0)
    u = 100.0 * 100.0 * aged.quantile * sqrt(aged.rate_variance)
    return f"Ageing {signed(per_100_h, 2)} % in 100 lamp-hours, ± {nearest(u, 2)} % (95 %)."


def _alt(told: LampDrift, chart: ControlChart) -> str:
    return (
        f"Ratio to the calibration over lamp-hours at {told.level}, {len(told.evidence)} comparisons, tolerance ±{told.tolerance_pct:g} %; "
        f"control chart with {len({s.index for s in chart.signals})} signals."
    )


# --- the graph -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Axis:
    """Lamp-hours to points."""

    low: float
    high: float

    def x(self, hours: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (hours - self.low) / (self.high - self.low)


def drift_svg(told: LampDrift) -> str:
    """Ratio (%) with U, tolerance, ageing and the band of its forecast (95 %); under it each deviation in σ with the EWMA and its limits. Raises DriftError."""
    if not told.evidence:
        raise DriftError(f"lamp {told.lamp}: no evidence, so no graph")
    chart, aged = control_chart(told.evidence), ageing(told.evidence)
    axis = _axis(told)
    lower = TOP + RATIO_HEIGHT + BETWEEN
    parts = [*_ratios(told, aged, axis), *_control(told, chart, axis, lower), *_hours(told, axis, lower + CHART_HEIGHT)]
    return drawing(WIDTH, lower + CHART_HEIGHT + BOTTOM, parts)


def _axis(told: LampDrift) -> _Axis:
    hours = [e.lamp_hours for e in told.evidence]
    seen = max(max(hours) - min(hours), 10.0)
    return _Axis(min(hours) - 0.03 * seen, max(hours) + AHEAD * seen)


def _ratios(told: LampDrift, aged: Ageing | None, axis: _Axis) -> Iterator[str]:
    spans = [abs(100.0 * (e.ratio - 1.0)) + e.expanded_pct for e in told.evidence]
    most = 1.1 * max(told.tolerance_pct, *spans)
    y = _scale(TOP, RATIO_HEIGHT, most)
    yield text(
        0,
        8,
        "Deviation from the calibration, % (bars: U, k = 2; dashed: tolerance; band: ageing and its forecast, 95 %)",
        colour=INK,
        size=8.5,
    )
    if aged is not None:
        centre, band = _band(aged, axis)
        clip = [(axis.x(h), y(max(-most, min(most, v)))) for h, v in band]
        yield area(clip, BAND)
        yield from _grid(TOP, RATIO_HEIGHT, most, y)
        yield polyline([(axis.x(h), y(v)) for h, v in centre if abs(v) <= most], BLUE, 1.0, "7 2 1.5 2")
        last = axis.x(told.evidence[-1].lamp_hours)
        yield line(last, TOP, last, TOP + RATIO_HEIGHT, QUIET, 0.5, dash="1.5 2")
        yield text(last + 3, TOP + 7, "forecast", size=7.5, italic=True)
    else:
        yield from _grid(TOP, RATIO_HEIGHT, most, y)
    for limit in (-told.tolerance_pct, told.tolerance_pct):
        yield line(LEFT, y(limit), WIDTH - RIGHT, y(limit), INK, 0.8, dash="5 3")
        yield text(WIDTH - RIGHT + 5, y(limit) + 2.6, "tolerance", colour=INK)
    for e in told.evidence:
        value = 100.0 * (e.ratio - 1.0)
        yield bar(axis.x(e.lamp_hours), y(value - e.expanded_pct), y(value + e.expanded_pct), INK)
        yield circle(axis.x(e.lamp_hours), y(value), 2.1, *_look(e.kind))


def _look(kind: Kind) -> tuple[str, str]:
    """Fill and edge: a calibration is full, a check is open, a session is grey."""
    return {Kind.CALIBRATION: (INK, INK), Kind.CHECK: ("#ffffff", INK), Kind.SESSION: ("#c3cad0", QUIET)}[kind]


def _band(aged: Ageing, axis: _Axis) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """The fitted line and the outline of its interval, in % over lamp-hours."""
    hours = [axis.low + (axis.high - axis.low) * i / BAND_STEPS for i in range(BAND_STEPS + 1)]

    def half(h: float) -> float:
        since = h - aged.from_hours
        return aged.quantile * sqrt(
            max(0.0, aged.intercept_variance + 2.0 * since * aged.covariance + since**2 * aged.rate_variance)
        )

    centre = [(h, 100.0 * (aged.ratio_at(h) - 1.0)) for h in hours]
    upper = [(h, 100.0 * (aged.ratio_at(h) * exp(half(h)) - 1.0)) for h in hours]
    lower = [(h, 100.0 * (aged.ratio_at(h) * exp(-half(h)) - 1.0)) for h in hours]
    return centre, [*upper, *reversed(lower)]


def _control(told: LampDrift, chart: ControlChart, axis: _Axis, top: float) -> Iterator[str]:
    most = 1.08 * max(SIGMA_SHOWN, *(abs(z) for z in (*chart.z, *chart.ewma)))
    y = _scale(top, CHART_HEIGHT, most)
    title = f"Control chart: each deviation in multiples of its own σ; line: moving average (EWMA, λ = {EWMA_WEIGHT:g}) with its limits; square: a signal"
    yield text(0, top - 8, title, colour=INK, size=8.5)
    yield from _grid(top, CHART_HEIGHT, most, y)
    for sigma, dash in ((1.0, "1 3"), (2.0, "3 3"), (3.0, "6 2.5")):
        for limit in (-sigma, sigma):
            yield line(LEFT, y(limit), WIDTH - RIGHT, y(limit), INK if sigma == SIGMA_SHOWN else QUIET, 0.6, dash=dash)
        if sigma == SIGMA_SHOWN or y(0.0) - y(1.0) > LABEL_HEIGHT:
            yield text(WIDTH - RIGHT + 5, y(sigma) + 2.6, f"+{sigma:g} σ")
            yield text(WIDTH - RIGHT + 5, y(-sigma) + 2.6, f"\N{MINUS SIGN}{sigma:g} σ")
    xs = [axis.x(e.lamp_hours) for e in told.evidence]
    for side in (1.0, -1.0):
        yield polyline(
            [(x, y(side * limit)) for x, limit in zip(xs, chart.ewma_limit, strict=True)], BLUE, 0.6, "1.5 1.5"
        )
    yield polyline([(x, y(value)) for x, value in zip(xs, chart.ewma, strict=True)], BLUE, 1.3)
    signalled = {signal.index for signal in chart.signals}
    for index, (x, z, e) in enumerate(zip(xs, chart.z, told.evidence, strict=True)):
        if index in signalled:
            yield polyline(
                [(x - 4, y(z) - 4), (x + 4, y(z) - 4), (x + 4, y(z) + 4), (x - 4, y(z) + 4), (x - 4, y(z) - 4)],
                INK,
                0.9,
            )
        yield circle(x, y(z), 1.9, *_look(e.kind))


def _hours(told: LampDrift, axis: _Axis, bottom: float) -> Iterator[str]:
    step = step_for(axis.high - axis.low, 8)
    tick = step * ceil(axis.low / step)
    while tick <= axis.high:
        yield line(axis.x(tick), bottom, axis.x(tick), bottom + 2.5, QUIET, 0.6)
        yield text(axis.x(tick), bottom + 11, f"{tick:g}", anchor="middle")
        tick += step
    yield text(WIDTH, bottom + 11, "lamp-hours", anchor="end")
    first, last = told.evidence[0], told.evidence[-1]
    yield text(axis.x(first.lamp_hours), bottom + 21, f"{first.at.astimezone(UTC):%Y-%m-%d}", size=7.5)
    yield text(axis.x(last.lamp_hours), bottom + 21, f"{last.at.astimezone(UTC):%Y-%m-%d}", anchor="middle", size=7.5)


def _scale(top: float, height: float, most: float) -> Callable[[float], float]:
    """Values from −most to most over the height of a panel."""
    return lambda value: top + height / 2.0 * (1.0 - value / most)


def _grid(top: float, height: float, most: float, y: Callable[[float], float]) -> Iterator[str]:
    step = step_for(2.0 * most, 6)
    for i in range(-int(most / step), int(most / step) + 1):
        yield line(LEFT, y(i * step), WIDTH - RIGHT, y(i * step), HAIR if i else QUIET, 0.5)
        yield text(
            LEFT - 5, y(i * step) + 2.6, f"{i * step:+g}".replace("-", "\N{MINUS SIGN}") if i else "0", anchor="end"
        )
    yield line(LEFT, top + height, WIDTH - RIGHT, top + height, QUIET, 0.5)
