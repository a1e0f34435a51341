"""A virtual-time loop and a host on a memory line, for these tests only."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from irctl_simulator import SimStation
from irctl_simulator.wire import Line

T = TypeVar("T")


class _NoWaiting(selectors.SelectSelector):
    """Advances the clock instead of sleeping."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        super().__init__()
        self._advance = advance

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("the virtual world would wait for ever")
        self._advance(max(timeout, 0.0))
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual_s = 0.0
        super().__init__(_NoWaiting(self._forward))

    def _forward(self, dt_s: float) -> None:
        self._virtual_s += dt_s

    def time(self) -> float:
        return self._virtual_s


def in_virtual_time(main: Coroutine[Any, Any, T]) -> T:
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()


def crc(body: bytes) -> bytes:
    """CRC-16/MODBUS bit by bit: a second writing, so that the table is tested too."""
    value = 0xFFFF
    for byte in body:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")


def frame(text: str) -> bytes:
    """Hex of unit and PDU to a whole RTU frame."""
    body = bytes.fromhex(text)
    return body + crc(body)


class MemoryHost:
    """Sends frames on a line and collects what comes back, with times."""

    def __init__(self, line: Line) -> None:
        self.heard: list[tuple[float, bytes]] = []
        self.lost = False
        self.send = line.attach(self._receive, self._lose)

    def _receive(self, data: bytes) -> None:
        self.heard.append((asyncio.get_running_loop().time(), data))

    def _lose(self) -> None:
        self.lost = True

    async def ask(self, text: str, timeout_s: float = 0.3) -> str:
        """Reply (unit and PDU as hex, CRC checked) to a request; "" for silence. Leaves the line quiet for 5 ms."""
        before = len(self.heard)
        self.send(frame(text))
        await self.silence(before, timeout_s)
        reply = b"".join(data for _, data in self.heard[before:])
        if not reply:
            return ""
        assert crc(reply[:-2]) == reply[-2:], reply.hex(" ")
        return reply[:-2].hex(" ")

    async def silence(self, before: int, timeout_s: float) -> None:
        deadline = asyncio.get_running_loop().time() + timeout_s
        while len(self.heard) == before and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.005)


def demo_station() -> SimStation:
    from pathlib import Path

    return SimStation.from_config(Path(__file__).parents[2] / "configs" / "demo-sim.toml")
