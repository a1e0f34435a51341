"""The records under a clinic's years: how fast a journal is projected, how large the database becomes, how long a rebuild takes.

python -m benchmarks.records --sessions 150000 --database postgresql:///scratch

The journal is made up, in the form that the controller writes, and handed over from memory: what is measured is the projection, its checks of the chain
included. Readings of each second are not projected, only checked and passed over; they are measured by themselves.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from benchmarks.report import Report, figure
from irctl.domain.chain import CHECKPOINT, GENESIS, Event, linked
from irctl.records import tables
from irctl.records.database import Database
from irctl.records.following import follow, rebuild, status
from irctl.records.listing import Wanted, listed

SESSIONS = 10_000
SAMPLES = 100_000
KEY = "c0ffee00c0ffee00"
BEGAN = datetime(2026, 1, 5, 7, 0, tzinfo=UTC)
SESSIONS_A_DAY = 60
"""150,000 sessions are ten years of 250 days."""
PATIENTS_OF_A_YEAR = 1500
AREAS = ("lumbar", "left shoulder", "right knee", "neck", "left hand")


class Written:
    """Events as a controller would write them, one after the other."""

    def __init__(self, began: datetime = BEGAN, key: str = KEY) -> None:
        self.at, self._began, self._key = began, began, key
        self._seq, self._head = count(1), GENESIS

    def event(self, name: str, **fields: Any) -> Event:
        stamp = {"seq": next(self._seq), "at": _iso(self.at), "mono_s": (self.at - self._began).total_seconds()}
        told = linked({**stamp, "event": name, **fields}, self._head)
        self._head = told["hash"]
        return told

    def signed(self) -> Event:
        return self.event(CHECKPOINT, signs=0, key=self._key, signature="00" * 64)


def a_journal(
    sessions: int,
    seed: int = 1,
    samples: int = 0,
    *,
    patients_a_year: int = PATIENTS_OF_A_YEAR,
    protocols: Sequence[str | None] = (None,),
    began: datetime = BEGAN,
    key: str = KEY,
) -> Iterator[Event]:
    """Days of a clinic: a check each morning, sessions, now and then an alarm, a pause, a stop."""
    written, random = Written(began, key), Random(seed)
    yield written.event("controller.started", version="0.1.0", station="Bulk", station_hash="0" * 64, simulated=True)
    yield written.signed()
    for number in range(sessions):
        day, of_day = divmod(number, SESSIONS_A_DAY)
        if of_day == 0:
            written.at = began + timedelta(days=day)
            yield from _check(written)
        patient = f"P-{written.at.year * patients_a_year + random.randrange(patients_a_year)}"
        yield from _session(
            written, random, f"S-{written.at:%Y%m%d}-{of_day + 1:04d}", samples, patient, random.choice(protocols)
        )
        written.at += timedelta(minutes=1)


def _session(
    written: Written, random: Random, session: str, samples: int, patient: str, protocol: str | None
) -> Iterator[Event]:
    about = {"session": session, "lamp": random.choice(("left", "right"))}
    fluence = random.choice((20.0, 40.0, 60.0))
    order = {
        "lamp": about["lamp"], "fluence_j_cm2": fluence, "irradiance_mw_cm2": 50.0, "patient": patient,
        "area": random.choice(AREAS), "by": "a clinician", "protocol": protocol,
    }  # fmt: skip
    calibration = {"id": "C-20260101-0001", "source": "journal", "lamp_hours": 10.0, "distance_cm": 50.0}
    planned_s = fluence * 20.0
    yield written.event(
        "session.ordered", **about, order=order, planned_s=planned_s, simulated=True, station="Bulk",
        calibration=calibration, lamp_info={"serial": f"L-{about['lamp']}"}, limits={"fluence_j_cm2_max": 90.0},
    )  # fmt: skip
    for name, fields in _STEPS:
        written.at += timedelta(seconds=1)
        yield written.event(f"session.{name}", **about, **fields)
    started_at = _iso(written.at)
    for _ in range(samples):
        written.at += timedelta(seconds=1)
        yield _sample(written, about)
    written.at += timedelta(seconds=planned_s - samples)
    chance = random.random()
    if chance < 0.05:
        yield written.event("session.paused", **about, by="a nurse")
        yield written.event("session.resumed", **about, by="a nurse")
    stopped = chance > 0.99
    if stopped:
        yield written.event("stop.latched", by="a nurse", reason="button", source="api")
        yield written.event("stop.evidence", by="a nurse", lamps={"left": {"verified_dark_s": 0.05}})
        alarm = written.event("alarm", id=f"A-{session}", priority="medium", hazard="H15", text="emergency stop", remedy="", warns=False, **about)  # fmt: skip
        yield alarm
        yield written.event("alarm.acknowledged", alarm=alarm["id"], by="a nurse")
        yield written.event("stop.cleared", by="a technician", reason="looked at")
    yield written.event("session.off", **about, by="cutoff", verified_dark_s=0.05)
    yield written.event("session.state", **about, state="ending")
    given = fluence * (random.random() if stopped else 1.0)
    yield written.event("session.ended", **about, **_ended(given, fluence, started_at, _iso(written.at), stopped))
    yield written.signed()


_STEPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("state", {"state": "checking"}), ("armed", {"fail_safe": "comm-watchdog", "lease_s": 2.0}),
    ("dark_reading", {"radiometer_offset_mw_cm2": 0.01}), ("state", {"state": "ready"}), ("starting", {"by": "a clinician"}),
    ("first_light", {"level_pct": 44.0}), ("state", {"state": "warming"}), ("state", {"state": "emitting"}),
)  # fmt: skip


def _ended(given: float, fluence: float, started_at: str, ended_at: str, stopped: bool) -> dict[str, Any]:
    names = ("radiometer calibration", "distance", "timing", "reading noise", "dark reading", "not measured")
    parts = [{"name": name, "relative_pct": 2.0, "absolute_j_cm2": round(given * 0.02, 5)} for name in names]
    delivered = {"min_j_cm2": given * 0.94, "best_j_cm2": given, "max_j_cm2": given * 1.06, "contributions": parts}
    return {
        "outcome": "stopped" if stopped else "completed", "reason": "the prescribed dose was reached", "hazard": None, "by": None,
        "started_at": started_at, "ended_at": ended_at, "time_on_s": given * 20.0, "planned_s": fluence * 20.0,
        "prescribed_j_cm2": fluence, "delivered": delivered, "irradiance_mean_mw_cm2": 49.9, "skin_c_max": 39.1, "cem43_min": 0.1,
        "dose_source": "measured", "drift": {"ratio": 1.001, "expanded_pct": 4.0},
    }  # fmt: skip


def _sample(written: Written, about: dict[str, str]) -> Event:
    return written.event(
        "session.sample", **about, t_s=1.0, state="emitting", level_pct=44.0, irradiance_mw_cm2=49.98,
        irradiance_source="measured", fluence_j_cm2=10.1234, fluence_min_j_cm2=9.1234, fluence_max_j_cm2=11.1234, skin_c=38.2,
        cem43_min=0.01,
    )  # fmt: skip


def _check(written: Written) -> Iterator[Event]:
    yield written.event("check.started", lamp="left", by="a technician", **{"with": "monitor"})
    level = {"level_pct": 50.0, "error_pct": 0.1, "expected_mw_cm2": 54.6, "found_mw_cm2": 54.7, "expanded_pct": 0.4}
    yield written.event(
        "check.completed", lamp="left", by="a technician", calibration="C-20260101-0001", verdict="pass", lamp_hours=10.0,
        tolerance_pct=10.0, levels=[level, level], took_s=124.5, **{"with": "monitor"},
    )  # fmt: skip


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- measured ----------------------------------------------------------------------------------------------------------------


class Stopwatch:
    """How long the database takes, without what the made-up journal takes to be written."""

    def __init__(self, events: Iterator[Event]) -> None:
        self._events, self._writing_s, self._began_s = events, 0.0, time.perf_counter()
        self.events = 0

    def __iter__(self) -> Iterator[Event]:
        while True:
            began_s = time.perf_counter()
            event = next(self._events, None)
            self._writing_s += time.perf_counter() - began_s
            if event is None:
                return
            self.events += 1
            yield event

    @property
    def took_s(self) -> float:
        return time.perf_counter() - self._began_s - self._writing_s


def run(sessions: int = SESSIONS, url: str | None = None) -> Report:
    with TemporaryDirectory() as folder:
        database = Database(url or f"sqlite:///{Path(folder)}/records.sqlite")
        try:
            return _measured(database, sessions)
        finally:
            database.close()


def _measured(database: Database, sessions: int) -> Report:
    database.prepare()
    empty_bytes = database.bytes() or 0
    first = Stopwatch(a_journal(sessions))
    follow(database, KEY, first)
    projected_s = first.took_s
    (found,) = [one for one in status(database) if one["controller"] == KEY]
    rows, grown = sum(found["rows"].values()), (database.bytes() or 0) - empty_bytes
    again = Stopwatch(a_journal(sessions))
    done = rebuild(database, KEY, again)
    rebuilt_s = again.took_s
    passed = Stopwatch(_only_samples())
    follow(database, "samples", passed)
    newest_s = page_s(database)
    kind = database.engine.dialect.name
    return Report(
        f"Records: {sessions} sessions into {kind}",
        ("figure", "value"),
        (
            ("projected", f"{figure(first.events / projected_s)} events/s, {figure(rows / projected_s)} rows/s"),
            ("all of it", f"{figure(projected_s)} s, {first.events} events, {rows} rows"),
            ("readings passed over", f"{figure(passed.events / passed.took_s)} a second"),
            ("size", f"{figure(grown / 1e6)} MB, {figure(grown / sessions)} bytes a session"),
            ("rebuilt", f"{figure(rebuilt_s)} s, {'the same rows' if not done.differing else done.differing}"),
            ("a patient's newest 50 of all", f"{figure(newest_s * 1000)} ms"),
        ),
        notes=("A session of 20 minutes brings some 1200 readings as well: they are what a rebuild from files takes.",),
    )


def _only_samples() -> Iterator[Event]:
    written = Written()
    for _ in range(SAMPLES):
        yield _sample(written, {"session": "S-1", "lamp": "left"})
    yield written.signed()


def page_s(database: Database) -> float:
    with database.reading() as connection:
        patient = connection.execute(tables.sessions.select().limit(1)).mappings().one()["patient"]
    began_s = time.perf_counter()
    for _ in range(20):
        assert listed(database, Wanted(patient=patient), 50)
    return (time.perf_counter() - began_s) / 20


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description="The records, under a clinic's years.")
    asked.add_argument("--sessions", type=int, default=SESSIONS)
    asked.add_argument("--database", help="an empty one; default: SQLite in a temporary folder")
    options = asked.parse_args()
    run(options.sessions, options.database).show(Console())
