"""The schedule under clocks that step, restarts, lost jobs and a controller that is away: each reminder comes once, and late is said to be late."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from irctl.clinic.duties.controller import Controller
from irctl.clinic.duties.schedule import POLL_S, RETRY_S, Schedule
from irctl.clinic.jobs import Jobs
from irctl.domain.reminders import Day, Told
from tests.hands import Hands

DAY = Day(time(7), UTC)
NOW = datetime(2040, 3, 5, 12, 0, tzinfo=UTC)
"""Far ahead of this computer's own clock, by which APScheduler runs: what happens here is not its doing."""
TOMORROW = NOW.replace(day=6, hour=7)
MINUTE, HOUR, WEEK = timedelta(minutes=1), timedelta(hours=1), timedelta(days=7)


@dataclass
class Station:
    """A controller's answers: what is due, and a memory of what it told."""

    due: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    told: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    settled: list[str] = field(default_factory=list[str])
    away: bool = False
    asked: int = 0

    def is_due(self, what: str = "check of left", kind: str = "check", **told: Any) -> None:
        usual = {"kind": kind, "about": "left", "what": what, "hours_left": None, "text": f"{what}: overdue"}
        made = {"last_at": (NOW - HOUR).isoformat(), "at": (NOW - HOUR + timedelta(days=1)).isoformat()}
        self.due[what] = usual | made | told

    @property
    def texts(self) -> list[str]:
        return [one["text"] for one in self.told]

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.away:
            raise httpx.ConnectError("nobody there")
        body = json.loads(request.content) if request.content else {}
        match request.method, request.url.path:
            case "GET", "/v1/due":
                return httpx.Response(200, json=list(self.due.values()))
            case "GET", "/v1/reminders":
                return httpx.Response(200, json=list(self._last().values()))
            case "POST", "/v1/reminders":
                last = self._last().get(body["item"])
                known = last is not None and Told(last["occasion"], last["lead_days"], True).covers(
                    body["occasion"], body["lead_days"]
                )
                if not known:
                    self.told.append(body)
                return httpx.Response(200, json={"told": not known})
            case _:
                self.settled.append(body["item"])
                return httpx.Response(200, json={})

    def _last(self) -> dict[str, dict[str, Any]]:
        return {one["item"]: one | {"open": one["item"] not in self.settled} for one in self.told}


@dataclass
class Log:
    lines: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    warning = info

    def named(self, event: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.lines if name == event]


class Office:
    """A schedule at work, which can be ended and begun again on what it kept."""

    def __init__(self, folder: Path) -> None:
        self.hands, self.station, self.log = Hands(NOW), Station(), Log()
        self._store = folder / "clinic.sqlite"
        self.begin()

    def begin(self) -> None:
        self.controller = Controller(
            "http://station", lambda: "of the clinic", httpx.MockTransport(self.station.answer)
        )
        self.jobs = Jobs(self._store, lambda: None)
        self.schedule = Schedule(self.controller, self.jobs, self.hands.clocks(), DAY, self.log)

    def end(self) -> None:
        self.jobs.close()
        self.controller.close()

    def work(self, time: timedelta, step: timedelta = timedelta(seconds=20)) -> None:
        """As time goes by; no job ever wakes it."""
        until = self.hands.wall + time
        while self.hands.wall < until:
            self.hands.go_on(step)
            self.schedule.tick()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    one = Office(tmp_path)
    yield one
    one.end()


def test_a_job_is_planned_for_the_moment_of_each_items_next_reminder(office: Office) -> None:
    office.station.is_due()
    office.station.is_due("calibration of left", "calibration", at=(NOW + 9 * WEEK).isoformat())
    office.schedule.tick()
    expected = {"check of left": TOMORROW, "calibration of left": (NOW + 9 * WEEK).replace(hour=7) - timedelta(days=30)}
    assert office.jobs.planned == expected
    assert office.station.told == []
    office.end()
    office.begin()
    assert office.jobs.planned == expected, "it is kept"


def test_what_moves_or_goes_takes_its_job_with_it(office: Office) -> None:
    office.station.is_due()
    office.station.is_due("calibration of left", "calibration", at=(NOW + 9 * WEEK).isoformat())
    office.schedule.tick()
    del office.station.due["calibration of left"]
    office.station.is_due(last_at=NOW.isoformat(), at=(NOW + 2 * timedelta(days=1)).isoformat())
    office.work(2 * MINUTE)
    assert office.jobs.planned == {"check of left": TOMORROW + timedelta(days=1)}


def test_a_job_that_wakes_it_has_the_reminder_told_at_once(office: Office) -> None:
    office.station.is_due()
    office.schedule.tick()
    office.hands.go_on(TOMORROW - NOW)
    office.schedule.tick(woken=True)
    assert office.station.texts == ["check of left: due today; the last one counts until 11:00"]
    office.work(HOUR)
    assert len(office.station.told) == 1


