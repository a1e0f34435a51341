"""Pain and function against delivered dose, visit by visit, as SVG: drawn here, so that it needs no script and stays sharp on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from irctl.clinic.words import tr
from irctl.domain.course import NPRS_MAX

WIDTH, HEIGHT = 860, 340
LEFT, RIGHT, TOP, BOTTOM = 46, 62, 44, 48
BAR_SHARE = 0.5
LEAST_VISITS = 6
"""So that the first visit of a course is not as broad as the chart."""
SCALES_J_CM2 = (10, 20, 30, 40, 60, 80, 100, 150, 200, 300, 500, 1000)


@dataclass(frozen=True, slots=True)
class At:
    """One visit. Ratings 0 to 10 after it, doses J/cm²; None for what is not known."""

    number: int
    dose: tuple[float, float, float] | None
    """Least, best estimate, most."""
    nprs: int | None
    function: int | None


@dataclass(frozen=True, slots=True)
class Before:
    """What was rated before the course. `mcid`: the least change of pain that matters."""

    nprs: int
    function: int | None
    function_scale: str
    mcid: float


class _Plot:
    """Where a value is on the picture."""

    def __init__(self, visits: int, most_j_cm2: float) -> None:
        self.visits = max(visits, LEAST_VISITS)
        self.most = next((scale for scale in SCALES_J_CM2 if scale >= most_j_cm2), SCALES_J_CM2[-1])
        self.bottom = HEIGHT - BOTTOM
        self.step = (WIDTH - LEFT - RIGHT) / (self.visits + 1)

    def x(self, visit: float) -> float:
        """Visit 0 is before the course."""
        return LEFT + (visit + 0.5) * self.step

    def rated(self, rating: float) -> float:
        return self.bottom - rating / NPRS_MAX * (self.bottom - TOP)

    def dose(self, j_cm2: float) -> float:
        return self.bottom - min(j_cm2 / self.most, 1.0) * (self.bottom - TOP)


def course_chart(before: Before, visits: Sequence[At], planned: int | None) -> str:
    """The whole picture. Ratings are lines (pain: round marks, function: square ones on a dashed line), doses are bars with the interval they lie in."""
    most = max([at.dose[2] for at in visits if at.dose] or [0.0])
    plot = _Plot(max([planned or 0, *(at.number for at in visits)]), most)
    pain = [(0, before.nprs), *((at.number, at.nprs) for at in visits if at.nprs is not None)]
    function = [(at.number, at.function) for at in visits if at.function is not None]
    if before.function is not None:
        function = [(0, before.function), *function]
    title = tr("Pain, function and delivered dose by visit")
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title><desc>{escape(_said(before, visits))}</desc>",
        *_axes(plot),
        *(_bar(plot, at) for at in visits if at.dose),
        _matters(plot, before),
        _line(plot, function, "function", dict(pain), above_when_equal=False),
        _line(plot, pain, "pain", dict(function), above_when_equal=True),
        _legend(before.function_scale if function else ""),
        "</svg>",
    ]
    return "".join(parts)


def _said(before: Before, visits: Sequence[At]) -> str:
    """The chart for whoever cannot see it."""
    told = [tr("Before the course: pain {nprs}.", nprs=before.nprs)]
    for at in visits:
        dose = tr("dose not known") if at.dose is None else f"{at.dose[1]:.1f} J/cm²"
        nprs = "–" if at.nprs is None else f"{at.nprs}"
        told.append(tr("Visit {number}: {dose}, pain {nprs}.", number=at.number, dose=dose, nprs=nprs))
    return " ".join(told)


def _axes(plot: _Plot) -> list[str]:
    parts: list[str] = []
    for rating in range(0, NPRS_MAX + 1, 2):
        y = plot.rated(rating)
        parts.append(f'<line class="chart-grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        parts.append(_text(LEFT - 10, y + 5, f"{rating}", "end"))
        parts.append(_text(WIDTH - RIGHT + 10, y + 5, f"{plot.most * rating / NPRS_MAX:g}", "start"))
    parts.append(_text(plot.x(0), plot.bottom + 22, tr("before"), "middle"))
    every = 1 if plot.visits <= 16 else 2
    parts += [
        _text(plot.x(visit), plot.bottom + 22, f"{visit}", "middle") for visit in range(1, plot.visits + 1, every)
    ]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, tr("visit"), "middle", "chart-soft"))
    return parts


def _bar(plot: _Plot, at: At) -> str:
    assert at.dose is not None
    least, best, most = at.dose
    x, wide = plot.x(at.number), plot.step * BAR_SHARE
    top, low, high = plot.dose(best), plot.dose(least), plot.dose(most)
    return (
        f'<g class="chart-dose" data-visit="{at.number}"><title>{escape(_dose(at.number, at.dose))}</title>'
        f'<rect x="{x - wide / 2:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{plot.bottom - top:.1f}" rx="3"/>'
        f'<path d="M{x:.1f} {low:.1f}V{high:.1f}M{x - 5:.1f} {low:.1f}h10M{x - 5:.1f} {high:.1f}h10"/></g>'
    )


def _dose(number: int, dose: tuple[float, float, float]) -> str:
    least, best, most = dose
    return tr("Visit {number}: {best} J/cm² (between {least} and {most})",
              number=number, best=f"{best:.1f}", least=f"{least:.1f}", most=f"{most:.1f}")  # fmt: skip


def _matters(plot: _Plot, before: Before) -> str:
    """The pain at which the change is one that matters."""
    rating = before.nprs - before.mcid
    if rating < 0:
        return ""
    y = plot.rated(rating)
    words = tr("{points} less pain: matters", points=f"{before.mcid:g}")
    return (
        f'<line class="chart-matters" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        f"{_text(WIDTH - RIGHT - 4, y - 6, words, 'end', 'chart-soft')}"
    )


def _line(
    plot: _Plot, points: Sequence[tuple[int, int]], what: str, others: Mapping[int, int], *, above_when_equal: bool
) -> str:
    """Of two ratings of one visit the figure of the higher stands above it, that of the lower below: they never cover each other."""
    if not points:
        return ""
    path = "L".join(f"{plot.x(visit):.1f} {plot.rated(rating):.1f}" for visit, rating in points)
    marks: list[str] = []
    for visit, rating in points:
        x, y, other = plot.x(visit), plot.rated(rating), others.get(visit)
        above = other is None or rating > other or (rating == other and above_when_equal)
        marks += [_mark(x, y, what), _text(x, y - 13 if above else y + 24, f"{rating}", "middle", "chart-value")]
    return f'<g class="chart-{what}"><path d="M{path}"/>{"".join(marks)}</g>'


def _mark(x: float, y: float, what: str) -> str:
    if what == "pain":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7"/>'
    return f'<rect x="{x - 7.5:.1f}" y="{y - 7.5:.1f}" width="15" height="15"/>'


def _legend(function_scale: str) -> str:
    y = 16
    parts = [
        f'<g class="chart-pain"><path d="M{LEFT} {y}h34"/><circle cx="{LEFT + 17}" cy="{y}" r="7"/></g>',
        _text(LEFT + 44, y + 5, tr("Pain, 0 to 10"), "start"),
        f'<g class="chart-dose"><rect x="{LEFT + 190}" y="{y - 8}" width="22" height="16" rx="3"/></g>',
        _text(LEFT + 222, y + 5, tr("Delivered dose, J/cm² (right scale)"), "start"),
    ]
    if function_scale:
        x = LEFT + 512
        parts += [
            f'<g class="chart-function"><path d="M{x} {y}h34"/><rect x="{x + 11}" y="{y - 6}" width="12" height="12"/></g>',
            _text(x + 44, y + 5, f"{function_scale[:24]}{'…' if len(function_scale) > 24 else ''}, 0–10", "start"),
        ]
    return "".join(parts)


def _text(x: float, y: float, text: str, anchor: str, classes: str = "") -> str:
    named = f' class="{classes}"' if classes else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
