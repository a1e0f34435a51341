"""`irctl check`: the short verification before the day's first session. A few levels at one distance, by a reference meter or by the lamp's own radiometer.

A fail locks the lamp: its next order is refused until it was calibrated, or a check has passed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from irctl.controller import measuring
from irctl.controller.bench import Bench, BenchEnded
from irctl.controller.equipment import Equipment
from irctl.controller.measuring import Dark, Measuring, Taken
from irctl.devices.roles import Radiometer
from irctl.domain.calibration import Calibration
from irctl.domain.meters import Meter
from irctl.domain.readings import LevelReading, MeasuredPoint, points
from irctl.domain.rules import Hazard, Stop
from irctl.domain.tolerance import Decision
from irctl.domain.verification import Verification, monitor_points, verified

STEADY_PCT_PER_MIN = 1.5
"""Less patient than a calibration: what a halogen lamp's envelope still misses at this slope is 0.6 %, and the check is over in three minutes."""
SETTLE_MAX_S = 65.0
DARK_NOISE_SHARE = 0.25
"""Of the noise of one reading: the dark reading is the mean of some twenty."""


@dataclass(frozen=True, slots=True)
class With:
    """What a check is made with: a reference meter, on a line or typed, or (no meter) the lamp's own radiometer."""

    meter: Meter | None
    device: Radiometer | None

    @property
    def name(self) -> str:
        return "monitor" if self.meter is None else self.meter.name


@dataclass
class Verifying:
    """One check; the lamp's own task runs it."""

    equipment: Equipment
    calibration: Calibration
    reference: With
    by: str
    levels_pct: tuple[float, ...]
    tolerance_pct: float
    lamp_type: str
    positioning_cm: float
    samples: int
    done: bool = False
    ended: str | None = None
    result: Verification | None = None
    taken: dict[float, Taken] = field(default_factory=dict[float, Taken])
    bench: Bench = field(init=False)
    measuring: Measuring = field(init=False)

    def __post_init__(self) -> None:
        self.bench = Bench(self.equipment, self.reference.device)
        typed = self.reference.meter is not None and self.reference.device is None
        self.measuring = Measuring(self.bench, self.calibration.response, typed=typed)

    @property
    def what(self) -> str:
        return "a check"

    def end(self, reason: str) -> None:
        """Dark at the next look."""
        self.bench.ended = self.bench.ended or reason

    def view(self) -> dict[str, Any]:
        none: dict[str, Any] = {"levels": [], "verdict": None, "rule": None}
        told = self.result.as_dict() if self.result else none
        return {
            "lamp": self.equipment.name,
            "by": self.by,
            "with": self.reference.name,
            "calibration": self.calibration.id,
            "progress": {"done": len(self.taken), "of": len(self.levels_pct)},
            "running": not self.done,
            "ended": self.ended,
            "tolerance_pct": self.tolerance_pct,
            "locked": self.equipment.in_force.locked,
            **measuring.view(None if self.done else self.measuring),
            **told,
        }

    async def run(self) -> None:
        """Dark, each level from the lowest, and the verdict. A check that was cut off has none."""
        started_s = self.equipment.now_s()
        self._write("check.started", by=self.by, **{"with": self.reference.name})
        try:
            dark = await self.measuring.dark()
            for level_pct in sorted(self.levels_pct):
                await self.measuring.settle(level_pct, dark, STEADY_PCT_PER_MIN, SETTLE_MAX_S)
                self.taken[level_pct] = await self.measuring.read(self.samples)
            await self.bench.dark()
            self._decide(self._found(dark), self.equipment.now_s() - started_s)
        except BenchEnded as ended:
            self.ended = str(ended)
            self._write("check.interrupted", by=self.by, reason=self.ended)
        finally:
            await self.bench.close()
            self.done = True

    def _found(self, dark: Dark) -> tuple[MeasuredPoint, ...]:
        meter = self.reference.meter
        if meter is None:
            net = {level: [taken.reading_mw_cm2 - dark.offset_mw_cm2] for level, taken in self.taken.items()}
            return monitor_points(self.calibration, net)
        at, distance_cm = self.equipment.journal.clock(), self.calibration.distance_cm
        readings = [
            LevelReading(
                number, "check", level_pct, distance_cm, taken.reading_mw_cm2, dark.offset_mw_cm2, None, at,
                DARK_NOISE_SHARE * dark.noise_mw_cm2,
            )
            for number, (level_pct, taken) in enumerate(self.taken.items(), start=1)
        ]  # fmt: skip
        return points(
            readings,
            meter,
            self.lamp_type,
            distance_cm=distance_cm,
            positioning_cm=self.positioning_cm,
            steadiness_pct=STEADY_PCT_PER_MIN * 25.0 / 60.0,
            scope="check",
        )

    def _decide(self, found: tuple[MeasuredPoint, ...], took_s: float) -> None:
        self.result = verified(self.calibration, found, self.tolerance_pct)
        self._write(
            "check.completed",
            by=self.by,
            calibration=self.calibration.id,
            lamp_hours=round(self.equipment.in_force.use.lamp_hours, 3),
            took_s=round(took_s, 1),
            **{"with": self.reference.name},
            **self.result.as_dict(),
        )
        if self.result.verdict.decision is Decision.FAIL:
            text = f"lamp {self.equipment.name} failed its check: {self.result.verdict}"
            self.equipment.alarm(Stop(Hazard.OFF_CALIBRATION, text, "Calibrate it; look at whom it treated since"))

    def _write(self, event: str, **fields: Any) -> None:
        self.equipment.journal.write(event, lamp=self.equipment.name, **fields)
