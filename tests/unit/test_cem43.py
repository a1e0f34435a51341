"""Thermal dose: the table of Sapareto and Dewey's formula, and what it must do between and beyond."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.domain.cem43 import cem43_min

temperatures = st.floats(20.0, 60.0)


@pytest.mark.parametrize(
    ("temperature_c", "per_minute"),
    [(39, 0.0039), (41, 0.0625), (42, 0.25), (43, 1.0), (44, 2.0), (45, 4.0), (47, 16.0)],
)
def test_a_minute_counts_as_the_table_says(temperature_c: float, per_minute: float) -> None:
    assert cem43_min(temperature_c, 60.0) == pytest.approx(per_minute, rel=0.01)


@given(temperatures, temperatures)
def test_hotter_never_counts_less(one_c: float, other_c: float) -> None:
    cooler, hotter = sorted((one_c, other_c))
    assert cem43_min(cooler, 60.0) <= cem43_min(hotter, 60.0)


@given(temperatures, st.floats(0, 1800), st.floats(0, 1800))
def test_times_at_one_temperature_add_up(temperature_c: float, first_s: float, second_s: float) -> None:
    together = cem43_min(temperature_c, first_s + second_s)
    assert cem43_min(temperature_c, first_s) + cem43_min(temperature_c, second_s) == pytest.approx(together)


def test_the_formula_has_no_step_at_43_degrees() -> None:
    assert cem43_min(43.0 - 1e-9, 60.0) == pytest.approx(cem43_min(43.0, 60.0))


@pytest.mark.parametrize("temperature_c", [100.0, 3276.7, 1e9, math.inf])
def test_a_broken_sensor_gives_a_huge_dose_and_no_overflow(temperature_c: float) -> None:
    dose_min = cem43_min(temperature_c, 1.0)
    assert math.isfinite(dose_min)
    assert dose_min > 1e6
