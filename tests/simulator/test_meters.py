"""A reference meter placed under a lamp, and what happens to lamps and meters between two calibrations."""

from __future__ import annotations

import asyncio
import tomllib
from statistics import fmean, pstdev

import pytest

from irctl_simulator import FaultError, SimStation
from irctl_simulator.control import state
from tests.simulator.worlds import DEMO, demo_station, lit, shown_mw_cm2

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

RADIOMETER, METER = 1, 2
SETTLED_S = 12.0
"""Twelve response times of the meter."""


def a_station_with_meter(**options: float) -> SimStation:
    """The demonstration, its meter with other electronics."""
    config = tomllib.loads(DEMO.read_text(encoding="utf-8"))
    config["devices"]["meter"]["options"] |= options
    return SimStation.from_config(config)


def true_mw_cm2(station: SimStation, distance_cm: float, level: int = 100) -> float:
    ((_, irradiance),) = station.calibration_points("left", distance_cm, [level])
    return irradiance


async def placed_mw_cm2(station: SimStation, distance_cm: float, angle_deg: float = 0.0) -> float:
    """What the meter shows, settled."""
    station.place("meter", "left", distance_cm, angle_deg)
    await asyncio.sleep(SETTLED_S)
    return await shown_mw_cm2(station, METER)


async def a_course(station: SimStation, seconds: int) -> list[float]:
    readings: list[float] = []
    for _ in range(seconds):
        readings.append(await shown_mw_cm2(station, METER))
        await asyncio.sleep(1.0)
    return readings


async def test_a_meter_sees_the_lamp_from_its_own_distance():
    station = demo_station()
    await lit(station)
    for distance_cm in (30.0, 50.0, 80.0):
        expected = 95.0 * (55.0 / (distance_cm + 5.0)) ** 2
        assert await placed_mw_cm2(station, distance_cm) == pytest.approx(expected, abs=0.15)
        assert station.meter_truth("meter").irradiance_mw_cm2 == pytest.approx(expected, rel=1e-4)
        assert true_mw_cm2(station, distance_cm) == pytest.approx(expected, rel=1e-4)
        assert await shown_mw_cm2(station, RADIOMETER) == pytest.approx(95.0, abs=0.15), "it stays where it is"


async def test_a_tilted_meter_sees_the_cosine():
    station = demo_station()
    await lit(station)
    assert await placed_mw_cm2(station, 50.0, 60.0) == pytest.approx(47.5, abs=0.15)
    assert await placed_mw_cm2(station, 50.0, -10.0) == pytest.approx(95.0 * 0.9848, abs=0.15)


async def test_a_meter_takes_its_time():
    station = demo_station()
    await lit(station)
    station.place("meter", "left", 50.0)
    await asyncio.sleep(1.0)
    assert await shown_mw_cm2(station, METER) == pytest.approx(95.0 * 0.632, abs=1.0)
    await asyncio.sleep(SETTLED_S)
    station.remove("meter")
    await asyncio.sleep(1.0)
    assert await shown_mw_cm2(station, METER) == pytest.approx(95.0 * 0.368, abs=1.0)


async def test_away_from_the_lamps_or_under_a_dark_one_a_meter_shows_its_offset():
    station = a_station_with_meter(offset_w_m2=4.0)
    await lit(station)
    assert await shown_mw_cm2(station, METER) == pytest.approx(0.4, abs=0.12)
    assert await placed_mw_cm2(station, 50.0) == pytest.approx(95.4, abs=0.15)
    station.place("meter", "right", 50.0)
    await asyncio.sleep(SETTLED_S)
    assert await shown_mw_cm2(station, METER) == pytest.approx(0.4, abs=0.12)
    assert station.meter_truth("meter").lamp == "right"
    station.remove("meter")
    station.remove("meter")
    truth = station.meter_truth("meter")
    assert (truth.lamp, truth.distance_cm, truth.irradiance_mw_cm2) == (None, None, 0.0)


async def test_readings_have_noise_and_resolution():
    station = a_station_with_meter(noise_w_m2=2.0, resolution_w_m2=1.0)
    await lit(station)
    await placed_mw_cm2(station, 50.0)
    readings: list[float] = []
    for _ in range(200):
        readings.append(await shown_mw_cm2(station, METER))
        await asyncio.sleep(0.1)
    assert all(reading * 10 == pytest.approx(round(reading * 10)) for reading in readings)
    assert fmean(readings) == pytest.approx(95.0, abs=0.1)
    assert pstdev(readings) == pytest.approx(0.2, rel=0.2)


async def test_a_misplaced_meter_stands_elsewhere_than_it_is_believed_to():
    station = demo_station()
    await lit(station)
    await placed_mw_cm2(station, 50.0)
    station.set_fault("meter", "misplaced", cm=-3)
    await asyncio.sleep(SETTLED_S)
    assert await shown_mw_cm2(station, METER) == pytest.approx(true_mw_cm2(station, 47.0), abs=0.15)
    assert await placed_mw_cm2(station, 60.0) == pytest.approx(true_mw_cm2(station, 57.0), abs=0.15)
    assert station.meter_truth("meter").distance_cm == 57.0
    station.clear_faults()
    assert station.meter_truth("meter").distance_cm == 60.0, "mended, and still where it was placed"


