"""One row of a relative-value file, whichever layout it came in: every figure in its form, and the sums that CMS prints beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from irctl.documents.rvu.damage import Damage
from irctl.documents.rvu.factors import Factor
from irctl.documents.rvu.values import RelativeValues, Values
from irctl.domain.problems import Problem, Refused

CODE, MODIFIER, STATUS = "HCPCS", "MOD", "STATUS CODE"
WORK, EXPENSE, EXPENSE_FACILITY, MALPRACTICE = "WORK RVU", "NON-FAC PE RVU", "FACILITY PE RVU", "MP RVU"
RARE, RARE_FACILITY = "NON-FAC NA INDICATOR", "FACILITY NA INDICATOR"
TOTAL, TOTAL_FACILITY = "NON-FACILITY TOTAL", "FACILITY TOTAL"
COMPONENTS, MULTIPLE, FACTOR = "PCTC IND", "MULT PROC", "CONV FACTOR"
COLUMNS = (
    CODE, MODIFIER, STATUS, WORK, EXPENSE, RARE, EXPENSE_FACILITY, RARE_FACILITY, MALPRACTICE, TOTAL, TOTAL_FACILITY, COMPONENTS, MULTIPLE, FACTOR,
)  # fmt: skip
"""What is read, by the names that CMS's header has once its rows are put together. Everything else is passed over, descriptions first of all."""


def values_of(row: int, told: Mapping[str, str], damage: Damage) -> tuple[Values, Decimal]:
    """With the conversion factor beside them."""
    work, malpractice = damage.number(row, WORK, told[WORK]), damage.number(row, MALPRACTICE, told[MALPRACTICE])
    expense = damage.number(row, EXPENSE, told[EXPENSE])
    in_facility = damage.number(row, EXPENSE_FACILITY, told[EXPENSE_FACILITY])
    for column, part in ((TOTAL, expense), (TOTAL_FACILITY, in_facility)):
        if damage.number(row, column, told[column]) != work + part + malpractice:
            damage.at(row, f"{column} is not the sum of work, practice expense and malpractice")
    found = Values(
        code=damage.text(row, CODE, told[CODE], "[0-9A-Z]{5}"),
        modifier=damage.text(row, MODIFIER, told[MODIFIER], "|[0-9A-Z]{2}"),
        status=damage.text(row, STATUS, told[STATUS], "[A-Z]"),
        work=work,
        expense=expense,
        rare=damage.text(row, RARE, told[RARE], "|NA") != "",
        expense_in_facility=in_facility,
        rare_in_facility=damage.text(row, RARE_FACILITY, told[RARE_FACILITY], "|NA") != "",
        malpractice=malpractice,
        components=damage.text(row, COMPONENTS, told[COMPONENTS], "[0-9]"),
        multiple=damage.text(row, MULTIPLE, told[MULTIPLE], "[0-9]"),
    )
    return found, damage.number(row, FACTOR, told[FACTOR])


def file_of(
    rows: Iterable[tuple[int, Mapping[str, str]]],
    file: str,
    year: int | None,
    release: str,
    factors: Iterable[Factor],
) -> RelativeValues:
    """All rows as one file; `year` None: the one that its conversion factor is of. Raises Refused."""
    damage = Damage(file)
    codes: dict[tuple[str, str], Values] = {}
    printed: set[Decimal] = set()
    for row, told in rows:
        one, factor = values_of(row, told, damage)
        if (one.code, one.modifier) in codes:
            damage.at(row, "the code stands there a second time with the same modifier")
        codes[one.code, one.modifier] = one
        printed.add(factor)
        if len(printed) > 1:
            damage.at(row, f"{FACTOR} is another than in the rows before")
            printed = {factor}
    damage.refuse()
    if not codes:
        raise Refused([Problem("file", file, "has a header and no codes", "Take it anew from CMS's archive")])
    factor = printed.pop()
    return RelativeValues(year or _year_of(factor, factors, file), release, factor, tuple(codes.values()))


def _year_of(factor: Decimal, factors: Iterable[Factor], file: str) -> int:
    """The fixed-width file says no year; its conversion factor does."""
    years = {one.since.year for one in factors if one.usd == factor}
    if len(years) == 1:
        return years.pop()
    limit = f"does not say of which year it is, and its conversion factor {factor} is of none that irctl knows"
    remedy = "Take the .csv out of the same archive: it names its year. Or add the factor to conversion-factors.toml"
    raise Refused([Problem("file", file, limit, remedy)])
