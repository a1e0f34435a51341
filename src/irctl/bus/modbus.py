"""Modbus requests as values: what to ask, what the answer must look like, and nothing about time or ports.

PDUs are encoded and decoded by pymodbus; what it accepts and must not (a wrong function, count, address or value) is checked
here. Two framings: RTU (unit, PDU, CRC) and TCP (MBAP header, PDU). Sizes: Modbus Application Protocol V1.1b3.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from pymodbus.framer import FramerRTU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadDiscreteInputsRequest,
    WriteSingleCoilRequest,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)
from pymodbus.pdu.utils import unpack_bitstring

from irctl.bus.errors import ExceptionReply, WrongReply
from irctl.bus.request import AnyRequest as AnyRequest  # what drivers hand out: any line's

T = TypeVar("T")

BROADCAST = 0
RTU_FRAME_MAX = 256
RTU_OVERHEAD = 3
"""Unit address and CRC around a PDU."""
MBAP_LENGTH = 7
EXCEPTION_PDU_LENGTH = 2
WRITE_REGISTERS_MAX = 123
TOGGLE = 0x5500
"""Relay boards toggle on this value: not idempotent, so it does not exist here."""

EXCEPTION_NAMES = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge, still working",
    6: "busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target did not respond",
}


@dataclass(frozen=True, slots=True)
class ModbusRequest(ABC, Generic[T]):
    """One question to one unit; `T` is what the answer means. `unit` 0 is the broadcast of a write."""

    unit: int
    address: int
    _pdu: bytes = field(init=False, repr=False, compare=False)

    function: ClassVar[int]
    is_write: ClassVar[bool]

    @abstractmethod
    def _body(self) -> bytes:
        """The request after its function code. Raises ValueError."""

    @property
    @abstractmethod
    def reply_pdu_length(self) -> int:
        """Bytes of the right answer, function code included."""

    @abstractmethod
    def _value(self, body: bytes) -> T:
        """What the answer's bytes after the function code mean. Raises ValueError saying what does not fit."""

    def __post_init__(self) -> None:
        if not 0 <= self.unit <= 255:
            raise ValueError(f"unit {self.unit}: must be 0 (broadcast) to 255")
        if self.unit == BROADCAST and not self.is_write:
            raise ValueError("a read cannot be broadcast: nobody answers unit 0")
        object.__setattr__(self, "_pdu", bytes((self.function,)) + self._body())

    @property
    def is_broadcast(self) -> bool:
        return self.unit == BROADCAST

    def pdu(self) -> bytes:
        """Function code and data, without addressing or checksum."""
        return self._pdu

    def parse(self, pdu: bytes, line: str = "") -> T:
        """The answer's meaning. Raises ExceptionReply when refused, WrongReply when it does not fit this question."""
        if len(pdu) == EXCEPTION_PDU_LENGTH and pdu[0] == self.function | 0x80:
            name = EXCEPTION_NAMES.get(pdu[1], "unknown")
            raise ExceptionReply(line, self.unit, pdu[1], name, str(self))
        if pdu[:1] != bytes((self.function,)):
            raise WrongReply(line, self.unit, f"answered {self} with function {pdu[:1].hex() or 'none'}")
        try:
            if len(pdu) != self.reply_pdu_length:
                raise ValueError(f"{len(pdu)} bytes instead of {self.reply_pdu_length}")
            return self._value(pdu[1:])
        except ValueError as why:
            raise WrongReply(line, self.unit, f"answered {self} with {pdu.hex(' ')}: {why}") from None

    def __str__(self) -> str:
        return f"FC{self.function:02X} at {self.address} (0x{self.address:04X})"


AnyModbus = ModbusRequest[Any]


@dataclass(frozen=True, slots=True)
class _ReadBits(ModbusRequest[tuple[bool, ...]]):
    count: int
    is_write: ClassVar[bool] = False

    @property
    def reply_pdu_length(self) -> int:
        return 2 + (self.count + 7) // 8

    def _value(self, body: bytes) -> tuple[bool, ...]:
        _check_byte_count(body)
        return tuple(unpack_bitstring(body[1:])[: self.count])


@dataclass(frozen=True, slots=True)
class ReadCoils(_ReadBits):
    """FC01: output bits."""

    function: ClassVar[int] = 1

    def _body(self) -> bytes:
        return ReadCoilsRequest(address=self.address, count=self.count).encode()


@dataclass(frozen=True, slots=True)
class ReadDiscreteInputs(_ReadBits):
    """FC02: input bits."""

    function: ClassVar[int] = 2

    def _body(self) -> bytes:
        return ReadDiscreteInputsRequest(address=self.address, count=self.count).encode()


