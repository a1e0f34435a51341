"""From readings to points and decisions: U covers the truth, correlated parts are known as such, and checks use what cancels."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import sqrt
from random import Random

import pytest

from irctl.domain.budget import Budget, Shared
from irctl.domain.calibration import Calibration, OutsideCalibration
from irctl.domain.findings import Conditions, Findings, findings
from irctl.domain.readings import points
from irctl.domain.steps import Step
from irctl.domain.tolerance import Decision
from irctl.domain.verification import monitor_points, verified
from tests.unit.benches import APPROVED, LEVELS, NOW, ALamp, Bench, a_meter, a_plan, a_reading, readings_of
from tests.unit.worlds import a_calibration as a_calibration_file

STOOD = Conditions(steadiness_pct=0.1, angle_deg=2.0, positioning_cm=0.5)
TRUTH = ALamp()
STATED = [(level, TRUTH.irradiance(level)) for level in LEVELS]


def found(lamp: ALamp, stated: list[tuple[float, float]] | None = None, **changes: object) -> Findings:
    planned = a_plan(**changes)
    return findings(
        "as-found", readings_of(lamp, planned, a_meter()), a_meter(), "halogen", planned, STOOD, stated, "C-1"
    )


def a_calibration(**changes: object) -> Calibration:
    bench = Bench(**changes).until(Step.APPROVAL)  # type: ignore[arg-type]
    return bench.sheet.as_calibration(**APPROVED)


def test_points_are_the_truth_when_nothing_is_wrong() -> None:
    for point in found(TRUTH).points:
        assert point.irradiance_mw_cm2 == pytest.approx(TRUTH.irradiance(point.level_pct), rel=0.006)
        assert point.n == 3
        assert len(point.seqs) == 3


def test_repeatability_is_shared_by_the_levels_and_a_restless_level_has_its_own() -> None:
    calm = [a_reading(n, level, 50.0 * (1 + 0.001 * (n % 3 - 1))) for level in (40.0, 60.0, 80.0) for n in range(3)]
    restless = [a_reading(n, 90.0, 50.0 * (1 + 0.02 * (n - 1))) for n in range(3)]
    all_of_them = points([*calm, *restless], a_meter(), "halogen", distance_cm=50.0, positioning_cm=0.5)
    by_level = {p.level_pct: p.repeatability_pct for p in all_of_them}
    assert by_level[40.0] == by_level[80.0] == pytest.approx(1.003 / 3**0.5, rel=0.02)  # pooled over four levels
    only_restless = points(calm * 4 + restless, a_meter(), "halogen", distance_cm=50.0, positioning_cm=0.5)
    assert only_restless[-1].repeatability_pct == pytest.approx(2.0 / 3**0.5, rel=0.01)
    assert only_restless[0].repeatability_pct < 0.3


def test_the_true_irradiance_lies_within_u_as_often_as_it_says() -> None:
    """600 calibrations of one lamp, each with its own meter error and positioning, drawn from what the budget says of them."""
    lot, inside, n = Random(42), 0, 600
    meter, planned = a_meter(), a_plan(repeats=3)
    for seed in range(n):
        error = (1 + lot.gauss(0, 0.025)) * (1 + lot.gauss(0, 0.03)) * (1 + lot.uniform(-0.026, 0.026))
        off_cm = lot.uniform(-0.5, 0.5)
        lamp = replace(TRUTH, output=error * ((50.0 + TRUTH.d0_cm) / (50.0 + off_cm + TRUTH.d0_cm)) ** 2)
        readings = readings_of(lamp, planned, meter, seed=seed)
        measured = points(readings, meter, "halogen", distance_cm=50.0, positioning_cm=0.5, d0_cm=TRUTH.d0_cm)
        point = measured[seed % len(measured)]  # one each: the levels of one calibration are not independent
        inside += (
            abs(point.irradiance_mw_cm2 / TRUTH.irradiance(point.level_pct) - 1) * 100 <= point.budget.expanded_pct
        )
    assert 0.93 <= inside / n <= 0.97


class AnotherLamp(ALamp):
    """No power of its level: a dimmer that gives nothing below 2 %, and a filament that gains."""

    def irradiance(self, level_pct: float, distance_cm: float = 50.0) -> float:
        share = (level_pct - 2.0) / 98.0
        return 95.0 * (0.35 * share**0.6 + 0.65 * share**1.1) * ((50.0 + self.d0_cm) / (distance_cm + self.d0_cm)) ** 2


@pytest.mark.parametrize("lamp", [TRUTH, AnotherLamp()], ids=["power law", "another"])
def test_the_curve_between_the_points_is_known_less_well_and_still_within_its_u(lamp: ALamp) -> None:
    planned = a_plan(levels_pct=(5.0, 10.0, 20.0, 40.0, 60.0, 80.0, 100.0))
    calibration = a_calibration(noise_pct=0.0, lamp=lamp, plan=planned)
    by_curve = next(t for t in calibration.curve_budget.terms if t.name == "between the points")
    limits_pct = 3**0.5 * by_curve.standard_uncertainty_pct
    assert 0.1 < limits_pct < 4.0
    for level in range(5, 101):
        off_pct = abs(calibration.irradiance_at(level) / lamp.irradiance(level) - 1.0) * 100.0
        assert off_pct <= limits_pct + 0.05


def test_the_distance_law_is_fitted_and_used_for_the_distance_term() -> None:
    result = found(TRUTH, distances_cm=(50.0, 40.0, 65.0, 80.0))
    assert result.law is not None
    assert result.law.d0_cm == pytest.approx(TRUTH.d0_cm, abs=2 * result.law.u_d0_cm)
    assert result.law.common_pct > 3.0  # the meter: every distance has it
    by_distance = next(t for t in result.points[0].budget.terms if t.name == "distance")
    assert by_distance.standard_uncertainty_pct == pytest.approx(100 / (50 + result.law.d0_cm) / 3**0.5)
    assert [p.level_pct for p in result.points] == list(LEVELS)


def test_a_distance_that_was_not_what_was_said_is_found_by_the_law() -> None:
    planned = a_plan(distances_cm=(50.0, 40.0, 65.0, 80.0))
    readings = [
        replace(r, reading_mw_cm2=r.reading_mw_cm2 * 1.4) if r.distance_cm == 65.0 else r
        for r in readings_of(TRUTH, planned, a_meter())
    ]
    result = findings("as-found", readings, a_meter(), "halogen", planned, STOOD, None, "C-1")
    (problem,) = result.problems
    assert "65 cm" in problem.limit


@pytest.mark.parametrize(
    ("output", "decision"), [(1.0, Decision.PASS), (0.94, Decision.WARN), (0.88, Decision.FAIL), (1.12, Decision.FAIL)]
)
def test_as_found_against_what_was_stated(output: float, decision: Decision) -> None:
    result = found(replace(TRUTH, output=output), STATED)
    assert result.verdict is not None
    assert result.verdict.decision is decision
    assert result.verdict.error_pct == pytest.approx(100 * (output - 1), abs=0.6)


def test_a_curve_that_is_known_less_well_than_the_tolerance_can_pass_no_check() -> None:
    assert found(TRUTH).fitness.decision is Decision.PASS
    assert found(TRUTH, tolerance_pct=5.0).fitness.decision is Decision.WARN


def test_without_a_calibration_in_force_nothing_is_decided_about_it() -> None:
    assert found(TRUTH).verdict is None
    assert found(TRUTH).errors == ()


def check(calibration: Calibration, output: float, **meter: object) -> Decision:
    used = a_meter(**meter)
    planned = a_plan(levels_pct=LEVELS)
    two = [r for r in readings_of(replace(TRUTH, output=output), planned, used, seed=3) if r.level_pct in (40.0, 80.0)]
    measured = points(two, used, "halogen", distance_cm=50.0, positioning_cm=0.5, scope="a check")
    return verified(calibration, measured, 10.0).verdict.decision


def test_a_check_with_the_meter_of_the_calibration_decides_what_another_meter_cannot() -> None:
    calibration = a_calibration()
    assert check(calibration, 1.0) is Decision.PASS
    assert check(calibration, 0.95) is Decision.PASS
    assert check(calibration, 0.92) is Decision.WARN
    assert check(calibration, 0.88) is Decision.FAIL
    assert check(calibration, 1.0, serial="RM-8", certificate="K-9") is Decision.WARN


def test_a_check_by_the_lamps_own_radiometer() -> None:
    calibration = a_calibration()
    assert calibration.monitor_factor == pytest.approx(1.05, rel=0.01)
    for output, decision in ((1.0, Decision.PASS), (0.88, Decision.FAIL)):
        shown = {
            level: [output * TRUTH.irradiance(level) / 1.05 * (1 + e) for e in (-0.002, 0.0, 0.002)]
            for level in (40.0, 80.0)
        }
        result = verified(calibration, monitor_points(calibration, shown), 10.0)
        assert result.verdict.decision is decision
        assert result.levels[0].found_mw_cm2 == pytest.approx(output * TRUTH.irradiance(40.0), rel=0.02)
        assert result.verdict.expanded_pct < 5.0
        assert set(result.as_dict()) == {"levels", "verdict", "rule", "tolerance_pct"}


def test_what_a_calibration_file_says_is_shared_cancels_with_the_same_instruments() -> None:
    """9 % and 6 %, of which 5 % is the meter's and 3 % its place: by the radiometer all of it cancels, by that meter its own part, by another nothing."""
    shared = Shared("SR-1", "K-2026-0815", "halogen", factor_pct=4.0, spectral_pct=3.0, position_pct=3.0)
    calibration = replace(a_calibration_file(), curve_budget=shared.budget(9.0), monitor_budget=shared.budget(6.0))
    assert calibration.curve_budget.expanded_pct == pytest.approx(9.0)
    (by_monitor,) = monitor_points(calibration, {50.0: [54.6]})
    assert verified(calibration, [by_monitor], 10.0).verdict.expanded_pct == pytest.approx(sqrt(81 - 34 + 36 - 34))

    def by(serial: str, certificate: str) -> float:
        meter = Shared(serial, certificate, "halogen", factor_pct=4.0, spectral_pct=3.0)
        return verified(calibration, [replace(by_monitor, budget=meter.budget(5.5))], 10.0).verdict.expanded_pct

    assert by("SR-1", "K-2026-0815") == pytest.approx(sqrt(81 - 25 + 5.5**2 - 25))
    assert by("SR-1", "K-2027-0001") == by("SR-2", "K-2026-0815") == pytest.approx(sqrt(81 + 5.5**2))
    with pytest.raises(ValueError, match=r"5\.83 %, and the whole is 5 %"):
        shared.budget(5.0)


