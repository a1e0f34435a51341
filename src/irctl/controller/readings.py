"""What a lamp's instruments say, and when they said it. Unknown stays unknown: a reading that could not be made is not kept alive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from math import isfinite
from typing import Generic, TypeVar

from irctl.bus.errors import BusError
from irctl.devices.roles import Contact, DeviceFault, Radiometer, Thermometer
from irctl.domain.rules import Reading

T = TypeVar("T")


@dataclass(slots=True)
class Latest(Generic[T]):
    """The last good value of one instrument, and why there is no newer one."""

    value: T | None = None
    at_s: float = 0.0
    problem: str | None = "not read yet"

    async def refresh(self, ask: Awaitable[T]) -> bool:
        """Ask; on failure keep the old value to age and remember why. True when there is a new one.

        A value is as old as its question: an answer may have lain here while this computer was busy with something else.
        """
        asked_at_s = asyncio.get_running_loop().time()
        try:
            value = await ask
        except (BusError, DeviceFault) as error:
            self.problem = str(error)
            return False
        if isinstance(value, float) and not isfinite(value):
            self.problem = f"the instrument says {value}, which is no number"
            return False
        self.value, self.at_s, self.problem = value, asked_at_s, None
        return True

    def age_s(self, now_s: float) -> float:
        return now_s - self.at_s if self.value is not None else float("inf")

    def fresh(self, now_s: float, stale_s: float) -> T | None:
        """The value, unless it is unknown or stale."""
        return self.value if self.age_s(now_s) <= stale_s else None


@dataclass(slots=True)
class Interlock:
    """A contact by its name in the station; several lamps may share it."""

    name: str
    contact: Contact
    latest: Latest[bool] = field(default_factory=Latest[bool])


@dataclass(slots=True)
class Instruments:
    """What watches one lamp."""

    interlocks: tuple[Interlock, ...]
    radiometer: Radiometer | None = None
    skin: Thermometer | None = None
    irradiance: Latest[float] = field(default_factory=Latest[float])
    temperature: Latest[float] = field(default_factory=Latest[float])

    async def read(self) -> bool:
        """Read everything at once, each on its own line. True when there is a fresh irradiance."""
        asks = [interlock.latest.refresh(interlock.contact.closed()) for interlock in self.interlocks]
        if self.skin is not None:
            asks.append(self.temperature.refresh(self.skin.temperature_c()))
        if self.radiometer is None:
            await asyncio.gather(*asks)
            return False
        fresh, *_ = await asyncio.gather(self.irradiance.refresh(self.radiometer.irradiance_mw_cm2()), *asks)
        return fresh

    def interlock_readings(self, now_s: float) -> tuple[tuple[str, Reading | None], ...]:
        return tuple(
            (
                lock.name,
                None if lock.latest.value is None else Reading(float(lock.latest.value), lock.latest.age_s(now_s)),
            )
            for lock in self.interlocks
        )

    def skin_reading(self, now_s: float) -> Reading | None:
        value = self.temperature.value
        return None if value is None else Reading(value, self.temperature.age_s(now_s))
