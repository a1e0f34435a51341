"""Eight lamps on one 9600-baud line, one of their units dead: it costs the others neither their polls nor their stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from irctl.bus.port import MemoryPort
from irctl.controller.clock import utc_now
from irctl.controller.config import load
from irctl.controller.serve import start_station
from irctl.controller.station import Station, Wire
from irctl_simulator.station import SimStation
from irctl_simulator.wire import WireEvent

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

DEAD = 4
LIVE = (1, 2, 3, 5, 6, 7, 8)
CHAR_S = 10 / 9600
ADDRESSED_WIRE_S = 6 * (23 * CHAR_S + 0.0045) + 2 * 11.5 * CHAR_S
"""OFF to seven units that answer and one that does not: gaps, frames, and the devices' own delay."""
BROADCAST_OFF, WRITE_COIL = bytes.fromhex("000500ff0000"), 5


@asynccontextmanager
async def eight_lamps(folder: Path, *, broadcast: bool) -> AsyncIterator[tuple[Station, SimStation, list[WireEvent]]]:
    honours = str(broadcast).lower()
    sim = '[lines.bus]\nbaud = 9600\nformat = "8N1"\n'
    config = (
        '[station]\nname = "Eight"\nmode = "simulation"\n[lines.bus]\nport = "sim://bus"\nbaud = 9600\nformat = "8N1"\n'
    )
    for unit in (*LIVE, DEAD):
        sim += f'[devices.relay{unit}]\ntwin = "waveshare-relay"\nline = "bus"\nunit = {unit}\noptions = {{ broadcast = {honours} }}\n'
        config += (
            f'[devices.relay{unit}]\ndriver = "waveshare-relay"\nline = "bus"\nunit = {unit}\nretrigger = "restart"\nbroadcast = {honours}\n'
            f'[lamps.lamp{unit}]\nserial = "L{unit}"\nemitter = "relay{unit}.1"\nlease_s = 2.0\ndistance_cm = 50.0\nidle_s = 0.02\n'
        )
    for name, text in (("sim.toml", sim), ("station.toml", config)):
        (folder / name).write_text(text, encoding="utf-8")
    hardware = SimStation.from_config(folder / "sim.toml")
    port, frames = MemoryPort(hardware.lines["bus"].attach), list[WireEvent]()
    hardware.lines["bus"].observers.append(frames.append)
    station = await start_station(load(folder / "station.toml"), folder, lambda *_: Wire(port), utc_now)
    hardware.set_fault(f"relay{DEAD}", "silent")
    try:
        yield station, hardware, frames
    finally:
        await station.close("the test", "over")
        station.journal.close()


def _sent_off(frames: list[WireEvent], since_s: float) -> dict[int, float]:
    """When each unit was first told OFF, seconds after `since_s`; 0 is everybody."""
    told: dict[int, float] = {}
    for frame in frames:
        off = frame.data[1] == WRITE_COIL and frame.data[4:6] == b"\0\0"
        if frame.at >= since_s and frame.direction == "host" and frame.ok and off:
            told.setdefault(frame.data[0], frame.at - since_s)
    return told


async def test_a_dead_unit_leaves_the_line_to_the_others(tmp_path: Path):
    async with eight_lamps(tmp_path, broadcast=True) as (station, _, _):
        await asyncio.sleep(2)
        units = station.lines["bus"].stats.units
        before = {unit: units[unit].ok for unit in LIVE}
        await asyncio.sleep(20)
        assert min(units[unit].ok - before[unit] for unit in LIVE) > 20


@pytest.mark.parametrize("after_s", [2.0 + 0.071 * n for n in range(10)])
async def test_one_broadcast_darkens_all_and_read_back_proves_it(tmp_path: Path, after_s: float):
    async with eight_lamps(tmp_path, broadcast=True) as (station, _, frames):
        await asyncio.sleep(after_s)
        asked_at = asyncio.get_running_loop().time()
        latch = await station.shutdown.stop("somebody", "now", "test")
        told = _sent_off(frames, asked_at)
        assert told[0] < 0.12
        assert not told.keys() & set(LIVE), "a lamp that reads dark after the broadcast needs no OFF of its own"
        assert all((latch.evidence[f"lamp{unit}"].verified_dark_s or 9) < 0.4 for unit in LIVE)
        assert latch.evidence[f"lamp{DEAD}"].verified_dark_s is None


@pytest.mark.parametrize("after_s", [2.0 + 0.071 * n for n in range(10)])
async def test_off_one_by_one_does_not_wait_for_the_dead_unit(tmp_path: Path, after_s: float):
    async with eight_lamps(tmp_path, broadcast=False) as (station, _, frames):
        await asyncio.sleep(after_s)
        asked_at = asyncio.get_running_loop().time()
        latch = await station.shutdown.stop("somebody", "now", "test")
        told = _sent_off(frames, asked_at)
        assert max(told[unit] for unit in LIVE) < 1.3 * ADDRESSED_WIRE_S
        assert told[DEAD] < 1.3 * ADDRESSED_WIRE_S, "it may hear though it does not answer"
        assert all(latch.evidence[f"lamp{unit}"].verified_dark_s is not None for unit in LIVE)


async def test_a_unit_that_comes_back_is_proven_dark_and_the_stop_can_be_cleared(tmp_path: Path):
    async with eight_lamps(tmp_path, broadcast=True) as (station, hardware, _):
        await asyncio.sleep(2)
        await station.shutdown.stop("somebody", "now", "test")
        hardware.clear_faults()
        await asyncio.sleep(2)
        station.shutdown.clear("a technician", "unit plugged in again")
        assert station.shutdown.latch is None
