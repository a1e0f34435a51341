"""What commands print: figures with their units, tables, problems with every reason; on stdout JSON and nothing else where asked."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from irctl.domain.problems import Problem

NOTICE = "irctl is not a certified medical device."
PIPE_WIDTH = 160
"""Nobody's terminal sets the width of a pipe or a log."""

View = dict[str, Any]


def console(*, stderr: bool = False) -> Console:
    """Where people read: colours and width where there is a terminal, plain lines where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(stderr=stderr, highlight=False, width=width)


def as_json(value: object) -> None:
    """The machine's answer, on one line."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> Table:
    """A quiet table: no frame, names above, figures to the right."""
    made = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim", show_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, str) else "–" if cell is None else str(cell) for cell in row))
    return made


def problems_table(problems: Sequence[Problem]) -> Table:
    """Every problem with its field, value, what is wrong and the remedy."""
    rows = [
        [escape(p.field), escape(_value(p.value)), escape(p.limit), f"[dim]→[/] {escape(p.remedy)}"] for p in problems
    ]
    return table(("field", "value", "what is wrong", "remedy"), rows)


def problems_json(problems: Sequence[Problem]) -> list[View]:
    return [p.as_dict() for p in problems]


def places(prescribed_j_cm2: float) -> int:
    """Decimals that doses around this one are told with."""
    return 2 if prescribed_j_cm2 >= 1 else 3


def dose(value: float, prescribed_j_cm2: float) -> str:
    """A dose without its unit, as fine as its prescription asks for."""
    return f"{value:.{places(prescribed_j_cm2)}f}"


def interval(low: float, high: float, prescribed_j_cm2: float) -> str:
    """The bounds of a delivered dose, rounded outwards: printing never makes it narrower."""
    digits = places(prescribed_j_cm2)
    scale, slack = 10**digits, 1e-6
    return (
        f"between {math.floor(low * scale + slack) / scale:.{digits}f} and "
        f"{math.ceil(high * scale - slack) / scale:.{digits}f}"
    )


def clock(seconds: float | None) -> str:
    """Minutes and seconds, rounded up so that nothing is left only when nothing is left."""
    if seconds is None:
        return "–:––"
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes}:{rest:02d}"


def figure(value: float | None, unit: str, digits: int = 1) -> str:
    return "unknown" if value is None else f"{value:.{digits}f} {unit}"


def _value(value: object) -> str:
    if value is None:
        return "–"
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"
