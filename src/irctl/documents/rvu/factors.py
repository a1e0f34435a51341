"""Conversion factors by date: a file, each with its mark and source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from irctl.domain.problems import Problem, Refused
from irctl.toml_file import Strict, parse, read

Participant = Literal["other", "qp"]


@dataclass(frozen=True, slots=True)
class Factor:
    """USD for one relative value unit, from `since` to `until` (both inclusive). `participant` None: for everybody."""

    since: date
    until: date
    participant: Participant | None
    usd: Decimal
    mark: str
    source: str


class _FactorSection(Strict):
    since: date
    until: date
    participant: Participant | None = None
    usd: Annotated[str, Field(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}$")]
    mark: Literal["F", "W", "C", "M"]
    source: str


class _FactorFile(Strict):
    factors: tuple[_FactorSection, ...] = Field(strict=False)


def load_factors(path: Path) -> tuple[Factor, ...]:
    """Raises Refused, also where two are for the same day and the same people."""
    file = parse(read(path, "factors"), _FactorFile, path.name)
    found = tuple(
        Factor(one.since, one.until, one.participant, Decimal(one.usd), one.mark, one.source) for one in file.factors
    )
    for place, one in enumerate(found):
        if one.since > one.until or one.since.year != one.until.year:
            limit = f"factor {place + 1} ends before it begins, or in another year"
            raise Refused([Problem(path.name, f"{one.since} to {one.until}", limit, "Correct its dates")])
        for other in found[:place]:
            apart = None not in (one.participant, other.participant) and one.participant != other.participant
            if not apart and one.since <= other.until and other.since <= one.until:
                limit = f"factor {place + 1} is for days that another is for, too"
                raise Refused([Problem(path.name, f"{one.since} to {one.until}", limit, "Correct their dates")])
    return found


def factor_of(factors: Sequence[Factor], when: date | int, participant: Participant, printed: Decimal) -> Factor:
    """Of a day of service, or of a year that has one. Of a year that irctl knows none of: the one that is `printed` in the relative-value file.

    Raises Refused where a year has several, and where it has none of this day.
    """
    year = when.year if isinstance(when, date) else when
    of_year = [one for one in factors if one.since.year == year]
    if not of_year:
        source = f"as the relative-value file of {year} prints it, for whom it is made"
        return Factor(date(year, 1, 1), date(year, 12, 31), None, printed, "F", source)
    fit = [one for one in of_year if one.participant in (None, participant)]
    if isinstance(when, date):
        fit = [one for one in fit if one.since <= when <= one.until]
    if len(fit) == 1:
        return fit[0]
    if fit:
        told = ", ".join(f"{one.usd} from {one.since} to {one.until}" for one in fit)
        raise Refused([Problem("year", year, f"has several conversion factors: {told}", "Give the day of the service")])
    remedy = "Add it to conversion-factors.toml, with its source"
    raise Refused([Problem("date", f"{when}", "has no conversion factor", remedy)])
