"""The calibration curve: monotone both ways, never extrapolated, and refused when it could mislead."""

from datetime import UTC, datetime, timedelta
from itertools import accumulate
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.domain.calibration import (
    CURVE_POINTS_MIN,
    Calibration,
    CalibrationError,
    OutsideCalibration,
    Point,
    points_from,
)
from tests.unit.worlds import NOW, POINTS, a_calibration

shares = st.floats(0.0, 1.0)
clock_offsets = st.floats(-1e8, 1e8)


def rising(count: int, low: float, high: float) -> st.SearchStrategy[list[float]]:
    """`count` numbers in rising order, far enough apart to be different measurements."""

    def laid_out(steps: list[float]) -> list[float]:
        return [min(low + (high - low) * total / sum(steps), high) for total in accumulate(steps)]

    return st.lists(st.floats(0.5, 10.0), min_size=count, max_size=count).map(laid_out)


@st.composite
def calibrations(draw: st.DrawFn) -> Calibration:
    count = draw(st.integers(CURVE_POINTS_MIN, 10))
    pairs = zip(draw(rising(count, 0.1, 100.0)), draw(rising(count, 1.0, 150.0)), strict=True)
    return a_calibration(points=points_from(list(pairs)))


curves = calibrations()


def between(low: float, high: float, share: float) -> float:
    return min(max(low + (high - low) * share, low), high)


@given(curves, shares)
def test_the_level_found_for_an_irradiance_gives_that_irradiance(curve: Calibration, share: float) -> None:
    irradiance = between(curve.irradiance_min_mw_cm2, curve.irradiance_max_mw_cm2, share)
    level = curve.level_for(irradiance)
    assert curve.level_min_pct <= level <= curve.level_max_pct
    assert curve.irradiance_at(level) == pytest.approx(irradiance, abs=1e-6)


@given(shares)
def test_there_and_back_again_on_a_real_curve(share: float) -> None:
    curve = a_calibration()
    level = between(curve.level_min_pct, curve.level_max_pct, share)
    # The curve meets its ends to the last bit only, and one bit outside is outside.
    irradiance = min(max(curve.irradiance_at(level), curve.irradiance_min_mw_cm2), curve.irradiance_max_mw_cm2)
    assert curve.level_for(irradiance) == pytest.approx(level, abs=1e-6)


@given(curves, shares, shares)
def test_more_level_never_gives_less_light(curve: Calibration, one: float, other: float) -> None:
    lower, upper = sorted(between(curve.level_min_pct, curve.level_max_pct, share) for share in (one, other))
    assert curve.irradiance_at(lower) <= curve.irradiance_at(upper) + 1e-9


@given(curves)
def test_the_curve_goes_through_its_points_and_answers_at_its_very_ends(curve: Calibration) -> None:
    for point in curve.points:
        assert curve.irradiance_at(point.level_pct) == pytest.approx(point.irradiance_mw_cm2)
        assert curve.level_for(point.irradiance_mw_cm2) == pytest.approx(point.level_pct, rel=1e-3)
    assert curve.level_for(curve.irradiance_max_mw_cm2) <= curve.level_max_pct


@given(curves, st.floats(1e-6, 1e3))
def test_outside_what_was_measured_there_is_no_answer(curve: Calibration, beyond: float) -> None:
    for level in (curve.level_min_pct - beyond, curve.level_max_pct + beyond):
        with pytest.raises(OutsideCalibration):
            curve.irradiance_at(level)
    for irradiance in (curve.irradiance_min_mw_cm2 - beyond, curve.irradiance_max_mw_cm2 + beyond):
        with pytest.raises(OutsideCalibration):
            curve.level_for(irradiance)


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_what_is_no_number_has_no_answer(value: float) -> None:
    with pytest.raises(OutsideCalibration):
        a_calibration().irradiance_at(value)
    with pytest.raises(OutsideCalibration):
        a_calibration().level_for(value)


def test_dark_is_outside_every_calibration() -> None:
    with pytest.raises(OutsideCalibration):
        a_calibration().irradiance_at(0.0)


@pytest.mark.parametrize("count", range(CURVE_POINTS_MIN))
def test_too_few_points_are_no_curve(count: int) -> None:
    with pytest.raises(CalibrationError, match=f"{count} points"):
        a_calibration(points=points_from(POINTS[:count]))


@pytest.mark.parametrize(
    "points",
    [
        ((10, 20), (50, 20), (90, 80)),
        ((10, 20), (50, 15), (90, 80)),
        ((10, 20), (10, 30), (90, 80)),
    ],
    ids=["flat", "falling", "one level twice"],
)
def test_points_that_do_not_rise_are_refused_and_named(points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(CalibrationError, match="not monotone between 10 %"):
        a_calibration(points=points_from(points))


@pytest.mark.parametrize(
    "bad", [(nan, 30.0), (50.0, nan), (50.0, inf), (0.0, 5.0), (-5.0, 5.0), (50.0, 0.0), (101.0, 97.0)]
)
def test_points_that_nobody_can_have_measured_are_refused(bad: tuple[float, float]) -> None:
    points = (Point(5.0, 8.0), Point(*bad), Point(60.0, 60.0), Point(70.0, 70.0))
    with pytest.raises(CalibrationError, match="no measurement"):
        a_calibration(points=points)


@pytest.mark.parametrize(
    "changes",
    [
        {"distance_cm": 0.0},
        {"distance_cm": nan},
        {"expanded_uncertainty_pct": 0.0},
        {"expanded_uncertainty_pct": inf},
        {"positioning_cm": -1.0},
        {"drift_allowance_pct": -1.0},
        {"drift_allowance_pct": nan},
        {"meter_uncertainty_pct": 0.0},
        {"meter_uncertainty_pct": nan},
        {"performed_at": datetime(2026, 1, 1)},  # noqa: DTZ001
        {"valid_until": datetime(2030, 1, 1)},  # noqa: DTZ001
        {"valid_until": datetime(2020, 1, 1, tzinfo=UTC)},
        {"valid_until": a_calibration().performed_at},
    ],
    ids=str,
)
def test_a_record_that_would_mislead_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(CalibrationError):
        a_calibration(**changes)


def test_a_lamp_that_is_taken_not_to_drift_is_a_record_too() -> None:
    assert a_calibration(drift_allowance_pct=0.0).drift_allowance_pct == 0.0


@given(clock_offsets)
def test_it_is_in_force_from_when_it_was_made_until_it_ends_and_not_a_moment_longer(offset_s: float) -> None:
    calibration = a_calibration(performed_at=NOW, valid_until=NOW + timedelta(days=365))
    moment = NOW + timedelta(seconds=offset_s)
    assert calibration.in_force(moment) == (NOW <= moment < NOW + timedelta(days=365))
    assert not calibration.in_force(calibration.valid_until)
    assert calibration.in_force(calibration.performed_at)
