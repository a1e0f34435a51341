"""A lamp found wrong: what everybody got since it was last known to be right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import fsum
from typing import Any

from irctl.domain.findings import Findings


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
    levels_pct: tuple[float, float] | None
    why: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {
            "at": self.at.isoformat(),
            "told_j_cm2": list(self.told_j_cm2),
            "levels_pct": None if self.levels_pct is None else list(self.levels_pct),
            "recomputed_j_cm2": [round(value, 5) for value in self.recomputed_j_cm2],
        }


def impact(
    sessions: Sequence[GivenSession], found: Sequence[FoundRatio], since: datetime | None, found_at: datetime
) -> list[AffectedSession]:
    """Every session after `since`, the last evidence that the lamp was right (None: never), up to `found_at`, in order of time.

    When the lamp went wrong in between is unknown, so its ratio was anywhere between 1 and what was found, widened by U. The best estimate lets it
    change evenly over the time.
    """
    concerned = sorted(
        (s for s in sessions if s.at <= found_at and (since is None or s.at > since)), key=lambda s: s.at
    )
    return [_recomputed(session, found, since, found_at) for session in concerned]


def _recomputed(
    session: GivenSession, found: Sequence[FoundRatio], since: datetime | None, found_at: datetime
) -> AffectedSession:
    by_monitor = [(f.level_pct, f.monitor_ratio, f.monitor_expanded_pct) for f in found if f.monitor_ratio is not None]
    measured = session.measured and bool(by_monitor)
    ratios = by_monitor if measured else [(f.level_pct, f.ratio, f.expanded_pct) for f in found]
    near = _near(ratios, session.levels_pct)
    low = min(1.0, *(ratio * (1.0 - u / 100.0) for _, ratio, u in near))
    high = max(1.0, *(ratio * (1.0 + u / 100.0) for _, ratio, u in near))
    typical = fsum(ratio for _, ratio, _ in near) / len(near)
    share = 1.0 if since is None else (session.at - since) / (found_at - since)
    least, best, most = session.told_j_cm2
    source = "the lamp's own radiometer, which was" if measured else "the calibration; the lamp was"
    why = f"dose by {source} found at {100.0 * typical:.1f} % of what was stated"
    if session.measured and not measured:
        why += "; its radiometer was not looked at"
    recomputed = (least * low, best * (1.0 + (typical - 1.0) * share), most * high)
    return AffectedSession(
        session.session, session.at, session.patient, session.told_j_cm2, recomputed, session.levels_pct, why
    )


def _near(
    ratios: Sequence[tuple[float, float, float]], levels_pct: tuple[float, float] | None
) -> list[tuple[float, float, float]]:
    """The levels around what the session used: the ratio in between is between theirs. All of them when that is not recorded."""
    ordered = sorted(ratios)
    if levels_pct is None:
        return ordered
    low, high = levels_pct
    first = max((i for i, (level, _, _) in enumerate(ordered) if level <= low), default=0)
    last = min((i for i, (level, _, _) in enumerate(ordered) if level >= high), default=len(ordered) - 1)
    return ordered[min(first, last) : max(first, last) + 1]


def found_ratios(found: Findings, monitor_factor: float) -> list[FoundRatio]:
    """From the as-found readings of a calibration; `monitor_factor` is what sessions used until then."""
    by_level = {point.level_pct: point for point in found.points}
    ratios: list[FoundRatio] = []
    for error in found.errors:
        point = by_level[error.level_pct]
        ratios.append(
            FoundRatio(
                error.level_pct,
                error.found_mw_cm2 / error.stated_mw_cm2,
                error.verdict.expanded_pct,
                None if point.monitor_ratio is None else point.monitor_ratio / monitor_factor,
                found.monitor.expanded_pct,
            )
        )
    return ratios