def test_of_a_calibration_file_without_a_budget_nothing_cancels() -> None:
    calibration = a_calibration_file()
    by_monitor = monitor_points(calibration, {50.0: [54.6]})
    assert verified(calibration, by_monitor, 10.0).verdict.expanded_pct == pytest.approx((9.0**2 + 6.0**2) ** 0.5)
    with pytest.raises(ValueError, match="does not cover"):
        monitor_points(replace(calibration, meter_uncertainty_pct=None), {50.0: [54.6]})


def test_a_check_outside_the_calibrated_levels_has_no_answer() -> None:
    with pytest.raises(OutsideCalibration):
        verified(a_calibration(), monitor_points(a_calibration(), {3.0: [5.0]}), 10.0)


def test_a_calibration_is_the_same_after_the_journal_and_its_hash_is_of_what_is_written() -> None:
    calibration = a_calibration()
    again = Calibration.of(calibration.as_dict())
    assert replace(again, sha256="") == calibration
    assert Calibration.of(again.as_dict()).sha256 == again.sha256
    assert Calibration.of({**calibration.as_dict(), "lamp_hours": 121.0}).sha256 != again.sha256


@pytest.mark.parametrize(
    ("after", "lamp_hours", "says"),
    [
        (timedelta(days=1), 200.0, None),
        (timedelta(days=365), 200.0, "ended on"),
        (-timedelta(days=1), 200.0, "not yet"),
        (timedelta(days=1), 620.0, "500 lamp-hours"),
        (timedelta(days=1), 100.0, "made at 120.0 lamp-hours"),
    ],
)
def test_it_lapses_by_date_and_by_lamp_hours(after: timedelta, lamp_hours: float, says: str | None) -> None:
    why = a_calibration().lapse(NOW + after, lamp_hours)
    assert (why is None) if says is None else (why is not None and says in why)


def test_a_calibration_file_has_no_limit_of_hours() -> None:
    calibration = a_calibration_file()
    assert calibration.lapse(NOW, 1e6) is None
    assert calibration.curve_budget == Budget(())
