"""Delivered dose: the interval, and the meter that follows it with a radiometer and without."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, isfinite, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.domain.dose import NO_DOSE, RAMP_UNCERTAINTY_S, Contribution, Dose, DoseMeter
from irctl.domain.response import LampResponse, ResponsePart
from tests.unit.worlds import HALOGEN

TICK_S = 0.25
SENSOR_S = 6.0

doses = st.floats(0.0, 200.0)
half_widths = st.lists(st.floats(0.0, 50.0), max_size=6)


def contributions(widths: list[float]) -> tuple[Contribution, ...]:
    return tuple(Contribution(f"reason {i}", width) for i, width in enumerate(widths))


# --- the interval ------------------------------------------------------------------------------------------------------


@given(doses, half_widths, st.floats(0.0, 10.0))
def test_the_interval_holds_the_best_estimate_and_is_never_below_nothing(
    best: float, widths: list[float], possible: float
) -> None:
    dose = Dose.of(best, contributions(widths), possible)
    assert 0.0 <= dose.min_j_cm2 <= dose.best_j_cm2 <= dose.max_j_cm2
    assert dose.best_j_cm2 == best


@given(doses, half_widths, st.floats(0.0, 50.0))
def test_one_more_reason_to_doubt_never_narrows_the_interval(best: float, widths: list[float], more: float) -> None:
    before, after = Dose.of(best, contributions(widths)), Dose.of(best, contributions([*widths, more]))
    assert after.min_j_cm2 <= before.min_j_cm2 + 1e-12
    assert after.max_j_cm2 >= before.max_j_cm2 - 1e-12


@given(doses, half_widths, st.floats(0.0, 10.0))
def test_what_may_have_come_besides_raises_the_maximum_alone(best: float, widths: list[float], possible: float) -> None:
    before, after = Dose.of(best, contributions(widths)), Dose.of(best, contributions(widths), possible)
    assert after.min_j_cm2 == before.min_j_cm2
    assert after.max_j_cm2 == pytest.approx(before.max_j_cm2 + possible)


@given(doses, half_widths, st.floats(0.0, 10.0))
def test_what_may_not_have_come_at_all_lowers_the_minimum_alone(
    best: float, widths: list[float], doubtful: float
) -> None:
    before = Dose.of(best, contributions(widths))
    after = Dose.of(best, contributions(widths), doubtful_j_cm2=doubtful)
    assert (after.best_j_cm2, after.max_j_cm2) == (before.best_j_cm2, before.max_j_cm2)
    assert after.min_j_cm2 == pytest.approx(max(0.0, before.min_j_cm2 - doubtful), abs=1e-9)


def test_independent_doubts_add_as_the_root_of_their_squares() -> None:
    dose = Dose.of(10.0, contributions([3.0, 4.0]))
    assert (dose.min_j_cm2, dose.max_j_cm2) == (5.0, 15.0)


def test_no_light_is_no_dose_and_no_doubt() -> None:
    assert Dose.of(0.0, ()) == NO_DOSE


# --- a lamp and a sensor, simulated finely -----------------------------------------------------------------------------


@dataclass
class Scene:
    """A true lamp, `strength` times as bright as its calibration says, under a first-order sensor; stepped finely.

    Written here from the physics, so that the meter is not checked against itself.
    """

    lamp: LampResponse = HALOGEN
    strength: float = 1.0
    sensor_s: float = SENSOR_S
    ambient_mw_cm2: float = 0.0
    now_s: float = 0.0
    fluence_j_cm2: float = 0.0
    shows_mw_cm2: float = 0.0

    def __post_init__(self) -> None:
        self.parts = [0.0] * len(self.lamp.parts)

    def step(self, duration_s: float, steady_mw_cm2: float) -> None:
        fine = max(1, round(duration_s / 0.025))
        h = duration_s / fine
        for _ in range(fine):
            before = sum(self.parts)
            for i, part in enumerate(self.lamp.parts):
                goal = part.fraction * steady_mw_cm2 * self.strength
                self.parts[i] = goal + (self.parts[i] - goal) * exp(-h / part.tau_s)
            mean = 0.5 * (before + sum(self.parts))
            self.fluence_j_cm2 += mean * h / 1000.0
            self.shows_mw_cm2 = mean + (self.shows_mw_cm2 - mean) * exp(-h / self.sensor_s)
        self.now_s += duration_s

    @property
    def reading_mw_cm2(self) -> float:
        return self.shows_mw_cm2 + self.ambient_mw_cm2


def a_meter(**changes: object) -> DoseMeter:
    usual: dict[str, object] = {
        "response": HALOGEN,
        "uncertainty_pct": 6.0,
        "distance_cm": 50.0,
        "positioning_cm": 0.5,
        "drift_allowance_pct": 25.0,
        "sensor_response_s": SENSOR_S,
    }
    return DoseMeter(**(usual | changes))  # type: ignore[arg-type]


def follow(scene: Scene, meter: DoseMeter, duration_s: float, steady_mw_cm2: float, *, reads: bool = True) -> None:
    for _ in range(round(duration_s / TICK_S)):
        scene.step(TICK_S, steady_mw_cm2)
        meter.advance(TICK_S, steady_mw_cm2)
        meter.confirm()
        if reads:
            meter.read(scene.reading_mw_cm2, scene.now_s)


def tolerance_j_cm2(scene: Scene) -> float:
    """A thousandth, and a tick's worth of straight line between readings."""
    return 0.001 * scene.fluence_j_cm2 + 0.002


