"""`python -m benchmarks.stations COUNT PORT`: answers as so many controllers do, each with a journal of its own that grows at the pace of a lamp that is hardly ever dark.

Events are made up, in the form that the controller writes, chained and signed as far as anybody looks who follows them. Each line on stdin is answered by a line of JSON: by
station, the events that are on the disk since the last question, with their moments on this computer's monotonic clock. `jump N` first puts N events more into each journal.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from hashlib import sha256
from typing import Any

import uvicorn
from fastapi import FastAPI, Query

from benchmarks.records import a_journal
from irctl.domain.chain import Event
from irctl.records.following import UNSYNCED

EVENTS_PER_S = 1.2
"""A sample each second, and what is around it."""
SESSIONS, SAMPLES = 100_000, 10
"""Short sessions: what a power cut could still take, samples, is projected once something is written behind it."""


class Growing:
    """One station."""

    def __init__(self, number: int) -> None:
        self.name, self.key = f"room-{number}", sha256(f"station {number}".encode()).hexdigest()[:16]
        self.events: list[Event] = []
        self._more = a_journal(SESSIONS, seed=number, samples=SAMPLES, key=self.key)
        self._untold: list[tuple[int, float]] = []
        self.grow(50)

    def grow(self, count: int) -> None:
        for _ in range(count):
            event = next(self._more)
            self.events.append(event)
            if event["event"] not in UNSYNCED:
                self._untold.append((event["seq"], time.monotonic()))

    def told(self) -> list[tuple[int, float]]:
        untold, self._untold = self._untold, []
        return untold

    def view(self) -> dict[str, Any]:
        last = self.events[-1]
        journal = {
            "seq": last["seq"],
            "head": last["hash"],
            "signer": self.key,
            "failure": None,
            "anchor_failure": None,
        }
        return {
            "station": self.name, "version": "", "simulated": True, "notice": "", "journal": journal, "at_s": 0.0, "sign_in": True,
            "latched": None, "alarms": [], "audio_paused_s": 0.0, "lamps": [], "lines": [],
        }  # fmt: skip


def create_app(stations: dict[str, Growing]) -> FastAPI:
    app = FastAPI()

    @app.get("/{name}/v1/station")
    async def get_station(name: str) -> dict[str, Any]:
        return stations[name].view()

    @app.get("/{name}/v1/journal")
    async def get_journal(name: str, after: int = 0, limit: int = Query(500, le=1000)) -> list[Event]:
        return stations[name].events[after : after + limit]

    @app.get("/{name}/v1/{_anything}")
    async def get_nothing(_anything: str) -> list[Any]:
        return []

    return app


async def _grow(stations: dict[str, Growing]) -> None:
    every_s, due_s = 1 / EVENTS_PER_S / len(stations), time.monotonic()
    while True:
        for station in stations.values():
            station.grow(1)
            due_s += every_s
            await asyncio.sleep(due_s - time.monotonic())


async def main() -> None:
    stations = {station.name: station for station in map(Growing, range(int(sys.argv[1])))}
    server = uvicorn.Server(uvicorn.Config(create_app(stations), port=int(sys.argv[2]), log_level="error"))
    tasks = [asyncio.create_task(server.serve()), asyncio.create_task(_grow(stations))]
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := (await reader.readline()).split():
        if line[0] == b"jump":
            for station in stations.values():
                station.grow(int(line[1]))
        print(json.dumps({station.key: station.told() for station in stations.values()}), flush=True)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main())
