"""`irctl rvu …`: what Medicare's fee schedule comes to, from files that the user downloads."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from irctl.cli import say
from irctl.cli.app import Json
from irctl.domain.problems import Problem, Refused
from irctl.examples import examples

if TYPE_CHECKING:
    from irctl.documents.rvu import Asked, Locality

RvuOption = Annotated[Path, Parameter(env_var="IRCTL_RVU", help="CMS's relative-value file, PPRRVU….csv or .txt.")]
GpciOption = Annotated[Path | None, Parameter(env_var="IRCTL_GPCI", help="CMS's file of localities, GPCI….csv.")]
FactorsOption = Annotated[
    Path | None, Parameter(env_var="IRCTL_FACTORS", help="Conversion factors. Default: those of irctl.")
]


def rvu(
    *codes: str,
    rvu: RvuOption,
    units: Annotated[int, Parameter(help="Of a code that names none itself.")] = 1,
    year: Annotated[int | None, Parameter(help="Instead of a date: the last day of that year.")] = None,
    date: Annotated[date | None, Parameter(help="Day of service; by default today.")] = None,
    locality: Annotated[str, Parameter(help="State and number (AL-00), or a part of the name; national without.")] = "",
    gpci: GpciOption = None,
    facility: Annotated[bool, Parameter(help="In a hospital or another facility.", negative=())] = False,
    participant: Annotated[Literal["other", "qp"], Parameter(help="qp: of an advanced payment model.")] = "other",
    factors: FactorsOption = None,
    json: Json = False,
) -> None:
    """Work out what a day's codes come to, with the arithmetic. Needs no server.

    irctl rvu 97026 97110:2 --year 2025 --locality "ALABAMA" --rvu PPRRVU25_JAN.csv --gpci GPCI2025.csv

    A code may carry a modifier and units: 76881-26:1. Nothing is downloaded: the files are CMS's own, from their page of RVU files.
    """
    from irctl.controller.clock import utc_now
    from irctl.documents.rvu import estimate, factor_of, load_factors, read_values
    from irctl.documents.rvu.payment import NOTICE
    from irctl.toml_file import read

    if not codes:
        raise Refused([Problem("codes", None, "are missing", "Such as: irctl rvu 97026")])
    day = date or (_last_day(year) if year else utc_now().date())
    told = load_factors(factors or examples() / "billing" / "conversion-factors.toml")
    found = estimate(
        [_asked(code, units) for code in codes],
        read_values(read(rvu, "rvu")),
        _locality(locality, gpci),
        factor_of(told, day, participant),
        day,
        facility=facility,
    )
    if json:
        say.as_json(found.as_dict())
        return
    out = say.console()
    where = (
        found.locality.name
        if not found.locality.state
        else f"{found.locality.name} ({found.locality.state}-{found.locality.number})"
    )
    place = "in a facility" if facility else "not in a facility"
    out.print(
        f"[bold]{say.escape(where)}[/], {day}, {place}; conversion factor {found.factor.usd} [dim]({found.factor.mark}: {say.escape(found.factor.source)})[/]"
    )
    out.print("[dim](work · index + practice expense · index + malpractice · index) · factor[/]")
    for step in found.steps:
        name = step.code if not step.modifier else f"{step.code}-{step.modifier}"
        out.print(f"  [bold]{name}[/]  {step.arithmetic}", soft_wrap=True)
    out.print(f"[bold]{found.usd} USD[/]  limiting charge {found.limiting_usd} USD")
    for said in (*found.said, NOTICE):
        out.print(f"[dim]{say.escape(said)}[/]", soft_wrap=True)


def _last_day(year: int) -> date:
    from datetime import date as day

    if not 2000 <= year <= 2100:
        raise Refused([Problem("year", year, "is no year of the fee schedule", "Such as 2026")])
    return day(year, 12, 31)


def _asked(told: str, units: int) -> Asked:
    from irctl.documents.rvu import Asked

    name, _, count = told.partition(":")
    code, _, modifier = name.upper().partition("-")
    number = units if not count else int(count) if count.isdecimal() else 0
    if not 1 <= number <= 99:
        raise Refused([Problem("units", count or units, f"of {code} are no number from 1 to 99", "Such as 97110:2")])
    return Asked(code, number, modifier)


def _locality(asked: str, gpci: Path | None) -> Locality:
    from irctl.documents.rvu import NATIONAL, read_localities
    from irctl.toml_file import read

    if not asked:
        return NATIONAL
    if gpci is None:
        raise Refused([Problem("gpci", None, "is missing", "A locality needs CMS's file of them: --gpci GPCI….csv")])
    plain = asked.upper().strip()
    places = read_localities(read(gpci, "gpci"))
    hits = [one for one in places if f"{one.state}-{one.number}" == plain] or [
        one for one in places if plain in one.name.upper()
    ]
    if len(hits) != 1:
        limit = (
            "is none of them"
            if not hits
            else f"fits {len(hits)}: {', '.join(f'{one.state}-{one.number} {one.name}' for one in hits[:8])}"
        )
        raise Refused([Problem("locality", asked, limit, "Give state and number, such as AL-00")])
    return hits[0]
