"""`irctl fhir …`: a course as FHIR R4 resources, made, checked and pushed from a terminal."""

from __future__ import annotations

import json as jsons
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Json
from irctl.cli.claims import PayersOption, read_dossier, rules_of
from irctl.cli.record import write
from irctl.domain.problems import Problem, Refused

if TYPE_CHECKING:
    from irctl.documents.dossier import Dossier
    from irctl.interop.fhir.smart import SmartAuth

Output = Annotated[
    Path | None,
    Parameter(name=["--output", "-o"], help="Where to; default COURSE.fhir.json here. - is stdout.", allow_leading_hyphen=True),
]  # fmt: skip
CodesOption = Annotated[
    Path | None,
    Parameter(env_var="IRCTL_FHIR_CODES", help="The clinic's file of codes. Default: the example of irctl."),
]
PatientOption = Annotated[
    Literal["reference", "full"], Parameter(help="Refer to the patient by record number, or send name and birthday along.")
]  # fmt: skip
BundleFile = Annotated[Path, Parameter(help="The bundle, as `irctl fhir bundle` makes it.")]


def make(
    dossier: Annotated[Path, Parameter(help="The course as JSON (irctl-dossier-1).")],
    /,
    *,
    visit: Annotated[tuple[str, ...], Parameter(help="Only this visit; may be said again for more.")] = (),
    patient: PatientOption = "reference",
    notes: Annotated[bool, Parameter(help="With the printed treatment note (PDF) of each visit.")] = True,
    codes: CodesOption = None,
    payers: PayersOption = None,
    output: Output = None,
    json: Json = False,
) -> None:
    """A course as one FHIR R4 transaction, the same whenever it is made. Needs no server.

    irctl fhir bundle course.json -o bundle.json

    With the treatment notes as PDF, and the claim lines by the payer's rules. Codes that nobody has checked are not sent: their words are.
    """
    from irctl.documents.claims import check as judged
    from irctl.interop.fhir import bundle, load_codes

    found, known = read_dossier(dossier), load_codes(codes)
    wanted = _visits(found, visit)
    printed = _printed(found, wanted) if notes else {}
    claims = judged(found, rules_of(payers, found.coverage.payer))
    made = bundle(found, known, notes=printed, claims=claims, visits=wanted, full_patient=patient == "full")
    data = jsons.dumps(made, ensure_ascii=False, indent=1).encode() + b"\n"
    if output == Path("-"):
        sys.stdout.buffer.write(data)
        return
    path = write(data, output or Path(f"{found.course}.fhir.json"))
    if json:
        say.as_json(
            {"path": str(path), "bytes": len(data), "resources": len(made["entry"]), "unverified": known.unverified}
        )
        return
    out = say.console()
    out.print(f"Written  [cyan]{say.escape(str(path))}[/]  {len(made['entry'])} resources", soft_wrap=True)
    if known.unverified:
        out.print(
            f"[dim]Sent in words only, for nobody has verified their codes: {', '.join(known.unverified)}.[/]",
            soft_wrap=True,
        )
    out.print(f"[dim]{say.NOTICE}[/]")


def check(file: BundleFile, /, *, json: Json = False) -> int:
    """Is every element, code, unit and reference of a bundle one that R4 has there, as far as irctl writes R4? Needs no server.

    irctl fhir check bundle.json

    Exit code 3 when something is wrong.
    """
    from irctl.interop.fhir import check as checked

    problems = checked(_read(file))
    if json:
        say.as_json({"ok": not problems, "problems": say.problems_json(problems)})
    elif problems:
        say.console().print(say.problems_table(problems))
    else:
        say.console().print("[bold green]Nothing wrong was found[/]: elements, codes, units and references are R4's.")
    return exits.REFUSED if problems else exits.OK


