"""What may leave of the doctor's report: its own words, and of the values in them the figures, moments and kinds of errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from irctl.bus.bus import LinkStatus
from irctl.cli.health.finding import Finding
from irctl.cli.support.cleaning import LEFT_OUT, Kind, figure, moment, recognised, version, words
from irctl.cli.support.names import Names

REVISIONS = [f"{number:04d}" for number in range(1000)]
"""Of the database's tables."""
VALUES: Mapping[str, Kind] = {
    "at": moment,
    "why": recognised,
    "reason": recognised,
    "kinds": recognised,
    "python": version,
    "version": version,
    "running": version,
    "revision": words(REVISIONS),
    "head": words(REVISIONS),
    "status": words([*LinkStatus, "dark", "busy", "bench", "unverified", "fault"]),
    "mode": words(["simulation", "clinical", *(f"{mode:o}" for mode in range(0o10000))]),
    "group": words(["dialout", "uucp", "tty", "plugdev", "root", "its group"]),
    "power": words(["on", "auto"]),
}
"""By the name of the value. A figure needs no name here: the names of values are the program's, and so are figures."""


def told_findings(findings: Iterable[Finding], names: Names) -> list[dict[str, Any]]:
    return [_told(finding, names) for finding in findings]


def _told(finding: Finding, names: Names) -> dict[str, Any]:
    values = {
        name: value if figure(value) != LEFT_OUT else VALUES.get(name, _nothing)(value)
        for name, value in finding.values.items()
    }
    shown = {name: _Hole() if value == LEFT_OUT else value for name, value in values.items()}
    return {
        "check": finding.check,
        "about": names.any(finding.about) if finding.about else "",
        "verdict": str(finding.verdict),
        "text": finding.said.format_map(shown),
        "remedy": finding.advised.format_map(shown) or None,
        "values": values,
    }


def _nothing(_value: object) -> str:
    return LEFT_OUT


class _Hole:
    """Stands in a text where a value was left out, whatever its format."""

    def __format__(self, _spec: str) -> str:
        return LEFT_OUT
