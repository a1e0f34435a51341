"""Calex PyroMiniBus infrared thermometer: temperatures in 0.1 degC, signed.

Source: PyroMiniBus manual p.7. All writes go to non-volatile memory except 0x16 and 0x17; `nonvolatile_writes` counts them. Unit 255 is "any
single sensor", 0 a broadcast without reply. Emissivity is kept and shown but does not change the reading (skin is close to 0.98).
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import ClassVar

from irctl_simulator.modbus import ILLEGAL_VALUE, ModbusError
from irctl_simulator.twins.base import Cell, RegisterTwin, constant, int_cells, put

ANY_UNIT = 255
TYPE = 17
OBJECT_LOW_C, OBJECT_HIGH_C = -20.0, 1000.0
STATUS_OBJECT_LOW, STATUS_OBJECT_HIGH = 1 << 3, 1 << 4


class CalexPyroMiniBus(RegisterTwin):
    kind: ClassVar[str] = "calex-pyrominibus"
    functions: ClassVar[frozenset[int]] = frozenset({3, 4, 6, 16})

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        source: Callable[[float], float] = lambda _now: 24.0,
        random: Random | None = None,
        offset_c: float = 0.0,
        gain: float = 1.0,
        noise_c: float = 0.03,
        serial: int = 183_402,
    ) -> None:
        super().__init__(unit)
        self.source = source
        self.offset_c = offset_c
        self.gain = gain
        self.noise_c = noise_c
        self.fault_gain = 1.0
        self.frozen = False
        self.nonvolatile_writes = 0
        self._random = random or Random(0)
        self._shown_at = now - 1.0
        self._shown_c = 24.0
        self._extremes: list[float] = []
        self._map(serial)

    def _map(self, serial: int) -> None:
        put(self.holdings, 0, [constant(TYPE), constant(0), *int_cells(serial, 2)])
        self.holdings[4] = Cell(lambda _now: self.unit, self._readdress)
        reflected, emissivity = [240], [9800]
        self.holdings[5] = self._setting([0], 0, 1)
        self.holdings[6] = self._setting(reflected, 0, 0xFFFF)
        self.holdings[7] = self._setting(emissivity, 2000, 10_000)
        self.holdings[8] = self._setting([0], 0, 2)
        self.holdings[9] = self._setting([0], 0, 12_000)
        self.holdings[0x0A] = self._setting([0], 0, 600)
        now_c = Cell(lambda now: tenths(self.object_c(now)))
        lowest = Cell(lambda now: tenths(min(self.object_c(now), *self._extremes)))
        highest = Cell(lambda now: tenths(max(self.object_c(now), *self._extremes)))
        put(self.holdings, 0x0B, [now_c, lowest, highest, now_c, now_c, constant(tenths(26.5)), Cell(self._status)])
        self.holdings[0x16] = self._setting(reflected, 0, 0xFFFF, volatile=True)
        self.holdings[0x17] = self._setting(emissivity, 2000, 10_000, volatile=True)
        self.inputs = self.holdings

    def _setting(self, memory: list[int], low: int, high: int, *, volatile: bool = False) -> Cell:
        def write(value: int, _now: float) -> None:
            if not low <= value <= high:
                raise ModbusError(ILLEGAL_VALUE)
            self.nonvolatile_writes += not volatile
            memory[0] = value

        return Cell(lambda _now: memory[0], write)

    def _readdress(self, unit: int, _now: float) -> None:
        if not 1 <= unit <= 247:
            raise ModbusError(ILLEGAL_VALUE)
        self.nonvolatile_writes += 1
        self.unit = unit

    def answers_to(self, unit: int) -> bool:
        return unit in (self.unit, ANY_UNIT)

    def object_c(self, now: float) -> float:
        """One sample: noise is drawn once an instant, so that all registers of a block agree."""
        if self.frozen or now == self._shown_at:
            return self._shown_c
        self._shown_at = now
        noise = self._random.gauss(0.0, self.noise_c) if self.noise_c > 0 else 0.0
        self._shown_c = self.source(now) * self.gain * self.fault_gain + self.offset_c + noise
        low, high = self._extremes or (self._shown_c, self._shown_c)
        self._extremes = [min(low, self._shown_c), max(high, self._shown_c)]
        return self._shown_c

    def _status(self, now: float) -> int:
        reading = self.object_c(now)
        return STATUS_OBJECT_LOW * (reading < OBJECT_LOW_C) | STATUS_OBJECT_HIGH * (reading > OBJECT_HIGH_C)


def tenths(celsius: float) -> int:
    return min(max(round(celsius * 10.0), -0x8000), 0x7FFF)
