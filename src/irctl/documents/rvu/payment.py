"""The arithmetic of the fee schedule, line by line as a person checks it.

One unit = (work · index + practice expense · index + malpractice · index) · conversion factor, rounded once, to the cent, half up. Of therapy given to one
patient on one day (multiple-procedure indicator 5) every unit but the one with the highest practice expense has half of that. The limiting charge is 1.0925
times the rounded amount. Source: CMS, RVU25D. Where exactly a contractor rounds is not said there: a cent either way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Self

from irctl.documents.rvu.factors import Factor
from irctl.documents.rvu.values import Locality, RelativeValues, Values
from irctl.domain.problems import Problem, Refused

CENT, NOTHING, ONE, HALF = Decimal("0.01"), Decimal(0), Decimal(1), Decimal("0.5")
THERAPY = "5"
PAID = ("A", "R", "T")
"""Statuses whose values are used for payment."""
LIMITING = Decimal("1.0925")
"""What who does not accept assignment may charge at most: 115 % of 95 %."""
UNITS_MAX = 99
NOTICE = (
    "An estimate from files that you brought: not a price, and not a promise of payment. Before deductible, coinsurance and sequestration; "
    "whether and what is paid is decided by the payer."
)
STATUSES = {
    "A": "paid by its values, if covered",
    "B": "paid within other services, never by itself",
    "C": "the contractor sets the price",
    "E": "excluded from this fee schedule",
    "I": "not valid for Medicare, which uses another code",
    "J": "anaesthesia, which has no values here",
    "M": "reported, never paid",
    "N": "not covered by Medicare",
    "P": "within other services, or excluded",
    "R": "restricted: if covered, contractor priced",
    "T": "paid only where nothing else is paid that day",
    "X": "not a service that this fee schedule may pay",
}
"""In our words."""
NOT_COUNTED = "not counted here"
STATUS_SAID = {
    status: f"{{code}}: status {status}: {meaning}" + ("" if status in PAID else f"; {NOT_COUNTED}")
    for status, meaning in STATUSES.items()
}
STATUS_UNKNOWN = f"{{code}}: status {{status}}: not paid by its values; {NOT_COUNTED}"
RARE = "{code}: CMS marks it NA: rarely or never done outside a facility"
RARE_IN_FACILITY = "{code}: CMS marks it NA: rarely or never done in a facility"
NOT_BY_THERAPISTS = "{code}: PC/TC 7: nothing is paid where a therapist in private practice treats a hospital's patient"
HALVED = "therapy of one day: half the practice expense for every unit but the one where it is highest"
OTHER_RULE = "CMS's rule {rule} for several procedures on one day is not worked out here"
UNVERIFIED = "the conversion factor is unverified: {source}"
PRINTED = "the relative-value file prints the conversion factor {printed}; worked out with {used}"
SAID = (*STATUS_SAID.values(), STATUS_UNKNOWN, RARE, RARE_IN_FACILITY, NOT_BY_THERAPISTS, HALVED, OTHER_RULE, UNVERIFIED, PRINTED)  # fmt: skip
"""Everything that may be said beside the figures; names in braces are filled in."""
TERMS = ("work", "practice expense", "malpractice")
OTHER_RULES = ("1", "2", "3", "4", "6", "7")
"""Of several procedures on one day, which are not worked out here."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One code, and how many units of it."""

    code: str
    units: int = 1
    modifier: str = ""

    @property
    def label(self) -> str:
        return f"{self.code}-{self.modifier}" if self.modifier else self.code


@dataclass(frozen=True, slots=True)
class Term:
    """One product. `share`: how much of the value counts, 1 or 0.5."""

    name: str
    value: Decimal
    share: Decimal
    index: Decimal

    @property
    def halved(self) -> tuple[Decimal, ...]:
        """The share, where it is not all of it."""
        return () if self.share == ONE else (self.share,)

    @property
    def product(self) -> Decimal:
        return self.value * self.share * self.index


@dataclass(frozen=True, slots=True)
class Said:
    """One of SAID, with what is filled in."""

    text: str
    given: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, text: str, **given: object) -> Self:
        return cls(text, tuple((name, f"{value}") for name, value in given.items()))

    def __str__(self) -> str:
        return self.text.format(**dict(self.given))


