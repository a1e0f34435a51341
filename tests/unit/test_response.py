"""How a lamp follows its power: warm-up and afterglow, exact in closed form."""

from math import exp, inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.domain.response import LampModel, LampResponse, ResponsePart
from tests.unit.worlds import HALOGEN

CERAMIC = LampResponse((ResponsePart(0.2, 20.0), ResponsePart(0.8, 180.0)))

seconds = st.floats(0.001, 400.0)
steady = st.sampled_from([0.0, 10.0, 50.0, 95.0])
drives = st.lists(st.tuples(seconds, steady), min_size=1, max_size=12)
lamps = st.sampled_from([HALOGEN, CERAMIC])


def driven(lamp: LampResponse, pattern: list[tuple[float, float]]) -> LampModel:
    model = LampModel(lamp)
    for duration_s, steady_mw_cm2 in pattern:
        model.advance(duration_s, steady_mw_cm2)
    return model


@given(lamps, drives, seconds, steady, st.lists(st.floats(0.01, 1.0), min_size=1, max_size=9))
def test_it_does_not_matter_in_how_many_steps_time_passes(
    lamp: LampResponse, before: list[tuple[float, float]], duration_s: float, level: float, shares: list[float]
) -> None:
    at_once, in_steps = driven(lamp, before), driven(lamp, before)
    at_once.advance(duration_s, level)
    for share in shares:
        in_steps.advance(duration_s * share / sum(shares), level)
    assert in_steps.fluence_j_cm2 == pytest.approx(at_once.fluence_j_cm2, rel=1e-9, abs=1e-12)
    assert in_steps.irradiance_mw_cm2 == pytest.approx(at_once.irradiance_mw_cm2, rel=1e-9, abs=1e-9)


@given(lamps, drives)
def test_the_afterglow_is_what_a_dark_lamp_still_gives(lamp: LampResponse, pattern: list[tuple[float, float]]) -> None:
    model = driven(lamp, pattern)
    promised, before = model.afterglow_j_cm2, model.fluence_j_cm2
    model.advance(50 * 180.0, 0.0)
    assert model.fluence_j_cm2 - before == pytest.approx(promised, rel=1e-9, abs=1e-12)
    assert model.irradiance_mw_cm2 == pytest.approx(0.0, abs=1e-9)


@given(lamps, drives)
def test_settling_counts_the_afterglow_once_however_often_it_is_asked(
    lamp: LampResponse, pattern: list[tuple[float, float]]
) -> None:
    model = driven(lamp, pattern)
    total = model.fluence_j_cm2 + model.afterglow_j_cm2
    model.settle()
    model.settle()
    assert model.fluence_j_cm2 == pytest.approx(total, rel=1e-12)
    assert model.irradiance_mw_cm2 == model.afterglow_j_cm2 == 0.0


@given(lamps, drives)
def test_after_settling_energy_is_steady_irradiance_times_time(
    lamp: LampResponse, pattern: list[tuple[float, float]]
) -> None:
    """What a slow lamp owes while it warms up it gives back while it glows on."""
    model = driven(lamp, pattern)
    model.settle()
    assert model.fluence_j_cm2 == pytest.approx(sum(t * e for t, e in pattern) / 1000.0, rel=1e-9, abs=1e-9)


@given(lamps, drives)
def test_irradiance_stays_between_dark_and_the_brightest_drive(
    lamp: LampResponse, pattern: list[tuple[float, float]]
) -> None:
    model = LampModel(lamp)
    given_before = 0.0
    for duration_s, level in pattern:
        model.advance(duration_s, level)
        assert -1e-9 <= model.irradiance_mw_cm2 <= max(e for _, e in pattern) + 1e-9
        assert model.fluence_j_cm2 >= given_before - 1e-12
        given_before = model.fluence_j_cm2


def test_a_single_part_rises_as_one_minus_e_to_the_minus_t_over_tau() -> None:
    model = LampModel(LampResponse((ResponsePart(1.0, 2.0),)))
    model.advance(2.0, 100.0)
    assert model.irradiance_mw_cm2 == pytest.approx(100.0 * (1 - exp(-1)))
    assert model.fluence_j_cm2 == pytest.approx(100.0 * (2.0 - 2.0 * (1 - exp(-1))) / 1000.0)


@pytest.mark.parametrize(
    "parts",
    [
        (),
        ((0.5, 1.0),),
        ((0.6, 1.0), (0.6, 1.0)),
        ((1.0, 0.0),),
        ((1.0, -1.0),),
        ((1.0, nan),),
        ((1.0, inf),),
        ((nan, 1.0),),
        ((1.5, 1.0), (-0.5, 1.0)),
    ],
)
def test_parts_that_describe_no_lamp_are_refused(parts: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match="lamp response"):
        LampResponse(tuple(ResponsePart(fraction, tau_s) for fraction, tau_s in parts))
