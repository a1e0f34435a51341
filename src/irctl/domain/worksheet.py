"""A guided calibration as a worksheet: a pure fold over its `calibration.*` events. After a crash it is what the journal says.

The step is derived, never stored: what is still missing decides it. Nothing that was journalled is lost; what a redo or an interruption made
void stays in the record and counts no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from irctl.domain.calibration import Calibration
from irctl.domain.chain import Event
from irctl.domain.findings import Findings
from irctl.domain.meters import Meter
from irctl.domain.plan import Plan, PlannedReading
from irctl.domain.problems import Problem
from irctl.domain.response import LampResponse


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


LIT = (Step.DARK, Step.WARM_UP, Step.READINGS)
"""The machine works; everything else waits for a person."""


class Outcome(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"
    ABANDONED = "abandoned"


@dataclass(frozen=True)
class Worksheet:
    """The state of one calibration."""

    id: str
    lamp: str
    by: str
    started_at: datetime
    meter: Meter
    plan: Plan
    lamp_info: dict[str, Any]
    binding: str
    in_force: dict[str, Any] | None
    environment: dict[str, Any]
    events: tuple[Event, ...]
    """All of them, also those that count no more."""
    superseded: frozenset[int]
    """The numbers (seq) of those that a redo made void."""

    @classmethod
    def of(cls, events: Iterable[Event]) -> Worksheet:
        """From the events of one calibration, `calibration.started` first. Raises ValueError where that is missing.

        An event out of its turn changes nothing (an approval of something not submitted, or by somebody who took part).
        """
        raise NotImplementedError

    @property
    def stage(self) -> Stage:
        raise NotImplementedError

    @property
    def step(self) -> Step:
        raise NotImplementedError

    @property
    def outcome(self) -> Outcome | None:
        raise NotImplementedError

    @property
    def next_reading(self) -> PlannedReading | None:
        """The next reading of this stage that is missing; None when it has them all."""
        raise NotImplementedError

    @property
    def waits_for(self) -> str:
        """What has to happen now, in words for the person at the lamp."""
        raise NotImplementedError

    @property
    def progress(self) -> tuple[int, int]:
        """Readings of this stage that count, and how many it takes."""
        raise NotImplementedError

    @property
    def as_found(self) -> Findings | None:
        """None while readings are missing."""
        raise NotImplementedError

    @property
    def as_left(self) -> Findings | None:
        """As-found again when nothing was adjusted; None while readings are missing."""
        raise NotImplementedError

    @property
    def result(self) -> dict[str, Any] | None:
        """What `calibration.submitted` carries: both stages; None before as-left is complete."""
        raise NotImplementedError

    @property
    def people(self) -> frozenset[str]:
        """Everybody who had a hand in it."""
        raise NotImplementedError

    def problems_with(self, action: Step) -> list[Problem]:
        """Why this step cannot be taken now: not its turn, or readings that are no curve (for adjustment and review)."""
        raise NotImplementedError

    def problems_with_approval(self, by: str) -> list[Problem]:
        """Why this person cannot approve it: nothing submitted, or own work."""
        raise NotImplementedError

    def as_calibration(
        self,
        *,
        approved_by: str,
        approved_at: datetime,
        valid_until: datetime,
        drift_allowance_pct: float,
        response: LampResponse,
        valid_for_hours: float | None = None,
        patient_positioning_cm: float | None = None,
    ) -> Calibration:
        """What an approval puts in force. Raises Refused when there is nothing to approve."""
        raise NotImplementedError
