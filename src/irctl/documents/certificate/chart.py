"""The chart of a certificate: level against irradiance with U, the curve, the one before; under it the errors against their tolerance.

Told apart by shape and dash, not by colour alone: certificates are copied in black and white.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from irctl.documents.svg import HAIR, INK, QUIET, bar, circle, drawing, line, polyline, step_for, text

WIDTH, LEFT, RIGHT = 505.0, 26.0, 8.0
CURVE_TOP, CURVE_HEIGHT, BETWEEN, ERROR_HEIGHT, BOTTOM = 19.0, 150.0, 25.0, 66.0, 15.0
BLUE = "#1c5d79"
CURVE_STEPS = 60
APART = 1.6
"""Points by which as found and as left stand aside from each other, so that both bars are seen."""


@dataclass(frozen=True, slots=True)
class Plotted:
    """One level: a value and its expanded uncertainty (k=2), in the panel's unit."""

    level_pct: float
    value: float
    expanded: float


Curve = Callable[[float], float | None]
"""Irradiance at a level; None outside it."""


def chart_svg(
    found: Sequence[Plotted],
    left: Sequence[Plotted],
    curve: Curve,
    before: Curve | None,
    errors: Sequence[Plotted],
    tolerance_pct: float,
) -> str:
    """Irradiance (mW/cm²) as found and, where it was adjusted, as left (`left` may be empty); errors as found in % of the calibration before."""
    parts = [*_upper(found, left, curve, before, labelled=not errors)]
    height = CURVE_TOP + CURVE_HEIGHT
    if errors:
        parts += _lower(errors, tolerance_pct, height + BETWEEN)
        height += BETWEEN + ERROR_HEIGHT
    return drawing(WIDTH, height + BOTTOM, parts)


def _x(level_pct: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * level_pct / 100.0


def _upper(
    found: Sequence[Plotted], left: Sequence[Plotted], curve: Curve, before: Curve | None, *, labelled: bool
) -> Iterator[str]:
    points = [*found, *left]
    step = step_for(max(p.value + p.expanded for p in points), 5)
    high = step * (int(max(p.value + p.expanded for p in points) / step) + 1)
    bottom = CURVE_TOP + CURVE_HEIGHT

    def y(value: float) -> float:
        return bottom - CURVE_HEIGHT * value / high

    yield text(0, 8, "Irradiance, mW/cm²", colour=INK, size=8.5)
    yield from _legend(adjusted=bool(left), before=before is not None)
    for i in range(round(high / step) + 1):
        yield line(LEFT, y(i * step), WIDTH - RIGHT, y(i * step), HAIR if i else QUIET, 0.5)
        yield text(LEFT - 5, y(i * step) + 2.6, f"{i * step:g}", anchor="end")
    yield from _levels(bottom, labelled=labelled)
    if before is not None:
        yield polyline(_drawn(before, y), QUIET, 0.9, "1 2.4")
    yield polyline(_drawn(curve, y), BLUE, 1.2)
    for point in found:
        x = _x(point.level_pct) - (APART if left else 0.0)
        yield bar(x, y(point.value - point.expanded), y(point.value + point.expanded), INK)
        yield circle(x, y(point.value), 2.1, "#ffffff", INK) if left else circle(x, y(point.value), 2.1, BLUE, BLUE)
    for point in left:
        x = _x(point.level_pct) + APART
        yield bar(x, y(point.value - point.expanded), y(point.value + point.expanded), BLUE)
        yield circle(x, y(point.value), 2.1, BLUE, BLUE)


def _legend(*, adjusted: bool, before: bool) -> Iterator[str]:
    x = WIDTH - RIGHT
    if before:
        x -= 112
        yield polyline([(x, 5.4), (x + 16, 5.4)], QUIET, 0.9, "1 2.4")
        yield text(x + 20, 8, "calibration before this", size=8)
    if adjusted:
        x -= 58
        yield circle(x + 8, 5.4, 2.1, "#ffffff", INK)
        yield text(x + 14, 8, "as found", size=8)
    x -= 106
    yield polyline([(x, 5.4), (x + 16, 5.4)], BLUE, 1.2)
    yield circle(x + 8, 5.4, 2.1, BLUE, BLUE)
    yield text(x + 20, 8, "as left, and its curve" if adjusted else "as found = as left", size=8)


def _drawn(curve: Curve, y: Callable[[float], float]) -> list[tuple[float, float]]:
    levels = (100.0 * i / CURVE_STEPS / 2 for i in range(2 * CURVE_STEPS + 1))
    return [(_x(level), y(value)) for level in levels if (value := curve(level)) is not None]


def _lower(errors: Sequence[Plotted], tolerance_pct: float, top: float) -> Iterator[str]:
    most = 1.08 * max(tolerance_pct, *(abs(e.value) + e.expanded for e in errors))
    step = step_for(2 * most, 4)
    middle, bottom = top + ERROR_HEIGHT / 2, top + ERROR_HEIGHT

    def y(value: float) -> float:
        return middle - ERROR_HEIGHT / 2 * value / most

    yield text(
        0,
        top - 7,
        "Error as found against the calibration before, % (bars: U, k = 2; dashed: tolerance)",
        colour=INK,
        size=8.5,
    )
    for i in range(-int(most / step), int(most / step) + 1):
        yield line(LEFT, y(i * step), WIDTH - RIGHT, y(i * step), HAIR if i else QUIET, 0.5)
        yield text(
            LEFT - 5, y(i * step) + 2.6, f"{i * step:+g}".replace("-", "\N{MINUS SIGN}") if i else "0", anchor="end"
        )
    for limit in (-tolerance_pct, tolerance_pct):
        yield line(LEFT, y(limit), WIDTH - RIGHT, y(limit), INK, 0.8, dash="5 3")
    yield line(LEFT, bottom, WIDTH - RIGHT, bottom, QUIET, 0.5)
    yield from _levels(bottom)
    for error in errors:
        x = _x(error.level_pct)
        yield bar(x, y(error.value - error.expanded), y(error.value + error.expanded), INK)
        yield circle(x, y(error.value), 2.1, "#ffffff", INK)


def _levels(bottom: float, *, labelled: bool = True) -> Iterator[str]:
    for level in range(0, 101, 20):
        yield line(_x(level), bottom, _x(level), bottom + 2.5, QUIET, 0.6)
        if labelled:
            words = f"{level} %" if level else "level 0 %"
            x, anchor = (WIDTH - RIGHT + 4, "end") if level == 100 else (_x(level), "middle")
            yield text(x, bottom + 11, words, anchor=anchor)
