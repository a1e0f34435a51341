"""Ten years of a busy clinic: 150,000 sessions with everything that people wrote down beside them, and how long each page takes that is opened daily.

python -m benchmarks.decade --sessions 150000 [--times 100] [--database URL of an empty one] [--versions 9] [--keep FOLDER]

The clinic is the real one: its app, its doors, its pages, over HTTP, one request after another. What a page draws only after its socket is there is not in its
answer; pages that do so are named. Without --database both SQLite and a PostgreSQL of its own are measured, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import httpx
from rich.console import Console
from sqlalchemy import RowMapping, func, select

from benchmarks import years
from benchmarks.records import KEY, Stopwatch, a_journal
from benchmarks.report import Report, Target, figure
from irctl.clinic.desk import Desk
from irctl.clinic.doors.doors import Doors
from irctl.clinic.doors.tokens import Issuer
from irctl.clinic.lamps.stations import Station
from irctl.clinic.opening import open_desk
from irctl.clinic.screens.screen import COOKIE
from irctl.clinic.settings import ClinicFile, RecordsSection
from irctl.records import tables
from irctl.records.following import follow, rebuild

SESSIONS = 2_000
"""By default, so that it takes a minute. The whole ten years are 150,000, and take half an hour."""
TIMES = 100
TARGET_MS = 200.0
UNMEASURED = 3
"""Requests before those that are."""

Measured = dict[str, Any]
Took = dict[str, list[float]]
"""`s` by the clock, and `cpu_s` of this process: what a busy computer adds is in the first alone. A PostgreSQL's own work is in the first alone, too."""


def run(sessions: int = SESSIONS, times: int = TIMES, versions: int = years.VERSIONS) -> Report:
    """On both databases."""
    found = {"SQLite": _in_a_process(sessions, times, versions, None)}
    with _a_postgresql() as url:
        if url is not None:
            found["PostgreSQL"] = _in_a_process(sessions, times, versions, url)
    return _report(sessions, times, found)


@contextmanager
def _a_postgresql() -> Iterator[str | None]:
    """A server of our own; None where there is none installed."""
    import pytest

    from tests.records.postgres import a_server

    server = a_server(())  # commits are on the disk, as in earnest
    try:
        entered = server.__enter__()
    except pytest.skip.Exception:
        yield None
        return
    try:
        yield entered.database()
    finally:
        server.__exit__(None, None, None)


def _in_a_process(sessions: int, times: int, versions: int, url: str | None) -> Measured:
    """NiceGUI's pages are there once in a process."""
    asked = ["--sessions", sessions, "--times", times, "--versions", versions, "--json"]
    asked += ["--database", url] if url else ["--database", "sqlite"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.decade", *map(str, asked)], stdout=subprocess.PIPE, check=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def measured(
    sessions: int, times: int, versions: int, url: str | None, keep: Path | None = None, *, again: bool = True
) -> Measured:
    """One database, filled and asked. `keep`: a folder that stays; what is there already is not filled again. `again`: rebuild it, too."""
    with TemporaryDirectory() as folder:
        state, now = keep or Path(folder), datetime.now(UTC)
        state.mkdir(exist_ok=True)
        issuer = Issuer(state)
        file = ClinicFile(records=RecordsSection(database=url))
        # Nobody answers there: what is measured needs no controller.
        stations = {"here": Station("here", "http://127.0.0.1:9", issuer)}
        desk = open_desk(file, state, issuer, lambda: datetime.now(UTC), stations)
        try:
            found: Measured = {"load": os.getloadavg()[0]}
            found |= _filled(desk, sessions, versions, now) if not _count(desk) else _sizes(desk)
            if times:
                found["pages"] = _pages(desk, times) | _drawn_later(desk, times)
            return found | (_rebuilt(desk, now) if again else {})
        finally:
            desk.database.close()


def _journal(desk: Desk, sessions: int, began: datetime) -> Iterator[Any]:
    protocols = tuple(protocol.label for protocol in desk.library.protocols.values())
    return a_journal(sessions, patients_a_year=years.PATIENTS_A_YEAR, protocols=protocols, began=began)


def _filled(desk: Desk, sessions: int, versions: int, now: datetime) -> Measured:
    watch = Stopwatch(_journal(desk, sessions, years.begin_day(sessions, now)))
    follow(desk.database, KEY, watch)
    projected_s = watch.took_s
    projected_bytes = desk.database.bytes() or 0
    began_s = time.perf_counter()
    written = years.write(desk, now, versions=versions)
    wrote_s = time.perf_counter() - began_s
    if not desk.database.is_sqlite:
        with desk.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")  # as autovacuum does within a minute
    found = {"events_s": watch.events / projected_s, "projected_s": projected_s, "projected_mb": projected_bytes / 1e6}
    return found | {"papers_s": written.papers / wrote_s} | _sizes(desk)


def _sizes(desk: Desk) -> Measured:
    names = ("patients", "papers", "paper_versions", "signatures", "views")
    with desk.database.reading() as connection:
        counts = {
            name: connection.execute(select(func.count()).select_from(getattr(tables, name))).scalar_one()
            for name in names
        }
    return {**counts, "mb": (desk.database.bytes() or 0) / 1e6}


