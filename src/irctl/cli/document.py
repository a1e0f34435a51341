"""`irctl document`: the papers of a course as files, and whether a clinic's template of one leaves something out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Json
from irctl.cli.record import write
from irctl.domain.problems import Problem, Refused

if TYPE_CHECKING:
    from irctl.documents.dossier import Dossier

KindName = Literal["treatment-note", "progress-report", "plan-of-care", "discharge-summary", "referrer-letter"]
KindOption = Annotated[KindName, Parameter(help="Which paper; `irctl document kinds` lists them.")]
TemplateFile = Annotated[Path, Parameter(help="A Typst file of the clinic's own.")]
Output = Annotated[
    Path | None,
    Parameter(
        name=["--output", "-o"], help="Where to; default named after it, here. - is stdout.", allow_leading_hyphen=True
    ),
]


def kinds(*, json: Json = False) -> None:
    """The papers of a course, and what each must state, by the names that templates use.

    irctl document kinds
    """
    from irctl.documents.course import PAPERS

    if json:
        told = {
            kind.value: {
                "title": paper.title,
                "of": "course" if paper.of_course else "visit",
                "required": {key: {"what": one.what, "source": one.source} for key, one in paper.required.items()},
            }
            for kind, paper in PAPERS.items()
        }
        say.as_json(told)
        return
    out = say.console()
    for kind, paper in PAPERS.items():
        out.print(f"[bold]{kind.value}[/]  {paper.title}: {paper.about}", soft_wrap=True)
        out.print(f"  must state: {', '.join(paper.required)}", soft_wrap=True)


def make(
    dossier: Annotated[Path, Parameter(help="The course as JSON (irctl-dossier-1).")],
    /,
    *,
    kind: KindOption,
    visit: Annotated[str | None, Parameter(help="For the treatment note: its visit or session.")] = None,
    template: Annotated[Path | None, Parameter(help="A template of the clinic's own; it is checked first.")] = None,
    output: Output = None,
    json: Json = False,
) -> None:
    """Make a paper of a course as PDF/A from its dossier. Needs no server.

    irctl document make course.json --kind treatment-note --visit V-0000000c -o note.pdf
    """
    from irctl.documents.course import Kind, allowed, render_pdf

    wanted = Kind(kind)
    told = _dossier(dossier)
    checked = None if template is None else allowed(_there(template), wanted)
    data = render_pdf(told, visit, kind=wanted, template=checked)
    if output == Path("-"):
        sys.stdout.buffer.write(data)
        return
    path = write(data, output or Path(f"{kind}-{visit or told.course}.pdf"))
    _tell_written(path, data, kind, as_json=json)


def preview(template: TemplateFile, /, *, kind: KindOption, output: Output = None, json: Json = False) -> None:
    """Look at a template: PNG pictures of it, filled with a made-up, simulated course. What it leaves out is told by `irctl document check`.

    irctl document preview our-note.typ --kind treatment-note -o look.png
    """
    from irctl.documents.course import Kind, render_png
    from irctl.documents.course.checking import SAMPLES
    from irctl.documents.sample import sample_dossier

    wanted = Kind(kind)
    visit = SAMPLES.get(wanted, (None,))[0]
    pages = render_png(sample_dossier(), visit, kind=wanted, template=_there(template))
    if output == Path("-"):
        raise Refused([Problem("output", "-", "cannot take pictures of several pages", "Name a file")])
    first = output or Path(f"{template.stem}.png")
    paths = [
        write(data, first if number == 1 else first.with_stem(f"{first.stem}-{number}"))
        for number, data in enumerate(pages, start=1)
    ]
    if json:
        say.as_json({"kind": kind, "pages": [str(path) for path in paths]})
        return
    for path in paths:
        say.console().print(f"Written  [cyan]{say.escape(str(path))}[/]", soft_wrap=True)


def check(template: TemplateFile, /, *, kind: KindOption, json: Json = False) -> int:
    """Does a template still print everything that its paper must state?

    irctl document check our-note.typ --kind treatment-note

    It is set with a made-up course, and again with each required value changed: where the pages stay the same, the value is not on them.

    Exit code 3 when something is missing.
    """
    from irctl.documents.course import Kind, check

    found = check(_there(template), Kind(kind))
    if json:
        problems = [one.as_dict() for one in found.problems]
        say.as_json({"ok": found.ok, "kind": kind, "looked_for": list(found.looked_for), "problems": problems})
        return exits.OK if found.ok else exits.REFUSED
    out = say.console()
    if found.ok:
        out.print(f"[bold green]Everything required is printed[/]: {len(found.looked_for)} statements.")
        return exits.OK
    out.print("[bold red]The template may not be used.[/]")
    for problem in found.problems:
        out.print(
            f"[red]Missing[/]: {say.escape(f'{problem.field} {problem.limit}. {problem.remedy}')}.", soft_wrap=True
        )
    return exits.REFUSED


def _dossier(path: Path) -> Dossier:
    from pydantic import ValidationError

    from irctl.documents.dossier import Dossier

    try:
        return Dossier.model_validate_json(path.read_bytes())
    except OSError as error:
        raise Refused(
            [Problem("dossier", str(path), error.strerror or str(error), "Check its name and rights")]
        ) from None
    except ValidationError as error:
        remedy = "Export it again from the clinic"
        raise Refused(
            [
                Problem(".".join(map(str, one["loc"])) or "dossier", str(path), one["msg"], remedy)
                for one in error.errors()
            ]
        ) from None


def _there(template: Path) -> Path:
    if not template.is_file():
        raise Refused([Problem("template", str(template), "is not there", "Name a Typst file")])
    return template


def _tell_written(path: Path, data: bytes, kind: str, *, as_json: bool) -> None:
    if as_json:
        say.as_json({"kind": kind, "path": str(path), "bytes": len(data)})
    else:
        say.console().print(f"Written  [cyan]{say.escape(str(path))}[/]", soft_wrap=True)
