"""`python -m benchmarks.coverage --calibrations 200`: lamps whose truth is known are calibrated; does the truth lie within the stated uncertainty?

Whole guided calibrations by the real controller, in virtual time, each in a world of its own: what a certificate, a rule and a technician's word leave
open is drawn from what they claim, and one short treatment follows. The exit status is 1 when the statements are not honest, or too wide.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from math import hypot, pi, sqrt
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.console import Console
from scipy.stats import norm, qmc

from benchmarks.report import Report, Target
from irctl.domain.worksheet import Step
from irctl_campaign.virtual import run_virtual
from tests.simulation.technician import Technician
from tests.simulation.world import World, a_station
from tests.unit.worlds import StationFolder

LEVELS_PCT = (10.0, 25.0, 40.0, 60.0, 80.0, 100.0)
BETWEEN_PCT = (17, 32, 50, 70, 90)
REPEATS, SAMPLES = 2, 5
DISTANCE_CM = 50.0
FLUENCE_J_CM2, IRRADIANCE_MW_CM2 = 1.5, 40.0
AFTERGLOW_S = 150.0
"""Six time constants of the slowest part of the lamp."""
WAVES_MAX_PCT_PER_MIN = 0.5
"""The steepest mains that a warm-up still takes for steady."""

# What the world may be is what is claimed of it: expanded uncertainties (k=2) are drawn from a normal distribution, limits evenly.
METER_U_PCT, MISMATCH_U_PCT = 4.0, 3.0
COSINE_PCT, METER_DRIFT_PCT_A_YEAR, METER_AGE_YEARS = 1.0, 0.5, 0.98
POSITIONING_CM, TILT_DEG = 0.5, 3.0
DRIFT_ALLOWANCE_PCT = 10.0
RESOLUTION_MW_CM2 = 0.01

COVERAGE_PCT = (93.0, 97.0)
DOSES_MIN_PCT = 93.0
BIAS_MAX = 0.15
RMS = (0.85, 1.15)
"""Errors as multiples of the stated standard uncertainty: 1 when the budget is neither too small nor too large."""
RESAMPLES = 4000


@dataclass(frozen=True, slots=True)
class Lot:
    """One world as it was drawn. Errors are relative unless a unit is named."""

    measured: bool
    """The left lamp, with a radiometer of its own; else the right one, without."""
    output: float
    factor: float
    mismatch: float
    factor_error: float
    mismatch_error: float
    cosine_error: float
    meter_drift: float
    off_cm: float
    tilt_deg: float
    meter_offset_w_m2: float
    meter_noise_w_m2: float
    mains_period_s: float
    mains_pct: float
    monitor_gain: float
    monitor_offset_w_m2: float
    monitor_noise_w_m2: float
    lamp_drift: float
    """Between calibration and treatment."""
    patient_off_cm: float
    seed: int

    @property
    def lamp(self) -> str:
        return "left" if self.measured else "right"

    @property
    def meter_gain(self) -> float:
        """What the meter really shows of the truth, in this light."""
        certified = self.factor * (1.0 + self.factor_error) * self.mismatch * (1.0 + self.mismatch_error)
        return (1.0 + self.cosine_error) * (1.0 + self.meter_drift) / certified


def draw(count: int, seed: int) -> list[Lot]:
    """So many worlds, spread evenly over what is possible (scrambled Sobol points), so that few of them tell much."""
    columns = qmc.Sobol(19, seed=seed).random_base2(max(1, (count - 1).bit_length()))[:count]

    def world(number: int, u: Any) -> Lot:
        drawn = iter(float(one) for one in u)

        def evenly(low: float, high: float) -> float:
            return low + (high - low) * next(drawn)

        def within(limit: float) -> float:
            return evenly(-limit, limit)

        def normally(expanded_pct: float) -> float:
            return float(norm.ppf(min(max(next(drawn), 1e-9), 1.0 - 1e-9))) * expanded_pct / 200.0

        period_s = 60.0 * 10.0 ** evenly(0.0, 1.0)
        return Lot(
            mains_period_s=period_s,
            mains_pct=evenly(0.0, WAVES_MAX_PCT_PER_MIN) / 60.0 * period_s / (2.0 * pi),
            measured=next(drawn) < 0.5,
            output=evenly(0.75, 1.0),
            factor=evenly(0.97, 1.03),
            mismatch=evenly(0.95, 1.05),
            factor_error=normally(METER_U_PCT),
            mismatch_error=normally(MISMATCH_U_PCT),
            cosine_error=within(COSINE_PCT / 100.0),
            meter_drift=within(METER_DRIFT_PCT_A_YEAR * METER_AGE_YEARS / 100.0),
            off_cm=within(POSITIONING_CM),
            tilt_deg=within(TILT_DEG),
            meter_offset_w_m2=within(5.0),
            meter_noise_w_m2=evenly(0.05, 0.5),
            monitor_gain=evenly(0.85, 1.15),
            monitor_offset_w_m2=within(2.0),
            monitor_noise_w_m2=evenly(0.1, 0.5),
            lamp_drift=within(DRIFT_ALLOWANCE_PCT / 100.0),
            patient_off_cm=within(POSITIONING_CM),
            seed=seed * 1_000_000 + number,
        )

    return [world(number, u) for number, u in enumerate(columns)]


# --- one of them ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Point:
    """What a calibration says of a level and what is true of it."""

    level_pct: float
    error_pct: float
    expanded_pct: float

    @property
    def z(self) -> float:
        """The error as a multiple of its standard uncertainty (k=1)."""
        return 2.0 * self.error_pct / self.expanded_pct

    @property
    def covered(self) -> bool:
        return abs(self.error_pct) <= self.expanded_pct


@dataclass(frozen=True, slots=True)
class Given:
    """A dose as it was recorded and as the skin got it, in J/cm²."""

    truth: float
    low: float
    best: float
    high: float

    @property
    def covered(self) -> bool:
        return self.low <= self.truth <= self.high

    @property
    def error_pct(self) -> float:
        return 100.0 * (self.best / self.truth - 1.0)

    @property
    def half_pct(self) -> float:
        return 50.0 * (self.high - self.low) / self.best


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What came of one world; `failed` says why when it came to no approval or no complete dose."""

    lot: Lot
    points: tuple[Point, ...]
    between: tuple[Point, ...]
    given: Given | None
    took_s: float
    """Simulated, from the first step to the approval."""
    cpu_s: float
    failed: str = ""


