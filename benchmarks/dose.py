"""Dose error against the physics: irctl with and without a radiometer, and a plain timer that trusts the calibration. Virtual time."""

from __future__ import annotations

import asyncio
import tomllib
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.report import Report, Target
from irctl.bus.line import Line
from irctl.bus.port import MemoryPort
from irctl.bus.timing import LineTiming
from irctl.bus.unit import Unit
from irctl.controller.calibration_file import load_calibration
from irctl_simulator.station import SimStation
from tests.simulation.world import CONFIGS, World, a_station, merged
from tests.virtual_time import run_virtual

IRRADIANCE_MW_CM2 = 50.0
FLUENCES_J_CM2 = (3.0, 20.0)
AGEING = 0.8
SAG = 0.92
AFTERGLOW_S = 300.0
"""Twelve time constants of the slowest part of the lamp: what is left then is nothing."""
LAMPS = {"left": "measured", "right": "calibrated"}
ERROR_MAX_PCT = 0.5

DIMMER_UNIT, LEVEL_REGISTER, OUTPUT_COIL = 12, 0, 0


@dataclass(frozen=True, slots=True)
class Case:
    """What is wrong with the lamp: its age, and what its mains drop to half way."""

    name: str
    ageing: float = 1.0
    sag: float = 1.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the skin really got, and what the record says of it (`interval`; a timer keeps none)."""

    prescribed_j_cm2: float
    truth_j_cm2: float
    interval_j_cm2: tuple[float, float] | None = None

    @property
    def error_pct(self) -> float:
        return 100.0 * (self.truth_j_cm2 / self.prescribed_j_cm2 - 1.0)

    @property
    def honest(self) -> bool:
        """Whether the truth is inside what the record claims."""
        return self.interval_j_cm2 is not None and self.interval_j_cm2[0] <= self.truth_j_cm2 <= self.interval_j_cm2[1]


CASES = (Case("new lamp"), Case("aged lamp, −20 %", ageing=AGEING), Case("mains −8 % half way", sag=SAG))


def run() -> Report:
    rows: list[list[str]] = []
    worst_pct = outside = 0.0
    for fluence in FLUENCES_J_CM2:
        for case in CASES:
            with TemporaryDirectory() as folder:
                ours = run_virtual(_irctl(Path(folder), case, fluence))
            timer = run_virtual(_timer(case, fluence))
            measured, calibrated = (ours[lamp] for lamp in LAMPS)
            worst_pct = max(worst_pct, abs(measured.error_pct))
            outside += sum(not one.honest for one in ours.values())
            ratio = abs(timer.error_pct) / max(abs(measured.error_pct), 1e-3)
            rows.append(
                [
                    f"{fluence:g} J/cm², {case.name}",
                    _told(measured),
                    _told(calibrated),
                    f"{timer.error_pct:+.2f} %",
                    f"{ratio:.0f}×" if ratio >= 1 else f"{ratio:.1f}×",
                ]
            )
    return Report(
        "Dose: delivered against prescribed (truth from the physics, afterglow included)",
        ("treatment", "irctl, radiometer", "irctl, none", "timer", "timer / irctl"),
        rows,
        [
            Target("largest error with a radiometer", worst_pct, ERROR_MAX_PCT, "%"),
            Target("truths outside the reported interval", outside, 0, f"of {len(rows) * len(LAMPS)}"),
        ],
        [
            f"at {IRRADIANCE_MW_CM2:g} mW/cm²; the timer sets the calibration's level (whole per cent, as the dimmer takes it) and",
            "waits prescription / calibrated irradiance. In parentheses: the half-width irctl reports, and whether it holds the truth.",
        ],
    )


def _told(delivery: Delivery) -> str:
    assert delivery.interval_j_cm2 is not None
    low, high = delivery.interval_j_cm2
    half_pct = 50.0 * (high - low) / delivery.prescribed_j_cm2
    return f"{delivery.error_pct:+.2f} % (±{half_pct:.0f} %{'' if delivery.honest else ', OUTSIDE'})"


async def _irctl(folder: Path, case: Case, fluence_j_cm2: float) -> dict[str, Delivery]:
    """The same treatment on both lamps of the demonstration station, at once."""
    aged = {"lamps": {lamp: {"ageing": case.ageing} for lamp in LAMPS}}
    async with a_station(folder, sim=aged) as world:
        records = await asyncio.gather(*(_treat(world, lamp, case, fluence_j_cm2) for lamp in LAMPS))
    await asyncio.sleep(AFTERGLOW_S)
    return {
        lamp: Delivery(
            fluence_j_cm2,
            world.truth(lamp).fluence_j_cm2,
            (record["delivered"]["min_j_cm2"], record["delivered"]["max_j_cm2"]),
        )
        for lamp, record in zip(LAMPS, records, strict=True)
    }


async def _treat(world: World, lamp: str, case: Case, fluence_j_cm2: float) -> Any:
    half_s = 0.5 * 1000.0 * fluence_j_cm2 / IRRADIANCE_MW_CM2
    session = await world.running(lamp, fluence_j_cm2, IRRADIANCE_MW_CM2, lit_s=half_s)
    world.sim.set_fault(lamp, "mains", factor=case.sag)
    record = await world.attended_to_its_end(session)
    if record["outcome"] != "completed":
        raise RuntimeError(f"{case.name}, lamp {lamp}: {record['outcome']}: {record['reason']}")
    return record


async def _timer(case: Case, fluence_j_cm2: float) -> Delivery:
    """Set the level, switch on, wait, switch off: nothing looks at the lamp."""
    calibration = load_calibration(CONFIGS / "calibrations" / "sim-l-001.toml")
    level = round(calibration.level_for(IRRADIANCE_MW_CM2))
    duration_s = 1000.0 * fluence_j_cm2 / calibration.irradiance_at(level)

    # A contactor would only be one more switch in the timer's hands: the lamp is wired to the dimmer alone.
    changed = {"lamps": {"left": {"ageing": case.ageing, "contactor": None}}}
    sim = SimStation.from_config(merged(tomllib.loads((CONFIGS / "demo-sim.toml").read_text()), changed))
    line = Line("lamp-line", MemoryPort(sim.lines["lamp-line"].attach), LineTiming.serial(9600, "8N2"))
    dimmer = Unit(line, DIMMER_UNIT)
    await line.start()
    await dimmer.write_register(LEVEL_REGISTER, level)
    await dimmer.write_coil(OUTPUT_COIL, True)
    await asyncio.sleep(duration_s / 2)
    sim.set_fault("left", "mains", factor=case.sag)
    await asyncio.sleep(duration_s / 2)
    await dimmer.write_coil(OUTPUT_COIL, False)
    await line.close()
    await asyncio.sleep(AFTERGLOW_S)
    return Delivery(fluence_j_cm2, sim.truth("left").fluence_j_cm2)
