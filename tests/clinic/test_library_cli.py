"""`irctl protocols import` and `approve`: the same rules as on the screens."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from irctl.cli import exits
from irctl.cli.app import run
from irctl.domain.people import Role
from tests.clinic.shelves import ADMIN, SECOND, WROTE, a_desk

PASSWORD = "quilted ferry mango lantern"
EXAMPLE = Path(__file__).parents[2] / "configs" / "protocols" / "luminous-ir.toml"
Irctl = Callable[..., tuple[int, Any]]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    desk = a_desk(tmp_path)
    desk.accounts.create(ADMIN.login, ADMIN.name, [Role.ADMINISTRATOR], PASSWORD, None, desk.now())
    for person in (WROTE, SECOND):
        desk.accounts.create(person.login, person.name, [*person.roles], PASSWORD, ADMIN, desk.now())
    desk.database.close()
    return tmp_path


@pytest.fixture
def irctl(state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Irctl:
    def run_it(*words: str, times: int = 1) -> tuple[int, Any]:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n" * times))
        code = run([*words, "--state", str(state), "--password-stdin", "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run_it


def a_file(folder: Path, version: int) -> str:
    text = EXAMPLE.read_text(encoding="utf-8").replace("version = 1", f"version = {version}")
    (folder / "luminous-ir.toml").write_text(text.replace("superficial pain", "as we give it"), encoding="utf-8")
    return str(folder / "luminous-ir.toml")


def test_a_file_is_handed_in_by_one_and_approved_by_another(irctl: Irctl, state: Path) -> None:
    code, told = irctl("protocols", "import", a_file(state, 2), "--as", WROTE.login)
    assert (code, told["state"]) == (exits.OK, "handed-in")
    code, told = irctl("protocols", "approve", "luminous-ir", "--as", WROTE.login, times=2)
    assert code == exits.REFUSED
    assert "took part in it" in told["problems"][0]["limit"]
    code, told = irctl("protocols", "approve", "luminous-ir", "--as", SECOND.login, times=2)
    assert (code, told["state"]) == (exits.OK, "approved")
    desk = a_desk(state)
    assert desk.library.protocols["luminous-ir"].title == "Luminous infrared, as we give it"
    desk.database.close()


def test_what_does_not_hold_stays_a_draft_and_is_told(irctl: Irctl, state: Path) -> None:
    code, told = irctl("protocols", "import", a_file(state, 1), "--as", WROTE.login)
    assert code == exits.REFUSED
    assert told["problems"][0]["field"] == "version"
    code, told = irctl("protocols", "import", a_file(state, 2), "--as", WROTE.login)
    assert (code, told["state"]) == (exits.OK, "handed-in")


def test_an_administrator_brings_no_protocol(irctl: Irctl, state: Path) -> None:
    code, told = irctl("protocols", "import", a_file(state, 2), "--as", ADMIN.login)
    assert code == exits.REFUSED
    assert "is for a clinician" in told["problems"][0]["limit"]


def test_a_folder_without_a_clinic_is_not_made_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["protocols", "approve", "x", "--state", str(tmp_path / "wrong"), "--as", "somebody", "--json"])
    assert code == exits.REFUSED
    assert not (tmp_path / "wrong").exists()
