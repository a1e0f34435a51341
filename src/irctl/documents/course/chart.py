"""Pain, function and the delivered dose by visit, in one picture: SVG we write ourselves. Lengths are points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil

from irctl.documents.dossier import Dossier, Visit
from irctl.documents.svg import HAIR, INK, QUIET, circle, drawing, line, polyline, step_for, text

WIDTH, LEFT, RIGHT = 505.0, 24.0, 62.0
TOP, HEIGHT, BETWEEN, BOTTOM = 16.0, 84.0, 26.0, 24.0
PAIN, FUNCTION, DOSE, INTERVAL, WHITE = "#9a4a21", "#2c6a4c", "#1c5d79", "#a9cbd8", "#ffffff"
RATING_MAX = 10
"""NPRS and PSFS end here; another scale's axis ends at its highest rating."""
LABELS_MAX = 16


@dataclass(frozen=True, slots=True)
class _Series:
    """Ratings over the places of visits; place 0 is before the course."""

    name: str
    colour: str
    fill: str
    dash: str
    points: tuple[tuple[int, int], ...]


def course_svg(dossier: Dossier) -> str:
    """Ratings above, dose below (a band for the delivered interval, dashed for what was prescribed). Raises ValueError without a visit with light."""
    given = dossier.given
    if not given:
        raise ValueError("no visit with light, so no chart")
    across = (WIDTH - LEFT - RIGHT) / (len(given) + 0.6)

    def x(place: int) -> float:
        return LEFT + across * (place + 0.3)

    second = TOP + HEIGHT + BETWEEN
    height = second + HEIGHT + BOTTOM
    return drawing(WIDTH, height, [*_ratings(dossier, given, x), *_doses(given, x, second), *_visits(given, x, second)])


def _ratings(dossier: Dossier, given: tuple[Visit, ...], x: Callable[[int], float]) -> Iterator[str]:
    pain = [(0, dossier.plan.baseline_nprs), *((i, v.after.nprs) for i, v in enumerate(given, 1) if v.after)]
    function = [] if dossier.plan.baseline_function is None else [(0, dossier.plan.baseline_function)]
    function += [(i, v.after.function) for i, v in enumerate(given, 1) if v.after and v.after.function is not None]
    most = max(RATING_MAX, *(value for _, value in (*pain, *function)))
    y = _scale(TOP, most)
    yield text(0, 8, "Pain and function after each visit", colour=INK, size=8.5)
    yield from _grid(TOP, most, y)
    series = [
        _Series("pain", PAIN, PAIN, "", tuple(pain)),
        _Series("function", FUNCTION, WHITE, "4 2", tuple(function)),
    ]
    shown = [one for one in series if one.points]
    ends = _apart([y(one.points[-1][1]) for one in shown])
    for one, end in zip(shown, ends, strict=True):
        placed = [(x(place), y(value)) for place, value in one.points]
        yield polyline(placed, one.colour, 1.2, one.dash)
        for at in placed:
            yield circle(*at, 2.2, one.fill, one.colour)
        yield text(WIDTH - RIGHT + 5, end + 2.6, f"{one.name} {one.points[-1][1]}", colour=one.colour)


def _doses(given: tuple[Visit, ...], x: Callable[[int], float], top: float) -> Iterator[str]:
    ends = [(i, v.fluence_j_cm2, v.note.ending.delivered) for i, v in enumerate(given, 1) if v.note]
    most = 1.1 * max(max(prescribed, got.max_j_cm2) for _, prescribed, got in ends)
    y = _scale(top, most)
    yield text(
        0, top - 8, "Delivered dose, J/cm² (band: its interval, k = 2; dashed: prescribed)", colour=INK, size=8.5
    )
    yield from _grid(top, most, y)
    for place, prescribed, got in ends:
        at = x(place)
        yield line(at, y(got.min_j_cm2), at, y(got.max_j_cm2), INTERVAL, 9.0)
        yield line(at - 4.5, y(got.best_j_cm2), at + 4.5, y(got.best_j_cm2), DOSE, 1.4)
        yield line(at - 8, y(prescribed), at + 8, y(prescribed), INK, 0.8, "2 1.2")


def _visits(given: tuple[Visit, ...], x: Callable[[int], float], top: float) -> Iterator[str]:
    bottom = top + HEIGHT
    every = ceil((len(given) + 1) / LABELS_MAX)
    yield text(x(0), bottom + 11, "before", anchor="middle")
    for place, visit in enumerate(given, 1):
        if place % every and place != len(given):
            continue
        yield text(x(place), bottom + 11, str(visit.number or "–"), anchor="middle")
        yield text(x(place), bottom + 20, f"{visit.at.day} {visit.at:%b}", anchor="middle", size=6.5)
    yield text(WIDTH, bottom + 11, "visit", anchor="end")


def _apart(ys: list[float], gap: float = 9.0) -> list[float]:
    """Two names do not stand on each other."""
    if len(ys) < 2 or abs(ys[0] - ys[1]) >= gap:
        return ys
    middle, sign = (ys[0] + ys[1]) / 2, 1 if ys[0] <= ys[1] else -1
    return [middle - sign * gap / 2, middle + sign * gap / 2]


def _scale(top: float, most: float) -> Callable[[float], float]:
    return lambda value: top + HEIGHT * (1.0 - value / most)


def _grid(top: float, most: float, y: Callable[[float], float]) -> Iterator[str]:
    step = step_for(most, 5)
    for i in range(int(most / step) + 1):
        yield line(LEFT, y(i * step), WIDTH - RIGHT, y(i * step), HAIR if i else QUIET, 0.5)
        yield text(LEFT - 5, y(i * step) + 2.6, f"{i * step:g}", anchor="end")
