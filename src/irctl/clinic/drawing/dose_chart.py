"""The dose by visit, drawn: bars of J/cm² under the session's ceiling, each step with its irradiance and its time."""

from __future__ import annotations

from html import escape

from irctl.clinic.words import tr
from irctl.domain.protocols import Protocol

WIDTH, HEIGHT = 640, 250
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 34, 30
BAR_WRITTEN_IN_MIN = 38
BARS_LABELLED_MAX = 24
"""More numbers than this under the bars would touch each other: then every fifth is written."""


def dose_chart(protocol: Protocol) -> str:
    """Inline SVG; its colours are the style sheet's."""
    visits = protocol.course.visits
    doses = [protocol.dose_of(visit) for visit in range(1, visits + 1)]
    ceiling = protocol.limits.fluence_j_cm2_max
    top = max([dose.fluence_j_cm2 for dose in doses] + ([ceiling] if ceiling else [])) * 1.05
    wide = (WIDTH - LEFT - RIGHT) / visits

    def y(fluence: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - fluence / top)

    parts: list[str] = []
    for mark in _marks(top):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(mark):.1f}" y2="{y(mark):.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(mark) + 4:.1f}" text-anchor="end">{mark:g}</text>')
    for visit, dose in enumerate(doses, 1):
        x = LEFT + wide * (visit - 1)
        high = HEIGHT - BOTTOM - y(dose.fluence_j_cm2)
        parts.append(
            f'<rect class="bar" x="{x + wide * 0.12:.1f}" y="{y(dose.fluence_j_cm2):.1f}" width="{wide * 0.76:.1f}" height="{high:.1f}" rx="2"/>'
        )
        if visits <= BARS_LABELLED_MAX or visit % 5 == 0 or visit == 1:
            parts.append(f'<text x="{x + wide / 2:.1f}" y="{HEIGHT - 12}" text-anchor="middle">{visit}</text>')
    steps = [step for step in protocol.steps if step.from_visit <= visits]
    for step in steps:
        # In the bar where it is wide enough: over it could be the ceiling.
        inside = wide >= BAR_WRITTEN_IN_MIN
        at = y(step.dose.fluence_j_cm2) + (18 if inside else -6)
        x = LEFT + wide * (step.from_visit - 0.5)
        said = f"{step.dose.fluence_j_cm2:g}"
        parts.append(
            f'<text class="{"inside" if inside else "strong"}" x="{x:.1f}" y="{at:.1f}" text-anchor="middle">{said}</text>'
        )
    if ceiling:
        parts.append(
            f'<line class="ceiling" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(ceiling):.1f}" y2="{y(ceiling):.1f}"/>'
        )
        said = escape(tr("session ceiling {value} J/cm²", value=f"{ceiling:g}"))
        parts.append(
            f'<text class="limit" x="{WIDTH - RIGHT}" y="{y(ceiling) - 6:.1f}" text-anchor="end">{said}</text>'
        )
    about = escape(
        tr("Dose by visit: {steps}", steps="; ".join(f"{s.from_visit}: {s.dose}" for s in steps)), quote=True
    )
    return (
        f'<svg class="dose-chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{about}">'
        f'<text x="0" y="14">J/cm²</text>{"".join(parts)}</svg>'
    )


def _marks(top: float) -> list[float]:
    """Three to six round figures from 0 up."""
    for step in (1, 2, 5, 10, 20, 50, 100, 200):
        if top / step <= 6:
            return [step * n for n in range(int(top / step) + 1)]
    return [0.0]
