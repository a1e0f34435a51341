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
    usd: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+$")]
    mark: Literal["F", "W", "C", "M"]
    source: str


class _FactorFile(Strict):
    factors: tuple[_FactorSection, ...] = Field(strict=False)


def load_factors(path: Path) -> tuple[Factor, ...]:
    """Raises Refused."""
    file = parse(read(path, "factors"), _FactorFile, path.name)
    return tuple(
        Factor(one.since, one.until, one.participant, Decimal(one.usd), one.mark, one.source) for one in file.factors
    )


def factor_of(factors: Sequence[Factor], day: date, participant: Participant) -> Factor:
    """Of a day of service. Raises Refused where there is none."""
    for factor in factors:
        if factor.since <= day <= factor.until and factor.participant in (None, participant):
            return factor
    raise Refused(
        [Problem("date", day.isoformat(), "has no conversion factor here", "Add it to conversion-factors.toml")]
    )
