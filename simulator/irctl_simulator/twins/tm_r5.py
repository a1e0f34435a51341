"""ICP DAS tM-R5: five relays with a latching host watchdog.

Source: tM-R5 Quick Start p.10 (base-1 there, PDU addresses here). Assumptions, unverified and configurable: any valid frame addressed
to the module feeds the watchdog (`fed_by`) whose count lasts `watchdog_tick_s`, broadcasts are obeyed, and while the timeout status is latched in mode 0 a
write of ON is acknowledged but not obeyed (`latched_write = "exception"` answers 04 instead). Settings survive a reboot.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from irctl_simulator.modbus import DEVICE_FAILURE, ILLEGAL_VALUE, ModbusError
from irctl_simulator.twins.base import NEVER, Cell, FedBy, RegisterTwin, constant, put, stored

RELAYS = 5
WATCHDOG_TICK_S = 0.1
WATCHDOG_TICKS_MAX = 255


class TmR5(RegisterTwin):
    kind: ClassVar[str] = "icpdas-tm-r5"

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        fed_by: FedBy = "addressed",
        broadcast: bool = True,
        latched_write: Literal["ignore", "exception"] = "ignore",
        watchdog_tick_s: float = WATCHDOG_TICK_S,
    ) -> None:
        super().__init__(unit, broadcast=broadcast)
        self.fed_by = fed_by
        self.latched_write = latched_write
        self.watchdog_tick_s = watchdog_tick_s
        self.relays = [0] * RELAYS
        self.safe = [0] * RELAYS
        self.power_on = [0] * RELAYS
        self.mode = [0]
        self.enabled = [0]
        self.tripped = [0]
        self.timeout_ticks = [0]
        self.trips = [0]
        self._fresh = True
        self._fed_at = now
        self._map()

    def _map(self) -> None:
        put(self.coils, 0, [self._relay_cell(index) for index in range(RELAYS)])
        put(self.coils, 128, [stored(self.safe, index, 0, 1) for index in range(RELAYS)])
        put(self.coils, 160, [stored(self.power_on, index, 0, 1) for index in range(RELAYS)])
        put(self.coils, 256, [stored([1], 0, 0, 1), stored([0], 0, 0, 1)])  # Modbus not DCON, RTU not ASCII
        self.coils[259] = stored(self.mode, 0, 0, 1)
        self.coils[260] = Cell(lambda _now: self.enabled[0], self._enable)
        self.coils[269] = Cell(lambda _now: self.tripped[0], self._clear)
        self.coils[272] = Cell(self._first_read)
        put(self.holdings, 480, [constant(word) for word in (0x0001, 0x0300, 0x544D, 0x5235)])  # firmware; name "TMR5"
        self.holdings[484] = Cell(lambda _now: self.unit, self._readdress)
        self.holdings[485] = stored([6], 0)  # 9600, no parity, one stop bit
        self.holdings[487] = stored([0], 0, 0, 30)
        self.holdings[488] = stored(self.timeout_ticks, 0, 0, WATCHDOG_TICKS_MAX)
        self.holdings[491] = Cell(lambda _now: self.trips[0], self._clear_trips)

    def _relay_cell(self, index: int) -> Cell:
        return Cell(lambda _now: self.relays[index], lambda value, _now: self._switch(index, value))

    def _switch(self, index: int, value: int) -> None:
        if self.tripped[0] and self.mode[0] == 1:
            self.tripped[0] = 0
        if self.tripped[0] and value:
            if self.latched_write == "exception":
                raise ModbusError(DEVICE_FAILURE)
            return
        self.relays[index] = value

    def _enable(self, value: int, now: float) -> None:
        self.enabled[0] = value
        self._fed_at = now

    def _clear(self, value: int, now: float) -> None:
        if value:
            self.tripped[0] = 0
            self._fed_at = now

    def _clear_trips(self, value: int, _now: float) -> None:
        if value:
            raise ModbusError(ILLEGAL_VALUE)
        self.trips[0] = 0

    def _first_read(self, _now: float) -> int:
        fresh, self._fresh = self._fresh, False
        return int(fresh)

    def _readdress(self, unit: int, _now: float) -> None:
        if not 1 <= unit <= 247:
            raise ModbusError(ILLEGAL_VALUE)
        self.unit = unit

    def output(self, channel: int) -> float:
        if not 1 <= channel <= RELAYS:
            raise LookupError(f"a tM-R5 has relays 1..{RELAYS}, not {channel}")
        return float(self.relays[channel - 1])

    def polled(self, function: int, now: float) -> None:
        if self.fed_by != "writes" or function in (5, 6, 15, 16):
            self._fed_at = now

    def overheard(self, now: float) -> None:
        if self.fed_by == "any":
            self._fed_at = now

    def next_event(self) -> float:
        if not self.enabled[0] or self.tripped[0] or not self.timeout_ticks[0]:
            return NEVER
        return self._fed_at + self.timeout_ticks[0] * self.watchdog_tick_s

    def advance(self, now: float) -> None:
        if self.next_event() <= now:
            self.relays[:] = self.safe
            self.tripped[0] = 1
            self.trips[0] += 1

    def reboot(self, now: float) -> None:
        """Power-on values appear, the reset status is fresh again; the trip stays latched (EEPROM on this family)."""
        self.relays[:] = self.safe if self.tripped[0] else self.power_on
        self._fresh = True
        self._fed_at = now
