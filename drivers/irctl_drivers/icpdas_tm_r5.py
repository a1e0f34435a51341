"""ICP DAS tM-R5: five relays behind a host watchdog whose trip latches until a person clears it.

Registers from the tM-R5 Quick Start p. 10 and the tM Series DIO User Manual p. 36; the manual counts from 1, the addresses here
from 0.

Not documented, so assumed in the safest direction: which frames feed the host watchdog (every `close` writes the coil, the frame
that must count if any does), and how the module name is coded (reported as hex, not judged). If reads do not feed it, a module left
alone for longer than its lease trips, and asks for a person: by design.
"""

from __future__ import annotations

from irctl.bus.bus import Priority
from irctl.bus.errors import ExceptionReply
from irctl.bus.modbus import AnyRequest, WriteCoil
from irctl.bus.unit import Unit
from irctl.devices.leased import CoilOutput, Reading
from irctl.devices.registry import About, Action, ConnectedDevice, Driver, NoOptions
from irctl.devices.roles import DeviceFault, FailSafe, Identity, LeaseScope, LeaseSpec, NotArmed

CHANNELS = (1, 2, 3, 4, 5)

# coils
RELAY = 0
SAFE_VALUE = 128
POWER_ON_VALUE = 160
WATCHDOG_MODE = 259  # 0: a trip holds until it is cleared; 1: an output write may clear it
WATCHDOG_ENABLE = 260
WATCHDOG_TRIPPED = 269  # reads 1 after a time-out; write 1 to clear
RESET_STATUS = 272  # reads 1 once after power-on

# holding registers
FIRMWARE_AND_NAME = 480  # two words each
UNIT_ADDRESS = 484
WATCHDOG_TIMEOUT = 488  # 0.1 s, 0 to 255

LEASE = LeaseSpec(FailSafe.COMM_WATCHDOG, LeaseScope.DEVICE, min_s=0.1, max_s=25.5, step_s=0.1)


class TmR5:
    """The module: what its relays share."""

    def __init__(self, unit: Unit, name: str) -> None:
        self.unit = unit
        self.name = name
        self.leases: dict[int, float] = {}  # by channel; they share one watchdog, so all must be equal
        self.restarts = 0  # seen so far: reading the reset status clears it, so relays compare this count

    async def identify(self) -> Identity:
        try:
            words = await self.unit.read_holding(FIRMWARE_AND_NAME, 5, Priority.BACKGROUND, retries=1)
        except ExceptionReply as refusal:
            raise DeviceFault(
                f"{self.name}: this is no ICP DAS tM module. Check the unit address. {refusal}"
            ) from refusal
        address = words[UNIT_ADDRESS - FIRMWARE_AND_NAME]
        if address != self.unit.address:
            raise DeviceFault(
                f"{self.name}: register {UNIT_ADDRESS} reads {address} where a tM module holds its address "
                f"({self.unit.address}). Another device answers here: check unit and driver."
            )
        return Identity(f"tM module {words[2]:04X}{words[3]:04X}", firmware=f"{words[0]:04X}{words[1]:04X}")

    async def tripped(self, priority: Priority = Priority.POLL) -> bool:
        return (await self.unit.read_coils(WATCHDOG_TRIPPED, 1, priority))[0]

    async def clear_trip(self) -> None:
        """Clear the latched trip. Only a person may order this: something stopped talking while a lamp may have been lit."""
        await self.unit.write_coil(WATCHDOG_TRIPPED, True)
        if await self.tripped():
            raise DeviceFault(
                f"{self.name}: the watchdog's trip did not clear. Check that the host is polling the module."
            )

    async def look_for_restart(self, priority: Priority) -> None:
        if (await self.unit.read_coils(RESET_STATUS, 1, priority))[0]:
            self.restarts += 1

    async def ensure_coil(self, coil: int, wanted: bool, what: str) -> None:
        """Make a setting read `wanted`, writing only when it differs: settings live in EEPROM. Raises NotArmed."""
        if (await self.unit.read_coils(coil, 1, retries=1))[0] == wanted:
            return
        await self.unit.write_coil(coil, wanted)
        if (await self.unit.read_coils(coil, 1, retries=1))[0] != wanted:
            raise NotArmed(f"{self.name}: {what} (coil {coil}) does not read {int(wanted)} after writing it. No light.")

    async def ensure_timeout(self, lease_s: float) -> None:
        ticks = round(lease_s * 10)
        if await self.unit.read_holding(WATCHDOG_TIMEOUT, 1, retries=1) == (ticks,):
            return
        await self.unit.write_register(WATCHDOG_TIMEOUT, ticks)
        if await self.unit.read_holding(WATCHDOG_TIMEOUT, 1, retries=1) != (ticks,):
            raise NotArmed(
                f"{self.name}: the watchdog's time-out does not read {lease_s} s after writing it. No light."
            )


