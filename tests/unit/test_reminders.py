"""When somebody is reminded of what is due: in good time, once, and of the most urgent only."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.domain.reminders import (
    LEADS_DAYS,
    Agenda,
    Day,
    Item,
    Kind,
    Reminder,
    Told,
    agenda,
    next_moment,
    present_reminder,
    spoken,
)

HELSINKI = ZoneInfo("Europe/Helsinki")
DAY = Day(time(7), HELSINKI)
DONE = datetime(2026, 1, 10, 9, 0, tzinfo=UTC)
DUE = datetime(2027, 1, 10, 9, 0, tzinfo=UTC)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=HELSINKI)


def a_calibration(**changes: Any) -> Item:
    usual = Item(Kind.CALIBRATION, "calibration of left", "left", DONE, DUE, None, "calibration of left: overdue since")
    return replace(usual, **changes)


def a_check(made: datetime, every: timedelta = timedelta(hours=24)) -> Item:
    return Item(Kind.CHECK, "check of left", "left", made, made + every, None, "check of left: overdue")


def a_cleaning(hours_left: float | None, at: datetime | None = None) -> Item:
    return Item(Kind.MAINTENANCE, "cleaned of left", "left", DONE, at, hours_left, "cleaned of left: due")


def present(item: Item, now: datetime) -> Reminder:
    found = present_reminder(item, now, DAY)
    assert found is not None
    return found


def told_by(found: Agenda, *, open: bool = True) -> dict[str, Told]:
    """What the controller remembers after it was told all of it."""
    return {r.item.name: Told(r.item.occasion, r.lead_days, open) for r in found.tell}


# --- moments -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "lead_days", "says"),
    [
        ("2026-12-11T07:00", 30, "due 2027-01-10, in 30 days"),
        ("2027-01-03T07:00", 7, "due 2027-01-10, in 7 days"),
        ("2027-01-09T07:00", 1, "due tomorrow, 2027-01-10"),
        ("2027-01-10T07:00", 0, "due today"),
    ],
)
def test_a_calibration_is_told_of_when_the_day_begins_30_7_1_and_0_days_before(
    moment: str, lead_days: int, says: str
) -> None:
    at = local(moment)
    before = present_reminder(a_calibration(), at - timedelta(seconds=1), DAY)
    assert before is None or before.lead_days > lead_days
    assert next_moment(a_calibration(), at - timedelta(seconds=1), DAY) == at
    found = present(a_calibration(), at)
    assert (found.lead_days, found.planned_at) == (lead_days, at)
    assert says in found.text


def test_what_is_far_ahead_is_not_told_of() -> None:
    assert present_reminder(a_calibration(), local("2026-12-01T12:00"), DAY) is None


def test_a_lead_that_was_over_when_it_was_done_is_none_of_this_occasion() -> None:
    """Valid for ten days only: nobody is told at once that it is due within a month."""
    short = a_calibration(at=DONE + timedelta(days=10))
    assert present_reminder(short, DONE + timedelta(minutes=1), DAY) is None
    assert next_moment(short, DONE, DAY) == local("2026-01-13T07:00")


def test_what_was_never_done_is_told_of_at_once() -> None:
    never = a_calibration(last_at=None, at=None, text="calibration of left: never done")
    assert present(never, DONE).text == "calibration of left: never done"
    assert next_moment(never, DONE, DAY) is None


def test_the_day_begins_by_the_clock_on_the_wall_in_summer_and_in_winter() -> None:
    summer = a_calibration(at=local("2026-07-20T12:00").astimezone(UTC))
    assert next_moment(summer, local("2026-07-19T12:00"), DAY) == datetime(2026, 7, 20, 4, 0, tzinfo=UTC)
    assert next_moment(a_calibration(), local("2027-01-09T12:00"), DAY) == datetime(2027, 1, 10, 5, 0, tzinfo=UTC)


# --- the daily check -----------------------------------------------------------------------------------------------------


def test_a_check_is_told_of_in_the_morning_before_the_first_session() -> None:
    check = a_check(local("2026-11-23T09:10"))
    assert next_moment(check, local("2026-11-23T09:11"), DAY) == local("2026-11-24T07:00")
    found = present(check, local("2026-11-24T07:00"))
    assert "due today; the last one counts until 09:10" in found.text
    assert "due before the next session" in present(check, local("2026-11-24T10:00")).text


@pytest.mark.parametrize(
    ("made", "hours", "told"),
    [
        ("2026-11-23T09:00", 12, "2026-11-24T07:00"),  # it lapsed in the evening, when nobody was there
        ("2026-11-23T06:50", 24, "2026-11-24T07:00"),
        ("2026-11-23T15:00", 24, "2026-11-24T07:00"),
        ("2026-11-23T09:00", 72, "2026-11-26T07:00"),
    ],
)
def test_whenever_it_was_made_a_check_is_told_of_on_the_morning_of_its_day(made: str, hours: int, told: str) -> None:
    check = a_check(local(made), timedelta(hours=hours))
    assert present_reminder(check, local(told) - timedelta(seconds=1), DAY) is None
    assert present(check, local(told)).planned_at == local(told)


def test_a_check_that_nobody_makes_is_told_of_every_morning() -> None:
    check = a_check(local("2026-11-23T09:00"))
    told: dict[str, Told] = {}
    mornings = [local("2026-11-24T07:00") + timedelta(days=days) for days in range(3)]
    for morning in mornings:
        found = agenda([check], told, morning, DAY)
        assert len(found.tell) == 1
        told = told_by(found, open=False)
        assert not agenda([check], told, morning + timedelta(hours=5), DAY).tell
        assert found.wake["check of left"] == morning + timedelta(days=1)


def test_after_a_weekend_only_this_mornings_is_told() -> None:
    found = agenda([a_check(local("2026-11-20T09:00"))], {}, local("2026-11-23T08:00"), DAY)
    assert [r.planned_at for r in found.tell] == [local("2026-11-23T07:00")]


# --- lamp-hours ----------------------------------------------------------------------------------------------------------


def test_lamp_hours_are_told_of_when_few_are_left_and_when_none_is() -> None:
    now = local("2026-11-23T12:00")
    assert present_reminder(a_cleaning(10.5), now, DAY) is None
    assert present(a_cleaning(9.9), now).lead_days == 7
    assert present(a_cleaning(0.0), now).lead_days == 0
    assert present(a_cleaning(-3.0), now).late(now) == timedelta(), "no date had promised anything"


def test_of_date_and_lamp_hours_the_more_urgent_one_is_told() -> None:
    tomorrow = local("2026-11-24T12:00")
    now = local("2026-11-23T12:00")
    assert present(a_cleaning(5.0, at=tomorrow), now).lead_days == 1
    assert present(a_cleaning(-1.0, at=tomorrow), now).lead_days == 0


# --- once, late, and no more ---------------------------------------------------------------------------------------------


def test_what_was_told_is_not_told_again() -> None:
    now = local("2027-01-03T07:00")
    first = agenda([a_calibration()], {}, now, DAY)
    assert [r.lead_days for r in first.tell] == [7]
    for open in (True, False):
        again = agenda([a_calibration()], told_by(first, open=open), now + timedelta(days=2), DAY)
        assert (again.tell, again.settle) == ((), ())


def test_after_a_long_absence_only_the_most_urgent_is_told_with_how_late_it_is() -> None:
    now = local("2027-01-12T10:00")
    found = agenda([a_calibration()], {}, now, DAY)
    assert [r.lead_days for r in found.tell] == [0]
    assert found.tell[0].late(now) == timedelta(days=2, hours=3)
    assert "overdue since" in found.tell[0].text


def test_a_minute_is_not_late() -> None:
    now = local("2027-01-10T07:01")
    assert present(a_calibration(), now).late(now) == timedelta()


def test_a_clock_that_is_set_back_tells_nothing_twice_and_takes_nothing_back() -> None:
    told = told_by(agenda([a_calibration()], {}, local("2027-01-10T07:00"), DAY))
    back = agenda([a_calibration()], told, local("2027-01-10T05:00"), DAY)
    assert (back.tell, back.settle) == ((), ())
    assert back.wake["calibration of left"] == local("2027-01-10T07:00")
    assert not agenda([a_calibration()], told, local("2027-01-10T07:00"), DAY).tell


def test_once_it_is_done_its_reminder_goes_and_the_next_occasion_is_another() -> None:
    now = local("2027-01-10T12:00")
    told = told_by(agenda([a_calibration()], {}, now, DAY))
    renewed = a_calibration(last_at=now, at=now + timedelta(days=365))
    found = agenda([renewed], told, now + timedelta(minutes=1), DAY)
    assert (found.tell, found.settle) == ((), ("calibration of left",))
    assert [r.lead_days for r in agenda([renewed], told, now + timedelta(days=340), DAY).tell] == [30]


def test_what_the_station_no_longer_has_is_settled_too() -> None:
    told = told_by(agenda([a_calibration()], {}, local("2027-01-10T12:00"), DAY))
    assert agenda([], told, local("2027-01-10T12:01"), DAY).settle == ("calibration of left",)


@given(
    kind=st.sampled_from(Kind),
    length=st.integers(1, 400 * 24),
    looks=st.lists(st.integers(0, 420 * 24 * 60), min_size=1, max_size=40),
)
def test_whenever_somebody_looks_each_reminder_is_told_at_most_once_and_the_last_one_says_what_is_true(
    kind: Kind, length: int, looks: list[int]
) -> None:
    """Also with a clock that goes to and fro: the looks are in no order."""
    item = Item(kind, "it", "left", DONE, DONE + timedelta(hours=length), None, "it: overdue")
    told: dict[str, Told] = {}
    heard: list[int] = []
    for minutes in looks:
        found = agenda([item], told, DONE + timedelta(minutes=minutes), DAY)
        heard += [r.lead_days for r in found.tell]
        told |= told_by(found)
        assert found.settle == ()
        assert all(at > DONE + timedelta(minutes=minutes) for at in found.wake.values())
    assert heard == sorted(set(heard), reverse=True), "never twice, and never a less urgent one after a more urgent one"
    latest = present_reminder(item, DONE + timedelta(minutes=max(looks)), DAY)
    assert (heard[-1] if heard else None) == (None if latest is None else latest.lead_days)


@given(kind=st.sampled_from(Kind), length=st.integers(1, 400 * 24))
def test_who_looks_at_each_wake_misses_no_moment(kind: Kind, length: int) -> None:
    item = Item(kind, "it", "left", DONE, DONE + timedelta(hours=length), None, "it: overdue")
    now, told, lates = DONE, dict[str, Told](), list[timedelta]()
    for _ in range(len(LEADS_DAYS[kind]) + 1):
        found = agenda([item], told, now, DAY)
        lates += [r.late(now) for r in found.tell]
        told |= told_by(found)
        if not found.wake:
            break
        now = found.wake["it"]
    assert lates
    assert set(lates) == {timedelta()}


def test_delays_as_people_say_them() -> None:
    said = [spoken(timedelta(minutes=minutes)) for minutes in (25, 90, 180, 1500, 3000)]
    assert said == ["25 min", "90 min", "3 h", "25 h", "2 days"]
