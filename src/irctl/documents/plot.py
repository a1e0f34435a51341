"""The graph of a session: irradiance above, skin temperature below, one time axis. SVG we write ourselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor

from irctl.documents.record import Pause, Sample
from irctl.documents.svg import HAIR, INK, QUIET, drawing, line, number, polyline, step_for, text

WIDTH, LEFT, RIGHT = 505.0, 24.0, 62.0
"""Points. The left margin holds the figures of an axis, the right one the names of the lines in it."""
FIRST_TOP, EMPTY_HEIGHT, BETWEEN, BOTTOM = 17.0, 22.0, 20.0, 14.0
PANEL_HEIGHT_MIN, PANEL_HEIGHT_MAX = 60.0, 96.0

SHADE = "#eef1f3"
IRRADIANCE, SKIN, LIMIT = "#1c5d79", "#9a4a21", "#a3262a"
TONES = {"alarm": "#a3262a", "attention": "#a86a00", "quiet": "#4d6b7c"}

GAP_S = 3.5
"""Samples come each second; a longer silence is drawn as a gap, not bridged by a line nobody measured."""


Points = Sequence[tuple[float, float | None]]
"""Seconds since first light, and the value then; None where it was not known."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something at a moment: `label` is its number in the list of happenings, `tone` one of TONES."""

    t_s: float
    label: str
    tone: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes: where it lies, what it spans, and what the level line in it means."""

    top: float
    height: float
    low: float
    high: float
    step: float
    title: str
    colour: str
    level: float
    level_name: str
    level_colour: str
    measured: Points
    estimated: Points
    empty: str

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def blank(self) -> bool:
        """Nothing was seen: then no axes either, for a limit nobody watched should not look watched."""
        return _blank([*self.measured, *self.estimated])

    def y(self, value: float) -> float:
        return self.bottom - self.height * (value - self.low) / (self.high - self.low)


def graph_svg(
    samples: Sequence[Sample],
    pauses: Sequence[Pause],
    marks: Sequence[Mark],
    *,
    prescribed_mw_cm2: float,
    skin_c_max: float,
    panel_height: float = PANEL_HEIGHT_MIN,
) -> str:
    """Irradiance in mW/cm² (dashed where it is the calibrated estimate) and skin temperature in °C over time.

    Times count from first light, in seconds; `panel_height` is in points.
    Raises ValueError without samples: then there is nothing to draw.
    """
    if not samples:
        raise ValueError("no samples, so no graph")
    end_s = max([samples[-1].t_s, 1.0, *(m.t_s for m in marks), *(p.to_s for p in pauses)])
    upper = _irradiance(samples, prescribed_mw_cm2, panel_height)
    panels = (upper, _skin(samples, skin_c_max, upper.bottom + BETWEEN, panel_height))
    time = _TimeAxis(end_s)
    parts = [
        *_shades(pauses, panels, time),
        *(part for panel in panels for part in _axes(panel, time)),
        *_marks(marks, panels, time),
        *(part for panel in panels for part in _curve(panel, time)),
        *time.labels(panels[-1].bottom),
    ]
    return drawing(WIDTH, panels[-1].bottom + BOTTOM, parts)


class _TimeAxis:
    def __init__(self, end_s: float) -> None:
        self.end_s = end_s
        self.unit_s, self.unit = (60.0, "min") if end_s >= 150 else (1.0, "s")
        self.step_s = step_for(end_s / self.unit_s, 8) * self.unit_s

    def x(self, t_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max(t_s, 0.0), self.end_s) / self.end_s

    def ticks(self) -> Iterator[float]:
        yield from (i * self.step_s for i in range(int(self.end_s / self.step_s) + 1))

    def labels(self, bottom: float) -> Iterator[str]:
        for tick in self.ticks():
            yield text(self.x(tick), bottom + 11, f"{tick / self.unit_s:g}", anchor="middle")
        yield text(WIDTH, bottom + 11, f"{self.unit} since first light", anchor="end", size=7.5)


def _irradiance(samples: Sequence[Sample], prescribed: float, height: float) -> Panel:
    measured, estimated = _by_source(samples, "measured"), _by_source(samples, "calibrated")
    top = max([prescribed, *(v for _, v in [*measured, *estimated] if v is not None)]) * 1.12
    step = step_for(top, 3)
    how = (
        "" if _blank(estimated) else " (estimated from the calibration)" if _blank(measured) else " (dashed: estimated)"
    )
    return Panel(
        top=FIRST_TOP,
        height=EMPTY_HEIGHT if _blank(measured) and _blank(estimated) else height,
        low=0.0,
        high=max(top, ceil(prescribed / step) * step),
        step=step,
        title=f"Irradiance, mW/cm²{how}",
        colour=IRRADIANCE,
        level=prescribed,
        level_name=f"prescribed {prescribed:g}",
        level_colour=INK,
        measured=measured,
        estimated=estimated,
        empty="No irradiance is on record.",
    )


def _by_source(samples: Sequence[Sample], source: str) -> Points:
    return [(s.t_s, s.irradiance_mw_cm2 if s.irradiance_source == source else None) for s in samples]


def _skin(samples: Sequence[Sample], limit_c: float, top: float, height: float) -> Panel:
    points = [(s.t_s, s.skin_c) for s in samples]
    known = [v for _, v in points if v is not None]
    low, high = floor(min([limit_c - 6, *known])), ceil(max([limit_c, *known]) + 0.6)
    return Panel(
        top=top,
        height=EMPTY_HEIGHT if _blank(points) else height,
        low=low,
        high=high,
        step=step_for(high - low, 4),
        title="Skin temperature, °C",
        colour=SKIN,
        level=limit_c,
        level_name=f"limit {limit_c:.1f}",
        level_colour=LIMIT,
        measured=points,
        estimated=(),
        empty="Not measured in this session.",
    )


def _axes(panel: Panel, time: _TimeAxis) -> Iterator[str]:
    right, bottom = WIDTH - RIGHT, panel.bottom
    yield text(0, panel.top - 6, panel.title, colour=INK, size=8.5)
    yield line(LEFT, bottom, right, bottom, QUIET, 0.6)
    for tick in time.ticks():
        yield line(time.x(tick), bottom, time.x(tick), bottom + 2.5, QUIET, 0.6)
    if panel.blank:
        yield text(
            (LEFT + right) / 2, panel.top + panel.height / 2 + 2, panel.empty, anchor="middle", size=9, italic=True
        )
        return
    for i in range(ceil(panel.low / panel.step), floor(panel.high / panel.step + 1e-9) + 1):
        y = panel.y(i * panel.step)
        if y < bottom - 0.1:
            yield line(LEFT, y, right, y, HAIR, 0.5)
        yield text(LEFT - 5, y + 2.6, f"{i * panel.step:g}", anchor="end")
    level = panel.y(panel.level)
    yield line(LEFT, level, right, level, panel.level_colour, 0.7, dash="4 2.5")
    yield text(right + 5, level + 2.6, panel.level_name, colour=panel.level_colour)


def _curve(panel: Panel, time: _TimeAxis) -> Iterator[str]:
    for series, dash in ((panel.measured, ""), (panel.estimated, "2.6 1.5")):
        for run in _runs(series):
            yield polyline(((time.x(t), panel.y(v)) for t, v in run), panel.colour, 1.1, dash)


def _blank(points: Points) -> bool:
    return all(value is None for _, value in points)


def _runs(points: Points) -> Iterator[list[tuple[float, float]]]:
    """The stretches that were seen without a gap; a lone reading becomes a dot (a line from itself to itself)."""
    run: list[tuple[float, float]] = []
    for t_s, value in points:
        if run and (value is None or t_s - run[-1][0] > GAP_S):
            yield run * 2 if len(run) == 1 else run
            run = []
        if value is not None:
            run.append((t_s, value))
    if run:
        yield run * 2 if len(run) == 1 else run


def _shades(pauses: Iterable[Pause], panels: Sequence[Panel], time: _TimeAxis) -> Iterator[str]:
    for pause in pauses:
        x, width = time.x(pause.from_s), time.x(pause.to_s) - time.x(pause.from_s)
        for panel in panels:
            size = f'width="{number(width)}" height="{number(panel.height)}"'
            yield f'<rect x="{number(x)}" y="{number(panel.top)}" {size} fill="{SHADE}"/>'
        if width > 30:
            yield text(x + width / 2, panels[0].top + panels[0].height * 0.55, "paused", anchor="middle", italic=True)


def _marks(marks: Sequence[Mark], panels: Sequence[Panel], time: _TimeAxis) -> Iterator[str]:
    """A line through both panels for each moment, with the numbers of what happened then in a flag on top."""
    for mark in marks:
        x = time.x(mark.t_s)
        for panel in panels:
            yield line(x, panel.top, x, panel.bottom, TONES[mark.tone], 0.7)
    for group in _groups(marks, time):
        first, last, tone = group[0].label, group[-1].label, _worst(group)
        label = first if len(group) == 1 else f"{first}–{last}"
        width = 5.5 + 4.2 * len(label)
        x = min(sum(time.x(m.t_s) for m in group) / len(group), WIDTH - width / 2)
        yield (
            f'<rect x="{number(x - width / 2)}" y="{number(FIRST_TOP - 13.5)}" width="{number(width)}" height="11" rx="5.5" '
            f'fill="{TONES[tone]}"/>'
        )
        yield text(x, FIRST_TOP - 5.4, label, anchor="middle", colour="#ffffff", bold=True)


def _groups(marks: Sequence[Mark], time: _TimeAxis) -> list[list[Mark]]:
    """Marks whose flags would touch share one."""
    groups: list[list[Mark]] = [[marks[0]]] if marks else []
    for before, mark in pairwise(marks):
        if time.x(mark.t_s) - time.x(before.t_s) < 20:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    return groups


def _worst(group: Sequence[Mark]) -> str:
    return min((m.tone for m in group), key=list(TONES).index)
