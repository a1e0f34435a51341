"""Waveshare Modbus RTU Relay (8, 16 or 32 channels) and Modbus RTU IO 8CH.

Sources: public drivers and a register map quoting the vendor's wiki, protocol V3 (see the facts sheet; the wiki itself was not read).
Flash-on is FC05 at 0x0200+n with the duration in 0.1 s as value. Unverified, hence options: what a second flash-on does to a running one
(`retrigger`), whether a plain ON cancels the timer (`plain_on_cancels_flash`, True is the dangerous reading),
the longest duration, and that a duration of 0 is refused. FC06 flash is refused unless `flash_fc06`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from irctl_simulator import modbus
from irctl_simulator.modbus import ILLEGAL_ADDRESS, ILLEGAL_VALUE, ModbusError
from irctl_simulator.twins.base import NEVER, Cell, RegisterTwin, put, stored

ALL = 0x00FF
TOGGLE_ALL = 0x01FF
FLASH_ON = 0x0200
FLASH_OFF = 0x0400
CONTROL_MODE = 0x1000
UART = 0x2000
ADDRESS = 0x4000
VERSION = 0x8000

TOGGLE = 0x5500
FLASH_TICK_S = 0.1
FLASH_TICKS_MAX = 0x7FFF

MODE_COMMAND, MODE_LINKED, MODE_TOGGLE = 0, 1, 2

Retrigger = Literal["restart", "ignore", "extend"]


class WaveshareRelay(RegisterTwin):
    kind: ClassVar[str] = "waveshare-relay"
    functions: ClassVar[frozenset[int]] = frozenset({1, 3, 5, 6, 15, 16})

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        channels: int = 8,
        retrigger: Retrigger = "restart",
        plain_on_cancels_flash: bool = True,
        flash_fc06: bool = False,
        flash_ticks_max: int = FLASH_TICKS_MAX,
        broadcast: bool = True,
        firmware: int = 400,
    ) -> None:
        super().__init__(unit, broadcast=broadcast)
        self.retrigger = retrigger
        self.plain_on_cancels_flash = plain_on_cancels_flash
        self.flash_ticks_max = flash_ticks_max
        self.relays = [False] * channels
        self.until: list[tuple[float, bool]] = [(NEVER, False)] * channels
        """When a running flash ends, and the state it ends in."""
        for index in range(channels):
            self.coils[index] = self._relay_cell(index)
            if flash_fc06:
                self.holdings[FLASH_ON + index] = self._flash_cell(index)
        self.holdings[UART] = stored([0x0001], 0)  # no parity, 9600
        self.holdings[ADDRESS] = Cell(lambda _now: self.unit, self._readdress)
        self.holdings[VERSION] = Cell(lambda _now: firmware)

    def _relay_cell(self, index: int) -> Cell:
        return Cell(lambda _now: int(self.relays[index]), lambda value, now: self._switch(index, bool(value), now))

    def _flash_cell(self, index: int) -> Cell:
        return Cell(None, lambda value, now: self._flash(index, value, now, on=True))

    def _readdress(self, unit: int, _now: float) -> None:
        if not 1 <= unit <= 255:
            raise ModbusError(ILLEGAL_VALUE)
        self.unit = unit

    def write_coil(self, address: int, value: int, now: float) -> None:
        count = len(self.relays)
        if FLASH_ON <= address < FLASH_ON + count:
            self._flash(address - FLASH_ON, value, now, on=True)
        elif FLASH_OFF <= address < FLASH_OFF + count:
            self._flash(address - FLASH_OFF, value, now, on=False)
        elif address == ALL:
            for index in range(count):
                self._command(index, value, now)
        elif address == TOGGLE_ALL:
            for index in range(count):
                self._command(index, TOGGLE, now)
        elif address < count:
            self._command(address, value, now)
        else:
            raise ModbusError(ILLEGAL_ADDRESS)

    def _command(self, index: int, value: int, now: float) -> None:
        match value:
            case modbus.COIL_ON:
                self._switch(index, True, now)
            case modbus.COIL_OFF:
                self._switch(index, False, now)
            case _ if value == TOGGLE:
                self._switch(index, not self.relays[index], now)
            case _:
                raise ModbusError(ILLEGAL_VALUE)

    def _switch(self, index: int, on: bool, _now: float) -> None:
        self.relays[index] = on
        if not on or self.plain_on_cancels_flash:
            self.until[index] = (NEVER, False)

    def _flash(self, index: int, ticks: int, now: float, *, on: bool) -> None:
        if not 1 <= ticks <= self.flash_ticks_max:
            raise ModbusError(ILLEGAL_VALUE)
        ends, _ = self.until[index]
        if ends != NEVER and self.retrigger == "ignore":
            return
        start = ends if ends != NEVER and self.retrigger == "extend" else now
        self.relays[index] = on
        self.until[index] = (start + ticks * FLASH_TICK_S, not on)

    def output(self, channel: int) -> float:
        if not 1 <= channel <= len(self.relays):
            raise LookupError(f"this module has relays 1..{len(self.relays)}, not {channel}")
        return float(self.relays[channel - 1])

    def next_event(self) -> float:
        return min(self.until)[0]

    def advance(self, now: float) -> None:
        for index, (ends, state) in enumerate(self.until):
            if ends <= now:
                self.relays[index] = state
                self.until[index] = (NEVER, False)

    def reboot(self, now: float) -> None:
        """All relays open. (Unverified; the vendor's text read says nothing of the state at power-on.)"""
        self.relays[:] = [False] * len(self.relays)
        self.until[:] = [(NEVER, False)] * len(self.relays)


class WaveshareIo8(WaveshareRelay):
    """Eight inputs and eight outputs; inputs read 1 while their contact is closed."""

    kind: ClassVar[str] = "waveshare-io8"
    functions: ClassVar[frozenset[int]] = frozenset({1, 2, 3, 5, 6, 15, 16})

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        retrigger: Retrigger = "restart",
        plain_on_cancels_flash: bool = True,
        broadcast: bool = True,
        firmware: int = 400,
    ) -> None:
        super().__init__(
            unit,
            now,
            retrigger=retrigger,
            plain_on_cancels_flash=plain_on_cancels_flash,
            broadcast=broadcast,
            firmware=firmware,
        )
        self.closed = [False] * 8
        self.control_mode = [MODE_COMMAND] * 8
        put(self.discretes, 0, [self._input_cell(index) for index in range(8)])
        put(self.holdings, CONTROL_MODE, [stored(self.control_mode, index, 0, 2) for index in range(8)])

    def _input_cell(self, index: int) -> Cell:
        return Cell(lambda _now: int(self.closed[index]))

    def set_input(self, channel: int, closed: bool) -> None:
        """A contact wired to input `channel` (1-based) closes or opens."""
        index = channel - 1
        if closed == self.closed[index]:
            return
        self.closed[index] = closed
        if self.control_mode[index] == MODE_LINKED:
            self.relays[index] = closed
        elif self.control_mode[index] == MODE_TOGGLE and closed:
            self.relays[index] = not self.relays[index]