patterns = st.lists(
    st.tuples(st.integers(1, 60).map(lambda ticks: ticks * TICK_S), st.sampled_from([0.0, 20.0, 50.0, 95.0])),
    min_size=1,
    max_size=6,
)


@given(patterns, st.floats(0.6, 1.3), st.sampled_from([0.5, 2.0, 6.0]), st.floats(0.0, 4.0))
def test_a_radiometer_finds_the_true_dose_whatever_the_lamp_gives_and_however_it_lags(
    pattern: list[tuple[float, float]], strength: float, sensor_s: float, ambient: float
) -> None:
    scene = Scene(strength=strength, sensor_s=sensor_s, ambient_mw_cm2=ambient)
    meter = a_meter(sensor_response_s=sensor_s, dark_mw_cm2=ambient)
    meter.read(scene.reading_mw_cm2, 0.0)
    for duration_s, steady in pattern:
        follow(scene, meter, duration_s, steady)
        assert meter.fluence_j_cm2 == pytest.approx(scene.fluence_j_cm2, abs=tolerance_j_cm2(scene))
    meter.settle()
    scene.step(400.0, 0.0)
    line_j_cm2 = 0.002  # the straight line between two readings, while a lamp rises within one tick
    assert meter.dose.min_j_cm2 - line_j_cm2 <= scene.fluence_j_cm2 <= meter.dose.max_j_cm2 + line_j_cm2


@given(patterns)
def test_without_a_radiometer_a_lamp_as_calibrated_gets_its_true_dose(pattern: list[tuple[float, float]]) -> None:
    scene, meter = Scene(), a_meter(sensor_response_s=None)
    for duration_s, steady in pattern:
        follow(scene, meter, duration_s, steady, reads=False)
    assert meter.fluence_j_cm2 == pytest.approx(scene.fluence_j_cm2, abs=tolerance_j_cm2(scene))


@given(patterns, st.floats(0.80, 1.20))
def test_without_a_radiometer_the_interval_still_holds_a_lamp_that_has_drifted(
    pattern: list[tuple[float, float]], strength: float
) -> None:
    scene, meter = Scene(strength=strength), a_meter(sensor_response_s=None, uncertainty_pct=9.0)
    for duration_s, steady in pattern:
        follow(scene, meter, duration_s, steady, reads=False)
    meter.settle()
    scene.step(400.0, 0.0)
    assert meter.dose.min_j_cm2 <= scene.fluence_j_cm2 <= meter.dose.max_j_cm2 + 1e-6


