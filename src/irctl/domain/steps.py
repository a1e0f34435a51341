"""The steps of a guided calibration, its stages and ends, and a reading that counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from irctl.domain.findings import Conditions
from irctl.domain.plan import Plan
from irctl.domain.readings import LevelReading

READING_MIN = 1.0
"""How long the readings of one level take, in minutes: so long does a residual slope move the lamp."""


class Stage(StrEnum):
    AS_FOUND = "as-found"
    AS_LEFT = "as-left"


class Step(StrEnum):
    """What is next."""

    IDENTITY = "identity"
    POSITION = "position"
    DARK = "dark"
    WARM_UP = "warm-up"
    READINGS = "readings"
    ADJUSTMENT = "adjustment"
    REVIEW = "review"
    APPROVAL = "approval"
    CLOSED = "closed"


BENCH = (Step.DARK, Step.WARM_UP, Step.READINGS)
"""The machine works here; everything else waits for a person."""


class Outcome(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Taken:
    """A reading that counts, and how the lamp and the meter stood meanwhile."""

    reading: LevelReading
    slope_pct_per_min: float
    angle_deg: float
    positioning_cm: float


def conditions(taken: Sequence[Taken], plan: Plan) -> Conditions:
    """The worst of what readings were taken under."""
    return Conditions(
        max((abs(t.slope_pct_per_min) for t in taken), default=0.0) * READING_MIN,
        max((t.angle_deg for t in taken), default=0.0),
        max((t.positioning_cm for t in taken), default=plan.positioning_cm),
    )
