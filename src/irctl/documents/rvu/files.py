"""Reading CMS's files: relative values (PPRRVU, comma-separated or fixed columns) and localities (GPCI).

In the comma-separated file columns are found by their names, which stand over several rows: 2026 has one column more than the years before. The fixed record is
that of CMS's RVUnnX description: code 1–5, modifier 6–7, status 58, work 60–65, practice expense 67–72 and 76–81, malpractice 85–89, factor 133–140.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from io import StringIO

from irctl.domain.problems import Problem, Refused

CODE = re.compile(r"[A-Z0-9]{5}")
HEADER_ROWS = 6
"""So many rows above the last one may hold a part of a column's name."""
RECORD_CHARS = 200


@dataclass(frozen=True, slots=True)
class Values:
    """Of one code, with its modifier (empty, 26, TC, 53). `multiple`: the indicator of several procedures, 5 for therapy."""

    code: str
    modifier: str
    status: str
    work: Decimal
    expense: Decimal
    """Practice expense outside a facility."""
    expense_in_facility: Decimal
    malpractice: Decimal
    multiple: str
    factor: Decimal | None
    """The conversion factor as the file has it."""


@dataclass(frozen=True, slots=True)
class Locality:
    """Geographic indices of work, practice expense and malpractice. `state` two letters, `number` within its contractor."""

    name: str
    state: str
    number: str
    work: Decimal
    expense: Decimal
    malpractice: Decimal


ONE = Decimal(1)
NATIONAL = Locality("national", "", "", ONE, ONE, ONE)

NAMES: Mapping[str, Callable[[str], bool]] = {
    "modifier": lambda name: name.endswith("MOD"),
    "status": lambda name: name.endswith("STATUSCODE"),
    "work": lambda name: name.endswith("WORKRVU"),
    "expense": lambda name: name.endswith("PERVU") and "NONFAC" in name,
    "expense_in_facility": lambda name: name.endswith("PERVU") and "NONFAC" not in name,
    "malpractice": lambda name: name.endswith("MPRVU"),
    "multiple": lambda name: name.endswith("MULTPROC"),
    "factor": lambda name: name.endswith("CONVFACTOR"),
}
"""By letters alone, the rows of the name put together."""
LOCALITY_NAMES: Mapping[str, Callable[[str], bool]] = {
    "state": lambda name: name == "STATE",
    "number": lambda name: name == "LOCALITYNUMBER",
    "name": lambda name: name == "LOCALITYNAME",
    "work": lambda name: "PWGPCI" in name,
    "expense": lambda name: "PEGPCI" in name,
    "malpractice": lambda name: "MPGPCI" in name,
}


def read_values(data: bytes) -> dict[tuple[str, str], Values]:
    """A relative-value file, by code and modifier. Raises Refused, naming row and column."""
    text = _text(data)
    lines = re.split(r"\r\n|\r|\n", text)
    if any(line.startswith("HCPCS,") for line in lines[:40]):
        found = list(_comma_separated(text))
    elif any(_is_record(line) for line in lines[:40]):
        found = [_record(number, line) for number, line in enumerate(lines, start=1) if _is_record(line)]
    else:
        limit = "is no relative-value file: no row begins with HCPCS, and none is a record of 200 characters"
        raise Refused([Problem("file", None, limit, "Take PPRRVU….csv or .txt out of CMS's RVU archive")])
    return {(one.code, one.modifier): one for one in found}


def read_localities(data: bytes) -> tuple[Locality, ...]:
    """A file of localities, in its order. Raises Refused, naming row and column."""
    rows = list(csv.reader(StringIO(_text(data))))
    start = next((n for n, row in enumerate(rows) if any(_letters(cell) == "LOCALITYNUMBER" for cell in row)), None)
    if start is None:
        remedy = "Take GPCI….csv out of CMS's RVU archive"
        raise Refused([Problem("file", None, "is no file of localities: no column is called Locality Number", remedy)])
    places = _places([_letters(cell) for cell in rows[start]], LOCALITY_NAMES)
    found: list[Locality] = []
    for number, row in enumerate(rows[start + 1 :], start=start + 2):
        if len(row) > max(places.values()) and row[places["state"]].strip():
            numbers = [_number(number, name, row[places[name]]) for name in ("work", "expense", "malpractice")]
            told = [row[places[name]].strip(" *") for name in ("name", "state", "number")]
            found.append(Locality(told[0], told[1], told[2].zfill(2), *numbers))
    return tuple(found)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


# --- comma-separated --------------------------------------------------------------------------------------------------------


def _comma_separated(text: str) -> Iterator[Values]:
    rows = list(csv.reader(StringIO(text, newline="")))
    last = next((n for n, row in enumerate(rows) if row and row[0].strip() == "HCPCS"), None)
    if last is None:
        limit = "is damaged: its header cannot be read"
        raise Refused([Problem("file", None, limit, "Download it again")])
    above = rows[max(0, last - HEADER_ROWS) : last + 1]
    width = len(rows[last])
    names = [_letters("".join(row[column] for row in above if column < len(row))) for column in range(width)]
    places = _places(names, NAMES)
    for number, row in enumerate(rows[last + 1 :], start=last + 2):
        if not row or not CODE.fullmatch(row[0].strip()):
            continue
        if len(row) < width:
            limit = f"row {number} has {len(row)} columns, and the header {width}"
            raise Refused([Problem("file", row[0], limit, "The file is cut off or damaged: download it again")])
        yield _values(number, row[0].strip(), {name: row[place] for name, place in places.items()})


def _places(names: Sequence[str], wanted: Mapping[str, Callable[[str], bool]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, fits in wanted.items():
        hits = [place for place, said in enumerate(names) if fits(said)]
        if len(hits) != 1:
            limit = f"{len(hits)} columns where one belongs"
            raise Refused([Problem(f"column {name}", None, limit, "The layout is one that irctl does not know")])
        found[name] = hits[0]
    return found


def _letters(text: str) -> str:
    return re.sub(r"[^A-Z]", "", text.upper())


# --- fixed columns -----------------------------------------------------------------------------------------------------------


def _is_record(line: str) -> bool:
    return len(line) == RECORD_CHARS and bool(CODE.fullmatch(line[:5]))


def _record(number: int, line: str) -> Values:
    told = {
        "modifier": line[5:7], "status": line[57], "work": line[59:65], "expense": line[66:72],
        "expense_in_facility": line[75:81], "malpractice": line[84:89], "multiple": line[118], "factor": line[132:140],
    }  # fmt: skip
    return _values(number, line[:5], told)


# --- both ------------------------------------------------------------------------------------------------------------------


def _values(row: int, code: str, told: Mapping[str, str]) -> Values:
    factor = told["factor"].strip()
    return Values(
        code,
        told["modifier"].strip(),
        told["status"].strip(),
        _number(row, "work", told["work"]),
        _number(row, "expense", told["expense"]),
        _number(row, "expense_in_facility", told["expense_in_facility"]),
        _number(row, "malpractice", told["malpractice"]),
        told["multiple"].strip(),
        _number(row, "factor", factor) if factor else None,
    )


def _number(row: int, name: str, text: str) -> Decimal:
    """An empty cell is none of it."""
    try:
        value = Decimal(text.strip() or "0")
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite() or value < 0:
        remedy = "The file is damaged, or its layout is another: download it again"
        raise Refused([Problem(name, text, f"is no number, in row {row}", remedy)])
    return value
