"""A station in a hurry: real drivers on simulated lamps in virtual time, behind the controller's real API on a port of its own.

What takes a technician half an hour takes seconds: after each request that comes in over HTTP the station lives on for a while, and in between its clock stands
still. So a busy computer delays nothing there, and a test of it depends on no time of day.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue

import httpx

from irctl.controller.api.app import create_app
from irctl_campaign.virtual import run_virtual
from tests.simulation.technician import Technician
from tests.simulation.world import a_station

MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""The day in the documentation's numbers: C-20261123-0001 is its first calibration."""
LIVES_S = 5.0
"""After each request. A command looks four times a second, so an hour at the lamp is three minutes of waiting."""
LIVES_CALIBRATING_S = 30.0
"""After each look at a calibration: nobody is asked anything within a minute there."""
ANSWER_MAX_S = 60.0


@dataclass
class Asked:
    """One request, and what was answered once it is."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    answer: httpx.Response | None = None
    answered: threading.Event = field(default_factory=threading.Event)


Queue = SimpleQueue[Asked | None]
"""None: the end of the day."""

_ONE_AT_A_TIME = threading.Lock()
"""An application makes the last of its routes when it is first asked, and two that do so at once in one process trip over each other's warnings."""


@contextmanager
def a_bench(state: Path, config: Path, begins: datetime | None = None) -> Iterator[str]:
    """Its address."""
    asked: Queue = SimpleQueue()
    failed: list[BaseException] = []
    ready = threading.Event()

    def live() -> None:
        try:
            run_virtual(_live(state, config, begins or MORNING, asked, ready))
        except BaseException as error:
            failed.append(error)
            ready.set()

    living = threading.Thread(target=live, name="bench")
    living.start()
    ready.wait()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Door,), {"asked": asked}))
    serving = threading.Thread(target=server.serve_forever, name="door")
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        serving.join()
        asked.put(None)
        living.join()
        if failed:
            raise failed[0]


async def _live(state: Path, config: Path, begins: datetime, asked: Queue, ready: threading.Event) -> None:
    async with a_station(state, config=config, begins=begins) as world:
        world.sim.place("meter", "left", 50.0)
        await world.until(lambda: all(lamp.output.verified_dark for lamp in world.station.lamps.values()))
        await asyncio.sleep(2.0)
        ready.set()
        with _ONE_AT_A_TIME:
            transport = httpx.ASGITransport(create_app(world.station))
            async with httpx.AsyncClient(transport=transport, base_url="http://bench") as api:
                await api.get("/v1/nothing")
        async with httpx.AsyncClient(transport=transport, base_url="http://bench") as api:
            while (one := asked.get()) is not None:
                one.answer = await api.request(one.method, one.path, headers=one.headers, content=one.body)
                one.answered.set()
                await asyncio.sleep(LIVES_CALIBRATING_S if one.path.startswith("/v1/calibrations/") else LIVES_S)


def a_day(state: Path, config: Path) -> datetime:
    """One treatment, and a calibration that somebody approved; when it was over. Both at the left lamp."""

    async def until_noon() -> datetime:
        async with a_station(state, config=config, begins=MORNING) as world:
            await world.attended_to_its_end(await world.running("left", fluence=3.0))
            await Technician(world, "left").calibrate()
            return MORNING + timedelta(seconds=world.now)

    return run_virtual(until_noon())


class _Door(BaseHTTPRequestHandler):
    """Takes requests from real sockets into the station's own time."""

    protocol_version = "HTTP/1.1"
    asked: Queue

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        one = Asked(self.command, self.path, dict(self.headers.items()), body)
        self.asked.put(one)
        assert one.answered.wait(ANSWER_MAX_S)
        assert one.answer is not None
        self.send_response(one.answer.status_code)
        self.send_header("Content-Type", one.answer.headers.get("content-type", "application/json"))
        self.send_header("Content-Length", str(len(one.answer.content)))
        self.end_headers()
        self.wfile.write(one.answer.content)

    do_GET = do_POST = do_PUT = do_DELETE = _take

    def log_message(self, format: str, *args: object) -> None:
        pass
