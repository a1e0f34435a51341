"""Simulated faults: a demonstration shows what the station does when something breaks. Only where every station is simulated, and the clinic's file says so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused

ANSWER_S = 5.0
ANSWER_MAX = 1_000_000
"""Bytes of the simulator's longest answer, and far more."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One that can be put into the simulator. `target`, `kind`, `more`: as its control socket names them."""

    title: str
    target: str
    kind: str
    more: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def request(self) -> dict[str, Any]:
        return {"do": "fault", "target": self.target, "kind": self.kind, **self.more}


class Simulator:
    """The control socket at "host:port", and what was put into it from here. Calls raise Refused."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.active: list[Fault] = []
        self._one = asyncio.Lock()

    async def put(self, fault: Fault) -> None:
        async with self._one:
            await self.ask(fault.request)
            if fault not in self.active:
                self.active.append(fault)

    async def mend(self, fault: Fault | None = None) -> None:
        """One of them, the others stay; None: all. The simulator mends everything at once, so the others are put in again."""
        async with self._one:
            await self.ask({"do": "clear"})
            left, self.active = [one for one in self.active if fault is not None and one != fault], []
            for one in left:
                await self.ask(one.request)
                self.active.append(one)

    async def place(self, meter: str, lamp: str | None, distance_cm: float = 0.0) -> None:
        """The simulated reference meter under a lamp; None: put away."""
        if lamp is None:
            await self.ask({"do": "remove", "meter": meter})
        else:
            await self.ask({"do": "place", "meter": meter, "lamp": lamp, "distance_cm": distance_cm})

    async def state(self) -> Mapping[str, Any]:
        """Lines, devices, lamps and meters as they really are."""
        return (await self.ask({"do": "state"}))["state"]

    async def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        host, _, port = self.address.rpartition(":")
        try:
            async with asyncio.timeout(ANSWER_S):
                reader, writer = await asyncio.open_connection(host or "127.0.0.1", int(port), limit=ANSWER_MAX)
                try:
                    writer.write(json.dumps(request).encode() + b"\n")
                    answer: Any = json.loads(await reader.readline())
                finally:
                    writer.close()
        except (OSError, ValueError, TimeoutError) as error:
            why = f"does not answer ({error or type(error).__name__})"
            raise Refused([Problem("simulator", self.address, why, "Start it, or correct `simulator`")]) from None
        if not answer.get("ok"):
            raise Refused([Problem("simulator", self.address, str(answer.get("error")), "Choose another")])
        return cast("dict[str, Any]", answer)


_simulators: dict[str, Simulator] = {}


def simulator_of(desk: Desk) -> Simulator | None:
    """Where faults may be put in: a demonstration, every station simulated and heard of, and an address in the clinic's file."""
    address = desk.file.simulator
    views = [station.view for station in desk.stations.values()]
    if not desk.file.demonstration or address is None or not views:
        return None
    if not all(view is not None and view["simulated"] for view in views):
        return None
    return _simulators.setdefault(address, Simulator(address))


def possible(state: Mapping[str, Any], interlocks: Sequence[str]) -> dict[str, list[Fault]]:
    """By what it happens to: what a demonstration shows, of what the simulator can do."""
    return {
        "interlock": [Fault(f"{name} opens", name, "open_contact") for name in interlocks],
        "lamp": [
            fault
            for name in state["lamps"]
            for fault in (
                Fault(f"{name}: aged, 20 % less light", name, "ageing", {"factor": 0.8}),
                Fault(f"{name}: unsteady mains, ±3 %", name, "unsteady", {"percent": 3.0, "seconds": 20.0}),
            )
        ],
        "device": [
            *(Fault(f"{name}: silent", name, "silent") for name in state["devices"]),
            *(Fault(f"{name}: without power", name, "unpowered") for name in state["devices"]),
        ],
        "line": [
            *(Fault(f"{name}: unplugged", name, "unplug") for name in state["lines"]),
            *(Fault(f"{name}: one frame in five damaged", name, "corrupt", {"rate": 0.2}) for name in state["lines"]),
        ],
    }


async def put(desk: Desk, acting: Acting, fault: Fault) -> None:
    """Raises Refused."""
    await _allowed(desk, acting).put(fault)


async def mend(desk: Desk, acting: Acting, fault: Fault | None = None) -> None:
    """One, or all of them. Raises Refused."""
    await _allowed(desk, acting).mend(fault)


async def place(desk: Desk, acting: Acting, meter: str, lamp: str | None, distance_cm: float = 0.0) -> None:
    """Raises Refused."""
    await _allowed(desk, acting).place(meter, lamp, distance_cm)


def _allowed(desk: Desk, acting: Acting) -> Simulator:
    acting.require(Verb.CHECK_LAMP)
    simulator = simulator_of(desk)
    if simulator is None:
        limit = "faults are put into a demonstration only, with every station simulated"
        raise Refused([Problem("demonstration", desk.file.demonstration, limit, "Start the demonstration")])
    return simulator
