"""What must be shown before the first light: the output is dark and its fail-safe armed, and the radiometer sees nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from math import hypot
from statistics import fmean, stdev

from irctl.controller.light.output import Output
from irctl.controller.light.readings import Instruments
from irctl.devices.roles import DeviceFault, Identity

DARK_READINGS = 8
AMBIENT_MAX_MW_CM2 = 5.0
"""A radiometer that shows more than this before the first light sees the sun, or a lamp that is still hot."""
AMBIENT_DRIFT_MAX_MW_CM2 = 0.2
"""More than this within the dark reading is an afterglow, and would be subtracted from the dose."""


@dataclass(frozen=True, slots=True)
class DarkReading:
    """What the radiometer shows in the dark, and how sure that is (k=2), mW/cm²."""

    offset_mw_cm2: float = 0.0
    uncertainty_mw_cm2: float = 0.0
    noise_mw_cm2: float = 0.0
    """Of one reading (k=2)."""
    readings: int = 0


async def prove_dark_and_arm(output: Output) -> dict[str, Identity]:
    """The right devices, dark, their fail-safes armed and read back; who they are, by role. Raises BusError, DeviceFault."""
    identities = await output.identify()
    await output.observe()
    if not output.verified_dark:
        raise DeviceFault("the lamp is not dark before the first light")
    await output.arm()
    return identities


async def read_dark(output: Output, instruments: Instruments, every_s: float) -> DarkReading:
    """The radiometer's offset from a few readings; nothing where there is none. Raises BusError, DeviceFault.

    The armed output is looked at all along: some watchdogs count silence in the dark too, and latch.
    """
    await instruments.read()
    if instruments.radiometer is None:
        return DarkReading()
    readings: list[float] = []
    for _ in range(DARK_READINGS):
        readings.append(await instruments.radiometer.irradiance_mw_cm2())
        await output.observe()
        await asyncio.sleep(every_s)
    offset = fmean(readings)
    if abs(offset) > AMBIENT_MAX_MW_CM2 or abs(readings[-1] - readings[0]) > AMBIENT_DRIFT_MAX_MW_CM2:
        raise DeviceFault(
            f"the radiometer shows {readings[0]:.1f} then {readings[-1]:.1f} mW/cm² before the first light: "
            "wait until the lamp has cooled, and keep other sources away"
        )
    await instruments.read()
    # What shines before the first light (an afterglow, the sun) may be gone while the lamp is lit: all of it is doubt, not only its noise.
    noise = 2.0 * stdev(readings)
    return DarkReading(offset, hypot(noise / len(readings) ** 0.5, offset), noise, len(readings))
