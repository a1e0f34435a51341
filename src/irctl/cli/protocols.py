"""`irctl protocols …`: the treatment protocols, what each gives at which visit, and their own tests."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from irctl.cli import exits, say
from irctl.cli.app import Folder, Json
from irctl.clinic.shelf.protocol_file import load_protocol
from irctl.domain.problems import Problem, Refused
from irctl.domain.protocols import Protocol
from irctl.examples import examples

View = dict[str, Any]


def check(*files: Path, protocols: Folder = None, json: Json = False) -> int:
    """Check protocol files and run the tests inside them; without a name, all of the folder.

    irctl protocols check configs/protocols/luminous-ir.toml

    Exit code 3 when there is a problem.
    """
    found = [_checked(file) for file in files or _files(protocols)]
    ok = all(not problems for _, _, problems in found)
    if json:
        say.as_json(
            [
                {
                    "file": str(file),
                    "ok": not problems,
                    "protocol": protocol and protocol.label,
                    "problems": say.problems_json(problems),
                }
                for file, protocol, problems in found
            ]
        )
        return exits.OK if ok else exits.REFUSED
    out = say.console()
    for file, protocol, problems in found:
        if protocol is not None:
            told = f"{protocol.label}: {len(protocol.expects)} tests of its own hold. {protocol.standing}."
            out.print(f"[bold green]{say.escape(file.name)}[/] {say.escape(told)}")
        else:
            out.print(f"[bold red]{say.escape(file.name)}[/]")
            out.print(say.problems_table(problems))
    return exits.OK if ok else exits.REFUSED


def _checked(file: Path) -> tuple[Path, Protocol | None, tuple[Problem, ...]]:
    try:
        return file, load_protocol(file), ()
    except Refused as refused:
        return file, None, refused.problems


def list_all(*, protocols: Folder = None, json: Json = False) -> int:
    """Every protocol of the folder, with whose it is.

    irctl protocols list
    """
    found = [_checked(file) for file in _files(protocols)]
    if json:
        say.as_json([_told(protocol) for _, protocol, _ in found if protocol is not None])
    else:
        rows = [
            (protocol.name, protocol.version, say.escape(protocol.title), ", ".join(protocol.lamp_types),
             protocol.course.visits, say.escape(protocol.standing))
            if protocol is not None
            else (file.stem, "–", f"[bold red]does not hold: irctl protocols check {say.escape(str(file))}[/]", "–", "–", "–")
            for file, protocol, _ in found
        ]  # fmt: skip
        columns = ("name", "version", "title", "lamps", "visits", "standing")
        say.console().print(say.table(columns, rows, right=("version", "visits")))
    return exits.OK if all(protocol is not None for _, protocol, _ in found) else exits.REFUSED


def show(name: str, /, *, protocols: Folder = None, json: Json = False) -> None:
    """One protocol: dose by visit, limits, and where each part of it comes from.

    irctl protocols show luminous-ir
    """
    protocol = named(name, protocols)
    if json:
        say.as_json(_told(protocol))
        return
    out = say.console()
    out.print(f"[bold]{say.escape(protocol.title)}[/]  {protocol.label}")
    out.print(f"[bold yellow]{say.escape(protocol.standing)}[/]" if protocol.approval is None else protocol.standing)
    rows = [
        (f"from {step.from_visit}", f"{step.dose.irradiance_mw_cm2:g} mW/cm²", f"{step.dose.fluence_j_cm2:g} J/cm²",
         say.clock(step.dose.duration_s))
        for step in protocol.steps
    ]  # fmt: skip
    out.print(say.table(("visit", "irradiance", "dose", "time"), rows, right=("irradiance", "dose", "time")))
    low, high = protocol.distance_cm
    setbacks = [
        f"{one.after_days:g} days: " + ("begin again" if one.visits_back is None else f"{one.visits_back} visits back")
        for one in protocol.setbacks
    ]
    course, stop = protocol.course, protocol.stop
    details = [
        ("for", f"{', '.join(protocol.lamp_types)} lamps at {low:g} to {high:g} cm"
                + (", with a skin thermometer" if protocol.needs_skin_thermometer else "")),
        ("areas", ", ".join(protocol.areas) or "any that the screening allows"),
        ("course", f"{course.per_week} a week for {course.weeks} weeks, at most {course.fluence_j_cm2_max:g} J/cm² in all"),
        ("without a visit for", "; ".join(setbacks) or "no change"),
        ("limits", ", ".join(f"{limit} {value:g}" for limit, value in protocol.limits.given())),
        ("end proposed", f"pain {stop.nprs_mcid:g} less or more, or no change in {stop.unchanged_after_visits} visits ({stop.source})"),
        *((f"source, {source.mark}", f"{source.of}: {source.text}") for source in protocol.sources),
    ]  # fmt: skip
    out.print(say.table(("", ""), [(what, say.escape(told)) for what, told in details]))


def named(name: str, folder: Path | None) -> Protocol:
    """The protocol of this name, whole and tested. Raises Refused."""
    files = {file.stem: file for file in _files(folder)}
    if name not in files:
        known = ", ".join(files) or "none"
        raise Refused([Problem("protocol", name, "no such protocol", f"Known are {known}; --protocols names a folder")])
    return load_protocol(files[name])


def _files(folder: Path | None) -> list[Path]:
    """The files of the clinic's folder; of the examples where none is named. Raises Refused."""
    folder = folder or examples() / "protocols"
    if not folder.is_dir():
        raise Refused([Problem("protocols", str(folder), "is no folder", "Name the folder that holds the protocols")])
    return sorted(folder.glob("*.toml"))


def _told(protocol: Protocol) -> View:
    approval = protocol.approval
    return asdict(protocol) | {
        "label": protocol.label,
        "standing": protocol.standing,
        "approval": None if approval is None else {"by": approval.by, "on": approval.on.isoformat()},
        "limits": dict(protocol.limits.given()),
    }
