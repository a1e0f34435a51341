"""Wires with a scripted far side: the same script behind a memory port (virtual time) or a real pseudo-terminal.

Written from the Modbus specification, not with the code under test: own CRC, own answers.
"""

import asyncio
import os
import tty
from collections.abc import Callable, Sequence

Answer = Sequence[tuple[float, bytes]]
"""What a device sends after a question: (seconds after the question's last byte, bytes)."""
Script = Callable[[bytes], Answer]


def crc(data: bytes) -> bytes:
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")


def with_crc(text_or_bytes: str | bytes) -> bytes:
    data = bytes.fromhex(text_or_bytes) if isinstance(text_or_bytes, str) else text_or_bytes
    return data + crc(data)


def value_at(unit: int, address: int) -> int:
    """Every register of every unit holds another number, so that a slipped answer shows."""
    return 256 * unit + address


def honest(frame: bytes, latency_s: float = 0.003) -> Answer:
    """Units 1 to 9 answer every register read and write as they should; others are not there."""
    unit, function = frame[0], frame[1]
    if not 1 <= unit <= 9:
        return ()
    address, count = int.from_bytes(frame[2:4]), int.from_bytes(frame[4:6])
    if function in (3, 4):
        data = b"".join(value_at(unit, address + n).to_bytes(2) for n in range(count))
        return ((latency_s, with_crc(bytes((unit, function, len(data))) + data)),)
    if function in (1, 2):
        data = sum(1 << n for n in range(count) if (address + n) % 3 == 0).to_bytes((count + 7) // 8, "little")
        return ((latency_s, with_crc(bytes((unit, function, len(data))) + data)),)
    return ((latency_s, with_crc(frame[:6])),)


async def until(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    """Wait for something that nobody announces."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.001)


class Wire:
    """What both wires share: the script, and what was heard: (instant, frame)."""

    def __init__(self, script: Script = honest) -> None:
        self.script = script
        self.heard: list[tuple[float, bytes]] = []

    def frames(self) -> list[bytes]:
        """Everything heard since the echo test."""
        return [frame for _, frame in self.heard if frame[0] != 247]


class MemoryWire(Wire):
    """Bytes take their time: `char_s` each. A frame that meets bytes on the wire is lost, and so are those bytes."""

    def __init__(self, script: Script = honest, char_s: float = 0.0) -> None:
        super().__init__(script)
        self.char_s = char_s
        self.sent_at: list[tuple[float, bytes]] = []
        self.collisions = 0
        self._replies: list[tuple[float, float, asyncio.TimerHandle]] = []

    def attach(self, receive: Callable[[bytes], None]) -> Callable[[bytes], None]:
        self.chatter = receive  # bytes that answer nothing
        return self._send

    def _send(self, frame: bytes) -> None:
        loop = asyncio.get_running_loop()
        begin, end = loop.time(), loop.time() + len(frame) * self.char_s
        self.sent_at.append((begin, frame))
        loop.call_at(end, self._heard, frame, begin)

    def _heard(self, frame: bytes, begin: float) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        hit = [reply for reply in self._replies if reply[0] < now and begin < reply[1] and self.char_s]
        for reply in hit:
            reply[2].cancel()
            self._replies.remove(reply)
        if hit:
            self.collisions += 1
            return
        self.heard.append((now, frame))
        for delay_s, data in self.script(frame):
            first, last = now + delay_s, now + delay_s + len(data) * self.char_s
            self._replies.append((first, last, loop.call_at(last, self.chatter, data)))


class PtyWire(Wire):
    """A real pseudo-terminal; `path` is the end a port opens."""

    def __init__(self, script: Script = honest) -> None:
        super().__init__(script)
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        self._slave = slave
        self._buffer = b""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._master, self._readable)

    def _readable(self) -> None:
        try:
            self._buffer += os.read(self._master, 4096)
        except OSError:
            self.unplug()
            return
        if len(self._buffer) >= 4 and crc(self._buffer[:-2]) == self._buffer[-2:]:
            frame, self._buffer = self._buffer, b""
            self.heard.append((self._loop.time(), frame))
            for delay_s, data in self.script(frame):
                self._loop.call_later(delay_s, self._write, data)

    def _write(self, data: bytes) -> None:
        if self._master >= 0:
            os.write(self._master, data)

    def unplug(self) -> None:
        """Both ends close, as when an adapter is pulled. Idempotent."""
        if self._master >= 0:
            self._loop.remove_reader(self._master)
            os.close(self._master)
            os.close(self._slave)
            self._master = -1
