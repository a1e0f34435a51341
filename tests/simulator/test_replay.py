"""Recorded traffic as a device: what a controller recorded on one station drives a driver on another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from irctl.bus.errors import NoReply
from irctl.bus.line import Line
from irctl.bus.port import MemoryPort
from irctl.bus.timing import LineTiming
from irctl.bus.trace import TraceWriter
from irctl.bus.unit import Unit
from irctl.devices.registry import load_driver
from irctl_simulator.station import SimStation, WiringError

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]
SR05 = {
    "lines": {"wire": {"baud": 19200, "format": "8E1"}},
    "devices": {"sun": {"twin": "hukseflux-sr05", "line": "wire", "unit": 1}},
}


async def readings(station: SimStation, line: str, times: int, trace: Path | None = None) -> list[float]:
    writer = TraceWriter(trace) if trace else None
    timing = LineTiming.serial(19200, "8E1")
    bus = Line(line, MemoryPort(station.lines[line].attach), timing, trace=writer.for_line(line) if writer else None)
    driver = load_driver("hukseflux-sr05")
    device = driver.connect(Unit(bus, 1, driver.timing), "sun", driver.parse_options("sun", {}))
    await bus.start()
    try:
        await device.identify()
        return [await device.radiometer(1).irradiance_mw_cm2() for _ in range(times)]
    finally:
        await bus.close()
        if writer:
            writer.close()


async def test_a_recording_answers_as_the_device_did(tmp_path: Path) -> None:
    station = SimStation.from_config(SR05)
    station.devices["sun"].twin.source = lambda now: 500.0 + 100.0 * now  # type: ignore[attr-defined]
    recorded = await readings(station, "wire", 4, tmp_path / "trace.jsonl")
    assert len(set(recorded)) == 4
    replayed = SimStation.from_config(
        {"lines": {"bench": {"replay": str(tmp_path / "trace.jsonl"), "recorded_as": "wire"}}}
    )
    assert await readings(replayed, "bench", 4) == recorded
    assert await readings(replayed, "bench", 2) == [recorded[-1]] * 2, "the last answer stays"


async def test_what_was_never_asked_is_not_answered(tmp_path: Path) -> None:
    await readings(SimStation.from_config(SR05), "wire", 1, tmp_path / "trace.jsonl")
    replayed = SimStation.from_config({"lines": {"wire": {"replay": str(tmp_path / "trace.jsonl")}}})
    bus = Line("wire", MemoryPort(replayed.lines["wire"].attach), LineTiming.serial(19200, "8E1"))
    await bus.start()
    with pytest.raises(NoReply):
        await Unit(bus, 1).read_holding(77, 1)
    await bus.close()


def test_what_is_no_recording_is_said(tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    file.write_text(json.dumps({"t": 0, "line": "other", "dir": "tx", "hex": "00"}) + "\n")
    with pytest.raises(ValueError, match="has nothing of line 'wire'"):
        SimStation.from_config({"lines": {"wire": {"replay": str(file)}}})
    lines = {"wire": {"replay": str(file), "recorded_as": "other"}}
    with pytest.raises(WiringError, match="replays a recording"):
        SimStation.from_config({"lines": lines, "devices": {"sun": {"twin": "hukseflux-sr05", "line": "wire"}}})
    file.write_text("hello\n")
    with pytest.raises(ValueError, match="line 1: no record of a wire"):
        SimStation.from_config({"lines": {"wire": {"replay": str(file)}}})
