"""Lamp, skin and sensors against the figures they were written from."""

from __future__ import annotations

import math
import time
from random import Random
from statistics import fmean, pstdev

import pytest

from irctl_simulator.physics.lamp import Ageing, Field, LampBody, conduction_for, phase_v2, steady_fraction
from irctl_simulator.physics.mains import Mains, ripple, wander
from irctl_simulator.physics.sensors import FirstOrder, Head
from irctl_simulator.physics.skin import Skin, SkinModel
from irctl_simulator.physics.treatment import Treatment

TWENTY_MINUTES = 2400  # steps of 0.5 s


def skin_after_20_min(irradiance_mw_cm2: float, *, vasodilation: bool) -> float:
    skin = Skin(SkinModel(vasodilation=vasodilation, dilation_lag_s=0.0))
    for _ in range(TWENTY_MINUTES):
        skin.step(irradiance_mw_cm2)
    return skin.surface_c


def test_unheated_skin_rests_at_34_2():
    skin = Skin()
    assert skin.surface_c == pytest.approx(34.2, abs=0.05)
    for _ in range(100):
        skin.step(0.0)
    assert skin.surface_c == pytest.approx(34.2, abs=0.05)


@pytest.mark.parametrize(("irradiance", "expected"), [(30, 38.1), (50, 39.2), (70, 40.2), (100, 41.4), (150, 43.4)])
def test_healthy_skin_matches_the_published_table(irradiance: float, expected: float):
    assert skin_after_20_min(irradiance, vasodilation=True) == pytest.approx(expected, abs=0.3)


@pytest.mark.parametrize(("irradiance", "expected"), [(30, 40.2), (50, 44.1), (70, 48.1), (100, 54.0), (150, 63.9)])
def test_impaired_circulation_matches_the_published_table(irradiance: float, expected: float):
    assert skin_after_20_min(irradiance, vasodilation=False) == pytest.approx(expected, abs=0.3)


def test_late_vasodilation_overshoots_the_settled_temperature():
    skin = Skin(SkinModel(dilation_lag_s=120.0))
    course = [skin.step(100.0) for _ in range(TWENTY_MINUTES)]
    assert max(course) > course[-1] + 0.3
    assert course[-1] == pytest.approx(41.4, abs=0.3)


def test_the_skin_of_half_an_hour_costs_well_under_a_second():
    skin = Skin()
    start = time.process_time()
    for _ in range(3600):
        skin.step(80.0)
    assert time.process_time() - start < 0.5


def test_half_the_half_wave_is_half_the_mean_square_voltage():
    assert phase_v2(0.0) == pytest.approx(0.0)
    assert phase_v2(0.5) == pytest.approx(0.5)
    assert phase_v2(1.0) == pytest.approx(1.0)
    assert conduction_for(phase_v2(0.3)) == pytest.approx(0.3, abs=1e-5)


def test_lamp_power_follows_voltage_to_the_1_6():
    assert steady_fraction(0.9**2) == pytest.approx(0.9**1.6)


def test_light_falls_with_the_square_of_the_distance_from_the_virtual_source():
    light = Field(95.0, at_cm=50.0, virtual_source_cm=5.0)
    assert light.at(50.0) == 95.0
    assert light.at(105.0) == pytest.approx(95.0 / 4)


def test_one_long_step_equals_many_short_ones():
    long, short = LampBody(drive=0.8), LampBody(drive=0.8)
    total = long.step(10.0)
    assert sum(short.step(0.01) for _ in range(1000)) == pytest.approx(total, rel=1e-12)
    assert short.output == pytest.approx(long.output, rel=1e-12)
    warm_up = 0.8 * (0.94 * 0.35 * (1 - math.exp(-10 / 0.35)) + 0.06 * 25 * (1 - math.exp(-10 / 25)))
    assert total == pytest.approx(0.8 * 10.0 - warm_up)


@pytest.mark.parametrize("tau_s", [0.3, 6.0, 25.0])
def test_a_sensor_of_any_speed_follows_the_exact_curve(tau_s: float):
    exact, small = FirstOrder(tau_s), FirstOrder(tau_s)
    transients = [(-40.0, 0.35), (-4.0, 25.0)]
    exact.follow(50.0, transients, 12.0)
    dt = 1e-3
    for step in range(12_000):
        middle = (step + 0.5) * dt
        small.value = small.hold(50.0 + sum(a * math.exp(-middle / tau) for a, tau in transients), dt)
    assert exact.value == pytest.approx(small.value, abs=2e-4)


def a_treatment() -> Treatment:
    return Treatment(name="lamp", now=0.0, light=Field(100.0), distance_cm=50.0, radiant_w=200.0)


