"""`irctl rvu`: the arithmetic in a terminal, from files given for once or imported before."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from irctl.cli import exits
from irctl.cli.app import run
from tests.documents.cms import (
    ALABAMA,
    ALASKA,
    EXERCISE_2025,
    HEAT_2024,
    HEAT_2025,
    HEAT_2026,
    localities_csv,
    values_csv,
    values_txt,
)

Irctl = Callable[..., tuple[int, str]]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """As they lie in the folder of downloads."""
    for name, data in {
        "PPRRVU2025_Oct.csv": values_csv(2025, "32.3465", HEAT_2025, EXERCISE_2025, release="October"),
        "PPRRVU24.txt": values_txt("32.7442", HEAT_2024),
        "PPRRVU2026.csv": values_csv(2026, "33.4009", HEAT_2026),
        "GPCI2025.csv": localities_csv(2025, ALABAMA, ALASKA),
    }.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


@pytest.fixture
def irctl(files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Irctl:
    monkeypatch.setenv("IRCTL_STATE", str(files / "state"))
    monkeypatch.chdir(files)
    for name in ("IRCTL_RVU", "IRCTL_GPCI", "IRCTL_RVU_FOLDER"):
        monkeypatch.delenv(name, raising=False)

    def command(*words: str) -> tuple[int, str]:
        code = run(["rvu", *words])
        told = capsys.readouterr()
        assert "marmalade" not in told.out + told.err, "the words of codes never come out"
        return code, " ".join((told.out + told.err).split()) if "--json" not in words else told.out

    return command


@pytest.fixture
def imported(irctl: Irctl) -> Irctl:
    assert irctl("import", "PPRRVU2025_Oct.csv", "GPCI2025.csv", "PPRRVU24.txt", "PPRRVU2026.csv")[0] == exits.OK
    return irctl


def told(answer: tuple[int, str]) -> Any:
    return json.loads(answer[1])


def test_the_arithmetic_is_there_line_by_line_and_that_it_is_no_price(imported: Irctl) -> None:
    code, said = imported("97026", "--year", "2025", "--locality", "AL-00")
    assert code == exits.OK
    for line in (
        "ALABAMA (AL-00), 2025, October release, not in a facility",
        "Conversion factor 32.3465 USD (F: PPRRVU 2025, CMS)",
        "work 0.06 × 1 = 0.06",
        "practice expense 0.14 × 0.869 = 0.12166",
        "malpractice 0.01 × 0.575 = 0.00575",
        "sum 0.18741 RVU × 32.3465 USD = 6.062057565 USD → 6.06 USD",
        "status R: restricted: if covered, contractor priced",
        "not a price, and not a promise of payment",
    ):
        assert line in said


def test_several_codes_with_their_units_are_one_day(imported: Irctl) -> None:
    assert "sum 0.14 RVU × 32.3465 USD = 4.52851 USD → 4.53 USD" in imported("97026", "97110:2", "--year", "2025")[1]
    found = told(imported("97026", "97110:2", "--year", "2025", "--json"))
    assert [(step["code"], step["units"], step["usd"]) for step in found["steps"]] == [
        ("97026", 1, "4.53"), ("97110", 1, "28.79"), ("97110", 1, "21.83"),
    ]  # fmt: skip
    assert found["usd"] == "55.15"


def test_units_may_be_said_for_all(imported: Irctl) -> None:
    assert told(imported("97026", "--units", "2", "--year", "2025", "--json"))["usd"] == "11.32"


def test_the_day_of_the_service_decides_over_the_factor(imported: Irctl) -> None:
    assert told(imported("97026", "--date", "2024-03-08", "--json"))["usd"] == "6.55"
    assert told(imported("97026", "--date", "2024-03-09", "--json"))["usd"] == "6.66"
    code, said = imported("97026", "--year", "2024")
    assert code == exits.REFUSED
    assert "Give the day of the service" in said


def test_a_qualifying_participant_has_a_factor_of_its_own(imported: Irctl) -> None:
    assert told(imported("97026", "--date", "2026-07-01", "--qp", "--json"))["usd"] == "6.71"
    assert told(imported("97026", "--date", "2026-07-01", "--json"))["usd"] == "6.68"


def test_a_facility_is_told_as_one(imported: Irctl) -> None:
    assert "2025, October release, in a facility" in imported("97026", "--year", "2025", "--facility")[1]


def test_files_may_be_given_for_once_and_the_year_is_theirs(irctl: Irctl, files: Path) -> None:
    code, said = irctl("97026", "--locality", "alabama", "--rvu", "PPRRVU2025_Oct.csv", "--gpci", "GPCI2025.csv")
    assert code == exits.OK
    assert "6.06 USD" in said
    assert not (files / "state").exists(), "nothing is kept"


def test_what_was_imported_is_listed_with_the_factors(imported: Irctl) -> None:
    found = told(imported("files", "--json"))
    assert {(one["year"], one["kind"], one["rows"]) for one in found["files"]} == {
        (2026, "values", 1), (2025, "values", 2), (2024, "values", 1), (2025, "localities", 2),
    }  # fmt: skip
    assert len(found["factors"]) == 7
    said = imported("files")[1]
    assert "2025 October relative values of 2 codes (PPRRVU2025_Oct.csv" in said
    assert "33.5675 F PPRRVU 2026" in said


def test_without_any_file_it_is_said_what_to_download(irctl: Irctl) -> None:
    assert "Download RVUnnX.zip from CMS" in irctl("files")[1]
    code, said = irctl("97026", "--year", "2025")
    assert code == exits.REFUSED
    assert "PPRRVU2025….csv is missing" in said


def test_localities_are_listed(imported: Irctl) -> None:
    assert "AL-00 ALABAMA 10112 1 0.869 0.575" in imported("localities", "2025")[1]
    assert told(imported("localities", "2025", "--json"))[1]["name"] == "ALASKA"


def test_of_several_files_none_is_kept_where_one_is_refused(irctl: Irctl, files: Path) -> None:
    (files / "GPCI2025.csv").write_bytes(b"PK")
    code, said = irctl("import", "PPRRVU2025_Oct.csv", "GPCI2025.csv")
    assert code == exits.REFUSED
    assert "GPCI2025.csv is packed" in said
    assert not (files / "state" / "rvu").exists()


def test_an_import_says_what_took_whose_place_and_what_may_be_amiss(imported: Irctl) -> None:
    [again] = told(imported("import", "PPRRVU2025_Oct.csv", "--json"))
    assert (again["replaced"], again["release"], again["file"]) == (True, "October", "PPRRVU2025_Oct.csv")
    assert again["warning"] == "2 codes only: CMS's file has more than 10000. Is it whole?"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["97026", "--locality", "atlantis"], "is none of 2025"),
        (["97026", "--locality", "ala"], "may be 2"),
        (["97026:0"], "from 1 to 99"),
        (["99999"], "is not in the file of 2025"),
        (["97026-26"], "The file has it with modifier none"),
        (["97026", "--rvu", "PPRRVU2026.csv"], "is of 2026, and asked is 2025"),
        (["97026", "--rvu", "none.csv"], "No such file"),
        (["97026", "--date", "2024-05-01"], "is not the year of 2024-05-01"),
    ],
)
def test_what_cannot_be_answered_says_why(imported: Irctl, words: list[str], why: str) -> None:
    code, said = imported(*words, "--year", "2025")
    assert code == exits.REFUSED
    assert why in said


def test_help_shows_examples_and_how_to_get_the_files(irctl: Irctl) -> None:
    assert "irctl rvu 97026 97110:2" in irctl("estimate", "--help")[1]
    assert "PFS Relative Value Files" in irctl("import", "--help")[1]
    assert "irctl rvu 97026" in irctl("--help")[1]
