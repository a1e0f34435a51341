"""The reference meter: what its certificate makes of a reading, when it may not be used, and whether two of them agree."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from irctl.domain.comparison import compare
from irctl.domain.meters import Meter, MeterError, meter_problems
from irctl.domain.readings import MeasuredPoint, points
from tests.unit.benches import NOW, ALamp, a_meter, a_plan, readings_of


def test_factor_and_mismatch_correct_what_is_above_dark() -> None:
    assert a_meter().corrected_mw_cm2(50.2, 0.2, "halogen") == pytest.approx(50.0 * 1.02 * 0.97)


def test_a_certificate_is_the_same_after_the_journal() -> None:
    assert Meter.of(a_meter().as_dict()) == a_meter()


def test_a_meter_in_order_has_no_problem() -> None:
    assert meter_problems(a_meter(), "halogen", NOW) == []


@pytest.mark.parametrize(
    ("meter", "lamp_type", "now", "says"),
    [
        (a_meter(), "halogen", datetime(2027, 5, 1, tzinfo=UTC), "K-2026-118 ended on 2027-05-01"),
        (a_meter(), "halogen", datetime(2026, 4, 30, tzinfo=UTC), "is not yet"),
        (a_meter(), "ceramic", NOW, "no spectral mismatch for lamp type 'ceramic'; it has: halogen"),
    ],
    ids=["expired", "not yet", "another lamp"],
)
def test_a_meter_that_cannot_calibrate_says_why(meter: Meter, lamp_type: str, now: datetime, says: str) -> None:
    (problem,) = meter_problems(meter, lamp_type, now)
    assert says in problem.limit
    assert problem.remedy


@pytest.mark.parametrize(
    "changes",
    [
        {"factor": 0.0},
        {"cosine_pct": -1.0},
        {"range_max_mw_cm2": float("nan")},
        {"valid_until": datetime(2020, 1, 1, tzinfo=UTC)},
    ],
    ids=str,
)
def test_a_certificate_that_would_mislead_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MeterError, match="reference"):
        a_meter(**changes)


def seen_by(meter: Meter, output: float, scope: str) -> tuple[MeasuredPoint, ...]:
    return points(
        readings_of(ALamp(output), a_plan(), meter), meter, "halogen", distance_cm=50.0, positioning_cm=0.5, scope=scope
    )


def test_two_meters_that_see_the_same_agree_and_a_biased_one_does_not() -> None:
    other = a_meter(name="other", serial="RM-8", certificate="K-2026-119", calibrated_at=NOW - timedelta(days=9))
    right = compare(seen_by(other, 1.0, "b"), seen_by(a_meter(), 1.0, "a"))
    assert right.agrees
    assert abs(right.e_n) < 0.2
    # 2 · √2 · 4.3 % is what two certificates allow.
    biased = compare(seen_by(other, 1.15, "b"), seen_by(a_meter(), 1.0, "a"))
    assert not biased.agrees
    assert biased.e_n == pytest.approx(15.0 / biased.levels[0].expanded_pct, rel=0.05)


def test_one_meter_agrees_with_itself_far_more_closely() -> None:
    again = compare(seen_by(a_meter(), 1.05, "b"), seen_by(a_meter(), 1.0, "a"))
    assert not again.agrees, "the same meter, so 5 % is the lamp or the place"


def test_meters_that_share_no_level_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="no level"):
        compare(seen_by(a_meter(), 1.0, "a")[:2], seen_by(a_meter(), 1.0, "a")[2:])
