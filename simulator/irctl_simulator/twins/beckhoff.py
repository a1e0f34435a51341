"""Beckhoff EK9000 and BK9000 Modbus TCP couplers: digital and analog terminals behind a watchdog that is on from the factory.

Source: infosys.beckhoff.com, EK9000 registers 0x1010 to 0x1140. Armed by the first write; fed by any telegram (0x1122 = 1) or by writes alone (0). What it does then is register
0x1123 *on an EK9000*: 0 zero, 1 freeze (on a BK9000 the same address means something else). Assumed: reading outputs back shows what the terminals do after a
fallback (`image_falls`), the next write takes effect again, analog outputs are linear in power up to `full` counts, settings survive a power cut.
"""

from __future__ import annotations

from typing import ClassVar

from irctl_simulator.twins.base import NEVER, Cell, RegisterTwin, constant, put, stored

ANALOG, DIGITAL, INPUTS = 4, 8, 8
WATCHDOG_MS = 1000
OUTPUT_IMAGE = 0x0800


class Ek9000(RegisterTwin):
    """Outputs 1 to 4 are the analog ones, 5 to 12 the digital ones."""

    kind: ClassVar[str] = "beckhoff-ek9000"
    functions: ClassVar[frozenset[int]] = frozenset({1, 2, 3, 4, 5, 6, 15, 16})

    def __init__(self, unit: int, now: float = 0.0, *, full: int = 32767, image_falls: bool = True) -> None:
        super().__init__(unit, broadcast=False)
        self.full, self.image_falls = full, image_falls
        self.analog, self.digital = [0] * ANALOG, [0] * DIGITAL
        self.closed = [False] * INPUTS
        self.time_ms, self.mode, self.fallback, self.lock = [WATCHDOG_MS], [1], [0], [1]
        self.fallbacks = 0
        self.fallen = self._armed = False
        self._fed_at = now
        put(self.coils, 0, [self._digital(index) for index in range(DIGITAL)])
        put(self.discretes, 0, [Cell(lambda _now, index=index: int(self.closed[index])) for index in range(INPUTS)])
        put(self.holdings, OUTPUT_IMAGE, [self._analog(index) for index in range(ANALOG)])
        put(self.holdings, 0x1010, [constant(16 * ANALOG), constant(0), constant(DIGITAL), constant(INPUTS)])
        self.holdings[0x1020] = Cell(lambda now: min(0xFFFF, round((now - self._fed_at) * 1000)))
        self.holdings[0x1021] = Cell(lambda _now: self.fallbacks & 0xFFFF)
        self.holdings[0x1022] = constant(1)
        self.holdings[0x1120] = stored(self.time_ms, 0, 0, 60_000)
        self.holdings[0x1122] = stored(self.mode, 0, 0, 2)
        self.holdings[0x1123] = stored(self.fallback, 0, 0, 2)
        self.holdings[0x1124] = stored(self.lock, 0, 0, 1)

    def _digital(self, index: int) -> Cell:
        return Cell(
            lambda _now: self._shown(self.digital[index]), lambda value, _now: self._write(self.digital, index, value)
        )

    def _analog(self, index: int) -> Cell:
        return Cell(
            lambda _now: self._shown(self.analog[index]), lambda value, _now: self._write(self.analog, index, value)
        )

    def _shown(self, value: int) -> int:
        return 0 if self.fallen and self.image_falls and self.fallback[0] == 0 else value

    def _write(self, image: list[int], index: int, value: int) -> None:
        if self.fallen and self.fallback[0] == 0:
            self.analog[:], self.digital[:] = [0] * ANALOG, [0] * DIGITAL
        self.fallen = False
        image[index] = value

    def set_input(self, channel: int, closed: bool) -> None:
        """A contact wired to input `channel` (1-based) closes or opens."""
        self.closed[channel - 1] = closed

    def output(self, channel: int) -> float:
        if not 1 <= channel <= ANALOG + DIGITAL:
            raise LookupError(f"this coupler has outputs 1..{ANALOG + DIGITAL}, not {channel}")
        if self.fallen and self.fallback[0] == 0:
            return 0.0
        return self.analog[channel - 1] / self.full if channel <= ANALOG else float(self.digital[channel - ANALOG - 1])

    def polled(self, function: int, now: float) -> None:
        writes = function in (5, 6, 15, 16)
        self._armed = self._armed or writes
        if writes or self.mode[0] == 1:
            self._fed_at = now

    def next_event(self) -> float:
        off = not self._armed or self.fallen or self.mode[0] == 2 or not self.time_ms[0]
        return NEVER if off else self._fed_at + self.time_ms[0] / 1000

    def advance(self, now: float) -> None:
        if self.next_event() <= now:
            self.fallen = True
            self.fallbacks += 1

    def reboot(self, now: float) -> None:
        self.analog[:], self.digital[:] = [0] * ANALOG, [0] * DIGITAL
        self.fallen = self._armed = False
        self._fed_at = now


class Bk9000(Ek9000):
    """The older coupler: no counter of fallbacks, and 0x1123 is "fast Modbus" (`fast_modbus`), which must not be taken for the EK9000's fallback."""

    kind: ClassVar[str] = "beckhoff-bk9000"

    def __init__(self, unit: int, now: float = 0.0, *, full: int = 32767, image_falls: bool = True) -> None:
        super().__init__(unit, now, full=full, image_falls=image_falls)
        self.fast_modbus = [0]
        for at in (0x1021, 0x1022, 0x1124):
            del self.holdings[at]
        self.holdings[0x1122] = stored(self.mode, 0, 0, 1)
        self.holdings[0x1123] = stored(self.fast_modbus, 0, 0, 1)
