"""Control chart, ageing and forecast: each rule by the shortest series that breaks it, and intervals that hold what they promise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from math import exp, log
from random import Random

import pytest

from irctl.domain.drift import ChartRule, Evidence, control_chart
from irctl.domain.forecast import AsFound, Forecast, IntervalPolicy, ageing, forecast, next_interval_days
from irctl.domain.tolerance import Decision, decide, worst
from tests.unit.benches import NOW

U_PCT = 2.0
"""k=2: one standard uncertainty is 1 %."""


def evidence(ratios: Sequence[float], every_hours: float = 100.0, u_pct: float = U_PCT) -> list[Evidence]:
    return [Evidence(NOW + timedelta(days=10 * i), every_hours * i, ratio, u_pct) for i, ratio in enumerate(ratios)]


def signals(*z: float) -> list[tuple[ChartRule, int]]:
    chart = control_chart(evidence([1.0 + value / 100.0 for value in z]))
    return [(s.rule, s.index) for s in chart.signals if s.rule is not ChartRule.EWMA]


@pytest.mark.parametrize(
    ("rule", "z"),
    [
        (ChartRule.BEYOND_3_SIGMA, (0.0, -3.1)),
        (ChartRule.TWO_OF_THREE, (2.1, 0.0, 2.1)),
        (ChartRule.FOUR_OF_FIVE, (-1.1, -1.1, 0.5, -1.1, -1.1)),
        (ChartRule.EIGHT_ONE_SIDE, (0.5, 0.2, 0.9, 0.4, 0.3, 0.6, 0.8, 0.1)),
        (ChartRule.SIX_TRENDING, (-0.9, -0.6, -0.3, 0.1, 0.4, 0.8)),
    ],
)
def test_each_rule_is_broken_by_the_shortest_series_and_not_by_one_less(rule: ChartRule, z: tuple[float, ...]) -> None:
    assert signals(*z) == [(rule, len(z) - 1)]
    assert signals(*(-value for value in z)) == [(rule, len(z) - 1)]
    assert signals(*z[1:-1], 0.0) == []


@pytest.mark.parametrize("z", [(2.1, 0.0, -2.1), (2.9,), (1.1, 1.1, 1.1, 0.0, 0.0), (0.5,) * 7 + (-0.5,)])
def test_what_is_chance_breaks_no_rule(z: tuple[float, ...]) -> None:
    assert signals(*z) == []


def test_the_moving_average_sees_a_small_lasting_shift_that_no_single_point_shows() -> None:
    chart = control_chart(evidence([1.0 + 0.9 * 0.014] * 20))
    assert max(abs(value) for value in chart.z) < 3.0
    assert any(s.rule is ChartRule.EWMA for s in chart.signals)
    assert chart.ewma_limit[-1] == pytest.approx(1.0, abs=0.01)  # 3 · √(0.2/1.8)


def test_ageing_is_found_with_its_rate() -> None:
    fitted = ageing(evidence([exp(-1e-4 * 100.0 * i) for i in range(8)]))
    assert fitted is not None
    assert fitted.rate_per_hour == pytest.approx(-1e-4)
    assert fitted.ratio_at(1000.0) == pytest.approx(exp(-0.1))


def test_too_little_evidence_gives_no_forecast_and_says_so() -> None:
    assert forecast(evidence([1.0, 0.99]), 10.0, 5.0).text.startswith("no forecast")
    assert forecast(evidence([1.0, 0.99, 0.98], every_hours=0.0), 10.0, 5.0).likely_from_days is None
    assert forecast(evidence([1.0, 0.99, 0.98]), 10.0, 0.0).likely_from_days is None


@pytest.mark.parametrize("rate", [-1e-4, 8e-5], ids=["ageing", "brightening"])
def test_the_forecast_covers_the_day_on_which_the_lamp_leaves(rate: float) -> None:
    """600 lamps, each with twelve checks of 1 % standard uncertainty: 95 % ± sampling."""
    lot, hours_per_day, inside, bounded = Random(5), 5.0, 0, 0
    bound = log(0.9) if rate < 0 else log(1.1)
    leaves_in_days = (bound / rate - 550.0) / hours_per_day
    for _ in range(600):
        seen = [exp(rate * 50.0 * i + lot.gauss(0.0, 0.01)) for i in range(12)]
        told = forecast(evidence(seen, every_hours=50.0), 10.0, hours_per_day)
        assert told.likely_from_days is not None
        last = told.likely_to_days
        bounded += last is not None
        inside += told.likely_from_days <= leaves_in_days and (last is None or leaves_in_days <= last)
    assert 0.925 <= inside / 600 <= 0.975
    assert bounded > 400  # most of them say until when


def test_evidence_that_scatters_more_than_it_says_widens_the_forecast() -> None:
    lot = Random(6)
    calm = [exp(-1e-4 * 100.0 * i) for i in range(12)]
    restless = [ratio * exp(lot.gauss(0.0, 0.03)) for ratio in calm]
    one, other = ageing(evidence(calm)), ageing(evidence(restless))
    assert one is not None
    assert other is not None
    assert other.rate_variance > 3 * one.rate_variance
    assert other.quantile > one.quantile


def test_a_steady_lamp_is_told_from_when_and_not_until_when() -> None:
    told = forecast(evidence([1.0, 1.001, 0.999, 1.0, 1.0]), 10.0, 5.0)
    assert told.likely_to_days is None
    assert told.likely_from_days is not None
    assert told.likely_from_days > 0
    assert "does not show that it will" in told.text


def test_a_lamp_that_is_out_already_is_said_to_be() -> None:
    told = forecast(evidence([exp(-1e-3 * 100.0 * i) for i in range(6)]), 10.0, 5.0)
    assert (told.likely_from_days, told.likely_to_days) == (0.0, 0.0)
    assert "has left" in told.text


def test_the_forecast_reads_as_people_say_it() -> None:
    told = forecast(evidence([exp(-1e-4 * 100.0 * i) for i in range(8)], u_pct=1.0), 10.0, 5.0)
    assert told.likely_from_days is not None
    assert told.likely_to_days is not None
    assert told.best_days is not None
    assert told.likely_from_days < told.best_days < told.likely_to_days
    assert told.text == f"likely in {told.likely_from_days:.0f}–{told.likely_to_days:.0f} days"


def found(*decisions: Decision) -> list[AsFound]:
    return [AsFound(NOW + timedelta(days=100 * i), decision) for i, decision in enumerate(decisions)]


def test_the_interval_is_halved_after_a_failed_as_found_and_grows_back_after_passes() -> None:
    policy = IntervalPolicy(interval_days=360.0, shortest_days=60.0)
    fail, passed = Decision.FAIL, Decision.PASS
    assert next_interval_days([], policy) == 360.0
    assert next_interval_days(found(fail), policy) == 180.0
    assert next_interval_days(found(fail, fail, fail, fail), policy) == 60.0
    assert next_interval_days(found(fail, passed), policy) == 225.0
    assert next_interval_days(found(fail, Decision.WARN), policy) == 180.0
    assert next_interval_days(found(passed, passed, passed), policy) == 360.0
    assert next_interval_days(found(fail)[::-1] + found(passed)[:0], policy) == 180.0


def test_a_forecast_shortens_the_interval_even_below_the_shortest() -> None:
    policy = IntervalPolicy()
    assert next_interval_days([], policy, Forecast(12.0, 20.0, 15.0, "")) == 12.0
    assert next_interval_days([], policy, Forecast(None, None, None, "")) == policy.interval_days


@pytest.mark.parametrize(
    ("error_pct", "u_pct", "decision"),
    [
        (0.0, 9.0, Decision.PASS),
        (1.0, 9.0, Decision.PASS),
        (-1.1, 9.0, Decision.WARN),
        (10.0, 9.0, Decision.WARN),
        (10.1, 9.0, Decision.FAIL),
        (-12.0, 9.0, Decision.FAIL),
        (0.0, 10.1, Decision.WARN),
        (float("nan"), 1.0, Decision.FAIL),
        (0.0, float("nan"), Decision.WARN),
    ],
)
def test_the_decision_rule(error_pct: float, u_pct: float, decision: Decision) -> None:
    verdict = decide(error_pct, u_pct, 10.0)
    assert verdict.decision is decision
    assert "≤ tolerance" in verdict.rule


def test_what_passes_is_inside_the_tolerance_in_at_least_95_of_100_cases() -> None:
    lot, u = Random(7), 2.0
    for true_error in (9.9, 10.1, 12.0):
        passed = sum(decide(true_error + lot.gauss(0.0, u), 2 * u, 10.0).decision is Decision.PASS for _ in range(2000))
        if true_error > 10.0:
            assert passed / 2000 <= 0.05


def test_one_level_that_fails_fails_for_all() -> None:
    verdicts = [decide(1.0, 2.0, 10.0), decide(-11.0, 2.0, 10.0), decide(9.0, 2.0, 10.0)]
    assert worst(verdicts).error_pct == -11.0
