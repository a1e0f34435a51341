"""`irctl rvu …`: what Medicare's fee schedule comes to, from files that the user downloads from CMS."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from irctl.cli import say
from irctl.cli.app import Json
from irctl.cli.state_folder import default_state
from irctl.domain.problems import Problem, Refused

if TYPE_CHECKING:
    from irctl.documents.rvu import Estimate, Folder, Localities, Origin, Participant, RelativeValues, Step

FolderOption = Annotated[
    Path | None,
    Parameter(env_var="IRCTL_RVU_FOLDER", help="Where imported files are kept. Default: rvu in the state folder."),
]
RvuOption = Annotated[
    Path | None, Parameter(env_var="IRCTL_RVU", help="A file of CMS's, PPRRVU….csv or .txt, instead of those imported.")
]
GpciOption = Annotated[
    Path | None, Parameter(env_var="IRCTL_GPCI", help="A file of CMS's, GPCI….csv or .txt, instead of those imported.")
]
Codes = Annotated[list[str], Parameter(help="CODE, CODE-MODIFIER; with :UNITS where there are several.")]


def estimate(
    codes: Codes,
    /,
    *,
    units: Annotated[int, Parameter(help="Of a code that says none itself.")] = 1,
    date: Annotated[date | None, Parameter(help="Day of the service; today without a date and a year.")] = None,
    year: Annotated[int | None, Parameter(help="Of the service, where its day does not matter.")] = None,
    locality: Annotated[
        str, Parameter(help="AL-00, 10112-00, or a part of its name; without: national, every index 1.")
    ] = "",
    facility: Annotated[bool, Parameter(negative=(), help="In a hospital or another facility.")] = False,
    qp: Annotated[
        bool, Parameter(negative=(), help="A qualifying participant of an advanced payment model, from 2026 on.")
    ] = False,
    rvu: RvuOption = None,
    gpci: GpciOption = None,
    folder: FolderOption = None,
    json: Json = False,
) -> None:
    """What the codes of one day come to, for one patient at one practice, with the arithmetic. Needs no server.

    irctl rvu 97026 --year 2025 --locality AL-00

    irctl rvu 97026 97110:2 --date 2024-03-10 --rvu PPRRVU24_OCT.csv

    76881-26 is a code with its modifier. An estimate from files that you bring: not a price, and not a promise.
    """
    from irctl.documents.rvu import NATIONAL, asked_of, factor_of
    from irctl.documents.rvu import estimate as worked_out

    asked = [asked_of(told, units) for told in codes]
    shelf = _folder(folder)
    when = _when(date, year, shelf, rvu)
    of_year = when if isinstance(when, int) else when.year
    values = _values(shelf, rvu, of_year)
    place = NATIONAL if not locality.strip() else _localities(shelf, gpci, of_year).find(locality)
    participant: Participant = "qp" if qp else "other"
    factor = factor_of(shelf.factors(), when, participant, values.factor)
    day = None if isinstance(when, int) else when
    found = worked_out(asked, values, place, factor, day, facility=facility)
    if json:
        say.as_json(found.as_dict())
    else:
        _show(found)


def bring(files: list[Path], /, *, folder: FolderOption = None, json: Json = False) -> None:
    """Keep CMS's files for later: what each is shows in it. One of each kind and year; a newer one takes its place. Descriptions of codes are not kept.

    irctl rvu import PPRRVU2025_Oct.csv GPCI2025.csv

    Download the archive RVUnnX.zip from CMS's page "PFS Relative Value Files" and unpack it. All files are read before any is kept.
    """
    from irctl.controller.clock import utc_now
    from irctl.documents.rvu import read_file
    from irctl.toml_file import read

    shelf = _folder(folder)
    brought = [(path.name, read(path, "file")) for path in files]
    for name, data in brought:
        read_file(data, name, shelf.factors())
    done = [shelf.bring(data, name, utc_now()) for name, data in brought]
    if json:
        say.as_json([_view(one) | {"replaced": replaced, "warning": one.warning} for one, replaced in done])
        return
    out = say.console()
    for one, replaced in done:
        out.print(f"{'Replaced' if replaced else 'Imported'}  {say.escape(_line(one))}", soft_wrap=True)
        if one.warning:
            out.print(f"[yellow]{say.escape(one.warning)}[/]", soft_wrap=True)
    out.print(f"[dim]Kept in {say.escape(str(shelf.path))}[/]", soft_wrap=True)


def files(*, folder: FolderOption = None, json: Json = False) -> None:
    """What was imported, and which conversion factors are worked with.

    irctl rvu files
    """
    shelf = _folder(folder)
    listed, factors = shelf.listed(), shelf.factors()
    if json:
        told = [
            {"since": f"{f.since}", "until": f"{f.until}", "participant": f.participant, "usd": str(f.usd), "mark": f.mark, "source": f.source}
            for f in factors
        ]  # fmt: skip
        say.as_json({"folder": str(shelf.path), "files": [_view(one) for one in listed], "factors": told})
        return
    out = say.console()
    for one in listed:
        out.print(say.escape(_line(one)), soft_wrap=True)
    if not listed:
        out.print("Nothing is imported. Download RVUnnX.zip from CMS, unpack it, and: irctl rvu import PPRRVU….csv GPCI….csv")  # fmt: skip
    rows = [(f.since, f.until, {"qp": "QP", "other": "not QP", None: "all"}[f.participant], f.usd, f.mark, say.escape(f.source)) for f in factors]  # fmt: skip
    out.print(say.table(("from", "to", "for", "conversion factor", "mark", "source"), rows, right=("conversion factor",)))  # fmt: skip


def localities(year: int, /, *, gpci: GpciOption = None, folder: FolderOption = None, json: Json = False) -> None:
    """The localities of a year: by these names they are asked for.

    irctl rvu localities 2025
    """
    found = _localities(_folder(folder), gpci, year).places
    if json:
        say.as_json(
            [
                {
                    "contractor": p.contractor,
                    "state": p.state,
                    "number": p.number,
                    "name": p.name,
                    "work": str(p.work),
                    "practice_expense": str(p.expense),
                    "malpractice": str(p.malpractice),
                }
                for p in found
            ]
        )
        return
    columns = ("locality", "name", "contractor", "work", "practice expense", "malpractice")
    rows = [(f"{p.state}-{p.number}", say.escape(p.name), p.contractor, p.work, p.expense, p.malpractice) for p in found]  # fmt: skip
    say.console().print(say.table(columns, rows, right=columns[3:]))


# --- where it is taken from -------------------------------------------------------------------------------------------------


def _folder(named: Path | None) -> Folder:
    from irctl.documents.rvu import Folder

    return Folder(named or default_state() / "rvu")


def _when(day: date | None, year: int | None, shelf: Folder, rvu: Path | None) -> date | int:
    """Of a file that is given for once, its year; else today."""
    from irctl.controller.clock import utc_now

    if day is not None and year not in (None, day.year):
        raise Refused([Problem("year", year, f"is not the year of {day}", "Give one of them")])
    if day is not None:
        return day
    if year is not None:
        return year
    return utc_now().astimezone().date() if rvu is None else _read_values(shelf, rvu).year


def _values(shelf: Folder, rvu: Path | None, year: int) -> RelativeValues:
    if rvu is None:
        return shelf.values(year)
    values = _read_values(shelf, rvu)
    if values.year != year:
        raise Refused([Problem("rvu", rvu.name, f"is of {values.year}, and asked is {year}", "Give the file of that year")])  # fmt: skip
    return values


def _read_values(shelf: Folder, rvu: Path) -> RelativeValues:
    from irctl.documents.rvu import read_values
    from irctl.toml_file import read

    return read_values(read(rvu, "rvu"), rvu.name, shelf.factors())


def _localities(shelf: Folder, gpci: Path | None, year: int) -> Localities:
    from irctl.documents.rvu import read_localities
    from irctl.toml_file import read

    if gpci is None:
        return shelf.localities(year)
    found = read_localities(read(gpci, "gpci"), gpci.name, shelf.factors())
    if found.year != year:
        raise Refused([Problem("gpci", gpci.name, f"is of {found.year}, and asked is {year}", "Give the file of that year")])  # fmt: skip
    return found


# --- what is said -----------------------------------------------------------------------------------------------------------


def _view(one: Origin) -> dict[str, Any]:
    return {
        "kind": one.kind, "year": one.year, "release": one.release, "rows": one.rows, "file": one.file, "sha256": one.sha256,
        "imported": one.imported.isoformat(),
    }  # fmt: skip


def _line(one: Origin) -> str:
    release = f" {one.release}" if one.release else ""
    what = f"relative values of {one.rows} codes" if one.kind == "values" else f"indices of {one.rows} localities"
    return f"{one.year}{release}  {what}  ({one.file}, sha256 {one.sha256[:16]}…)"


def _show(found: Estimate) -> None:
    from irctl.documents.rvu import NOTICE

    out = say.console()
    where = "in a facility" if found.facility else "not in a facility"
    when = found.day or found.year
    release = f", {found.release} release" if found.release else ""
    out.print(f"[bold]{say.escape(found.locality.label)}[/], {when}{release}, {where}")
    out.print(f"[dim]Conversion factor {found.factor.usd} USD ({found.factor.mark}: {say.escape(found.factor.source)})[/]")  # fmt: skip
    for step in found.steps:
        out.print()
        out.print(f"[bold]{say.escape(step.asked.label)}[/] × {step.units}   status {step.values.status}")
        for line in _arithmetic(step):
            out.print(f"  {line}", soft_wrap=True)
    out.print()
    out.print(f"[bold]{found.usd} USD[/]   limiting charge {found.limiting_usd} USD")
    for said in found.said:
        out.print(f"[yellow]·[/] {say.escape(str(said))}", soft_wrap=True)
    out.print(f"[dim]{say.escape(NOTICE)}[/]", soft_wrap=True)


def _arithmetic(step: Step) -> list[str]:
    """One product a line, their sum, and what that is in dollars."""
    from irctl.documents.rvu import plain

    if not step.terms:
        return ["not paid by its values"]
    lines = [
        f"{term.name:<17} {term.value:>6}{f' × {term.share}' if term.share != 1 else '':<6} × {term.index:<5} = {plain(term.product)}"
        for term in step.terms
    ]
    lines.append(
        f"{'sum':<17} {plain(step.rvu)} RVU × {step.factor_usd} USD = {plain(step.exact_usd)} USD → {step.unit_usd} USD"
    )
    if step.units > 1:
        lines.append(f"{'':<17} {step.units} × {step.unit_usd} USD = {step.usd} USD")
    return lines
