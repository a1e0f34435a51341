"""The clinic's desk: everything its verbs need in one place, and the number that says that something has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import ParamSpec, TypeVar

from irctl.clinic.acting import Acting
from irctl.clinic.lamps.stations import Station
from irctl.clinic.settings import ClinicFile
from irctl.clinic.shelf.library import Library
from irctl.documents.exported import Sign
from irctl.documents.rvu import Folder
from irctl.domain.notices import Notice
from irctl.domain.people import NOTHING_MORE, Context, Person
from irctl.domain.problems import Problem, Refused
from irctl.interop.outbox import Outbox
from irctl.records.accounts import Accounts
from irctl.records.database import Database
from irctl.records.papers import Papers
from irctl.records.people import People
from irctl.records.sealing import Ring

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class Desk:
    """Of one running clinic."""

    file: ClinicFile = field(repr=False)  # may name a database's password
    database: Database
    ring: Ring
    papers: Papers
    patients: People
    accounts: Accounts
    library: Library
    stations: Mapping[str, Station]
    wall: Callable[[], datetime]
    """The one wall clock, UTC."""
    zone: tzinfo
    fees: Folder
    """CMS's files, as they were imported."""
    outbox: Outbox
    payers: Path
    """A folder of payers' rules."""
    templates: Path | None
    """A folder of the clinic's own templates of papers."""
    metrics_token: Path | None
    """The file of the token that /metrics asks for; None: it is told to programs of this computer."""
    seal: Sign | None = None
    """The clinic's signature over what it hands out as evidence; without it that is not sealed by the clinic."""
    revision: int = field(default=0)
    """Another number whenever anything that a screen may show has changed."""
    unwritten: dict[str, Notice] = field(default_factory=dict[str, Notice])
    """By what they are about: notices that the records could not take."""

    def now(self) -> datetime:
        """In the clinic's zone."""
        return self.wall().astimezone(self.zone)

    def acting(self, person: Person | None, context: Context = NOTHING_MORE) -> Acting:
        """This person, now."""
        return Acting(person, self.now(), context)

    def changed(self) -> None:
        """Every screen looks again within half a second."""
        self.revision += 1

    def station(self, name: str) -> Station:
        """Raises Refused."""
        if name not in self.stations:
            raise Refused([Problem("station", name, "is not followed here", f"Known are {', '.join(self.stations)}")])
        return self.stations[name]

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Work with the database, beside the loop; afterwards every screen looks again."""
        try:
            return await asyncio.to_thread(work, *args, **kwargs)
        finally:
            self.changed()