@given(patterns)
def test_an_estimate_is_less_sure_than_a_measurement(pattern: list[tuple[float, float]]) -> None:
    scene, measured, estimated = Scene(), a_meter(), a_meter(sensor_response_s=None, uncertainty_pct=9.0)
    measured.read(0.0, 0.0)
    for duration_s, steady in pattern:
        follow(scene, measured, duration_s, steady)
        for _ in range(round(duration_s / TICK_S)):
            estimated.advance(TICK_S, steady)
    widths = [dose.max_j_cm2 - dose.min_j_cm2 for dose in (measured.dose, estimated.dose)]
    assert widths[0] <= widths[1] + 1e-9


# --- what the meter knows between readings and at the ends -------------------------------------------------------------


def test_the_scale_finds_an_old_lamp_and_with_it_the_irradiance_between_readings() -> None:
    scene, meter = Scene(strength=0.8), a_meter()
    meter.read(0.0, 0.0)
    follow(scene, meter, 60.0, 50.0)
    assert meter.scale == pytest.approx(0.8, abs=0.01)
    assert meter.irradiance_mw_cm2 == pytest.approx(sum(scene.parts), rel=0.01)
    assert meter.afterglow_j_cm2 == pytest.approx(
        sum(x * p.tau_s for x, p in zip(scene.parts, HALOGEN.parts, strict=True)) / 1000.0, rel=0.01
    )


def test_while_readings_fail_an_old_lamp_is_still_counted_as_old() -> None:
    scene, meter = Scene(strength=0.8), a_meter()
    meter.read(0.0, 0.0)
    follow(scene, meter, 60.0, 50.0)
    follow(scene, meter, 10.0, 50.0, reads=False)
    assert meter.fluence_j_cm2 == pytest.approx(scene.fluence_j_cm2, rel=0.005)


def test_the_scale_never_steers_beyond_its_bounds() -> None:
    meter = a_meter()
    for at in range(400):
        meter.advance(TICK_S, 50.0)
        meter.read(1e6 if at % 2 else -1e6, at * TICK_S)
        assert 0.3 <= meter.scale <= 2.0


def test_settling_counts_the_light_still_to_come_once() -> None:
    scene, meter = Scene(), a_meter()
    meter.read(0.0, 0.0)
    follow(scene, meter, 30.0, 50.0)
    meter.settle()
    meter.settle()
    scene.step(400.0, 0.0)
    assert meter.fluence_j_cm2 == pytest.approx(scene.fluence_j_cm2, rel=0.002)


def test_the_expected_reading_lags_as_the_instrument_does() -> None:
    scene, meter = Scene(), a_meter()
    for _ in range(80):
        follow(scene, meter, TICK_S, 50.0)
        assert meter.expected_reading_mw_cm2 == pytest.approx(scene.shows_mw_cm2, abs=0.2)


def test_one_long_step_expects_about_the_same_reading_as_many_short_ones() -> None:
    lamp = LampResponse((ResponsePart(1.0, 0.35),))
    long, short = a_meter(response=lamp), a_meter(response=lamp)
    long.advance(10.0, 50.0)
    for _ in range(1000):
        short.advance(0.01, 50.0)
    assert long.expected_reading_mw_cm2 == pytest.approx(short.expected_reading_mw_cm2, rel=0.05)


def test_light_before_the_first_reading_is_counted_too() -> None:
    scene, meter = Scene(), a_meter()
    follow(scene, meter, 1.0, 50.0, reads=False)
    follow(scene, meter, 30.0, 50.0)
    assert meter.fluence_j_cm2 == pytest.approx(scene.fluence_j_cm2, rel=0.005)


