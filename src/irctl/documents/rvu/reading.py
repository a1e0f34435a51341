"""Which of CMS's files this is, by what is in it, and what it says."""

from __future__ import annotations

from collections.abc import Sequence

from irctl.documents.rvu import places, record, table
from irctl.documents.rvu.codes import file_of
from irctl.documents.rvu.factors import Factor
from irctl.documents.rvu.values import Localities, RelativeValues
from irctl.domain.problems import Problem, Refused

BYTES_MAX = 8_000_000
"""CMS's largest has 3.3 MB."""
PACKED = (b"PK", b"\xd0\xcf\x11\xe0", b"%PDF")
LOOKED_AT = 60
"""Lines, to see what it is."""
REMEDY = "Unpack CMS's archive RVUnnX.zip: relative values are PPRRVU….csv or .txt, localities GPCI….csv or .txt"


def read_file(data: bytes, file: str, factors: Sequence[Factor]) -> RelativeValues | Localities:
    """`factors`: by them the year of a fixed-width file is known, which does not say it. Raises Refused, naming row and column."""
    if len(data) > BYTES_MAX:
        raise Refused([Problem("file", file, f"has more than {BYTES_MAX // 1_000_000} MB", REMEDY)])
    if data.startswith(PACKED):
        raise Refused([Problem("file", file, "is packed, or a document of another program", REMEDY)])
    text = _text(data)
    lines = text.splitlines()[:LOOKED_AT]
    if (lines and lines[0].startswith(record.HEADER)) or any(record.is_record(line) for line in lines):
        return file_of(record.told_lines(text, file), file, None, "", factors)
    if any(places.is_line(line) for line in lines):
        return places.from_lines(text, file)
    rows = table.rows_of(text, file)
    if (header := table.header_of(rows)) is not None:
        year, release = table.title_of(rows)
        return file_of(table.told_rows(rows, header, file), file, year, release, factors)
    if (header := places.header_of(rows)) is not None:
        return places.from_table(rows, header, file)
    limit = "is no file of relative values and none of localities: no row begins with HCPCS, no column is called Locality Number"
    raise Refused([Problem("file", file, limit, REMEDY)])


def read_values(data: bytes, file: str, factors: Sequence[Factor]) -> RelativeValues:
    """Raises Refused, also for a file of localities."""
    found = read_file(data, file, factors)
    if isinstance(found, Localities):
        raise Refused([Problem("file", file, "is a file of localities", "Relative values are in PPRRVU….csv or .txt")])
    return found


def read_localities(data: bytes, file: str, factors: Sequence[Factor]) -> Localities:
    """Raises Refused, also for a file of relative values."""
    found = read_file(data, file, factors)
    if isinstance(found, RelativeValues):
        raise Refused([Problem("file", file, "is a file of relative values", "Localities are in GPCI….csv or .txt")])
    return found


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
