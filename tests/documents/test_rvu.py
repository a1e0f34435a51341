"""What the fee schedule comes to: the published amounts, and the rules of one day."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irctl.documents.rvu import (
    NATIONAL,
    NOTICE,
    Asked,
    Estimate,
    Locality,
    Participant,
    asked_of,
    estimate,
    factor_of,
    load_factors,
    read_localities,
    read_values,
)
from irctl.domain.problems import Refused
from irctl.examples import examples
from tests.documents.cms import (
    ALABAMA,
    BUNDLED,
    EXERCISE_2025,
    HEAT_2022,
    HEAT_2023,
    HEAT_2024,
    HEAT_2025,
    HEAT_2026,
    Row,
    localities_csv,
    values_csv,
    values_txt,
)

FACTORS = load_factors(examples() / "billing" / "conversion-factors.toml")
IN_2025 = date(2025, 6, 1)
[ALABAMA_2025] = read_localities(localities_csv(2025, ALABAMA), "GPCI2025.csv", FACTORS).places


def worth(
    data: bytes,
    day: date,
    *asked: Asked,
    participant: Participant = "other",
    locality: Locality = NATIONAL,
    facility: bool = False,
) -> Estimate:
    values = read_values(data, "PPRRVU", FACTORS)
    factor = factor_of(FACTORS, day, participant, values.factor)
    return estimate(asked or (Asked("97026"),), values, locality, factor, day, facility=facility)


def in_2025(*rows: Row) -> bytes:
    return values_csv(2025, "32.3465", *rows)


# --- what was published ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "participant", "row", "printed", "usd"),
    [
        (date(2022, 6, 1), "other", HEAT_2022, "34.6062", "6.58"),
        (date(2023, 6, 1), "other", HEAT_2023, "33.8872", "6.78"),
        (date(2024, 3, 8), "other", HEAT_2024, "32.7442", "6.55"),
        (date(2024, 3, 9), "other", HEAT_2024, "32.7442", "6.66"),
        (date(2025, 6, 1), "other", HEAT_2025, "32.3465", "6.79"),
        (date(2026, 7, 1), "other", HEAT_2026, "33.4009", "6.68"),
        (date(2026, 7, 1), "qp", HEAT_2026, "33.4009", "6.71"),
    ],
)
@pytest.mark.parametrize("layout", ["csv", "txt"])
def test_the_national_amounts_that_were_published(
    day: date, participant: Participant, row: Row, printed: str, usd: str, layout: str
) -> None:
    data = values_csv(day.year, printed, row) if layout == "csv" else values_txt(printed, row)
    assert worth(data, day, participant=participant).usd == Decimal(usd)


def test_alabama_in_2025_term_by_term() -> None:
    found = worth(in_2025(HEAT_2025), IN_2025, locality=ALABAMA_2025)
    [step] = found.steps
    assert [(term.value, term.index, term.product) for term in step.terms] == [
        (Decimal("0.06"), Decimal("1"), Decimal("0.06")),
        (Decimal("0.14"), Decimal("0.869"), Decimal("0.12166")),
        (Decimal("0.01"), Decimal("0.575"), Decimal("0.00575")),
    ]
    assert (step.rvu, found.usd) == (Decimal("0.18741"), Decimal("6.06"))


# --- several units and codes on one day -----------------------------------------------------------------------------------


def test_the_second_unit_of_therapy_has_half_its_practice_expense() -> None:
    found = worth(in_2025(HEAT_2025), IN_2025, Asked("97026", 3))
    assert [(step.units, step.unit_usd) for step in found.steps] == [(1, Decimal("6.79")), (2, Decimal("4.53"))]
    assert found.usd == Decimal("15.85")


@pytest.mark.parametrize("turned", [False, True])
def test_only_the_unit_with_the_highest_practice_expense_is_whole_whatever_the_order(turned: bool) -> None:
    asked = [Asked("97026"), Asked("97110", 2)]
    found = worth(in_2025(HEAT_2025, EXERCISE_2025), IN_2025, *(reversed(asked) if turned else asked))
    told = {(step.asked.code, step.terms[1].share): step.unit_usd for step in found.steps}
    assert told == {
        ("97110", Decimal(1)): Decimal("28.79"),
        ("97110", Decimal("0.5")): Decimal("21.83"),
        ("97026", Decimal("0.5")): Decimal("4.53"),
    }
    assert found.usd == Decimal("55.15")
    assert any("half the practice expense" in str(said) for said in found.said)


def test_what_is_no_therapy_is_never_halved() -> None:
    visit = Row("99999", "1.00", "2.00", "0.10", status="A", components="0", multiple="0")
    found = worth(in_2025(visit, HEAT_2025), IN_2025, Asked("99999", 2), Asked("97026"))
    assert [step.terms[1].share for step in found.steps] == [Decimal(1), Decimal(1)]


def test_rules_of_several_procedures_that_are_not_worked_out_are_named() -> None:
    surgery = Row("11111", "1.00", "2.00", "0.10", status="A", components="0", multiple="2")
    assert any("rule 2" in str(said) for said in worth(in_2025(surgery), IN_2025, Asked("11111", 2)).said)
    assert not any("rule 2" in str(said) for said in worth(in_2025(surgery), IN_2025, Asked("11111")).said)


PRICES = st.decimals(0, 50, places=2, allow_nan=False).map(str)
ROWS = st.lists(st.builds(Row, st.sampled_from(["97026", "97110", "97140", "97530"]), PRICES, PRICES, PRICES), min_size=1, max_size=4, unique_by=lambda row: row.code)  # fmt: skip


@given(ROWS, st.data())
def test_of_a_day_of_therapy_exactly_one_unit_is_whole_and_none_costs_more_there(rows: list[Row], data: st.DataObject) -> None:  # fmt: skip
    asked = [Asked(row.code, data.draw(st.integers(1, 4))) for row in rows]
    found = worth(in_2025(*rows), IN_2025, *asked)
    whole = [step for step in found.steps if step.terms[1].share == 1]
    assert sum(step.units for step in whole) == 1
    assert whole[0].terms[1].value == max(Decimal(row.expense) for row in rows)
    assert sum(step.units for step in found.steps) == sum(one.units for one in asked)


# --- a facility, a modifier, a status -------------------------------------------------------------------------------------


def test_a_facility_and_a_modifier_have_their_own_values() -> None:
    whole = Row("76881", "0.90", "1.20", "0.05", "A", in_facility="0.00", components="1", multiple="0")
    part = Row("76881", "0.90", "0.30", "0.04", "A", "26", components="1", multiple="0")
    data = in_2025(whole, part)
    assert worth(data, IN_2025, Asked("76881")).usd == Decimal("69.54")
    assert worth(data, IN_2025, Asked("76881"), facility=True).usd == Decimal("30.73")
    assert worth(data, IN_2025, Asked("76881", 1, "26")).usd == Decimal("40.11")
    with pytest.raises(Refused, match=r"with modifier TC.*with modifier none, 26"):
        worth(data, IN_2025, Asked("76881", 1, "TC"))


def test_of_heat_in_a_facility_it_is_said_that_it_is_rare_and_to_whom_nothing_is_paid() -> None:
    said = " ".join(map(str, worth(in_2025(HEAT_2025), IN_2025, facility=True).said))
    assert "NA: rarely or never done in a facility" in said
    assert "PC/TC 7" in said
    outside = " ".join(map(str, worth(in_2025(HEAT_2025), IN_2025).said))
    assert "NA" not in outside
    assert "status R: restricted: if covered, contractor priced" in outside


def test_what_is_not_paid_by_its_values_counts_nothing_and_says_why() -> None:
    found = worth(in_2025(BUNDLED, HEAT_2025), IN_2025, Asked("97010", 2), Asked("97026"))
    assert [(step.asked.code, step.usd) for step in found.steps] == [("97010", Decimal(0)), ("97026", Decimal("6.79"))]
    assert any("97010: status B" in str(said) and "not counted" in str(said) for said in found.said)


def test_a_code_that_is_not_paid_takes_no_other_s_whole_practice_expense() -> None:
    priced = Row("97799", "0.00", "9.99", "0.00", status="C")
    assert worth(in_2025(priced, HEAT_2025), IN_2025, Asked("97799"), Asked("97026")).usd == Decimal("6.79")


@pytest.mark.parametrize("status", "ABCEIJMNPRTX")
def test_only_statuses_a_r_and_t_are_paid_by_their_values(status: str) -> None:
    assert (worth(in_2025(Row(status=status)), IN_2025).usd > 0) == (status in "ART")


def test_the_limiting_charge_is_of_the_rounded_amount() -> None:
    assert worth(in_2025(HEAT_2025), IN_2025).limiting_usd == Decimal("7.42")


def test_half_a_cent_goes_up() -> None:
    half = Row("11111", "0.10", "0.05", "0.00", status="A", multiple="0")
    found = worth(values_csv(2031, "1.9000", half), date(2031, 1, 1), Asked("11111"))
    assert (found.steps[0].exact_usd, found.usd) == (Decimal("0.2850"), Decimal("0.29"))


def test_json_is_exact_text_and_says_what_it_is_not() -> None:
    told = worth(in_2025(HEAT_2025), IN_2025, locality=ALABAMA_2025).as_dict()
    assert (told["usd"], told["steps"][0]["rvu"], told["steps"][0]["exact_usd"]) == ("6.06", "0.18741", "6.062057565")
    assert told["notice"] == NOTICE
    assert "not a price, and not a promise" in NOTICE


# --- what is asked ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "asked"),
    [("97026", Asked("97026")), ("97110:2", Asked("97110", 2)), ("76881-26", Asked("76881", 1, "26")), ("g0283-tc:3", Asked("G0283", 3, "TC"))],
)  # fmt: skip
def test_a_code_is_asked_for_with_its_modifier_and_units(told: str, asked: Asked) -> None:
    assert asked_of(told) == asked


@pytest.mark.parametrize(
    "told", ["", "97", "97026:0", "97026:-1", "97026:1.5", "97026:100", "97026:²", "9702 6", "970266"]
)
def test_what_is_no_code_or_no_number_of_units_is_refused(told: str) -> None:
    with pytest.raises(Refused):
        asked_of(told)


def test_a_file_of_another_year_is_refused() -> None:
    with pytest.raises(Refused, match="file of 2024"):
        worth(in_2025(HEAT_2025), date(2024, 6, 1))


# --- conversion factors -----------------------------------------------------------------------------------------------------


def test_a_year_with_two_factors_needs_the_day() -> None:
    with pytest.raises(Refused, match=r"32\.7442 from 2024-01-01 to 2024-03-08, 33\.2875 from 2024-03-09"):
        factor_of(FACTORS, 2024, "other", Decimal("32.7442"))
    assert factor_of(FACTORS, 2026, "qp", Decimal("33.4009")).usd == Decimal("33.5675")


def test_of_a_year_that_irctl_does_not_know_it_is_the_one_that_the_file_prints_and_that_is_said() -> None:
    found = worth(values_csv(2031, "40.0000", HEAT_2025), date(2031, 2, 3))
    assert found.usd == Decimal("8.40")
    assert "as the relative-value file of 2031 prints it" in found.factor.source


def test_that_the_file_prints_another_factor_is_said() -> None:
    found = worth(values_csv(2026, "33.4009", HEAT_2026), date(2026, 7, 1), participant="qp")
    assert any("prints the conversion factor 33.4009" in str(said) for said in found.said)


def test_every_shipped_factor_has_its_mark_and_source() -> None:
    assert {one.mark for one in FACTORS} == {"F", "C"}
    assert all(one.source for one in FACTORS)
    assert round(Decimal("32.7442") * Decimal("1.0293") / Decimal("1.0125"), 4) == Decimal("33.2875")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('since = 2025-01-01\nuntil = 2024-12-31\nusd = "1.0"', "ends before it begins"),
        ('since = 2025-01-01\nuntil = 2026-12-31\nusd = "1.0"', "in another year"),
        ('since = 2025-01-01\nuntil = 2025-12-31\nusd = "1,0"', "usd"),
        ("since = 2025-01-01\nuntil = 2025-12-31\nusd = 1.0", "usd"),
    ],
)
def test_a_clinic_s_own_factors_are_checked(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "conversion-factors.toml"
    path.write_text(f'[[factors]]\n{text}\nmark = "F"\nsource = "CMS"\n')
    with pytest.raises(Refused, match=why):
        load_factors(path)


def test_two_factors_for_the_same_day_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "conversion-factors.toml"
    one = '[[factors]]\nsince = 2025-0{}-01\nuntil = 2025-12-31\nusd = "1.0"\nmark = "F"\nsource = "CMS"\n'
    path.write_text(one.format(1) + one.format(6))
    with pytest.raises(Refused, match="another is for, too"):
        load_factors(path)


# --- words ------------------------------------------------------------------------------------------------------------------


def test_no_description_of_a_code_is_shipped() -> None:
    """Numbers are ours to print; the words of the AMA's list are not, neither the long ones nor those that CMS's files have beside a code."""
    long = (
        "application of a modality",
        "therapeutic procedure, 1 or more areas",
        "manual therapy techniques",
        "areas; infrared",
    )
    short = re.compile(
        r"97026\W{1,20}infrared therapy|97110\W{1,20}therapeutic exercises|97010\W{1,20}hot or cold packs"
    )
    here = Path(__file__).parents[2]
    for folder in ("src", "configs", "docs", "drivers", "simulator"):
        for path in (here / folder).rglob("*"):
            if path.suffix in (".py", ".toml", ".md", ".typ", ".json", ".js", ".csv", ".txt"):
                text = path.read_text("utf-8", "replace").lower()
                assert not any(word in text for word in long), path
                assert not short.search(text), path
