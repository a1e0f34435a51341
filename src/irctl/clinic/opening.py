"""Opening the clinic in the morning: its file, its keys, its database and its stations become a desk."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tzlocal import get_localzone

from irctl.clinic.desk import Desk
from irctl.clinic.lamps.stations import Issuer, Station
from irctl.clinic.office.notices import ITSELF
from irctl.clinic.settings import ClinicFile, StationSection
from irctl.clinic.shelf.library import Library
from irctl.documents.exported import Sign
from irctl.documents.rvu import Folder
from irctl.domain.problems import Problem, Refused
from irctl.examples import examples
from irctl.fleet.trust import of_the_clinic
from irctl.interop.outbox import Outbox
from irctl.records.accounts import Accounts
from irctl.records.database import Database
from irctl.records.papers import Papers
from irctl.records.people import People
from irctl.records.rotating import keys_in_use
from irctl.records.sealing import Ring


def open_desk(
    file: ClinicFile,
    state: Path,
    issuer: Issuer,
    wall: Callable[[], datetime],
    stations: Mapping[str, Station] | None = None,
    seal: Sign | None = None,
) -> Desk:
    """Make ready what is missing (tables, the first key), then everything in its place. Raises Refused.

    `state`: the folder that relative names are in. `stations`: instead of the file's. `seal`: the clinic's signature over what it hands out.
    """
    database = Database(database_url(file, state))
    database.prepare()
    key = state / file.records.key
    if not key.exists() and (needed := keys_in_use(database)):
        remedy = "Put the key file back from its copy: without it nobody is known by name any more"
        raise Refused(
            [Problem("records.key", str(key), f"is not there, and the database needs key {', '.join(needed)}", remedy)]
        )
    ring = Ring.read(key) if key.exists() else Ring.with_new_key(key)
    if stations is None:
        stations = {
            name: Station(
                name,
                section.url,
                issuer,
                browser_url=section.browser_url,
                own_url=section.own_url,
                tls=tls_of(state, name, section),
            )
            for name, section in file.stations.items()
        }
    desk = desk_on(database, ring, file, state, wall, stations)
    desk.seal = seal
    return desk


def desk_on(
    database: Database,
    ring: Ring,
    file: ClinicFile,
    state: Path,
    wall: Callable[[], datetime],
    stations: Mapping[str, Station],
) -> Desk:
    """On a database that is ready, with its keys. Raises Refused."""
    papers = Papers(database, ring)
    library = Library(
        papers,
        state / file.protocols if file.protocols else examples() / "protocols",
        state / file.screening if file.screening else examples() / "screening" / "infrared.toml",
    )
    people, accounts = People(database, ring), Accounts(database)
    fees = Folder(state / "rvu")
    return Desk(
        file,
        database,
        ring,
        papers,
        people,
        accounts,
        library,
        stations,
        wall,
        zone_of(file),
        fees,
        Outbox(papers, ITSELF, Random()),
        payers=state / file.payers if file.payers else examples() / "payers",
        templates=state / file.templates if file.templates else None,
        metrics_token=state / file.metrics.token_file if file.metrics.token_file else None,
    )


def database_url(file: ClinicFile, state: Path) -> str:
    """The file's, else one in the state folder."""
    return file.records.database or f"sqlite:///{state / 'records.sqlite'}"


def tls_of(state: Path, name: str, section: StationSection) -> ssl.SSLContext | None:
    """What a station on another computer is spoken to with; None for one on this. Raises Refused while they are not paired."""
    return of_the_clinic(state, name) if section.url.startswith("https:") else None


def zone_of(file: ClinicFile) -> tzinfo:
    """The clinic's. Raises Refused."""
    if file.clinic.zone is None:
        return get_localzone()
    try:
        return ZoneInfo(file.clinic.zone)
    except (ZoneInfoNotFoundError, ValueError):
        remedy = "Use a name such as Europe/Oslo, or leave it out"
        raise Refused([Problem("clinic.zone", file.clinic.zone, "is no time zone known here", remedy)]) from None
