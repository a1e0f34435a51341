"""How fast time passes in simulation: a thirty-minute treatment, every byte at the pace of its wire."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.report import Report, Target
from tests.simulation.world import a_station
from tests.virtual_time import run_virtual

FLUENCE_J_CM2 = 85.0
IRRADIANCE_MW_CM2 = 50.0
CPU_S_MAX = 5.0


@dataclass(frozen=True, slots=True)
class Run:
    """A treatment in virtual time; `simulated_s` from start-up to its terminal record."""

    simulated_s: float
    transactions: int
    events: int
    delivered_j_cm2: float


def run() -> Report:
    with TemporaryDirectory() as folder:
        started, cpu = time.perf_counter(), time.process_time()
        done = run_virtual(_treatment(Path(folder)))
        wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    rows = [
        ["wall time", f"{wall_s:.2f} s", f"{done.simulated_s:.0f} s", f"{done.simulated_s / wall_s:.0f}×"],
        ["CPU time: wall time on a core of its own", f"{cpu_s:.2f} s", "", f"{done.simulated_s / cpu_s:.0f}×"],
        [
            "transactions a second",
            f"{done.transactions / wall_s:.0f}",
            f"{done.transactions / done.simulated_s:.0f}",
            f"{done.simulated_s / wall_s:.0f}×",
        ],
    ]
    return Report(
        f"Virtual time: one treatment of {FLUENCE_J_CM2:g} J/cm² at {IRRADIANCE_MW_CM2:g} mW/cm²",
        ("figure", "virtual", "real time", "ratio"),
        rows,
        [Target("CPU time of a thirty-minute treatment", cpu_s, CPU_S_MAX, "s")],
        [
            f"{done.transactions} transactions, {done.events} journal events; {1e6 * cpu_s / done.transactions:.0f} µs of CPU for a "
            "transaction, both sides of the wire",
            f"and physics included; delivered {done.delivered_j_cm2:.2f} J/cm² before the afterglow",
        ],
    )


async def _treatment(folder: Path) -> Run:
    async with a_station(folder) as world:
        session = await world.ordered(fluence=FLUENCE_J_CM2, irradiance=IRRADIANCE_MW_CM2)
        world.lamp.ask(session.id, "start", "a clinician")
        record = await world.attended_to_its_end(session)
        if record["outcome"] != "completed":
            raise RuntimeError(f"{record['outcome']}: {record['reason']}")
        return Run(
            world.now,
            sum(line.stats.requests for line in world.station.lines.values()),
            world.station.journal.seq,
            world.truth().fluence_j_cm2,
        )
