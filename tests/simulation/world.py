"""A whole station in one virtual-time loop: controller, drivers, codecs, lines at wire pace, twins, physics, truth."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from irctl.controller.config import load
from irctl.controller.light.lamp import Lamp
from irctl.controller.light.session import Session, State
from irctl.controller.station import Station
from irctl.domain.events import EVENTS
from irctl.domain.orders import Order
from irctl_campaign.process import Process
from irctl_simulator.station import SimStation

CONFIGS = Path(__file__).parents[2] / "configs"
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@dataclass
class World:
    """A running station and the simulated hardware behind it."""

    station: Station
    sim: SimStation
    process: Process

    @property
    def lamp(self) -> Lamp:
        return self.station.lamps["left"]

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def events(self, kind: str | None = None) -> list[Any]:
        return [e for e in self.station.journal.events if kind is None or e["event"] == kind]

    def ended(self, session: Session) -> Any:
        (event,) = [e for e in self.events("session.ended") if e["session"] == session.id]
        return event

    async def until(self, condition: Callable[[], bool], timeout_s: float = 60.0, every_s: float = 0.01) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(every_s)

    async def ordered(self, lamp: str = "left", fluence: float = 3.0, irradiance: float = 50.0) -> Session:
        """A session that is ready to start."""
        await self.until(lambda: self.station.lamps[lamp].output.verified_dark)
        session = self.station.order(Order(lamp, fluence, irradiance, "P-1", "lumbar", "a clinician"))
        await self.until(lambda: session.state in (State.READY, State.ENDED))
        return session

    async def running(
        self, lamp: str = "left", fluence: float = 3.0, irradiance: float = 50.0, lit_s: float = 5.0
    ) -> Session:
        """A session that has been giving light for a while."""
        session = await self.ordered(lamp, fluence, irradiance)
        self.station.lamps[lamp].ask(session.id, "start", "a clinician")
        await self.until(lambda: session.lit)
        await asyncio.sleep(lit_s)
        return session

    async def finished(self, session: Session, timeout_s: float = 4000.0) -> Any:
        """Wait for the end of a session; its terminal record."""
        await self.until(lambda: not session.running, timeout_s)
        return self.ended(session)

    async def attended_to_its_end(self, session: Session) -> Any:
        """As `finished`, with somebody beside the patient who answers."""
        lamp = self.station.lamps[session.order.lamp]
        while session.running:
            await asyncio.sleep(1.0)
            if lamp.treatment and lamp.treatment.attendance and lamp.treatment.attendance["asked"]:
                lamp.attend(session.id, "a nurse", "comfortable")
        return self.ended(session)

    def truth(self, lamp: str = "left") -> Any:
        return self.sim.truth(lamp)


def merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """`base` with `change` laid over it, key by key."""
    return {
        key: merged(base[key], change[key])
        if isinstance(base.get(key), dict) and isinstance(change.get(key), dict)
        else change.get(key, base.get(key))
        for key in base | change
    }


def hardware_of(sim: dict[str, Any]) -> dict[str, Any]:
    """What stands behind the demonstration station, with `sim` laid over it."""
    return merged(tomllib.loads((CONFIGS / "demo-sim.toml").read_text()), sim)


@asynccontextmanager
async def a_station(
    state_dir: Path,
    *,
    config: Path = CONFIGS / "demo.toml",
    sim: dict[str, Any] | None = None,
    begins: datetime = START,
) -> AsyncIterator[World]:
    """The demonstration station, its hardware changed by `sim` (laid over demo-sim.toml)."""
    loop = asyncio.get_running_loop()
    origin = loop.time()
    hardware = SimStation.from_config(hardware_of(sim or {}))

    def clock() -> datetime:
        return begins + timedelta(seconds=loop.time() - origin)

    process = await Process.start(hardware, load(config), state_dir, clock)
    try:
        yield World(process.station, hardware, process)
    finally:
        if process.alive:
            await process.close()
    assert {event["event"] for event in process.station.journal.events} <= EVENTS.keys(), (
        "tell it in irctl.domain.events"
    )