@dataclass(frozen=True, slots=True)
class Step:
    """So many units that are worth the same. Without terms where the code is not paid by its values."""

    asked: Asked
    values: Values
    units: int
    terms: tuple[Term, ...]
    factor_usd: Decimal

    @property
    def rvu(self) -> Decimal:
        return sum((term.product for term in self.terms), NOTHING)

    @property
    def exact_usd(self) -> Decimal:
        return self.rvu * self.factor_usd

    @property
    def unit_usd(self) -> Decimal:
        return self.exact_usd.quantize(CENT, ROUND_HALF_UP)

    @property
    def usd(self) -> Decimal:
        return self.unit_usd * self.units

    @property
    def limiting_usd(self) -> Decimal:
        return (self.unit_usd * LIMITING).quantize(CENT, ROUND_HALF_UP) * self.units

    def as_dict(self) -> dict[str, Any]:
        terms = [
            {"name": t.name, "rvu": str(t.value), "share": str(t.share), "gpci": str(t.index), "product": plain(t.product)} for t in self.terms
        ]  # fmt: skip
        return {
            "code": self.asked.code, "modifier": self.asked.modifier, "units": self.units, "status": self.values.status, "paid": bool(terms),
            "terms": terms, "rvu": plain(self.rvu), "exact_usd": plain(self.exact_usd), "unit_usd": str(self.unit_usd), "usd": str(self.usd),
            "limiting_charge_usd": str(self.limiting_usd),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Estimate:
    """What it comes to, and how. `day` None: of the whole year."""

    year: int
    day: date | None
    release: str
    locality: Locality
    facility: bool
    factor: Factor
    steps: tuple[Step, ...]
    said: tuple[Said, ...]

    @property
    def usd(self) -> Decimal:
        return sum((step.usd for step in self.steps), NOTHING)

    @property
    def limiting_usd(self) -> Decimal:
        return sum((step.limiting_usd for step in self.steps), NOTHING)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`; amounts are strings, so that nobody's rounding is another."""
        place = self.locality
        return {
            "year": self.year, "date": None if self.day is None else self.day.isoformat(), "release": self.release, "facility": self.facility,
            "locality": {"name": place.name, "state": place.state, "number": place.number, "contractor": place.contractor,
                         "work": str(place.work), "practice_expense": str(place.expense), "malpractice": str(place.malpractice)},
            "factor": {"usd": str(self.factor.usd), "mark": self.factor.mark, "source": self.factor.source},
            "steps": [step.as_dict() for step in self.steps], "usd": str(self.usd), "limiting_charge_usd": str(self.limiting_usd),
            "said": [str(one) for one in self.said], "notice": NOTICE,
        }  # fmt: skip


def plain(value: Decimal) -> str:
    """Every digit that counts, and no zeros after them."""
    return f"{value.normalize():f}"


def asked_of(told: str, units: int = 1) -> Asked:
    """CODE, CODE-MODIFIER, each with :UNITS or without. Raises Refused."""
    name, colon, count = told.strip().upper().partition(":")
    code, _, modifier = name.partition("-")
    number = units if not colon else int(count) if count.isdecimal() and len(count) < 4 else 0
    if not code.isalnum() or len(code) != 5:
        remedy = "Five letters or digits, then perhaps -26 or -TC and :UNITS, such as 97110:2"
        raise Refused([Problem("code", told, "is no code", remedy)])
    if not 1 <= number <= UNITS_MAX:
        raise Refused([Problem("units", told, f"are no number from 1 to {UNITS_MAX}", "Such as 97110:2")])
    return Asked(code, number, modifier)


def estimate(
    asked: Sequence[Asked],
    values: RelativeValues,
    locality: Locality,
    factor: Factor,
    day: date | None,
    *,
    facility: bool = False,
) -> Estimate:
    """Everything given to one patient by one practice on one day. Raises Refused for a code that the file does not have, and for a file of another year."""
    if day is not None and day.year != values.year:
        limit = f"is not in {values.year}, which the relative values are of"
        raise Refused([Problem("date", day.isoformat(), limit, f"Bring CMS's file of {day.year}")])
    found = [(one, values.of(one.code, one.modifier)) for one in asked]
    therapy = [place for place, (_, one) in enumerate(found) if one.multiple == THERAPY and one.status in PAID]
    whole = max(therapy, key=lambda place: (_expense(found[place][1], facility), -place), default=None)
    steps: list[Step] = []
    for place, (one, its) in enumerate(found):
        if place not in therapy:
            steps.append(_step(one, its, one.units, ONE, locality, factor, facility))
            continue
        entire = 1 if place == whole else 0
        if entire:
            steps.append(_step(one, its, 1, ONE, locality, factor, facility))
        if one.units > entire:
            steps.append(_step(one, its, one.units - entire, HALF, locality, factor, facility))
    said = tuple(dict.fromkeys([*_of_codes(found, facility), *_of_day(found, therapy), *_of_factor(values, factor)]))
    return Estimate(values.year, day, values.release, locality, facility, factor, tuple(steps), said)


def _expense(values: Values, facility: bool) -> Decimal:
    return values.expense_in_facility if facility else values.expense


def _step(one: Asked, its: Values, units: int, share: Decimal, place: Locality, factor: Factor, facility: bool) -> Step:
    work, expense, malpractice = TERMS
    terms = (
        Term(work, its.work, ONE, place.work),
        Term(expense, _expense(its, facility), share, place.expense),
        Term(malpractice, its.malpractice, ONE, place.malpractice),
    )
    return Step(one, its, units, terms if its.status in PAID else (), factor.usd)


def _of_codes(found: Sequence[tuple[Asked, Values]], facility: bool) -> list[Said]:
    said: list[Said] = []
    for one, its in found:
        if its.status != "A":
            said.append(Said.of(STATUS_SAID.get(its.status, STATUS_UNKNOWN), code=one.label, status=its.status))
        if its.rare_in_facility if facility else its.rare:
            said.append(Said.of(RARE_IN_FACILITY if facility else RARE, code=one.label))
        if facility and its.components == "7":
            said.append(Said.of(NOT_BY_THERAPISTS, code=one.label))
    return said


def _of_day(found: Sequence[tuple[Asked, Values]], therapy: Sequence[int]) -> list[Said]:
    said: list[Said] = []
    if sum(found[place][0].units for place in therapy) > 1:
        said.append(Said.of(HALVED))
    if sum(one.units for one, _ in found) > 1:
        rules = sorted({its.multiple for _, its in found if its.multiple in OTHER_RULES and its.status in PAID})
        said += [Said.of(OTHER_RULE, rule=rule) for rule in rules]
    return said


def _of_factor(values: RelativeValues, factor: Factor) -> list[Said]:
    said: list[Said] = []
    if factor.mark in ("W", "M"):
        said.append(Said.of(UNVERIFIED, source=factor.source))
    if values.factor != factor.usd:
        said.append(Said.of(PRINTED, printed=values.factor, used=factor.usd))
    return said
