"""Thirty-two lamps on Modbus TCP, each renewed and read back ten times a second by its driver, beside a bare pymodbus loop that does the same reads and writes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pymodbus.client import AsyncModbusTcpClient

from benchmarks.processes import process
from benchmarks.report import Report, figure, median, ms, p99, times
from irctl.bus.port import TcpPort
from irctl.bus.tcp import TcpLine
from irctl.bus.unit import Unit
from irctl.devices.registry import load_driver

LAMPS, CHANNELS = 32, 3
EACH_S = 0.1
RUN_S = 12.0
LEASE_S = 2.0
LEVEL = 40

Beat = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Run:
    """`late_s`: of each beat, how long after its due time it was done. `cpu`: share of one core, this process."""

    late_s: list[float]
    cpu: float
    beats_per_s: float


def run() -> Report:
    with TemporaryDirectory() as folder:
        config = Path(folder) / "sim.toml"
        config.write_text(_station(), "utf-8")
        endpoints = Path(folder) / "endpoints.json"
        with process("irctl_simulator", "--config", str(config), "--endpoints", str(endpoints)):
            ports = _ports(endpoints)
            ours = asyncio.run(_irctl(ports))
            theirs = asyncio.run(_pymodbus(ports))
    rows = [
        ["CPU, share of one core", f"{ours.cpu:.0%}", f"{theirs.cpu:.0%}", times(ours.cpu / theirs.cpu)],
        ["beats a second (320 asked)", figure(ours.beats_per_s), figure(theirs.beats_per_s), times(ours.beats_per_s / theirs.beats_per_s)],
        ["done after it was due, median", ms(median(ours.late_s)), ms(median(theirs.late_s)), times(median(ours.late_s) / median(theirs.late_s))],
        ["done after it was due, p99", ms(p99(ours.late_s)), ms(p99(theirs.late_s)), times(p99(ours.late_s) / p99(theirs.late_s))],
    ]  # fmt: skip
    return Report(
        f"{LAMPS} lamps on Modbus TCP at {1 / EACH_S:g} Hz: one write and two reads each",
        ("figure", "irctl", "bare pymodbus", "ratio"),
        rows,
        notes=[
            f"{RUN_S:g} s each, one after the other, on one simulator in a process of its own; eleven dimmers on four lines"
        ],
    )


async def _irctl(ports: list[tuple[str, int]]) -> Run:
    lines = [TcpLine(f"lan-{n}", TcpPort(*port)) for n, port in enumerate(ports)]
    await asyncio.gather(*(line.start() for line in lines))
    driver = load_driver("wirenboard-mdm3")
    try:
        modules = [
            driver.connect(
                Unit(lines[module % len(lines)], module + 1, driver.timing),
                f"dimmer-{module}",
                driver.parse_options("dimmer", {}),
            )
            for module in range(-(-LAMPS // CHANNELS))
        ]
        lamps = [modules[n // CHANNELS].emitter(n % CHANNELS + 1) for n in range(LAMPS)]
        for lamp in lamps:
            await lamp.arm(LEASE_S)

        def beat(lamp) -> Beat:
            async def once() -> None:
                await lamp.emit(LEVEL, LEASE_S)
                await lamp.observe()

            return once

        return await _beaten([beat(lamp) for lamp in lamps])
    finally:
        await asyncio.gather(*(line.close() for line in lines))


async def _pymodbus(ports: list[tuple[str, int]]) -> Run:
    clients = [AsyncModbusTcpClient(host, port=port, timeout=1, retries=0) for host, port in ports]
    for client in clients:
        await client.connect()
    locks = [asyncio.Lock() for _ in clients]  # pymodbus wants one call at a time

    def beat(number: int) -> Beat:
        module, channel = divmod(number, CHANNELS)
        client, lock, unit = clients[module % len(clients)], locks[module % len(clients)], module + 1

        async def once() -> None:
            async with lock:
                await client.write_register(channel, LEVEL, device_id=unit)
            async with lock:
                await client.read_coils(channel, count=1, device_id=unit)
            async with lock:
                await client.read_holding_registers(90 + channel, count=1, device_id=unit)

        return once

    try:
        return await _beaten([beat(number) for number in range(LAMPS)])
    finally:
        for client in clients:
            client.close()


async def _beaten(beats: list[Beat]) -> Run:
    """Each every `EACH_S`, spread over it, as the lamps' tasks of a controller are."""
    late: list[float] = []
    loop = asyncio.get_running_loop()
    begun, cpu = loop.time() + 0.2, time.process_time()

    async def one(number: int, beat: Beat) -> None:
        due = begun + EACH_S * number / len(beats)
        while due < begun + RUN_S:
            await asyncio.sleep(due - loop.time())
            await beat()
            late.append(loop.time() - due)
            due += EACH_S * max(1, -(-(loop.time() - due) // EACH_S))

    await asyncio.gather(*(one(number, beat) for number, beat in enumerate(beats)))
    took_s = loop.time() - begun
    return Run(late, (time.process_time() - cpu) / took_s, len(late) / took_s)


def _station() -> str:
    text, modules = "", -(-LAMPS // CHANNELS)
    for line in range(4):
        text += f'[lines.lan-{line}]\nprotocol = "modbus-tcp"\n\n'
    for module in range(modules):
        text += (
            f'[devices.dimmer-{module}]\ntwin = "wirenboard-mdm3"\nline = "lan-{module % 4}"\nunit = {module + 1}\n'
            "latency_s = 0.001\n\n"
        )
    return text


def _ports(endpoints: Path) -> list[tuple[str, int]]:
    import json

    deadline = time.monotonic() + 20
    while not endpoints.exists():
        if time.monotonic() > deadline:
            raise RuntimeError("the simulator did not start")
        time.sleep(0.05)
    lines = json.loads(endpoints.read_text("utf-8"))["lines"]
    found = []
    for name in sorted(lines):
        host, _, port = lines[name].removeprefix("tcp://").rpartition(":")
        found.append((host, int(port)))
    return found
