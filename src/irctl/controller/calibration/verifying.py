"""`irctl check`: the short verification before the day's first session. A few levels at one distance, by a reference meter or by the lamp's own radiometer.

A fail locks the lamp: its next order is refused until it was calibrated, or a check has passed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import sqrt
from statistics import fmean
from typing import Any

from irctl.controller.calibration import measuring
from irctl.controller.calibration.bench import Bench, BenchEnded
from irctl.controller.calibration.measuring import Dark, Expected, Measuring
from irctl.controller.light.equipment import Equipment
from irctl.devices.roles import Radiometer
from irctl.domain.budget import Budget, Term
from irctl.domain.calibration import Calibration
from irctl.domain.meters import Meter
from irctl.domain.readings import LevelReading, MeasuredPoint, points
from irctl.domain.rules import Hazard, Stop
from irctl.domain.tolerance import Decision
from irctl.domain.verification import Verification, monitor_points, verified

STEADY_PCT_PER_MIN = 1.5
"""Of the ratio to what its calibration and its response say it should show by now: a check need not wait until a lamp is warm through."""
SETTLE_MAX_S = 70.0
"""Of each of two levels, so that the check is over in three minutes whatever it finds."""
RESPONSE_DOUBT = 0.5
"""Of what the response says is still to come: no calibration measures it."""
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
    done_at_s: float | None = None
    ended: str | None = None
    result: Verification | None = None
    taken: dict[float, list[float]] = field(default_factory=dict[float, list[float]])
    """By level, less dark, as the instrument shows it."""
    warming: dict[float, float] = field(default_factory=dict[float, float])
    """By level, the share that was still to come."""
    bench: Bench = field(init=False)
    measuring: Measuring = field(init=False)

    def __post_init__(self) -> None:
        self.bench = Bench(self.equipment, self.reference.device)
        typed = self.reference.meter is not None and self.reference.device is None
        self.measuring = Measuring(self.bench, self.calibration.response, typed=typed)
        sensor = self.reference.device or self.equipment.instruments.radiometer
        if not typed and sensor is not None:
            self.measuring.expected = Expected(self.calibration, sensor.response_s)

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
            "done_s_ago": None if self.done_at_s is None else self.equipment.now_s() - self.done_at_s,
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
                self.taken[level_pct] = await self._read(level_pct, dark)
            await self.bench.dark()
            self._decide(self._found(dark), self.equipment.now_s() - started_s)
        except BenchEnded as ended:
            self.ended = str(ended)
            self._write("check.interrupted", by=self.by, reason=self.ended)
        finally:
            await self.bench.close()
            self.done, self.done_at_s = True, self.equipment.now_s()

    async def _read(self, level_pct: float, dark: Dark) -> list[float]:
        if (expected := self.measuring.expected) is None:
            typed = await self.measuring.read(1)
            return [typed.reading_mw_cm2 - dark.offset_mw_cm2]
        taken = await self.measuring.compare(level_pct, dark, self.samples)
        self.warming[level_pct] = expected.still_to_come(level_pct)
        return taken

    def _found(self, dark: Dark) -> tuple[MeasuredPoint, ...]:
        meter = self.reference.meter
        if meter is None:
            found = monitor_points(self.calibration, self.taken)
        else:
            at, distance_cm = self.equipment.journal.clock(), self.calibration.distance_cm
            noise = DARK_NOISE_SHARE * dark.noise_mw_cm2
            readings = [
                LevelReading(1, "check", level, distance_cm, fmean(net), 0.0, None, at, noise)
                for level, net in self.taken.items()
            ]
            found = points(
                readings,
                meter,
                self.lamp_type,
                distance_cm=distance_cm,
                positioning_cm=self.positioning_cm,
                scope="check",
            )
        return tuple(self._with_warmth(point) for point in found)

    def _with_warmth(self, point: MeasuredPoint) -> MeasuredPoint:
        """What the response said was still to come is known to half of itself."""
        limits_pct = 100.0 * RESPONSE_DOUBT * self.warming.get(point.level_pct, 0.0)
        if limits_pct == 0:
            return point
        source = "the lamp's response, half of what was still to come"
        term = Term("still warming", limits_pct / sqrt(3.0), distribution="rectangular", source=source)
        return replace(point, budget=Budget((*point.budget.terms, term)))

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
            text = f"lamp {self.equipment.name} failed its check: {self.result.verdict.figures}"
            self.equipment.alarm(Stop(Hazard.OFF_CALIBRATION, text, "Calibrate it; look at whom it treated since"))

    def _write(self, event: str, **fields: Any) -> None:
        self.equipment.journal.write(event, lamp=self.equipment.name, **fields)
