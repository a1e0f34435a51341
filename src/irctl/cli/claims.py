"""`irctl claim …` and `irctl payers …`: is a visit ready to be billed, and by which rules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Json
from irctl.domain.problems import Problem, Refused
from irctl.examples import examples

if TYPE_CHECKING:
    from irctl.documents.claims import Claim, PayerRules
    from irctl.documents.dossier import Dossier

PayersOption = Annotated[
    Path | None, Parameter(env_var="IRCTL_PAYERS", help="Folder of payers' rules. Default: the examples of irctl.")
]
COLOURS = {"bill": "green", "needs notice": "yellow", "hold": "red"}
SAID = "A check before billing, by the rules in the payer's file. A person decides; it is no legal advice."


def check(
    dossier: Path,
    /,
    *others: Path,
    payers: PayersOption = None,
    json: Json = False,
) -> int:
    """Judge each visit of a course: bill, hold, or needs notice, with the reasons. Needs no server.

    irctl claim check course.json

    The file is a course's dossier as JSON; further files are other courses of the same patient. Exit code 3 where something is kept back.
    """
    from irctl.documents.claims import Verdict
    from irctl.documents.claims import check as judged

    found, beside = read_dossier(dossier), [read_dossier(path) for path in others]
    rules = rules_of(payers, found.coverage.payer)
    claims = judged(found, rules, beside)
    ready = all(claim.verdict is Verdict.BILL for claim in claims)
    if json:
        say.as_json([claim.as_dict() for claim in claims])
        return exits.OK if ready else exits.REFUSED
    out = say.console()
    for claim in claims:
        _tell(claim)
    if rules is not None:
        out.print(f"[dim]{say.escape(rules.title)}: {say.escape(rules.standing)}.[/]")
    out.print(f"[dim]{SAID}[/]")
    return exits.OK if ready else exits.REFUSED


def _tell(claim: Claim) -> None:
    out = say.console()
    number = f"visit {claim.number}" if claim.number else say.escape(claim.visit)
    colour = COLOURS[claim.verdict]
    total = "not stated" if claim.total_minutes is None else f"{claim.total_minutes:g}"
    out.print(
        f"[bold]{claim.date}  {number}[/]  [bold {colour}]{claim.verdict}[/]  minutes: timed {claim.timed_minutes:g}, in all {total}"
    )
    for line in claim.lines:
        told = " ".join((line.code, f"× {line.units}", *line.modifiers))
        why = f"  [dim]{say.escape('; '.join(line.because))}[/]" if line.because else ""
        out.print(f"  {say.escape(told)}{why}", soft_wrap=True)
    for finding in claim.findings:
        sign = "·" if finding.verdict == "bill" else "✗"
        mark = f" [{finding.rule.mark}: {finding.rule.source}]" if finding.rule else ""
        out.print(f"  {sign} {say.escape(finding.text + mark)}", soft_wrap=True)
        if finding.verdict != "bill":
            out.print(
                f"    [dim]{say.escape(finding.remedy)}  ← {say.escape('; '.join(finding.evidence))}[/]", soft_wrap=True
            )


def check_payers(*files: Path, payers: PayersOption = None, json: Json = False) -> int:
    """Check files of payers' rules; without a name, all of the folder.

    irctl payers check configs/payers/medicare-part-b.toml

    Exit code 3 when there is a problem.
    """
    from irctl.documents.claims import load_rules

    told: list[tuple[Path, PayerRules | None, tuple[Problem, ...]]] = []
    for path in files or sorted(_folder(payers).glob("*.toml")):
        try:
            told.append((path, load_rules(path), ()))
        except Refused as refused:
            told.append((path, None, refused.problems))
    ok = all(not problems for _, _, problems in told)
    if json:
        say.as_json([
            {"file": str(path), "ok": not problems, "standing": rules and rules.standing, "problems": say.problems_json(problems)}
            for path, rules, problems in told
        ])  # fmt: skip
        return exits.OK if ok else exits.REFUSED
    out = say.console()
    for path, rules, problems in told:
        if rules is None:
            out.print(f"[bold red]{say.escape(path.name)}[/]")
            out.print(say.problems_table(problems))
        else:
            unverified = sum(rule.unverified for rule in rules.rules)
            said = f"{rules.title}: {len(rules.rules)} rules, {unverified} of them unverified. {rules.standing}."
            out.print(f"[bold green]{say.escape(path.name)}[/] {say.escape(said)}", soft_wrap=True)
    return exits.OK if ok else exits.REFUSED


def read_dossier(path: Path) -> Dossier:
    """A course's dossier from its file. Raises Refused."""
    from pydantic import ValidationError

    from irctl.documents.dossier import Dossier
    from irctl.toml_file import read, schema_problem

    try:
        return Dossier.model_validate_json(read(path, "dossier"))
    except ValidationError as error:
        raise Refused([schema_problem(details) for details in error.errors()[:10]]) from None


def _folder(payers: Path | None) -> Path:
    return payers or examples() / "payers"


def rules_of(payers: Path | None, name: str) -> PayerRules | None:
    """Of the payer with that name; None where nobody is named, or there is no file of it. Raises Refused."""
    from irctl.documents.claims import load_rules

    path = _folder(payers) / f"{name}.toml"
    return load_rules(path) if name and path.is_file() else None
