"""ICP DAS tM modules with a latching host watchdog: tM-R5 (five relays) and tM-DA1P1R1 (one analog output, one relay, one contact).

Sources: tM-R5 Quick Start p.10, tM-DA1P1R1 Quick Start (base-1 there, PDU addresses here). Assumptions, unverified and configurable: any valid frame addressed
to the module feeds the watchdog (`fed_by`) whose count lasts `watchdog_tick_s`, broadcasts are obeyed, and while the timeout status is latched in mode 0 a
write of ON is acknowledged but not obeyed (`latched_write = "exception"` answers 04 instead). Settings survive a reboot.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from irctl_simulator.modbus import DEVICE_FAILURE, ILLEGAL_VALUE, ModbusError
from irctl_simulator.twins.base import NEVER, Cell, FedBy, RegisterTwin, constant, put, stored

WATCHDOG_TICK_S = 0.1
WATCHDOG_TICKS_MAX = 255


class TmModule(RegisterTwin):
    """What they share. `relays`: how many; `name`: two words of its identity."""

    relay_count: ClassVar[int]
    name_words: ClassVar[tuple[int, int]]

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
        self.relays = [0] * self.relay_count
        self.safe = [0] * self.relay_count
        self.power_on = [0] * self.relay_count
        self.mode = [0]
        self.enabled = [0]
        self.tripped = [0]
        self.timeout_ticks = [0]
        self.trips = [0]
        self._fresh = True
        self._fed_at = now
        self._map()

    def _map(self) -> None:
        put(self.coils, 0, [self._relay_cell(index) for index in range(self.relay_count)])
        put(self.coils, 128, [stored(self.safe, index, 0, 1) for index in range(self.relay_count)])
        put(self.coils, 160, [stored(self.power_on, index, 0, 1) for index in range(self.relay_count)])
        put(self.coils, 256, [stored([1], 0, 0, 1), stored([0], 0, 0, 1)])  # Modbus not DCON, RTU not ASCII
        self.coils[259] = stored(self.mode, 0, 0, 1)
        self.coils[260] = Cell(lambda _now: self.enabled[0], self._enable)
        self.coils[269] = Cell(lambda _now: self.tripped[0], self._clear)
        self.coils[272] = Cell(self._first_read, peeks=False)
        put(self.holdings, 480, [constant(word) for word in (0x0001, 0x0300, *self.name_words)])  # firmware; name
        self.holdings[484] = Cell(lambda _now: self.unit, self._readdress)
        self.holdings[485] = stored([6], 0)  # 9600, no parity, one stop bit
        self.holdings[487] = stored([0], 0, 0, 30)
        self.holdings[488] = stored(self.timeout_ticks, 0, 0, WATCHDOG_TICKS_MAX)
        self.holdings[491] = Cell(lambda _now: self.trips[0], self._clear_trips)

    def _relay_cell(self, index: int) -> Cell:
        return Cell(lambda _now: self.relays[index], lambda value, _now: self._switch(index, value))

    def _switch(self, index: int, value: int) -> None:
        if self._obeys(value):
            self.relays[index] = value

    def _obeys(self, value: int) -> bool:
        """Whether an output takes this value now: a latched trip takes only 0."""
        if self.tripped[0] and self.mode[0] == 1:
            self.tripped[0] = 0
        if self.tripped[0] and value:
            if self.latched_write == "exception":
                raise ModbusError(DEVICE_FAILURE)
            return False
        return True

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
        if not 1 <= channel <= self.relay_count:
            raise LookupError(f"a {self.kind} has relays 1..{self.relay_count}, not {channel}")
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


class TmR5(TmModule):
    kind: ClassVar[str] = "icpdas-tm-r5"
    relay_count: ClassVar[int] = 5
    name_words: ClassVar[tuple[int, int]] = (0x544D, 0x5235)  # "TMR5"


class TmDa1p1r1(TmModule):
    """Output 1 is the analog one, linear in power up to `full` counts (12 bit; the scale is in no text that was read); output 2 the relay."""

    kind: ClassVar[str] = "icpdas-tm-da1p1r1"
    relay_count: ClassVar[int] = 1
    name_words: ClassVar[tuple[int, int]] = (0x4441, 0x3131)  # assumed

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        fed_by: FedBy = "addressed",
        broadcast: bool = True,
        latched_write: Literal["ignore", "exception"] = "ignore",
        watchdog_tick_s: float = WATCHDOG_TICK_S,
        full: int = 4095,
    ) -> None:
        self.full = full
        self.analog, self.analog_safe, self.analog_power_on = [0], [0], [0]
        self.closed = [False]
        super().__init__(
            unit, now, fed_by=fed_by, broadcast=broadcast, latched_write=latched_write, watchdog_tick_s=watchdog_tick_s
        )

    def _map(self) -> None:
        super()._map()
        self.coils[32] = Cell(lambda _now: int(self.closed[0]))
        self.coils[268] = stored([0], 0, 0, 1)  # data format: hexadecimal
        self.holdings[32] = Cell(lambda _now: self.analog[0], self._drive)
        self.inputs[64] = Cell(lambda _now: self.analog[0])
        self.holdings[96] = stored(self.analog_safe, 0, 0, self.full)
        self.holdings[192] = stored(self.analog_power_on, 0, 0, self.full)

    def _drive(self, value: int, _now: float) -> None:
        if value > self.full:
            raise ModbusError(ILLEGAL_VALUE)
        if self._obeys(value):
            self.analog[0] = value

    def set_input(self, channel: int, closed: bool) -> None:
        """The contact wired to input 1 closes or opens."""
        self.closed[channel - 1] = closed

    def output(self, channel: int) -> float:
        if channel == 1:
            return self.analog[0] / self.full
        return super().output(channel - 1)

    def advance(self, now: float) -> None:
        due = self.next_event() <= now
        super().advance(now)
        if due:
            self.analog[:] = self.analog_safe

    def reboot(self, now: float) -> None:
        super().reboot(now)
        self.analog[:] = self.analog_safe if self.tripped[0] else self.analog_power_on
