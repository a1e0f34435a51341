"""Three stations, a clinic and its PostgreSQL, each on a computer of its own, on a network that is cut, slow and unsteady while patients are treated.

Every treatment is as if nothing had been; every event of every journal is in the database afterwards, once.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from irctl.controller.journal import segments
from irctl.records import tables
from irctl.records.database import Database
from irctl.records.digest import digest
from irctl.records.following import controller_of, cursor, follow
from tests.fleet.network import Network, a_network
from tests.fleet.worlds import a_clinic, a_station_file, children, eventually, pair
from tests.records.postgres import UNPRIVILEGED_HERE, Server, a_server
from tests.service.worlds import Simulator, Station, a_station, an_order, environment

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's")]

SEED = 20261126
ROOMS = ("room-1", "room-2", "room-3")
COMPUTERS = {
    "database": "10.77.0.1",
    "clinic": "10.77.0.2",
    **{room: f"10.77.0.{11 + at}" for at, room in enumerate(ROOMS)},
}
DOSE_J_CM2, IRRADIANCE_MW_CM2 = 0.5, 50.0
TREATMENTS = 3
"""One after another at each station, ten seconds of light each and as much around it: the outages lie within them."""
CATCH_UP_S = 60.0


@dataclass
class Room:
    station: Station
    on: Sequence[str]
    treating: subprocess.Popen[str] | None = None

    @contextmanager
    def treat(self) -> Iterator[None]:
        """One treatment after another, by the command line on this computer."""
        words = [sys.executable, "-m", "irctl", *an_order(fluence=DOSE_J_CM2, irradiance=IRRADIANCE_MW_CM2), "--json"]
        program = f"import subprocess, sys\nfor _ in range({TREATMENTS}): sys.exit(1) if subprocess.run({words!r}).returncode else 0"
        self.treating = treating = subprocess.Popen(
            [*self.on, sys.executable, "-c", program],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(IRCTL_URL=self.station.url),
        )
        with treating:
            try:
                yield
            finally:
                treating.kill()

    def treated(self, within_s: float) -> list[dict[str, Any]]:
        assert self.treating
        said = self.treating.communicate(timeout=within_s)[0]
        assert self.treating.returncode == 0, said
        return [json.loads(text)["ended"] for text in said.replace("}\n{", "}\0{").split("\0")]


class Fleet:
    def __init__(self, network: Network, server: Server, database: str, rooms: dict[str, Room]) -> None:
        self.network, self.server, self.rooms = network, server, rooms
        self.database = Database(database)

    def behind(self) -> dict[str, int]:
        """Events of each journal that are not in the database."""
        return {room: self._last(room) - cursor(self.database, self.known(room)).seq for room in self.rooms}

    def known(self, room: str) -> str:
        found = controller_of(self.events(room))
        assert found
        return found

    def events(self, room: str) -> Iterator[Any]:
        return segments.events_after(self.rooms[room].station.journal, 0)

    def _last(self, room: str) -> int:
        return max(event["seq"] for event in self.events(room) if event["event"] != "session.sample")


@contextmanager
def a_fleet(folder: Path) -> Iterator[tuple[Fleet, Path]]:
    with ExitStack() as made:
        network = made.enter_context(a_network(COMPUTERS, SEED))
        address = COMPUTERS["database"]
        on = network.on("database", UNPRIVILEGED_HERE)
        server = made.enter_context(a_server(at=address, on=on))
        url = server.database()
        file = folder / "clinic.toml"
        name = url.partition("@/")[2].partition("?")[0]
        file.write_text(
            f'[clinic]\nname = "Central"\nport = 8971\n[records]\ndatabase = "postgresql://irctl@{address}/{name}"\n'
        )
        rooms: dict[str, Room] = {}
        for room in ROOMS:
            there = folder / room
            there.mkdir()
            config = a_station_file(there, 8972, room, COMPUTERS[room])
            on = network.on(room)
            station = made.enter_context(a_station(there, config=config, on=on))
            pair(config, station.state, file, folder / "clinic", room, there=on, here=network.on("clinic"))
            rooms[room] = Room(station, on)
        fleet = Fleet(network, server, url, rooms)
        made.callback(fleet.database.close)
        yield fleet, file


def test_no_outage_of_network_clinic_or_database_touches_a_treatment_and_nothing_is_lost_or_doubled(tmp_path: Path):
    with a_fleet(tmp_path) as (fleet, file), ExitStack() as clinic:
        process = clinic.enter_context(a_clinic(file, tmp_path / "clinic", fleet.network.on("clinic")))
        for room in fleet.rooms.values():
            clinic.enter_context(room.treat())
        began_s = time.monotonic()
        told: list[str] = []

        def at(s: float, what: str) -> None:
            time.sleep(max(0.0, began_s + s - time.monotonic()))
            told.append(f"{s:4.0f} s  {what}")

        at(2, "the first room's frames take up to 0.4 s each, and overtake each other")
        fleet.network.slow("room-1", 0.02, 0.4)
        at(4, "the second room's cable is pulled")
        fleet.network.cut("room-2")
        at(7, "the database's cable is pulled, for longer than a connection lives")
        fleet.network.cut("database")
        at(19, "nothing of what happens is in the database")
        assert all(fleet.behind().values())
        at(20, "the second room and the database are back; the third room is slow")
        fleet.network.mend("room-2")
        fleet.network.mend("database")
        fleet.network.slow("room-3", 0.05, 0.3)
        at(24, "the database crashes")
        fleet.server.crash()
        at(28, "the clinic is killed; the database starts")
        clinics = children(process.pid)
        assert clinics
        for pid in clinics:
            os.kill(pid, signal.SIGKILL)
        fleet.server.start()
        at(32, "everything is cut at once")
        for room in ROOMS:
            fleet.network.cut(room)
        at(36, "all is well again")
        for room in ROOMS:
            fleet.network.mend(room)

        for name, room in fleet.rooms.items():
            _is_as_if_nothing_had_been(name, room.treated(90), room.station.simulator)
        eventually("the clinic has caught up", lambda: not any(fleet.behind().values()), CATCH_UP_S)
        told.append(f"{time.monotonic() - began_s:4.0f} s  everything is in the database")
        print("\n".join(told))
        for room in ROOMS:
            _is_there_once(fleet, room, tmp_path)


def _is_as_if_nothing_had_been(room: str, treatments: list[dict[str, Any]], simulator: Simulator) -> None:
    assert len(treatments) == TREATMENTS
    for ended in treatments:
        assert ended["outcome"] == "completed", (room, ended)
        assert ended["delivered"]["best_j_cm2"] == pytest.approx(DOSE_J_CM2, rel=0.02), (room, ended)
        # No pause, no dimming, no waiting: the light was on for as long as planned.
        assert ended["time_on_s"] == pytest.approx(ended["planned_s"], rel=0.1), (room, ended)
    really = simulator.truth("right")["fluence_j_cm2"]
    least, most = (sum(ended["delivered"][bound] for ended in treatments) for bound in ("min_j_cm2", "max_j_cm2"))
    assert least <= really <= most


def _is_there_once(fleet: Fleet, room: str, folder: Path) -> None:
    """The rows are those that the journal, read whole and for the first time, makes in an empty database."""
    known, fresh = fleet.known(room), Database(f"sqlite:///{folder / room}.sqlite")
    fresh.prepare()
    seq = cursor(fleet.database, known).seq
    follow(fresh, known, (event for event in fleet.events(room) if event["seq"] <= seq))
    for table in tables.PROJECTED:
        with fleet.database.reading() as there, fresh.reading() as here:
            assert digest(there, table, known) == digest(here, table, known), f"{room}: {table.name}"
    fresh.close()