def _rebuilt(desk: Desk, now: datetime) -> Measured:
    """From the same journal again; of a database that was kept, from the day on which it began."""
    with desk.database.reading() as connection:
        first = connection.execute(select(func.min(tables.sessions.c.ordered_at))).scalar_one()
    began = first.replace(hour=7, minute=0, second=0, microsecond=0)
    watch = Stopwatch(_journal(desk, _count(desk), began))
    done = rebuild(desk.database, KEY, watch)
    return {
        "rebuilt_s": watch.took_s,
        "rebuilt_events_s": watch.events / watch.took_s,
        "differing": list(done.differing),
    }


# --- the pages -------------------------------------------------------------------------------------------------------------


def _pages(desk: Desk, times: int) -> dict[str, Took]:
    """Of each page."""
    if not desk.accounts.listed():
        desk.accounts.create("admin", "A. Administrator", ["administrator"], _PASSWORD, None, desk.wall())
        admin = desk.accounts.person("admin")
        roles = [role.value for role in years.CLINICIAN.roles]
        desk.accounts.create(years.CLINICIAN.login, years.CLINICIAN.name, roles, _PASSWORD, admin, desk.wall())
    doors = Doors(desk.accounts)
    asked = _asked(desk)
    with _serving(desk, doors) as url:
        return {name: _took(doors, f"{url}{path}", times) for name, path in asked.items()}


def _drawn_later(desk: Desk, times: int) -> dict[str, Took]:
    """What pages look for once their socket is there, without the drawing."""
    from irctl.clinic.calendar import appointments
    from irctl.clinic.care import courses
    from irctl.clinic.care.outlook import outlook
    from irctl.clinic.care.timeline import timeline

    acting, today = desk.acting(years.CLINICIAN), desk.now().date()
    row = _recent(desk)
    patient, monday = row["patient"], today - timedelta(days=today.weekday())
    course = desk.papers.get(courses.KIND, f"C-{patient}")
    looks: dict[str, Callable[[], object]] = {
        "then: day board's list": lambda: appointments.between(desk, today, today + timedelta(days=1)),
        "then: a patient's courses": lambda: [outlook(desk, acting, one) for one in courses.of_patient(desk, patient)],
        "then: a patient's timeline": lambda: timeline(desk, acting, patient),
        "then: a course's outlook": lambda: outlook(desk, acting, course),
        "then: a calendar's week": lambda: appointments.week(desk, acting, monday),
    }
    return {name: _timed(look, times) for name, look in looks.items()}


def _timed(work: Callable[[], object], times: int) -> Took:
    took: Took = {"s": [], "cpu_s": []}
    for number in range(UNMEASURED + times):
        began_s, cpu_s = time.perf_counter(), time.process_time()
        work()
        if number >= UNMEASURED:
            took["s"].append(time.perf_counter() - began_s)
            took["cpu_s"].append(time.process_time() - cpu_s)
    return took


def _recent(desk: Desk) -> RowMapping:
    """One of the newest sessions, signed already."""
    query = select(tables.sessions).order_by(tables.sessions.c.ordered_at.desc()).offset(40).limit(1)
    with desk.database.reading() as connection:
        return connection.execute(query).mappings().one()


_PASSWORD = "granite sparrow envelope tonic"


def _asked(desk: Desk) -> dict[str, str]:
    """Pages that this clinic has, by what people call them."""
    from irctl.clinic import web
    from irctl.clinic.screens import screen

    web.load_pages()
    row = _recent(desk)
    patient, session = row["patient"], row["session"]
    second = _behind(desk, 25)
    far = _behind(desk, (_count(desk) * 9) // 10)
    wanted = {
        "day board": ("/", "/"),
        "patients": ("/patients", "/patients"),
        "one patient": ("/patients/{patient}", f"/patients/{patient}"),
        "course": ("/courses/{course}", f"/courses/C-{patient}"),
        "calendar": ("/calendar", "/calendar"),
        "records, first page": ("/records", "/records"),
        "records, second page": ("/records", f"/records?after={second}"),
        "records, nine years back": ("/records", f"/records?after={far}"),
        "records, one patient": ("/records", f"/records?patient={patient}"),
        "records, one lamp and outcome": ("/records", "/records?lamp=left&outcome=stopped"),
        "records, rare and narrow": ("/records", "/records?outcome=faulted&lamp=left&alarms=yes"),
        "records, signature missing": ("/records", "/records?signed=no"),
        "records, signed, of a year": ("/records", f"/records?signed=yes&to={row['ordered_at'].year - 2}-06-30"),
        "records, with alarms": ("/records", "/records?alarms=yes"),
        "records, amended": ("/records", "/records?amended=yes"),
        "one record": ("/records/{controller}/{session}", f"/records/{row['controller']}/{session}"),
        "alarms": ("/records/{what}", "/records/alarms"),
        "checks": ("/records/{what}", "/records/checks"),
        "audit": ("/audit", "/audit"),
        "audit, exports": ("/audit", "/audit?what=export"),
        "audit, one patient": ("/audit", f"/audit?about={patient}"),
    }
    there = {one.path for one in screen.SCREENS}
    return {name: path for name, (template, path) in wanted.items() if template in there}


def _count(desk: Desk) -> int:
    with desk.database.reading() as connection:
        return connection.execute(select(func.count()).select_from(tables.sessions)).scalar_one()


def _behind(desk: Desk, rows: int) -> str:
    """The address of the page behind so many rows."""
    from urllib.parse import quote

    from irctl.clinic.session_filter import told
    from irctl.records.searching import Place

    with desk.database.reading() as connection:
        query = select(tables.sessions).order_by(tables.sessions.c.ordered_at.desc()).offset(rows - 1).limit(1)
        row = connection.execute(query).mappings().one()
    return quote(told(Place(row["ordered_at"], (row["controller"], row["session"]))))


@contextmanager
def _serving(desk: Desk, doors: Doors) -> Iterator[str]:
    """The real app in a thread."""
    import uvicorn

    from irctl.clinic.web import create_app

    server = uvicorn.Server(uvicorn.Config(create_app(desk, doors), port=0, log_level="warning", access_log=False))
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10.0)