@Parameter(name="*")
@dataclass(frozen=True)
class SignIn:
    """SMART backend services, where the server asks for it."""

    client_id: Annotated[str | None, Parameter(help="Who irctl is to the server.")] = None
    key: Annotated[Path | None, Parameter(help="Its private key (PEM): P-384, or RSA of 2048 bits and more.")] = None
    key_id: Annotated[str | None, Parameter(help="The name under which the server knows the public key.")] = None
    scope: Annotated[str, Parameter(help="What to ask for.")] = "system/*.cruds"


@dataclass(frozen=True)
class _Read:
    body: bytes


_NOBODY = SignIn()


def push(
    file: BundleFile,
    /,
    *,
    server: Annotated[str, Parameter(help="The server's base address.")],
    sign_in: SignIn = _NOBODY,
    json: Json = False,
) -> int:
    """Send a bundle to a FHIR server, after reading what the server can. Sending it again changes nothing.

    irctl fhir push bundle.json --server https://ehr.example/fhir

    What the server does not take as a resource goes along as one document. Exit code 4: try again later; 3: the server will not have it.
    """
    import asyncio

    from irctl.interop.fhir import check as checked
    from irctl.interop.fhir.client import FhirServer
    from irctl.interop.outcome import Later, Sent

    told = _read(file)
    if problems := checked(told):
        raise Refused(problems)
    peer = FhirServer(server, auth=_auth(server, sign_in))
    outcome = asyncio.run(peer.send(_Read(jsons.dumps(told, ensure_ascii=False).encode())))
    if isinstance(outcome, Sent):
        _tell({"outcome": "sent", "reference": outcome.reference, "told": outcome.told}, as_json=json)
        return exits.OK
    later = isinstance(outcome, Later)
    _tell({"outcome": "later" if later else "refused", "reason": outcome.reason}, as_json=json)
    return exits.UNREACHABLE if later else exits.REFUSED


def _tell(told: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        say.as_json(told)
        return
    colour, words = {
        "sent": ("green", "Sent"), "later": ("yellow", "Not sent, try again later"), "refused": ("red", "Refused by the server"),
    }[told["outcome"]]  # fmt: skip
    rest = told.get("reason") or f"{told['told']} ({told['reference']})"
    say.console().print(f"[bold {colour}]{words}[/]: {say.escape(rest)}", soft_wrap=True)


def _auth(server: str, sign_in: SignIn) -> SmartAuth | None:
    from irctl.interop.fhir.smart import Credentials, SmartAuth, read_key

    given = {"client-id": sign_in.client_id, "key": sign_in.key, "key-id": sign_in.key_id}
    if not any(given.values()):
        return None
    if missing := [name for name, value in given.items() if not value]:
        raise Refused([Problem(name, None, "is missing for the sign-in", "Say all three, or none") for name in missing])
    assert sign_in.client_id
    assert sign_in.key
    assert sign_in.key_id
    return SmartAuth(server, Credentials(sign_in.client_id, sign_in.key_id, read_key(sign_in.key), sign_in.scope))


def _visits(dossier: Dossier, wanted: Sequence[str]) -> tuple[str, ...] | None:
    try:
        return tuple(dossier.visit(name).id for name in wanted) or None
    except KeyError as error:
        known = ", ".join(visit.id for visit in dossier.visits)
        raise Refused([Problem("visit", error.args[0], "is none of this course", f"Name one of {known}")]) from None


def _printed(dossier: Dossier, wanted: Sequence[str] | None) -> dict[str, bytes]:
    from irctl.documents.course import render_pdf

    return {one.id: render_pdf(dossier, one.id) for one in dossier.visits if wanted is None or one.id in wanted}


def _read(file: Path) -> Any:
    try:
        return jsons.loads(file.read_bytes())
    except OSError as error:
        raise Refused([Problem("file", str(file), error.strerror or str(error), "Check its name and rights")]) from None
    except ValueError as error:
        raise Refused([Problem("file", str(file), f"is not JSON: {error}", "Make it anew")]) from None
