"""A bus with one device on it: tables of bits and registers, and every frame that was asked of it, by the bytes."""

from __future__ import annotations

from typing import Any, cast

from irctl.bus.bus import Priority, UnitTiming
from irctl.bus.errors import ExceptionReply
from irctl.bus.modbus import AnyRequest
from irctl.bus.unit import Unit
from irctl.devices.mapped import DeviceMap, driver_of
from irctl.devices.registry import ConnectedDevice

COIL_ON = 0xFF00


class Tables:
    """Answers as Modbus says; writes are kept unless `deaf`. `asked`: PDUs."""

    def __init__(self, unit: int = 1) -> None:
        self.unit = unit
        self.bits: dict[tuple[str, int], int] = {}
        self.words: dict[tuple[str, int], int] = {}
        self.asked: list[bytes] = []
        self.deaf: set[int] = set()

    def holding(self, first: int, *words: int) -> Tables:
        self.words |= {("holding", first + n): word & 0xFFFF for n, word in enumerate(words)}
        return self

    def input(self, first: int, *words: int) -> Tables:
        self.words |= {("input", first + n): word & 0xFFFF for n, word in enumerate(words)}
        return self

    def coil(self, first: int, *bits: int) -> Tables:
        self.bits |= {("coil", first + n): bit for n, bit in enumerate(bits)}
        return self

    # --- a bus ---------------------------------------------------------------------------------------------------------------

    def add_unit(self, unit: int, timing: UnitTiming) -> None:
        assert unit == self.unit

    async def transact(self, request: AnyRequest, priority: Priority = Priority.POLL, retries: int = 0) -> Any:
        pdu = request.pdu()
        self.asked.append(pdu)
        function, at, argument = pdu[0], int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
        match function:
            case 1 | 2:
                area = "coil" if function == 1 else "discrete"
                return tuple(bool(self._held(self.bits, (area, at + n), request)) for n in range(argument))
            case 3 | 4:
                area = "holding" if function == 3 else "input"
                return tuple(self._held(self.words, (area, at + n), request) for n in range(argument))
            case 5:
                if at not in self.deaf:
                    self.bits["coil", at] = int(argument == COIL_ON)
            case 6:
                self._write(at, argument)
            case _:
                for n in range(argument):
                    self._write(at + n, int.from_bytes(pdu[6 + 2 * n : 8 + 2 * n], "big"))
        return None

    def _held(self, table: dict[tuple[str, int], int], key: tuple[str, int], request: AnyRequest) -> int:
        if key not in table:
            raise ExceptionReply("wire", self.unit, 2, f"{key} is not there", str(request))
        return table[key]

    def _write(self, at: int, word: int) -> None:
        if at not in self.deaf:
            self.words["holding", at] = word


def connected(told: DeviceMap, tables: Tables, **options: object) -> ConnectedDevice:
    driver = driver_of(told)
    unit = Unit(cast("Any", tables), tables.unit, driver.timing)
    return driver.connect(unit, "dut", driver.parse_options("dut", options))
