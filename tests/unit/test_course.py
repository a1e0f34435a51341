"""A course: when its visits may be, and when it is proposed to end."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.domain.course import (
    CourseRule,
    Outcome,
    Reason,
    Settings,
    StopRule,
    Visit,
    advice,
    planned,
    problems_with_times,
)
from irctl.domain.problems import Refused
from tests.unit.worlds import NOW

BERLIN = ZoneInfo("Europe/Berlin")
RULE = CourseRule(per_week=3, weeks=4, fluence_j_cm2_max=600.0)
DAY_S = 86_400.0


def test_three_a_week_for_four_weeks_are_mondays_wednesdays_and_fridays() -> None:
    first = datetime(2026, 11, 24, 10, 30, tzinfo=BERLIN)  # a Tuesday
    plan = planned(first, RULE, 20 * 3600.0)
    assert len(plan) == 12
    assert plan[0] == datetime(2026, 11, 25, 10, 30, tzinfo=BERLIN)
    assert {time.weekday() for time in plan} == {0, 2, 4}
    assert problems_with_times(plan, RULE, 20 * 3600.0) == []


def test_a_closed_day_moves_what_comes_after_it() -> None:
    first = datetime(2026, 12, 21, 9, 0, tzinfo=BERLIN)
    plan = planned(first, RULE, 20 * 3600.0, closed={date(2026, 12, 25), date(2027, 1, 1)})
    assert len(plan) == 12
    assert date(2026, 12, 25) not in {time.date() for time in plan}
    assert plan[-1].date() == date(2027, 1, 20)


def test_the_hour_stays_over_the_change_to_winter_time_and_the_interval_is_real_time() -> None:
    first = datetime(2026, 10, 24, 10, 0, tzinfo=BERLIN)
    plan = planned(first, CourseRule(7, 1, 100.0), 0.0)
    assert {time.hour for time in plan} == {10}
    spring = [datetime(2026, 3, day, 10, 0, tzinfo=BERLIN) for day in (28, 29)]
    (problem,) = problems_with_times(spring, CourseRule(7, 1, 100.0), DAY_S)
    assert "23.0 h" in problem.limit


def test_no_plan_is_no_plan() -> None:
    with pytest.raises(Refused, match="find no place"):
        planned(NOW, RULE, 20 * 3600.0, weekdays=(5,), closed={NOW.date() + timedelta(days=n) for n in range(400)})


@given(
    st.integers(1, 7), st.integers(1, 6), st.floats(0, 60 * 3600.0), st.integers(0, 17_000),
    st.frozensets(st.integers(0, 30), max_size=8),
)  # fmt: skip
def test_whatever_is_planned_may_be(
    per_week: int, weeks: int, interval_s: float, hours: int, closed: frozenset[int]
) -> None:
    rule = CourseRule(per_week, weeks, 100.0)
    begin = datetime(2025, 1, 1, tzinfo=BERLIN) + timedelta(hours=hours)
    days = {begin.date() + timedelta(days=n) for n in closed}
    plan = planned(begin, rule, interval_s, closed=days)
    assert len(plan) == rule.visits
    assert not days & {time.date() for time in plan}
    assert plan[0] >= begin
    assert problems_with_times(plan, rule, interval_s) == []


def test_visits_that_were_moved_too_close_or_into_one_week_are_named() -> None:
    monday = datetime(2026, 11, 23, 10, 0, tzinfo=BERLIN)
    times = [monday + timedelta(days=d) for d in (0, 2, 4, 5)]
    (problem,) = problems_with_times(times, RULE, 20 * 3600.0)
    assert "seven days" in problem.limit
    (problem,) = problems_with_times([monday, monday + timedelta(hours=19)], RULE, 20 * 3600.0)
    assert "19.0 h" in problem.limit
    assert [p.value for p in problems_with_times([monday + timedelta(days=3 * n) for n in range(13)], RULE, 0.0)] == [
        13
    ]


def test_a_visit_that_was_cut_off_is_not_complete() -> None:
    settings = Settings("left", 20.0, 50.0)
    assert Visit(NOW, settings, 18.0, 20.0).complete
    assert not Visit(NOW, settings, 17.9, 20.0).complete


# --- its end, proposed ------------------------------------------------------------------------------------------------


def reason(baseline: int, *after: int, visits: int = 12) -> Reason | None:
    found = advice(StopRule(), visits, baseline, [Outcome(n, nprs) for n, nprs in enumerate(after, start=1)])
    if found is not None:
        assert found.source
        assert f"pain {baseline} before" in found.text
    return None if found is None else found.reason


@pytest.mark.parametrize(
    ("baseline", "after", "told"),
    [
        (7, (), None),
        (7, (6,), None),
        (7, (6, 5), Reason.BETTER),
        (1, (0,), Reason.BETTER),
        (0, (0, 0), None),
        (7, (9,), Reason.WORSE),
        (7, (6, 7, 7, 6, 7), None),
        (7, (6, 7, 7, 6, 7, 7), Reason.UNCHANGED),
        (7, (5, 7, 7, 6, 7, 7), None),
        (7, (5, *[6] * 11), Reason.DONE),
    ],
)  # fmt: skip
def test_the_end_is_proposed_when_pain_says_so(baseline: int, after: tuple[int, ...], told: Reason | None) -> None:
    assert reason(baseline, *after) == told


def test_what_is_no_rating_is_refused() -> None:
    with pytest.raises(Refused, match="between 0 and 10"):
        reason(7, 11)
