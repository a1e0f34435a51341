"""Takes over what is new in each controller's journal into the records, as it comes."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from irctl.clinic.desk import Desk
from irctl.clinic.lamps.stations import Station
from irctl.domain.chain import Event
from irctl.domain.problems import Refused
from irctl.records.following import cursor, follow

EVERY_S = 0.5
RETRY_S = 5.0
PAGE = 1000

_log: Any = structlog.get_logger()


class Projecting:
    """Of one station."""

    def __init__(self, desk: Desk, station: Station) -> None:
        self._desk, self._station = desk, station
        self._held: list[Event] = []
        """From the last event that is projected on: that one, and what a power cut could still take from the journal."""

    async def run(self) -> None:
        """For ever. A station that does not answer, or a database that is away, is tried again; what was missed is taken over then."""
        told = ""
        while True:
            try:
                more = await self.step()
            except Refused as refused:
                self._station.progress.failed(refused)
                if (said := str(refused)) != told:
                    told = said
                    _log.warning("records.waiting", station=self._station.name, text=said)
                self._held.clear()
                await asyncio.sleep(RETRY_S)
                continue
            told = ""
            if not more:
                await asyncio.sleep(EVERY_S)

    async def step(self) -> bool:
        """One page; whether there is more. Raises Refused."""
        controller, progress = await self._station.controller(), self._station.progress
        if self._held:
            after = self._held[-1]["seq"]
        else:
            # From the last event that is known: it must still be the same.
            progress.seq = (await asyncio.to_thread(cursor, self._desk.database, controller)).seq
            after = max(0, progress.seq - 1)
        asked_s = progress.now_s()
        page: list[Event] = await self._station.get(f"/v1/journal?after={after}&limit={PAGE}")
        if page:
            self._held += page
            done = await asyncio.to_thread(follow, self._desk.database, controller, self._held)
            progress.seq = done.seq
            self._held = [event for event in self._held if event["seq"] >= done.seq]
            if done.events:
                self._desk.changed()
        if len(page) == PAGE:
            return True
        progress.level(asked_s)
        return False