def calibrated(lot: Lot) -> Calibrated:
    began_s = time.process_time()
    with TemporaryDirectory(prefix="irctl-coverage-") as folder:
        try:
            points, between, given, took_s = run_virtual(_one(Path(folder), lot))
        except Exception as error:  # whatever stops a calibration is a finding, and the others go on
            return Calibrated(lot, (), (), None, 0.0, time.process_time() - began_s, f"{type(error).__name__}: {error}")
    return Calibrated(lot, points, between, given, took_s, time.process_time() - began_s)


async def _one(folder: Path, lot: Lot) -> tuple[tuple[Point, ...], tuple[Point, ...], Given, float]:
    async with a_station(folder / "state", config=_config(folder / "config", lot), sim=_hardware(lot)) as world:
        world.sim.set_fault(lot.lamp, "unsteady", percent=lot.mains_pct, seconds=lot.mains_period_s, shape="ripple")
        technician = Technician(world, lot.lamp, off_cm=lot.off_cm, tilt_deg=lot.tilt_deg, tilt_said_deg=TILT_DEG)
        began_s = world.now
        await technician.begin()
        await technician.until(Step.CLOSED)
        took_s = world.now - began_s
        points, between = _points(world, technician)
        await asyncio.sleep(AFTERGLOW_S)
        return points, between, await _treated(world, lot), took_s


def _config(folder: Path, lot: Lot) -> Path:
    """A station with this lamp alone, which has never been calibrated, and a meter with this certificate."""
    station = StationFolder(folder)
    lamp = station.station["lamps"][lot.lamp]
    station.station["lamps"] = {lot.lamp: lamp}
    del lamp["calibration"]
    lamp["upkeep"] = {
        "levels_pct": list(LEVELS_PCT),
        "repeats": REPEATS,
        "samples": SAMPLES,
        "positioning_cm": POSITIONING_CM,
        "drift_allowance_pct": DRIFT_ALLOWANCE_PCT,
    }
    station.meters["meters/sim-reference.toml"] |= {
        "calibrated_at": datetime(2025, 12, 1, tzinfo=UTC),
        "factor": lot.factor,
        "expanded_uncertainty_pct": METER_U_PCT,
        "cosine_pct": COSINE_PCT,
        "drift_pct_per_year": METER_DRIFT_PCT_A_YEAR,
        "resolution_mw_cm2": RESOLUTION_MW_CM2,
        "spectral": [
            {"lamp_type": "halogen", "factor": lot.mismatch, "expanded_uncertainty_pct": MISMATCH_U_PCT},
        ],
    }
    return station.write()


