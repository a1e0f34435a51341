"""The comma-separated relative-value file: columns by their names, which are stacked over several rows. 2022–2025 have 31 of them, 2026 has 32."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence

from irctl.documents.rvu.codes import COLUMNS
from irctl.documents.rvu.damage import AGAIN
from irctl.domain.problems import Problem, Refused

TITLE = re.compile(r"\b(20\d\d) National Physician Fee Schedule Relative Value File(?: (\w+) Release)?", re.IGNORECASE)
HEADER_WITHIN = 40
"""Rows: the last row of the header stands among these."""
FILLING = "\x1a"
"""The end of a file as it was in the days of CP/M; some of CMS's have it still."""

Rows = list[tuple[int, list[str]]]
"""Each with the line that it ends in."""


def rows_of(text: str, file: str) -> Rows:
    """Raises Refused where it cannot be taken apart at commas."""
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    found: Rows = []
    try:
        found.extend((reader.line_num, row) for row in reader)
    except csv.Error as error:
        raise Refused([Problem("file", file, f"row {reader.line_num}: {error}", AGAIN)]) from None
    return found


def header_of(rows: Rows) -> int | None:
    """Where the header's last row is; None where there is no such row."""
    named = (at for at, (_, row) in enumerate(rows[:HEADER_WITHIN]) if row and row[0].strip().upper() == "HCPCS")
    return next(named, None)


def title_of(rows: Rows) -> tuple[int | None, str]:
    """Year and release, as the file's first rows say."""
    for _, row in rows[:HEADER_WITHIN]:
        for cell in row:
            if found := TITLE.search(cell):
                return int(found[1]), (found[2] or "").capitalize()
    return None, ""


def told_rows(rows: Rows, header: int, file: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Each code's row, by the columns' names. Raises Refused where a column is missing, there twice, or a row is short."""
    width = len(rows[header][1])
    places = _places(_names([row for _, row in rows[: header + 1]], width), file)
    for line, row in rows[header + 1 :]:
        if not "".join(row).strip(f" ,{FILLING}"):
            continue
        if len(row) != width:
            limit = f"row {line}: has {len(row)} columns, and the header {width}"
            raise Refused([Problem("file", file, limit, AGAIN)])
        yield line, {name: row[place] for name, place in places.items()}


def _names(header: Sequence[Sequence[str]], width: int) -> list[str]:
    """Every column's, from top to bottom."""
    stacks = (" ".join(row[place] for row in header if place < len(row)) for place in range(width))
    return [" ".join(stack.upper().split()) for stack in stacks]


def _places(names: Sequence[str], file: str) -> dict[str, int]:
    problems = [
        Problem("file", file, f"has {names.count(column) or 'no'} {'columns' if names.count(column) else 'column'} called {column}",
                "Take PPRRVU….csv out of CMS's archive RVUnnX.zip, as it is there")
        for column in COLUMNS
        if names.count(column) != 1
    ]  # fmt: skip
    if problems:
        raise Refused(problems)
    return {column: names.index(column) for column in COLUMNS}
