"""What a map measures: irradiance, temperatures, contacts. A value counts only when the device itself says that it is one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from irctl.bus.errors import ExceptionReply
from irctl.devices.mapped.device import MappedDevice, Value
from irctl.devices.mapped.loading import IRRADIANCE
from irctl.devices.mapped.model import ContactRole, Sensor
from irctl.devices.roles import DeviceFault, Identity

BUSY_TRIES = 3
BUSY_WAIT_S = 0.05


class _Mapped:
    def __init__(self, device: MappedDevice, channel: str) -> None:
        self.device = device
        self.name = f"{device.name}.{channel}"

    async def identify(self) -> Identity:
        return await self.device.identify()


class _MappedSensor(_Mapped):
    def __init__(self, device: MappedDevice, channel: str, role: Sensor) -> None:
        super().__init__(device, channel)
        self.role = role
        self._points = {role.value, *role.ready, *role.busy}

    async def _value(self) -> float:
        """Value and status in one look. Raises DeviceFault where the status says that it is none."""
        for _ in range(BUSY_TRIES):
            try:
                found = await self.device.read(self._points)
            except ExceptionReply as refusal:
                raise DeviceFault(f"{self.name}: the device refuses to be read. {refusal}") from refusal
            if not _all_read(found, self.role.busy):
                break
            await asyncio.sleep(BUSY_WAIT_S)
        else:
            raise DeviceFault(
                f"{self.name}: the sensor is still busy after {BUSY_TRIES} looks. The reading is not used."
            )
        for name, wanted in self.role.ready.items():
            if found[name] != wanted:
                raise DeviceFault(
                    f"{self.name}: {name} reads {found[name]}, and only at {wanted:g} a reading counts. "
                    "Look the code up in the device's manual; the reading is not used."
                )
        value = found[self.role.value]
        assert not isinstance(value, str), "a text measures nothing"
        return value


class MappedRadiometer(_MappedSensor):
    """mW/cm², whatever unit the map's point has."""

    def __init__(self, device: MappedDevice, channel: str, role: Sensor) -> None:
        super().__init__(device, channel, role)
        assert role.response_s is not None, "a map without it does not load"
        self.response_s = role.response_s
        self._each = IRRADIANCE[device.told.points[role.value].unit]

    async def irradiance_mw_cm2(self) -> float:
        return await self._value() * self._each


class MappedThermometer(_MappedSensor):
    """°C."""

    async def temperature_c(self) -> float:
        return await self._value()


class MappedContact(_Mapped):
    """A bit."""

    def __init__(self, device: MappedDevice, channel: str, role: ContactRole) -> None:
        super().__init__(device, channel)
        self.role = role

    async def closed(self) -> bool:
        return await self.device.number(self.role.closed) == self.role.closed_is


def _all_read(found: Mapping[str, Value], wanted: Mapping[str, float]) -> bool:
    return bool(wanted) and all(found[name] == value for name, value in wanted.items())
