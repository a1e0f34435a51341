"""The fixed-width relative-value file. Positions are those of CMS's own description of the record (RVU25D, 2025).

The description says 200 characters; the files themselves end after 171, and what is read ends at 140.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from irctl.documents.rvu import codes
from irctl.documents.rvu.damage import AGAIN
from irctl.documents.rvu.table import FILLING
from irctl.domain.problems import Problem, Refused

PLACES: Mapping[str, tuple[int, int]] = {
    codes.CODE: (1, 5),
    codes.MODIFIER: (6, 7),
    codes.STATUS: (58, 58),
    codes.WORK: (60, 65),
    codes.EXPENSE: (67, 72),
    codes.RARE: (73, 74),
    codes.EXPENSE_FACILITY: (76, 81),
    codes.RARE_FACILITY: (82, 83),
    codes.MALPRACTICE: (85, 89),
    codes.TOTAL: (91, 96),
    codes.TOTAL_FACILITY: (97, 102),
    codes.COMPONENTS: (103, 103),
    codes.MULTIPLE: (116, 116),
    codes.FACTOR: (133, 140),
}
"""First and last character, counted from 1."""
HEADER = "HDR"
SHORTEST, LONGEST = 140, 200
RECORD = re.compile(r"[0-9A-Z]{5}[0-9A-Z ]{2}.{50}[A-Z] [ .0-9]{6} ")


def is_record(line: str) -> bool:
    """Whether it looks like one of a code."""
    return RECORD.match(line) is not None and len(line.rstrip()) <= LONGEST


def told_lines(text: str, file: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Each code's record, by the columns' names. Raises Refused for a line that is none."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(HEADER) or not line.strip(f" {FILLING}"):
            continue
        if not SHORTEST <= len(line) <= LONGEST:
            limit = f"row {number}: has {len(line)} characters, and a record has {SHORTEST} to {LONGEST}"
            raise Refused([Problem("file", file, limit, AGAIN)])
        yield number, {name: line[first - 1 : last] for name, (first, last) in PLACES.items()}
