"""Juyingele JY-DAM: eight relays, timed by FC10.

Source: new.juyingele.com, service page 2060 (start 3 + 5(n-1), command 4 = close for a time, time in 0.1 s; unit FE is answered by any). From memory: relays are
coils from 0. Not in the text, hence options: what a second order does to a running one (`retrigger`), whether a plain ON ends the timer.
"""

from __future__ import annotations

from typing import ClassVar

from irctl_simulator.modbus import ILLEGAL_VALUE, ModbusError
from irctl_simulator.twins.base import NEVER, Cell, RegisterTwin
from irctl_simulator.twins.waveshare import Retrigger

RELAYS = 8
FLASH_CLOSE, FLASH_OPEN = 4, 2
ANY_UNIT = 0xFE
TICK_S = 0.1


class JyDam(RegisterTwin):
    kind: ClassVar[str] = "jy-dam"
    functions: ClassVar[frozenset[int]] = frozenset({1, 5, 16})

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        retrigger: Retrigger = "restart",
        plain_on_ends_timer: bool = True,
        broadcast: bool = False,
    ) -> None:
        super().__init__(unit, broadcast=broadcast)
        self.retrigger, self.plain_on_ends_timer = retrigger, plain_on_ends_timer
        self.relays = [0] * RELAYS
        self.until: list[tuple[float, int]] = [(NEVER, 0)] * RELAYS
        self._command = [0] * RELAYS
        for index in range(RELAYS):
            self.coils[index] = self._relay(index)
            self.holdings[3 + 5 * index] = Cell(None, lambda value, _now, i=index: self._order(i, value))
            self.holdings[4 + 5 * index] = Cell(None, lambda value, now, i=index: self._flash(i, value, now))

    def answers_to(self, unit: int) -> bool:
        return unit in (self.unit, ANY_UNIT)

    def _relay(self, index: int) -> Cell:
        return Cell(lambda _now: self.relays[index], lambda value, _now: self._switch(index, value))

    def _switch(self, index: int, value: int) -> None:
        self.relays[index] = value
        if not value or self.plain_on_ends_timer:
            self.until[index] = (NEVER, 0)

    def _order(self, index: int, command: int) -> None:
        if command not in (FLASH_CLOSE, FLASH_OPEN):
            raise ModbusError(ILLEGAL_VALUE)
        self._command[index] = command

    def _flash(self, index: int, ticks: int, now: float) -> None:
        if not ticks:
            raise ModbusError(ILLEGAL_VALUE)
        ends, _ = self.until[index]
        if ends != NEVER and self.retrigger == "ignore":
            return
        start = ends if ends != NEVER and self.retrigger == "extend" else now
        closes = self._command[index] == FLASH_CLOSE
        self.relays[index] = int(closes)
        self.until[index] = (start + ticks * TICK_S, int(not closes))

    def output(self, channel: int) -> float:
        if not 1 <= channel <= RELAYS:
            raise LookupError(f"a JY-DAM has relays 1..{RELAYS}, not {channel}")
        return float(self.relays[channel - 1])

    def next_event(self) -> float:
        return min(self.until)[0]

    def advance(self, now: float) -> None:
        for index, (ends, state) in enumerate(self.until):
            if ends <= now:
                self.relays[index], self.until[index] = state, (NEVER, 0)

    def reboot(self, now: float) -> None:
        """All relays open (assumed)."""
        self.relays[:] = [0] * RELAYS
        self.until[:] = [(NEVER, 0)] * RELAYS
