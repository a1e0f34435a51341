"""A lamp found wrong: what everybody got since it was last known to be right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class GivenSession:
    """A session as its record tells it. `told_j_cm2`: min, best, max. `levels_pct`: lowest and highest used; None when not recorded."""

    session: str
    at: datetime
    patient: str
    told_j_cm2: tuple[float, float, float]
    measured: bool
    levels_pct: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class FoundRatio:
    """At one level: as-found / stated irradiance (k=2), and true / what the lamp's own radiometer made of it, None without one."""

    level_pct: float
    ratio: float
    expanded_pct: float
    monitor_ratio: float | None = None
    monitor_expanded_pct: float = 0.0


@dataclass(frozen=True, slots=True)
class AffectedSession:
    """One session, what was told and what it may have been; J/cm², min, best, max."""

    session: str
    at: datetime
    patient: str
    told_j_cm2: tuple[float, float, float]
    recomputed_j_cm2: tuple[float, float, float]
    why: str

    def as_dict(self) -> dict[str, Any]:
        raise NotImplementedError


def impact(
    sessions: Sequence[GivenSession], found: Sequence[FoundRatio], since: datetime | None, found_at: datetime
) -> list[AffectedSession]:
    """Every session after `since`, the last evidence that the lamp was right (None: never), up to `found_at`, in order of time.

    When the lamp went wrong in between is unknown, so its ratio was anywhere between 1 and what was found, widened by U. The best estimate lets it
    change evenly over the time.
    """
    raise NotImplementedError
