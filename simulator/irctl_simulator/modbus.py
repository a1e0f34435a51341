"""The Modbus server side, written from the specification: CRC-16, RTU frames, MBAP headers, exceptions.

Deliberately shares nothing with the driver side: a misreading there is caught here, and the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

BROADCAST = 0

ILLEGAL_FUNCTION = 0x01
ILLEGAL_ADDRESS = 0x02
ILLEGAL_VALUE = 0x03
DEVICE_FAILURE = 0x04

READ_COILS = 0x01
READ_DISCRETES = 0x02
READ_HOLDINGS = 0x03
READ_INPUTS = 0x04
WRITE_COIL = 0x05
WRITE_REGISTER = 0x06
WRITE_COILS = 0x0F
WRITE_REGISTERS = 0x10

COIL_ON = 0xFF00
COIL_OFF = 0x0000

RTU_FRAME_BYTES_MIN = 4
RTU_FRAME_BYTES_MAX = 256
MBAP_BYTES = 7


class ModbusError(Exception):
    """A request the device refuses; `code` is the exception code it answers with."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Modbus exception {code:02x}")
        self.code = code


def _crc_table() -> tuple[int, ...]:
    def entry(byte: int) -> int:
        for _ in range(8):
            byte = (byte >> 1) ^ 0xA001 if byte & 1 else byte >> 1
        return byte

    return tuple(entry(byte) for byte in range(256))


_CRC_TABLE = _crc_table()


@lru_cache(maxsize=1024)
def crc16(data: bytes) -> int:
    """CRC-16/MODBUS: polynomial 0xA001 reflected, start 0xFFFF. Remembered: a line carries the same few frames over and over."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


def rtu_frame(unit: int, pdu: bytes) -> bytes:
    """Unit, PDU and CRC (low byte first)."""
    body = bytes((unit,)) + pdu
    return body + crc16(body).to_bytes(2, "little")


def parse_rtu(frame: bytes | bytearray) -> tuple[int, bytes] | None:
    """(unit, pdu) of an intact frame; None where length or CRC is wrong, which a device meets with silence."""
    if not RTU_FRAME_BYTES_MIN <= len(frame) <= RTU_FRAME_BYTES_MAX:
        return None
    if crc16(bytes(frame[:-2])) != int.from_bytes(frame[-2:], "little"):
        return None
    return frame[0], bytes(frame[1:-2])


@dataclass(frozen=True, slots=True)
class TcpRequest:
    transaction: int
    unit: int
    pdu: bytes


class MbapSplitter:
    """Cuts a TCP byte stream into requests; `broken` once the stream cannot be Modbus any more."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.broken = False

    def feed(self, data: bytes) -> list[TcpRequest]:
        self._buffer += data
        requests: list[TcpRequest] = []
        while len(self._buffer) > MBAP_BYTES and not self.broken:
            protocol = int.from_bytes(self._buffer[2:4], "big")
            length = int.from_bytes(self._buffer[4:6], "big")
            if protocol != 0 or not 2 <= length <= 254:
                self.broken = True
                break
            end = 6 + length
            if len(self._buffer) < end:
                break
            transaction = int.from_bytes(self._buffer[:2], "big")
            requests.append(TcpRequest(transaction, self._buffer[6], bytes(self._buffer[MBAP_BYTES:end])))
            del self._buffer[:end]
        return requests


def tcp_frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    """MBAP header and PDU."""
    return transaction.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + bytes((unit,)) + pdu


def exception_pdu(function: int, code: int) -> bytes:
    return bytes((function | 0x80, code))


def pack_bits(bits: list[bool]) -> bytes:
    """Bits to bytes, first bit lowest."""
    packed = bytearray((len(bits) + 7) // 8)
    for index, bit in enumerate(bits):
        if bit:
            packed[index // 8] |= 1 << (index % 8)
    return bytes(packed)


def unpack_bits(data: bytes, count: int) -> list[bool]:
    return [bool(data[index // 8] >> (index % 8) & 1) for index in range(count)]


def words_of_int(value: int, words: int) -> list[int]:
    """Two's complement, most significant word first."""
    value &= (1 << (16 * words)) - 1
    return [value >> (16 * (words - 1 - index)) & 0xFFFF for index in range(words)]
