"""Waveshare Modbus RTU Relay, 8, 16 or 32 channels: contacts that open by themselves, leased by the "flash-on" command.

Flash-on is FC05 at 0x0200 + channel with a duration in 0.1 s as its value: the relay closes, and the board opens it when the time is
over. Register addresses from waveshare.com/wiki/Modbus_RTU_Relay as quoted by mbmap-library (protocol V3); zero-based. Never used
here: toggle (FC05 value 0x5500) and flash-off (0x0400 + channel), which ends closed.

Not documented, so it must be measured at commissioning: whether a second flash-on restarts the time (`retrigger`).
The longest duration is unverified (0x7FFF from memory); `lease_max_s` keeps far below.
The coil is the command, not the contact: a welded contact is invisible here. The board cannot show that it restarted; its relays
are then open.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from irctl.bus.bus import Priority
from irctl.bus.errors import ExceptionReply
from irctl.bus.modbus import AnyRequest, WriteCoil, WriteCoilValue
from irctl.bus.unit import Unit
from irctl.devices.leased import CoilOutput, Reading
from irctl.devices.registry import About, ConnectedDevice, Driver, DriverOptions
from irctl.devices.roles import DeviceFault, FailSafe, Identity, LeaseScope, LeaseSpec, NotArmed, Retrigger

# coils
RELAY = 0x0000
ALL_RELAYS = 0x00FF
FLASH_ON = 0x0200

# holding registers
DEVICE_ADDRESS = 0x4000
FIRMWARE = 0x8000  # hundredths: 400 is V4.00

FIRMWARE_MIN = 200
"""V1 boards (before September 2021) speak another protocol at the same addresses."""
TICK_S = 0.1


class FlashOptions(DriverOptions):
    """What every Waveshare output needs to know."""

    retrigger: Literal["restart", "ignore", "extend"]
    """What a second flash-on does to a running one. No default: it is measured at commissioning."""
    broadcast: bool = True
    """Whether the board obeys unit 0. A serial line only; unit 0 means the gateway on Modbus TCP."""
    lease_max_s: float = Field(default=60.0, ge=TICK_S, le=600.0)

    @field_validator("retrigger")
    @classmethod
    def can_renew(cls, value: str) -> str:
        if value != "restart":
            raise ValueError(
                f"a board that answers a second flash-on with '{value}' cannot renew a lease: "
                + ("the light would end in the middle." if value == "ignore" else "the lease would grow without bound.")
                + " Use a board that restarts the time, or a cut-off with a communication watchdog"
            )
        return value


class RelayOptions(FlashOptions):
    channels: Literal[8, 16, 32] = 8


class Board:
    """The board: what its channels share."""

    model = "Modbus RTU Relay"

    def __init__(self, unit: Unit, name: str, options: FlashOptions, channels: int) -> None:
        self.unit = unit
        self.name = name
        self.options = options
        self.channels = channels

    async def identify(self) -> Identity:
        """Firmware and address must be this board's, and every configured channel must exist."""
        try:
            version = await self.firmware(Priority.BACKGROUND)
            (address,) = await self.unit.read_holding(DEVICE_ADDRESS, 1, Priority.BACKGROUND, retries=1)
            await self.unit.read_coils(RELAY, self.channels, Priority.BACKGROUND, retries=1)
        except ExceptionReply as refusal:
            raise DeviceFault(
                f"{self.name}: this is no Waveshare board with {self.channels} relays. Check unit and driver. {refusal}"
            ) from refusal
        if address != self.unit.address:
            raise DeviceFault(
                f"{self.name}: register 0x4000 reads {address} where a Waveshare board holds its address "
                f"({self.unit.address}). Another device answers here: check unit and driver."
            )
        return Identity(f"Waveshare {self.model} {self.channels}CH", firmware=f"V{version / 100:.2f}")

    async def firmware(self, priority: Priority = Priority.POLL) -> int:
        """Raises DeviceFault on a V1 board."""
        (version,) = await self.unit.read_holding(FIRMWARE, 1, priority, retries=1)
        if version < FIRMWARE_MIN:
            raise DeviceFault(
                f"{self.name}: firmware {version / 100:.2f} is older than V2, whose commands differ. Use a newer board."
            )
        return version

    async def check_output(self, index: int) -> None:
        """Whether the output obeys commands at all. Raises NotArmed."""


class FlashOutput(CoilOutput):
    """One output leased by flash-on."""

    def __init__(self, board: Board, channel: int) -> None:
        self.index = channel - 1
        lease = LeaseSpec(
            FailSafe.TIMED_OUTPUT,
            LeaseScope.CHANNEL,
            min_s=TICK_S,
            max_s=board.options.lease_max_s,
            step_s=TICK_S,
            retrigger=Retrigger(board.options.retrigger),
        )
        super().__init__(board.unit, f"{board.name}.{channel}", RELAY + self.index, lease)
        self.board = board

    async def identify(self) -> Identity:
        return await self.board.identify()

    def broadcast_off(self) -> AnyRequest | None:
        return WriteCoil(0, ALL_RELAYS, False) if self.board.options.broadcast else None

    async def _arm(self, lease_s: float) -> None:
        """Nothing to set: the time travels with every command. What must hold is that the board knows the command."""
        try:
            await self.board.firmware()
        except DeviceFault as fault:
            raise NotArmed(str(fault)) from fault
        await self.board.check_output(self.index)

    def _light(self, level_pct: float, lease_s: float, *, renew: bool) -> tuple[AnyRequest, ...]:
        return (WriteCoilValue(self.unit.address, FLASH_ON + self.index, round(lease_s / TICK_S)),)

    async def _read(self, priority: Priority) -> Reading:
        (coil,) = await self.unit.read_coils(self.coil, 1, priority)
        return Reading(dark=not coil, lit=coil, level_pct=100.0 if coil else 0.0)


class FlashCutoff(FlashOutput):
    """An output as a cut-off."""

    async def close(self, lease_s: float) -> None:
        await self._lease_light(100, lease_s)

    async def open(self) -> None:
        await self._off()


class FlashEmitter(FlashOutput):
    """An output that switches a lamp: dark or full."""

    level_min_pct = 100.0
    level_step_pct = 100.0

    async def emit(self, level_pct: float, lease_s: float) -> None:
        if level_pct != 100:
            raise ValueError(f"{self.name}: a relay cannot dim; the only level is 100 %, not {level_pct} %.")
        await self._lease_light(level_pct, lease_s)

    async def dark(self) -> None:
        await self._off()


def connect(unit: Unit, name: str, options: RelayOptions) -> ConnectedDevice:
    board = Board(unit, name, options, options.channels)
    channels = range(1, options.channels + 1)
    return ConnectedDevice(
        name,
        DRIVER.name,
        board.identify,
        emitters={channel: FlashEmitter(board, channel) for channel in channels},
        cutoffs={channel: FlashCutoff(board, channel) for channel in channels},
    )


ABOUT = About(
    "Waveshare Modbus RTU Relay, eight timed relays",
    ("emitter", "cutoff"),
    FailSafe.TIMED_OUTPUT,
    "9600 8N1",
    "three public drivers and the maker's wiki",
    ("golden frames", "twin"),
)
DRIVER = Driver("waveshare-relay", RelayOptions, connect, about=ABOUT)
