"""An order is allowed, or refused with every reason at once; it is never changed."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.domain.calibration import Calibration
from irctl.domain.limits import Limits
from irctl.domain.orders import (
    DURATION_MAX_S,
    FLUENCE_ABSOLUTE_MAX_J_CM2,
    IRRADIANCE_MAX_MW_CM2,
    IRRADIANCE_MAX_WITH_SKIN_MW_CM2,
    TEXT_MAX,
    Order,
    problems_with,
)
from irctl.domain.problems import Problem
from tests.unit.worlds import LIMITS, NOW, a_calibration, an_order

CALIBRATION = a_calibration()


def problems(
    order: Order | None = None,
    *,
    limits: Limits = LIMITS,
    calibration: Calibration | None = CALIBRATION,
    distance_cm: float = 50.0,
    now: datetime = NOW,
    **changes: Any,
) -> list[Problem]:
    return problems_with(order or an_order(**changes), limits, calibration, distance_cm, now)


def fields(found: list[Problem]) -> list[str]:
    for problem in found:
        assert problem.limit
        assert problem.remedy
        assert str(problem)
    return [problem.field for problem in found]


def test_an_order_within_every_limit_is_allowed() -> None:
    assert problems() == []


def test_the_projects_limits_are_not_changed_by_accident() -> None:
    """A design choice, not a standard; the safety case cites these figures."""
    assert IRRADIANCE_MAX_MW_CM2 == 100.0
    assert IRRADIANCE_MAX_WITH_SKIN_MW_CM2 == 150.0
    assert DURATION_MAX_S == 30 * 60
    assert FLUENCE_ABSOLUTE_MAX_J_CM2 == 200.0


def test_a_small_dose_is_an_order_too() -> None:
    assert problems(an_order(fluence_j_cm2=0.005)) == []


def test_the_planned_time_is_dose_over_irradiance() -> None:
    assert an_order(fluence_j_cm2=60.0, irradiance_mw_cm2=50.0).planned_s == pytest.approx(1200.0)


def test_everything_wrong_is_said_at_once_in_the_order_a_person_reads() -> None:
    found = problems(
        patient="",
        area="x" * (TEXT_MAX + 1),
        by="a\x07clinician",
        fluence_j_cm2=120.0,
        irradiance_mw_cm2=5.0,
        now=NOW + timedelta(days=3650),
        distance_cm=60.0,
    )
    assert fields(found) == [
        "patient",
        "area",
        "by",
        "fluence_j_cm2",
        "duration_s",
        "calibration",
        "distance_cm",
        "irradiance_mw_cm2",
    ]


@pytest.mark.parametrize("field", ["fluence_j_cm2", "irradiance_mw_cm2"])
@pytest.mark.parametrize("value", [0.0, -0.0, -5.0, nan, inf, -inf])
def test_what_is_no_positive_number_is_refused_and_confuses_no_other_check(field: str, value: float) -> None:
    (problem,) = problems(an_order(**{field: value}))
    assert problem.field == field
    assert "number above zero" in problem.limit


@pytest.mark.parametrize("field", ["fluence_j_cm2", "irradiance_mw_cm2"])
def test_a_slip_of_the_decimal_point_is_called_one(field: str) -> None:
    order = an_order(**{field: getattr(an_order(), field) * 10})
    (problem,) = [p for p in problems(order) if p.field == field and "no treatment" in p.limit]
    assert "decimal point" in problem.remedy


def test_a_dose_above_the_lamps_limit_names_the_limit() -> None:
    (problem,) = problems(fluence_j_cm2=90.1, irradiance_mw_cm2=90.0)
    assert problem.field == "fluence_j_cm2"
    assert "90 J/cm²" in problem.limit
    assert problems(fluence_j_cm2=90.0, irradiance_mw_cm2=90.0) == []


def test_an_irradiance_above_the_lamps_limit_is_refused_even_where_it_is_calibrated() -> None:
    limits = Limits(60.0, 90.0, 1800.0, 43.0)
    assert fields(problems(irradiance_mw_cm2=60.5, limits=limits)) == ["irradiance_mw_cm2"]
    assert problems(irradiance_mw_cm2=60.0, limits=limits) == []


def test_a_treatment_that_would_take_too_long_is_refused_not_shortened() -> None:
    (problem,) = problems(fluence_j_cm2=60.0, irradiance_mw_cm2=30.0)
    assert (problem.field, problem.value) == ("duration_s", 2000)
    assert problems(fluence_j_cm2=54.0, irradiance_mw_cm2=30.0) == []


@pytest.mark.parametrize("field", ["patient", "area", "by"])
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("x" * (TEXT_MAX + 1), "longer"),
        ("line\nbreak", "control"),
        ("bell\x07", "control"),
        ("next\x85line", "control"),
        ("separator\u2028", "control"),
        ("turned\u202eround", "control"),
        ("half\ud800pair", "control"),
    ],
)
def test_a_text_that_would_spoil_the_record_is_refused(field: str, text: str, why: str) -> None:
    (problem,) = problems(an_order(**{field: text}))
    assert problem.field == field
    assert why in problem.limit
    assert len(str(problem.value)) <= 30


@pytest.mark.parametrize("text", ["Épaule gauche", "腰部", "L4/L5, left", "x" * TEXT_MAX])
def test_any_language_is_welcome(text: str) -> None:
    assert problems(area=text) == []


def test_a_lamp_without_calibration_gives_no_light() -> None:
    assert fields(problems(calibration=None)) == ["calibration"]


def test_a_calibration_is_refused_from_the_moment_it_expires() -> None:
    calibration = a_calibration()
    assert problems(now=calibration.valid_until - timedelta(seconds=1)) == []
    (problem,) = problems(now=calibration.valid_until)
    assert problem.field == "calibration"
    assert "ended on 2027-11-01" in problem.limit


def test_a_calibration_from_the_future_is_a_wrong_clock() -> None:
    (problem,) = problems(now=a_calibration().performed_at - timedelta(seconds=1))
    assert "2026-11-01 00:00 UTC, which is not yet" in problem.limit
    assert "clock" in problem.remedy


@pytest.mark.parametrize("distance_cm", [49.9, 50.1, 25.0, 100.0])
def test_a_calibration_holds_at_its_own_distance_only(distance_cm: float) -> None:
    assert fields(problems(distance_cm=distance_cm)) == ["distance_cm"]


@pytest.mark.parametrize("irradiance", [5.0, 8.6, 95.1, 99.0])
def test_what_was_never_measured_is_not_given(irradiance: float) -> None:
    found = problems(fluence_j_cm2=5.0, irradiance_mw_cm2=irradiance)
    assert fields(found) == ["irradiance_mw_cm2"]
    assert "outside the calibrated" in found[0].limit


@pytest.mark.parametrize("irradiance", [8.65, 95.0])
def test_the_ends_of_the_calibrated_range_belong_to_it(irradiance: float) -> None:
    assert problems(fluence_j_cm2=5.0, irradiance_mw_cm2=irradiance) == []


anything = st.floats(allow_nan=True, allow_infinity=True)


@given(anything, anything)
def test_whatever_is_allowed_is_within_every_limit_and_the_rest_is_refused(fluence: float, irradiance: float) -> None:
    order = an_order(fluence_j_cm2=fluence, irradiance_mw_cm2=irradiance)
    allowed = not problems(order)
    within = (
        0 < fluence <= LIMITS.fluence_j_cm2_max
        and 8.65 <= irradiance <= 95.0
        and fluence * 1000.0 / irradiance <= LIMITS.duration_s_max
    )
    assert allowed == within


@given(st.floats(0.1, 300.0), st.floats(1.0, 200.0))
def test_near_the_limits_too(fluence: float, irradiance: float) -> None:
    order = an_order(fluence_j_cm2=fluence, irradiance_mw_cm2=irradiance)
    allowed = not problems(order)
    within = fluence <= 90.0 and 8.65 <= irradiance <= 95.0 and fluence * 1000.0 / irradiance <= 1800.0
    assert allowed == within
    assert fluence <= FLUENCE_ABSOLUTE_MAX_J_CM2 or not allowed
