"""Apogee SP and Kipp & Zonen SMP pyranometers.

Sources: Apogee SQ-422X manual p. 13-14 (the layout is shared by the SP models; their own page was not read); Kipp & Zonen SMP manual, registers 0 to 26.
Assumed: the Apogee's busy flag reads 1 for `busy_s` after a commit and its value is then the last one; it refuses addresses outside 1..247; the SMP's type number and its error codes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from random import Random
from typing import ClassVar

from irctl_simulator.modbus import ILLEGAL_VALUE, ModbusError
from irctl_simulator.twins.base import Cell, constant, put
from irctl_simulator.twins.sensing import RadiometerTwin

COMMIT = 100
RESET_COEFFICIENTS = 190


def float_cells(read: Callable[[float], float]) -> list[Cell]:
    """An IEEE 754 single in two registers, high word first."""

    def word(index: int) -> Callable[[float], int]:
        return lambda now: struct.unpack(">HH", struct.pack(">f", read(now)))[index]

    return [Cell(word(0)), Cell(word(1))]


class ApogeeSp(RadiometerTwin):
    """Settings take effect only once register 100 is written; `applied` tells what is in effect."""

    kind: ClassVar[str] = "apogee-sp"
    functions: ClassVar[frozenset[int]] = frozenset({3, 16})

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        source: Callable[[float], float] | None = None,
        random: Random | None = None,
        noise_w_m2: float = 0.5,
        busy_s: float = 0.5,
    ) -> None:
        super().__init__(unit, now, source, random, noise_w_m2)
        self.busy_s = busy_s
        self.busy_until = now
        self.coefficients_reset = False
        self.waiting: dict[int, float] = {16: float(unit)}
        self.applied: dict[int, float] = dict(self.waiting)
        put(self.holdings, 0, float_cells(self.seen))
        put(self.holdings, 2, float_cells(lambda now: self.seen(now) * 0.057))  # assumed sensitivity, mV per W/m²
        put(self.holdings, 10, float_cells(lambda now: float(now < self.busy_until)))
        put(self.holdings, 12, float_cells(lambda _now: 1.2))
        put(self.holdings, 40, [Cell(lambda now: round(self.seen(now) * 10) & 0xFFFF)])
        self._setting(16)
        self.holdings[COMMIT] = Cell(None, self._commit)
        self.holdings[RESET_COEFFICIENTS] = Cell(None, self._reset)

    def _setting(self, at: int) -> None:
        halves = [0, 0]

        def write(index: int) -> Callable[[int, float], None]:
            def into(value: int, _now: float) -> None:
                halves[index] = value
                self.waiting[at] = struct.unpack(">f", struct.pack(">HH", *halves))[0]

            return into

        cells = float_cells(lambda _now: self.waiting[at])
        put(self.holdings, at, [Cell(cell.read, write(index)) for index, cell in enumerate(cells)])

    def seen(self, now: float) -> float:
        return self._shown if now < self.busy_until else super().seen(now)

    def _commit(self, value: int, now: float) -> None:
        if not value:
            return
        address = self.waiting[16]
        if not (math.isfinite(address) and 1 <= round(address) <= 247):
            raise ModbusError(ILLEGAL_VALUE)
        self.unit = round(address)
        self.applied = dict(self.waiting)
        self.busy_until = now + self.busy_s

    def _reset(self, _value: int, _now: float) -> None:
        self.coefficients_reset = True


class KippZonenSmp(RadiometerTwin):
    """`scale`: radiation is the register divided by ten to its power; -1 for a very strong source. `status`: 0 is no error."""

    kind: ClassVar[str] = "kipp-zonen-smp"
    functions: ClassVar[frozenset[int]] = frozenset({3, 4, 6, 16})

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        source: Callable[[float], float] | None = None,
        random: Random | None = None,
        noise_w_m2: float = 0.5,
        scale: int = 0,
        type_number: int = 602,
    ) -> None:
        super().__init__(unit, now, source, random, noise_w_m2)
        self.scale = scale
        self.status = 0
        radiation = Cell(lambda now: self._signed(self.seen(now) * 10.0**self.scale))
        put(
            self.inputs,
            0,
            [
                constant(type_number),
                constant(300),
                constant(1),
                Cell(lambda _now: self.status),
                Cell(lambda _now: self.scale & 0xFFFF),
                radiation,
                radiation,
                constant(0),
                constant(241),  # body, x0.1 °C
                constant(240),  # supply, x0.1 V
            ],
        )
        self.holdings |= self.inputs
        self.holdings[34] = Cell(lambda _now: self.scale & 0xFFFF, self._rescale)

    def _signed(self, value: float) -> int:
        return min(max(round(value), -0x8000), 0x7FFF) & 0xFFFF

    def _rescale(self, value: int, _now: float) -> None:
        scale = value - 0x1_0000 if value >= 0x8000 else value
        if not -1 <= scale <= 2:
            raise ModbusError(ILLEGAL_VALUE)
        self.scale = scale
