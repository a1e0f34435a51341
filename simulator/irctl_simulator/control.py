"""The control socket: one JSON object a line in, one out, for tests, demonstrations and `irctl-sim fault`.

    {"do": "fault", "target": "dimmer", "kind": "late", "seconds": 0.2}   -> {"ok": true}
    {"do": "clear"}                                                       -> {"ok": true}
    {"do": "place", "meter": "meter", "lamp": "left", "distance_cm": 50}  -> {"ok": true}      also "angle_deg"
    {"do": "remove", "meter": "meter"}                                    -> {"ok": true}
    {"do": "truth"} or {"do": "truth", "lamp": "left"}                    -> {"ok": true, "truth": {"left": {...}}}
    {"do": "truth", "meter": "meter"}                                     -> {"ok": true, "truth": {"meter": {...}}}
    {"do": "state"}                                                       -> {"ok": true, "state": {...}}

Anything wrong answers {"ok": false, "error": "what and what is possible"}.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from dataclasses import asdict
from typing import Any, cast

from irctl_simulator.faults import FaultError
from irctl_simulator.servers import HOST, Clients
from irctl_simulator.station import SimStation

ANSWER_S = 5.0
"""How long the command line waits for an answer."""

Answer = dict[str, Any]


class ControlServer:
    """Serves one station's control socket on the loopback interface."""

    def __init__(self, station: SimStation, port: int = 0) -> None:
        self.station = station
        self.port = port
        self._server: asyncio.Server | None = None
        self._clients = Clients()

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server:
            self._server.close()
        await self._clients.drop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # ValueError: a line beyond the reader's limit
        with self._clients.serving(writer), contextlib.suppress(ConnectionError, ValueError):
            while line := await reader.readline():
                writer.write(json.dumps(answer(self.station, line)).encode() + b"\n")
                await writer.drain()


def answer(station: SimStation, line: bytes) -> Answer:
    """Do what one line asks."""
    try:
        request = json.loads(line)
    except ValueError as error:
        return {"ok": False, "error": f"not JSON: {error}"}
    if not isinstance(request, dict):
        return {"ok": False, "error": "expected a JSON object"}
    try:
        return {"ok": True} | _do(station, cast("Answer", request))
    except FaultError as error:
        return {"ok": False, "error": str(error)}


def _do(station: SimStation, request: Answer) -> Answer:
    match request.pop("do", None):
        case "fault":
            target, kind = str(request.pop("target", "")), str(request.pop("kind", ""))
            station.set_fault(target, kind, **request)
            return {}
        case "clear":
            station.clear_faults()
            return {}
        case "place":
            place(station, request)
            return {}
        case "remove":
            station.remove(str(request.get("meter", "")))
            return {}
        case "truth" if "meter" in request:
            meter = str(request["meter"])
            return {"truth": {meter: asdict(station.meter_truth(meter))}}
        case "truth":
            return {"truth": truths(station, request.get("lamp"))}
        case "state":
            return {"state": state(station)}
        case other:
            raise FaultError(f"cannot do {other!r}; can do fault, clear, place, remove, truth, state")


def place(station: SimStation, request: Answer) -> None:
    asked: Answer = {"meter": "", "lamp": "", "distance_cm": None, "angle_deg": 0.0}
    if unknown := request.keys() - asked.keys():
        raise FaultError(f"place has no parameter {', '.join(sorted(unknown))}; it has {', '.join(asked)}")
    asked |= request
    station.place(str(asked["meter"]), str(asked["lamp"]), asked["distance_cm"], asked["angle_deg"])


def truths(station: SimStation, lamp: object = None) -> dict[str, Answer]:
    """What really happened, of one lamp or all; times are the simulator's, seconds."""
    if lamp is not None and lamp not in station.lamps:
        raise FaultError(f"there is no lamp {lamp}; there are {', '.join(station.lamps)}")
    found = {name: station.truth(name) for name in station.lamps if lamp in (None, name)}
    return {name: asdict(truth) | {"powered_s": truth.powered_s} for name, truth in found.items()}


def state(station: SimStation) -> Answer:
    """Lines, devices with their real outputs and faults, lamps with their serial numbers, meters with their places."""
    now = station.now
    station.sync(now)
    return {
        "now": now,
        "lines": {name: {"plugged": line.plugged} for name, line in station.lines.items()},
        "devices": {
            name: {
                "twin": device.twin.kind,
                "outputs": device.outputs(),
                "silent": device.faults.silent,
                "unpowered": device.faults.unpowered,
                "late_s": device.faults.late_s,
                "wrong_echo": device.faults.wrong_echo,
                "wrong_answer": device.faults.wrong_answer,
                "twice": device.faults.twice,
                "junk": device.faults.junk,
                "stuck": sorted(device.faults.stuck),
                "welded": sorted(device.faults.welded),
            }
            for name, device in station.devices.items()
        },
        "lamps": {
            name: {"serial": lamp.serial, "irradiance_mw_cm2": lamp.treatment.truth(now).irradiance_mw_cm2}
            for name, lamp in station.lamps.items()
        },
        "meters": {name: asdict(station.meter_truth(name)) for name in station.meters},
    }


def ask(address: str, request: Answer) -> Answer:
    """Blocking client of a control socket at "host:port"; raises OSError where nobody answers, ValueError for nonsense."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host or HOST, int(port)), timeout=ANSWER_S) as connection:
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as lines:
            return cast("Answer", json.loads(lines.readline()))