def test_a_reading_left_over_from_an_earlier_light_is_no_dose() -> None:
    scene, meter = Scene(), a_meter()
    scene.step(60.0, 50.0)
    scene.parts, given_before = [0.0, 0.0], scene.fluence_j_cm2
    meter.read(scene.reading_mw_cm2, scene.now_s)
    follow(scene, meter, 40.0, 0.0)
    assert scene.fluence_j_cm2 == given_before
    assert meter.fluence_j_cm2 == pytest.approx(0.0, abs=0.01)


def test_a_flash_that_no_reading_saw_is_not_forgotten() -> None:
    """Lit for a second between two dark readings half a minute apart: the straight line between them says nothing."""
    scene, meter = Scene(sensor_s=1.0), a_meter(sensor_response_s=1.0)
    meter.read(0.0, 0.0)
    follow(scene, meter, 1.0, 50.0, reads=False)
    follow(scene, meter, 30.0, 0.0, reads=False)
    meter.read(scene.reading_mw_cm2, scene.now_s)
    assert meter.fluence_j_cm2 == pytest.approx(scene.fluence_j_cm2, rel=0.05)
    assert "readings missing" in {c.name for c in meter.dose.contributions}


def test_a_lamp_that_stayed_lit_while_nobody_looked_is_counted_as_lit() -> None:
    """The model thinks it is off; the next reading says otherwise, and the larger counts."""
    scene, meter = Scene(), a_meter()
    meter.read(0.0, 0.0)
    follow(scene, meter, 60.0, 50.0)
    for _ in range(80):
        scene.step(TICK_S, 50.0)
        meter.advance(TICK_S, 0.0)
    meter.read(scene.reading_mw_cm2, scene.now_s)
    assert meter.fluence_j_cm2 == pytest.approx(scene.fluence_j_cm2, rel=0.01)
    assert meter.dose.max_j_cm2 > scene.fluence_j_cm2


@pytest.mark.parametrize("nonsense", [nan, inf, -inf])
def test_a_reading_that_is_no_number_is_no_reading(nonsense: float) -> None:
    scene, meter = Scene(), a_meter()
    meter.read(0.0, 0.0)
    follow(scene, meter, 30.0, 50.0)
    last = meter.reading_mw_cm2
    scene.step(TICK_S, 50.0)
    meter.advance(TICK_S, 50.0)
    meter.read(nonsense, scene.now_s)
    assert meter.reading_mw_cm2 == last
    assert isfinite(meter.scale)
    follow(scene, meter, 30.0, 50.0)
    assert meter.fluence_j_cm2 == pytest.approx(scene.fluence_j_cm2, rel=0.005)


def test_before_the_first_reading_there_is_none() -> None:
    assert a_meter().reading_mw_cm2 is None
    assert a_meter(sensor_response_s=None).reading_mw_cm2 is None


def test_no_time_is_no_light() -> None:
    meter = a_meter()
    meter.advance(0.0, 50.0)
    assert meter.fluence_j_cm2 == 0.0
    assert meter.dose == Dose.of(0.0, meter.dose.contributions)


# --- the reasons -------------------------------------------------------------------------------------------------------


def reasons(meter: DoseMeter) -> dict[str, Contribution]:
    return {c.name: c for c in meter.dose.contributions}


def test_a_measured_dose_gives_its_own_reasons_for_doubt() -> None:
    scene, meter = Scene(), a_meter(dark_uncertainty_mw_cm2=0.1)
    meter.read(0.0, 0.0)
    follow(scene, meter, 100.0, 50.0)
    found, best = reasons(meter), meter.fluence_j_cm2
    assert set(found) == {"radiometer calibration", "distance", "timing", "dark reading"}
    assert found["radiometer calibration"].half_width_j_cm2 == pytest.approx(0.06 * best)
    assert found["distance"].half_width_j_cm2 == pytest.approx(best * 2 * 0.5 / 50.0)  # inverse square: 2·Δd/d
    assert found["dark reading"].half_width_j_cm2 == pytest.approx(0.1 * 100.0 / 1000.0)


