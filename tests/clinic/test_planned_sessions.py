"""Ready at 10:30: what should be prepared follows from the appointments alone, at every look; the jobs only wake the screens, and nothing lights a lamp."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from irctl.clinic.calendar import appointments, planned_sessions
from irctl.clinic.calendar.appointments import Appointment
from irctl.clinic.calendar.planned_sessions import PREPARE, due_to_prepare, wake
from irctl.clinic.jobs import Jobs
from tests.clinic.a_clinic import Clinic, a_clinic, at

HALF_PAST_TEN = at("2026-11-23 10:30")


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    with a_clinic(tmp_path, "2026-11-23 08:00") as made:
        yield made


@pytest.fixture
def booked(clinic: Clinic) -> Appointment:
    return appointments.book(clinic.desk, clinic.acting(), clinic.course(), HALF_PAST_TEN, "here", "left")


@pytest.mark.parametrize(
    ("now", "ready"),
    [("10:19", False), ("10:20", True), ("10:30", True), ("10:54", True), ("10:55", False)],
)
def test_a_lamp_is_to_be_prepared_from_ten_minutes_before(booked: Appointment, now: str, *, ready: bool) -> None:
    assert bool(due_to_prepare([booked], at(f"2026-11-23 {now}"))) is ready


def test_what_was_called_off_is_not_prepared_for(clinic: Clinic, booked: Appointment) -> None:
    gone = appointments.cancel(clinic.desk, clinic.acting(), booked.id, "has a cold")
    assert due_to_prepare([gone], HALF_PAST_TEN) == []
    assert wake([gone], at("2026-11-23 08:00")) == {}


def test_who_is_being_treated_needs_no_preparing_any_more(clinic: Clinic, booked: Appointment) -> None:
    clinic.moment = at("2026-11-23 10:25")
    clinic.visit(booked.course, "open", booked.id)
    now = appointments.day(clinic.desk, clinic.acting(), date(2026, 11, 23))
    assert due_to_prepare(now, clinic.moment) == []


def test_a_missed_moment_is_seen_at_the_next_look_and_wakes_nobody(booked: Appointment) -> None:
    late = HALF_PAST_TEN - PREPARE + timedelta(minutes=4)
    assert wake([booked], late) == {}
    assert due_to_prepare([booked], late) == [booked]


def test_there_is_one_job_for_each_appointment_of_today_and_it_survives_a_restart(
    clinic: Clinic, booked: Appointment, tmp_path: Path
) -> None:
    # The jobs wait by this computer's clock: a day that is still to come for it.
    clinic.moment = datetime.now(UTC).astimezone(clinic.desk.zone).replace(hour=0, minute=5) + timedelta(days=1)
    clinic.moment += timedelta(days=(7 - clinic.moment.weekday()) % 7)
    ahead = clinic.moment.replace(hour=11, minute=0, second=0, microsecond=0)
    soon = appointments.book(clinic.desk, clinic.acting(), clinic.course("P-0002"), ahead)
    appointments.book(clinic.desk, clinic.acting(), clinic.course("P-0003"), ahead + timedelta(days=1))

    async def a_while() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(planned_sessions.keep(clinic.desk, tmp_path), 1.5)

    asyncio.run(a_while())
    with closing(Jobs(tmp_path / planned_sessions.STORE, lambda: None)) as jobs:
        assert jobs.planned == {soon.id: ahead - PREPARE}


def test_a_job_whose_moment_comes_makes_every_screen_look(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=1)
    monkeypatch.setattr(planned_sessions, "wake", lambda _appointments, _now: {"A-1": moment})

    async def until_woken() -> None:
        task = asyncio.create_task(planned_sessions.keep(clinic.desk, tmp_path))
        before = clinic.desk.revision
        async with asyncio.timeout(5):
            while clinic.desk.revision == before:
                await asyncio.sleep(0.05)
        task.cancel()

    asyncio.run(until_woken())
    assert datetime.now(UTC) >= moment
