"""A twin on its line: its name, its pace, its faults."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from random import Random

from irctl_simulator import modbus
from irctl_simulator.faults import BOOT_S, DeviceFaults, flipped
from irctl_simulator.twins.base import Twin

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
