"""Wiren Board WB-MR6C v3 (six relays) and WB-MAO4 (four outputs 0-10 V), with the maker's safety mode.

Sources: the vendor's own templates config-wb-mr6cv3 and config-wb-mao4-fw-2.9. Assumptions, as of the MDM3: which frames feed the safety poll timeout
(`fed_by`), how long one count of it lasts, that broadcasts are obeyed; of the MAO4 that power is linear in the level.
"""

from __future__ import annotations

from typing import ClassVar

from irctl_simulator.modbus import ILLEGAL_VALUE, ModbusError
from irctl_simulator.twins.base import NEVER, Cell, FedBy, RegisterTwin, int_cells, put, stored

FIRMWARE_CELLS = 16
SAFETY_TIMEOUT_S = 10


class SafetyModeTwin(RegisterTwin):
    """The common registers, and a poll timeout that leads to `enter_safety_mode`."""

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        serial: int = 5_012_345,
        fed_by: FedBy = "addressed",
        broadcast: bool = True,
        safety_unit_s: float = 1.0,
    ) -> None:
        super().__init__(unit, broadcast=broadcast)
        self.fed_by, self.safety_unit_s = fed_by, safety_unit_s
        self.timeout = [SAFETY_TIMEOUT_S]
        self.safety_mode = False
        self._fed_at = now
        self.holdings[8] = stored(self.timeout, 0, 1, 65534)
        self.holdings[128] = Cell(lambda _now: self.unit, self._readdress)
        put(self.inputs, 270, int_cells(serial, 2))

    def enter_safety_mode(self) -> None:
        """What each output does now."""
        raise NotImplementedError

    def _readdress(self, unit: int, _now: float) -> None:
        if not 1 <= unit <= 247:
            raise ModbusError(ILLEGAL_VALUE)
        self.unit = unit

    def polled(self, function: int, now: float) -> None:
        if self.fed_by != "writes" or function in (5, 6, 15, 16):
            self._feed(now)

    def overheard(self, now: float) -> None:
        if self.fed_by == "any":
            self._feed(now)

    def _feed(self, now: float) -> None:
        self._fed_at, self.safety_mode = now, False

    def next_event(self) -> float:
        return NEVER if self.safety_mode else self._fed_at + self.timeout[0] * self.safety_unit_s

    def advance(self, now: float) -> None:
        if self.next_event() <= now:
            self.safety_mode = True
            self.enter_safety_mode()


class Mr6cV3(SafetyModeTwin):
    """Outputs 1 to 6 are the relays. From the factory the safety mode leaves them as they are (registers 938..: 0)."""

    kind: ClassVar[str] = "wirenboard-mr6c-v3"
    relays_count: ClassVar[int] = 6

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        serial: int = 5_012_345,
        fed_by: FedBy = "addressed",
        broadcast: bool = True,
        safety_unit_s: float = 1.0,
    ) -> None:
        super().__init__(unit, now, serial=serial, fed_by=fed_by, broadcast=broadcast, safety_unit_s=safety_unit_s)
        count = self.relays_count
        self.relays, self.safe, self.behaviour, self.timer = [0] * count, [0] * count, [0] * count, [0] * count
        self.pulse_ticks, self.until = [3] * count, [NEVER] * count
        self.power_on, self.trigger, self.input_setup = [0], [0], [1]
        self.closed = [False] * count
        put(self.coils, 0, [self._relay(index) for index in range(count)])
        put(self.discretes, 96, [Cell(lambda _now, index=index: self.relays[index]) for index in range(count)])
        put(self.discretes, 0, [Cell(lambda _now, index=index: int(self.closed[index])) for index in range(count)])
        self.holdings[5] = stored(self.input_setup, 0, 0, 2)
        self.holdings[6] = stored(self.power_on, 0, 0, 2)
        self.holdings[19] = stored(self.trigger, 0, 0, 2)
        for at, memory, high in (
            (930, self.safe, 1),
            (938, self.behaviour, 1),
            (1760, self.timer, 5),
            (1784, self.pulse_ticks, 65000),
        ):
            put(self.holdings, at, [stored(memory, index, 0, high) for index in range(count)])

    def _relay(self, index: int) -> Cell:
        return Cell(lambda _now: self.relays[index], lambda value, now: self._switch(index, value, now))

    def _switch(self, index: int, value: int, now: float) -> None:
        self.relays[index] = value
        pulsed = value and self.timer[index] == 3
        self.until[index] = now + self.pulse_ticks[index] / 10 if pulsed else NEVER

    def set_input(self, channel: int, closed: bool) -> None:
        """A contact wired to input `channel` (1-based); with the factory's input control it switches its relay, too."""
        index = channel - 1
        self.closed[index] = closed
        if self.input_setup[0]:
            self.relays[index] = int(closed)

    def output(self, channel: int) -> float:
        if not 1 <= channel <= self.relays_count:
            raise LookupError(f"a MR6C has relays 1..{self.relays_count}, not {channel}")
        return float(self.relays[channel - 1])

    def next_event(self) -> float:
        return min(super().next_event(), *self.until)

    def advance(self, now: float) -> None:
        for index, until in enumerate(self.until):
            if until <= now:
                self.relays[index], self.until[index] = 0, NEVER
        super().advance(now)

    def enter_safety_mode(self) -> None:
        if self.trigger[0] == 1:
            return
        for index in range(self.relays_count):
            if self.behaviour[index]:
                self.relays[index] = self.safe[index]

    def reboot(self, now: float) -> None:
        if self.power_on[0] == 0:
            self.relays[:] = self.safe
        self._feed(now)


