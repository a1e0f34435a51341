"""The few marks that our graphs are made of, as SVG we write ourselves. Lengths are points."""

from __future__ import annotations

from collections.abc import Iterable
from math import floor, log10

INK, QUIET, HAIR = "#1d2730", "#68737d", "#e3e7ea"


def drawing(width: float, height: float, parts: Iterable[str]) -> str:
    size = f"0 0 {number(width)} {number(height)}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" font-family="Libertinus Serif">'
    return "\n".join([head, *parts, "</svg>"])


def step_for(span: float, about: int) -> float:
    """A round step (1, 2 or 5 times a power of ten) that gives at most about this many ticks."""
    raw = span / about
    power = 10.0 ** floor(log10(raw))
    return next((m * power for m in (1, 2, 5) if m * power >= raw * 0.999), 10 * power)


def line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float, dash: str = "") -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    ends = f'x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{number(width)}"{dashes}/>'


def text(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    colour: str = QUIET,
    size: float = 8.0,
    italic: bool = False,
    bold: bool = False,
) -> str:
    """Only words and figures of our own come here: no text of the record, so nothing needs escaping."""
    style = (' font-style="italic"' if italic else "") + (' font-weight="700"' if bold else "")
    where = f'x="{number(x)}" y="{number(y)}" font-size="{number(size)}" text-anchor="{anchor}"'
    return f'<text {where} fill="{colour}"{style}>{words}</text>'


def number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def polyline(points: Iterable[tuple[float, float]], colour: str, width: float, dash: str = "") -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    joined = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    return (
        f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="{number(width)}" '
        f'stroke-linejoin="round" stroke-linecap="round"{dashes}/>'
    )


def area(points: Iterable[tuple[float, float]], fill: str) -> str:
    """A filled outline."""
    joined = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    return f'<polygon points="{joined}" fill="{fill}"/>'


def circle(x: float, y: float, radius: float, fill: str, stroke: str) -> str:
    where = f'cx="{number(x)}" cy="{number(y)}" r="{number(radius)}"'
    return f'<circle {where} fill="{fill}" stroke="{stroke}" stroke-width="0.9"/>'


def bar(x: float, low_y: float, high_y: float, colour: str) -> str:
    """An error bar with its caps, upright."""
    path = f"M{number(x)} {number(low_y)}V{number(high_y)}M{number(x - 2)} {number(low_y)}h4M{number(x - 2)} {number(high_y)}h4"
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="0.8"/>'
