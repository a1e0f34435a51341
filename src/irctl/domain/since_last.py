"""What is unlike the last visit: a dose several times the last one is a slip until two people say otherwise, any other change is confirmed once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields

from irctl.domain.course import Settings
from irctl.domain.problems import Problem

SLIP_RATIO = 5.0
"""Up or down. A point in the wrong place is a factor of ten; nothing that is meant goes so far from one visit to the next."""
FIGURES = {"fluence_j_cm2": "J/cm²", "irradiance_mw_cm2": "mW/cm²"}


def slips(last: Settings, now: Settings) -> list[Problem]:
    """Figures so far from the last visit's that somebody mistook the decimal point or the unit."""
    problems: list[Problem] = []
    for name, unit in FIGURES.items():
        before: float = getattr(last, name)
        value: float = getattr(now, name)
        if not before / SLIP_RATIO < value < before * SLIP_RATIO:
            times = value / before if value > before else before / value if value else float("inf")
            limit = f"{times:.3g} times {'above' if value > before else 'below'} the last visit's {before:g} {unit}"
            problems.append(Problem(name, value, limit, "Check the decimal point and the unit"))
    return problems


def changes(
    last: Settings, now: Settings, *, explained: Collection[str] = (), confirmed: Collection[str] = ()
) -> list[Problem]:
    """Every setting that differs from the last visit's, unless the protocol's progression explains it or somebody has confirmed it."""
    return [
        Problem(
            name,
            getattr(now, name),
            f"was {before!r} at the last visit",
            f"Confirm the change of {name}, or correct it",
        )
        for name, before in ((f.name, getattr(last, f.name)) for f in fields(Settings))
        if getattr(now, name) != before and name not in explained and name not in confirmed
    ]


def unlike(
    last: Settings, now: Settings, *, explained: Collection[str] = (), confirmed: Collection[str] = ()
) -> list[Problem]:
    """Both: what is a slip is told as one, and neither explained nor confirmed."""
    far = slips(last, now)
    slipped = {problem.field for problem in far}
    return far + changes(last, now, explained={*explained, *slipped}, confirmed=confirmed)
