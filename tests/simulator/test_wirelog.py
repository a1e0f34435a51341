"""The wire log holds every frame with the moment its last byte arrived, and is readable while it grows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from irctl_simulator.wirelog import WireLog
from tests.simulator.worlds import MemoryHost, a_line_with, frame

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

CHAR_S = 10 / 9600


async def test_every_frame_is_written_as_it_passes(tmp_path: Path):
    station = a_line_with("waveshare-relay")
    log = WireLog(tmp_path / "wire.jsonl", station.lines)
    host = MemoryHost(station.lines["line"])
    await host.ask("01 01 0000 0001")
    station.devices["it"].faults.silent = True
    await host.ask("01 05 0000 0000")
    events = [json.loads(line) for line in (tmp_path / "wire.jsonl").read_text(encoding="utf-8").splitlines()]
    log.close()
    assert [event["direction"] for event in events] == ["host", "device", "host"]
    assert [event["device"] for event in events] == [None, "it", None]
    assert all(event["ok"] and event["line"] == "line" for event in events)
    assert events[0]["at"] == pytest.approx(8 * CHAR_S)
    assert events[2]["data"] == frame("01 05 0000 0000").hex()
    await host.ask("01 01 0000 0001")  # a closed log does not disturb the line
