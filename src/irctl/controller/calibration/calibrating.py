"""The steps of a calibration that need the lamp: dark, warm-up, readings. The lamp's own task runs them, as it runs everything that lights it.

Nothing here decides what is next: the worksheet does, from the journal. So whatever cuts this off, the next stretch goes on where the journal stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from irctl.controller.calibration.bench import Bench, BenchEnded
from irctl.controller.calibration.measuring import Dark, Measuring
from irctl.controller.light.equipment import Equipment
from irctl.devices.roles import Radiometer
from irctl.domain.plan import PlannedReading
from irctl.domain.problems import InvariantViolation
from irctl.domain.response import LampResponse
from irctl.domain.rules import Hazard, Stop
from irctl.domain.tolerance import Decision
from irctl.domain.worksheet import BENCH, Step, Worksheet


@dataclass
class Calibrating:
    """One stretch of a worksheet's light: until a person is needed, or something ends it dark."""

    equipment: Equipment
    id: str
    sheet: Callable[[], Worksheet]
    """As the journal has it at the moment."""
    meter: Radiometer | None
    """None: its readings are typed."""
    response: LampResponse
    samples: int
    done: bool = False
    ended: str | None = None
    """What cut it off; None when it came to where a person is needed."""
    bench: Bench = field(init=False)
    measuring: Measuring = field(init=False)
    _dark: Dark | None = None
    """Of this stretch; a reading needs it only to see whether the light is steady."""

    def __post_init__(self) -> None:
        self.bench = Bench(self.equipment, self.meter)
        self.measuring = Measuring(self.bench, self.response, typed=self.meter is None)

    @property
    def what(self) -> str:
        return f"calibration {self.id}"

    def end(self, reason: str) -> None:
        """Dark at the next look, which is at most a tick away."""
        self.bench.ended = self.bench.ended or reason

    async def run(self) -> None:
        """Step after step, as the worksheet asks for them. Dark at its end, whatever it is."""
        try:
            distance_cm: float | None = None
            while not self.bench.ended and (sheet := self.sheet()).step in BENCH:
                reading = sheet.next_reading
                if reading is None or distance_cm not in (None, reading.distance_cm):
                    break  # somebody has to move the meter first
                distance_cm = reading.distance_cm
                await self._step(sheet, reading)
                self._tell_out_of_tolerance()
                if (after := self.sheet()).step == sheet.step and after.next_reading == reading:
                    raise InvariantViolation(
                        f"{self.what}: step {sheet.step} was done, and the worksheet did not take it"
                    )
        except BenchEnded as ended:
            self.ended = str(ended)
            self._write("calibration.interrupted", reason=self.ended)
        finally:
            self.measuring.now = "going dark"
            await self.bench.close()
            self.done = True

    async def _step(self, sheet: Worksheet, reading: PlannedReading) -> None:
        match sheet.step:
            case Step.DARK:
                dark = self._dark = await self.measuring.dark()
                self._write(
                    "calibration.dark",
                    stage=sheet.stage,
                    distance_cm=reading.distance_cm,
                    offset_mw_cm2=round(dark.offset_mw_cm2, 5),
                    noise_mw_cm2=round(dark.noise_mw_cm2, 5),
                    readings=dark.readings,
                    monitor_offset_mw_cm2=_rounded(dark.monitor_offset_mw_cm2),
                )
            case Step.WARM_UP:
                level_pct = reading.level_pct
                settled = await self.measuring.settle(level_pct, self._known_dark(sheet))
                self._write(
                    "calibration.steady",
                    stage=sheet.stage,
                    level_pct=level_pct,
                    after_s=round(settled.after_s, 1),
                    slope_pct_per_min=round(settled.slope_pct_per_min, 4),
                    readings=settled.readings,
                )
            case _:
                await self._reading(sheet, reading)

    async def _reading(self, sheet: Worksheet, reading: PlannedReading) -> None:
        settled = None
        if self.bench.level_pct != reading.level_pct:
            settled = await self.measuring.settle(reading.level_pct, self._known_dark(sheet))
        taken = await self.measuring.read(self.samples)
        self._write(
            "calibration.reading",
            stage=sheet.stage,
            number=reading.number,
            level_pct=reading.level_pct,
            distance_cm=reading.distance_cm,
            reading_mw_cm2=round(taken.reading_mw_cm2, 5),
            monitor_mw_cm2=_rounded(taken.monitor_mw_cm2),
            noise_mw_cm2=round(taken.noise_mw_cm2, 5),
            n=taken.n,
            slope_pct_per_min=None if settled is None else round(settled.slope_pct_per_min, 4),
        )

    def _tell_out_of_tolerance(self) -> None:
        """As found beyond its tolerance: nobody is treated with it until it is calibrated or checked, whatever becomes of this worksheet."""
        sheet = self.sheet()
        found = sheet.as_found if sheet.step is Step.ADJUSTMENT else None
        if found is None or found.verdict is None or found.verdict.decision is not Decision.FAIL:
            return
        self._write("lamp.out_of_tolerance", by=sheet.by, verdict=found.verdict.as_dict())
        text = f"lamp {self.equipment.name} was found outside its tolerance: {found.verdict.figures}"
        remedy = "Finish its calibration; look at whom it treated since it was last right"
        self.equipment.alarm(Stop(Hazard.OFF_CALIBRATION, text, remedy))

    def _known_dark(self, sheet: Worksheet) -> Dark:
        """The last dark reading, which an earlier stretch may have made."""
        if self._dark is None:
            told = next(e for e in reversed(sheet.events) if e["event"] == "calibration.dark")
            offset, noise = told["offset_mw_cm2"], told["noise_mw_cm2"]
            self._dark = Dark(offset, noise, told["readings"], told["monitor_offset_mw_cm2"])
        return self._dark

    def _write(self, event: str, **fields: Any) -> None:
        self.equipment.journal.write(event, lamp=self.equipment.name, calibration=self.id, **fields)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
