"""A course of visits: when they may be, what was given at them, and when it should end. What ends a course is proposed, a person decides."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from irctl.domain.problems import Problem, Refused

COMPLETE_SHARE = 0.9
"""Of the prescribed dose: what was cut off earlier is no step forward."""
WEEKDAYS = {1: (0,), 2: (0, 3), 3: (0, 2, 4), 4: (0, 1, 3, 4), 5: (0, 1, 2, 3, 4)}
"""Monday is 0. As far apart as a working week allows."""
LOOK_AHEAD = timedelta(days=366)
NPRS_MAX = 10


@dataclass(frozen=True, slots=True)
class Settings:
    """How one treatment is given. `protocol`: its label, empty without one."""

    lamp: str
    fluence_j_cm2: float
    irradiance_mw_cm2: float
    protocol: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit that has been: when it ended, as it was prescribed, and what was given (best estimate, and the most)."""

    at: datetime
    settings: Settings
    best_j_cm2: float
    max_j_cm2: float

    @property
    def complete(self) -> bool:
        return self.best_j_cm2 >= COMPLETE_SHARE * self.settings.fluence_j_cm2


@dataclass(frozen=True, slots=True)
class CourseRule:
    """How often, how long, and how much in all (by the most that may have been given)."""

    per_week: int
    weeks: int
    fluence_j_cm2_max: float

    @property
    def visits(self) -> int:
        return self.per_week * self.weeks

    @property
    def usual_days(self) -> float:
        """Between two visits."""
        return 7.0 / self.per_week


def planned(
    first: datetime,
    rule: CourseRule,
    interval_s_min: float,
    *,
    weekdays: Sequence[int] = (),
    closed: Collection[date] = (),
) -> tuple[datetime, ...]:
    """All visits of a course at the hour of `first` (with its zone), on these weekdays, or the usual ones for so many a week.

    The first is on the first such day. A day that is closed moves everything after it. Raises Refused where no such plan exists.
    """
    days = tuple(weekdays) or WEEKDAYS.get(rule.per_week, tuple(range(7)))
    least = timedelta(seconds=interval_s_min)
    found: list[datetime] = []
    day = first
    while len(found) < rule.visits:
        if day - first > LOOK_AHEAD:
            limit = f"{rule.visits} visits find no place within {LOOK_AHEAD.days} days"
            raise Refused([Problem("weekdays", list(days), limit, "Name more weekdays, or plan fewer visits")])
        open_day = day.weekday() in days and day.date() not in closed
        if open_day and (not found or _apart(found[-1], day) >= least) and _in_week(found, day) < rule.per_week:
            found.append(day)
        day += timedelta(days=1)
    return tuple(found)


def problems_with_times(times: Sequence[datetime], rule: CourseRule, interval_s_min: float) -> list[Problem]:
    """Why visits cannot be at these times: too close, too many in a week, more than the course has. For plans that were changed by hand."""
    problems: list[Problem] = []
    ordered = sorted(times)
    if len(ordered) > rule.visits:
        limit = f"more than the course's {rule.visits}"
        problems.append(
            Problem("visits", len(ordered), limit, "Review the patient; another course is another decision")
        )
    for before, after in pairwise(ordered):
        if (apart_s := _apart(before, after).total_seconds()) < interval_s_min:
            limit = f"{apart_s / 3600:.1f} h after the visit before; at least {interval_s_min / 3600:g} h"
            problems.append(Problem("visits", after.isoformat(" ", "minutes"), limit, "Move one of the two"))
    for place, time in enumerate(ordered):
        if _in_week(ordered[:place], time) >= rule.per_week:
            limit = f"more than {rule.per_week} visits within seven days"
            problems.append(Problem("visits", time.isoformat(" ", "minutes"), limit, "Move it to the week after"))
    return problems


def _apart(before: datetime, after: datetime) -> timedelta:
    # In absolute time: two datetimes of one zone are otherwise subtracted by the clock on the wall.
    return timedelta(seconds=after.timestamp() - before.timestamp())


def _in_week(found: Sequence[datetime], day: datetime) -> int:
    """How many visits there were in the seven days that end with `day`, itself not counted."""
    return sum((day.date() - one.date()).days < 7 for one in found)


class Reason(StrEnum):
    BETTER = "better"
    UNCHANGED = "unchanged"
    WORSE = "worse"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class StopRule:
    """When a course has done what it can. `nprs_mcid`: the least change of pain (0 to 10) that matters to a patient."""

    nprs_mcid: float = 2.0
    """NPRS 0–10: 2 (DOMAIN facts §6, F)."""
    unchanged_after_visits: int = 6
    """Project choice; half of a course of twelve."""
    source: str = "minimal clinically important difference of the NPRS: 2 points; number of visits: project choice"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Pain after a visit, numeric rating scale 0 to 10."""

    visit: int
    nprs: int


@dataclass(frozen=True, slots=True)
class Advice:
    """What is proposed, why, and on whose authority."""

    reason: Reason
    text: str
    source: str


def advice(rule: StopRule, visits: int, baseline_nprs: int, outcomes: Sequence[Outcome]) -> Advice | None:
    """Whether the course should end, after these outcomes in the order of their visits; `visits` is how many it has. None: go on.

    Raises Refused for what is no rating.
    """
    wrong = [n for n in (baseline_nprs, *(o.nprs for o in outcomes)) if not 0 <= n <= NPRS_MAX]
    if wrong:
        raise Refused([Problem("nprs", n, f"is not between 0 and {NPRS_MAX}", "Ask again") for n in wrong])
    if not outcomes:
        return None
    latest = outcomes[-1]
    eased = baseline_nprs - latest.nprs
    best = baseline_nprs - min(o.nprs for o in outcomes)
    told = f"pain {baseline_nprs} before the course, {latest.nprs} after visit {latest.visit}"
    if -eased >= rule.nprs_mcid:
        return Advice(Reason.WORSE, f"{told}: worse. Stop and examine the patient", rule.source)
    if eased >= rule.nprs_mcid or (eased > 0 and latest.nprs == 0):
        return Advice(
            Reason.BETTER, f"{told}: the change that matters is reached. Review whether to go on", rule.source
        )
    if latest.visit >= visits:
        return Advice(Reason.DONE, f"{told}: all {visits} visits were given. Review", rule.source)
    if latest.visit >= rule.unchanged_after_visits and best < rule.nprs_mcid:
        text = f"{told}: no change that matters in {latest.visit} visits. Review the diagnosis and the treatment"
        return Advice(Reason.UNCHANGED, text, rule.source)
    return None