def test_fluence_counts_warm_up_and_afterglow():
    one = a_treatment()
    one.power(1.0, 10.0)
    one.power(0.0, 610.0)
    truth = one.truth(1200.0)
    assert truth.on_intervals == ((10.0, 610.0),)
    assert truth.powered_s == 600.0
    # What warming up costs, cooling down gives back: 600 s at 100 mW/cm2 in all.
    assert truth.fluence_j_cm2 == pytest.approx(60.0, rel=1e-9)
    assert one.truth(610.0 + 600.0).irradiance_mw_cm2 == pytest.approx(0.0, abs=1e-6)


def test_asking_more_often_changes_nothing():
    seldom, often = a_treatment(), a_treatment()
    for one in (seldom, often):
        one.power(0.5, 0.0)
    for tick in range(1, 3000):
        often.radiometer_w_m2(tick / 10)
    for one in (seldom, often):
        one.power(0.0, 300.0)
    a, b = seldom.truth(400.0), often.truth(400.0)
    assert a.fluence_j_cm2 == pytest.approx(b.fluence_j_cm2, rel=1e-9)
    assert a.peak_skin_c == pytest.approx(b.peak_skin_c, abs=1e-6)
    assert seldom.radiometer.value == pytest.approx(often.radiometer.value, abs=1e-9)


def test_a_meter_under_the_lamp_changes_nothing_for_it():
    watched, alone = a_treatment(), a_treatment()
    head = Head(FirstOrder(1.0), distance_cm=20.0)
    watched.place(head, 0.0)
    for one in (watched, alone):
        one.power(0.7, 10.0)
        one.power(0.0, 310.0)
    watched.remove(head, 310.0)
    assert watched.truth(400.0) == alone.truth(400.0)
    assert watched.radiometer.value == alone.radiometer.value
    assert head.response.value == pytest.approx(watched.steady_mw_cm2(0.7, 20.0), rel=1e-4)


def test_a_sag_and_an_old_lamp_cost_what_their_factors_say():
    one = a_treatment()
    one.power(1.0, 0.0)
    one.set_ageing(Ageing(0.8), 0.0)
    one.set_mains(Mains(0.92), 0.0)
    assert one.truth(600.0).irradiance_mw_cm2 == pytest.approx(73.6)


def test_asking_more_often_changes_nothing_on_unsteady_mains_or_under_an_ageing_lamp():
    seldom, often = a_treatment(), a_treatment()
    for one in (seldom, often):
        one.set_mains(Mains(waves=ripple(3.0, 40.0)), 0.0)
        one.set_ageing(Ageing(1.0, loss_pct_per_h=20.0), 0.0)
        one.power(1.0, 0.25)
    for tick in range(1, 6000):
        often.truth(tick / 10)
    assert seldom.truth(600.0).fluence_j_cm2 == pytest.approx(often.truth(600.0).fluence_j_cm2, rel=1e-9)


def test_every_lit_hour_costs_the_same_part_of_what_is_left():
    one = a_treatment()
    one.set_ageing(Ageing(0.9, loss_pct_per_h=12.0), 0.0)
    one.power(1.0, 0.0)
    assert one.truth(3600.0).irradiance_mw_cm2 == pytest.approx(90.0 * 0.88, rel=1e-3)
    one.power(0.0, 3600.0)
    assert one.steady_mw_cm2(1.0, 50.0) == pytest.approx(90.0 * 0.88)
    one.power(1.0, 7200.0)
    assert one.steady_mw_cm2(1.0, 50.0) == pytest.approx(90.0 * 0.88), "the dark hour costs nothing"
    assert one.truth(10800.0).irradiance_mw_cm2 == pytest.approx(90.0 * 0.88**2, rel=1e-3)


def test_a_ripple_swings_as_far_as_it_says_and_costs_no_dose():
    one, steady = a_treatment(), a_treatment()
    one.set_mains(Mains(waves=ripple(4.0, 60.0)), 0.0)
    for lamp in (one, steady):
        lamp.power(1.0, 0.0)
        lamp.advance(600.0)
    before = one.fluence_j_cm2
    course = [one.truth(600.0 + second).irradiance_mw_cm2 for second in range(601)]
    assert max(course) == pytest.approx(104.0, abs=0.3)
    assert min(course) == pytest.approx(96.0, abs=0.3)
    assert one.fluence_j_cm2 - before == pytest.approx(60.0, rel=1e-3)


def test_a_wander_spreads_as_said_and_does_not_repeat():
    mains = Mains(waves=wander(3.0, 60.0, Random(5)))
    course = [mains.at(second / 2) for second in range(72_000)]
    assert fmean(course) == pytest.approx(1.0, abs=1e-3)
    assert pstdev(course) == pytest.approx(0.03, rel=0.05)
    swings = [abs(mains.at(second) - mains.at(second + 60.0)) for second in range(600)]
    assert max(swings) > 0.02, "no common period"
    assert mains.at(17.0) != Mains(waves=wander(3.0, 60.0, Random(6))).at(17.0)