def _hardware(lot: Lot) -> dict[str, Any]:
    monitor = {"gain": lot.monitor_gain, "offset_w_m2": lot.monitor_offset_w_m2, "noise_w_m2": lot.monitor_noise_w_m2}
    meter = {"gain": lot.meter_gain, "offset_w_m2": lot.meter_offset_w_m2, "noise_w_m2": lot.meter_noise_w_m2}
    return {
        "seed": lot.seed,
        "devices": {
            "radiometer": {"options": monitor},
            "meter": {"options": meter | {"resolution_w_m2": 10.0 * RESOLUTION_MW_CM2}},
        },
        "lamps": {lot.lamp: {"ageing": lot.output}},
    }


def _points(world: World, technician: Technician) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    """What was measured, and the curve where nothing was."""
    left = technician.sheet.as_left
    calibration = world.station.lamps[technician.lamp].equipment.calibration
    assert left is not None
    assert calibration is not None

    def point(level: float, stated_mw_cm2: float, expanded_pct: float) -> Point:
        ((_, true_mw_cm2),) = world.sim.calibration_points(technician.lamp, DISTANCE_CM, [int(level)])
        return Point(level, 100.0 * (stated_mw_cm2 / true_mw_cm2 - 1.0), expanded_pct)

    measured = tuple(point(p.level_pct, p.irradiance_mw_cm2, p.budget.expanded_pct) for p in left.points)
    curve_pct = calibration.expanded_uncertainty_pct
    return measured, tuple(point(level, calibration.irradiance_at(level), curve_pct) for level in BETWEEN_PCT)


async def _treated(world: World, lot: Lot) -> Given:
    """A treatment some time later: the lamp has drifted, and the patient does not lie where the radiometer is."""
    world.sim.set_fault(lot.lamp, "ageing", factor=lot.output * (1.0 + lot.lamp_drift))
    before = world.truth(lot.lamp).fluence_j_cm2
    session = await world.running(lot.lamp, FLUENCE_J_CM2, IRRADIANCE_MW_CM2, lit_s=1.0)
    record = await world.finished(session)
    if record["outcome"] != "completed":
        raise RuntimeError(f"the treatment ended {record['outcome']}: {record['reason']}")
    await asyncio.sleep(AFTERGLOW_S)
    light, told = world.sim.lamps[lot.lamp].clean, record["delivered"]
    place = light.at(DISTANCE_CM + lot.patient_off_cm) / light.at(DISTANCE_CM)
    truth = (world.truth(lot.lamp).fluence_j_cm2 - before) * place
    return Given(truth, told["min_j_cm2"], told["best_j_cm2"], told["max_j_cm2"])


# --- many of them --------------------------------------------------------------------------------------------------------


def run(
    count: int, seed: int, jobs: int, report: Callable[[int, Calibrated], None] = lambda _n, _c: None
) -> list[Calibrated]:
    """All of them, in the order in which they were drawn."""
    with ProcessPoolExecutor(jobs) as pool:
        running = [pool.submit(calibrated, lot) for lot in draw(count, seed)]
        for done, future in enumerate(as_completed(running), start=1):
            report(done, future.result())
        return [future.result() for future in running]


def points(found: Sequence[Calibrated]) -> Report:
    """The share of levels whose truth lies within the stated expanded uncertainty, and how the errors compare with what was stated."""
    measured = [list(one.points) for one in found if one.points]
    between = [list(one.between) for one in found if one.between]
    rows = [
        _row(f"{level:g} %", [[p for p in mine if p.level_pct == level] for mine in measured]) for level in LEVELS_PCT
    ]
    rows += [_row("all points", measured), _row("between the points", between)]
    share_pct, rms = _share_pct(measured), _rms([p.z for mine in measured for p in mine])
    low, high = _interval(measured)
    failed = [one.failed for one in found if one.failed]
    return Report(
        f"{len(measured)} calibrations of lamps whose truth is known: is it within U (k=2)?",
        ("level", "of them", "within U", "95 % interval", "U, mean", "error, mean", "error / u, mean", "rms", "worst"),
        rows,
        (
            Target("points within their U", share_pct, COVERAGE_PCT[0], "%", at_least=True),
            Target("points within their U", share_pct, COVERAGE_PCT[1], "%"),
            Target("levels between the points within U", _share_pct(between), COVERAGE_PCT[0], "%", at_least=True),
            Target("mean of error / u, by amount", abs(fmean(p.z for m in measured for p in m)), BIAS_MAX, ""),
            Target("rms of error / u", rms, RMS[0], "", at_least=True),
            Target("rms of error / u", rms, RMS[1], ""),
            Target("calibrations or treatments that came to no end", float(len(failed)), 0.0, f"of {len(found)}"),
        ),
        (
            f"The points of one calibration share its meter: the interval of their share, {low:.1f} to {high:.1f} %, is by bootstrap over calibrations.",
            "The worlds are spread more evenly than by lot, so it is rather too wide. Truth: steady output on quiet mains at the lamp's distance.",
            *dict.fromkeys(failed),
        ),
    )