def test_a_job_that_was_lost_is_of_no_consequence(office: Office) -> None:
    """APScheduler deletes a job before it runs: here the process died between the two, and the next one finds no job."""
    office.station.is_due()
    office.schedule.tick()
    office.jobs.plan({})
    office.end()
    office.hands.go_on(TOMORROW - NOW)
    office.begin()
    office.schedule.tick()
    assert len(office.station.told) == 1
    assert "check of left" in office.jobs.planned, "the next morning's"


def test_who_was_away_over_the_moment_tells_once_and_how_late(office: Office) -> None:
    office.station.is_due()
    office.schedule.tick()
    office.end()
    office.hands.go_on(TOMORROW - NOW + 3 * HOUR)
    office.begin()
    office.schedule.tick()
    office.work(HOUR)
    (told,) = office.station.told
    assert told["late_s"] == 3 * 3600.0
    assert told["text"].endswith("(told 3 h late)")


def test_a_clock_that_is_set_forward_over_the_moment_has_it_told_at_once_and_late(office: Office) -> None:
    """And a computer that slept is the same."""
    office.station.is_due()
    office.schedule.tick()
    office.hands.wall += TOMORROW - NOW + HOUR
    office.hands.monotonic_s += 1.0
    office.schedule.tick()
    (told,) = office.station.told
    assert told["late_s"] == 3600.0
    (stepped,) = office.log.named("clock.stepped")
    assert stepped["by_s"] == (TOMORROW - NOW + HOUR).total_seconds() - 1.0
    office.work(HOUR)
    assert len(office.station.told) == 1


def test_a_clock_that_is_set_back_keeps_nobody_waiting_for_it(office: Office) -> None:
    office.station.is_due("cleaned of left", "maintenance", at=None, hours_left=50.0)
    office.work(HOUR)
    office.hands.wall -= 5 * HOUR
    office.station.is_due("cleaned of left", "maintenance", at=None, hours_left=-0.1)
    office.work(timedelta(seconds=POLL_S))
    assert office.station.texts == ["cleaned of left: overdue"]
    assert [line["by_s"] for line in office.log.named("clock.stepped")] == [-5 * 3600.0]


def test_a_clock_that_is_set_back_over_the_moment_tells_nothing_twice(office: Office) -> None:
    office.station.is_due()
    office.work(TOMORROW - NOW + HOUR, step=5 * MINUTE)
    assert len(office.station.told) == 1
    office.hands.wall -= 3 * HOUR
    office.work(6 * HOUR, step=5 * MINUTE)
    assert len(office.station.told) == 1
    assert office.station.settled == []


def test_a_clock_that_is_only_being_corrected_has_not_stepped(office: Office) -> None:
    for _ in range(60):
        office.hands.wall += timedelta(seconds=0.5)
        office.work(MINUTE)
    assert office.log.named("clock.stepped") == []


def test_a_controller_that_is_away_hears_of_it_when_it_is_back(office: Office) -> None:
    office.station.is_due()
    office.station.away = True
    office.work(TOMORROW - NOW, step=MINUTE)
    assert office.station.told == []
    office.station.away = False
    office.work(timedelta(seconds=RETRY_S), step=timedelta(seconds=1))
    assert len(office.station.told) == 1
    assert len(office.log.named("controller.unanswered")) == 1, "said once, not every five seconds of a night"


def test_it_does_not_pester_the_controller(office: Office) -> None:
    office.station.is_due()
    office.work(HOUR)
    assert office.station.asked <= 2 * 61


def test_what_was_done_is_settled(office: Office) -> None:
    office.station.is_due()
    office.work(TOMORROW - NOW + HOUR, step=5 * MINUTE)
    made = office.hands.wall
    office.station.is_due(last_at=made.isoformat(), at=(made + timedelta(days=1)).isoformat())
    office.work(2 * MINUTE)
    assert office.station.settled == ["check of left"]
    assert office.jobs.planned == {"check of left": TOMORROW + timedelta(days=1)}


def test_a_meter_is_nobodys_lamp(office: Office) -> None:
    at = (NOW + timedelta(days=3)).isoformat()
    office.station.is_due("calibration of meter m", "meter", about="m", last_at=(NOW - 50 * WEEK).isoformat(), at=at)
    office.schedule.tick()
    assert office.station.texts == ["calibration of meter m: due 2040-03-08, in 3 days (told 4 days late)"]


@pytest.mark.parametrize("spoil", [lambda path: path.write_bytes(b"no database" * 100), lambda path: _tear(path)])
def test_a_store_that_is_damaged_is_set_aside_and_planned_anew(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    one = Office(tmp_path)
    one.station.is_due()
    one.schedule.tick()
    one.end()
    spoil(tmp_path / "clinic.sqlite")
    one.begin()
    one.schedule.tick()
    assert one.jobs.planned == {"check of left": TOMORROW}
    assert (tmp_path / "clinic.sqlite.damaged").exists()
    one.end()


def _tear(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:5000] + bytes(len(data) - 5000))
