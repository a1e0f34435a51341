"""A host on a memory line and the stations these tests run on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from irctl_simulator import SimStation
from irctl_simulator.wire import Line

DEMO = Path(__file__).parents[2] / "configs" / "demo-sim.toml"
SETTLED_S = 300.0
"""Twelve time constants of the lamp's warm envelope."""


def crc(body: bytes) -> bytes:
    """CRC-16/MODBUS bit by bit: a second writing, so that the simulator's table is tested too."""
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
        self._came = asyncio.Event()

    def _receive(self, data: bytes) -> None:
        self.heard.append((asyncio.get_running_loop().time(), data))
        self._came.set()

    def _lose(self) -> None:
        self.lost = True

    async def ask(self, text: str, timeout_s: float = 0.3) -> str:
        """Reply (unit and PDU as hex, CRC checked) to a request; "" for silence. Leaves the line quiet for 5 ms."""
        before = len(self.heard)
        self._came.clear()
        self.send(frame(text))
        try:
            async with asyncio.timeout(timeout_s):
                await self._came.wait()
        except TimeoutError:
            return ""
        await asyncio.sleep(0.005)
        reply = b"".join(data for _, data in self.heard[before:])
        assert crc(reply[:-2]) == reply[-2:], reply.hex(" ")
        return reply[:-2].hex(" ")


def demo_station(seed: int = 1) -> SimStation:
    return SimStation.from_config(DEMO, seed=seed)


def a_line_with(twin: str, unit: int = 1, **options: Any) -> SimStation:
    """One device called `it` on a line called `line`, 9600 8N1."""
    device = {"twin": twin, "line": "line", "unit": unit, "options": options}
    return SimStation.from_config({"lines": {"line": {"baud": 9600}}, "devices": {"it": device}})


async def lit(station: SimStation, level: int = 100) -> None:
    """The left lamp of the demonstration is lit and settled; its watchdogs are not armed, so it stays so by itself."""
    lamp, safety = MemoryHost(station.lines["lamp-line"]), MemoryHost(station.lines["safety-line"])
    assert await lamp.ask(f"0c 06 00 00 00 {level:02x}")
    assert await lamp.ask("0c 05 00 00 ff 00")
    assert await safety.ask("01 05 00 00 ff 00")
    await asyncio.sleep(SETTLED_S)


async def shown_mw_cm2(station: SimStation, unit: int) -> float:
    """What a radiometer on the demonstration's sensor line says."""
    reply = bytes.fromhex(await MemoryHost(station.lines["sensor-line"]).ask(f"{unit:02x} 03 00 02 00 02"))
    return int.from_bytes(reply[3:], "big", signed=True) / 1000
