"""The screen that locks itself, and what it shows meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.domain.screen_lock import PIN_FAILURES_MAX, Lock, Part, Patience, ScreenLock, pin_problem

OPEN = ScreenLock().signed_in(1000.0)


def test_left_alone_it_locks_then_signs_out_and_a_touch_keeps_it_open() -> None:
    assert OPEN.at(1119.9).lock is Lock.OPEN
    assert OPEN.at(1120.0).lock is Lock.LOCKED
    assert OPEN.at(2800.0).lock is Lock.SIGNED_OUT
    assert OPEN.touched(1100.0).at(1219.0).lock is Lock.OPEN


def test_a_touch_opens_nothing_and_a_pin_opens_a_locked_screen_only() -> None:
    assert OPEN.touched(1150.0).lock is Lock.LOCKED
    opened = OPEN.pin_typed(1150.0, right=True)
    assert opened.lock is Lock.OPEN
    assert opened.at(1269.0).lock is Lock.OPEN
    assert OPEN.pin_typed(2800.0, right=True).lock is Lock.SIGNED_OUT
    assert ScreenLock().pin_typed(1.0, right=True).lock is Lock.SIGNED_OUT
    assert OPEN.locked(1001.0).lock is Lock.LOCKED


def test_a_few_wrong_pins_and_the_password_is_asked_for() -> None:
    lock = OPEN.locked(1001.0)
    for _ in range(PIN_FAILURES_MAX - 1):
        lock = lock.pin_typed(1002.0, right=False)
    assert lock.lock is Lock.LOCKED
    once_more = lock.pin_typed(1002.0, right=True).locked(1003.0).pin_typed(1003.0, right=False)
    assert once_more.lock is Lock.SIGNED_OUT, "a right PIN in between gives no new guesses"


def test_the_longest_shift_ends_with_a_password_however_busy() -> None:
    lock = ScreenLock(patience=Patience(longest_s=300.0)).signed_in(0.0)
    for now_s in range(0, 300, 60):
        lock = lock.touched(now_s)
    assert lock.at(299.0).lock is Lock.OPEN
    assert lock.at(300.0).lock is Lock.SIGNED_OUT


def test_a_clock_that_went_backwards_asks_for_the_password() -> None:
    assert OPEN.at(999.0).lock is Lock.SIGNED_OUT


steps = st.lists(
    st.tuples(st.sampled_from(["touched", "locked", "right", "wrong", "at"]), st.floats(-10.0, 5000.0)), max_size=20
)


@given(steps)
def test_whatever_happens_stop_live_view_and_alarms_are_shown_and_patients_only_when_open(
    steps: list[tuple[str, float]],
) -> None:
    lock, now_s = OPEN, 1000.0
    for what, later_s in steps:
        now_s += later_s
        match what:
            case "touched":
                lock = lock.touched(now_s)
            case "locked":
                lock = lock.locked(now_s)
            case "at":
                lock = lock.at(now_s)
            case _:
                lock = lock.pin_typed(now_s, right=what == "right")
        assert {Part.STOP, Part.LIVE, Part.ALARMS} <= lock.shows
        assert (Part.PATIENTS in lock.shows) == (lock.lock is Lock.OPEN)


@pytest.mark.parametrize("pin", ["12345", "123456", "987654", "000000", "890123", "12a456", "", "٣٣٤٥١٢"])
def test_a_pin_that_is_tried_first_or_is_none(pin: str) -> None:
    problem = pin_problem(pin)
    assert problem is not None
    assert problem.value is None


def test_a_pin() -> None:
    assert pin_problem("270419") is None
