"""`irctl people` and `irctl audit`: the first account on a fresh database, the same permissions as on the screens, no password among the words."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from getpass import GetPassWarning
from pathlib import Path
from typing import Any

import pytest

from irctl.cli import asking, exits
from irctl.cli.app import run
from tests.records.people import ADMIN, BETTER, GOOD, NURSE, PIN

Said = tuple[int, Any]


class Terminal:
    """Runs commands, answering on stdin what they ask."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._url, self._monkeypatch, self._capsys = url, monkeypatch, capsys

    def __call__(self, *words: str, types: tuple[str, ...] = ()) -> Said:
        self._monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in types)))
        code = run([*words, "--database", self._url, "--password-stdin", "--json"])
        said = self._capsys.readouterr()
        assert not any(secret in said.out + said.err for secret in (*types, "argon2"))
        return code, json.loads(said.out)


@pytest.fixture
def irctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(f"sqlite:///{tmp_path}/records.sqlite", monkeypatch, capsys)


@pytest.fixture
def staffed(irctl: Terminal) -> Terminal:
    first = ("people", "add", ADMIN, "--name", "Rose Okafor", "--role", "administrator")
    assert irctl(*first, types=(GOOD,))[0] == exits.OK
    other = ("people", "add", NURSE, "--name", "Lena Meyer", "--role", "assistant", "--role", "technician")
    assert irctl(*other, "--as", ADMIN, types=(GOOD, BETTER))[0] == exits.OK
    return irctl


def test_the_first_account_is_made_on_a_fresh_database_and_makes_the_others(staffed: Terminal) -> None:
    code, found = staffed("people", "list", "--as", ADMIN, types=(GOOD,))
    assert code == exits.OK
    assert [(one["login"], one["name"], one["roles"], one["changed_by"]) for one in found] == [
        (NURSE, "Lena Meyer", ["assistant", "technician"], ADMIN), (ADMIN, "Rose Okafor", ["administrator"], ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "types"),
    [
        (("people", "add", "friend", "--name", "A Friend", "--role", "auditor"), (GOOD,)),
        (("people", "add", "friend", "--name", "A Friend", "--role", "auditor", "--as", NURSE), (BETTER, GOOD)),
        (("people", "list"), ()),
        (("people", "list", "--as", NURSE), (BETTER,)),
        (("people", "list", "--as", ADMIN), (BETTER,)),
        (("people", "list", "--as", ADMIN), ()),
        (("people", "list", "--as", "nobody"), (GOOD,)),
        (("people", "change", NURSE, "--role", "clinician", "--as", NURSE), (BETTER,)),
        (("people", "change", ADMIN, "--inactive", "--as", ADMIN), (GOOD,)),
        (("people", "change", "nobody", "--inactive", "--as", ADMIN), (GOOD,)),
        (("people", "password", ADMIN, "--as", NURSE), (BETTER, "another password of mine")),
        (("people", "password", NURSE), (GOOD, "another password of mine")),
        (("people", "pin", NURSE), (BETTER, "123456")),
        (("audit",), ()),
        (("audit", "--as", NURSE), (BETTER,)),
    ],
)
def test_what_is_not_allowed_on_the_screens_is_not_allowed_here(
    staffed: Terminal, words: tuple[str, ...], types: tuple[str, ...]
) -> None:
    code, said = staffed(*words, types=types)
    assert code == exits.REFUSED
    assert said["problems"]
    everybody = staffed("people", "list", "--as", ADMIN, types=(GOOD,))[1]
    assert [(one["login"], one["version"], one["active"], one["has_pin"]) for one in everybody] == [
        (NURSE, 1, True, False), (ADMIN, 1, True, False),
    ]  # fmt: skip


def test_roles_passwords_and_pins_are_changed_and_the_audit_tells(staffed: Terminal) -> None:
    _, changed = staffed("people", "change", NURSE, "--role", "clinician", "--as", ADMIN, types=(GOOD,))
    assert (changed["roles"], changed["name"], changed["version"]) == (["clinician"], "Lena Meyer", 2)
    assert staffed("people", "pin", NURSE, types=(BETTER, PIN))[0] == exits.OK
    new = "another password of mine"
    assert staffed("people", "password", NURSE, types=(BETTER, new))[0] == exits.OK
    assert staffed("people", "password", NURSE, "--as", ADMIN, types=(GOOD, BETTER))[0] == exits.OK
    _, gone = staffed("people", "change", NURSE, "--inactive", "--as", ADMIN, types=(GOOD,))
    assert (gone["active"], gone["roles"]) == (False, ["clinician"])
    _, told = staffed("audit", "--as", ADMIN, types=(GOOD,))
    assert [(one["by"], one["what"]) for one in told if one["what"] not in ("signed-in", "password-confirmed")] == [
        (ADMIN, "account-changed"), (ADMIN, "password-changed"), (NURSE, "password-changed"), (NURSE, "pin-changed"),
        (ADMIN, "account-changed"), (ADMIN, "account-created"), ("", "account-created"),
    ]  # fmt: skip
    _, narrowed = staffed("audit", "--as", ADMIN, "--what", "pin-changed", "--since", "2026-01-01", types=(GOOD,))
    assert [one["about"] for one in narrowed] == [NURSE]


def test_at_a_terminal_a_new_password_is_typed_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/records.sqlite"
    words = ["people", "add", ADMIN, "--name", "Rosé [bold]O'Kafor[/]", "--role", "administrator", "--database", url]
    answers: Iterator[str] = iter([GOOD, BETTER, GOOD, GOOD, GOOD])
    monkeypatch.setattr(asking, "getpass", lambda _prompt: next(answers))
    assert run(words) == exits.REFUSED
    assert "not the same twice" in capsys.readouterr().err
    assert run(words) == exits.OK
    assert "Rosé [bold]O'Kafor[/]" in capsys.readouterr().out
    assert run(["audit", "--as", ADMIN, "--database", url]) == exits.OK
    told = capsys.readouterr().out
    assert "account-created" in told
    assert "[bold]O'Kafor[/]" in told


def test_a_password_that_would_be_seen_is_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def seen(_prompt: str) -> str:
        raise GetPassWarning

    monkeypatch.setattr(asking, "getpass", seen)
    words = ["people", "add", ADMIN, "--name", "R", "--role", "administrator"]
    assert run([*words, "--database", f"sqlite:///{tmp_path}/records.sqlite"]) == exits.REFUSED
    assert "--password-stdin" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", ["people add", "people list", "people change", "people password", "people pin", "audit"]
)
def test_help_of_a_command_shows_an_example_and_takes_no_password(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run([*command.split(), "--help"])
    said = capsys.readouterr().out
    assert f"\nirctl {command}" in said
    assert "--password " not in said
    assert "--pin " not in said
