"""What every twin is: registers behind Modbus functions, timers told the time, outputs and inputs.

Time is always passed in (`now`, seconds on the station's clock); a twin never reads a clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from irctl_simulator import modbus
from irctl_simulator.modbus import ModbusError

NEVER = math.inf

ReadCell = Callable[[float], int]
WriteCell = Callable[[int, float], None]
FedBy = Literal["addressed", "any", "writes"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One register or bit: how it is read and written; None where the device does not allow it. `peeks`: reading it changes nothing."""

    read: ReadCell | None
    write: WriteCell | None = None
    peeks: bool = True


Table = dict[int, Cell]


class Twin(Protocol):
    """A device as the line and the station see it."""

    kind: ClassVar[str]
    unit: int

    def answers_to(self, unit: int) -> bool: ...
    def obeys_broadcast(self) -> bool: ...
    def handle(self, pdu: bytes, now: float) -> bytes: ...
    def overheard(self, now: float) -> None: ...
    def next_event(self) -> float: ...
    def advance(self, now: float) -> None: ...
    def reboot(self, now: float) -> None: ...
    def output(self, channel: int) -> float: ...


class RegisterTwin:
    """Register tables and the Modbus functions over them; devices fill the tables and override the timers.

    Unmapped cells answer exception 02, wrong counts and values 03, functions not in `functions` 01.
    """

    kind: ClassVar[str] = ""
    functions: ClassVar[frozenset[int]] = frozenset({1, 2, 3, 4, 5, 6, 15, 16})

    def __init__(self, unit: int, *, broadcast: bool = True) -> None:
        self.unit = unit
        self.broadcast = broadcast
        self.coils: Table = {}
        self.discretes: Table = {}
        self.holdings: Table = {}
        self.inputs: Table = {}

    def answers_to(self, unit: int) -> bool:
        return unit == self.unit

    def obeys_broadcast(self) -> bool:
        return self.broadcast

    def next_event(self) -> float:
        """When a timer of this device is due; `NEVER` without one."""
        return NEVER

    def advance(self, now: float) -> None:
        """Run the timers due at `now`."""

    def polled(self, function: int, now: float) -> None:
        """A valid frame addressed to this device (or broadcast) has come in."""

    def overheard(self, now: float) -> None:
        """A valid frame for somebody else went by."""

    def reboot(self, now: float) -> None:
        """Power lost and restored."""

    def report_every_s(self) -> float:
        """How often this device transmits unasked; `NEVER` for one that waits to be asked."""
        return NEVER

    def report(self, now: float) -> bytes:
        """The PDU it then sends."""
        raise LookupError(f"{self.kind} sends nothing unasked")

    def output(self, channel: int) -> float:
        """Mean-square voltage passed by output `channel` (1-based), as a fraction of the mains'."""
        raise LookupError(f"{self.kind} has no output {channel}")

    def handle(self, pdu: bytes, now: float) -> bytes:
        """Obey one request; returns the reply PDU (an exception PDU where the device refuses)."""
        function = pdu[0]
        self.polled(function, now)
        try:
            if function not in self.functions:
                raise ModbusError(modbus.ILLEGAL_FUNCTION)
            return self._dispatch(function, pdu, now)
        except ModbusError as refusal:
            return modbus.exception_pdu(function, refusal.code)

    def _dispatch(self, function: int, pdu: bytes, now: float) -> bytes:
        if len(pdu) < 5:
            raise ModbusError(modbus.ILLEGAL_VALUE)
        address = pdu[1] << 8 | pdu[2]
        argument = pdu[3] << 8 | pdu[4]
        match function:
            case modbus.READ_COILS:
                return self._read_bits(function, self.coils, address, argument, now)
            case modbus.READ_DISCRETES:
                return self._read_bits(function, self.discretes, address, argument, now)
            case modbus.READ_HOLDINGS:
                return self._read_words(function, self.holdings, address, argument, now)
            case modbus.READ_INPUTS:
                return self._read_words(function, self.inputs, address, argument, now)
            case modbus.WRITE_COIL:
                self.write_coil(address, argument, now)
                return pdu[:5]
            case modbus.WRITE_REGISTER:
                _write(self.holdings, address, [argument], now)
                return pdu[:5]
            case modbus.WRITE_COILS:
                self._write_coils(address, argument, pdu, now)
                return pdu[:5]
            case modbus.WRITE_REGISTERS:
                self._write_words(address, argument, pdu, now)
                return pdu[:5]
            case _:
                raise ModbusError(modbus.ILLEGAL_FUNCTION)

    def write_coil(self, address: int, value: int, now: float) -> None:
        """FC05; devices with other values than FF00/0000 override."""
        if value not in (modbus.COIL_ON, modbus.COIL_OFF):
            raise ModbusError(modbus.ILLEGAL_VALUE)
        _write(self.coils, address, [int(value == modbus.COIL_ON)], now)

    def _read_bits(self, function: int, table: Table, address: int, count: int, now: float) -> bytes:
        if not 1 <= count <= 2000:
            raise ModbusError(modbus.ILLEGAL_VALUE)
        packed = modbus.pack_bits([bool(value) for value in _read(table, address, count, now)])
        return bytes((function, len(packed))) + packed

    def _read_words(self, function: int, table: Table, address: int, count: int, now: float) -> bytes:
        if not 1 <= count <= 125:
            raise ModbusError(modbus.ILLEGAL_VALUE)
        words = b"".join((value & 0xFFFF).to_bytes(2, "big") for value in _read(table, address, count, now))
        return bytes((function, len(words))) + words

    def _write_coils(self, address: int, count: int, pdu: bytes, now: float) -> None:
        size = (count + 7) // 8
        if not 1 <= count <= 1968 or len(pdu) != 6 + size or pdu[5] != size:
            raise ModbusError(modbus.ILLEGAL_VALUE)
        _write(self.coils, address, [int(bit) for bit in modbus.unpack_bits(pdu[6:], count)], now)

    def _write_words(self, address: int, count: int, pdu: bytes, now: float) -> None:
        if not 1 <= count <= 123 or len(pdu) != 6 + 2 * count or pdu[5] != 2 * count:
            raise ModbusError(modbus.ILLEGAL_VALUE)
        words = [int.from_bytes(pdu[6 + 2 * index : 8 + 2 * index], "big") for index in range(count)]
        _write(self.holdings, address, words, now)


