"""What is wrong with a file, collected row by row and refused at once.

A cell is never repeated in a problem: in a damaged row it may be the description of a code, which is the AMA's.
"""

from __future__ import annotations

import re
from decimal import Decimal

from irctl.domain.problems import Problem, Refused

TOLD_AT_MOST = 8
AGAIN = "The file is cut off or was changed: take it anew from CMS's archive"
NUMBER = re.compile(r"\d{1,4}(\.\d{1,4})?")
NOTHING = Decimal(0)


class Damage:
    """Of one file. `row` is its line, as an editor counts."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._found: list[Problem] = []

    def at(self, row: int, limit: str, remedy: str = AGAIN) -> None:
        """Raises Refused when enough is known to be wrong."""
        self._found.append(Problem("file", self._file, f"row {row}: {limit}", remedy))
        if len(self._found) >= TOLD_AT_MOST:
            self.refuse()

    def number(self, row: int, column: str, text: str) -> Decimal:
        """What a cell holds, 0 where it is no number: then the file is refused in the end."""
        if NUMBER.fullmatch(plain := text.strip()):
            return Decimal(plain)
        self.at(row, f"{column} is no number")
        return NOTHING

    def text(self, row: int, column: str, text: str, form: str) -> str:
        """What a cell holds, where it has this form (a regular expression)."""
        plain = text.strip()
        if not re.fullmatch(form, plain):
            self.at(row, f"{column} is not what stands there in CMS's files")
        return plain

    def refuse(self) -> None:
        """Raises Refused where anything is wrong."""
        if self._found:
            raise Refused(self._found)
