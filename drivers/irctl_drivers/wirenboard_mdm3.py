"""Wiren Board WB-MDM3: three channels of 230 V dimming, dark by itself when nobody has polled it for a set time.

Registers from the vendor's own template for firmware 2.12 and later (wb-mqtt-serial, `config-wb-mdm3-fw-2.12.json.jinja`) and the
module's "Common registers" page. Addresses are zero-based.

Assumed, and to be checked at commissioning: whether polls of other units on the line also feed the watchdog (not documented);
that an output stays off when polling resumes after a trip (not documented; nothing here lights it again without arming);
the length of the signature text (6 registers, from memory).
"""

from __future__ import annotations

import asyncio
import math

from pydantic import Field

from irctl.bus.bus import Priority
from irctl.bus.errors import ExceptionReply
from irctl.bus.modbus import AnyRequest, WriteCoil, WriteRegister
from irctl.bus.unit import Unit
from irctl.devices.leased import CoilOutput, Reading
from irctl.devices.registry import About, ConnectedDevice, Driver, DriverOptions
from irctl.devices.roles import DeviceFault, FailSafe, Identity, LeaseScope, LeaseSpec, NotArmed

CHANNELS = (1, 2, 3)

# coils and holding registers: first channel's address
OUTPUT_COIL = 0
LEVEL_PCT = 0
SAFETY_TIMEOUT_S = 8
DIMMING_CURVE = 50
DUTY_US = 90  # what the output really does; 0 is off
RAMP_UP_MS_PER_PCT = 140
RAMP_DOWN_MS_PER_PCT = 150
SAFETY_ACTION = 648
POWER_UP_ACTION = 664

# input registers
UPTIME_S = 104  # u32
SIGNATURE = 200  # text, one character a register
FIRMWARE = 250  # text, one character a register
SERIAL = 270  # u32

SIGNATURE_LENGTH = 6
FIRMWARE_LENGTH = 16

CURVE_SWITCH = 2
"""Any level is full power: a dose ordered at 40 % would burn."""
SAFETY_TURN_OFF = 1
POWER_UP_OFF = 0

CLOCK_SLACK_S = 2.5
"""Uptime counts whole seconds and its crystal drifts; a restart that moves the start by less is a module barely started."""

LEASE = LeaseSpec(FailSafe.COMM_WATCHDOG, LeaseScope.DEVICE, min_s=1, max_s=65534, step_s=1)


FACTORY_RAMP_S = 1.0


class Mdm3Options(DriverOptions):
    ramp_down_ms_per_pct: int = Field(default=0, ge=0, le=5)
    """How slowly an output goes dark. The factory's 10 would let light outlast every OFF and every lease by a second. 0 is
    unverified on hardware: if arming says the module refuses it, use 1."""


class Mdm3:
    """The module: what its channels share."""

    def __init__(self, unit: Unit, name: str, options: Mdm3Options) -> None:
        self.unit = unit
        self.name = name
        self.options = options
        self.leases: dict[int, float] = {}  # by channel; they share one watchdog, so all must be equal

    async def identify(self) -> Identity:
        try:
            signature = _text(await self.unit.read_input(SIGNATURE, SIGNATURE_LENGTH, Priority.BACKGROUND, retries=1))
            firmware = _text(await self.unit.read_input(FIRMWARE, FIRMWARE_LENGTH, Priority.BACKGROUND, retries=1))
            serial = _u32(await self.unit.read_input(SERIAL, 2, Priority.BACKGROUND, retries=1))
        except ExceptionReply as refusal:
            raise DeviceFault(
                f"{self.name}: this is no Wiren Board module. Check the unit address. {refusal}"
            ) from refusal
        if "MDM3" not in signature:
            raise DeviceFault(
                f"{self.name}: the module at this address is a '{signature}', not a WB-MDM3. Check unit and driver."
            )
        return Identity("WB-MDM3", serial=str(serial), firmware=firmware)

    async def uptime_s(self, priority: Priority) -> int:
        return _u32(await self.unit.read_input(UPTIME_S, 2, priority, retries=1))

    async def ensure(self, register: int, wanted: int, what: str) -> None:
        """Make a register read `wanted`, writing only when it differs: settings live in EEPROM. Raises NotArmed."""
        (found,) = await self.unit.read_holding(register, 1, retries=1)
        if found == wanted:
            return
        await self.unit.write_register(register, wanted)
        (found,) = await self.unit.read_holding(register, 1, retries=1)
        if found != wanted:
            raise NotArmed(f"{self.name}: {what} (register {register}) reads {found} after writing {wanted}. No light.")


