"""Korad KA3005P and its relatives (Tenma 72-2540, RND, Velleman): a bench supply for LED panels, without any fail-safe of its own.

When its host falls silent it goes on as it was told. So it is an emitter only behind a cut-off that has a fail-safe: a station file
that puts a lamp on it without one is refused.

From sigrok's korad-kaxxxxp driver: 9600 8N1, no line ends in either direction, answers of fixed length, 80 ms after any command (a
Velleman V1.3 needs 450 ms more: `pause_s`), sets not acknowledged and so read back, perhaps a sixth byte after `ISET1?`, and a stray
last byte after `*IDN?`. Its pauses make it slow: a renewal takes two tenths of a second, so `tick_s` must leave room for it.
Never used here: RCL and SAV, which recall and store presets.
"""

from __future__ import annotations

import asyncio
import re
from typing import Literal

from pydantic import Field, model_validator

from irctl.bus.bus import Priority, UnitTiming
from irctl.bus.request import AnyRequest
from irctl.bus.text import Dialect, TextQuery, Unended, number
from irctl.bus.unit import Unit
from irctl.devices.leased import LeasedOutput, Reading
from irctl.devices.registry import About, ConnectedDevice, Driver, DriverOptions
from irctl.devices.roles import NO_LEASE, DeviceFault, FailSafe, Identity
from irctl_drivers.reading_back import arm_with, near

MAKERS = ("KORAD", "TENMA", "RND", "VELLEMAN")
VOLTS = r"([0-9]{2}\.[0-9]{2})"
AMPS = r"([0-9]\.[0-9]{3})"
VOLT_STEP, AMP_STEP = 0.01, 0.001
OUTPUT_BIT = 0x40
RANGES = {"31V-5.1A": (31.0, 5.1), "61V-3.1A": (61.0, 3.1)}
"""V and A."""

DARK_SHARE = 0.01
"""Of full scale: less is what a meter shows of nothing."""
SETTLE_S = 1.0
"""How long its capacitors may hold the output up after OFF."""


class KoradOptions(DriverOptions):
    range: Literal["31V-5.1A", "61V-3.1A"]
    regulate: Literal["current", "voltage"]
    """What the level sets: current for LED panels, voltage for filaments."""
    full: float = Field(gt=0)
    """A or V at 100 %, as the lamp is rated. No default: more than the lamp's rating burns it, and perhaps somebody."""
    limit: float = Field(gt=0)
    """The most of the other, V or A, that the supply may give. Set and read back when it is armed."""
    pause_s: float = Field(default=0.09, ge=0.08, le=1.0)
    """After each command: 80 ms, and 10 more, for adapters and computers are not punctual. A Velleman V1.3 needs 0.54."""

    @model_validator(mode="after")
    def within_its_range(self) -> KoradOptions:
        volts_max, amps_max = RANGES[self.range]
        by_current = self.regulate == "current"
        for name, value, most in (
            ("full", self.full, amps_max if by_current else volts_max),
            ("limit", self.limit, volts_max if by_current else amps_max),
        ):
            if value > most:
                raise ValueError(f"{name} = {value:g} is more than this supply gives ({most:g})")
        return self


class Korad(LeasedOutput):
    """The supply, which has one output."""

    level_min_pct = 2.0
    level_step_pct = 0.1
    settle_s = SETTLE_S

    def __init__(self, unit: Unit, name: str, options: KoradOptions) -> None:
        super().__init__(unit, f"{name}.1", NO_LEASE)
        self.options = options
        self._by_current = options.regulate == "current"
        self._words = Dialect(end=b"", answer=Unended(5, 5), gap_s=options.pause_s)
        self._flows = self._words.ask(*(("IOUT1?", AMPS) if self._by_current else ("VOUT1?", VOLTS)), number)
        self._rising_until = 0.0

    def _status(self, on: bool | None = None) -> TextQuery[bool]:
        """Whether the output is switched on; `on`: what it must be."""

        def output(match: re.Match[str]) -> bool:
            found = bool(ord(match[1]) & OUTPUT_BIT)
            if on is not None and found is not on:
                raise ValueError(f"the output was switched {'on' if on else 'off'}")
            return found

        return self._words.ask("STATUS?", "(.)", output, Unended(1, 1))

    def _setting(self, amps: bool, value: float) -> tuple[AnyRequest, ...]:
        if amps:
            question = self._words.ask("ISET1?", AMPS + ".?", near(value, AMP_STEP), Unended(5, 6))
            return self._words.tell(f"ISET1:{value:05.3f}"), question
        return self._words.tell(f"VSET1:{value:05.2f}"), self._words.ask("VSET1?", VOLTS, near(value, VOLT_STEP))

    async def identify(self) -> Identity:
        question = self._words.ask(
            "*IDN?", r"([ -~]{4,}?)[\x00\x01\xbc]*", lambda match: str(match[1]).strip(), Unended(4, 40)
        )
        model = await self.unit.bus.transact(question, Priority.BACKGROUND, retries=1)
        if not any(maker in model.upper() for maker in MAKERS):
            raise DeviceFault(f"{self.name}: a '{model}' answers here, no {', '.join(MAKERS)}. Check line and driver.")
        return Identity(model)

    async def emit(self, level_pct: float, lease_s: float) -> None:
        if not self.level_min_pct <= level_pct <= 100:
            raise ValueError(f"{self.name}: level {level_pct} % is outside {self.level_min_pct:g} to 100 %.")
        await self._lease_light(level_pct, lease_s)

    async def dark(self) -> None:
        await self._off()

    def off_requests(self) -> tuple[AnyRequest, ...]:
        """OFF is not acknowledged, so asking whether it was obeyed is part of it."""
        return self._words.tell("OUT0"), self._status(False)

    async def _arm(self, lease_s: float) -> None:
        """There is nothing to arm. What can be limited is."""
        await arm_with(self.unit, self.name, self._setting(not self._by_current, self.options.limit))

    def _light(self, level_pct: float, lease_s: float, *, renew: bool) -> tuple[AnyRequest, ...]:
        level = self._setting(self._by_current, self.options.full * level_pct / 100)
        if renew:
            return level
        self._rising_until = asyncio.get_running_loop().time() + self.settle_s
        return (*level, self._words.tell("OUT1"), self._status(True))

    async def _read(self, priority: Priority) -> Reading:
        """The switch and what flows: one byte without a check cannot prove darkness alone."""
        on = await self.unit.bus.transact(self._status(), priority)
        share = await self.unit.bus.transact(self._flows, priority) / self.options.full
        flows, rising = share >= DARK_SHARE, asyncio.get_running_loop().time() < self._rising_until
        dark = not on and not flows
        return Reading(dark, lit=on and (flows or rising), level_pct=0.0 if dark else None if rising else 100 * share)


def connect(unit: Unit, name: str, options: KoradOptions) -> ConnectedDevice:
    supply = Korad(unit, name, options)
    return ConnectedDevice(name, DRIVER.name, supply.identify, emitters={1: supply})


ABOUT = About(
    "Korad KA3005P, Tenma, RND, Velleman supplies",
    ("emitter",),
    FailSafe.NONE,
    "text, 9600 8N1",
    "sigrok korad-kaxxxxp",
    ("golden frames", "twin"),
)
DRIVER = Driver("korad", KoradOptions, connect, UnitTiming(timeout_s=0.2, reply_max_s=0.4), speaks="text", about=ABOUT)
