"""A map's points under a technician's hand: everything may be read, and only what neither lights nor protects may be written."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from irctl.devices.mapped.device import MappedDevice, Value
from irctl.devices.mapped.loading import outputs
from irctl.devices.mapped.model import Assignment, DeviceMap
from irctl.devices.roles import DeviceFault


class MappedPoints:
    """Of one device."""

    def __init__(self, device: MappedDevice) -> None:
        self._device = device
        self._kept_away = _lighting_or_protecting(device.told)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, point in self._device.told.points.items() if point.readable)

    async def read(self, points: Collection[str]) -> Mapping[str, Value]:
        return await self._device.read(points)

    def unit_of(self, point: str) -> str:
        return self._device.told.points[point].unit

    def why_not(self, point: str) -> str | None:
        told = self._device.told.points.get(point)
        if told is None:
            return f"there is no such point; known are {', '.join(self._device.told.points)}"
        if told.write is None:
            return "the map knows no way to write it"
        return self._kept_away.get(point)

    async def set(self, point: str, value: float) -> None:
        if (why := self.why_not(point)) is not None:
            raise DeviceFault(f"{self._device.name}: {point} is not written: {why}.")
        if self._device.told.points[point].readable:
            await self._device.ensure((Assignment(point=point, value=value),))
        else:
            await self._device.write(point, value)


def _lighting_or_protecting(told: DeviceMap) -> dict[str, str]:
    found: dict[str, str] = {}
    for _, output in outputs(told):
        for point in filter(None, (output.switch, output.level, output.timed)):
            found[point] = "it could light a lamp; that is for commissioning and for sessions"
        found |= {one.point: "it is part of the fail-safe, which is armed before every session" for one in output.set}
    if (safe := told.failsafe) is not None:
        settings = [*safe.set, *safe.clear, *safe.release]
        for point in filter(None, (safe.time, safe.trip, *(one.point for one in settings))):
            found.setdefault(point, "it is part of the fail-safe, which is armed before every session")
    return found
