"""Fees in the clinic: who brings CMS's files, what is written down of it, and what the page shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from irctl.clinic.office import fees
from irctl.clinic.office.fees import UPLOAD, UPLOAD_MAX
from irctl.clinic.words import tr
from irctl.documents.rvu import NOTICE, Asked
from irctl.domain.problems import Refused
from tests.clinic.house import Browser, House, a_house
from tests.documents.cms import (
    ALABAMA,
    EXERCISE_2025,
    HEAT_2024,
    HEAT_2025,
    HEAT_2026,
    Row,
    localities_csv,
    values_csv,
    values_txt,
)

TODAYS = values_csv(2026, "33.4009", HEAT_2026)
"""Of the year of the house's clock."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with a_house(tmp_path) as made:
        yield made


def send(browser: Browser, data: bytes, name: str = "PPRRVU2026.csv", reason: str = "new fees") -> httpx.Response:
    """As the page's form does."""
    assert browser.visitor is not None
    form = {"csrf": browser.visitor.csrf, "reason": reason}
    return browser.house.run(browser.http.post(UPLOAD, data=form, files={"file": (name, data)}))


def shown(house: House, login: str) -> str:
    page = house.signed_in(login).open("/billing/rvu")
    house.wait(1.5)
    return page.shown()


# --- the files --------------------------------------------------------------------------------------------------------------


def test_whoever_configures_brings_a_file_and_the_audit_keeps_who_and_why(house: House) -> None:
    answer = send(house.signed_in("administrator"), TODAYS)

    assert answer.status_code == 200
    assert answer.json() == {"rows": 1, "replaced": False, "warning": "1 codes only: CMS's file has more than 10000. Is it whole?"}  # fmt: skip
    assert [one.file for one in house.desk.fees.listed()] == ["PPRRVU2026.csv"]
    [entry] = [one for one in house.desk.accounts.audit.listed() if one.what == "fees-imported"]
    assert (entry.by, entry.about, entry.told["year"], entry.told["reason"]) == ("administrator", "PPRRVU2026.csv", 2026, "new fees")  # fmt: skip


@pytest.mark.parametrize("login", ["clinician", "assistant", "auditor"])
def test_nobody_else_brings_one(house: House, login: str) -> None:
    assert send(house.signed_in(login), TODAYS).status_code == 403
    assert house.desk.fees.listed() == []


def test_without_a_reason_nothing_is_kept(house: House) -> None:
    answer = send(house.signed_in("technician"), TODAYS, reason=" ")
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == "reason"
    assert house.desk.fees.listed() == []


def test_a_damaged_file_is_refused_with_its_row_and_remedy_and_without_a_description(house: House) -> None:
    answer = send(house.signed_in("administrator"), TODAYS.replace(b"0.13", b"0,13"))
    [problem] = answer.json()["problems"]
    assert answer.status_code == 422
    assert "row 10: has" in problem["limit"]
    assert problem["remedy"]
    assert "marmalade" not in answer.text


def test_a_file_of_cms_s_size_arrives_and_one_without_end_does_not(house: House) -> None:
    """CMS's own have 2.6 MB as a table, and 3.3 MB in fixed columns."""
    many = [Row(f"{number:05}") for number in range(20_000)]
    large = values_txt("32.3465", *many)
    assert len(large) > 3_300_000
    assert send(house.signed_in("administrator"), large, "PPRRVU2025.txt").json()["rows"] == 20_000
    assert send(house.signed_in("administrator"), b"0" * UPLOAD_MAX).status_code == 413


def test_who_is_not_signed_in_or_behind_a_locked_screen_sends_no_more_than_a_form(house: House) -> None:
    locked = house.signed_in("administrator")
    assert locked.visitor is not None
    house.doors.lock(locked.visitor)
    for browser in (house.browser(), locked):
        answer = house.run(browser.http.post(UPLOAD, files={"file": ("PPRRVU2026.csv", b"0" * 10_000)}))
        assert answer.status_code == 413


# --- what it comes to -------------------------------------------------------------------------------------------------------


def test_the_page_shows_the_arithmetic_and_that_it_is_no_price(house: House) -> None:
    send(house.signed_in("administrator"), TODAYS)
    told = shown(house, "clinician")
    for piece in ("6.68 USD", "0.13 × 1", "× 33.4009", "6.68018", "97026", tr(NOTICE)):
        assert piece in told
    assert "marmalade" not in told


def test_where_nothing_was_imported_the_page_says_which_files_and_how(house: House) -> None:
    told = shown(house, "clinician")
    for piece in ("PPRRVU2026….csv is missing", "PFS Relative Value Files", "PPRRVU….csv", "GPCI….csv", "No files yet"):
        assert piece in told
    assert "fee-files" not in told, "the form is for whoever may bring them"
    assert "fee-files" in shown(house, "technician")


def test_a_day_a_locality_and_a_participant_are_worked_out_like_in_the_terminal(house: House) -> None:
    administrator = house.signed_in("administrator")
    for data in (TODAYS, values_csv(2025, "32.3465", HEAT_2025, EXERCISE_2025), values_txt("32.7442", HEAT_2024), localities_csv(2025, ALABAMA)):  # fmt: skip
        assert send(administrator, data).status_code == 200
    folder = house.desk.fees

    def worth(day: date, **asked: object) -> Decimal:
        return fees.worked_out(folder, fees.Question((Asked("97026"),), day, **asked)).usd  # type: ignore[arg-type]

    assert worth(date(2025, 6, 2), locality="AL-00") == Decimal("6.06")
    assert worth(date(2024, 3, 8)) == Decimal("6.55")
    assert worth(date(2024, 3, 9)) == Decimal("6.66")
    assert worth(date(2026, 6, 2), participant="qp") == Decimal("6.71")
    assert fees.by_participant(folder, date(2026, 6, 2))
    assert not fees.by_participant(folder, date(2025, 6, 2))
    assert fees.localities(folder, 2026) is None
    with pytest.raises(Refused, match=r"GPCI2026\.csv is missing"):
        worth(date(2026, 6, 2), locality="AL-00")


def test_factors_of_the_clinic_s_own_that_are_broken_are_told_on_the_page(house: House) -> None:
    send(house.signed_in("administrator"), TODAYS)
    (house.desk.fees.path / "conversion-factors.toml").write_text("[[factors]]\nsince = 2026-01-01\n")
    assert "is missing" in shown(house, "clinician")
