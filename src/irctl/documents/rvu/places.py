"""Files of localities (GPCI), comma-separated by their header, or fixed-width by what a line looks like."""

from __future__ import annotations

import re
from collections.abc import Iterable

from irctl.documents.rvu.damage import AGAIN, Damage
from irctl.documents.rvu.table import HEADER_WITHIN, Rows
from irctl.documents.rvu.values import Localities, Locality
from irctl.domain.problems import Problem, Refused

YEAR = re.compile(r"\b(20\d\d) P[EW] GPCI|\bCY (20\d\d) GEOGRAPHIC", re.IGNORECASE)
LINE = re.compile(r"(\d{4,5}) +([A-Z]{2}) +(\d{1,2}) +(\S.*?) +(\d\.\d{1,3}) +(\d\.\d{1,3}) +(\d\.\d{1,3})\s*")
NAMES = ("MEDICARE ADMINISTRATIVE CONTRACTOR", "STATE", "LOCALITY NUMBER", "LOCALITY NAME", "PW GPCI", "PE GPCI", "MP GPCI")  # fmt: skip


def header_of(rows: Rows) -> int | None:
    """Where the header is; None where this is no table of localities."""
    named = (at for at, (_, row) in enumerate(rows[:HEADER_WITHIN]) if any("LOCALITY NUMBER" in c.upper() for c in row))
    return next(named, None)


def is_line(line: str) -> bool:
    """Whether it looks like one of a locality in the fixed-width file."""
    return LINE.fullmatch(line) is not None


def from_table(rows: Rows, header: int, file: str) -> Localities:
    """Raises Refused. The notes under the localities stand in the first column alone."""
    names = [" ".join(cell.upper().split()) for cell in rows[header][1]]
    columns = [_column(names, name, file) for name in NAMES]
    told = [(line, [row[c] if c < len(row) else "" for c in columns]) for line, row in rows[header + 1 :]]
    above = " ".join(cell for _, row in rows[: header + 1] for cell in row)
    return _file(((line, cells) for line, cells in told if "".join(cells[1:]).strip()), above, file)


def from_lines(text: str, file: str) -> Localities:
    """Raises Refused. A contractor's number begins a locality, and nothing else."""
    lines = text.splitlines()
    told: list[tuple[int, list[str]]] = []
    for number, line in enumerate(lines, start=1):
        if found := LINE.fullmatch(line):
            told.append((number, list(found.groups())))
        elif line[:1].isdecimal():
            raise Refused([Problem("file", file, f"row {number}: is no locality with three indices", AGAIN)])
    return _file(told, "\n".join(lines[:HEADER_WITHIN]), file)


def _column(names: list[str], wanted: str, file: str) -> int:
    """Of two indices of work, the one with the floor of 1.0 is the one that is paid by."""
    hits = [place for place, name in enumerate(names) if wanted in name and "WITHOUT" not in name]
    if len(hits) == 1:
        return hits[0]
    limit = f"has {'several columns' if hits else 'no column'} called {wanted}"
    raise Refused([Problem("file", file, limit, "Take GPCI….csv out of CMS's archive RVUnnX.zip, as it is there")])


def _file(rows: Iterable[tuple[int, list[str]]], above: str, file: str) -> Localities:
    year = YEAR.search(above)
    if year is None:
        raise Refused([Problem("file", file, "does not say of which year it is", AGAIN)])
    damage = Damage(file)
    found: dict[tuple[str, str], Locality] = {}
    for row, (contractor, state, number, name, *indices) in rows:
        place = Locality(
            damage.text(row, NAMES[0], contractor, r"\d{4,5}").zfill(5),
            damage.text(row, NAMES[1], state, "[A-Z]{2}"),
            damage.text(row, NAMES[2], number, r"\d{1,2}").zfill(2),
            damage.text(row, NAMES[3], name, r"\S.*").rstrip("* "),
            *(damage.number(row, NAMES[4 + at], text) for at, text in enumerate(indices)),
        )
        if (place.state, place.number) in found:
            damage.at(row, "the locality stands there a second time")
        if not all((place.work, place.expense, place.malpractice)):
            damage.at(row, "an index is 0")
        found[place.state, place.number] = place
    damage.refuse()
    if not found:
        raise Refused([Problem("file", file, "has a header and no localities", AGAIN)])
    return Localities(int(year[1] or year[2]), tuple(found.values()))
