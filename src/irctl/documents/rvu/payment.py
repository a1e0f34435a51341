"""The arithmetic of the fee schedule, each step as a person would check it.

Payment = (work · GPCI + practice expense · GPCI + malpractice · GPCI) · conversion factor, to the cent, half up. Of therapy given the same day every unit but
the one with the highest practice expense has half of that (multiple-procedure indicator 5). Source: CMS, the RVU files' own description.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from irctl.documents.rvu.factors import Factor
from irctl.documents.rvu.files import Locality, Values
from irctl.domain.problems import Problem, Refused

CENT = Decimal("0.01")
HALF = Decimal("0.5")
THERAPY = "5"
PAID = ("A", "R", "T")
"""Statuses whose values are used for payment."""
LIMITING = Decimal("1.0925")
"""What who does not accept assignment may charge at most: 115 % of 95 %."""
NOTICE = "An estimate from files that you brought: no price, no promise of payment, and nothing of deductibles, sequestration or what your contractor decides."
STATUS_SAID = {
    "R": "status R: restricted; paid if covered, as the contractor decides",
    "T": "status T: paid alone only",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One code, and how many units of it."""

    code: str
    units: int = 1
    modifier: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One unit. `share`: of the practice expense, 1 or 0.5. `usd` to the cent."""

    code: str
    modifier: str
    values: Values
    expense: Decimal
    share: Decimal
    usd: Decimal
    arithmetic: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """What it comes to, and how."""

    day: date
    locality: Locality
    facility: bool
    factor: Factor
    steps: tuple[Step, ...]
    said: tuple[str, ...]

    @property
    def usd(self) -> Decimal:
        return sum((step.usd for step in self.steps), Decimal(0))

    @property
    def limiting_usd(self) -> Decimal:
        return (self.usd * LIMITING).quantize(CENT, ROUND_HALF_UP)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`; amounts are strings, so that nobody's rounding is another."""
        steps = [
            {"code": s.code, "modifier": s.modifier, "share_of_expense": str(s.share), "usd": str(s.usd), "arithmetic": s.arithmetic}
            for s in self.steps
        ]  # fmt: skip
        locality = {name: str(value) for name, value in asdict(self.locality).items()}
        factor = {"usd": str(self.factor.usd), "mark": self.factor.mark, "source": self.factor.source}
        return {
            "date": self.day.isoformat(), "locality": locality, "facility": self.facility, "factor": factor, "units": steps,
            "usd": str(self.usd), "limiting_charge_usd": str(self.limiting_usd), "said": list(self.said), "notice": NOTICE,
        }  # fmt: skip


def estimate(
    asked: Sequence[Asked],
    values: Mapping[tuple[str, str], Values],
    locality: Locality,
    factor: Factor,
    day: date,
    *,
    facility: bool = False,
) -> Estimate:
    """Everything given to one patient by one practice on one day. Raises Refused for a code that is not in the file or is not paid by it."""
    units = [_found(one, values) for one in asked for _ in range(one.units)]
    expenses = [one.expense_in_facility if facility else one.expense for one in units]
    therapy = [place for place, one in enumerate(units) if one.multiple == THERAPY]
    whole = max(therapy, key=lambda place: (expenses[place], -place), default=None)
    steps: list[Step] = []
    for place, (one, expense) in enumerate(zip(units, expenses, strict=True)):
        share = HALF if one.multiple == THERAPY and place != whole else Decimal(1)
        steps.append(_step(one, expense, share, locality, factor))
    said = [
        STATUS_SAID[one.status] for one in {unit.code: unit for unit in units}.values() if one.status in STATUS_SAID
    ]
    if len(therapy) > 1:
        said.append("therapy of one day: every unit but the one with the highest practice expense has half of it")
    if factor.mark in ("W", "M"):
        said.append(f"the conversion factor is unverified: {factor.source}")
    return Estimate(day, locality, facility, factor, tuple(steps), tuple(said))


def _found(one: Asked, values: Mapping[tuple[str, str], Values]) -> Values:
    found = values.get((one.code, one.modifier))
    if found is None:
        known = sorted(modifier or "none" for code, modifier in values if code == one.code)
        limit = f"is not in the file with modifier {one.modifier or 'none'}" if known else "is not in the file"
        remedy = f"The file has it with {', '.join(known)}" if known else "Check the code, and the file's year"
        raise Refused([Problem("code", one.code, limit, remedy)])
    if found.status not in PAID:
        limit = f"has status {found.status}: its values are not used for payment"
        raise Refused([Problem("code", one.code, limit, "Ask your contractor what it pays")])
    return found


def _step(one: Values, expense: Decimal, share: Decimal, locality: Locality, factor: Factor) -> Step:
    parts = [
        (one.work, locality.work, Decimal(1)), (expense, locality.expense, share), (one.malpractice, locality.malpractice, Decimal(1)),
    ]  # fmt: skip
    total = sum((value * index * part for value, index, part in parts), Decimal(0))
    usd = (total * factor.usd).quantize(CENT, ROUND_HALF_UP)
    shown = " + ".join(f"{value} · {index}" + (f" · {part}" if part != 1 else "") for value, index, part in parts)
    arithmetic = f"({shown}) = {total.normalize():f} RVU · {factor.usd} = {usd} USD"
    return Step(one.code, one.modifier, one, expense, share, usd, arithmetic)
