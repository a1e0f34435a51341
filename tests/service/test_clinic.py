"""The schedule with what is real: APScheduler's jobs in real time on a real database, and its process beside a controller that treats."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from apscheduler.schedulers import base

from irctl.cli import exits
from irctl.clinic.doors.tokens import Issuer
from irctl.clinic.jobs import Jobs
from tests.service.worlds import Station, View, a_station, an_order, irctl, read_until, started
from tests.unit.worlds import StationFolder

SOON = timedelta(seconds=0.4)
HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC)


# --- jobs in real time ---------------------------------------------------------------------------------------------------


class Bell:
    """Counts how often a job woke somebody."""

    def __init__(self) -> None:
        self.rung = threading.Semaphore(0)

    def heard(self, within_s: float) -> bool:
        return self.rung.acquire(timeout=within_s)


@contextmanager
def jobs(folder: Path, bell: Bell) -> Iterator[Jobs]:
    kept = Jobs(folder / "clinic.sqlite", bell.rung.release)
    try:
        yield kept
    finally:
        kept.close()


def test_a_job_wakes_at_its_moment_once_and_is_gone(tmp_path: Path):
    bell = Bell()
    with jobs(tmp_path, bell) as kept:
        began = time.monotonic()
        kept.plan({"check of left": now() + SOON, "calibration of left": now() + HOUR})
        assert bell.heard(10.0)
        assert time.monotonic() - began >= SOON.total_seconds()
        assert not bell.heard(0.5)
        assert set(kept.planned) == {"calibration of left"}


def test_a_moment_that_came_while_nobody_was_here_wakes_at_the_next_start(tmp_path: Path):
    bell = Bell()
    with jobs(tmp_path, bell) as kept:
        kept.plan({"check of left": now() + SOON})
    time.sleep(2 * SOON.total_seconds())
    assert not bell.heard(0.0)
    with jobs(tmp_path, bell):
        assert bell.heard(10.0)


def test_planning_the_same_again_leaves_one_job(tmp_path: Path):
    bell = Bell()
    moment = now() + SOON
    with jobs(tmp_path, bell) as kept:
        for _ in range(5):
            kept.plan({"check of left": moment})
        assert bell.heard(10.0)
        assert not bell.heard(0.5)


def test_a_job_that_is_moved_wakes_at_its_new_moment_only(tmp_path: Path):
    bell = Bell()
    with jobs(tmp_path, bell) as kept:
        kept.plan({"check of left": now() + HOUR})
        kept.plan({"check of left": now() + SOON})
        assert bell.heard(10.0)
        assert not bell.heard(0.5)
        assert kept.planned == {}


def test_a_clock_that_is_set_forward_wakes_nobody_until_the_jobs_are_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """APScheduler computed its wait from what the clock showed before."""
    bell = Bell()
    with jobs(tmp_path, bell) as kept:
        kept.plan({"check of left": now() + HOUR})
        time.sleep(0.5)  # until it waits
        set_clock(monkeypatch, 2 * HOUR)
        assert not bell.heard(0.5)
        kept.look_again()
        assert bell.heard(10.0), "an hour late is not too late"


def test_a_clock_that_is_set_back_leaves_the_job_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    bell = Bell()
    with jobs(tmp_path, bell) as kept:
        moment = now() + 3 * SOON
        kept.plan({"check of left": moment})
        set_clock(monkeypatch, -2 * HOUR)
        kept.look_again()
        assert not bell.heard(5 * SOON.total_seconds())
        assert kept.planned == {"check of left": moment}
        set_clock(monkeypatch, timedelta())
        kept.look_again()
        assert bell.heard(10.0)


def set_clock(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """The clock that APScheduler reads; the computer's own is not ours to set."""

    class Stepped(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + by

    monkeypatch.setattr(base, "datetime", Stepped)


# --- processes -----------------------------------------------------------------------------------------------------------

posix = pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL, no pseudo-terminals")


class Said:
    """What a process says, read as it comes."""

    def __init__(self, station: Station) -> None:
        self._lines: list[str] = []
        self._reading = threading.Thread(target=self._read, args=(station.process.stdout,), daemon=True)
        self._reading.start()

    def _read(self, words: Any) -> None:
        with suppress(ValueError):  # closed under it: the test is over
            self._lines.extend(words)

    def started(self, number: int, within_s: float = 30.0) -> View:
        """The schedule's own word of its start, the `number`-th."""
        give_up_s = time.monotonic() + within_s
        while time.monotonic() < give_up_s:
            found = [line for line in self._lines if '"schedule.started"' in line]
            if len(found) >= number:
                return json.loads(found[number - 1])
            time.sleep(0.05)
        raise AssertionError(f"the schedule did not start:\n{''.join(self._lines)}")


def a_folder(folder: Path, valid_days: float, *, sign_in: bool = False) -> Path:
    """The demonstration station with a left lamp whose calibration lapses soon, or has lapsed."""
    folder.mkdir()
    station = StationFolder(folder)
    made = now() - timedelta(days=300)
    station.left_calibration["performed_at"] = made
    station.left_calibration["valid_until"] = now() + timedelta(days=valid_days)
    station.left["upkeep"] = {"maintenance": [{"kind": "cleaned", "every_days": 90.0}]}
    station.station["people"] = {"sign_in": sign_in}
    return station.write()


def reminded(station: Station, of: int) -> list[View]:
    give_up_s = time.monotonic() + 20.0
    while len(found := station.events("reminder.raised")) < of:
        assert time.monotonic() < give_up_s, found
        time.sleep(0.1)
    return found


def test_where_people_sign_in_the_schedule_does_so_with_a_key_that_it_made_itself(tmp_path: Path):
    config = a_folder(tmp_path / "station", valid_days=-2.0, sign_in=True)
    with a_station(tmp_path, config=config, clinic=True) as station:
        assert {event["item"] for event in reminded(station, 2)} == {"calibration of left", "cleaned of left"}
        assert (station.state / "people.pub").exists()
        refused = station.irctl("calibrations", "redo", "C-1", "--step", "dark", "--by", "X", "--reason", "X")
        assert refused.returncode == exits.REFUSED
        assert "nobody is signed in" in refused.stderr


def test_a_key_of_a_clinic_elsewhere_stays_and_the_lamps_do_without_a_schedule(tmp_path: Path):
    elsewhere, state = tmp_path / "elsewhere", tmp_path / "state"
    for folder in (elsewhere, state):
        folder.mkdir()
    Issuer(elsewhere)
    theirs = (elsewhere / "people.pub").read_bytes()
    (state / "people.pub").write_bytes(theirs)
    config = a_folder(tmp_path / "station", valid_days=100.0, sign_in=True)
    with a_station(tmp_path, config=config, clinic=True) as station:
        told = read_until(station.process, "the lamps do without")
        assert "people.key" in told
        assert station.irctl("status").returncode == 0
        assert (state / "people.pub").read_bytes() == theirs


@posix
def test_what_is_due_is_told_at_the_start_once_and_is_still_shown_after_the_next(tmp_path: Path):
    config = a_folder(tmp_path / "station", valid_days=-2.0)
    for _ in range(2):
        with a_station(tmp_path, config=config, clinic=True) as station:
            said = Said(station)
            said.started(1)
            found = {event["item"]: event for event in reminded(station, 2)}
            assert set(found) == {"calibration of left", "cleaned of left"}
            assert re.search(r"overdue since .* \(told \d+ (days|h) late\)", found["calibration of left"]["text"])
            time.sleep(1.0)
            assert len(station.events("reminder.raised")) == 2
            shown = station.irctl("alarms").stdout
            assert "calibration of left: overdue" in shown
            assert "irctl calibrate left" in shown
            assert "cleaned of left: never done" in shown


@posix
def test_what_somebody_has_seen_and_what_somebody_has_done_is_shown_no_more(tmp_path: Path):
    config = a_folder(tmp_path / "station", valid_days=5.5)
    with a_station(tmp_path, config=config, clinic=True) as station:
        reminded(station, 2)
        alarms = json.loads(station.irctl("alarms", "--json").stdout)["alarms"]
        by_text = {alarm["text"].partition(":")[0]: alarm["id"] for alarm in alarms}
        assert station.irctl("acknowledge", by_text["calibration of left"], "--by", "okafor").returncode == 0
        words = ("maintenance", "left", "cleaned", "--by", "okafor", "--note", "the reflector")
        assert station.irctl(*words).returncode == 0
        # Whoever starts it again need not wait for its next minute.
        os.kill(Said(station).started(1)["pid"], signal.SIGKILL)
        give_up_s = time.monotonic() + 20.0
        while json.loads(station.irctl("alarms", "--json").stdout)["alarms"]:
            assert time.monotonic() < give_up_s
            time.sleep(0.2)
        assert "cleaned of left: due 2" in station.irctl("calibrations", "due").stdout


@posix
def test_its_death_in_the_middle_of_a_treatment_is_no_business_of_the_treatment(tmp_path: Path):
    with a_station(tmp_path, clinic=True) as station:
        said = Said(station)
        pid = said.started(1)["pid"]
        with started("irctl", *an_order(fluence=1.0, irradiance=50.0), "--json", url=station.url) as treating:
            while not station.events("session.first_light"):
                assert treating.poll() is None, treating.communicate()[0]
                time.sleep(0.05)
            for number in range(2, 5):
                os.kill(pid, signal.SIGKILL)
                pid = said.started(number)["pid"]
            treating.communicate(timeout=90.0)
        (ended,) = station.events("session.ended")
        assert ended["outcome"] == "completed"
        assert ended["delivered"]["best_j_cm2"] == pytest.approx(1.0, rel=0.03)
        assert station.simulator.truth("right")["fluence_j_cm2"] == pytest.approx(1.0, rel=0.08)
        assert len(station.events("controller.started")) == 1
        names = {event["event"] for event in map(json.loads, station.journal.read_text().splitlines())}
        assert not {"stop.latched", "session.paused", "alarm"} & names


@posix
def test_it_ends_with_the_supervisor_and_also_without_its_word(tmp_path: Path):
    for number in (signal.SIGTERM, signal.SIGKILL):
        folder = tmp_path / number.name
        folder.mkdir()
        with a_station(folder, clinic=True) as station:
            pid = Said(station).started(1)["pid"]
            station.process.send_signal(number)
            station.process.wait(20.0)
            give_up_s = time.monotonic() + 10.0
            while alive(pid):
                assert time.monotonic() < give_up_s, "it outlives its supervisor"
                time.sleep(0.05)


@posix
@pytest.mark.parametrize("how", ["the station file", "the command line"])
def test_it_can_be_left_out(tmp_path: Path, how: str):
    folder = tmp_path / "station"
    folder.mkdir()
    station = StationFolder(folder)
    if how == "the station file":
        station.station["clinic"] = {"enabled": False}
    with a_station(tmp_path, config=station.write(), clinic=how == "the station file") as running:
        time.sleep(3.0)
        assert not (running.state / "clinic.sqlite").exists()
        assert running.irctl("lamps").returncode == 0


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text() if Path("/proc").exists() else True


def test_a_day_that_begins_at_no_time_is_refused(tmp_path: Path):
    folder = tmp_path / "station"
    folder.mkdir()
    station = StationFolder(folder)
    station.station["clinic"] = {"day_begins": "seven"}
    done = irctl("config", "check", str(station.write()))
    assert done.returncode == 3
    assert "clinic.day_begins" in done.stdout
