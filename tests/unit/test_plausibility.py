"""Readings that are not believed: each slip a person makes at the meter is named, with what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.domain.findings import stated_curve
from irctl.domain.plan import plan_problems
from irctl.domain.plausibility import curve_problems, distance_problem, reading_problems
from irctl.domain.readings import LevelReading, MeasuredPoint, points
from tests.unit.benches import LEVELS, ALamp, a_meter, a_plan, readings_of

METER = a_meter()


def taken(repeats: int = 3, seed: int = 0) -> list[LevelReading]:
    return readings_of(ALamp(), a_plan(repeats=repeats), METER, seed=seed)


def as_points(readings: list[LevelReading]) -> tuple[MeasuredPoint, ...]:
    return points(readings, METER, "halogen", distance_cm=50.0, positioning_cm=0.5)


def changed(readings: list[LevelReading], index: int, typed: Callable[[float], float]) -> list[LevelReading]:
    one = readings[index]
    return [*readings[:index], replace(one, reading_mw_cm2=typed(one.reading_mw_cm2)), *readings[index + 1 :]]


def swapped(readings: list[LevelReading], i: int, j: int) -> list[LevelReading]:
    one, other = readings[i].reading_mw_cm2, readings[j].reading_mw_cm2
    return changed(changed(readings, i, lambda _: other), j, lambda _: one)


@given(st.integers(0, 1000), st.integers(2, 4))
def test_honest_readings_are_believed(seed: int, repeats: int) -> None:
    readings = taken(repeats, seed)
    assert reading_problems(readings, METER) == []
    assert (
        curve_problems(
            as_points(readings), stated_curve([(p.level_pct, p.irradiance_mw_cm2) for p in as_points(taken())])
        )
        == []
    )


@given(st.data(), st.integers(0, 100), st.integers(2, 4))
def test_any_two_swapped_readings_are_named(data: st.DataObject, seed: int, repeats: int) -> None:
    readings = taken(repeats, seed)
    pairs = [(i, j) for i, j in combinations(range(len(readings)), 2) if readings[i].level_pct != readings[j].level_pct]
    i, j = data.draw(st.sampled_from(pairs))
    (problem,) = reading_problems(swapped(readings, i, j), METER)
    assert "swapped" in problem.limit
    levels = {readings[i].level_pct, readings[j].level_pct}
    assert all(f"({level:g} %)" in problem.limit for level in levels)
    if repeats > 2:  # of two repeats, which one is wrong is anybody's guess
        assert problem.value == f"readings {readings[i].number} and {readings[j].number}"


@pytest.mark.parametrize(("i", "j"), list(combinations(range(len(LEVELS)), 2)))
def test_two_levels_swapped_in_every_repeat_are_named(i: int, j: int) -> None:
    there = {LEVELS[i]: LEVELS[j], LEVELS[j]: LEVELS[i]}
    readings = [replace(r, level_pct=there.get(r.level_pct, r.level_pct)) for r in taken()]
    assert reading_problems(readings, METER) == []
    (problem,) = curve_problems(as_points(readings))
    assert "swapped" in problem.limit
    assert problem.value == f"{LEVELS[i]:g} % and {LEVELS[j]:g} %"


@pytest.mark.parametrize("noise", [0.0, 0.001])
def test_a_meter_that_shows_no_more_than_its_range_is_no_curve(noise: float) -> None:
    """Whatever its certificate says of the range: clipped readings may even rise a little."""
    readings = [
        replace(r, reading_mw_cm2=min(r.reading_mw_cm2, 60.0) * (1.0 + noise * r.level_pct / 100.0)) for r in taken()
    ]
    (problem,) = curve_problems(as_points(readings))
    assert "end of the meter's range" in problem.limit
    assert "from 60 to 100 %" in problem.limit
    assert "wider range" in problem.remedy


def test_a_lamp_whose_levels_are_out_of_order_is_not_taken_for_a_slip() -> None:
    output = {5.0: 60.0, 20.0: 20.0, 40.0: 60.0, 60.0: 40.0, 80.0: 30.0, 100.0: 20.0}
    readings = [replace(r, reading_mw_cm2=output[r.level_pct] + 0.1 * n) for n, r in enumerate(taken(2))]
    problems = curve_problems(as_points(readings))
    assert problems
    assert all("not monotone" in p.limit and "faulty" in p.remedy for p in problems)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (lambda _: nan, "no number"),
        (lambda _: 196.5, "saturated"),
        (lambda _: 0.2, "not above the dark reading"),
        (lambda value: 10.0 * value if value < 15 else value / 1.2, "times its repeats"),
        (lambda value: 10.0 * value if value < 15 else 10.0 * 15, "times its repeats"),
    ],
    ids=["no number", "saturated", "dark", "off", "off by far"],
)
def test_a_single_reading_that_cannot_be_is_named(typed: Callable[[float], float], says: str) -> None:
    readings = taken()
    (problem,) = reading_problems(changed(readings, 4, typed), METER)
    assert f"reading {readings[4].number} at {readings[4].level_pct:g} %" in problem.limit
    assert says in problem.limit
    assert problem.remedy


def test_one_reading_typed_in_watts_per_square_metre_names_the_unit() -> None:
    readings = taken()
    faint = next(i for i, r in enumerate(readings) if r.level_pct == 5.0)
    (problem,) = reading_problems(changed(readings, faint, lambda value: 10.0 * value), METER)
    assert "W/m²" in problem.limit


def test_what_no_range_of_the_meter_shows_is_first_taken_for_watts_per_square_metre() -> None:
    """A person who types 795 W/m² has no saturated meter; only then may it be one."""
    bright = next(i for i, r in enumerate(taken()) if r.level_pct == 80.0)
    (problem,) = reading_problems(changed(taken(), bright, lambda value: 10.0 * value), METER)
    tenth = f"{taken()[bright].reading_mw_cm2:.4g} mW/cm²"
    assert problem.limit.index("W/m²") < problem.limit.index(tenth) < problem.limit.index("saturated")
    assert "unit" in problem.remedy
    for value in (0.99 * METER.range_max_mw_cm2, 20.0 * METER.range_max_mw_cm2):
        (problem,) = reading_problems(changed(taken(), bright, lambda _, shown=value: shown), METER)
        assert "W/m²" not in problem.limit
        assert "saturated" in problem.limit


@pytest.mark.parametrize(
    ("factor", "unit"), [(10.0, "W/m²"), (0.1, "divided by 10"), (0.001, "W/cm²"), (0.01, "kW/m²")]
)
def test_all_readings_in_another_unit_name_it(factor: float, unit: str) -> None:
    meter = a_meter(range_max_mw_cm2=2000.0, resolution_mw_cm2=1e-6)
    stated = [(p.level_pct, p.irradiance_mw_cm2) for p in as_points(taken())]
    readings = [
        replace(r, reading_mw_cm2=factor * r.reading_mw_cm2, dark_mw_cm2=factor * r.dark_mw_cm2) for r in taken()
    ]
    assert reading_problems(readings, meter) == []
    by_calibration = curve_problems(as_points(readings), stated_curve(stated))
    by_monitor = curve_problems(as_points([replace(r, monitor_mw_cm2=r.net_mw_cm2 / factor) for r in readings]))
    for (problem,) in (by_calibration, by_monitor):
        assert unit in problem.limit
        assert "mW/cm²" in problem.remedy


def test_an_aged_lamp_is_no_slip_of_the_unit() -> None:
    stated = [(p.level_pct, 2.0 * p.irradiance_mw_cm2) for p in as_points(taken())]
    assert curve_problems(as_points(taken()), stated_curve(stated)) == []


@pytest.mark.parametrize(
    ("levels", "says"),
    [
        ((5.0, 30.0, 60.0, 100.0), "at least 5"),
        ((5.0, 10.0, 15.0, 20.0, 100.0), "between 20 and 100 %"),
    ],
)
def test_too_few_levels_or_too_far_apart_are_no_curve(levels: tuple[float, ...], says: str) -> None:
    readings = readings_of(ALamp(), a_plan(levels_pct=levels), METER)
    (problem,) = curve_problems(as_points(readings))
    assert says in problem.limit
    assert [p.limit for p in plan_problems(levels, (50.0,), 3)] == [problem.limit]


def test_a_level_read_once_only_does_not_show_how_well_it_repeats() -> None:
    problems = curve_problems(as_points(taken(repeats=1)))
    assert len(problems) == len(LEVELS)
    assert "once only" in problems[0].limit


@pytest.mark.parametrize(
    ("typed_cm", "says"),
    [
        (50.0 / 2.54, "inches"),
        (19.7, "inches"),
        (500.0, "millimetres"),
        (0.5, "metres"),
        (45.0, "50 ± 0.5 cm"),
        (nan, "no distance"),
        (-50.0, "no distance"),
    ],
)
def test_a_distance_that_is_not_the_lamps_is_refused_and_the_unit_named(typed_cm: float, says: str) -> None:
    problem = distance_problem("distance_cm", typed_cm, 50.0)
    assert problem is not None
    assert says in problem.limit


def test_a_distance_within_the_positioning_is_the_lamps() -> None:
    assert distance_problem("distance_cm", 50.4, 50.0, 0.5) is None
