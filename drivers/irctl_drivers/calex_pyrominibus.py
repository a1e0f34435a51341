"""Calex PyroMiniBus: an infrared thermometer for the skin.

Registers from the PyroMiniBus manual p. 7; zero-based. This driver never writes: all but two of the sensor's registers go to
non-volatile memory. Set emissivity (0.98 for skin) with the maker's tool.

Unverified: the word order of the serial number (most significant first assumed; shown, never judged).
"""

from __future__ import annotations

from irctl.bus.bus import Priority, UnitTiming
from irctl.bus.errors import ExceptionReply
from irctl.bus.unit import Unit
from irctl.devices.registry import About, ConnectedDevice, Driver, NoOptions
from irctl.devices.roles import DeviceFault, Identity

# holding registers
TYPE = 0x00  # followed by: 1 unused here, 2-3 serial number
FILTERED = 0x0E  # followed by: unfiltered, sensor body, status
TYPE_PYROMINIBUS = 17

STATUS_TEXT = (
    "measurement error",
    "sensor too cold",
    "sensor too hot",
    "object below range",
    "object above range",
)
"""By bit of the status register."""


class PyroMiniBus:
    """The sensor."""

    def __init__(self, unit: Unit, name: str) -> None:
        self.unit = unit
        self.name = name

    async def identify(self) -> Identity:
        try:
            kind, _, high, low = await self.unit.read_holding(TYPE, 4, Priority.BACKGROUND, retries=1)
        except ExceptionReply as refusal:
            raise DeviceFault(f"{self.name}: this is no PyroMiniBus. Check unit and driver. {refusal}") from refusal
        if kind != TYPE_PYROMINIBUS:
            raise DeviceFault(
                f"{self.name}: device type reads {kind}, a PyroMiniBus says {TYPE_PYROMINIBUS}. Check unit and driver."
            )
        return Identity("Calex PyroMiniBus", serial=str(high << 16 | low))

    async def temperature_c(self) -> float:
        """The filtered object temperature, °C."""
        filtered, _, _, status = await self.unit.read_holding(FILTERED, 4)
        if status:
            problems = ", ".join(text for bit, text in enumerate(STATUS_TEXT) if status >> bit & 1)
            raise DeviceFault(
                f"{self.name}: the sensor reports {problems or f'status {status:#06x}'}. "
                "Check that it is aimed at skin and its lens is clean; the reading is not used."
            )
        return (filtered - 0x10000 if filtered >= 0x8000 else filtered) * 0.1


def connect(unit: Unit, name: str, options: NoOptions) -> ConnectedDevice:
    sensor = PyroMiniBus(unit, name)
    return ConnectedDevice(name, DRIVER.name, sensor.identify, thermometers={1: sensor})


ABOUT = About(
    "Calex PyroMiniBus, infrared thermometer",
    ("thermometer",),
    None,
    "9600 8N1",
    "Calex manual p. 7",
    ("golden frames", "twin"),
)
DRIVER = Driver(
    "calex-pyrominibus", NoOptions, connect, timing=UnitTiming(timeout_s=0.15, reply_max_s=0.3), about=ABOUT
)
