"""A twin on its line: its name, its pace, its faults."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from random import Random

from irctl_simulator import modbus
from irctl_simulator.faults import BOOT_S, DeviceFaults, flipped, garbled
from irctl_simulator.twins.base import Twin

READS = frozenset({modbus.READ_COILS, modbus.READ_DISCRETES, modbus.READ_HOLDINGS, modbus.READ_INPUTS})
ANOTHER_FUNCTION = {1: 2, 2: 1, 3: 4, 4: 3, 5: 6, 6: 5, 15: 16, 16: 15}
"""Whose answers have the same length."""
UNIT_MAX = 247
WRITES = frozenset({modbus.WRITE_COIL, modbus.WRITE_REGISTER, modbus.WRITE_COILS, modbus.WRITE_REGISTERS})


@dataclass(slots=True)
class Device:
    """One device; outputs are what its terminals really do, registers what it believes."""

    name: str
    twin: Twin
    random: Random
    latency_s: float = 0.004
    jitter_s: float = 0.001
    faults: DeviceFaults = field(default_factory=DeviceFaults)
    busy_until: float = -1.0
    """A reply is owed until then; on a serial line frames before that are not obeyed."""
    booting_until: float = -1.0

    def hears(self, now: float) -> bool:
        return not self.faults.unpowered and now >= self.booting_until

    def next_latency_s(self) -> float:
        """Time from the end of a request to the first byte of the reply; seeded jitter."""
        return self.latency_s + self.random.random() * self.jitter_s + self.faults.late_s

    def reply_to(self, pdu: bytes, now: float) -> bytes | None:
        """Obey one request; None where nothing will be said."""
        reply = self.twin.handle(pdu, now)
        if self.faults.silent or not reply:  # some devices answer what is too much for them with nothing
            return None
        if self.faults.wrong_echo and reply and reply[0] in WRITES:
            place = 2 if self.faults.wrong_echo == "address" else 4
            return reply[:place] + bytes((reply[place] ^ 0x01,)) + reply[place + 1 :]
        return reply

    def told(self, unit: int, pdu: bytes) -> tuple[int, bytes]:
        """Unit and PDU of an answer, as its faults make them; for garbage see `garbled`."""
        match self.faults.wrong_answer:
            case "unit":
                return unit + 1 if unit < UNIT_MAX else unit - 1, pdu
            case "function":
                return unit, bytes((ANOTHER_FUNCTION.get(pdu[0], pdu[0] ^ 1), *pdu[1:]))
            case "length" if pdu[0] in READS:
                return unit, bytes((pdu[0], pdu[1] - 1, *pdu[2:-1]))
            case "length":
                return unit, pdu[:-1]
            case "exception":
                return unit, modbus.exception_pdu(pdu[0] & 0x7F, modbus.DEVICE_FAILURE)
            case _:
                return unit, pdu

    def garbled(self, data: bytes) -> bytes:
        """Rubbish of the same length where the fault says so."""
        return garbled(data, self.random) if self.faults.wrong_answer == "garbage" else data

    def spoilt(self, frame: bytes) -> bytes:
        return flipped(frame, self.random) if self.faults.corrupt.strikes(self.random) else frame

    def output(self, channel: int) -> float:
        """Mean-square voltage fraction really passed by a channel (1-based)."""
        commanded = self.twin.output(channel)  # LookupError for a channel the device has not
        faults = self.faults
        if channel in faults.stuck:
            return faults.stuck[channel]
        if channel in faults.welded:
            return 1.0
        return 0.0 if faults.unpowered else commanded

    def outputs(self) -> list[float]:
        """What all outputs really pass, first channel first; empty for a device without any."""
        found: list[float] = []
        with contextlib.suppress(LookupError):
            while True:
                found.append(self.output(len(found) + 1))
        return found

    def reboot(self, now: float, boot_s: float = BOOT_S) -> None:
        self.twin.reboot(now)
        self.busy_until = -1.0
        self.booting_until = now + boot_s
