"""Acme Relay: one relay behind a watchdog, as cut-off.

TODO: which manual, which pages. Facts that are not in it are options without a default, or are called assumptions here.
"""

from irctl.bus.bus import Priority
from irctl.bus.modbus import AnyRequest, WriteCoil
from irctl.bus.unit import Unit
from irctl.devices.leased import CoilOutput, Reading
from irctl.devices.registry import About, ConnectedDevice, Driver, NoOptions
from irctl.devices.roles import DeviceFault, FailSafe, Identity, LeaseScope, LeaseSpec, NotArmed

RELAY = 0  # coil
WATCHDOG_TIME = 8  # holding register, 0.1 s
SAFE_STATE = 9  # holding register, 0: off
UNIT_ADDRESS = 100  # holding register

LEASE = LeaseSpec(FailSafe.COMM_WATCHDOG, LeaseScope.DEVICE, min_s=0.1, max_s=25.5, step_s=0.1)


class AcmeRelay(CoilOutput):
    """The relay. Armed before light, dark wins, nothing is lit again after a trip: `CoilOutput` sees to the order of things."""

    def __init__(self, unit: Unit, name: str) -> None:
        super().__init__(unit, f"{name}.1", RELAY, LEASE)

    async def identify(self) -> Identity:
        (address,) = await self.unit.read_holding(UNIT_ADDRESS, 1, Priority.BACKGROUND, retries=1)
        if address != self.unit.address:
            raise DeviceFault(
                f"{self.name}: register {UNIT_ADDRESS} reads {address}. Another device answers: check unit and driver."
            )
        return Identity("Acme Relay")

    async def close(self, lease_s: float) -> None:
        await self._lease_light(100, lease_s)

    async def open(self) -> None:
        await self._off()

    async def _arm(self, lease_s: float) -> None:
        for register, wanted in ((SAFE_STATE, 0), (WATCHDOG_TIME, round(lease_s * 10))):
            if await self.unit.read_holding(register, 1, retries=1) != (wanted,):
                await self.unit.write_register(register, wanted)
            if await self.unit.read_holding(register, 1, retries=1) != (wanted,):
                raise NotArmed(f"{self.name}: register {register} does not read {wanted} after writing it. No light.")

    def _light(self, level_pct: float, lease_s: float, *, renew: bool) -> tuple[AnyRequest, ...]:
        return (WriteCoil(self.unit.address, RELAY, True),)

    async def _read(self, priority: Priority) -> Reading:
        (closed,) = await self.unit.read_coils(RELAY, 1, priority)
        return Reading(dark=not closed, lit=closed)


def connect(unit: Unit, name: str, options: NoOptions) -> ConnectedDevice:
    relay = AcmeRelay(unit, name)
    return ConnectedDevice(name, DRIVER.name, relay.identify, cutoffs={1: relay})


ABOUT = About("Acme Relay", ("cutoff",), FailSafe.COMM_WATCHDOG, "9600 8N1", "TODO: manual, pages", ("twin",))
DRIVER = Driver("acme-relay", NoOptions, connect, about=ABOUT)