class Mdm3Channel(CoilOutput):
    """One dimmed output. Levels are whole per cent; a fraction is rounded down, never up."""

    level_min_pct = 1.0
    level_step_pct = 1.0
    shows_restarts = True
    settle_s = FACTORY_RAMP_S + 0.2

    def __init__(self, module: Mdm3, channel: int) -> None:
        self.index = channel - 1
        super().__init__(module.unit, f"{module.name}.{channel}", OUTPUT_COIL + self.index, LEASE)
        self.module = module
        self.level_pct: float | None = None  # as last read; None after it was ordered to change
        self._ordered_pct: int | None = None
        self._ramp_up_s = FACTORY_RAMP_S
        self._rising_until = 0.0  # the duty of an output just switched on may still read 0
        self._started_at = math.inf  # the module's last start by our clock; unknown until asked

    async def identify(self) -> Identity:
        return await self.module.identify()

    async def emit(self, level_pct: float, lease_s: float) -> None:
        if not self.level_min_pct <= level_pct <= 100:
            raise ValueError(f"{self.name}: level {level_pct} % is outside {self.level_min_pct:g} to 100 %.")
        await self._lease_light(level_pct, lease_s)

    async def dark(self) -> None:
        """Coil off, and nothing else: one frame is the soonest dark, and `emit` sets the level before the coil."""
        await self._off()

    def _forget(self) -> None:
        super()._forget()
        self.module.leases.pop(self.index, None)

    async def _arm(self, lease_s: float) -> None:
        others = set(self.module.leases.values()) - {lease_s}
        if others:
            raise NotArmed(
                f"{self.name}: another channel of this module is armed for {others.pop():g} s and they share one watchdog. "
                f"Give every lamp on {self.module.name} the same lease."
            )
        (curve,) = await self.unit.read_holding(DIMMING_CURVE + self.index, 1, retries=1)
        if curve == CURVE_SWITCH:
            raise NotArmed(
                f"{self.name}: its dimming curve is 'switch', so any level is full power. Choose another curve."
            )
        await self.module.ensure(SAFETY_ACTION + self.index, SAFETY_TURN_OFF, "safety action")
        await self.module.ensure(POWER_UP_ACTION + self.index, POWER_UP_OFF, "power-up action")
        await self.module.ensure(SAFETY_TIMEOUT_S, round(lease_s), "safety poll time-out")
        ramp_down = self.module.options.ramp_down_ms_per_pct
        await self.module.ensure(RAMP_DOWN_MS_PER_PCT + self.index, ramp_down, "ramp down")
        (ramp_up_ms,) = await self.unit.read_holding(RAMP_UP_MS_PER_PCT + self.index, 1, retries=1)
        self._ramp_up_s = ramp_up_ms / 10  # 100 steps of one per cent
        self.module.leases[self.index] = lease_s

    def _light(self, level_pct: float, lease_s: float, *, renew: bool) -> tuple[AnyRequest, ...]:
        """The level every time: a write is the one frame that any reading of "polling" counts as life."""
        level = int(level_pct + 1e-9)
        if level != self._ordered_pct:
            self.level_pct = None
        self._ordered_pct = level
        set_level = WriteRegister(self.unit.address, LEVEL_PCT + self.index, level)
        if renew:
            return (set_level,)
        self._rising_until = asyncio.get_running_loop().time() + self._ramp_up_s
        return set_level, WriteCoil(self.unit.address, self.coil, True)

    async def _read(self, priority: Priority) -> Reading:
        """Coil and true duty; the level register only after a change, and when restarts are looked for."""
        (coil,) = await self.unit.read_coils(self.coil, 1, priority)
        (duty_us,) = await self.unit.read_holding(DUTY_US + self.index, 1, priority)
        if self.level_pct is None:
            (level,) = await self.unit.read_holding(LEVEL_PCT + self.index, 1, priority)
            self.level_pct = float(level)
        dark = not coil and duty_us == 0
        rising = asyncio.get_running_loop().time() < self._rising_until
        return Reading(dark=dark, lit=coil and (duty_us > 0 or rising), level_pct=0.0 if dark else self.level_pct)

    async def _restarted(self, priority: Priority) -> bool:
        """Uptime that runs backward, or less than the time since the last look: the module's start has moved."""
        self.level_pct = None
        uptime_s = await self.module.uptime_s(priority)
        started_at = asyncio.get_running_loop().time() - uptime_s
        before, self._started_at = self._started_at, started_at
        return started_at - before > CLOCK_SLACK_S


def _text(words: tuple[int, ...]) -> str:
    return "".join(chr(word) for word in words if 32 <= word < 127).strip()


def _u32(words: tuple[int, ...]) -> int:
    return words[0] << 16 | words[1]


def connect(unit: Unit, name: str, options: Mdm3Options) -> ConnectedDevice:
    module = Mdm3(unit, name, options)
    return ConnectedDevice(
        name, DRIVER.name, module.identify, emitters={channel: Mdm3Channel(module, channel) for channel in CHANNELS}
    )


ABOUT = About(
    "Wiren Board WB-MDM3, three dimmers",
    ("emitter",),
    FailSafe.COMM_WATCHDOG,
    "9600 8N2",
    "Wiren Board's own template, firmware 2.12",
    ("golden frames", "twin"),
)
DRIVER = Driver("wirenboard-mdm3", Mdm3Options, connect, about=ABOUT)
