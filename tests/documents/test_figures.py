"""Numbers as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.documents.figures import ceiled, duration, elapsed, exactly, floored, nearest, offset


@given(st.floats(0, 1e6), st.integers(0, 4))
def test_bounds_are_rounded_outwards_by_less_than_one_step(value: float, places: int) -> None:
    exact, step = Fraction(repr(value)), Fraction(1, 10**places)
    assert exact - step < Fraction(floored(value, places)) <= exact
    assert exact <= Fraction(ceiled(value, places)) < exact + step


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e6), st.integers(0, 3))
def test_what_is_printed_stays_in_order(a: float, b: float, c: float, places: int) -> None:
    low, best, high = sorted((a, b, c))
    assert Decimal(floored(low, places)) <= Decimal(nearest(best, places)) <= Decimal(ceiled(high, places))


def test_a_figure_that_is_exact_stays_itself() -> None:
    assert (floored(57.7, 1), ceiled(57.7, 1), ceiled(0.1 + 0.2, 1)) == ("57.7", "57.7", "0.4")


def test_an_order_is_not_rounded() -> None:
    assert [exactly(v, 1) for v in (60.0, 60, 60.05, 4.125, 100.0)] == ["60.0", "60.0", "60.05", "4.125", "100.0"]


def test_nothing_is_minus_nothing() -> None:
    assert nearest(-0.01, 1) == "0.0"


@pytest.mark.parametrize(("seconds", "words"), [(0, "0 s"), (48.4, "48 s"), (59.6, "1 min"), (1208, "20 min 08 s")])
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_elapsed_time() -> None:
    assert [elapsed(s) for s in (None, 0.0, 499.9, 3700.0)] == ["–", "+00:00", "+08:19", "+61:40"]


@pytest.mark.parametrize(("hours", "words"), [(0, "UTC"), (1, "UTC+01:00"), (-5, "UTC−05:00"), (5.75, "UTC+05:45")])
def test_offsets(hours: float, words: str) -> None:
    assert offset(datetime(2026, 1, 1, tzinfo=UTC).astimezone(timezone(timedelta(hours=hours)))) == words
