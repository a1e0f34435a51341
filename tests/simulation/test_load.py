"""What `irctl doctor` says of a line on paper is what the line does while its lamps are lit."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from irctl.controller.load import loads
from tests.simulation.test_excerpt import both_lit
from tests.simulation.world import a_station

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]
SECONDS = 20.0


async def test_the_frames_of_a_second_are_as_told(tmp_path: Path) -> None:
    async with a_station(tmp_path) as world:
        await world.until(lambda: all(lamp.output.verified_dark for lamp in world.station.lamps.values()))
        told = {load.line: load.frames for load in await loads(world.station.config)}
        await both_lit(world)
        await asyncio.sleep(2.0)
        before = {name: line.stats.requests for name, line in world.station.lines.items()}
        await asyncio.sleep(SECONDS)
        for name, line in world.station.lines.items():
            assert (line.stats.requests - before[name]) / SECONDS == pytest.approx(told[name], rel=0.1), name