async def test_a_meter_on_another_range_jumps_or_stops():
    station = demo_station()
    await lit(station, 20)
    right = await placed_mw_cm2(station, 50.0)
    station.set_fault("meter", "range", mw_cm2=100)
    assert await shown_mw_cm2(station, METER) == pytest.approx(right, abs=0.15)
    station.set_fault("meter", "range", mw_cm2=20)
    assert await shown_mw_cm2(station, METER) == 20.0
    station.set_fault("meter", "range", mw_cm2=1000)
    station.set_fault("meter", "gain", factor=10)
    assert await shown_mw_cm2(station, METER) == pytest.approx(10 * right, rel=0.01)
    station.clear_faults()
    assert await shown_mw_cm2(station, METER) == pytest.approx(right, abs=0.15)


async def test_a_meter_shows_no_more_than_its_range():
    station = a_station_with_meter(full_scale_w_m2=500.0)
    await lit(station)
    assert await placed_mw_cm2(station, 50.0) == 50.0
    assert await placed_mw_cm2(station, 80.0) == pytest.approx(95.0 * (55 / 85) ** 2, abs=0.15)


async def test_a_meter_may_have_a_bias_from_the_start():
    station = a_station_with_meter(gain=1.06)
    await lit(station)
    assert await placed_mw_cm2(station, 50.0) == pytest.approx(95.0 * 1.06, abs=0.15)
    assert station.meter_truth("meter").irradiance_mw_cm2 == pytest.approx(95.0, rel=1e-4)


async def test_a_replaced_lamp_is_another_one_until_the_old_is_back():
    station = demo_station()
    station.set_fault("left", "ageing", factor=0.8)
    station.set_fault("left", "dirty", factor=0.9)
    station.set_fault("left", "replaced", serial="SIM-L-002", factor=1.05)
    assert true_mw_cm2(station, 50.0) == pytest.approx(95.0 * 1.05), "neither aged nor dirty"
    assert state(station)["lamps"]["left"]["serial"] == "SIM-L-002"
    station.clear_faults()
    assert true_mw_cm2(station, 50.0) == pytest.approx(95.0)
    assert state(station)["lamps"]["left"]["serial"] == "SIM-L-001"


async def test_a_dirty_reflector_dims_and_moves_the_virtual_source():
    station = demo_station()
    await lit(station)
    assert await placed_mw_cm2(station, 30.0) == pytest.approx(95.0 * (55 / 35) ** 2, abs=0.15)
    station.set_fault("left", "dirty", factor=0.85, virtual_source_cm=2)
    await asyncio.sleep(SETTLED_S)
    assert await shown_mw_cm2(station, METER) == pytest.approx(95.0 * 0.85 * (52 / 32) ** 2, abs=0.15)
    await asyncio.sleep(60.0)
    assert await shown_mw_cm2(station, RADIOMETER) == pytest.approx(95.0 * 0.85, abs=0.15)
    station.set_fault("left", "dirty", factor=1)
    assert true_mw_cm2(station, 30.0) == pytest.approx(95.0 * (55 / 35) ** 2)


async def test_a_lamp_ages_with_its_lit_hours_whoever_asks():
    station = demo_station()
    station.set_fault("left", "ageing", factor=1, loss_pct_per_h=12)
    await lit(station)
    await asyncio.sleep(3300.0)
    assert true_mw_cm2(station, 50.0) == pytest.approx(95.0 * 0.88, rel=1e-3)
    assert station.truth("left").irradiance_mw_cm2 == pytest.approx(95.0 * 0.88, rel=1e-3)
    assert station.calibration_points("right", 50.0, [100])[0][1] == pytest.approx(90.0), "it was dark"


@pytest.mark.parametrize("shape", ["ripple", "wander"])
async def test_unsteady_mains_show_in_every_reading_until_they_are_over(shape: str):
    station = demo_station()
    await lit(station)
    await placed_mw_cm2(station, 50.0)
    station.set_fault("left", "unsteady", percent=3, seconds=60, shape=shape)
    readings = await a_course(station, 600)
    assert 0.015 < pstdev(readings) / 95.0 < 0.045
    assert fmean(readings) == pytest.approx(95.0, rel=0.01)
    assert true_mw_cm2(station, 50.0) == pytest.approx(95.0), "the steady truth lies in the middle"
    station.set_fault("left", "unsteady", percent=0, seconds=60)
    await asyncio.sleep(300.0)
    assert pstdev(await a_course(station, 60)) < 0.06


async def test_the_same_seed_wanders_the_same_way():
    def unsteady(seed: int) -> object:
        station = demo_station(seed)
        station.set_fault("left", "unsteady", percent=3, seconds=60, shape="wander")
        return station.lamps["left"].treatment.mains

    assert unsteady(1) == unsteady(1)
    assert unsteady(1) != unsteady(2)


@pytest.mark.parametrize(
    ("meter", "lamp", "distance_cm", "angle_deg", "complaint"),
    [
        ("radiometer", "left", 50.0, 0.0, "radiometer is no meter that can be placed; there are meter"),
        ("nobody", "left", 50.0, 0.0, "there are meter"),
        ("meter", "middle", 50.0, 0.0, "there is no lamp middle; there are left, right"),
        ("meter", "left", 0.0, 0.0, "distance_cm must lie in 1..1000, not 0"),
        ("meter", "left", float("nan"), 0.0, "distance_cm must lie in 1..1000"),
        ("meter", "left", 50.0, 90.0, "angle_deg must lie in -89..89, not 90"),
    ],
)
async def test_impossible_places_are_refused(
    meter: str, lamp: str, distance_cm: float, angle_deg: float, complaint: str
):
    station = demo_station()
    station.place("meter", "right", 40.0)
    with pytest.raises(FaultError, match=complaint):
        station.place(meter, lamp, distance_cm, angle_deg)
    assert (station.meter_truth("meter").lamp, station.meter_truth("meter").distance_cm) == ("right", 40.0)
