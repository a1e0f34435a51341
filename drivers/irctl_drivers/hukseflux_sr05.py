"""Hukseflux SR05 (also SR15, SR20-D2): a pyranometer as radiometer.

Registers from the Hukseflux manual's own worked example, 973.59 W/m² from `40 03 10 00 00 04` (the Campbell data sheets print other
units and base-1 addresses). Irradiance is a signed 32-bit number, most significant word first, in 0.01 W/m².

Unverified: the response time (a third of the data sheet's 95 % time) and the measuring range (2000 W/m², from memory).
A pyranometer's glass dome passes 0.3 to 2.8 µm only: it sees halogen lamps, not far-infrared ceramic ones.
"""

from __future__ import annotations

from pydantic import Field

from irctl.bus.bus import Priority
from irctl.bus.errors import ExceptionReply
from irctl.bus.unit import Unit
from irctl.devices.registry import About, ConnectedDevice, Driver, DriverOptions
from irctl.devices.roles import DeviceFault, Identity

# holding registers
UNIT_ADDRESS = 0
IRRADIANCE = 2  # s32
SERIAL = 40

PV_OFFSET = 0x1000
"""Added to every address on the SR05-D1A3-PV."""
W_M2_PER_COUNT = 0.01
MW_CM2_PER_W_M2 = 0.1


class Sr05Options(DriverOptions):
    response_s: float = Field(default=6.0, gt=0)
    """First-order time constant, seconds. Unverified default."""
    pv: bool = False
    """True for the SR05-D1A3-PV, whose registers start at 0x1000."""
    range_w_m2: float = Field(default=2000.0, gt=0)
    """Readings beyond this are refused as over range, W/m². Unverified default."""


class Sr05:
    """The instrument."""

    def __init__(self, unit: Unit, name: str, options: Sr05Options) -> None:
        self.unit = unit
        self.name = name
        self.response_s = options.response_s
        self._range_w_m2 = options.range_w_m2
        self._base = PV_OFFSET if options.pv else 0

    async def identify(self) -> Identity:
        try:
            (address,) = await self.unit.read_holding(self._base + UNIT_ADDRESS, 1, Priority.BACKGROUND, retries=1)
            (serial,) = await self.unit.read_holding(self._base + SERIAL, 1, Priority.BACKGROUND, retries=1)
        except ExceptionReply as refusal:
            raise DeviceFault(f"{self.name}: this is no SR05, or its `pv` option is wrong. {refusal}") from refusal
        if address != self.unit.address:
            raise DeviceFault(
                f"{self.name}: register {self._base} reads {address} where an SR05 holds its address "
                f"({self.unit.address}). Another device answers here: check unit, driver and the `pv` option."
            )
        return Identity("Hukseflux SR05", serial=str(serial))

    async def irradiance_mw_cm2(self) -> float:
        high, low = await self.unit.read_holding(self._base + IRRADIANCE, 2)
        raw = high << 16 | low
        w_m2 = (raw - (1 << 32) if raw >= 1 << 31 else raw) * W_M2_PER_COUNT
        if abs(w_m2) > self._range_w_m2:
            raise DeviceFault(
                f"{self.name}: reads {w_m2:.0f} W/m², beyond its range of {self._range_w_m2:.0f} W/m². "
                "Check the sensor and its cable; the reading is not used."
            )
        return w_m2 * MW_CM2_PER_W_M2


def connect(unit: Unit, name: str, options: Sr05Options) -> ConnectedDevice:
    sensor = Sr05(unit, name, options)
    return ConnectedDevice(name, DRIVER.name, sensor.identify, radiometers={1: sensor})


ABOUT = About(
    "Hukseflux SR05, SR15, SR20-D2 pyranometers",
    ("radiometer",),
    None,
    "19200 8E1",
    "Hukseflux manual, its worked example",
    ("golden frames", "twin"),
)
DRIVER = Driver("hukseflux-sr05", Sr05Options, connect, about=ABOUT)
