"""A journal that a real controller has written, on simulated hardware: everything the records know how to tell, over several files."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from irctl.controller.journal import segments
from irctl.domain.chain import GENESIS, Event, link
from irctl.records import tables
from irctl.records.database import Database
from irctl.records.digest import rows
from irctl.records.following import controller_of
from tests.simulation.technician import BY, FAST, SECOND, Technician, a_config, reborn
from tests.simulation.world import World, a_station
from tests.unit.worlds import toml

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


async def a_day(folder: Path) -> Path:
    """Commissioned, calibrated, checked, cleaned; three sessions: one completed, one that an emergency stop ended, one cut off with its controller."""
    config, state = a_config(folder / "config"), folder / "state"
    config.write_text(config.read_text(encoding="utf-8") + toml({"journal": {"file_mb_max": 0.02}}), encoding="utf-8")
    async with a_station(state, config=config, sim=FAST) as world:
        technician = Technician(world)
        await _commission(world)
        await technician.calibrate()
        await world.finished(await world.running(fluence=1.0, lit_s=1.0))
        await asyncio.sleep(120.0)
        world.station.upkeep.maintain("left", BY, "cleaned", "the reflector")
        await technician.check()
        session = await world.running(fluence=3.0, lit_s=5.0)
        lamp = world.station.lamps["left"]
        lamp.ask(session.id, "pause", "a nurse")
        await asyncio.sleep(5.0)
        lamp.ask(session.id, "resume", "a nurse")
        await asyncio.sleep(5.0)
        await world.station.shutdown.stop("a nurse", "smoke", "api")
        await world.until(lambda: not session.running)
        for alarm in list(world.station.alarms.open):
            world.station.alarms.acknowledge(alarm.id, "a nurse")
        await asyncio.sleep(60.0)
        world.station.shutdown.clear("a technician", "it was steam")
        abandoned = await technician.begin()
        world.station.calibrations.close(abandoned.id, SECOND, "the meter was dropped", "abandoned")
        await asyncio.sleep(60.0)
        await world.running("right", fluence=3.0, lit_s=5.0)
        await reborn(world, state, config)
        await asyncio.sleep(70.0)
    return state / "journal.jsonl"


async def _commission(world: World) -> None:
    await world.until(lambda: world.station.lamps["left"].output.verified_dark)
    run = world.station.commission("left", BY)
    await world.until(lambda: run.done, 300.0)
    await asyncio.sleep(1.0)


def events_of(path: Path, after: int = 0, archive: Path | None = None) -> list[Event]:
    return list(segments.events_after(path, after, archive))


def of(events: Sequence[Event]) -> str:
    controller = controller_of(events)
    assert controller is not None
    return controller


class Written:
    """A journal made up by the test, chained as a controller's."""

    def __init__(self, seq: int = 0, head: str = GENESIS) -> None:
        self.events: list[Event] = []
        self._seq, self._head = itertools.count(seq + 1), head

    def write(self, event: str, **fields: Any) -> Event:
        seq = next(self._seq)
        at = f"2026-11-23T09:{seq // 60 % 60:02d}:{seq % 60:02d}.000Z"
        told = {"seq": seq, "at": at, "mono_s": float(seq), "event": event, "prev": self._head, **fields}
        told["hash"] = self._head = link(told)
        self.events.append(told)
        return told


def told(database: Database, controller: str) -> dict[str, list[dict[str, Any]]]:
    """Every projected row of a controller, whatever it is called."""
    with database.reading() as connection:
        return {
            table.name: [row | {"controller": "it"} for row in rows(connection, table, controller)]
            for table in tables.PROJECTED
        }
