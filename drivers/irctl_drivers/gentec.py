"""Gentec-EO Maestro and Integra power meters as radiometer: the power on the head, spread over the area it takes in.

`*CVU` repeats the last value for ever, also when the head has long stopped giving new ones. So it is never asked alone: first `*NVU`
must say that there is a new value. What it says then is not in the command lists at hand, so it is an option, and so is how a command
ends. Anything else it answers counts as "no new value": a wrong option gives no reading, not a stale one.

Unverified: the response time, that the value is in watts, and that answers end in LF. The baud rate is not documented here.
"""

from __future__ import annotations

import asyncio
from typing import Literal

from pydantic import Field

from irctl.bus.bus import Priority, UnitTiming
from irctl.bus.text import NUMBER, Dialect, number
from irctl.bus.unit import Unit
from irctl.devices.registry import About, ConnectedDevice, Driver, DriverOptions
from irctl.devices.roles import DeviceFault, Identity

ENDS = {"none": b"", "cr": b"\r", "lf": b"\n", "crlf": b"\r\n"}
MW_PER_W = 1000.0
ASK_AGAIN_S = 0.05
NEW_VALUE_WITHIN_S = 0.8
"""A meter that gives no new value for so long is no radiometer to end a dose by."""


class GentecOptions(DriverOptions):
    area_cm2: float = Field(gt=0, le=400)
    """The area of the head that the light falls on, cm². No default: irradiance is wrong by whatever it is wrong by."""
    range_w: float = Field(gt=0)
    """The most the head may measure, W, as its data sheet says; readings beyond are refused."""
    new_value_answer: str = Field(min_length=1, max_length=60)
    """What `*NVU` answers when there is a new value, to the letter, from the meter's manual."""
    command_end: Literal["none", "cr", "lf", "crlf"]
    """What closes a command, from the meter's manual."""
    response_s: float = Field(default=1.0, gt=0)
    """First-order time constant, seconds. Unverified default; heads differ."""


class Gentec:
    """The instrument with its head."""

    def __init__(self, unit: Unit, name: str, options: GentecOptions) -> None:
        self.unit = unit
        self.name = name
        self.response_s = options.response_s
        self._options = options
        words = Dialect(end=ENDS[options.command_end])
        self._is_new = words.ask("*NVU", r"([ -~]+)", lambda match: match[1].strip() == options.new_value_answer)
        self._value = words.ask("*CVU", rf"Current Value ?: ?{NUMBER}", number)

    async def identify(self) -> Identity:
        """By how it answers: the commands that name it are not in the lists at hand."""
        await self.unit.bus.transact(self._value, Priority.BACKGROUND, retries=1)
        return Identity("Gentec-EO meter")

    async def irradiance_mw_cm2(self) -> float:
        loop, transact = asyncio.get_running_loop(), self.unit.bus.transact
        give_up_at = loop.time() + NEW_VALUE_WITHIN_S
        while not await transact(self._is_new):
            if loop.time() >= give_up_at:
                raise DeviceFault(
                    f"{self.name}: no new value for {NEW_VALUE_WITHIN_S:g} s; the old one is not used. "
                    "Check the head, and that `new_value_answer` is what its manual says."
                )
            await asyncio.sleep(ASK_AGAIN_S)
        watts = await transact(self._value)
        if abs(watts) > self._options.range_w:
            raise DeviceFault(
                f"{self.name}: reads {watts:g} W, beyond {self._options.range_w:g} W; the reading is not used."
            )
        return watts * MW_PER_W / self._options.area_cm2


def connect(unit: Unit, name: str, options: GentecOptions) -> ConnectedDevice:
    sensor = Gentec(unit, name, options)
    return ConnectedDevice(name, DRIVER.name, sensor.identify, radiometers={1: sensor})


ABOUT = About(
    "Gentec Maestro, Integra power meters",
    ("radiometer",),
    None,
    "text",
    "Gentec command list",
    ("golden frames", "twin"),
)
DRIVER = Driver(
    "gentec", GentecOptions, connect, UnitTiming(timeout_s=0.3, reply_max_s=0.6), speaks="text", about=ABOUT
)