class Mao4(SafetyModeTwin):
    """Outputs 1 to 4: the level while switched on. Safety action 0 none, 1 off, 2 on, 3 level; the factory's is option `safety_action`."""

    kind: ClassVar[str] = "wirenboard-mao4"
    channels_count: ClassVar[int] = 4

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        serial: int = 5_054_321,
        fed_by: FedBy = "addressed",
        broadcast: bool = True,
        safety_unit_s: float = 1.0,
        safety_action: int = 0,
    ) -> None:
        super().__init__(unit, now, serial=serial, fed_by=fed_by, broadcast=broadcast, safety_unit_s=safety_unit_s)
        count = self.channels_count
        self.on, self.level = [0] * count, [0] * count
        self.action, self.safe_level = [safety_action] * count, [0] * count
        self.power_up, self.power_up_level = [1] * count, [0] * count
        for index in range(count):
            self.coils[16 + index] = stored(self.on, index, 0, 1)
            self.holdings[index] = Cell(lambda _now, i=index: self.level[i] * 100 * self.on[i])  # mV
            self.holdings[20 + index] = Cell(lambda _now, i=index: self.level[i], self._with_switch(index))
        for at, memory, high in (
            (16, self.level, 100), (648, self.action, 3), (656, self.safe_level, 100), (664, self.power_up, 3),
            (672, self.power_up_level, 100),
        ):  # fmt: skip
            put(self.holdings, at, [stored(memory, index, 0, high) for index in range(count)])

    def _with_switch(self, index: int):
        def write(value: int, _now: float) -> None:
            if value > 100:
                raise ModbusError(ILLEGAL_VALUE)
            self.level[index], self.on[index] = value, 1

        return write

    def output(self, channel: int) -> float:
        if not 1 <= channel <= self.channels_count:
            raise LookupError(f"a MAO4 has outputs 1..{self.channels_count}, not {channel}")
        return self.on[channel - 1] * self.level[channel - 1] / 100

    def enter_safety_mode(self) -> None:
        for index, action in enumerate(self.action):
            self._act(index, action, self.safe_level[index])

    def _act(self, index: int, action: int, level: int) -> None:
        if action == 1:
            self.on[index] = 0
        elif action == 2:
            self.on[index] = 1
        elif action == 3:
            self.on[index], self.level[index] = 1, level

    def reboot(self, now: float) -> None:
        for index, action in enumerate(self.power_up):
            if action != 1:  # 1: as it was
                self._act(index, 1 if action == 0 else action, self.power_up_level[index])
        self._feed(now)
