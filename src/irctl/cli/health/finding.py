"""A finding: what was looked at, how it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import LiteralString


class Verdict(StrEnum):
    """How something is. What could not be looked at is not known, which is not the same as well."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    UNKNOWN = "not known"


TITLES: Mapping[str, str] = {
    "file": "Station file",
    "due": "Calibrations and upkeep",
    "line": "Lines",
    "port": "Ports",
    "device": "Devices",
    "controller": "Controller",
    "state": "State folder",
    "journal": "Journal",
    "clinic": "Clinic",
    "fleet": "Fleet",
    "clock": "Clock",
    "computer": "Computer",
}
"""Of the topics, in the order in which they are told."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. Text and remedy are words of this program's own (pyright sees to that), and their values are kept apart: a support bundle
    takes the words along, and of the values only what is known to be about nobody.

    `check`: TOPIC.NAME, which stays the same from version to version; `about`: which line, lamp or station.
    """

    check: LiteralString
    verdict: Verdict
    about: str
    said: LiteralString
    advised: LiteralString
    values: Mapping[str, object]

    @property
    def topic(self) -> str:
        return self.check.partition(".")[0]

    @property
    def text(self) -> str:
        return self.said.format_map(self.values)

    @property
    def remedy(self) -> str:
        """Empty where nothing needs to be done."""
        return self.advised.format_map(self.values)

    def as_dict(self) -> dict[str, object]:
        """For `--json`. Figures are in `values`, with their units in their names."""
        return {
            "check": self.check,
            "about": self.about,
            "verdict": str(self.verdict),
            "text": self.text,
            "remedy": self.remedy or None,
            "values": {name: value if _plain(value) else str(value) for name, value in self.values.items()},
        }


def ok(check: LiteralString, said: LiteralString, about: str = "", /, **values: object) -> Finding:
    return Finding(check, Verdict.OK, about, said, "", values)


def warning(
    check: LiteralString, said: LiteralString, advised: LiteralString, about: str = "", /, **values: object
) -> Finding:
    """It works today, and somebody should see to it."""
    return Finding(check, Verdict.WARNING, about, said, advised, values)


def problem(
    check: LiteralString, said: LiteralString, advised: LiteralString, about: str = "", /, **values: object
) -> Finding:
    """Something does not work, or will not when it is needed."""
    return Finding(check, Verdict.PROBLEM, about, said, advised, values)


def unknown(
    check: LiteralString, said: LiteralString, advised: LiteralString, about: str = "", /, **values: object
) -> Finding:
    """It could not be looked at. `advised`: how to know it."""
    return Finding(check, Verdict.UNKNOWN, about, said, advised, values)


def counted(findings: Iterable[Finding]) -> dict[Verdict, int]:
    """How many there are of each verdict."""
    told = dict.fromkeys(Verdict, 0)
    for finding in findings:
        told[finding.verdict] += 1
    return told


def _plain(value: object) -> bool:
    return isinstance(value, (str, int, float, bool, type(None)))
