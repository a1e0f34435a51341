"""What a lamp's instruments say, and when they said it. Unknown stays unknown: a reading that could not be made is not kept alive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Generic, TypeVar

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

    async def refresh(self, ask: Callable[..., Awaitable[T]], *about: Any) -> bool:
        """Ask (`about` is passed on); on failure keep the old value to age and remember why. True when there is a new one.

        A value is as old as its question: an answer may have lain here while this computer was busy with something else.
        """
        asked_at_s = asyncio.get_running_loop().time()
        try:
            value = await ask(*about)
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
    stops: bool = False
    """Opening it stops the whole station, and latches."""
    latest: Latest[bool] = field(default_factory=Latest[bool])


@dataclass(slots=True)
class Instruments:
    """What watches one lamp."""

    interlocks: tuple[Interlock, ...]
    radiometer: Radiometer | None = None
    skin: Thermometer | None = None
    housing: Thermometer | None = None
    irradiance: Latest[float] = field(default_factory=Latest[float])
    temperature: Latest[float] = field(default_factory=Latest[float])
    housing_c: Latest[float] = field(default_factory=Latest[float])

    async def read(self) -> bool:
        """Read everything at once, each on its own line. True when there is a fresh irradiance."""
        asks = [interlock.latest.refresh(interlock.contact.closed) for interlock in self.interlocks]
        if self.skin is not None:
            asks.append(self.temperature.refresh(self.skin.temperature_c))
        if self.housing is not None:
            asks.append(self.housing_c.refresh(self.housing.temperature_c))
        if self.radiometer is None:
            await asyncio.gather(*asks)
            return False
        fresh, *_ = await asyncio.gather(self.irradiance.refresh(self.radiometer.irradiance_mw_cm2), *asks)
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
        return _reading(self.temperature, now_s)

    def housing_reading(self, now_s: float) -> Reading | None:
        return _reading(self.housing_c, now_s)


def _reading(latest: Latest[float], now_s: float) -> Reading | None:
    return None if latest.value is None else Reading(latest.value, latest.age_s(now_s))


@dataclass(slots=True)
class SkinWatch:
    """How the skin's temperature has moved since the light came on: living skin warms, wavers, and does not jump."""

    first_c: float | None = None
    jump_c: float = 0.0
    _last_c: float | None = None
    _last_s: float = float("-inf")
    _still_since_s: float = float("-inf")

    def see(self, skin_c: float, at_s: float, stale_s: float) -> None:
        """Take a reading made at loop time `at_s`. Over a gap longer than `stale_s` anything may have happened, and nothing is a jump."""
        if at_s <= self._last_s:
            return
        if self._last_c is None:
            self.first_c = skin_c
        elif at_s - self._last_s <= stale_s:
            self.jump_c = max(self.jump_c, abs(skin_c - self._last_c))
        if skin_c != self._last_c:
            self._still_since_s = at_s
        self._last_c, self._last_s = skin_c, at_s

    @property
    def rise_c(self) -> float | None:
        return None if self._last_c is None or self.first_c is None else self._last_c - self.first_c

    def still_s(self, now_s: float) -> float:
        return 0.0 if self._last_c is None else now_s - self._still_since_s
