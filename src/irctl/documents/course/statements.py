"""A statement of a paper, and where it comes from: what is printed carries a mark, and the paper ends with what each mark stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from irctl.documents.printed import View

Rows = tuple[Mapping[str, str], ...]
"""A table, a mapping of column to words each line."""
UNSAID = "not recorded"


@dataclass(frozen=True, slots=True)
class Statement:
    """One fact of a paper. `key` is its name for templates; `sources` lead from the nearest to the farthest; `missing`: nobody has said it, and that is printed."""

    key: str
    label: str
    value: str | Rows
    sources: tuple[str, ...] = ()
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a statement is there. Statements with the same sources share a mark (E1, E2, …)."""

    mark: str
    statement: str
    value: str
    sources: tuple[str, ...]

    def __str__(self) -> str:
        return " ← ".join((f"{self.statement} {self.value}", *self.sources))


def said(key: str, label: str, value: str, *sources: str) -> Statement:
    """With what to print where nobody has said it."""
    return Statement(key, label, value or UNSAID, sources, missing=not value)


def evidence_of(statements: Iterable[Statement]) -> tuple[Evidence, ...]:
    """The evidence of every statement that has any, in their order."""
    marks: dict[tuple[str, ...], str] = {}
    found: list[Evidence] = []
    for one in statements:
        if one.sources:
            mark = marks.setdefault(one.sources, f"E{len(marks) + 1}")
            found.append(Evidence(mark, one.label, _in_words(one.value), one.sources))
    return tuple(found)


def facts_of(statements: Iterable[Statement]) -> View:
    """What templates print, by key, and the closing list of evidence as a fact of its own (`evidence`)."""
    held = tuple(statements)
    listed = evidence_of(held)
    marks = {one.sources: one.mark for one in listed}
    facts: View = {one.key: _fact(one, marks.get(one.sources, "")) for one in held}
    rows = tuple(
        {"mark": mark, "statements": ", ".join(_labels(listed, mark)), "sources": " ← ".join(sources)}
        for sources, mark in marks.items()
    )
    facts["evidence"] = _fact(Statement("evidence", "Evidence", rows), "")
    return facts


def _labels(listed: Iterable[Evidence], mark: str) -> Iterable[str]:
    return dict.fromkeys(_lower(one.statement) for one in listed if one.mark == mark)


def _lower(words: str) -> str:
    """Without its capital, unless the first word is written in capitals anyhow."""
    return words if words[:2].isupper() else words[:1].lower() + words[1:]


def _fact(one: Statement, mark: str) -> View:
    table = None if isinstance(one.value, str) else [dict(row) for row in one.value]
    words = one.value if isinstance(one.value, str) else ""
    return {"label": one.label, "value": words, "rows": table, "mark": mark, "missing": one.missing}


def _in_words(value: str | Rows) -> str:
    if isinstance(value, str):
        return value
    return "; ".join(" ".join(cell for cell in row.values() if cell) for row in value)
