"""`irctl screening check`: the screening lists and the tests inside them."""

from __future__ import annotations

from pathlib import Path

from irctl.cli import exits, say
from irctl.cli.app import Json
from irctl.clinic.shelf.screening_file import load_screening
from irctl.domain.problems import Problem, Refused
from irctl.domain.screening import ScreeningList
from irctl.examples import examples


def check(*files: Path, json: Json = False) -> int:
    """Check screening lists and run the tests inside them; without a name, the examples of irctl.

    irctl screening check configs/screening/infrared.toml

    Exit code 3 when there is a problem.
    """
    found = [_checked(file) for file in files or sorted((examples() / "screening").glob("*.toml"))]
    ok = all(not problems for _, _, problems in found)
    if json:
        say.as_json(
            [
                {"file": str(file), "ok": not problems, "screening": one and one.label, "problems": say.problems_json(problems)}
                for file, one, problems in found
            ]
        )  # fmt: skip
        return exits.OK if ok else exits.REFUSED
    out = say.console()
    for file, one, problems in found:
        if one is not None:
            told = f"{one.label}: {len(one.items)} questions, {len(one.expects)} tests of its own hold. {one.standing}."
            out.print(f"[bold green]{say.escape(file.name)}[/] {say.escape(told)}")
        else:
            out.print(f"[bold red]{say.escape(file.name)}[/]")
            out.print(say.problems_table(problems))
    return exits.OK if ok else exits.REFUSED


def _checked(file: Path) -> tuple[Path, ScreeningList | None, tuple[Problem, ...]]:
    try:
        return file, load_screening(file), ()
    except Refused as refused:
        return file, None, refused.problems
