"""A busy lamp's months, written by the real journal and replayed: what they take on the disk, how long verifying, starting, projecting and backing up take, and how that grows.

python -m benchmarks.year --months 12

Fifteen sessions of ten minutes on each of twenty days a month, a reading each second. The events are made up; the journal's files, chain and signatures are the controller's own.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.processes import controller, simulator
from benchmarks.records import a_journal, page_s
from benchmarks.report import Report, figure
from benchmarks.usage import Usage, children
from irctl.controller.journal import journal as journal_module
from irctl.controller.journal import segments
from irctl.controller.journal.journal import Journal
from irctl.domain.chain import CHECKPOINT
from irctl.examples import examples
from irctl.records.backup import back_up
from irctl.records.database import Database
from irctl.records.following import UNSYNCED, controller_of, follow

MONTHS = (1, 2)
SESSIONS_A_MONTH, SAMPLES = 300, 600
STAMPS = ("seq", "at", "mono_s", "prev", "hash", "event")
YEAR_MONTHS = 12
LOOK_S = 0.02
VARIES = 0.15
"""Of itself, from one run to the next."""


class _NoSync:
    """A disk that is done at once: a month is written in seconds, and what is measured comes afterwards."""

    write = staticmethod(os.write)
    rename = staticmethod(os.rename)

    @staticmethod
    def fsync(_file: int) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Took:
    """So many months. Seconds and bytes."""

    months: int
    events: int
    files: int
    journal_bytes: int
    verify_s: float
    verify_rss_bytes: int
    start_s: float
    start_rss_bytes: int
    project_s: dict[str, float]
    database_bytes: dict[str, int]
    backup_s: float
    backup_bytes: int
    page_s: dict[str, float]


def run(months: Sequence[int] = MONTHS) -> Report:
    from tests.records.postgres import a_server

    with a_server(()) as server:
        found = [_took(count, server.database()) for count in months]
    first, last = found[0], found[-1]
    grown = last.months - first.months

    def row(what: str, values: Sequence[float], unit: str, scale: float = 1.0) -> list[str]:
        """What does not grow, or less than measuring it varies, has no line to follow."""
        each = (values[-1] - values[0]) / grown
        grows = each * grown > VARIES * values[0]
        year = values[-1] + each * (YEAR_MONTHS - last.months) if grows else values[-1]
        shown = [f"{figure(value / scale)} {unit}" for value in values]
        return [what, *shown, f"{figure(each / scale)} {unit}" if grows else "–", f"{figure(year / scale)} {unit}"]

    every = range(len(found))
    rows = [
        row("events", [float(one.events) for one in found], "million", 1e6),
        row("journal on the disk", [float(one.journal_bytes) for one in found], "MB", 1e6),
        row("files", [float(one.files) for one in found], ""),
        row("irctl journal verify", [one.verify_s for one in found], "s"),
        row("  its memory", [one.verify_rss_bytes for one in found], "MB", 2**20),
        row("a controller's start, until it serves", [one.start_s for one in found], "s"),
        row("  its memory then", [one.start_rss_bytes for one in found], "MB", 2**20),
        *(
            row(f"{name}: projected", [found[n].project_s[name] for n in every], "s")
            for name in first.project_s
        ),
        *(
            row(f"{name}: size", [found[n].database_bytes[name] for n in every], "MB", 1e6)
            for name in first.project_s
        ),
        *(
            row(f"{name}: a patient's sessions", [found[n].page_s[name] for n in every], "ms", 1e-3)
            for name in first.project_s
        ),
        row("back-up of the records", [one.backup_s for one in found], "s"),
        row("  its size", [one.backup_bytes for one in found], "MB", 1e6),
    ]  # fmt: skip
    return Report(
        "A busy lamp's months, replayed",
        ("figure", *(f"{one.months} month{'s' * (one.months > 1)}" for one in found), "each month more", "a year"),
        rows,
        notes=[
            f"{SESSIONS_A_MONTH} sessions of ten minutes a month, a reading each second",
            "the first limit is the disk, where nothing is archived; a start reads the current file alone"
            + ("" if last.months >= YEAR_MONTHS else "; the year is the last column's straight line"),
        ],
    )


def _took(months: int, url: str) -> Took:
    with TemporaryDirectory() as name:
        folder = Path(name)
        state = folder / "state"
        path = state / "journal.jsonl"
        events = asyncio.run(_written(path, months))
        files = [file.stat().st_size for file in state.glob("journal*.jsonl")]
        verify_s, verify_rss = _timed([sys.executable, "-m", "irctl", "journal", "verify", "--file", str(path)])
        start_s, start_rss = _start(folder)
        project_s, size, page = {}, {}, {}
        sqlite = Database(f"sqlite:///{folder / 'records.sqlite'}")
        for kind, database in (("SQLite", sqlite), ("PostgreSQL", Database(url))):
            with closing(database):
                database.prepare()
                known, empty = controller_of(segments.events_after(path, 0)), database.bytes() or 0
                assert known
                began_s = time.monotonic()
                follow(database, known, segments.events_after(path, 0))
                project_s[kind] = time.monotonic() - began_s
                size[kind], page[kind] = (database.bytes() or 0) - empty, page_s(database)
                if kind == "SQLite":
                    began_s = time.monotonic()
                    back_up(database, folder / "backup", datetime.now(UTC))
                    backup_s = time.monotonic() - began_s
        return Took(
            months, events, len(files), sum(files), verify_s, verify_rss, start_s, start_rss,
            project_s, size, backup_s, (folder / "backup").stat().st_size, page,
        )  # fmt: skip


async def _written(path: Path, months: int) -> int:
    """The number of the last event."""
    at = datetime.now(UTC)
    journal = Journal(path, lambda: at)
    journal.disk = _NoSync()
    journal_module.ROTATE_EVERY_S_MIN = 0.0  # an hour passes in a moment here
    journal.open()
    busy = False
    journal.at_rest = lambda: not busy
    for event in a_journal(SESSIONS_A_MONTH * months, samples=SAMPLES):
        name, at = event["event"], datetime.fromisoformat(event["at"])
        if name == CHECKPOINT:
            continue
        busy = name.startswith("session.") and name != "session.ended"
        fields = {field: value for field, value in event.items() if field not in STAMPS}
        journal.write(name, sync=name not in UNSYNCED, **fields)
    assert journal.failure is None, journal.failure
    journal.close()
    return journal.seq


def _start(folder: Path) -> tuple[float, int]:
    config, hardware = (examples() / name for name in ("single.toml", "single-sim.toml"))
    with simulator(folder, hardware.read_text("utf-8")) as running:
        text = config.read_text("utf-8").replace('"calibrations/', f'"{examples()}/calibrations/')
        began_s = time.monotonic()
        with controller(folder, text, running.endpoints) as url:
            took_s = time.monotonic() - began_s
            assert url
            supervisor = next(pid for pid in children() if b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes())
            return took_s, Usage(children(supervisor)[0]).so_far().rss_bytes


def _timed(words: Sequence[str]) -> tuple[float, int]:
    """Seconds, and the most that was in memory: looked at while it runs, for what the kernel counts at its end begins with the memory of who started it."""
    began_s, most = time.monotonic(), 0
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as running:
        while running.poll() is None:
            with suppress(OSError, StopIteration):
                lines = Path(f"/proc/{running.pid}/status").read_text().splitlines()
                most = max(most, next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")))
            time.sleep(LOOK_S)
    assert running.returncode == 0, words
    return time.monotonic() - began_s, most


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description="A busy lamp's months, replayed.")
    asked.add_argument("--months", type=int, nargs="+", default=list(MONTHS))
    Console(width=140).print()
    run(asked.parse_args().months).show(Console(width=140))