def _read(table: Table, address: int, count: int, now: float) -> list[int]:
    values: list[int] = []
    for place in range(address, address + count):
        cell = table.get(place)
        if cell is None or cell.read is None:
            raise ModbusError(modbus.ILLEGAL_ADDRESS)
        values.append(cell.read(now))
    return values


def _write(table: Table, address: int, values: list[int], now: float) -> None:
    writers: list[WriteCell] = []
    for place in range(address, address + len(values)):
        cell = table.get(place)
        if cell is None or cell.write is None:
            raise ModbusError(modbus.ILLEGAL_ADDRESS)
        writers.append(cell.write)
    for write, value in zip(writers, values, strict=True):
        write(value, now)


def constant(value: int) -> Cell:
    """A read-only cell that never changes."""
    return Cell(lambda _now: value)


def stored(memory: list[int], index: int, low: int = 0, high: int = 0xFFFF) -> Cell:
    """A cell kept in `memory[index]`, refusing values outside low..high with exception 03."""

    def write(value: int, _now: float) -> None:
        if not low <= value <= high:
            raise ModbusError(modbus.ILLEGAL_VALUE)
        memory[index] = value

    return Cell(lambda _now: memory[index], write)


def put(table: Table, address: int, cells: Iterable[Cell]) -> None:
    """Place `cells` from `address` on."""
    for offset, cell in enumerate(cells):
        table[address + offset] = cell


def text_cells(text: str, words: int) -> list[Cell]:
    """A string, one character a register, padded with zeros (Wiren Board's layout)."""
    codes = [ord(character) for character in text[:words]]
    return [constant(code) for code in codes + [0] * (words - len(codes))]


def int_cells(value: int, words: int) -> list[Cell]:
    return [constant(word) for word in modbus.words_of_int(value, words)]


def live_int_cells(read: Callable[[float], int], words: int) -> list[Cell]:
    """A many-word integer read anew for every word, most significant first."""

    def cell(index: int) -> Cell:
        return Cell(lambda now: modbus.words_of_int(read(now), words)[index])

    return [cell(index) for index in range(words)]
