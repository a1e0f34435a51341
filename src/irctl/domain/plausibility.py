"""Every reason not to believe readings: a slip of the unit, two that were swapped, a saturated meter, points that are no curve.

Each problem names what to measure again. People read meters: a slip is found by what would heal it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from math import inf, isfinite, log

from irctl.domain.meters import Meter
from irctl.domain.plan import REPEATS_MIN, sparse_problems
from irctl.domain.problems import Problem
from irctl.domain.readings import LevelReading, MeasuredPoint

FLAT_SLOPE = 0.1
"""Of log irradiance over log level. A lamp rises eight times as steeply; what does not is the end of somebody's range."""
SPREAD_MAX_PCT = 5.0
"""Repeats of one level further apart than this (largest to smallest) are not repeats."""
UNIT_SLACK = 1.4
"""A ratio within this factor of a unit's is that unit's: no lamp ages tenfold."""
PER_MW_CM2 = 10.0
"""So many W/m² are one mW/cm²: the slip that people make."""
IRRADIANCE_UNITS: Mapping[float, str] = {
    PER_MW_CM2: "W/m² (1 mW/cm² = 10 W/m²): divide by 10",
    0.1: "mW/cm² divided by 10 once more, as if they had been W/m²: type what the meter shows in mW/cm²",
    0.01: "kW/m² (1 mW/cm² = 0.01 kW/m²): multiply by 100",
    0.001: "W/cm² (1 mW/cm² = 0.001 W/cm²): multiply by 1000",
}
"""By what somebody typed / what it is in mW/cm²."""
DISTANCE_UNITS: Mapping[float, str] = {
    1 / 2.54: "inches (1 in = 2.54 cm)",
    10.0: "millimetres",
    0.01: "metres",
    1 / 30.48: "feet (1 ft = 30.48 cm)",
}
DISTANCE_SLACK = 1.04


def reading_problems(readings: Sequence[LevelReading], meter: Meter) -> list[Problem]:
    """What is wrong with single readings: no number, saturated, not above dark, two swapped, repeats that disagree, a unit slip."""
    problems = [problem for reading in readings if (problem := _alone(reading, meter)) is not None]
    if problems:
        return problems
    apart = [group for group in _groups(readings).values() if _spread(group, meter) > 1.0]
    if not apart:
        return []
    if (swapped := _swapped(readings, meter)) is not None:
        one, other = swapped
        limit = (
            f"readings {one.number} ({one.level_pct:g} %) and {other.number} ({other.level_pct:g} %) look swapped: "
            f"{one.reading_mw_cm2:g} and {other.reading_mw_cm2:g} mW/cm² fit the other way round"
        )
        value = f"readings {one.number} and {other.number}"
        return [Problem("reading_mw_cm2", value, limit, "Read these two levels again")]
    return [_disagreement(group) for group in apart]


def _alone(reading: LevelReading, meter: Meter) -> Problem | None:
    what, value = f"reading {reading.number} at {reading.level_pct:g} %", reading.reading_mw_cm2
    if not (isfinite(value) and isfinite(reading.dark_mw_cm2)):
        return Problem("reading_mw_cm2", value, f"{what} is no number", "Read this level again")
    if (
        value > meter.range_max_mw_cm2
        and not meter.saturated(value / PER_MW_CM2)
        and value / PER_MW_CM2 > reading.dark_mw_cm2
    ):
        limit = (
            f"{what} is beyond the meter's range of {meter.range_max_mw_cm2:g} mW/cm²: it looks like {IRRADIANCE_UNITS[PER_MW_CM2]}, "
            f"which gives {value / PER_MW_CM2:.4g} mW/cm²; if it was mW/cm², the meter is saturated"
        )
        remedy = "Read this level again, with the unit that the meter shows; if it is mW/cm², with a wider range or a larger distance"
        return Problem("reading_mw_cm2", value, limit, remedy)
    if meter.saturated(value):
        limit = f"{what} is at the end of the meter's range of {meter.range_max_mw_cm2:g} mW/cm²: it may be saturated"
        return Problem(
            "reading_mw_cm2", value, limit, "Choose a wider range of the meter or a larger distance, and read again"
        )
    if reading.net_mw_cm2 <= 0:
        limit = f"{what} is not above the dark reading of {reading.dark_mw_cm2:g} mW/cm²"
        return Problem(
            "reading_mw_cm2", value, limit, "Make sure that the lamp is lit and the meter is under it; read again"
        )
    return None


