"""How the generated pages are set: tables, code, examples short enough to be read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

LIST_MAX = 2
"""Of a list in an example so many entries are shown; the rest is counted."""
EXAMPLE_MAX = 90
"""Characters of an example in a table's cell."""
LINES_MAX = 120
"""Of an example: a longer one is told less deeply."""
DEPTHS = (6, 4, 3, 2, 1)
MORE = "…"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, without columns that are empty; or nothing where it has no rows."""
    told = list(rows)
    kept = [at for at in range(len(heads)) if any(row[at] for row in told)]
    lines = [_row([row[at] for at in kept]) for row in told]
    return "\n".join([_row([heads[at] for at in kept]), "|" + "---|" * len(kept), *lines, ""]) if told else ""


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def code(text: str, language: str = "") -> str:
    return f"```{language}\n{text}\n```\n"


def fold(title: str, inside: str) -> str:
    """Shown when somebody asks for it."""
    return f"<details><summary>{title}</summary>\n\n{inside}\n</details>\n"


def shortened(value: Any, depth: int = DEPTHS[0]) -> Any:
    """The same JSON with long lists cut short, and what lies deeper left out."""
    if isinstance(value, dict):
        return {key: shortened(inner, depth - 1) for key, inner in value.items()} if depth or not value else MORE
    if isinstance(value, list):
        shown = [shortened(inner, depth - 1) for inner in value[:LIST_MAX]] if depth or not value else [MORE]
        left = len(value) - LIST_MAX
        return [*shown, f"and {left} more"] if depth and left > 0 else shown
    return value


def as_json(value: Any) -> str:
    """As deep as fits."""
    for depth in DEPTHS:
        text = json.dumps(shortened(value, depth), indent=2, ensure_ascii=False)
        if text.count("\n") < LINES_MAX:
            break
    return code(text, "json")


def in_a_cell(value: Any) -> str:
    """An example as code, cut where it is long."""
    text = json.dumps(shortened(value), ensure_ascii=False).replace("`", "'")
    return f"`{text if len(text) <= EXAMPLE_MAX else text[:EXAMPLE_MAX] + ' …'}`"


def form(value: Any) -> str:
    """What kind of JSON it is, in a word."""
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list():
            return "list"
        case dict():
            return "object"
        case _:
            return "null"
