"""What the fee schedule comes to: the published amounts, from files laid out as CMS lays them out."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.cli import main
from irctl.documents.rvu import (
    NATIONAL,
    Asked,
    Estimate,
    estimate,
    factor_of,
    load_factors,
    read_localities,
    read_values,
)
from irctl.domain.problems import Refused
from irctl.examples import examples
from tests.documents.cms import WORDS, Row, localities_csv, values_csv, values_txt

FACTORS = load_factors(examples() / "billing" / "conversion-factors.toml")
ALABAMA = "10112,AL,00,ALABAMA,1.0,0.869,0.575"
EXERCISE: Row = ("97110", "", "A", "0.45", "0.40", "0.40", "0.02", "5")


def heat(work: str, expense: str, malpractice: str) -> Row:
    return ("97026", "", "R", work, expense, expense, malpractice, "5")


IN_2025 = heat("0.06", "0.14", "0.01")


def worth(
    data: bytes, day: date, *asked: Asked, participant: Any = "other", locality: Any = NATIONAL, facility: bool = False
) -> Estimate:
    codes = asked or (Asked("97026"),)
    return estimate(codes, read_values(data), locality, factor_of(FACTORS, day, participant), day, facility=facility)


@pytest.mark.parametrize(
    ("day", "participant", "expense", "factor", "usd"),
    [
        (date(2022, 6, 1), "other", "0.12", "34.6062", "6.58"),
        (date(2023, 6, 1), "other", "0.13", "33.8872", "6.78"),
        (date(2024, 3, 8), "other", "0.13", "32.7442", "6.55"),
        (date(2024, 3, 9), "other", "0.13", "33.2875", "6.66"),
        (date(2025, 6, 1), "other", "0.14", "32.3465", "6.79"),
        (date(2026, 7, 1), "other", "0.13", "33.4009", "6.68"),
        (date(2026, 7, 1), "qp", "0.13", "33.5675", "6.71"),
    ],
)
@pytest.mark.parametrize("layout", ["csv", "txt"])
def test_the_national_amounts_that_were_published(
    day: date, participant: str, expense: str, factor: str, usd: str, layout: str
) -> None:
    row = heat("0.06", expense, "0.01")
    data = values_csv(day.year, factor, row) if layout == "csv" else values_txt(factor, row)
    assert read_values(data)["97026", ""].factor == Decimal(factor)
    assert worth(data, day, participant=participant).usd == Decimal(usd)


def test_alabama_in_2025() -> None:
    [alabama] = read_localities(localities_csv(2025, ALABAMA))
    found = worth(values_csv(2025, "32.3465", IN_2025), date(2025, 6, 1), locality=alabama)
    assert found.usd == Decimal("6.06")
    assert found.steps[0].arithmetic == "(0.06 · 1.0 + 0.14 · 0.869 + 0.01 · 0.575) = 0.18741 RVU · 32.3465 = 6.06 USD"


def test_of_therapy_of_one_day_all_but_the_dearest_expense_have_half_of_it() -> None:
    data = values_csv(2025, "32.3465", IN_2025, EXERCISE)
    found = worth(data, date(2025, 6, 1), Asked("97026"), Asked("97110", 2))
    assert [step.usd for step in found.steps] == [Decimal("4.53"), Decimal("28.14"), Decimal("21.67")]
    assert found.usd == Decimal("54.34")
    assert any("half" in said for said in found.said)
    assert any("status R" in said for said in found.said)
    assert found.limiting_usd == Decimal("59.37")


def test_2026_has_a_column_more_and_every_column_is_found() -> None:
    old, new = values_csv(2025, "32.3465", IN_2025), values_csv(2026, "33.4009", IN_2025)
    header = [data.decode("cp1252").splitlines()[8].count(",") + 1 for data in (old, new)]
    assert header == [31, 32]
    assert read_values(old)["97026", ""].multiple == read_values(new)["97026", ""].multiple == "5"
    assert read_values(values_csv(2026, "33.4009", IN_2025, newline="\r"))["97026", ""].factor == Decimal("33.4009")


def test_a_facility_and_a_modifier_have_their_own_values() -> None:
    rows: tuple[Row, ...] = (
        ("76881", "", "A", "0.90", "1.20", "0.00", "0.05", "0"),
        ("76881", "26", "A", "0.90", "0.30", "0.30", "0.04", "0"),
    )
    data = values_csv(2025, "32.3465", *rows)
    day = date(2025, 6, 1)
    assert worth(data, day, Asked("76881")).usd == Decimal("69.54")
    assert worth(data, day, Asked("76881"), facility=True).usd == Decimal("30.73")
    assert worth(data, day, Asked("76881", 1, "26")).usd == Decimal("40.11")
    with pytest.raises(Refused, match="is not in the file with modifier TC"):
        worth(data, day, Asked("76881", 1, "TC"))


def test_what_is_not_paid_by_its_values_is_refused() -> None:
    data = values_csv(2025, "32.3465", ("97010", "", "B", "0.06", "0.10", "0.10", "0.01", "0"))
    with pytest.raises(Refused, match="status B"):
        worth(data, date(2025, 6, 1), Asked("97010"))
    with pytest.raises(Refused, match="is not in the file"):
        worth(data, date(2025, 6, 1))
    with pytest.raises(Refused, match="no conversion factor"):
        worth(values_csv(2025, "1.0", IN_2025), date(2031, 1, 1))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is no relative-value file"),
        (b"PK\x03\x04 a whole archive", "is no relative-value file"),
        (values_csv(2025, "32.3465", IN_2025).replace(b"0.14", b"O.14"), "is no number, in row 10"),
        (values_csv(2025, "32.3465", IN_2025).replace(b"MULT,", b"MUL,"), "0 columns where one belongs"),
        (values_csv(2025, "32.3465", IN_2025)[:-40], "columns, and the header 31"),
        (values_csv(2025, "32.3465", IN_2025).replace(b",0.06,", b",-0.06,"), "is no number"),
    ],
)
def test_a_file_that_is_none_is_named(data: bytes, why: str) -> None:
    with pytest.raises(Refused, match=why):
        read_values(data)


@given(st.data())
def test_a_damaged_file_is_refused_or_read_but_never_breaks(data: st.DataObject) -> None:
    whole = values_csv(2026, "33.4009", IN_2025, EXERCISE)
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:place] + data.draw(st.binary(max_size=3)) + whole[place + data.draw(st.integers(0, 5)) :]
    try:
        found = read_values(damaged)
    except Refused:
        return
    assert all(one.work >= 0 and one.malpractice >= 0 for one in found.values())


class TestCommand:
    @pytest.fixture
    def files(self, tmp_path: Path) -> list[str]:
        (tmp_path / "values.csv").write_bytes(values_csv(2025, "32.3465", IN_2025, EXERCISE))
        (tmp_path / "places.csv").write_bytes(localities_csv(2025, ALABAMA, "02102,AK,01,ALASKA*,1.5,1.081,0.592"))
        return ["--rvu", str(tmp_path / "values.csv"), "--gpci", str(tmp_path / "places.csv")]

    def test_it_shows_the_arithmetic_and_that_it_is_no_price(
        self, files: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["rvu", "97026", "--year", "2025", "--locality", "alabama", *files]) == 0
        said = capsys.readouterr().out
        assert "0.14 · 0.869" in said
        assert "6.06 USD" in said
        assert "no price" in " ".join(said.split())

    def test_words_of_codes_never_come_out(self, files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        for more in ([], ["--json"]):
            assert main(["rvu", "97026", "97110:2", "--year", "2025", *files, *more]) == 0
            assert WORDS not in capsys.readouterr().out

    def test_json_has_amounts_as_text(self, files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["rvu", "97026", "97110:2", "--year", "2025", "--json", *files]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["usd"] == "54.34"
        assert [unit["usd"] for unit in told["units"]] == ["4.53", "28.14", "21.67"]

    @pytest.mark.parametrize(
        ("words", "why"),
        [
            (["97026", "--locality", "atlantis"], "is none of them"),
            (["97026", "--locality", "AL"], "fits 2"),
            (["97026:0"], "from 1 to 99"),
            ([], "are missing"),
            (["97026", "--year", "1066"], "is no year"),
        ],
    )
    def test_what_cannot_be_answered_says_why(
        self, files: list[str], words: list[str], why: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        year = [] if "--year" in words else ["--year", "2025"]
        assert main(["rvu", *words, *year, *files]) == 3
        told = capsys.readouterr()
        assert why in " ".join((told.out + told.err).split())


def test_no_description_of_a_code_is_shipped() -> None:
    """Numbers are ours to print; the words of the AMA's list are not."""
    words = ("application of a modality", "therapeutic procedure, 1 or more areas", "manual therapy techniques")
    here = Path(__file__).parents[2]
    for folder in ("src", "configs", "docs", "drivers", "simulator"):
        for path in (here / folder).rglob("*"):
            if path.suffix in (".py", ".toml", ".md", ".typ", ".json", ".js"):
                text = path.read_text("utf-8", "replace").lower()
                assert not any(word in text for word in words), path
