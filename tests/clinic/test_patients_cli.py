"""`irctl patients`: the same permissions as on the pages, and every look on record."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from irctl.cli import exits
from irctl.cli.app import run
from irctl.records.database import Database
from irctl.records.people import People
from irctl.records.sealing import Ring
from tests.records.people import ADMIN, GOOD, NURSE, with_people

ADA = ("patients", "add", "Ada Example", "--born", "1961-05-04", "--number", "MRN 0001")


class Terminal:
    """Runs commands as somebody."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.url, self.key = f"sqlite:///{folder}/records.sqlite", folder / "records.key"
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *words: str, login: str = NURSE, as_json: bool = True) -> tuple[int, Any]:
        self._monkeypatch.setattr("sys.stdin", io.StringIO(f"{GOOD}\n"))
        where = ("--database", self.url, "--key", str(self.key), "--as", login, "--password-stdin")
        code = run([*words, *where, *(["--json"] if as_json else [])])
        said = self._capsys.readouterr()
        return code, json.loads(said.out) if as_json else said.out


@pytest.fixture
def irctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path, monkeypatch, capsys)
    database = Database(terminal.url)
    database.prepare()
    with_people(database)
    Ring.with_new_key(terminal.key)
    yield terminal
    database.close()


def test_a_patient_is_added_found_by_a_beginning_and_shown_and_each_look_is_written(irctl: Terminal) -> None:
    code, added = irctl(*ADA)
    assert code == exits.OK
    patient = added["patient"]

    assert irctl("patients", "find", "exa 1961-05-04")[1] == [
        {
            "patient": patient,
            "name": "Ada Example",
            "born": "1961-05-04",
            "number": "MRN 0001",
            "contact": "",
            "version": 1,
        }
    ]
    shown = irctl("patients", "show", patient)[1]
    assert (shown["name"], shown["courses"]) == ("Ada Example", [])
    assert [entry["title"] for entry in shown["timeline"]] == ["Written down for the first time"]
    database = Database(irctl.url)
    looks = People(database, Ring.read(irctl.key)).views(patient)
    database.close()
    assert [(look["by"], look["why"]) for look in looks] == [(NURSE, "opened"), (NURSE, "search")]


def test_people_read_tables(irctl: Terminal) -> None:
    patient = irctl(*ADA)[1]["patient"]

    assert "Ada Example" in irctl("patients", "find", "ada", as_json=False)[1]
    assert "Ada Example" in irctl("patients", "show", patient, as_json=False)[1]
    assert "Nobody fits" in irctl("patients", "find", "zzz", as_json=False)[1]


def test_an_administrator_sees_no_patient_in_a_terminal_either(irctl: Terminal) -> None:
    patient = irctl(*ADA)[1]["patient"]
    for words in (("patients", "find", "ada"), ("patients", "show", patient), ADA):
        code, said = irctl(*words, login=ADMIN)
        assert code != exits.OK
        assert "Ada" not in json.dumps(said)


def test_the_same_patient_is_not_added_twice(irctl: Terminal) -> None:
    irctl(*ADA)
    code, _ = irctl(*ADA[:-2])
    assert code != exits.OK
    assert irctl(*ADA[:-2], "--another")[0] == exits.OK


def test_without_the_key_nobody_is_known(irctl: Terminal, tmp_path: Path) -> None:
    irctl.key = tmp_path / "other.key"
    assert irctl(*ADA)[0] != exits.OK
