"""A page on the served station: each twin's registers and outputs, and what is physically true, live. It looks, and touches nothing.

A sensor that is looked at draws its noise as if it were asked: with a page open, a served station's noise is another than without.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Thread
from typing import Any

from irctl_simulator.device import Device
from irctl_simulator.faults import DeviceFaults
from irctl_simulator.servers import HOST
from irctl_simulator.station import SimStation
from irctl_simulator.twins.base import RegisterTwin, Table

AREAS = (("coil", "coils"), ("input bit", "discretes"), ("input", "inputs"), ("holding", "holdings"))


class PageServer:
    """On the loopback interface, for as long as the station is served. A thread of its own answers; the station is asked on its own loop."""

    def __init__(self, station: SimStation, port: int = 0) -> None:
        self.station, self.port = station, port
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def open(self) -> None:
        station, loop = self.station, asyncio.get_running_loop()
        page = (files("irctl_simulator") / "page.html").read_bytes()

        async def state() -> bytes:
            return json.dumps(shown(station)).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the name that http.server calls
                match self.path:
                    case "/":
                        self._answer("text/html; charset=utf-8", page)
                    case "/state.json":
                        told = asyncio.run_coroutine_threadsafe(state(), loop).result(5)
                        self._answer("application/json", told)
                    case _:
                        self.send_error(404)

            def _answer(self, media: str, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", media)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer((HOST, self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        Thread(target=self._server.serve_forever, name="page", daemon=True).start()

    async def close(self) -> None:
        if self._server is not None:
            await asyncio.to_thread(self._server.shutdown)
            self._server.server_close()


def shown(station: SimStation) -> dict[str, Any]:
    """Everything the page draws."""
    now = station.now
    station.sync(now)
    return {
        "now": now - station.started_at,
        "lines": [
            {"name": name, "plugged": line.plugged, "devices": [_device(one, now) for one in line.devices]}
            for name, line in station.lines.items()
        ],
        "lamps": {
            name: {**asdict(station.truth(name)), "serial": lamp.serial, "kind": lamp.config.kind}
            for name, lamp in station.lamps.items()
        },
    }


def _device(device: Device, now: float) -> dict[str, Any]:
    usual = DeviceFaults()
    broken = [one.name for one in fields(usual) if getattr(device.faults, one.name) != getattr(usual, one.name)]
    twin = device.twin
    registers = {}
    if isinstance(twin, RegisterTwin):
        tables: dict[str, Table] = {title: getattr(twin, name) for title, name in AREAS}
        if tables["input"] is tables["holding"]:
            del tables["input"]
        registers = {title: _peeked(table, now) for title, table in tables.items() if table}
    return {
        "name": device.name, "twin": twin.kind, "unit": twin.unit, "outputs": device.outputs(), "faults": broken,
        "registers": registers,
    }  # fmt: skip


def _peeked(table: Table, now: float) -> list[tuple[int, int | None]]:
    """By address; None for what cannot be read, or not without changing it."""
    return [
        (at, cell.read(now) & 0xFFFF if cell.read is not None and cell.peeks else None)
        for at, cell in sorted(table.items())
    ]
