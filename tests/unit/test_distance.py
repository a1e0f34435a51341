"""The distance law: found again from data, as sure as it says, and refused where the data are none."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.domain.distance import DistanceLaw, DistancePoint, NoDistanceLaw, fit

DISTANCES = (40.0, 50.0, 65.0, 80.0)


def points(
    k: float, d0_cm: float, distances: tuple[float, ...] = DISTANCES, lot: Random | None = None, u_pct: float = 0.5
) -> list[DistancePoint]:
    noise = (lambda: lot.gauss(0.0, u_pct / 100.0)) if lot else (lambda: 0.0)
    return [DistancePoint(d, k / (d + d0_cm) ** 2 * (1.0 + noise()), u_pct) for d in distances]


@given(st.floats(1e4, 1e6), st.floats(-10.0, 30.0))
def test_the_law_behind_exact_data_is_found(k: float, d0_cm: float) -> None:
    law = fit(points(k, d0_cm))
    assert law.k == pytest.approx(k, rel=1e-6)
    assert law.d0_cm == pytest.approx(d0_cm, abs=1e-4)
    assert law.residual_pct == pytest.approx(0.0, abs=1e-6)
    assert law.irradiance_at(50.0) == pytest.approx(k / (50.0 + d0_cm) ** 2)


def test_its_uncertainty_covers_what_repeats_do() -> None:
    """1000 repeats: 95 % ± sampling, for k, for d₀ and for the irradiance between the distances (correlation included)."""
    lot, truth = Random(11), 300_000.0 / (57.0 + 6.0) ** 2
    inside = {"k": 0, "d0": 0, "irradiance": 0}
    for _ in range(1000):
        law = fit(points(300_000.0, 6.0, lot=lot))
        inside["k"] += abs(law.k / 300_000.0 - 1.0) * 100.0 <= 1.96 * law.u_k_pct
        inside["d0"] += abs(law.d0_cm - 6.0) <= 1.96 * law.u_d0_cm
        inside["irradiance"] += abs(
            law.irradiance_at(57.0) / truth - 1.0
        ) * 100.0 <= 1.96 * law.relative_uncertainty_pct(57.0)
    for what, count in inside.items():
        assert 930 <= count <= 970, (what, count)


def test_errors_of_the_positions_are_covered_too() -> None:
    lot, inside = Random(12), 0
    for _ in range(1000):
        off = [
            DistancePoint(p.distance_cm + lot.uniform(-0.5, 0.5), p.irradiance_mw_cm2, p.standard_uncertainty_pct)
            for p in points(300_000.0, 6.0, lot=lot)
        ]
        law = fit(off, positioning_cm=0.5)
        inside += abs(law.d0_cm - 6.0) <= 1.96 * law.u_d0_cm
    assert 930 <= inside <= 970


def test_what_the_meter_is_off_by_moves_the_whole_law() -> None:
    law = fit(points(300_000.0, 6.0), common_pct=4.0)
    assert law.relative_uncertainty_pct(50.0) > 4.0
    assert law.d0_cm == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (points(3e5, 6.0, (40.0, 50.0)), "at least 3"),
        (points(3e5, 6.0, (50.0, 50.0, 50.0)), "different ones"),
        ([DistancePoint(d, e, 0.5) for d, e in ((40.0, 50.0), (50.0, 80.0), (60.0, 140.0))], "swapped"),
        (
            [DistancePoint(d, e, 0.5) for d, e in ((40.0, 140.0), (50.0, 50.0), (60.0, 62.0), (70.0, 52.0))],
            "contradict.*50 cm",
        ),
        ([DistancePoint(40.0, float("nan"), 0.5), *points(3e5, 6.0)], "no measurement"),
    ],
)
def test_data_that_give_no_law_are_refused_with_the_reason(data: list[DistancePoint], says: str) -> None:
    with pytest.raises(NoDistanceLaw, match=says):
        fit(data)


def test_a_source_beyond_the_nearest_distance_is_no_source() -> None:
    data = [DistancePoint(d, y**-2.0, 0.5) for d, y in ((40.0, 0.05), (50.0, 0.06), (60.0, 1.0), (70.0, 3.0))]
    with pytest.raises(NoDistanceLaw, match="in front of the lamp"):
        fit(data, positioning_cm=30.0)


def test_outside_the_measured_distances_there_is_no_answer() -> None:
    law: DistanceLaw = fit(points(3e5, 6.0))
    for distance in (39.9, 80.1):
        with pytest.raises(NoDistanceLaw, match="outside"):
            law.irradiance_at(distance)
