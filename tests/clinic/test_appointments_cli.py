"""`irctl appointments`: the same services and permissions as the calendar, by reference only."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from irctl.cli import exits
from irctl.cli.app import run
from irctl.domain.people import Person, Role
from tests.clinic.a_clinic import ASSISTANT, NAMES, TECHNICIAN, Clinic, a_clinic

PASSWORD = "quilted ferry mango lantern"


class Terminal:
    """Runs commands as somebody."""

    def __init__(
        self, folder: Path, clinic: Clinic, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.clinic = clinic
        self._folder, self._monkeypatch, self._capsys = folder, monkeypatch, capsys
        (folder / "clinic.toml").write_text('[clinic]\nzone = "Europe/Berlin"\n')

    def __call__(self, *words: str, login: str = ASSISTANT.login, as_json: bool = True) -> tuple[int, Any]:
        self._monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
        where = ("--state", str(self._folder), "--clinic-file", str(self._folder / "clinic.toml"), "--as", login)
        code = run(["appointments", *words, *where, "--password-stdin", *(["--json"] if as_json else [])])
        said = self._capsys.readouterr()
        assert not any(name in said.out + said.err for name in NAMES.values())
        return code, json.loads(said.out) if as_json else said.out + said.err


@pytest.fixture
def irctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    with a_clinic(tmp_path, "2026-11-23 08:00") as clinic:
        admin = Person("admin", "A. Admin", frozenset({Role.ADMINISTRATOR}))
        clinic.desk.accounts.create("admin", admin.name, admin.roles, PASSWORD, None, clinic.moment)
        for person in (ASSISTANT, TECHNICIAN):
            clinic.desk.accounts.create(person.login, person.name, person.roles, PASSWORD, admin, clinic.moment)
        yield Terminal(tmp_path, clinic, monkeypatch, capsys)


@pytest.fixture
def monday(irctl: Terminal) -> str:
    """Of next week, by the computer's own clock: commands have no other."""
    today = datetime.now(irctl.clinic.desk.zone).date()
    return (today + timedelta(days=7 - today.weekday())).isoformat()


def test_a_course_is_shown_planned_listed_and_moved(irctl: Terminal, monday: str) -> None:
    course = irctl.clinic.course()
    first = ("--first", f"{monday} 10:30")
    code, shown = irctl("plan", course, *first, "--show")
    assert (code, len(shown["slots"]), shown["problems"]) == (exits.OK, 12, [])
    assert irctl("list", "--day", monday)[1] == [], "showing a plan books nothing"

    booked = irctl("plan", course, *first, "--weekday", "mon", "--weekday", "wed", "--weekday", "fri")[1]
    week = irctl("list", "--day", monday, "--week")[1]
    assert [one["at"][11:16] for one in week] == ["10:30"] * 3
    assert {one["patient"] for one in week} == {"P-0001"}

    code, moved = irctl("move", booked[0]["appointment"], "--at", f"{monday} 15:00", "--lamp", "left")
    assert code == exits.OK
    assert (moved[0]["at"][11:16], moved[0]["moved_from"][11:16], moved[0]["lamp"]) == ("15:00", "10:30", "left")


def test_what_is_in_the_way_is_said_and_nothing_is_done(irctl: Terminal, monday: str) -> None:
    code, told = irctl("book", irctl.clinic.course(), "--at", f"{monday} 06:00")
    assert code == exits.REFUSED
    assert "open from 08:00" in told["error"]
    assert irctl("list", "--day", monday)[1] == []


def test_a_cancelled_one_stays_in_the_list_with_its_state(irctl: Terminal, monday: str) -> None:
    booked = irctl("book", irctl.clinic.course(), "--at", f"{monday} 10:30")[1][0]["appointment"]
    assert irctl("no-show", booked)[0] == exits.REFUSED, "it is still to come"
    assert irctl("cancel", booked, "--reason", "has a cold")[1][0]["state"] == "cancelled"
    told = irctl("list", "--day", monday, as_json=False)[1]
    assert "cancelled" in told
    assert booked in told


@pytest.mark.parametrize("words", [("list",), ("book", "C-1", "--at", "2026-12-01 10:30"), ("no-show", "A-1")])
def test_others_may_not(irctl: Terminal, words: tuple[str, ...]) -> None:
    code, told = irctl(*words, login=TECHNICIAN.login)
    assert code == exits.REFUSED
    assert "is for a clinician or assistant" in told["error"]


def test_a_folder_without_a_clinic_is_not_made_one(irctl: Terminal, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run(["appointments", "list", "--state", str(empty), "--as", "helper", "--json"]) == exits.REFUSED
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize("typed", [("--at", "tomorrow"), ("--at", "2026-13-01 10:30")])
def test_a_slip_of_the_fingers_is_told(irctl: Terminal, typed: tuple[str, str]) -> None:
    code, told = irctl("book", irctl.clinic.course(), *typed)
    assert code == exits.REFUSED
    assert "no day and time" in told["error"]
