"""Lines and devices as a technician sees them, and the few things that only a person may order of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from irctl.clinic.acting import Acting
from irctl.clinic.lamps.lamp_upkeep import at
from irctl.clinic.lamps.stations import Station
from irctl.domain.people import Verb

View = Mapping[str, Any]
SHOWN_MAX = 60
"""Frames on a screen at once."""


async def lines(station: Station) -> list[View]:
    """Each line's figures, with what stands on it. Raises Refused."""
    return await station.get("/v1/lines")


def too_short(line: View) -> list[str]:
    """The leases that this line's worst case outlasts: there must be none."""
    return [name for name, lease_s in line["leases_s"].items() if lease_s < line["worst_time_to_dark_s"]]


async def act(station: Station, acting: Acting, device: str, action: str, reason: str) -> None:
    """Such as clearing a latched trip. Raises Refused."""
    acting.require(Verb.CONFIGURE, reason=reason)
    await station.post(f"/v1/devices/{quote(device, safe='')}/{quote(action, safe='')}", acting, {"reason": reason})


async def accept_clock(station: Station, acting: Acting, reason: str) -> None:
    """Somebody vouches that the controller's clock is right now. Raises Refused."""
    acting.require(Verb.CONFIGURE, reason=reason)
    await station.post("/v1/clock/accept", acting, {"reason": reason})


async def commissioned(station: Station, lamp: str) -> View:
    """The evidence of a lamp's commissioning, and what is wrong with it. Raises Refused."""
    return await station.get(f"{at(lamp)}/commissioned")


@dataclass(slots=True)
class Tail:
    """The last frames of one line as one screen follows them: each once, the oldest forgotten."""

    line: str
    frames: list[View] = field(default_factory=list[View])
    now_s: float = 0.0
    """Of the controller's own clock, when they were told."""
    _last: int = 0

    async def follow(self, station: Station) -> bool:
        """Whether something new went by. Raises Refused."""
        told = await station.get(f"/v1/lines/{quote(self.line, safe='')}/trace?after={self._last}")
        new: list[View] = told["frames"]
        self.now_s = told["now_s"]
        if new and new[-1]["number"] < self._last:
            self.frames.clear()  # another controller counts anew
        if new:
            # The last one may be a question whose answer is still to come: it is told again with what became of it.
            self._last = new[-1]["number"] - (1 if new[-1]["direction"] == "tx" else 0)
            first = new[0]["number"]
            self.frames = [*(f for f in self.frames if f["number"] < first), *new][-SHOWN_MAX:]
        return bool(new)
