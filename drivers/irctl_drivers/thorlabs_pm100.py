"""Thorlabs PM100 power meters as radiometer, through whatever brings their SCPI to a serial line or a socket.

`SYST:SENS:IDN?` names the head in six fields, the last of which says what it can do (bit values: 1 power, 2 energy, 32 wavelength,
256 temperature; as in pymeasure). Power of a head that corrects for wavelength is right at the wavelength it is set to only: the one
set on the instrument must be the one configured. It is read, never set here.

Unverified: the response time, and LF at the end of answers. The instruments themselves speak USBTMC: something must stand between.
"""

from __future__ import annotations

from pydantic import Field

from irctl.bus.bus import Priority, UnitTiming
from irctl.bus.errors import BusError
from irctl.bus.text import NUMBER, Dialect, number
from irctl.bus.unit import Unit
from irctl.devices.registry import About, ConnectedDevice, Driver, DriverOptions
from irctl.devices.roles import DeviceFault, Identity

SCPI = Dialect(end=b"\n")
HEAD = SCPI.ask(
    "SYST:SENS:IDN?",
    r'"?([^,"]*)"?,"?([^,"]*)"?,[^,]*,[^,]*,[^,]*,\s*([0-9]+)',
    lambda match: (match[1].strip(), match[2].strip(), int(match[3])),
)
POWER = SCPI.ask("MEAS:POW?", NUMBER, number)
WAVELENGTH = SCPI.ask("SENS:CORR:WAV?", NUMBER, number)

MEASURES_POWER, HAS_WAVELENGTH = 1, 32
WAVELENGTH_WITHIN_NM = 1.0
MW_PER_W = 1000.0


class Pm100Options(DriverOptions):
    area_cm2: float = Field(gt=0, le=400)
    """The area of the head that the light falls on, cm². No default: irradiance is wrong by whatever it is wrong by."""
    range_w: float = Field(gt=0)
    """The most the head may measure, W, as its data sheet says; readings beyond (SCPI's 9.9E37 for "not a number" too) are refused."""
    wavelength_nm: float | None = Field(default=None, gt=100, lt=30_000)
    """What the instrument is set to, nm, where its head corrects for wavelength; such a head is refused without it."""
    response_s: float = Field(default=1.0, gt=0)
    """First-order time constant, seconds. Unverified default; heads differ."""


class Pm100:
    """The instrument with its head."""

    def __init__(self, unit: Unit, name: str, options: Pm100Options) -> None:
        self.unit = unit
        self.name = name
        self.response_s = options.response_s
        self._options = options
        self._head_fits = (
            False  # until asked; and again whenever the line has failed, for then a head may have been changed
        )

    async def identify(self) -> Identity:
        model, serial = await self._check_head(Priority.BACKGROUND, retries=1)
        return Identity(f"Thorlabs PM100 with {model}", serial=serial)

    async def irradiance_mw_cm2(self) -> float:
        try:
            if not self._head_fits:
                await self._check_head(Priority.POLL)
            watts = await self.unit.bus.transact(POWER)
        except BusError:
            self._head_fits = False
            raise
        if abs(watts) > self._options.range_w:
            raise DeviceFault(
                f"{self.name}: reads {watts:g} W, beyond {self._options.range_w:g} W; the reading is not used."
            )
        return watts * MW_PER_W / self._options.area_cm2

    async def _check_head(self, priority: Priority, retries: int = 0) -> tuple[str, str]:
        """Its model and serial number. Raises DeviceFault for one that cannot tell what is asked of it."""
        model, serial, flags = await self.unit.bus.transact(HEAD, priority, retries)
        if not flags & MEASURES_POWER:
            raise DeviceFault(f"{self.name}: its head '{model}' measures no power. Connect one that does.")
        if flags & HAS_WAVELENGTH:
            await self._check_wavelength(model, priority)
        self._head_fits = True
        return model, serial

    async def _check_wavelength(self, model: str, priority: Priority) -> None:
        wanted = self._options.wavelength_nm
        if wanted is None:
            raise DeviceFault(f"{self.name}: its head '{model}' corrects for wavelength. Say which in `wavelength_nm`.")
        found = await self.unit.bus.transact(WAVELENGTH, priority)
        if abs(found - wanted) > WAVELENGTH_WITHIN_NM:
            raise DeviceFault(
                f"{self.name}: the instrument is set to {found:g} nm, and {wanted:g} nm are configured. Set one of them right."
            )


def connect(unit: Unit, name: str, options: Pm100Options) -> ConnectedDevice:
    sensor = Pm100(unit, name, options)
    return ConnectedDevice(name, DRIVER.name, sensor.identify, radiometers={1: sensor})


ABOUT = About(
    "Thorlabs PM100 power meters, through a SCPI port",
    ("radiometer",),
    None,
    "text",
    "pymeasure",
    ("golden frames", "twin"),
)
DRIVER = Driver(
    "thorlabs-pm100", Pm100Options, connect, UnitTiming(timeout_s=0.3, reply_max_s=0.6), speaks="text", about=ABOUT
)
