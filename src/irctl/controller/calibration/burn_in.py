"""Burning a lamp in on a dummy load, for hours and with nobody beside it: on and off, again and again, at a few levels.

Off unless the station file says `[bench] burn_in = true`, and only for a lamp that something else than its emitter can cut off and something watches. A person
begins it, each time. It ends dark at anything unexpected; nothing begins it again, a restart of the controller least of all: it is kept in no file.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from irctl.controller.calibration.bench import Bench, BenchEnded
from irctl.controller.config import LampSection, StationFile
from irctl.controller.light.equipment import Equipment
from irctl.controller.light.lamp import IDLE_LIGHT_MW_CM2, IDLE_LIGHT_S, Lamp
from irctl.domain.burn_in import Plan
from irctl.domain.problems import Problem, Refused
from irctl.domain.rules import Hazard, Stop

SHORTEST_S = 1.0
"""Less light than this that is still to be given is none."""


@dataclass
class BurnIn:
    """One of them; the lamp's own task runs it."""

    equipment: Equipment
    plan: Plan
    by: str
    done: bool = False
    ended: str | None = None
    """Why it ended before its hours were over."""
    stretches: int = 0
    _given_s: float = 0.0
    """Lit, in stretches that are over."""
    _asked: str | None = None
    _bench: Bench | None = None

    @property
    def what(self) -> str:
        return "a burn-in"

    @property
    def lit_s(self) -> float:
        return self._given_s + (self._bench.given_s if self._bench else 0.0)

    @property
    def _left_s(self) -> float:
        return self.plan.hours * 3600.0 - self._given_s

    def end(self, reason: str) -> None:
        """Dark at the next look."""
        self._asked = self._asked or reason
        if self._bench is not None:
            self._bench.ended = self._bench.ended or reason

    def view(self) -> dict[str, Any]:
        bench = self._bench
        return {
            "lamp": self.equipment.name,
            "by": self.by,
            **asdict(self.plan),
            "running": not self.done,
            "ended": self.ended,
            "stretches": self.stretches,
            "lit_hours": round(self.lit_s / 3600.0, 4),
            "level_pct": None if bench is None else bench.level_pct,
            "lamp_hours": round(self.equipment.in_force.use.lamp_hours, 3),
        }

    async def run(self) -> None:
        """Light and dark until the hours are over, or something stands against it."""
        self._write("burn-in.started", by=self.by, serial=self.equipment.info.serial, **asdict(self.plan))
        try:
            await self._lit()
            while self._left_s > SHORTEST_S:
                await self._dark()
                await self._lit()
        except BenchEnded as ended:
            self.ended = str(ended)
        finally:
            self.done = True
            told = {"lit_s": round(self._given_s, 1), "stretches": self.stretches}
            self._write("burn-in.ended", by=self.by, ok=self.ended is None, reason=self.ended, **told)

    async def _lit(self) -> None:
        levels, for_s = self.plan.levels_pct, min(self._left_s, 60.0 * self.plan.on_min)
        async with self._on_bench() as bench:
            self.stretches += 1
            await bench.light(levels[(self.stretches - 1) % len(levels)])
            while bench.given_s < for_s:
                await bench.tick()

    async def _dark(self) -> None:
        """A door, a stop or a silent instrument ends it in the dark too, and a lamp that does not stay dark stops the station."""
        equipment = self.equipment
        since_s = equipment.now_s()
        async with self._on_bench() as bench:
            while (dark_s := equipment.now_s() - since_s) < 60.0 * self.plan.off_min:
                await bench.tick()
                if not equipment.output.verified_dark:
                    await bench.dark()
                shown = equipment.instruments.irradiance.fresh(equipment.now_s(), equipment.envelope.stale_s)
                if dark_s > IDLE_LIGHT_S and shown is not None and shown > IDLE_LIGHT_MW_CM2:
                    # Welded contacts read back as open. Nobody is there to see whether it is the sun.
                    text = f"lamp {equipment.name} is off, yet its radiometer shows {shown:.0f} mW/cm²"
                    equipment.alarm(Stop(Hazard.LIT_WHEN_OFF, text, "Pull its plug; then look for a welded contact"))
                    equipment.stop_station(f"lamp {equipment.name}", text)

    @asynccontextmanager
    async def _on_bench(self) -> AsyncGenerator[Bench]:
        """A stretch of its own: dark at its end, and its light counted in the lamp's hours."""
        self._bench = bench = Bench(self.equipment, ended=self._asked)
        try:
            yield bench
        finally:
            await bench.close()
            self._given_s += bench.lit_s
            self._bench = None

    def _write(self, event: str, **fields: Any) -> None:
        self.equipment.journal.write(event, lamp=self.equipment.name, **fields)


def begin(
    file: StationFile, lamps: Mapping[str, Lamp], lamp: str, plan: Plan, by: str, *, nobody: bool, dummy_load: bool
) -> BurnIn:
    """Begin it now. Raises Refused with every reason."""
    chosen = _known(lamps, lamp)
    equipment = chosen.equipment
    problems = _not_stated(by, nobody=nobody, dummy_load=dummy_load) + _not_allowed(file, file.lamps[lamp], lamp)
    problems += plan.problems(equipment.output.emitter.level_min_pct, equipment.output.level_below)
    problems += equipment.changed() + equipment.commissioned.problems()
    against = chosen.reasons_against_light()
    if problems or against:
        raise Refused(problems + against, conflict=bool(against))
    work = BurnIn(equipment, plan, by)
    chosen.work_on_bench(work)
    return work


def present(lamps: Mapping[str, Lamp], lamp: str) -> BurnIn:
    """The present or last burn-in of a lamp since the controller started. Raises Refused."""
    work = _known(lamps, lamp).bench_work
    if not isinstance(work, BurnIn):
        raise Refused([Problem("lamp", lamp, "is not being burnt in", f"irctl burn-in {lamp}")])
    return work


def _known(lamps: Mapping[str, Lamp], lamp: str) -> Lamp:
    if lamp not in lamps:
        raise Refused([Problem("lamp", lamp, "no such lamp", f"Known are {', '.join(sorted(lamps))}")])
    return lamps[lamp]


def _not_stated(by: str, *, nobody: bool, dummy_load: bool) -> list[Problem]:
    told = (
        ("nobody_under_the_lamp", nobody, "See that nobody is under the lamp, and that nobody can come there"),
        ("dummy_load", dummy_load, "Put a load under it that bears its light for hours"),
    )
    problems = [
        Problem(name, said, "is not confirmed, and the lamp will light by itself", remedy)
        for name, said, remedy in told
        if not said
    ]
    return problems + (
        [] if by.strip() else [Problem("by", by, "is empty", "Say who begins it: it goes into the record")]
    )


def _not_allowed(file: StationFile, section: LampSection, lamp: str) -> list[Problem]:
    problems: list[Problem] = []
    if not file.bench.burn_in:
        remedy = "Where a lamp may be lit with nobody beside it, write burn_in = true under [bench], and restart"
        problems.append(Problem("bench.burn_in", False, "lamps are not burnt in at this station", remedy))
    if section.cutoff is None:
        remedy = "Fit a cut-off that does not depend on the emitter"
        problems.append(Problem(f"lamps.{lamp}.cutoff", None, "is missing: one fault alone could keep it lit", remedy))
    if section.housing is None and section.radiometer is None:
        remedy = "Fit a thermometer at its housing, or a radiometer"
        problems.append(Problem(f"lamps.{lamp}.housing", None, "is missing, and so is a radiometer", remedy))
    return problems