class TmR5Relay(CoilOutput):
    """One relay as a cut-off."""

    shows_restarts = True

    def __init__(self, module: TmR5, channel: int) -> None:
        self.index = channel - 1
        super().__init__(module.unit, f"{module.name}.{channel}", RELAY + self.index, LEASE)
        self.module = module
        self._restarts_seen = 0

    async def identify(self) -> Identity:
        return await self.module.identify()

    async def close(self, lease_s: float) -> None:
        await self._lease_light(100, lease_s)

    async def open(self) -> None:
        await self._off()

    def _forget(self) -> None:
        super()._forget()
        self.module.leases.pop(self.index, None)

    async def _arm(self, lease_s: float) -> None:
        others = set(self.module.leases.values()) - {lease_s}
        if others:
            raise NotArmed(
                f"{self.name}: another relay of this module is armed for {others.pop():g} s and they share one watchdog. "
                f"Give every lamp on {self.module.name} the same lease."
            )
        if await self.module.tripped():
            raise NotArmed(
                f"{self.name}: the module's watchdog has tripped: its host fell silent. "
                "Find out why; then a person must clear the trip ('clear-trip')."
            )
        await self.module.ensure_coil(SAFE_VALUE + self.index, False, "safe value")
        await self.module.ensure_coil(POWER_ON_VALUE + self.index, False, "power-on value")
        await self.module.ensure_coil(WATCHDOG_MODE, False, "watchdog mode")
        await self.module.ensure_timeout(lease_s)
        await self.module.ensure_coil(WATCHDOG_ENABLE, True, "watchdog enable")
        self.module.leases[self.index] = lease_s

    async def release(self) -> None:
        """Switch the watchdog off once no relay is armed: it latches, and an idle evening would need a person to clear it."""
        self._forget()
        if not self.module.leases:
            await self.module.ensure_coil(WATCHDOG_ENABLE, False, "watchdog enable")

    def _light(self, level_pct: float, lease_s: float, *, renew: bool) -> tuple[AnyRequest, ...]:
        return (WriteCoil(self.unit.address, self.coil, True),)

    async def _read(self, priority: Priority) -> Reading:
        (coil,) = await self.unit.read_coils(self.coil, 1, priority)
        return Reading(dark=not coil, lit=coil, tripped=await self.module.tripped(priority))

    async def _restarted(self, priority: Priority) -> bool:
        await self.module.look_for_restart(priority)
        seen, self._restarts_seen = self._restarts_seen, self.module.restarts
        return seen != self._restarts_seen


def connect(unit: Unit, name: str, options: NoOptions) -> ConnectedDevice:
    module = TmR5(unit, name)
    return ConnectedDevice(
        name,
        DRIVER.name,
        module.identify,
        cutoffs={channel: TmR5Relay(module, channel) for channel in CHANNELS},
        actions={"clear-trip": Action("Clear the watchdog's trip", module.clear_trip)},
    )


ABOUT = About(
    "ICP DAS tM-R5, five relays",
    ("cutoff",),
    FailSafe.COMM_WATCHDOG,
    "9600 8N1",
    "tM-R5 Quick Start p. 10",
    ("golden frames", "twin"),
)
DRIVER = Driver("icpdas-tm-r5", NoOptions, connect, about=ABOUT)
