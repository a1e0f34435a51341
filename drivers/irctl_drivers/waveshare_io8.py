"""Waveshare Modbus RTU IO 8CH: eight inputs for interlocks, eight outputs leased as on the relay board.

Registers from waveshare.com/wiki/Modbus_RTU_IO_8CH as quoted by public drivers; zero-based. An input reads 1 when its circuit is
closed: wire interlocks so that opening them, or losing the wire, opens the circuit.
"""

from __future__ import annotations

import asyncio

from irctl.bus.bus import Priority
from irctl.bus.errors import ExceptionReply
from irctl.bus.unit import Unit
from irctl.devices.registry import About, ConnectedDevice, Driver
from irctl.devices.roles import DeviceFault, FailSafe, Identity, NotArmed
from irctl_drivers.waveshare_relay import Board, FlashCutoff, FlashEmitter, FlashOptions

CHANNELS = 8

INPUT = 0x0000  # discrete inputs
OUTPUT_MODE = 0x1000  # holding: 0 obeys commands, 1 follows its input, 2 toggled by its input
MODE_COMMAND = 0

SHARED_S = 0.01
"""Inputs asked for within this time share one frame. No longer: an answer must not pass for younger than its question."""


class Io8(Board):
    """The board. Its output modes tell it from a relay board."""

    model = "Modbus RTU IO"
    _asked: asyncio.Task[tuple[bool, ...]] | None = None
    _asked_s = 0.0

    async def inputs(self) -> tuple[bool, ...]:
        """All inputs, closed or not; whoever asks at the same moment hears the same answer."""
        asked, now_s = self._asked, asyncio.get_running_loop().time()
        if asked is None or now_s - self._asked_s > SHARED_S:
            asked = asyncio.create_task(self.unit.read_discrete(INPUT, CHANNELS))
            asked.add_done_callback(lambda asked: asked.cancelled() or asked.exception())
            self._asked, self._asked_s = asked, now_s
        return await asyncio.shield(asked)

    async def identify(self) -> Identity:
        try:
            await self.unit.read_holding(OUTPUT_MODE, CHANNELS, Priority.BACKGROUND, retries=1)
        except ExceptionReply as refusal:
            raise DeviceFault(
                f"{self.name}: this is no Waveshare IO 8CH: it has no output modes. {refusal}"
            ) from refusal
        return await super().identify()

    async def check_output(self, index: int) -> None:
        (mode,) = await self.unit.read_holding(OUTPUT_MODE + index, 1, retries=1)
        if mode != MODE_COMMAND:
            raise NotArmed(
                f"{self.name}.{index + 1}: this output is linked to an input (mode {mode}), which could switch it on. "
                f"Set its control mode (register 0x{OUTPUT_MODE + index:04X}) to 0."
            )


class InputContact:
    """One input. All eight are read: the frame is as short, and the same for all."""

    def __init__(self, board: Io8, channel: int) -> None:
        self.board = board
        self.name = f"{board.name}.{channel}"
        self.index = channel - 1

    async def identify(self) -> Identity:
        return await self.board.identify()

    async def closed(self) -> bool:
        return (await self.board.inputs())[self.index]


def connect(unit: Unit, name: str, options: FlashOptions) -> ConnectedDevice:
    board = Io8(unit, name, options, CHANNELS)
    channels = range(1, CHANNELS + 1)
    return ConnectedDevice(
        name,
        DRIVER.name,
        board.identify,
        emitters={channel: FlashEmitter(board, channel) for channel in channels},
        cutoffs={channel: FlashCutoff(board, channel) for channel in channels},
        contacts={channel: InputContact(board, channel) for channel in channels},
    )


ABOUT = About(
    "Waveshare Modbus RTU IO 8CH",
    ("contact", "emitter", "cutoff"),
    FailSafe.TIMED_OUTPUT,
    "9600 8N1",
    "three public drivers and the maker's wiki",
    ("golden frames", "twin"),
)
DRIVER = Driver("waveshare-io8", FlashOptions, connect, about=ABOUT)
