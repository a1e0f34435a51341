"""What every leased output has in common: armed before light, dark wins, and nothing is lit again after a trip or a restart.

A driver fills in the leaves (how this device arms, lights, is read, and shows a restart); the order of things is here.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass

from irctl.bus.bus import Priority
from irctl.bus.errors import ExceptionReply
from irctl.bus.modbus import AnyRequest, WriteCoil
from irctl.bus.unit import Unit
from irctl.devices.roles import DeviceFault, LeaseSpec, NotArmed, OutputState

RESTART_CHECK_EVERY = 20
"""Looks between two checks for a restart: it costs a frame, and a restart shows at once on an output that should be on."""

SETTLE_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Reading:
    """An output as read. `dark` and `lit` are not each other's opposite: a device may contradict itself, and is then neither."""

    dark: bool
    lit: bool
    level_pct: float | None = None
    tripped: bool = False


class LeasedOutput(ABC):
    """One channel that the hardware darkens by itself. `name` as configured, "dimmer.1"."""

    shows_restarts = False
    settle_s = 0.0
    """How long an output may take to read dark after OFF."""

    def __init__(self, unit: Unit, name: str, lease: LeaseSpec) -> None:
        self.unit = unit
        self.name = name
        self.lease = lease
        self._armed_s: float | None = None
        self._lit = False  # the device has acknowledged light, and nobody has darkened it since
        self._darkened = 0  # how often; a change while a frame is out means that dark overtook it
        self._looks = 0

    @abstractmethod
    async def _arm(self, lease_s: float) -> None:
        """Set the fail-safe and read it back. Raises NotArmed."""

    @abstractmethod
    def _light(self, level_pct: float, lease_s: float, *, renew: bool) -> tuple[AnyRequest, ...]:
        """The frames to send: at least one that renews the lease; all that light needs when it is not a mere renewal."""

    @abstractmethod
    async def _read(self, priority: Priority) -> Reading:
        """The output, from the device."""

    async def _restarted(self, priority: Priority) -> bool:
        """Whether the device restarted since this channel last asked. Called only where it `shows_restarts`."""
        return False

    def _forget(self) -> None:
        """Arming no longer holds."""
        self._armed_s = None
        self._lit = False

    async def arm(self, lease_s: float) -> None:
        if not self.lease.fits(lease_s):
            spec = self.lease
            raise ValueError(
                f"{self.name}: a lease of {lease_s} s does not fit; "
                f"the device counts {spec.min_s} to {spec.max_s} s in steps of {spec.step_s} s."
            )
        self._forget()
        await self._off()
        try:
            await self._arm(lease_s)
        except ExceptionReply as refusal:
            raise NotArmed(f"{self.name}: the device refused to arm its fail-safe. {refusal}") from refusal
        await self._restarted(Priority.POLL)
        await self._settle()
        self._armed_s = lease_s

    async def release(self) -> None:  # noqa: B027  (most devices need nothing)
        """Nothing to do where a tripped fail-safe clears itself."""

    async def _settle(self) -> None:
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self.settle_s
        while not (await self._read(Priority.POLL)).dark:
            if loop.time() >= give_up_at:
                raise NotArmed(f"{self.name}: the output reads on after OFF. Check the device before using this lamp.")
            await asyncio.sleep(SETTLE_POLL_S)

    async def _lease_light(self, level_pct: float, lease_s: float) -> None:
        """Light, or renew. If `dark` is called meanwhile it wins, whatever order the frames took."""
        if self._armed_s is None or abs(self._armed_s - lease_s) > 1e-6:
            armed = "not armed" if self._armed_s is None else f"armed for {self._armed_s} s"
            raise NotArmed(f"{self.name}: {armed}, so no light for {lease_s} s. Arm it for this lease first.")
        darkened = self._darkened
        try:
            if not self._lit and await self._restarted(Priority.LEASE):
                self._forget()
                raise NotArmed(
                    f"{self.name}: the device has restarted since it was armed. Check its supply; arm it again."
                )
            for request in self._light(level_pct, lease_s, renew=self._lit):
                if darkened != self._darkened:
                    break
                await self.unit.bus.transact(request, Priority.LEASE)
        finally:
            if darkened != self._darkened:
                await self._off()
        if darkened != self._darkened:
            raise DeviceFault(f"{self.name}: went dark while light was being ordered; dark wins.")
        self._lit = True

    async def _off(self) -> None:
        self._darkened += 1
        self._lit = False
        for request in self.off_requests():
            await self.unit.bus.transact(request, Priority.STOP)

    async def observe(self, priority: Priority = Priority.POLL) -> OutputState:
        was_lit, darkened = self._lit, self._darkened
        reading = await self._read(priority)
        should_be_lit = was_lit and self._lit and darkened == self._darkened
        tripped = reading.tripped or (should_be_lit and not reading.lit)
        self._looks += 1
        rebooted: bool | None = False if self.shows_restarts else None
        if self.shows_restarts and (tripped or self._looks % RESTART_CHECK_EVERY == 0):
            rebooted = await self._restarted(priority)
        if tripped or rebooted:
            self._forget()
        return OutputState(on=not reading.dark, level_pct=reading.level_pct, tripped=tripped, rebooted=rebooted)

    @abstractmethod
    def off_requests(self) -> tuple[AnyRequest, ...]:
        """The frames of OFF."""

    def broadcast_off(self) -> AnyRequest | None:
        return None


class CoilOutput(LeasedOutput):
    """One that a coil switches off."""

    def __init__(self, unit: Unit, name: str, coil: int, lease: LeaseSpec) -> None:
        super().__init__(unit, name, lease)
        self.coil = coil

    def off_requests(self) -> tuple[AnyRequest, ...]:
        return (WriteCoil(self.unit.address, self.coil, False),)
