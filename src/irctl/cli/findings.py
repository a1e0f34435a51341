"""A calibration as a terminal shows it: the moving lines while it reads, each reading, and what a stage found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from irctl.cli import say

BAR_WIDTH = 28

View = dict[str, Any]


def picture(view: View) -> RenderableType:
    """The moving lines: step and progress, the reason while it waits, what the instruments say."""
    done, of = view["progress"]["done"], view["progress"]["of"]
    live = view["live"]
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=10)
    grid.add_column(width=BAR_WIDTH)
    grid.add_column()
    grid.add_row(
        Text(view["step"], style="bold yellow"),
        ProgressBar(total=of, completed=done, width=BAR_WIDTH),
        f"{done} of {of} readings",
    )
    level = live.get("level_pct")
    shown = [f"{level:g} %" if level is not None else "dark"]
    for name, word in (("meter_mw_cm2", "meter"), ("monitor_mw_cm2", "lamp's own")):
        if live.get(name) is not None:
            shown.append(f"{word} {live[name]:.2f} mW/cm²")
    return Group("", grid, Text(f"  {'   '.join(shown)}"), Text(f"  {view['now'] or ''}", style="dim"))


def reading_line(reading: View, view: View) -> str:
    monitor = "" if reading["monitor_mw_cm2"] is None else f"   lamp's own {reading['monitor_mw_cm2']:.2f}"
    return (
        f"  [dim]{reading['number']:>3} of {view['progress']['of']}[/]  {reading['level_pct']:>5g} %  {reading['distance_cm']:g} cm  "
        f"[bold]{reading['reading_mw_cm2']:8.3f}[/] mW/cm²{monitor}"
    )


def found(findings: View | None, title: str) -> RenderableType:
    """A stage's points, with U, and against the calibration in force."""
    if findings is None:
        return Text(f"{title}: readings are missing")
    errors = {e["level_pct"]: e for e in findings["errors"]}
    rows: list[Sequence[object]] = []
    for point in findings["points"]:
        error = errors.get(point["level_pct"])
        rows.append(
            (
                f"{point['level_pct']:g} %",
                f"{point['irradiance_mw_cm2']:.2f}",
                f"{point['expanded_pct']:.1f} %",
                f"{point['repeatability_pct']:.2f} %",
                None if error is None else f"{error['stated_mw_cm2']:.2f}",
                None if error is None else f"{error['error_pct']:+z.1f} %",
                "" if error is None else _coloured(error["decision"]),
            )
        )
    columns = (title, "mW/cm²", "U (k=2)", "repeats", "stated", "error", "")
    parts: list[RenderableType] = ["", say.table(columns, rows, right=columns[1:6])]
    if (verdict := findings["verdict"]) is not None:
        parts.append(
            f"{_coloured(verdict['decision'])}: {verdict['error_pct']:+z.1f} %, U {verdict['expanded_pct']:.1f} %, tolerance {verdict['tolerance_pct']:g} %  [dim]{verdict['rule']}[/]"
        )
    if (monitor := findings["monitor"]) is not None:
        parts.append(
            f"[dim]lamp's own radiometer: true = {monitor['factor']:.4f} × shown, U {monitor['expanded_pct']:.1f} %[/]"
        )
    return Group(*(Text.from_markup(p) if isinstance(p, str) else p for p in parts))


def _coloured(decision: str) -> str:
    colour = {"pass": "green", "warn": "yellow", "fail": "bold red"}[decision]
    return f"[{colour}]{decision}[/]"