def test_an_estimated_dose_names_the_lamp_and_its_age() -> None:
    meter = a_meter(sensor_response_s=None, uncertainty_pct=9.0)
    meter.advance(100.0, 50.0)
    found, best = reasons(meter), meter.fluence_j_cm2
    assert set(found) == {"lamp calibration", "distance", "lamp ageing and mains since calibration", "timing"}
    assert found["lamp ageing and mains since calibration"].half_width_j_cm2 == pytest.approx(0.25 * best)


def test_what_the_sensor_has_yet_to_show_is_as_noisy_as_its_last_reading() -> None:
    scene, meter = Scene(), a_meter(noise_mw_cm2=0.2)
    assert "reading noise" not in reasons(meter)
    meter.read(0.0, 0.0)
    follow(scene, meter, 30.0, 50.0)
    assert reasons(meter)["reading noise"].half_width_j_cm2 == pytest.approx(0.2 * SENSOR_S / 1000.0)


def test_what_was_not_measured_widens_a_measured_dose() -> None:
    scene, meter = Scene(), a_meter()
    meter.read(0.0, 0.0)
    follow(scene, meter, 30.0, 50.0)
    follow(scene, meter, 10.0, 50.0, reads=False)
    assert reasons(meter)["not measured"].half_width_j_cm2 == pytest.approx(0.25 * 50.0 * 10.0 / 1000.0, rel=0.02)


def test_each_time_the_lamp_is_lit_the_moments_of_on_and_off_are_doubted_again_even_after_the_end() -> None:
    meter = a_meter(sensor_response_s=None)
    for _ in range(3):
        meter.advance(60.0, 50.0)
        meter.advance(60.0, 0.0)
    meter.settle()
    expected = 3 * 50.0 * RAMP_UNCERTAINTY_S / 1000.0
    assert reasons(meter)["timing"].half_width_j_cm2 == pytest.approx(expected, rel=0.01)


def test_light_that_nothing_read_back_may_not_have_been_given() -> None:
    meter = DoseMeter(HALOGEN, 9.0, 50.0, 0.5)
    for _ in range(40):
        meter.advance(TICK_S, 50.0)
    assert meter.dose.min_j_cm2 == 0.0, "nobody has seen the output lit"
    meter.confirm()
    confirmed = meter.dose.min_j_cm2
    assert confirmed > 0.5 * meter.dose.best_j_cm2
    meter.advance(5.0, 50.0)
    assert meter.dose.min_j_cm2 <= confirmed, "what came after the last look is doubtful again"
    assert meter.dose.max_j_cm2 > 1.4 * confirmed


def test_a_soft_start_stays_in_doubt_each_time() -> None:
    once, twice = (DoseMeter(HALOGEN, 9.0, 50.0, 0.5) for _ in range(2))
    for meter, pulses in ((once, 1), (twice, 2)):
        for _ in range(pulses):
            for _ in range(round(20.0 / pulses / TICK_S)):
                meter.advance(TICK_S, 50.0)
                meter.confirm()
            meter.advance(5.0, 0.0)
    assert twice.dose.min_j_cm2 < once.dose.min_j_cm2


@pytest.mark.parametrize("shown", [0.0, 0.4, 2.5])
def test_where_radiometer_and_calibration_contradict_each_other_the_interval_holds_both(shown: float) -> None:
    scene, meter = Scene(), a_meter()
    meter.read(0.0, 0.0)
    for _ in range(40):
        scene.step(TICK_S, 50.0)
        meter.advance(TICK_S, 50.0)
        meter.read(shown * scene.reading_mw_cm2, scene.now_s)
    measured = meter.dose
    meter.disputed = True
    assert not measured.min_j_cm2 <= scene.fluence_j_cm2 <= measured.max_j_cm2
    assert meter.dose.min_j_cm2 <= scene.fluence_j_cm2 <= meter.dose.max_j_cm2
    assert meter.dose.best_j_cm2 == measured.best_j_cm2
    assert meter.dose.min_j_cm2 <= measured.min_j_cm2
    assert meter.dose.max_j_cm2 >= measured.max_j_cm2