def _groups(readings: Sequence[LevelReading]) -> dict[tuple[float, float], list[LevelReading]]:
    groups: dict[tuple[float, float], list[LevelReading]] = {}
    for reading in readings:
        groups.setdefault((reading.distance_cm, reading.level_pct), []).append(reading)
    return groups


def _median(values: Iterable[float]) -> float:
    # `statistics` takes longer to import than all of this.
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2.0


def _spread(group: Sequence[LevelReading], meter: Meter) -> float:
    """How far repeats lie apart, as a multiple of what is allowed; a faint level may differ by three digits."""
    return _spread_of([r.net_mw_cm2 for r in group], meter)


def _spread_of(net: Sequence[float], meter: Meter) -> float:
    allowed = max(SPREAD_MAX_PCT / 100.0 * _median(net), 3.0 * meter.resolution_mw_cm2)
    return (max(net) - min(net)) / allowed if allowed > 0 else inf


def _swapped(readings: Sequence[LevelReading], meter: Meter) -> tuple[LevelReading, LevelReading] | None:
    """The two readings whose exchange makes all repeats agree and the curve smoothest; None when no exchange does."""
    best: tuple[float, LevelReading, LevelReading] | None = None
    for one, other in combinations(readings, 2):
        if one.level_pct == other.level_pct or one.distance_cm != other.distance_cm:
            continue
        healed = _groups_if_swapped(readings, one, other)
        if any(_spread_of(net, meter) > 1.0 for net in healed.values()):
            continue
        curve = [
            (level, _median(net)) for (distance, level), net in sorted(healed.items()) if distance == one.distance_cm
        ]
        rough = roughness(curve)
        if rough < inf and (best is None or rough < best[0]):
            best = (rough, one, other)
    return None if best is None else (best[1], best[2])


def _groups_if_swapped(
    readings: Sequence[LevelReading], one: LevelReading, other: LevelReading
) -> dict[tuple[float, float], list[float]]:
    groups: dict[tuple[float, float], list[float]] = {}
    for reading in readings:
        read = other if reading is one else one if reading is other else reading
        groups.setdefault((reading.distance_cm, reading.level_pct), []).append(read.net_mw_cm2)
    return groups


def _disagreement(group: Sequence[LevelReading]) -> Problem:
    middle = _median(r.net_mw_cm2 for r in group)
    worst = max(group, key=lambda r: abs(log(r.net_mw_cm2 / middle)))
    others = [r.net_mw_cm2 for r in group if r is not worst]
    ratio = worst.net_mw_cm2 / _median(others)
    what = f"reading {worst.number} at {worst.level_pct:g} % is {ratio:.2f} times its repeats"
    if (unit := _unit(ratio)) is not None:
        return Problem("reading_mw_cm2", worst.reading_mw_cm2, f"{what}: it looks like {unit}", "Read this level again")
    limit = f"{what}; they may differ by {SPREAD_MAX_PCT:g} %"
    return Problem(
        "reading_mw_cm2", worst.reading_mw_cm2, limit, "Wait until lamp and mains are steady, and read this level again"
    )


def _unit(ratio: float) -> str | None:
    for of_unit, text in IRRADIANCE_UNITS.items():
        if 1 / UNIT_SLACK < ratio / of_unit < UNIT_SLACK:
            return text
    return None


def curve_problems(
    points: Sequence[MeasuredPoint],
    expected: Callable[[float], float | None] | None = None,
    monitor_factor: float = 1.0,
) -> list[Problem]:
    """Why these points are no curve: too sparse, read once only, not monotone (two swapped are named), or in the wrong unit.

    `expected`: what a level should give in mW/cm², by the calibration in force; None outside it. `monitor_factor`: true / the lamp's own radiometer
    as last known.
    """
    problems = sparse_problems([p.level_pct for p in points])
    problems += [
        Problem(
            "readings", p.level_pct, f"{p.level_pct:g} % was read once only", f"Read it {REPEATS_MIN} times or more"
        )
        for p in points
        if p.n < REPEATS_MIN
    ]
    return problems + _scale_problems(points, expected, monitor_factor) + _order_problems(points)