def _row(what: str, groups: Sequence[Sequence[Point]]) -> list[str]:
    every = [p for mine in groups for p in mine]
    low, high = _interval(groups)
    return [
        what,
        str(len(every)),
        f"{_share_pct(groups):.1f} %",
        f"{low:.1f} to {high:.1f} %",
        f"{fmean(p.expanded_pct for p in every):.2f} %",
        f"{fmean(p.error_pct for p in every):+.2f} %",
        f"{fmean(p.z for p in every):+.2f}",
        f"{_rms([p.z for p in every]):.2f}",
        f"{max((p.z for p in every), key=abs):+.2f}",
    ]


def doses(found: Sequence[Calibrated]) -> Report:
    """The treatments afterwards: is what the skin got within the interval of the record?"""
    kinds = {
        "with a radiometer": [one.given for one in found if one.given and one.lot.measured],
        "without": [one.given for one in found if one.given and not one.lot.measured],
    }
    every = [given for mine in kinds.values() for given in mine]
    rows: list[list[str]] = []
    for what, mine in (kinds | {"all": every}).items():
        if not mine:
            continue
        groups = [[given] for given in mine]
        low, high = _interval(groups)
        rows.append(
            [
                what,
                str(len(mine)),
                f"{_share_pct(groups):.1f} %",
                f"{low:.1f} to {high:.1f} %",
                f"±{fmean(given.half_pct for given in mine):.1f} %",
                f"{fmean(given.error_pct for given in mine):+.2f} %",
                f"{_rms([given.error_pct for given in mine]):.2f} %",
                f"{max((given.error_pct for given in mine), key=abs):+.2f} %",
            ]
        )
    return Report(
        f"the dose after each: {FLUENCE_J_CM2:g} J/cm² at {IRRADIANCE_MW_CM2:g} mW/cm², is what the skin got within the record's interval?",
        ("lamp", "of them", "within", "95 % interval", "stated, mean", "error, mean", "rms", "worst"),
        rows,
        (Target("doses within their interval", _share_pct([[g] for g in every]), DOSES_MIN_PCT, "%", at_least=True),),
        (
            f"Since its calibration the lamp drifted by up to {DRIFT_ALLOWANCE_PCT:g} % either way; the patient lies up to {POSITIONING_CM:g} cm off.",
            "The interval is one of k=2, about 95 %.",
        ),
    )


def _share_pct(groups: Sequence[Sequence[Point | Given]]) -> float:
    every = [one.covered for mine in groups for one in mine]
    return 100.0 * sum(every) / len(every) if every else 0.0


def _interval(groups: Sequence[Sequence[Point | Given]]) -> tuple[float, float]:
    """95 %, of a share in %, by bootstrap over groups."""
    if not groups:
        return 0.0, 100.0
    hits = np.array([sum(one.covered for one in mine) for mine in groups])
    sizes = np.array([len(mine) for mine in groups])
    drawn = np.random.default_rng(1).integers(0, len(groups), (RESAMPLES, len(groups)))
    low, high = np.percentile(100.0 * hits[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), (2.5, 97.5))
    return float(low), float(high)


def _rms(values: Sequence[float]) -> float:
    return hypot(*values) / sqrt(len(values)) if values else 0.0


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument(
        "--calibrations",
        type=int,
        default=200,
        help="default 200, some 8 CPU minutes; a few tell little, and miss targets by luck",
    )
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn")
    parser.add_argument("--jobs", type=int, default=2, help="side by side (default 2)")
    options = parser.parse_args(words)
    console, progress = Console(width=None if sys.stdout.isatty() else 150), Console(stderr=True, width=150)
    began_s = time.monotonic()

    def report(done: int, one: Calibrated) -> None:
        told = one.failed or ""
        if one.points and one.given:
            worst = max((p.z for p in one.points), key=abs)
            told = f"{one.took_s / 60:.0f} min, worst point {worst:+.2f} u, dose {one.given.error_pct:+.1f} % (±{one.given.half_pct:.1f} %)"
        progress.print(f"{done}/{options.calibrations}  {one.lot.lamp}  {told}  {one.cpu_s:.1f} s CPU", highlight=False)

    found = run(options.calibrations, options.seed, options.jobs, report)
    reports = (points(found), doses(found))
    for each in reports:
        each.show(console)
    took = f"{sum(one.cpu_s for one in found) / 60:.1f} CPU minutes, {(time.monotonic() - began_s) / 60:.1f} in all"
    console.print(f"{options.calibrations} calibrations, seed {options.seed}: {took}", highlight=False)
    return 0 if all(target.met for each in reports for target in each.targets) else 1


if __name__ == "__main__":
    sys.exit(main())
