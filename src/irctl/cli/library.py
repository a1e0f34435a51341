"""`irctl protocols import` and `approve`: what the settings pages do, from a terminal: a draft from a file, and a second person's approval."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from irctl.cli import say
from irctl.cli.app import Json
from irctl.cli.asking import As, Asking, FromStdin, signed_in
from irctl.cli.at_the_desk import opened
from irctl.cli.state_folder import StateOption
from irctl.clinic.office import drafts
from irctl.domain.people import Verb
from irctl.records.papers import Paper
from irctl.toml_file import read

Kind = Annotated[Literal["protocol", "screening", "template"], Parameter(help="What the file is.")]
ClinicOption = Annotated[Path | None, Parameter(help="The clinic's file, where it has one.")]


def bring(
    file: Path,
    /,
    *,
    kind: Kind = "protocol",
    state: StateOption = None,
    clinic: ClinicOption = None,
    as_: As = "",
    password_stdin: FromStdin = False,
    json: Json = False,
) -> None:
    """Take a file into the clinic's library as a draft, and hand it in for approval; what does not hold is told, and stays a draft.

    irctl protocols import our-knee.toml --as m.okafor
    irctl protocols import infrared.toml --kind screening --as m.okafor
    """
    with opened(state, clinic) as desk:
        person = signed_in(desk.accounts, as_, Asking(password_stdin), drafts.EDITING[kind])
        text = read(file, kind).decode("utf-8", "replace")
        acting = desk.acting(person)
        paper = drafts.bring(desk, acting, kind, file.stem, text)
        paper = drafts.hand_in(desk, acting, kind, file.stem, paper.number)
    _tell(f"Handed in: {file.stem}. Somebody else approves it: irctl protocols approve {file.stem}", paper, json)


def approve(
    name: str,
    /,
    *,
    kind: Kind = "protocol",
    state: StateOption = None,
    clinic: ClinicOption = None,
    as_: As = "",
    password_stdin: FromStdin = False,
    json: Json = False,
) -> None:
    """Approve what was handed in, as somebody who wrote none of it: signed, and in force at once.

    irctl protocols approve our-knee --as l.varga
    """
    asking = Asking(password_stdin)
    with opened(state, clinic) as desk:
        person = signed_in(desk.accounts, as_, asking, Verb.APPROVE_PROTOCOL)
        waiting = desk.papers.get(kind, name)
        if not json:
            before = desk.library.text(kind, name) or ""
            for line in drafts.compared(before, str(waiting.body["text"])):
                say.console().print(say.escape(line))
        password = asking.for_secret(f"Password of {person.login}, to sign that it is approved")
        drafts.approve_typed(desk, desk.acting(person), kind, name, waiting.number, password, time.monotonic())
        paper = desk.papers.get(kind, name)
    _tell(f"Approved and in force: {name}.", paper, json)


def _tell(done: str, paper: Paper, json: bool) -> None:
    if json:
        told: dict[str, Any] = {
            "kind": paper.kind,
            "name": paper.id,
            "state": paper.index.state,
            "number": paper.number,
        }
        say.as_json(told)
    else:
        say.console().print(say.escape(done))
