"""Pieces of the day board and the calendar: where appointments stand in a week, how lamps are told in words, what is asked of a controller, who was looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from irctl.clinic.calendar.appointments import Appointment, State
from irctl.clinic.calendar.timetable import Slot
from irctl.clinic.calendar.week_grid import Week, week_of
from irctl.clinic.care.names import Names
from irctl.clinic.drawing.lamp_words import lamp_words
from irctl.clinic.lamps.dues import KEPT_S, Due, Dues
from irctl.clinic.lamps.stations import Station
from irctl.clinic.words import dates, language
from irctl.domain.problems import Refused
from tests.clinic.a_clinic import TECHNICIAN, Clinic, NoTokens, a_clinic, at

MONDAY = date(2026, 11, 23)


def an_appointment(when: str, minutes: int = 30) -> Appointment:
    slot = Slot(at(when), minutes)
    return Appointment(f"A-{when}", "P-0001", "C-1", slot, "neck", "Luminous", State.PLANNED, None, "", 1, slot.at)


def week(*appointments: Appointment) -> Week:
    return week_of(MONDAY, appointments, time(8), time(18), (5, 6))


# --- the grid ---------------------------------------------------------------------------------------------------------------


def test_a_week_has_the_clinics_days_and_hours() -> None:
    found = week()
    assert [column.day.weekday() for column in found.columns] == [0, 1, 2, 3, 4]
    assert (found.hours[0], found.hours[-1]) == ("08:00", "17:30")


def test_an_appointment_stands_at_its_time_for_its_length() -> None:
    (block,) = week(an_appointment("2026-11-24 09:15", 45)).columns[1].blocks
    assert (block.top, block.height, block.lane, block.lanes) == (2.5, 1.5, 0, 1)


def test_what_is_at_the_same_time_stands_side_by_side_and_what_follows_is_wide_again() -> None:
    found = week(
        an_appointment("2026-11-23 09:00"), an_appointment("2026-11-23 09:15"), an_appointment("2026-11-23 09:30"),
        an_appointment("2026-11-23 11:00"),
    )  # fmt: skip
    assert [(block.lane, block.lanes) for block in found.columns[0].blocks] == [(0, 2), (1, 2), (0, 2), (0, 1)]


def test_what_is_outside_of_the_hours_is_not_hidden() -> None:
    found = week(an_appointment("2026-11-28 06:40"), an_appointment("2026-11-23 18:10"))
    assert found.columns[-1].day == date(2026, 11, 28)
    assert (found.hours[0], found.hours[-1]) == ("06:30", "18:30")


# --- lamps in words -----------------------------------------------------------------------------------------------------------


def a_lamp(**more: Any) -> dict[str, Any]:
    calibration = {"valid_until": "2027-11-01T09:00:00.000Z"}
    lamp: dict[str, Any] = {
        "name": "left", "title": "Left lamp", "status": "dark", "work": None, "reason": None, "locked": None,
        "session": None, "calibration": calibration,
    }  # fmt: skip
    return lamp | more


def a_session(state: str, outcome: str | None = None) -> dict[str, Any]:
    order = {"fluence_j_cm2": 24.0, "area": "left knee"}
    return {"state": state, "outcome": outcome, "remaining_s": 61.0, "order": order}


NOW = at("2026-11-23 10:00")


@pytest.mark.parametrize(
    ("lamp", "word"),
    [
        (a_lamp(), "Dark"),
        (a_lamp(status="unverified", reason="reads back as on"), "Not verified dark"),
        (a_lamp(status="bench", work="a check"), "On the bench"),
        (a_lamp(status="busy", session=a_session("emitting")), "Light on"),
        (a_lamp(status="busy", session=a_session("paused")), "Paused"),
        (a_lamp(status="fault", session=a_session("emitting")), "Fault"),
        (a_lamp(status="busy", session=a_session("something new")), "Checking"),
        (a_lamp(session=a_session("ended", "completed")), "Dark"),
    ],
)
def test_a_lamps_state_is_one_word(lamp: dict[str, Any], word: str) -> None:
    assert lamp_words(lamp, NOW).word == word


def test_a_lamp_that_shines_says_what_for_and_how_long() -> None:
    told = lamp_words(a_lamp(status="busy", session=a_session("emitting")), NOW)
    assert (told.doing, told.left) == ("24 J/cm², Left knee", "2 min left")
    over = lamp_words(a_lamp(session=a_session("ended", "completed")), NOW)
    assert (over.doing, over.left) == ("", "")


@pytest.mark.parametrize(
    ("more", "note"),
    [
        ({"locked": "the check failed"}, "Locked: the check failed"),
        ({"calibration": None}, "Calibrate it before anybody is treated."),
        ({"calibration": {"valid_until": "2026-11-22T09:00:00.000Z"}}, "Calibrate it before anybody is treated."),
        ({"calibration": {"valid_until": "2026-12-01T09:00:00.000Z"}}, "Calibrate it soon."),
        ({"status": "unverified", "reason": "reads back as on"}, "reads back as on"),
    ],
)
def test_what_is_to_be_done_about_a_lamp_is_said(more: dict[str, Any], note: str) -> None:
    assert note in lamp_words(a_lamp(**more), NOW).notes
    assert lamp_words(a_lamp(), NOW).notes == ()


# --- what is due --------------------------------------------------------------------------------------------------------------


def test_a_controller_is_asked_what_is_due_once_a_minute_whoever_looks() -> None:
    asked: list[str] = []
    told = [
        {"text": "calibration of left: due 2026-12-01", "overdue": False, "soon": True},
        {"text": "check of right: due before the next session", "overdue": True, "soon": False},
        {"text": "calibration of meter: due 2036-11-01", "overdue": False, "soon": False},
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json=told)

    now_s = 100.0
    station = Station("here", "http://controller", NoTokens(), transport=httpx.MockTransport(answer))
    dues = Dues(lambda: now_s)

    async def looks() -> list[bool]:
        nonlocal now_s
        found = [await dues.ask(station), await dues.ask(station)]
        now_s += KEPT_S
        return [*found, await dues.ask(station)]

    assert asyncio.run(looks()) == [True, False, False]
    assert asked == ["/v1/due"] * 2
    assert dues.known(station) == (
        Due("check of right: due before the next session", overdue=True),
        Due("calibration of left: due 2026-12-01", overdue=False),
    )


def test_a_controller_that_does_not_answer_keeps_nobody_waiting_twice() -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    station = Station("here", "http://controller", NoTokens(), transport=httpx.MockTransport(answer))
    dues = Dues(lambda: 0.0)
    assert asyncio.run(dues.ask(station)) is False
    assert dues.known(station) == ()


# --- names and dates -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    with a_clinic(tmp_path, "2026-11-23 08:00") as made:
        yield made


def test_a_name_is_a_look_once_while_a_screen_is_open(clinic: Clinic) -> None:
    names = Names(clinic.desk, "day board")
    assert names.of(clinic.acting(), ["P-0001"]) == {"P-0001": "Ada Example"}
    clinic.moment += timedelta(minutes=5)
    assert names.of(clinic.acting(), ["P-0001", "P-0002"])["P-0001"] == "Ada Example"
    looks = [(view["by"], view["why"]) for view in clinic.desk.patients.views("P-0001")]
    assert looks == [("helper", "day board")]
    assert len(clinic.desk.patients.views("P-0002")) == 1
    assert clinic.desk.patients.views("P-0003") == []


def test_a_reference_that_nobody_is_written_down_for_is_shown_as_it_is(clinic: Clinic) -> None:
    names = Names(clinic.desk, "day board")
    assert names.of(clinic.acting(), ["P-0001", "P-0404"]) == {"P-0001": "Ada Example", "P-0404": "P-0404"}


def test_who_may_not_see_patients_gets_no_name_even_of_one_that_is_known(clinic: Clinic) -> None:
    names = Names(clinic.desk, "day board")
    names.of(clinic.acting(), ["P-0001"])
    with pytest.raises(Refused, match="see-patient"):
        names.of(clinic.acting(TECHNICIAN), ["P-0001"])


def test_days_are_said_in_the_language_of_the_screen() -> None:
    day = date(2026, 5, 4)
    assert (dates.full(day), dates.short(day)) == ("Monday, 4 May 2026", "Mon 4 May")
    before = language.set("de")
    try:
        assert (dates.full(day), dates.short(day)) == ("Montag, 4. Mai 2026", "Mo 4.5.")
    finally:
        language.reset(before)


def test_an_appointment_ends_by_the_clock_that_nobody_sets() -> None:
    slot = Slot(at("2026-10-25 02:45"), 30)  # the clock goes from 03:00 back to 02:00 that night
    assert slot.until.timestamp() - slot.at.timestamp() == 1800
    assert slot.meets(replace(slot, at=at("2026-10-25 02:50")))