@dataclass(frozen=True, slots=True)
class _ReadRegisters(ModbusRequest[tuple[int, ...]]):
    count: int
    is_write: ClassVar[bool] = False

    @property
    def reply_pdu_length(self) -> int:
        return 2 + 2 * self.count

    def _value(self, body: bytes) -> tuple[int, ...]:
        _check_byte_count(body)
        return struct.unpack(f">{self.count}H", body[1:])


@dataclass(frozen=True, slots=True)
class ReadHolding(_ReadRegisters):
    """FC03: holding registers, unsigned 16 bit each."""

    function: ClassVar[int] = 3

    def _body(self) -> bytes:
        return ReadHoldingRegistersRequest(address=self.address, count=self.count).encode()


@dataclass(frozen=True, slots=True)
class ReadInput(_ReadRegisters):
    """FC04: input registers, unsigned 16 bit each."""

    function: ClassVar[int] = 4

    def _body(self) -> bytes:
        return ReadInputRegistersRequest(address=self.address, count=self.count).encode()


@dataclass(frozen=True, slots=True)
class _Write(ModbusRequest[None]):
    """A write is acknowledged by an echo of its first four bytes: address, then value or count."""

    is_write: ClassVar[bool] = True

    @property
    def reply_pdu_length(self) -> int:
        return 5

    def _value(self, body: bytes) -> None:
        if body != self._pdu[1:5]:
            raise ValueError(f"echoed address and value are not {self._pdu[1:5].hex(' ')}")


@dataclass(frozen=True, slots=True)
class WriteCoil(_Write):
    """FC05: one output bit, on or off."""

    value: bool
    function: ClassVar[int] = 5

    def _body(self) -> bytes:
        return WriteSingleCoilRequest(address=self.address, bits=[self.value]).encode()


@dataclass(frozen=True, slots=True)
class WriteCoilValue(_Write):
    """FC05 with a raw 16-bit value, where a relay board reads it as a duration (Waveshare flash-on, 100 ms a step).

    Raises ValueError for 0x5500: boards take it as toggle, and what is not idempotent must not be repeatable.
    """

    value: int
    function: ClassVar[int] = 5

    def _body(self) -> bytes:
        if self.value == TOGGLE:
            raise ValueError("FC05 value 0x5500 toggles an output: refused, use on or off")
        return _two_words(self.address, self.value)


@dataclass(frozen=True, slots=True)
class WriteRegister(_Write):
    """FC06: one holding register, 0..65535."""

    value: int
    function: ClassVar[int] = 6

    def _body(self) -> bytes:
        _check_word("value", self.value)
        return WriteSingleRegisterRequest(address=self.address, registers=[self.value]).encode()


@dataclass(frozen=True, slots=True)
class WriteRegisters(_Write):
    """FC10: a block of holding registers, 0..65535 each."""

    values: tuple[int, ...]
    function: ClassVar[int] = 16

    def _body(self) -> bytes:
        if not 1 <= len(self.values) <= WRITE_REGISTERS_MAX:
            raise ValueError(f"{len(self.values)} registers: must be 1 to {WRITE_REGISTERS_MAX}")
        for value in self.values:
            _check_word("value", value)
        return WriteMultipleRegistersRequest(address=self.address, registers=self.values).encode()


def _check_word(what: str, value: int) -> None:
    if not 0 <= value <= 0xFFFF:
        raise ValueError(f"{what} {value}: must be 0 to 65535")


def _two_words(address: int, value: int) -> bytes:
    _check_word("address", address)
    _check_word("value", value)
    return struct.pack(">HH", address, value)


def _check_byte_count(body: bytes) -> None:
    if body[0] != len(body) - 1:
        raise ValueError(f"byte count {body[0]}, but {len(body) - 1} bytes follow")


# --- RTU framing ---------------------------------------------------------------------------------------------------------


def rtu_frame(unit: int, pdu: bytes) -> bytes:
    """`pdu` as it goes on a serial line: unit, PDU, CRC."""
    body = bytes((unit,)) + pdu
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


def crc_ok(frame: bytes | bytearray) -> bool:
    """Whether the last two bytes are the CRC of those before."""
    return FramerRTU.compute_CRC(bytes(frame[:-2])) == int.from_bytes(frame[-2:], "big")


