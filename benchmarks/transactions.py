"""What a transaction costs: FC03, one register, against a device that answers at once through a pseudo-terminal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import serial
from pymodbus.client import AsyncModbusSerialClient

from benchmarks.processes import process
from benchmarks.report import Report, Target, times
from irctl.bus.line import Line
from irctl.bus.port import SerialPort
from irctl.bus.timing import LineTiming
from irctl.bus.unit import Unit

BAUD = 115200
RUN_S = 2.0
WARM_UP = 50
REQUEST = bytes.fromhex("010300000001840a")
REPLY_BYTES = 7
CPU_RATIO_MAX = 1.0

Ask = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Rate:
    """Transactions one after the other: seconds and CPU seconds (of this process) for each."""

    each_s: float
    cpu_s: float


def run() -> Report:
    with process("benchmarks.responder") as responder:
        assert responder.stdout is not None
        port = responder.stdout.readline().decode().strip()
        raw = _raw(port)
        timing = LineTiming.serial(BAUD)
        peer = asyncio.run(_pymodbus(port))
        paced = asyncio.run(_pymodbus(port, timing.t35_s))
        kept = asyncio.run(_irctl(port, timing))
        instant = asyncio.run(_irctl(port, LineTiming.instant()))
    rows = [
        _row("raw pyserial, blocking, nothing checked", raw, peer),
        _row("pymodbus async", peer, peer),
        _row("irctl, no gaps kept", instant, peer),
        _row(f"pymodbus async, its caller waits {1000 * timing.t35_s:g} ms between", paced, paced),
        _row(f"irctl, t3.5 of {1000 * timing.t35_s:g} ms kept", kept, paced),
    ]
    return Report(
        "Transactions: FC03, one register, a device that answers at once",
        ("who", "a second", "each", "CPU each", "CPU against pymodbus"),
        rows,
        [
            Target("CPU against pymodbus, no gaps", instant.cpu_s / peer.cpu_s, CPU_RATIO_MAX, "×"),
            Target("CPU against pymodbus, t3.5 kept", kept.cpu_s / paced.cpu_s, CPU_RATIO_MAX, "×"),
        ],
        [
            "pymodbus's asynchronous client keeps no t3.5, and devices may ignore a frame that comes sooner; the lower two rows keep it.",
            "a process that sleeps between transactions pays for waking up: compare like with like",
        ],
    )


def _row(who: str, rate: Rate, peer: Rate) -> list[str]:
    return [
        who,
        f"{1 / rate.each_s:.0f}",
        f"{1000 * rate.each_s:.2f} ms",
        f"{1e6 * rate.cpu_s:.0f} µs",
        times(rate.cpu_s / peer.cpu_s),
    ]


async def _irctl(port: str, timing: LineTiming) -> Rate:
    line = Line("benchmark", SerialPort(port, BAUD), timing)
    unit = Unit(line, 1)
    await line.start()
    try:
        return await _measured(lambda: unit.read_holding(0, 1))
    finally:
        await line.close()


async def _pymodbus(port: str, gap_s: float = 0.0) -> Rate:
    client = AsyncModbusSerialClient(port, baudrate=BAUD)
    await client.connect()
    try:
        return await _measured(lambda: client.read_holding_registers(0, count=1, device_id=1), gap_s)
    finally:
        client.close()


async def _measured(ask: Ask, gap_s: float = 0.0) -> Rate:
    for _ in range(WARM_UP):
        await ask()
    count, started, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - started < RUN_S:
        await ask()
        if gap_s:
            await asyncio.sleep(gap_s)
        count += 1
    return Rate((time.perf_counter() - started) / count, (time.process_time() - cpu) / count)


def _raw(port: str) -> Rate:
    with serial.Serial(port, BAUD, timeout=1.0) as wire:
        count, started, cpu = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - started < RUN_S:
            wire.write(REQUEST)
            if len(wire.read(REPLY_BYTES)) != REPLY_BYTES:
                raise RuntimeError("the responder fell silent")
            count += 1
        return Rate((time.perf_counter() - started) / count, (time.process_time() - cpu) / count)
