"""What a patient's area has had already: the ceilings of a day and the least interval, charged with the most that may have been given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from irctl.domain.limits import Limits
from irctl.domain.problems import Problem

DAY = timedelta(hours=24)
"""Any 24 hours, not the calendar's day: midnight cools nobody's skin."""
INTERVAL_MAX_S = 36 * 3600.0
"""The journal is looked back at no further than two days."""
CLOCK_BACK_MAX_S = 120.0
"""A clock this far behind the last entry of the journal tells no day, no interval and no validity."""


def plain(text: str) -> str:
    """Upper and lower case and spaces make no other patient, and no other area."""
    return " ".join(text.casefold().split())


@dataclass(frozen=True, slots=True)
class Given:
    """One session of this patient and area: when it ended (or was last heard of), and the most that it may have given."""

    session: str
    at: datetime
    max_j_cm2: float


def problems_with_history(fluence_j_cm2: float, limits: Limits, given: Sequence[Given], now: datetime) -> list[Problem]:
    """Why the day's ceiling or the interval forbids `fluence_j_cm2` more."""
    problems: list[Problem] = []
    today = [g for g in given if now - g.at < DAY]
    had_j_cm2 = sum(g.max_j_cm2 for g in today)
    ceiling = limits.day_fluence_j_cm2_max
    if had_j_cm2 + fluence_j_cm2 > ceiling:
        left = max(0.0, ceiling - had_j_cm2)
        first = min((g.at for g in today), default=now)
        problems.append(
            Problem(
                "fluence_j_cm2",
                fluence_j_cm2,
                f"this area may have had {had_j_cm2:.2f} J/cm² in the last 24 hours, and {ceiling:g} is the limit",
                f"Prescribe at most {left:.2f} J/cm², or wait until {first + DAY:%Y-%m-%d %H:%M} UTC"
                if today
                else f"Prescribe at most {left:.2f} J/cm²",
            )
        )
    last = max((g.at for g in given), default=None)
    if last is not None and (now - last).total_seconds() < limits.interval_s_min:
        due = last + timedelta(seconds=limits.interval_s_min)
        problems.append(
            Problem(
                "interval_s",
                round((now - last).total_seconds()),
                f"less than {limits.interval_s_min:g} s after this area's last session",
                f"Wait until {due:%Y-%m-%d %H:%M:%S} UTC",
            )
        )
    return problems


def problems_with_clock(now: datetime, last_entry: datetime | None) -> list[Problem]:
    """A clock that was set back would forget what was given today."""
    if last_entry is None or (last_entry - now).total_seconds() <= CLOCK_BACK_MAX_S:
        return []
    return [
        Problem(
            "clock",
            f"{now:%Y-%m-%d %H:%M:%S} UTC",
            f"is before the journal's last entry ({last_entry:%Y-%m-%d %H:%M:%S} UTC)",
            "Set this computer's clock; if it is right now, vouch for it: irctl clock accept",
        )
    ]
