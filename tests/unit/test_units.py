"""The two conversions everything rests on."""

import pytest

from irctl.domain.units import fluence_j_cm2, mw_cm2_from_w_m2


def test_fifty_milliwatts_for_twenty_minutes_are_sixty_joules() -> None:
    assert fluence_j_cm2(50.0, 20 * 60) == pytest.approx(60.0)


def test_a_sun_of_1000_watts_per_square_metre_is_100_milliwatts_per_square_centimetre() -> None:
    assert mw_cm2_from_w_m2(1000.0) == pytest.approx(100.0)
