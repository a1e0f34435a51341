"""`irctl hl7 …`: a course as HL7 v2.5.1 messages, to look at or to send."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Json
from irctl.cli.claims import PayersOption, read_dossier, rules_of
from irctl.domain.problems import Problem, Refused
from irctl.examples import examples

if TYPE_CHECKING:
    from irctl.interop.hl7 import Mllp

NamingOption = Annotated[
    Path | None, Parameter(env_var="IRCTL_HL7", help="How this site names things. Default: the example of irctl.")
]


def show(dossier: Path, /, *, payers: PayersOption = None, naming: NamingOption = None, json: Json = False) -> None:
    """The messages that a course makes: results of every visit with light, and charges of those that are ready to be billed.

    irctl hl7 show course.json
    """
    made, kept_back = _messages(dossier, payers, naming)
    if json:
        say.as_json({"messages": [{"id": name, "text": text} for name, text in made], "kept_back": kept_back})
        return
    out = say.console()
    for _, text in made:
        out.print(say.escape(text.replace("\r", "\n")), soft_wrap=True)
    for why in kept_back:
        out.print(f"[yellow]{say.escape(why)}[/]", soft_wrap=True)


def send(
    file: Path,
    /,
    *,
    to: Annotated[str, Parameter(help="mllp://HOST:PORT")],
    payers: PayersOption = None,
    naming: NamingOption = None,
    json: Json = False,
) -> int:
    """Send a course's messages, each until it is acknowledged; stops at the first that is not.

    irctl hl7 send course.json --to mllp://127.0.0.1:2575

    The connection is not encrypted: to a receiver on this computer, or one that something else protects. Exit code 3 where one was refused, 4 where nobody answered.
    """
    from irctl.interop.outcome import Later, Sent

    receiver, (made, kept_back) = _receiver(to), _messages(file, payers, naming)
    told: list[dict[str, str]] = []
    code = exits.OK
    for name, text in made:
        outcome = asyncio.run(receiver.send(_Parcel(text.encode())))
        match outcome:
            case Sent():
                told.append({"id": name, "outcome": "sent"})
            case Later(reason):
                told.append({"id": name, "outcome": "later", "why": reason})
                code = exits.UNREACHABLE
            case _:
                told.append({"id": name, "outcome": "refused", "why": outcome.reason})
                code = exits.REFUSED
        if code != exits.OK:
            break
    if json:
        say.as_json({"messages": told, "kept_back": kept_back})
        return code
    out = say.console()
    for one in told:
        out.print(say.escape(f"{one['id']}  {one['outcome']}  {one.get('why', '')}".rstrip()), soft_wrap=True)
    for why in kept_back:
        out.print(f"[yellow]{say.escape(why)}[/]", soft_wrap=True)
    return code


class _Parcel:
    def __init__(self, body: bytes) -> None:
        self.body = body


def _receiver(told: str) -> Mllp:
    from urllib.parse import urlsplit

    from irctl.interop.hl7 import Mllp

    parts = urlsplit(told)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != "mllp" or not parts.hostname or not port:
        raise Refused([Problem("to", told, "is no address", "Such as mllp://127.0.0.1:2575")])
    return Mllp(parts.hostname, port)


def _messages(path: Path, payers: Path | None, naming: Path | None) -> tuple[list[tuple[str, str]], list[str]]:
    from irctl.documents.claims import check
    from irctl.interop.hl7 import charges, load_naming, results

    dossier = read_dossier(path)
    names = load_naming(naming or examples() / "interop" / "hl7.toml")
    made: list[tuple[str, str]] = []
    kept_back: list[str] = []
    for visit in dossier.given:
        one = results(dossier, visit, names, dossier.made_at)
        made.append((one.id, one.text))
    for claim in check(dossier, rules_of(payers, dossier.coverage.payer)):
        try:
            one = charges(dossier, claim, names, dossier.made_at)
            made.append((one.id, one.text))
        except Refused as refused:
            kept_back.append(f"no charges of visit {claim.number or claim.visit}: {refused.problems[0].limit}")
    return made, kept_back
