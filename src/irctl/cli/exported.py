"""`irctl export`, `irctl verify` and `irctl evidence`: one session as evidence in one file, for somebody outside who has nothing but the file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Json, To
from irctl.cli.record import write
from irctl.cli.signed_in import who
from irctl.cli.verified import contents, tell, trusted
from irctl.domain.problems import Problem, Refused

ExportedFile = Annotated[Path, Parameter(help="The exported session: JSON, or a treatment note with it inside.")]
_TO = To()


def export(
    session: str,
    /,
    *,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="Where to; default SESSION.irctl.json here.")
    ] = None,
    by: Annotated[str, Parameter(help="Who asks for it: it is in the file. Default: who is signed in.")] = "",
    to: To = _TO,
) -> None:
    """Write one session's evidence into a file that anybody can verify: its stretch of the journal, sealed, and the calibration's certificate.

    irctl export S-20261123-0001 --by okafor -o S-20261123-0001.irctl.json

    A controller knows a patient's reference and no more: name, course and signatures are not in this file, and it says so.
    """
    from irctl.controller.clock import utc_now
    from irctl.documents.exported import calibration_of, made
    from irctl.documents.exported.form import SUFFIX

    person = who(by)
    excerpt = to.controller.get(to.controller.session(session, "excerpt"))
    certificate = None
    if (calibration := calibration_of(excerpt["excerpt"])) is not None:
        certificate = to.controller.get(f"/v1/calibrations/{quote(calibration, safe='')}/certificate")
    exported = made(excerpt, by=person, at=utc_now(), certificate=certificate)
    path = write(exported.as_json(), output or Path(f"{session}{SUFFIX}"))
    if to.json:
        held = exported.certificate is not None
        say.as_json({"session": session, "path": str(path), "sha256": exported.sha256, "certificate": held})
        return
    out = say.console()
    out.print(f"Written  [cyan]{say.escape(str(path))}[/]  SHA-256 {exported.sha256}", soft_wrap=True)
    out.print("[dim]Without the patient's name, course and signatures: a controller knows none of them.[/]")
    if exported.certificate is None:
        out.print("[dim]Without a certificate: the calibration in force was made elsewhere.[/]")


def verify(
    file: ExportedFile,
    /,
    *,
    key: Annotated[
        list[Path] | None,
        Parameter(
            negative=(),
            consume_multiple=True,
            help="Public keys that you have from the station (journal.pub) or the clinic (people.pub) themselves.",
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Does an exported session hold? JSON or PDF; needs no server and no network.

    irctl verify S-20261123-0001.irctl.json --key journal.pub

    The journal's chain is walked and its signatures are judged; every figure of the note is read anew from the events, the calibration's certificate computed
    anew from its readings, each electronic signature compared with the version it was given to, the pages set again.

    Without --key signatures are judged by the keys in the file: that shows that nothing was changed since, and not who signed.

    Exit code 5 when it does not hold.
    """
    from irctl.documents.exported import verify

    found = verify(contents(file), trusted(key or ()))
    if json:
        say.as_json(found.as_dict())
        return exits.OK if found.ok else exits.DOES_NOT_HOLD
    return tell(found, f"Session {found.number or file}")


def evidence(file: ExportedFile, /, *, json: Json = False) -> int:
    """What each statement of an exported session rests on: the events, the calibration in force, the certificate of its meter.

    irctl evidence S-20261123-0001.irctl.json

    Exit code 5 when the file does not hold; then what it says is not to be relied on.
    """
    from irctl.documents.certificate.sealed import DAMAGED
    from irctl.documents.exported import chains, read, verify

    data = contents(file)
    ok = verify(data).ok
    try:
        found = chains(read(data))
    except DAMAGED as error:
        raise Refused([Problem("file", str(file), str(error), "See `irctl verify`")]) from None
    if json:
        told = [{"statement": one.statement, "value": one.value, "sources": list(one.sources)} for one in found]
        say.as_json({"ok": ok, "evidence": told})
    else:
        out = say.console()
        for one in found:
            out.print(say.escape(str(one)), soft_wrap=True)
        if not ok:
            out.print("[bold red]This file does not hold[/]: rely on none of it. `irctl verify` says why.")
    return exits.OK if ok else exits.DOES_NOT_HOLD