class RtuDecoder:
    """Collects the answer to one request from chunks of any size.

    Feed it every byte since the request. Up to `NOISE_MAX` stray bytes before the answer are skipped (a driver switching
    direction often leaves a 00 or FF); unit, function, length and CRC are still checked in full, so nothing else gets in.
    """

    NOISE_MAX = 2

    def __init__(self, request: AnyModbus, line: str = "", skip_foreign: bool = False) -> None:
        """`skip_foreign`: look for the answer behind frames that answer something else, instead of raising."""
        self._request = request
        self._line = line
        self._skip_foreign = skip_foreign
        self.length = request.reply_pdu_length + RTU_OVERHEAD
        self._buffer = bytearray()

    @property
    def received(self) -> bytes:
        """What has been collected so far."""
        return bytes(self._buffer)

    @property
    def missing(self) -> int:
        """How many bytes of the expected frame have not come; at least one while there is no answer."""
        return max(1, self.length - len(self._buffer))

    def feed(self, data: bytes) -> bytes | None:
        """Add bytes; the answer's PDU once it is complete. Raises WrongReply as soon as it cannot be ours."""
        self._buffer += data
        starts = len(self._buffer) if self._skip_foreign else self.NOISE_MAX + 1
        for start in range(starts):
            if (pdu := self._answer_at(start)) is not None:
                return pdu
        # Any whole frame that is not our answer: no reason to wait for more. A CRC that fits the beginning of our answer is chance.
        if len(self._buffer) >= 4 and crc_ok(self._buffer) and not any(map(self._begins_at, range(starts))):
            if not self._skip_foreign:
                raise self.wrong()
            self._buffer.clear()
        elif len(self._buffer) > RTU_FRAME_MAX + self.NOISE_MAX:
            raise self.wrong()
        return None

    def _begins_at(self, start: int) -> bool:
        """Whether what has come may be the beginning of our answer, from `start` on."""
        begun, request = self._buffer[start:], self._request
        if len(begun) < 3 or len(begun) >= self.length or begun[0] != request.unit or begun[1] != request.function:
            return False
        return not request.is_write and begun[2] == request.reply_pdu_length - 2

    def _answer_at(self, start: int) -> bytes | None:
        """The PDU of our answer if it begins at `start` and is complete."""
        buffer, function = self._buffer, self._request.function
        if len(buffer) < start + 5 or buffer[start] != self._request.unit:
            return None
        if buffer[start + 1] == function:
            end = start + self.length
        elif buffer[start + 1] == function | 0x80:
            end = start + EXCEPTION_PDU_LENGTH + RTU_OVERHEAD
        else:
            return None
        if len(buffer) < end or not crc_ok(buffer[start:end]):
            return None
        pdu = bytes(buffer[start + 1 : end - 2])
        return None if self._skip_foreign and not self._fits(pdu) else pdu

    def _fits(self, pdu: bytes) -> bool:
        """Whether `pdu` answers this very question; a late acknowledgement of another write to the unit does not."""
        with suppress(ExceptionReply):
            try:
                self._request.parse(pdu, self._line)
            except WrongReply:
                return False
        return True

    def wrong(self) -> WrongReply:
        """What to raise when the bytes so far are all there is."""
        got = self._buffer
        shown = bytes(got[:32]).hex(" ") + (" ..." if len(got) > 32 else "")
        if len(got) < 4 or not crc_ok(got):
            why = f"no intact frame ({len(got)} bytes of {self.length}, or wrong CRC)"
        elif got[0] != self._request.unit:
            why = f"unit {got[0]} answered"
        elif got[1] & 0x7F != self._request.function:
            why = f"the answer has function {got[1]:02X}"
        else:
            why = f"the answer has {len(got)} bytes instead of {self.length}"
        return WrongReply(self._line, self._request.unit, f"asked {self._request}: {why}: {shown}")


# --- TCP framing ---------------------------------------------------------------------------------------------------------


def tcp_frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    """`pdu` behind its MBAP header."""
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


@dataclass(frozen=True, slots=True)
class TcpReply:
    """One received Modbus TCP frame."""

    transaction: int
    unit: int
    pdu: bytes


class TcpDecoder:
    """Cuts a TCP stream into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[TcpReply]:
        """Add bytes; the frames now complete. Raises ValueError when the stream is not Modbus TCP (cannot be resynchronised)."""
        self._buffer += data
        replies: list[TcpReply] = []
        while len(self._buffer) >= MBAP_LENGTH:
            transaction, protocol, length, unit = struct.unpack(">HHHB", self._buffer[:MBAP_LENGTH])
            if protocol != 0 or not 2 <= length <= 254:
                raise ValueError(f"not Modbus TCP: {bytes(self._buffer[:MBAP_LENGTH]).hex(' ')}")
            if len(self._buffer) < 6 + length:
                break
            replies.append(TcpReply(transaction, unit, bytes(self._buffer[MBAP_LENGTH : 6 + length])))
            del self._buffer[: 6 + length]
        return replies
