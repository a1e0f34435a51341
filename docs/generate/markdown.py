"""How the generated pages are set: tables, code, examples short enough to be read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

LIST_MAX = 2
"""Of a list in an example so many entries are shown; the rest is counted."""
EXAMPLE_MAX = 90
"""Characters of an example in a table's cell."""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, or nothing where it has no rows."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join(["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads), *lines, ""]) if lines else ""


def code(text: str, language: str = "") -> str:
    return f"```{language}\n{text}\n```\n"


def fold(title: str, inside: str) -> str:
    """Shown when somebody asks for it."""
    return f"<details><summary>{title}</summary>\n\n{inside}\n</details>\n"


def shortened(value: Any) -> Any:
    """The same JSON with long lists cut short, and no more than so many objects of one form beside each other."""
    if isinstance(value, dict):
        return {key: shortened(inner) for key, inner in value.items()}
    if isinstance(value, list) and len(value) > LIST_MAX:
        return [*map(shortened, value[:LIST_MAX]), f"and {len(value) - LIST_MAX} more"]
    return [shortened(inner) for inner in value] if isinstance(value, list) else value


def as_json(value: Any) -> str:
    return code(json.dumps(shortened(value), indent=2, ensure_ascii=False), "json")


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
