"""CMS's files are known by what is in them, read whole or refused with row and column; descriptions never get any further."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.documents.rvu import (
    Folder,
    Localities,
    RelativeValues,
    load_factors,
    read_file,
    read_localities,
    read_values,
)
from irctl.domain.problems import Refused
from irctl.examples import examples
from tests.documents.cms import (
    ALABAMA,
    ALASKA,
    BUNDLED,
    EXERCISE_2025,
    HEAT_2025,
    HEAT_2026,
    SALINAS,
    STACK,
    WORDS,
    Row,
    localities_csv,
    localities_txt,
    values_csv,
    values_txt,
)

FACTORS = load_factors(examples() / "billing" / "conversion-factors.toml")
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
CSV_2025 = values_csv(2025, "32.3465", HEAT_2025, EXERCISE_2025, BUNDLED)
TXT_2025 = values_txt("32.3465", HEAT_2025, EXERCISE_2025, BUNDLED)
FIRST_ROW = 5 + len(STACK)
"""Of the codes, in the table."""


def values(data: bytes) -> RelativeValues:
    return read_values(data, "PPRRVU", FACTORS)


# --- the layouts ------------------------------------------------------------------------------------------------------------


def test_the_table_and_the_record_say_the_same() -> None:
    assert values(CSV_2025).codes == values(TXT_2025).codes
    heat = values(CSV_2025).of("97026", "")
    assert (heat.status, heat.components, heat.multiple, heat.rare, heat.rare_in_facility) == (
        "R",
        "7",
        "5",
        False,
        True,
    )


def test_2026_has_a_column_more_and_every_column_is_found() -> None:
    old, new = values_csv(2025, "32.3465", HEAT_2025), values_csv(2026, "33.4009", HEAT_2025)
    assert [data.decode().splitlines()[FIRST_ROW - 2].count(",") for data in (old, new)] == [30, 31]
    assert values(old).codes == values(new).codes
    assert (values(new).year, values(new).release, values(new).factor) == (2026, "July", Decimal("33.4009"))


@pytest.mark.parametrize("length", [140, 171, 200])
def test_the_record_is_read_as_long_as_it_is_in_the_files_and_as_it_is_described(length: int) -> None:
    assert values(values_txt("32.3465", HEAT_2025, length=length)).of("97026", "").multiple == "5"


def test_the_record_says_no_year_so_its_factor_does() -> None:
    assert values(TXT_2025).year == 2025
    assert {values(values_txt(factor, HEAT_2025)).year for factor in ("32.7442", "33.2875")} == {2024}
    with pytest.raises(Refused, match=r"is of none that irctl knows.*Take the \.csv"):
        values(values_txt("31.0000", HEAT_2025))


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("end", ["", "\x1a", " "])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_ends_of_lines_and_of_files_do_not_matter(newline: str, end: str, mark: bytes) -> None:
    data = mark + values_csv(2023, "33.8872", HEAT_2025, newline=newline, end=end)
    assert values(data).of("97026", "").expense == Decimal("0.14")


def test_both_files_of_localities_say_the_same() -> None:
    table, lines = localities_csv(2025, ALABAMA, ALASKA), localities_txt(2025, ALABAMA, ALASKA)
    found = [read_localities(data, "GPCI", FACTORS) for data in (table, lines)]
    assert found[0] == found[1]
    assert (found[0].year, [place.name for place in found[0].places]) == (2025, ["ALABAMA", "ALASKA"])


def test_localities_are_found_by_state_contractor_number_and_name() -> None:
    found = read_localities(localities_csv(2022, ALABAMA, SALINAS, ("1112", "CA", "5", "SAN F", "1.077", "1.329", "0.458")), "GPCI", FACTORS)  # fmt: skip
    for asked in ("CA-64", "01112-64", "salinas", "and around"):
        assert found.find(asked).name == "SALINAS, AND AROUND"
    assert found.find("al").name == "ALABAMA"
    with pytest.raises(Refused, match="may be 2: CA-64 SALINAS, AND AROUND, CA-05 SAN F"):
        found.find("CA")
    with pytest.raises(Refused, match="is none of 2022"):
        found.find("atlantis")


def test_of_two_indices_of_work_the_one_with_the_floor_is_taken() -> None:
    data = localities_csv(2025, ALABAMA).replace(b"2025 PW GPCI (with 1.0 Floor)", b"2025 PW GPCI (without 1.0 Floor),2025 PW GPCI (with 1.0 Floor)")  # fmt: skip
    assert read_localities(data.replace(b"ALABAMA,1,", b"ALABAMA,0.9,1,"), "GPCI", FACTORS).find("AL").work == 1


# --- what is refused --------------------------------------------------------------------------------------------------------


def said(data: bytes) -> str:
    with pytest.raises(Refused) as refused:
        read_file(data, "a-file", FACTORS)
    assert all(problem.remedy for problem in refused.value.problems)
    return str(refused.value)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no row begins with HCPCS"),
        (b"code,price\n97026,6\n", "no row begins with HCPCS"),
        (b"PK\x03\x04 an archive", "is packed"),
        (b"%PDF-1.7", "is packed"),
        (b"HCPCS,MOD,PROCSTAT,CARRIER,LOCALITY\n97026,,R,1,2\n", "no column called WORK RVU"),
        (CSV_2025[: CSV_2025.index(b"97026")], "has a header and no codes"),
        (CSV_2025.replace(b",MULT,", b",MUL,"), "no column called MULT PROC"),
        (CSV_2025.replace(b"NON-FAC,NA,FACILITY,NA", b"FACILITY,NA,FACILITY,NA"), "2 columns called FACILITY PE RVU"),
        (CSV_2025[:-60], "columns, and the header 31"),
        (CSV_2025.replace(b"0.14", b"O.14", 1), f"row {FIRST_ROW}: NON-FAC PE RVU is no number"),
        (CSV_2025.replace(b",0.06,", b",-0.06,", 1), f"row {FIRST_ROW}: WORK RVU is no number"),
        (CSV_2025.replace(b",0.06,", b",0.07,", 1), f"row {FIRST_ROW}: NON-FACILITY TOTAL is not the sum"),
        (CSV_2025.replace(b"97110", b"97026"), f"row {FIRST_ROW + 1}: the code stands there a second time"),
        (CSV_2025.replace(b"97110", b"9711"), f"row {FIRST_ROW + 1}: HCPCS is not what stands there"),
        (CSV_2025.replace(b"32.3465", b"33.3465", 1), f"row {FIRST_ROW + 1}: CONV FACTOR is another"),
        (TXT_2025[:-50], "row 5: has 123 characters"),
        (TXT_2025.replace(b"0.14", b"0.1x", 1), "row 3: NON-FAC PE RVU is no number"),
        (TXT_2025.replace(b"97110", b"97110x"), "row 4: "),
        (localities_csv(2025, ALABAMA).replace(b"0.869", b""), "row 4: PE GPCI is no number"),
        (localities_csv(2025, ALABAMA).replace(b"0.869", b"0"), "row 4: an index is 0"),
        (localities_csv(2025, ALABAMA).replace(b"10112", b""), "row 4: MEDICARE ADMINISTRATIVE CONTRACTOR is not"),
        (localities_csv(2025, ALABAMA, ALABAMA), "row 5: the locality stands there a second time"),
        (localities_csv(2025, ALABAMA).replace(b"2025", b"of a year"), "does not say of which year"),
        (localities_csv(2025, ALABAMA).replace(b"PE GPCI", b"PE"), "no column called PE GPCI"),
        (localities_csv(2025), "has a header and no localities"),
        (localities_txt(2025, ALABAMA, ALASKA).replace(b"0.592", b"     "), "row 5: is no locality with three indices"),
    ],
)  # fmt: skip
def test_a_wrong_or_damaged_file_is_told_where_and_what_to_do(data: bytes, why: str) -> None:
    assert why in said(data)


def test_everything_that_is_wrong_is_told_at_once_and_not_without_end() -> None:
    rows = [Row(f"1{number:04}") for number in range(30)]
    text = said(values_csv(2025, "32.3465", *rows).replace(b",0.06,", b",many,"))
    assert "row 10: WORK RVU" in text
    assert 2 <= text.count("WORK RVU is no number") <= 8


def test_one_kind_is_not_taken_for_the_other() -> None:
    with pytest.raises(Refused, match="is a file of localities"):
        read_values(localities_csv(2025, ALABAMA), "GPCI2025.csv", FACTORS)
    with pytest.raises(Refused, match="is a file of relative values"):
        read_localities(CSV_2025, "PPRRVU25.csv", FACTORS)


WHOLE = (CSV_2025, values_csv(2026, "33.4009", HEAT_2026, BUNDLED), TXT_2025, localities_csv(2025, ALABAMA, ALASKA), localities_txt(2025, ALABAMA, ALASKA))  # fmt: skip
FIGURES = [{(c.code, c.modifier): c for c in found.codes} if isinstance(found := read_file(data, "f", FACTORS), RelativeValues) else {} for data in WHOLE]  # fmt: skip


def read_or_refused(data: bytes) -> tuple[RelativeValues | Localities | None, str]:
    try:
        return read_file(data, "a-file", FACTORS), ""
    except Refused as refused:
        return None, str(refused)


@given(st.data())
def test_damage_is_refused_or_harmless_and_never_says_a_description(data: st.DataObject) -> None:
    which = data.draw(st.integers(0, len(WHOLE) - 1))
    whole = WHOLE[which]
    place = data.draw(st.integers(0, len(whole) - 1))
    put = data.draw(st.one_of(st.binary(max_size=3), st.sampled_from([b",", b"\n", b'"', b"0", b"9", b" "])))
    damaged = whole[:place] + put + whole[place + data.draw(st.integers(0, 5)) :]
    found, told = read_or_refused(damaged)
    assert "marmalade" not in told
    for one in (
        found.codes if isinstance(found, RelativeValues) else ()
    ):  # a figure is as it was or was refused: three sums would have to be wrong alike
        before = FIGURES[which].get((one.code, one.modifier))
        if before is not None:
            assert (one.work, one.expense, one.expense_in_facility, one.malpractice) == (
                before.work, before.expense, before.expense_in_facility, before.malpractice,
            )  # fmt: skip


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_and_nothing_else(data: bytes) -> None:
    with pytest.raises(Refused):
        read_file(data, "a-file", FACTORS)


# --- what is kept -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "rvu")


def test_what_was_imported_is_there_the_next_time(folder: Folder) -> None:
    origin, replaced = folder.bring(CSV_2025, "PPRRVU2025_Jul.csv", NOW)
    places, _ = folder.bring(localities_csv(2025, ALABAMA), "C:\\downloads\\GPCI2025.csv", NOW)
    again = Folder(folder.path)
    assert not replaced
    assert again.values(2025) == values(CSV_2025)
    assert again.localities(2025).find("AL").expense == Decimal("0.869")
    assert sorted(again.listed(), key=lambda one: one.kind) == [places, origin]
    assert (origin.year, origin.release, origin.rows, origin.imported) == (2025, "July", 3, NOW)
    assert places.file == "GPCI2025.csv"


def test_a_newer_file_takes_the_place_of_the_one_of_its_year(folder: Folder) -> None:
    folder.bring(CSV_2025, "PPRRVU2025_Jul.csv", NOW)
    folder.bring(values_csv(2026, "33.4009", HEAT_2026), "PPRRVU2026.csv", NOW)
    assert folder.values(2025).of("97026", "").expense == Decimal("0.14")
    _, replaced = folder.bring(values_csv(2025, "32.3465", Row(expense="0.15"), release="October"), "Oct.csv", NOW)
    assert replaced
    assert folder.values(2025).release == "October"
    assert folder.values(2025).of("97026", "").expense == Decimal("0.15")
    assert [one.year for one in folder.listed()] == [2026, 2025]


def test_a_file_that_is_refused_leaves_what_was_there(folder: Folder) -> None:
    folder.bring(CSV_2025, "PPRRVU2025_Jul.csv", NOW)
    before = folder.listed()
    with pytest.raises(Refused):
        folder.bring(CSV_2025[:-60], "PPRRVU2025_Oct.csv", NOW)
    assert folder.listed() == before


@pytest.mark.parametrize("data", [CSV_2025, TXT_2025])
def test_descriptions_are_in_no_file_that_is_kept(folder: Folder, data: bytes) -> None:
    assert b"marmalade" in data
    assert "marmalade" in WORDS
    folder.bring(data, "PPRRVU2025", NOW)
    assert "marmalade" not in repr(folder.values(2025))
    for path in folder.path.iterdir():
        assert b"marmalade" not in path.read_bytes()


def test_what_is_missing_is_told_by_the_name_of_cms_s_file(folder: Folder) -> None:
    with pytest.raises(Refused, match=r"PPRRVU2025….csv is missing.*RVUnnX.zip"):
        folder.values(2025)
    with pytest.raises(Refused, match=r"GPCI2025.csv is missing"):
        folder.localities(2025)
    assert folder.listed() == []


def test_a_kept_file_that_was_spoilt_is_told(folder: Folder) -> None:
    folder.bring(CSV_2025, "PPRRVU2025_Jul.csv", NOW)
    path = folder.path / "2025-values.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    with pytest.raises(Refused, match="was changed or cut off since"):
        folder.values(2025)
    path.write_bytes(whole[:40])
    with pytest.raises(Refused, match="was changed or cut off since"):
        folder.listed()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "rvu").write_text("a file stands here")
    with pytest.raises(Refused, match="Check the folder"):
        Folder(tmp_path / "rvu").bring(CSV_2025, "PPRRVU2025_Jul.csv", NOW)


def test_a_part_of_a_file_is_taken_and_asked_about(folder: Folder) -> None:
    origin, _ = folder.bring(CSV_2025, "PPRRVU2025_Jul.csv", NOW)
    assert origin.warning == "3 codes only: CMS's file has more than 10000. Is it whole?"


def test_a_folder_may_have_its_own_conversion_factors(folder: Folder) -> None:
    folder.path.mkdir()
    assert folder.factors() == FACTORS
    (folder.path / "conversion-factors.toml").write_text(
        '[[factors]]\nsince = 2027-01-01\nuntil = 2027-12-31\nusd = "34.0000"\nmark = "F"\nsource = "CMS"\n'
    )
    assert [one.usd for one in folder.factors()] == [Decimal("34.0000")]
