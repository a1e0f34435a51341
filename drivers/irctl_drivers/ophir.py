"""Ophir Nova II, Vega and StarLite power meters as radiometer: the power on the head, spread over the area it takes in.

Commands as used by pyLabLib and pymeasure: `$SP` asks for the power, `$HI` for the head, `$II` for the instrument; `*...` answers,
`?...` refuses, `OVER` is beyond the range. 9600 8N1, CR LF.

Assumed: the meter is set to measure power. What `$SP` answers in irradiance mode (`$MM9`) is not known; never switch to it here.
Unverified: the response time, the format of `$HI` and `$II` (taken as they come), and that power is in watts.
"""

from __future__ import annotations

from pydantic import Field

from irctl.bus.bus import Priority, UnitTiming
from irctl.bus.errors import ExceptionReply
from irctl.bus.text import NUMBER, Dialect, number
from irctl.bus.unit import Unit
from irctl.devices.registry import About, ConnectedDevice, Driver, DriverOptions
from irctl.devices.roles import DeviceFault, Identity

OPHIR = Dialect(end=b"\r\n", refused=r"\?.*")

POWER = OPHIR.ask("$SP", rf"\*{NUMBER}|\*OVER", lambda match: number(match) if match[1] else None)
"""Watts; None beyond the range."""
HEAD = OPHIR.ask("$HI", r"\*(.+)", lambda match: str(match[1]).strip())
INSTRUMENT = OPHIR.ask("$II", r"\*(.+)", lambda match: str(match[1]).strip())

MW_PER_W = 1000.0


class OphirOptions(DriverOptions):
    area_cm2: float = Field(gt=0, le=400)
    """The area of the head that the light falls on, cm², as its data sheet or the aperture before it says. No default: irradiance is
    wrong by whatever it is wrong by."""
    response_s: float = Field(default=1.0, gt=0)
    """First-order time constant, seconds. Unverified default; heads differ."""


class Ophir:
    """The instrument with its head."""

    def __init__(self, unit: Unit, name: str, options: OphirOptions) -> None:
        self.unit = unit
        self.name = name
        self.response_s = options.response_s
        self._area_cm2 = options.area_cm2

    async def identify(self) -> Identity:
        try:
            instrument = await self.unit.bus.transact(INSTRUMENT, Priority.BACKGROUND, retries=1)
            head = await self.unit.bus.transact(HEAD, Priority.BACKGROUND, retries=1)
        except ExceptionReply as refusal:
            raise DeviceFault(f"{self.name}: this is no Ophir meter with a head. {refusal}") from refusal
        return Identity(f"Ophir {instrument}", serial=head)

    async def irradiance_mw_cm2(self) -> float:
        try:
            watts = await self.unit.bus.transact(POWER)
        except ExceptionReply as refusal:
            raise DeviceFault(
                f"{self.name}: gives no power. Check its head and that it measures power. {refusal}"
            ) from refusal
        if watts is None:
            raise DeviceFault(
                f"{self.name}: the power is beyond its range. Choose a larger one; the reading is not used."
            )
        return watts * MW_PER_W / self._area_cm2


def connect(unit: Unit, name: str, options: OphirOptions) -> ConnectedDevice:
    sensor = Ophir(unit, name, options)
    return ConnectedDevice(name, DRIVER.name, sensor.identify, radiometers={1: sensor})


ABOUT = About(
    "Ophir Nova II, Vega, StarLite power meters",
    ("radiometer",),
    None,
    "text, 9600 8N1",
    "pyLabLib, pymeasure",
    ("golden frames", "twin"),
)
DRIVER = Driver("ophir", OphirOptions, connect, UnitTiming(timeout_s=0.3, reply_max_s=0.6), speaks="text", about=ABOUT)
