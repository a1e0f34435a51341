"""What a map lights with: relays, dimmers and supplies, as leased outputs like any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from irctl.bus.bus import Priority
from irctl.bus.modbus import BROADCAST, AnyRequest, ModbusRequest
from irctl.devices.leased import LeasedOutput, Reading
from irctl.devices.mapped.device import MappedDevice
from irctl.devices.mapped.model import Assignment, DeviceMap, FailSafe, Output
from irctl.devices.roles import NO_LEASE, DeviceFault, Identity, LeaseScope, LeaseSpec, NotArmed, Retrigger
from irctl.devices.roles import FailSafe as Kind

DARK_SHARE_PCT = 0.05
"""Of the level: less is dark."""


def lease_of(told: DeviceMap, retrigger: Retrigger | None) -> LeaseSpec:
    """What the map's fail-safe can keep; `retrigger` of the station file, where the manual does not say."""
    safe = told.failsafe
    assert safe is not None, "a map of outputs without it does not load"
    if safe.kind == "none":
        return NO_LEASE
    assert safe.min_s is not None, "a map of outputs without its range does not load"
    assert safe.max_s is not None
    assert safe.step_s is not None
    if safe.kind == "comm-watchdog":
        return LeaseSpec(Kind.COMM_WATCHDOG, LeaseScope.DEVICE, safe.min_s, safe.max_s, safe.step_s)
    known = retrigger or (Retrigger(safe.retrigger) if safe.retrigger else None)
    return LeaseSpec(Kind.TIMED_OUTPUT, LeaseScope.CHANNEL, safe.min_s, safe.max_s, safe.step_s, known)


class MappedOutput(LeasedOutput):
    """One channel: what cut-offs and emitters have in common."""

    settle_s = 0.5

    def __init__(self, device: MappedDevice, channel: str, role: Output, lease: LeaseSpec, full: float | None) -> None:
        super().__init__(device.unit, f"{device.name}.{channel}", lease)
        self.device, self.role, self.full = device, role, full
        safe = device.told.failsafe
        assert safe is not None, "a map of outputs without it does not load"
        self.safe: FailSafe = safe
        self.shows_restarts = safe.restarted is not None
        self._restarts_seen = 0
        self._trips_when_armed: float | None = None

    async def identify(self) -> Identity:
        return await self.device.identify()

    async def release(self) -> None:
        self._forget()
        if not self.device.leases:
            await self.device.ensure(self.safe.release)

    def off_requests(self) -> tuple[AnyRequest, ...]:
        if self.role.switch is not None:
            return self.device.requests_for(self.role.switch, 0)
        assert self.role.level is not None, "an output that nothing switches does not load"
        return self.device.requests_for(self.role.level, 0)

    def broadcast_off(self) -> AnyRequest | None:
        """Where the map says that every unit obeys 0, and OFF is one frame."""
        if self.device.told.broadcast != 0:
            return None
        off, *more = self.off_requests()
        assert isinstance(off, ModbusRequest), "a map speaks nothing else"
        return None if more else replace(off, unit=BROADCAST)

    def _forget(self) -> None:
        super()._forget()
        self.device.leases.pop(self, None)

    async def _arm(self, lease_s: float) -> None:
        shared = self.lease.scope is LeaseScope.DEVICE
        if shared and (others := set(self.device.leases.values()) - {lease_s}):
            raise NotArmed(
                f"{self.name}: another output of this device is armed for {others.pop():g} s and they share one watchdog. "
                f"Give every lamp on {self.device.name} the same lease."
            )
        if self.safe.trip is not None and await self.device.number(self.safe.trip):
            raise NotArmed(
                f"{self.name}: the device's fail-safe has acted: its host fell silent. "
                "Find out why; then a person must clear it ('clear-trip')."
            )
        timing = () if self.safe.time is None else (Assignment(point=self.safe.time, value=lease_s),)
        await self.device.ensure((*self.role.set, *timing, *self.safe.set))
        if self.safe.trips is not None:
            self._trips_when_armed = await self.device.number(self.safe.trips)
        if shared:
            self.device.leases[self] = lease_s

    def _light(self, level_pct: float, lease_s: float, *, renew: bool) -> tuple[AnyRequest, ...]:
        role, found = self.role, list[AnyRequest]()
        if role.level is not None:
            found += self.device.requests_for(role.level, level_pct / 100 * (100.0 if self.full is None else self.full))
        if role.timed is not None:
            found += self.device.requests_for(role.timed, lease_s)
        elif role.switch is not None and not (renew and role.level is not None):
            found += self.device.requests_for(role.switch, 1)
        return tuple(found)

    async def _read(self, priority: Priority) -> Reading:
        role = self.role
        state, level = role.state or role.switch, role.level_read or role.level
        wanted = {point for point in (state, level, self.safe.trip, self.safe.trips) if point is not None}
        found = await self.device.read(wanted, priority)
        pct = None if level is None else _number(found, level) / (100.0 if self.full is None else self.full) * 100
        flows = pct is None or pct > DARK_SHARE_PCT
        on = flows if state is None else bool(_number(found, state))
        tripped = self.safe.trip is not None and bool(_number(found, self.safe.trip))
        if self.safe.trips is not None and self._armed_s is not None:
            tripped = tripped or _number(found, self.safe.trips) != self._trips_when_armed
        measured = role.level_read is not None and flows  # a switch that says off while it flows is not dark
        return Reading(
            dark=not on and not measured,
            lit=on and flows,
            level_pct=pct if on else None if pct is None else 0.0,
            tripped=tripped,
        )

    async def _restarted(self, priority: Priority) -> bool:
        if self.safe.restarted is not None and await self.device.number(self.safe.restarted, priority):
            self.device.restarts += 1
        seen, self._restarts_seen = self._restarts_seen, self.device.restarts
        return seen != self._restarts_seen


class MappedCutoff(MappedOutput):
    """One channel, as cut-off."""

    async def close(self, lease_s: float) -> None:
        await self._lease_light(100, lease_s)

    async def open(self) -> None:
        await self._off()


class MappedEmitter(MappedOutput):
    """One channel, as emitter."""

    def __init__(self, device: MappedDevice, channel: str, role: Output, lease: LeaseSpec, full: float | None) -> None:
        super().__init__(device, channel, role, lease, full)
        self.level_min_pct, self.level_step_pct = role.level_min_pct, role.level_step_pct

    async def emit(self, level_pct: float, lease_s: float) -> None:
        if not self.level_min_pct <= level_pct <= 100:
            raise ValueError(f"{self.name}: level {level_pct} % is outside {self.level_min_pct:g} to 100 %.")
        await self._lease_light(level_pct, lease_s)

    async def dark(self) -> None:
        await self._off()


async def clear_trip(device: MappedDevice, outputs: Mapping[str, MappedOutput]) -> None:
    """Every output off, then the trip. Only a person may order this: something stopped talking while a lamp may have been lit."""
    safe = device.told.failsafe
    assert safe is not None
    assert safe.trip is not None
    for output in outputs.values():
        for request in output.off_requests():
            await device.unit.bus.transact(request, Priority.STOP)
    for one in safe.clear:
        await device.write(one.point, device.value_of(one))
    if await device.number(safe.trip):
        raise DeviceFault(f"{device.name}: the trip did not clear. Check that the host is polling the device.")


def _number(found: Mapping[str, float | str], point: str) -> float:
    value = found[point]
    assert not isinstance(value, str), "a text switches nothing"
    return value