def _took(doors: Doors, url: str, times: int) -> Took:
    cookie, _ = doors.open(years.CLINICIAN)
    with httpx.Client(cookies={COOKIE: cookie}, trust_env=False, timeout=60.0) as client:

        def ask() -> None:
            answer = client.get(url)
            assert answer.status_code == 200, f"{url}: {answer.status_code}"

        return _timed(ask, times)


# --- told ------------------------------------------------------------------------------------------------------------------


def _nth(values: list[float], share: float) -> float:
    return sorted(values)[max(0, round(share * len(values)) - 1)]


def _told(took: Took) -> str:
    half, most, cpu = _nth(took["s"], 0.5), _nth(took["s"], 0.95), _nth(took["cpu_s"], 0.95)
    return f"{1000 * half:.0f} / {1000 * most:.0f} ms, {1000 * cpu:.0f} ms"


def _report(sessions: int, times: int, found: dict[str, Measured]) -> Report:
    names = list(found)
    rows = [
        (page, *(_told(found[db]["pages"][page]) for db in names))
        for page in found[names[0]].get("pages", ())
    ]  # fmt: skip
    said: list[tuple[str, Callable[[Measured], str]]] = [
        ("projected", lambda one: f"{figure(one['events_s'])} events/s, {figure(one['projected_s'])} s" if "events_s" in one else "before"),
        ("patients; looks at them", lambda one: f"{one['patients']}; {one['views']}"),
        ("papers; versions; signatures", lambda one: f"{one['papers']}; {one['paper_versions']}; {one['signatures']}"),
        ("size, projected", lambda one: f"{figure(one['projected_mb'])} MB" if "projected_mb" in one else "before"),
        ("size, all of it", lambda one: f"{figure(one['mb'])} MB"),
        ("rebuilt", lambda one: f"{figure(one['rebuilt_s'])} s, {'the same rows' if not one['differing'] else one['differing']}" if "rebuilt_s" in one else "not again"),
        ("load of this computer before", lambda one: figure(one["load"])),
    ]  # fmt: skip
    rows += [(what, *(tell(found[db]) for db in names)) for what, tell in said]
    worst = [
        Target(f"slowest page, 95 % of the time, {db}", max(1000 * _nth(took["s"], 0.95) for took in found[db]["pages"].values()), TARGET_MS, "ms")
        for db in names
        if found[db].get("pages")
    ]  # fmt: skip
    return Report(
        f"Ten years: {sessions} sessions; pages over HTTP, {times} times each: p50 / p95, p95 of this process's own work",
        ("figure", *names),
        rows,
        targets=worst,
        notes=(
            "What a page looks for only after its socket is there is not in its answer: it is measured by itself (then: …), without the drawing.",
        ),
    )


def main() -> None:
    asked = argparse.ArgumentParser(description="The clinic's pages, over ten years of records.")
    asked.add_argument("--sessions", type=int, default=SESSIONS)
    asked.add_argument("--times", type=int, default=TIMES)
    asked.add_argument("--versions", type=int, default=years.VERSIONS, help="of each visit's paper")
    asked.add_argument("--database", help="an empty one, or `sqlite`; default: SQLite and a PostgreSQL of its own")
    asked.add_argument(
        "--keep", type=Path, help="a folder that stays: what is there, and in --database, is not filled again"
    )
    asked.add_argument("--no-rebuild", action="store_true", help="of one that was measured before")
    asked.add_argument("--json", action="store_true")
    options = asked.parse_args()
    if options.database is None:
        run(options.sessions, options.times, options.versions).show(Console(width=140))
        return
    url = None if options.database == "sqlite" else options.database
    found = measured(options.sessions, options.times, options.versions, url, options.keep, again=not options.no_rebuild)
    if options.json:
        print(json.dumps(found))
    else:
        _report(options.sessions, options.times, {options.database: found}).show(Console(width=140))


if __name__ == "__main__":
    main()
