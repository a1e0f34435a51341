"""`irctl inbox`: a file of another program, and what becomes of it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from irctl.cli import exits
from irctl.cli.app import run
from irctl.domain.people import Person, Role
from tests.clinic.shelves import HELPER, a_desk

PASSWORD = "quilted ferry mango lantern"
Irctl = Callable[..., tuple[int, Any]]
TABLE = "number,name,born,at\nMRN 7,Bo Example,1970-01-02,\nMRN 8,Cy Example,1971-02-03,2026-12-01T10:00\n"


@pytest.fixture
def irctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Irctl]:
    desk = a_desk(tmp_path)
    admin = Person("admin", "A. Admin", frozenset({Role.ADMINISTRATOR}))
    desk.accounts.create("admin", admin.name, admin.roles, PASSWORD, None, desk.now())
    desk.accounts.create(HELPER.login, HELPER.name, HELPER.roles, PASSWORD, admin, desk.now())

    def said(*words: str) -> tuple[int, Any]:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
        where = ("--state", str(tmp_path), "--as", HELPER.login, "--password-stdin", "--json")
        code = run(["inbox", *words, *where])
        return code, json.loads(capsys.readouterr().out)

    yield said
    desk.database.close()


def test_a_table_waits_and_is_taken_over_or_set_aside(irctl: Irctl, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_text(TABLE, "utf-8")
    assert irctl("add", str(file), "--system", "old") == (exits.OK, {"told": 2})
    assert irctl("add", str(file), "--system", "old") == (exits.OK, {"told": 2})
    _, waiting = irctl("list")
    by_number = {one["number"]: one["id"] for one in waiting}
    assert sorted(by_number) == ["MRN 7", "MRN 8"]
    code, taken = irctl("take", by_number["MRN 7"])
    assert (code, taken["patient"][:2]) == (exits.OK, "P-")
    code, refused = irctl("take", by_number["MRN 8"])
    assert (code, refused["problems"][0]["limit"]) == (exits.REFUSED, "has no course to book for")
    assert irctl("set-aside", by_number["MRN 8"], "--reason", "comes no more")[0] == exits.OK
    assert irctl("list")[1] == []
