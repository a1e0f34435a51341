"""The benchmark of coverage tells an honest uncertainty from one that is not: its worlds are what is claimed, its verdict can be no."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import sqrt
from statistics import fmean, pstdev

import pytest

from benchmarks import coverage
from benchmarks.coverage import Calibrated, Given, Lot, Point
from benchmarks.report import Report

AS_CLAIMED = {
    "factor_error": coverage.METER_U_PCT / 200.0,
    "mismatch_error": coverage.MISMATCH_U_PCT / 200.0,
    "cosine_error": coverage.COSINE_PCT / 100.0 / sqrt(3.0),
    "off_cm": coverage.POSITIONING_CM / sqrt(3.0),
    "tilt_deg": coverage.TILT_DEG / sqrt(3.0),
    "lamp_drift": coverage.DRIFT_ALLOWANCE_PCT / 100.0 / sqrt(3.0),
    "patient_off_cm": coverage.POSITIONING_CM / sqrt(3.0),
}
"""Standard deviations: half of an expanded uncertainty, limits by √3."""


def test_worlds_are_drawn_from_what_is_claimed_and_from_the_seed():
    lots = coverage.draw(512, seed=3)
    for name, deviation in AS_CLAIMED.items():
        drawn = [getattr(lot, name) for lot in lots]
        assert fmean(drawn) == pytest.approx(0.0, abs=0.03 * deviation), name
        assert pstdev(drawn) == pytest.approx(deviation, rel=0.03), name
    assert sum(lot.measured for lot in lots) == pytest.approx(256, abs=5)
    assert coverage.draw(7, seed=3) == lots[:7]
    assert coverage.draw(7, seed=4) != lots[:7]


def without_errors(**changes: float) -> Lot:
    lot = next(lot for lot in coverage.draw(8, seed=1) if lot.measured)
    perfect = dict.fromkeys((*AS_CLAIMED, "meter_drift", "mains_pct"), 0.0)
    return replace(lot, **(perfect | changes))


@pytest.mark.parametrize(("off_pct", "covered"), [(0.0, True), (8.0, False)])
def test_a_meter_within_its_certificate_is_covered_and_one_far_beyond_is_not(off_pct: float, covered: bool):
    """The whole way once: a meter whose factor is by 8 % another makes every point and the dose wrong by as much, low."""
    found = coverage.calibrated(without_errors(factor_error=off_pct / 100.0))
    assert found.failed == ""
    assert found.given is not None
    told_pct = 100.0 / (1.0 + off_pct / 100.0) - 100.0
    assert len(found.points) == len(coverage.LEVELS_PCT)
    for point in (*found.points, *found.between):
        assert point.error_pct == pytest.approx(told_pct, abs=1.0)
        assert point.covered is covered
    assert found.given.error_pct == pytest.approx(told_pct, abs=1.0)
    assert found.given.covered is covered


def some(errors: Callable[[int], float], expanded_pct: float = 5.0, failed: str = "") -> list[Calibrated]:
    """Calibrations whose points and doses are off by this, in % of the truth."""

    def one(number: int, lot: Lot) -> Calibrated:
        off_pct = errors(number)
        points = tuple(Point(level, off_pct, expanded_pct) for level in coverage.LEVELS_PCT)
        best = 1.0 + off_pct / 100.0
        given = Given(1.0, best - expanded_pct / 100.0, best, best + expanded_pct / 100.0)
        return Calibrated(lot, points, points, given, 600.0, 1.0, failed if number == 0 else "")

    return [one(number, lot) for number, lot in enumerate(coverage.draw(100, seed=1))]


def normal(number: int) -> float:
    """A hundred quantiles of a normal distribution of 2.5 %, each once."""
    from scipy.stats import norm

    return float(2.5 * norm.ppf((number + 0.5) / 100.0))


def missed(*reports: Report) -> set[str]:
    return {target.what for report in reports for target in report.targets if not target.met}


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (some(normal), set[str]()),
        (some(normal, 3.0), {"points within their U", "doses within their interval", "rms of error / u"}),
        (some(normal, 9.0), {"points within their U", "rms of error / u"}),
        (some(lambda number: normal(number) + 1.0, 5.6), {"mean of error / u, by amount"}),
        (some(normal, failed="it stopped"), {"calibrations or treatments that came to no end"}),
    ],
)
def test_too_small_too_large_or_biased_uncertainties_miss_their_targets(found: list[Calibrated], says: set[str]):
    assert says <= missed(coverage.points(found), coverage.doses(found))
    assert says or not missed(coverage.points(found), coverage.doses(found))


def test_an_interval_knows_that_the_points_of_one_calibration_share_its_meter():
    """Six points that are always right or wrong together tell no more than one."""
    report = coverage.points(some(normal))
    row = {cells[0]: cells for cells in report.rows}
    assert row["all points"][3] == row["60 %"][3]