def _scale_problems(
    points: Sequence[MeasuredPoint], expected: Callable[[float], float | None] | None, monitor_factor: float
) -> list[Problem]:
    by_calibration = [
        (p.irradiance_mw_cm2 / stated, "the calibration in force says")
        for p in points
        if expected is not None and (stated := expected(p.level_pct)) is not None
    ]
    by_monitor = [
        (p.monitor_ratio / monitor_factor, "the lamp's own radiometer says")
        for p in points
        if p.monitor_ratio is not None
    ]
    for ratios in (by_calibration, by_monitor):
        if ratios and (unit := _unit(ratio := _median(r for r, _ in ratios))) is not None:
            limit = f"the points are {ratio:.3g} times what {ratios[0][1]}: they look like {unit}"
            return [Problem("reading_mw_cm2", ratio, limit, "Set the meter to mW/cm² and read all levels again")]
    return []


def _order_problems(points: Sequence[MeasuredPoint]) -> list[Problem]:
    curve = [(p.level_pct, p.irradiance_mw_cm2) for p in points]
    if (flat := _flat_end(curve)) is not None:
        return [flat]
    falls = [(a, b) for a, b in pairwise(curve) if b[1] <= a[1]]
    if not falls:
        return []
    exchanges = [(roughness(_exchanged(curve, i, j)), i, j) for i, j in combinations(range(len(curve)), 2)]
    rough, i, j = min(exchanges)
    if rough < inf:
        (one, at_one), (other, at_other) = curve[i], curve[j]
        limit = f"{one:g} % ({at_one:.4g} mW/cm²) and {other:g} % ({at_other:.4g} mW/cm²) look swapped"
        return [Problem("readings", f"{one:g} % and {other:g} %", limit, "Read these two levels again")]
    return [
        Problem(
            "readings",
            f"{a[0]:g} % and {b[0]:g} %",
            f"not monotone: {a[0]:g} % gives {a[1]:.4g} mW/cm², {b[0]:g} % gives {b[1]:.4g} mW/cm²",
            "Read these levels again; if they stay so, the lamp or its dimmer is faulty: have it repaired before calibrating",
        )
        for a, b in falls
    ]


def _flat_end(curve: Sequence[tuple[float, float]]) -> Problem | None:
    """The highest levels all alike: a meter (or a dimmer) at the end of its range, whatever its certificate says of the range."""
    alike = 1
    while alike < len(curve):
        (low, at_low), (high, at_high) = curve[-alike - 1], curve[-alike]
        if abs(log(at_high / at_low)) > FLAT_SLOPE * log(high / low):
            break
        alike += 1
    if alike == 1:
        return None
    from_level, to_level = curve[-alike][0], curve[-1][0]
    limit = f"everything from {from_level:g} to {to_level:g} % gives {curve[-1][1]:.4g} mW/cm²: that looks like the end of the meter's range"
    remedy = "Choose a wider range of the meter and read again; if it shows the same, the dimmer gives no more up there: do not calibrate these levels"
    return Problem("readings", f"{from_level:g} to {to_level:g} %", limit, remedy)


def _exchanged(curve: Sequence[tuple[float, float]], i: int, j: int) -> list[tuple[float, float]]:
    changed = list(curve)
    changed[i], changed[j] = (curve[i][0], curve[j][1]), (curve[j][0], curve[i][1])
    return changed


def roughness(curve: Sequence[tuple[float, float]]) -> float:
    """How much the slope of log irradiance over log level changes along the curve; infinite where it does not rise."""
    if any(b[1] <= a[1] for a, b in pairwise(curve)):
        return inf
    slopes = [log(b[1] / a[1]) / log(b[0] / a[0]) for a, b in pairwise(curve)]
    return sum((b - a) ** 2 for a, b in pairwise(slopes))


def distance_problem(
    field: str, distance_cm: float, configured_cm: float, positioning_cm: float = 0.5
) -> Problem | None:
    """A distance that is not the configured one; the unit somebody thought in (inches, millimetres, metres, feet) is named."""
    if abs(distance_cm - configured_cm) <= positioning_cm:
        return None
    remedy = f"Put the meter at {configured_cm:g} cm and type the distance in cm"
    if not (isfinite(distance_cm) and distance_cm > 0):
        return Problem(field, distance_cm, "is no distance", remedy)
    for of_unit, unit in DISTANCE_UNITS.items():
        if 1 / DISTANCE_SLACK < distance_cm / configured_cm / of_unit < DISTANCE_SLACK:
            limit = f"looks like {unit}: {configured_cm:g} cm is wanted"
            return Problem(field, distance_cm, limit, f"Type it in cm: {distance_cm / of_unit:.4g}")
    return Problem(field, distance_cm, f"{configured_cm:g} ± {positioning_cm:g} cm is wanted", remedy)
