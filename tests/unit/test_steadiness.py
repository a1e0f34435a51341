"""When a light counts as steady: by its readings, as far as their noise lets anybody say so."""

from __future__ import annotations

from math import exp
from random import Random

from irctl.domain.steadiness import Sample, latest, steady, trend

LIMIT = 0.25
"""Of 50 mW/cm²: half a percent a minute."""


def seen(
    light: float, *, noise: float = 0.0, drift_per_min: float = 0.0, warming: float = 0.0, for_s: float = 80.0
) -> list[Sample]:
    """Readings four times a second; `warming`: what is still to come, with a time constant of 25 s."""
    lot = Random(1)
    at = [0.25 * n for n in range(int(4 * for_s))]
    return [Sample(t, light + drift_per_min * t / 60.0 - warming * exp(-t / 25.0) + lot.gauss(0.0, noise)) for t in at]


def is_steady(samples: list[Sample]) -> bool:
    return steady(latest(samples, LIMIT), LIMIT)


def test_a_light_that_stands_still_is_steady_once_there_is_enough_of_it() -> None:
    assert not is_steady(seen(50.0, for_s=10.0))
    assert is_steady(seen(50.0, noise=0.03, for_s=20.0))


def test_a_light_that_still_moves_is_not() -> None:
    assert not is_steady(seen(50.0, drift_per_min=0.5, noise=0.03))
    assert not is_steady(seen(50.0, drift_per_min=-0.5, noise=0.03))
    assert is_steady(seen(50.0, drift_per_min=0.1, noise=0.03))


def test_a_lamp_that_warms_up_is_steady_when_little_is_left_and_not_after_a_time() -> None:
    fast, slow = seen(50.0, warming=3.0, for_s=120.0), seen(50.0, warming=30.0, for_s=120.0)
    assert is_steady(fast)
    assert not is_steady(slow)
    left = 3.0 * exp(-120.0 / 25.0)
    assert left < 0.005 * 50.0


def test_noise_that_hides_the_slope_is_no_proof_of_steadiness() -> None:
    assert not is_steady(seen(50.0, noise=5.0))


def test_more_noise_takes_a_longer_look() -> None:
    quiet, loud = latest(seen(50.0, noise=0.02), LIMIT), latest(seen(50.0, noise=0.3), LIMIT)
    assert quiet is not None
    assert loud is not None
    assert quiet.n < loud.n
    assert loud.u_slope_per_min <= LIMIT


def test_the_line_finds_slope_and_noise() -> None:
    told = trend(seen(50.0, drift_per_min=2.0, noise=0.1))
    assert abs(told.slope_per_min - 2.0) < 3 * told.u_slope_per_min
    assert 0.08 < told.noise < 0.12


def test_two_readings_say_nothing_of_a_slope() -> None:
    assert not steady(trend([Sample(0.0, 50.0), Sample(60.0, 50.0)]), LIMIT)
