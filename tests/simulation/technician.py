"""A technician at a simulated station: places the meter, answers, waits, and has somebody else approve."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from irctl.controller.calibration.calibrating import Calibrating
from irctl.controller.calibration.verifying import Verifying
from irctl.controller.config import load
from irctl.domain.worksheet import BENCH, Step, Worksheet
from irctl_campaign.process import Process
from tests.simulation.world import World
from tests.unit.worlds import StationFolder

BY, SECOND = "a technician", "a second person"
FAST = {"lamps": {"left": {"envelope_fraction": 0.0}}}
"""A lamp without slow parts: the steps are the same, and take a minute each less."""
FAST_RESPONSE = [{"fraction": 1.0, "tau_s": 0.35}]
"""As a calibration says it of such a lamp."""
QUICK = {"levels_pct": [20.0, 40.0, 60.0, 80.0, 100.0], "repeats": 2, "samples": 3}
COOL_S = 120.0


def a_config(folder: Path, *, fast: bool = True, **upkeep: Any) -> Path:
    """The demonstration station in a folder of its own; its left lamp with a short plan, changed by `upkeep`. `fast`: for the lamp without slow parts."""
    station = StationFolder(folder)
    if fast:
        station.left_calibration["response"] = FAST_RESPONSE
    station.left["upkeep"] = QUICK | upkeep
    return station.write()


def without_its_line(folder: Path) -> Path:
    """The same station, its meter read by a person."""
    station = StationFolder(folder)
    del station.station["meters"]["reference"]["device"]
    station.left_calibration["response"] = FAST_RESPONSE
    station.meters["meters/sim-reference.toml"]["range_max_mw_cm2"] = 2000.0
    station.left["upkeep"] = QUICK
    return station.write()


class Technician:
    """One calibration after another, at one lamp.

    `meter`, `device`: the meter's name, and its name among the devices. `off_cm`, `tilt_deg`: how it really stands; `tilt_said_deg`: what the record
    says of its tilt.
    """

    def __init__(
        self,
        world: World,
        lamp: str = "left",
        *,
        meter: str = "reference",
        device: str = "meter",
        off_cm: float = 0.0,
        tilt_deg: float = 0.0,
        tilt_said_deg: float = 0.0,
    ) -> None:
        self.world, self.lamp, self.meter, self.device = world, lamp, meter, device
        self.off_cm, self.tilt_deg, self.tilt_said_deg = off_cm, tilt_deg, tilt_said_deg
        self.id = ""

    @property
    def sheet(self) -> Worksheet:
        return self.world.station.calibrations.sheet(self.id)

    @property
    def run(self) -> Calibrating:
        run = self.world.station.lamps[self.lamp].bench_work
        assert isinstance(run, Calibrating)
        return run

    async def begin(self) -> Worksheet:
        await self.world.until(lambda: self.world.station.lamps[self.lamp].output.verified_dark)
        self.id = self.world.station.calibrations.start(
            self.lamp, self.meter, BY, nobody=True, environment={"temperature_c": 22.0, "note": ""}
        ).id
        return self.sheet

    async def until(self, *steps: Step) -> Worksheet:
        """Work until it is one of these steps' turn."""
        while self.sheet.step not in steps:
            await self.step()
        return self.sheet

    async def step(self) -> None:
        """Whatever is next."""
        sheets = self.world.station.calibrations
        match self.sheet.step:
            case Step.IDENTITY:
                serial = self.world.station.lamps[self.lamp].equipment.info.serial
                await sheets.identify(self.id, BY, serial, "clean, no damage")
            case Step.POSITION:
                reading = self.sheet.next_reading
                assert reading is not None
                self.world.sim.place(self.device, self.lamp, reading.distance_cm + self.off_cm, self.tilt_deg)
                sheets.position(self.id, BY, reading.distance_cm, self.tilt_said_deg, None)
            case Step.ADJUSTMENT:
                sheets.adjust(self.id, BY, None)
            case Step.REVIEW:
                sheets.submit(self.id, BY)
            case Step.APPROVAL:
                sheets.approve(self.id, SECOND)
                self.world.sim.remove(self.device)
            case Step.CLOSED:
                raise AssertionError("there is nothing left to do")
            case _:
                await self.light()

    async def light(self) -> None:
        """One stretch of it, to its end. An interrupted one is an error here."""
        self.world.station.calibrations.read(self.id, BY)
        await self.world.until(lambda: self.run.done, 5000.0, every_s=0.5)
        assert self.run.ended is None, self.run.ended

    async def typed(self, says: Callable[[int, float], float]) -> None:
        """One stretch of light by a meter without a line: what is typed for a reading of this number, and for what the meter shows (mW/cm²)."""
        sheets = self.world.station.calibrations
        sheets.read(self.id, BY)
        while not self.run.done:
            await asyncio.sleep(0.5)
            if self.run.measuring.waits_for_value:
                shown = round(self.world.sim.meter_truth(self.device).irradiance_mw_cm2, 2)
                reading = self.sheet.next_reading
                assert reading is not None
                sheets.read(self.id, BY, says(reading.number if self.sheet.step is Step.READINGS else 0, shown))

    async def lit_step(self, step: Step, readings: int = 0) -> None:
        """Begin with the light and leave it in the middle of this step, after so many readings."""
        self.world.station.calibrations.read(self.id, BY)
        await self.world.until(lambda: self.sheet.step is step and self.sheet.progress[0] >= readings, 2000.0)
        await asyncio.sleep(2.0)
        assert self.sheet.step is step

    async def calibrate(self) -> Worksheet:
        """From the beginning to the approval."""
        await self.begin()
        await self.until(Step.CLOSED)
        await asyncio.sleep(COOL_S)
        return self.sheet

    async def check(self, reference: str = "monitor") -> Verifying:
        check = self.world.station.upkeep.check(self.lamp, BY, reference, nobody=True)
        await self.world.until(lambda: check.done, 400.0)
        await asyncio.sleep(COOL_S)
        return check


async def reborn(world: World, state_dir: Path, config: Path) -> None:
    """The controller is killed between two instructions, and another starts on the same hardware and journal."""
    clock = world.station.journal.clock
    await world.process.kill()
    await asyncio.sleep(5.0)
    assert not world.truth().powered, "its lease has run out"
    world.process = await Process.start(world.sim, load(config), state_dir, clock)
    world.station = world.process.station


STEPS_OF_PEOPLE = (Step.IDENTITY, Step.POSITION, Step.ADJUSTMENT, Step.REVIEW, Step.APPROVAL)
STEPS_OF_LIGHT = BENCH
