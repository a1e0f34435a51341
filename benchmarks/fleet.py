"""One clinic that follows 1 to 40 controllers into a PostgreSQL: what it takes, how far it is behind, how fast it catches up, beside COPY of the same events as plain lines."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from sqlalchemy import make_url, select

from benchmarks.processes import process
from benchmarks.records import a_journal
from benchmarks.report import Report, figure, median, p99, times
from benchmarks.stations import EVENTS_PER_S, SAMPLES
from benchmarks.usage import Usage, Used, children
from irctl.domain.chain import canonical
from irctl.domain.problems import Refused
from irctl.records import tables
from irctl.records.database import Database

SIZES = (1, 10, 40)
RUN_S = 20.0
SETTLE_S = 4.0
LOOK_S = 0.1
BEHIND = 40_000
"""Events in all that were missed, and are caught up with."""
GIVE_UP_S = 180.0


@dataclass(frozen=True, slots=True)
class Run:
    """`behind_s`: of each event that was on a controller's disk, when it was in the database. `bytes_per_event`: in the database."""

    stations: int
    used: Used
    behind_s: list[float]
    events_per_s: float
    bytes_per_event: float


def run(sizes: Sequence[int] = SIZES) -> Report:
    from tests.records.postgres import a_server

    with a_server(()) as server:  # commits are on the disk, as in earnest
        runs = [_followed(stations, server.database()) for stations in sizes]
        copied = _copied(server.database())
    rows = [
        [
            f"{one.stations}",
            f"{one.used.cpu:.0%}",
            one.used.memory,
            f"{median(one.behind_s):.1f} s",
            f"{p99(one.behind_s):.1f} s",
            f"{one.events_per_s:,.0f}",
            times(one.events_per_s / copied),
            f"{one.bytes_per_event:.0f}",
        ]
        for one in runs
    ]
    each = (runs[-1].used.cpu - runs[0].used.cpu) / (runs[-1].stations - runs[0].stations)
    return Report(
        "One clinic, many controllers, PostgreSQL",
        (
            "controllers",
            "CPU",
            "memory",
            "behind, median",
            "p99",
            "caught up with, events/s",
            "of COPY's",
            "bytes an event",
        ),
        rows,
        notes=[
            f"each controller writes {EVENTS_PER_S:g} events a second, as a lamp that is hardly ever dark; {RUN_S:g} s each; CPU: share of one core, the clinic's process",
            f"COPY: the same events as plain lines, {figure(copied)} a second",
            f"each controller more costs {each:.1%} of a core: one core is full at some {1 / each:.0f}, which is the first limit",
        ],
    )


def _followed(count: int, url: str) -> Run:
    with (
        TemporaryDirectory() as name,
        a_clinic(Path(name), count, url) as (clinic, stations),
        closing(Database(url)) as database,
    ):
        awaited = _Awaited()
        until_s = time.monotonic() + GIVE_UP_S
        while not (reached := _reached(database)) or len(reached) < count:
            if time.monotonic() > until_s:
                raise RuntimeError("the clinic did not follow every station")
            time.sleep(LOOK_S)
        time.sleep(SETTLE_S)
        _ask(stations, "")
        usage, until_s = Usage(children(clinic.pid)[0]), time.monotonic() + RUN_S
        while time.monotonic() < until_s:
            awaited.add(_ask(stations, "where"))
            awaited.arrived(_reached(database))
            time.sleep(LOOK_S)
        used = usage.so_far()
        before, bytes_before = sum(_reached(database).values()), database.bytes() or 0
        began_s, last = time.monotonic(), _Awaited()
        last.add(_ask(stations, f"jump {BEHIND // count}"))
        while last.waiting and time.monotonic() < began_s + GIVE_UP_S:
            last.arrived(_reached(database))
            time.sleep(LOOK_S)
        events = sum(_reached(database).values()) - before
        grown = (database.bytes() or 0) - bytes_before
        return Run(count, used, awaited.behind_s, events / (time.monotonic() - began_s), grown / events)


class _Awaited:
    """Events that are on controllers' disks, until they are in the database."""

    def __init__(self) -> None:
        self.behind_s: list[float] = []
        self._by_station: dict[str, list[tuple[int, float]]] = {}

    def add(self, told: dict[str, list[tuple[int, float]]]) -> None:
        for station, events in told.items():
            self._by_station.setdefault(station, []).extend(events)

    def arrived(self, reached: dict[str, int]) -> None:
        now_s = time.monotonic()
        for station, events in self._by_station.items():
            there = [made_s for seq, made_s in events if seq <= reached.get(station, 0)]
            self.behind_s += [now_s - made_s for made_s in there]
            del events[: len(there)]

    @property
    def waiting(self) -> bool:
        return any(self._by_station.values())


def _reached(database: Database) -> dict[str, int]:
    try:
        with database.reading() as connection:
            return {
                row.controller: row.seq
                for row in connection.execute(select(tables.cursors.c.controller, tables.cursors.c.seq))
            }
    except Refused:  # the tables are being made
        return {}


def _ask(stations: subprocess.Popen[bytes], word: str) -> dict[str, list[tuple[int, float]]]:
    assert stations.stdin
    assert stations.stdout
    stations.stdin.write(f"{word or 'where'}\n".encode())
    stations.stdin.flush()
    return json.loads(stations.stdout.readline())


@contextmanager
def a_clinic(folder: Path, count: int, url: str) -> Iterator[tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]]:
    """The clinic's process, and the one that answers as its stations."""
    port, pages = _free_port(), _free_port()
    sections = "".join(f'[stations.room-{n}]\nurl = "http://127.0.0.1:{port}/room-{n}"\n' for n in range(count))
    file = folder / "clinic.toml"
    file.write_text(f'[clinic]\nport = {pages}\n[records]\ndatabase = "{url}"\n{sections}', "utf-8")
    with (
        process("benchmarks.stations", str(count), str(port)) as stations,
        process(
            "irctl",
            "clinic",
            "serve",
            "--file",
            str(file),
            "--state",
            str(folder / "clinic"),
            out=folder / "clinic.log",
        ) as clinic,
    ):
        yield clinic, stations


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _copied(url: str) -> float:
    """Events a second, by PostgreSQL's own way in for many lines."""
    lines = [
        (event["seq"], canonical(event).decode())
        for event, _ in zip(a_journal(BEHIND, samples=SAMPLES), range(BEHIND), strict=False)
    ]
    told = make_url(url).render_as_string(hide_password=False)
    with psycopg.connect(told) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE plain (seq bigint PRIMARY KEY, event text)")
        connection.commit()
        began_s = time.monotonic()
        with cursor.copy("COPY plain FROM STDIN") as copy:
            for line in lines:
                copy.write_row(line)
        connection.commit()
        return len(lines) / (time.monotonic() - began_s)
