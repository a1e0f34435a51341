"""Uncertainty budgets: against the fact sheet's example, against a Monte Carlo of the measurement itself, and where terms are one and the same."""

from math import inf, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.domain.budget import Budget, Term, monitor_budget, point_budget
from irctl.domain.meters import SpectralMismatch
from tests.unit.benches import NOW, a_meter

EXAMPLE = Budget(
    (
        Term("reference", 2.5),
        Term("spectral mismatch", 3.0),
        Term("cosine", 1.5),
        Term("distance", 200.0 * 0.5 / 50.0 / sqrt(3.0)),
        Term("repeatability", 1.0, "A", "t", 4),
        Term("drift", 0.9),
    )
)
terms = st.builds(
    Term,
    name=st.sampled_from("abc"),
    standard_uncertainty_pct=st.floats(0.01, 5.0),
    group=st.sampled_from([None, None, "one", "two"]),
)
budgets = st.lists(terms, min_size=1, max_size=6).map(lambda found: Budget(tuple(found)))


def a_point_budget(**changes: object) -> Budget:
    usual: dict[str, object] = {
        "net_mw_cm2": 50.0,
        "distance_cm": 50.0,
        "positioning_cm": 0.5,
        "repeatability_pct": 0.5,
        "repeatability_degrees": 12,
        "dark_noise_mw_cm2": 0.05,
        "steadiness_pct": 0.3,
        "scope": "C-1 as-found at 50 cm",
    }
    return point_budget(a_meter(), "halogen", NOW, **usual | changes)  # type: ignore[arg-type]


def test_the_example_of_the_literature_comes_to_nine_per_cent() -> None:
    assert EXAMPLE.combined_pct == pytest.approx(4.5, abs=0.1)
    assert EXAMPLE.expanded_pct == pytest.approx(9.0, abs=0.2)
    assert EXAMPLE.degrees_of_freedom > 1000
    assert Budget(EXAMPLE.terms[:2]).degrees_of_freedom == inf


def test_terms_of_one_quantity_add_up_and_others_as_root_sum_of_squares() -> None:
    assert Budget((Term("a", 3.0), Term("b", 4.0))).combined_pct == pytest.approx(5.0)
    assert Budget((Term("a", 3.0, group="the meter"), Term("b", 4.0, group="the meter"))).combined_pct == pytest.approx(
        7.0
    )


@given(budgets)
def test_the_shares_add_up_to_all_of_it(budget: Budget) -> None:
    assert sum(budget.share(term) for term in budget.terms) == pytest.approx(1.0)


@given(budgets, budgets)
def test_a_change_has_no_part_in_what_both_have_in_common(one: Budget, other: Budget) -> None:
    assert (
        one.change_from(one).combined_pct
        <= sqrt(2.0) * Budget(tuple(t for t in one.terms if not t.group)).combined_pct + 1e-9
    )
    apart = sqrt(one.combined_pct**2 + other.combined_pct**2)
    assert one.change_from(other).combined_pct <= apart + 1e-9


@given(budgets)
def test_a_budget_is_the_same_after_the_journal(budget: Budget) -> None:
    assert Budget.of(budget.as_list()) == budget


def test_the_distance_counts_twice_and_less_behind_a_virtual_source() -> None:
    def by_distance(**changes: object) -> float:
        return next(t.standard_uncertainty_pct for t in a_point_budget(**changes).terms if t.name == "distance")

    assert by_distance() == pytest.approx(2.0 / sqrt(3.0))
    assert by_distance(d0_cm=50.0) == pytest.approx(1.0 / sqrt(3.0))


def test_an_old_certificate_weighs_more_for_a_meter_that_drifts() -> None:
    def at_months(months: int) -> float:
        meter = a_meter(drift_pct_per_year=6.0)
        when = meter.calibrated_at.replace(month=meter.calibrated_at.month + months)
        budget = point_budget(
            meter,
            "halogen",
            when,
            net_mw_cm2=50.0,
            distance_cm=50.0,
            positioning_cm=0.5,
            repeatability_pct=0.5,
            repeatability_degrees=4,
        )
        return budget.combined_pct

    assert at_months(1) < at_months(6)


def test_the_monitor_is_known_no_better_than_the_reference_and_worse_where_it_is_not_linear() -> None:
    points = [a_point_budget(), a_point_budget(net_mw_cm2=5.0)]
    assert monitor_budget(points, [1.05, 1.05]).combined_pct == max(p.combined_pct for p in points)
    assert monitor_budget(points, [1.00, 1.10]).combined_pct > 5.0


def test_monte_carlo_of_the_measurement_agrees_with_the_budget() -> None:
    """GUM supplement 1: the whole measurement of two levels, 200 000 times, from the distributions of what goes into it. Written without `budget`."""
    import numpy as np

    lot, draws = np.random.default_rng(20261123), 200_000
    truth = np.array([[20.0], [90.0]])
    distance, d0 = 50.0, 6.0
    # Drawn once for both levels: the meter and where it stands. Drawn for each: repeats, digits, the lamp's own unrest.
    meter = 1 + lot.normal(0, 0.025, draws)
    spectral = 1 + lot.normal(0, 0.03, draws)
    cosine = 1 + lot.uniform(-0.026, 0.026, draws)
    off_cm = lot.uniform(-0.5, 0.5, draws)
    dark_error = lot.normal(0, 0.05, draws)
    unsteady = 1 + lot.uniform(-0.003, 0.003, (2, draws))
    repeats = 1 + lot.normal(0, 0.01 / sqrt(3), (2, draws))
    at_place = truth * ((distance + d0) / (distance + off_cm + d0)) ** 2
    shown = at_place * unsteady * repeats + dark_error
    shown += lot.uniform(-0.05, 0.05, (2, draws)) - lot.uniform(-0.05, 0.05, (2, draws))
    found = shown * meter * spectral * cosine

    told = [
        point_budget(
            a_meter(factor=1.0, resolution_mw_cm2=0.1, spectral=(SpectralMismatch("halogen", 1.0, 6.0),)),
            "halogen",
            NOW,
            net_mw_cm2=float(level[0]),
            distance_cm=distance,
            positioning_cm=0.5,
            repeatability_pct=1.0 / sqrt(3),
            repeatability_degrees=12,
            dark_noise_mw_cm2=0.05,
            steadiness_pct=0.3,
            d0_cm=d0,
            scope="C-1 at 50 cm",
        )
        for level in truth
    ]
    for level in range(2):
        assert told[level].combined_pct == pytest.approx(100 * float(np.std(found[level] / truth[level])), rel=0.01)
        low, high = np.percentile(found[level] / truth[level], [2.5, 97.5])
        assert told[level].expanded_pct == pytest.approx(100 * float(high - low) / 2, rel=0.04)  # k=2 against 95 %
        within = np.abs(found[level] / truth[level] - 1) * 100 <= told[level].expanded_pct
        assert 0.945 < float(np.mean(within)) < 0.965
    # The two levels go together: what they share is no part of their ratio.
    ratio = (found[0] / truth[0]) / (found[1] / truth[1])
    assert told[0].change_from(told[1]).combined_pct == pytest.approx(100 * float(np.std(ratio)), rel=0.02)
    assert told[0].change_from(told[1]).combined_pct < 0.3 * told[0].combined_pct
