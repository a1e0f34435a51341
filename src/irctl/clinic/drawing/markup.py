"""Small pieces of HTML that every page says alike: a state, names with their values, a table. A text is escaped here; what is called markup is HTML already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from irctl.clinic.drawing.icons import icon


def tag(tone: str, sign: str, text: str) -> str:
    """A state: its sign and its word, which say the same as its colour. `tone`: a class of the style sheet; `sign`: an icon, empty for none."""
    drawn = icon(sign, "1.1em") if sign else ""
    return f'<span class="tag {tone}">{drawn}{escape(text)}</span>'


def facts(told: Iterable[tuple[str, str]]) -> str:
    """Names, and values as markup; what is not known is left out."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in told if value)
    return f'<dl class="facts">{rows}</dl>'


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """The cells are markup. `numbers`: columns that stand to the right."""
    kinds = ['class="number"' if place in numbers else "" for place in range(len(columns))]
    head = "".join(f"<th {kind}>{escape(name)}</th>" for kind, name in zip(kinds, columns, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td {kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<table class="plain"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
