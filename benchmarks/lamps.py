"""Eight to 64 lamps, all lit, on one controller over Modbus TCP, each looked at and renewed ten times a second: beside a bare pymodbus loop that does the same reads and writes."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from pymodbus.client import AsyncModbusTcpClient

from benchmarks.processes import controller, simulator
from benchmarks.report import Report, median, ms, p99, times
from benchmarks.usage import Usage, Used, children
from irctl.examples import examples

SIZES = (8, 32, 64)
LINES = 8
EACH_S = 0.1
RUN_S = 12.0
LIT_MAX_S = 60.0
LEVEL = 40
TICKS = re.compile(r'^irctl_tick_lateness_seconds_bucket\{.*le="([^"]+)".*\} (\S+)$', re.M)

Beat = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Run:
    """`late_s`: at most so much later than its moment was half of the beats, and 99 % of them. `cpu`: share of one core."""

    late_s: tuple[float, float]
    beats_per_s: float
    used: Used


def run(sizes: Sequence[int] = SIZES) -> Report:
    rows, ours = [], list[Run]()
    for lamps in sizes:
        with TemporaryDirectory() as folder, _simulated(Path(folder), lamps) as (endpoints, ports):
            one = _irctl(Path(folder), lamps, endpoints)
            theirs = asyncio.run(_pymodbus(ports, lamps))
            rows.append(
                [
                    f"{lamps}",
                    f"{one.used.cpu:.0%}",
                    one.used.memory,
                    f"{one.beats_per_s:.0f} of {lamps / EACH_S:.0f}",
                    f"{ms(one.late_s[0])}, {ms(one.late_s[1])}",
                    f"{theirs.used.cpu:.0%}",
                    f"{theirs.beats_per_s:.0f}",
                    f"{ms(theirs.late_s[1])}",
                    times(one.used.cpu / theirs.used.cpu),
                ]
            )
            ours.append(one)
    each = (ours[-1].used.cpu - ours[0].used.cpu) / (sizes[-1] - sizes[0])
    memory = (ours[-1].used.rss_bytes - ours[0].used.rss_bytes) / (sizes[-1] - sizes[0])
    return Report(
        f"Lamps on one controller, Modbus TCP, {1 / EACH_S:g} Hz, all lit",
        (
            "lamps",
            "CPU",
            "memory",
            "beats/s",
            "late ≤: half, 99 %",
            "bare pymodbus: CPU",
            "beats/s",
            "late, 99 %",
            "CPU ratio",
        ),
        rows,
        notes=[
            f"{RUN_S:g} s each; CPU: share of one core. A whole controller against a loop that only writes once and reads twice: rules, doses, journal and API come on top",
            f"each lamp more costs {each:.2%} of a core and {memory / 2**20:.2f} MB: one core is full at some {(1 - ours[0].used.cpu) / each + sizes[0]:.0f} lamps, which is the first limit",
        ],
    )


def _irctl(folder: Path, lamps: int, endpoints: Path) -> Run:
    calibrations = folder / "calibrations"
    calibrations.mkdir()
    text = (examples() / "calibrations" / "sim-r-001.toml").read_text("utf-8")
    for lamp in range(lamps):
        own = text.replace('"SIM-R-001"', f'"L-{lamp}"').replace('"dimmer2.1"', f'"dimmer-{lamp}.1"')
        (calibrations / f"{lamp}.toml").write_text(own, "utf-8")
    with controller(folder, _station(lamps), endpoints) as url, httpx.Client(base_url=url, timeout=10) as http:
        serve = next(pid for pid in children() if b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes())
        (pid,) = children(serve)
        _light(http, lamps)
        before, usage, began_s = _ticks(http), Usage(pid), time.monotonic()
        time.sleep(RUN_S)
        used, ticks = usage.so_far(), _ticks(http) - before
        took_s = time.monotonic() - began_s
        assert all(lamp["session"]["state"] in ("warming", "emitting") for lamp in http.get("/v1/lamps").json())
        return Run((_at_most(ticks, 0.5), _at_most(ticks, 0.99)), ticks[float("inf")] / took_s, used)


def _light(http: httpx.Client, lamps: int) -> None:
    """All of them, as people do it: ordered, ready, started."""
    for lamp in range(lamps):
        order = {
            "lamp": f"lamp-{lamp}",
            "fluence_j_cm2": 20.0,
            "irradiance_mw_cm2": 40.0,
            "patient": f"P-{lamp}",
            "area": "lumbar",
            "by": "bench",
        }
        http.post("/v1/sessions", json=order).raise_for_status()
    until_s, started = time.monotonic() + LIT_MAX_S, set[str]()
    while True:
        states = {
            one["session"]["id"]: one["session"]["state"] for one in http.get("/v1/lamps").json() if one["session"]
        }
        for session in [one for one, state in states.items() if state == "ready" and one not in started]:
            http.post(f"/v1/sessions/{session}/start", json={"by": "bench"}).raise_for_status()
            started.add(session)
        if len(states) == lamps and all(state == "emitting" for state in states.values()):
            return
        if time.monotonic() > until_s:
            raise RuntimeError(f"not every lamp was lit: {Counter(states.values())}")
        time.sleep(0.2)


def _ticks(http: httpx.Client) -> Counter[float]:
    """How many ticks, by how late they were at most; of all lamps together."""
    time.sleep(1.1)  # it is told once a second
    found: Counter[float] = Counter()
    for bound, count in TICKS.findall(http.get("/metrics").text):
        found[float(bound.replace("+Inf", "inf"))] += int(float(count))
    return found


def _at_most(ticks: Counter[float], share: float) -> float:
    """The bound that so many ticks keep."""
    return next(bound for bound in sorted(ticks) if ticks[bound] >= share * ticks[float("inf")])


async def _pymodbus(ports: list[tuple[str, int]], lamps: int) -> Run:
    clients = [AsyncModbusTcpClient(host, port=port, timeout=1, retries=0) for host, port in ports]
    for client in clients:
        await client.connect()
    locks = [asyncio.Lock() for _ in clients]  # pymodbus wants one call at a time

    def beat(number: int) -> Beat:
        client, lock, unit, channel = clients[number % LINES], locks[number % LINES], number // LINES + 1, 0

        async def once() -> None:
            async with lock:
                await client.write_register(channel, LEVEL, device_id=unit)
            async with lock:
                await client.read_coils(channel, count=1, device_id=unit)
            async with lock:
                await client.read_holding_registers(90 + channel, count=1, device_id=unit)

        return once

    try:
        return await _beaten([beat(number) for number in range(lamps)])
    finally:
        for client in clients:
            client.close()


async def _beaten(beats: list[Beat]) -> Run:
    """Each every `EACH_S`, spread over it, as the lamps' tasks of a controller are."""
    late: list[float] = []
    loop = asyncio.get_running_loop()
    begun, usage = loop.time() + 0.2, Usage(os.getpid())

    async def one(number: int, beat: Beat) -> None:
        due = begun + EACH_S * number / len(beats)
        while due < begun + RUN_S:
            await asyncio.sleep(due - loop.time())
            await beat()
            late.append(loop.time() - due)
            due += EACH_S * max(1, -(-(loop.time() - due) // EACH_S))

    await asyncio.gather(*(one(number, beat) for number, beat in enumerate(beats)))
    took_s = loop.time() - begun
    return Run((median(late), p99(late)), len(late) / took_s, usage.so_far())


def _station(lamps: int) -> str:
    text = '[station]\nname = "Many lamps"\nmode = "simulation"\n[clinic]\nenabled = false\n'
    text += "".join(f'[lines.lan-{line}]\nport = "sim://lan-{line}"\n' for line in range(LINES))
    for lamp in range(lamps):
        text += f'[devices.dimmer-{lamp}]\ndriver = "wirenboard-mdm3"\nline = "lan-{lamp % LINES}"\nunit = {lamp // LINES + 1}\n'
        text += f'[lamps.lamp-{lamp}]\nserial = "L-{lamp}"\nemitter = "dimmer-{lamp}.1"\nlease_s = 2.0\ndistance_cm = 50.0\n'
        text += f'tick_s = {EACH_S}\ncalibration = "calibrations/{lamp}.toml"\n'
    return text


@contextmanager
def _simulated(folder: Path, lamps: int) -> Iterator[tuple[Path, list[tuple[str, int]]]]:
    text = "".join(f'[lines.lan-{line}]\nprotocol = "modbus-tcp"\n' for line in range(LINES))
    for lamp in range(lamps):
        text += f'[devices.dimmer-{lamp}]\ntwin = "wirenboard-mdm3"\nline = "lan-{lamp % LINES}"\nunit = {lamp // LINES + 1}\nlatency_s = 0.001\n'
    with simulator(folder, text) as running:
        addresses = [running.lines[f"lan-{line}"].removeprefix("tcp://").rpartition(":") for line in range(LINES)]
        yield running.endpoints, [(host, int(port)) for host, _, port in addresses]
