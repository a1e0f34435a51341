"""R4DCB08: eight DS18B20 temperature sensors behind one Modbus unit.

Source: the vendor's document in chmelat/r4dcb08. 0x8000 is "no sensor"; 0xFD not 0 makes it transmit unasked every so many seconds.
Assumed: such a report is an FC03 answer with all eight temperatures. The corrections are kept and shown but not applied; the baud register (0xFF) is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import ClassVar

from irctl_simulator import modbus
from irctl_simulator.modbus import ILLEGAL_VALUE, ModbusError
from irctl_simulator.twins.base import NEVER, Cell, put, stored
from irctl_simulator.twins.sensing import ThermometerTwin

SENSORS = 8
NO_SENSOR = 0x8000
ANY_UNIT = 0xFF


class R4dcb08(ThermometerTwin):
    """Sensor 1 is where the station's thermometer is; the others show the room. `fitted`: how many are plugged in, from the first."""

    kind: ClassVar[str] = "r4dcb08"
    functions: ClassVar[frozenset[int]] = frozenset({3, 6})

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        source: Callable[[float], float] | None = None,
        random: Random | None = None,
        noise_c: float = 0.05,
        fitted: int = SENSORS,
        auto_report_s: int = 0,
    ) -> None:
        super().__init__(unit, now, source, random, noise_c)
        self.fitted = fitted
        self.auto_report = [auto_report_s]
        self.correction = [0] * SENSORS
        put(self.holdings, 0, [self._sensor(index) for index in range(SENSORS)])
        put(self.holdings, 8, [stored(self.correction, index) for index in range(SENSORS)])
        self.holdings[0xFD] = stored(self.auto_report, 0, 0, 255)
        self.holdings[0xFE] = Cell(lambda _now: self.unit, self._readdress)

    def _sensor(self, index: int) -> Cell:
        def read(now: float) -> int:
            if index >= self.fitted:
                return NO_SENSOR
            celsius = self.seen(now) if index == 0 else self.at_rest
            return round(celsius * 10) & 0xFFFF

        return Cell(read)

    def _readdress(self, unit: int, _now: float) -> None:
        if not 1 <= unit <= 247:
            raise ModbusError(ILLEGAL_VALUE)
        self.unit = unit

    def report_every_s(self) -> float:
        return float(self.auto_report[0]) or NEVER

    def report(self, now: float) -> bytes:
        return self.handle(bytes((modbus.READ_HOLDINGS, 0, 0, 0, SENSORS)), now)

    def answers_to(self, unit: int) -> bool:
        return unit in (self.unit, ANY_UNIT)
