"""What is wrong, said so that the person who reads it can put it right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that forbids an order or a configuration: the field, its value, the limit it breaks, and the remedy."""

    field: str
    value: object
    limit: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.field} = {self.value!r}: {self.limit}. {self.remedy}"

    def as_dict(self) -> dict[str, object]:
        """The problem as the API and the CLI's `--json` show it."""
        plain = isinstance(self.value, (str, int, float, bool, type(None)))
        # JSON has no NaN and no infinity.
        value = self.value if plain and not _not_a_number(self.value) else str(self.value)
        return {
            "field": self.field,
            "value": value,
            "limit": self.limit,
            "remedy": self.remedy,
            "text": str(self),
        }


def _not_a_number(value: object) -> bool:
    return isinstance(value, float) and not isfinite(value)


class Refused(Exception):
    """Nothing was done, for all of these reasons at once."""

    def __init__(self, problems: Iterable[Problem], *, conflict: bool = False) -> None:
        self.problems = tuple(problems)
        self.conflict = conflict
        """True when the request was fine in itself but something else is in the way (a busy lamp, a latched stop)."""
        super().__init__("; ".join(str(p) for p in self.problems))


class InvariantViolation(Exception):
    """Something that cannot be, is. Latches a shutdown."""
