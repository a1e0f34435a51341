"""`irctl certificate verify`: a certificate by itself, without a server: its signature, and whether its figures follow from its readings."""

from __future__ import annotations

import json
import re
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, cast

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Json
from irctl.controller.seal import Verifier, fingerprint, public_keys
from irctl.domain import certificate, certificate_check
from irctl.domain.problems import Problem, Refused

View = dict[str, Any]


def verify(
    file: Path,
    /,
    *,
    key: Annotated[Path | None, Parameter(help="The station's journal.pub, to be sure whose signature it is.")] = None,
    json: Json = False,
) -> int:
    """Verify a certificate (JSON, or a PDF that carries it): signed by which key, unchanged, and every figure recomputed from its raw readings.

    irctl certificate verify certificate.json --key journal.pub

    Exit code 0 only when everything holds.
    """
    told = verified(_read(file), _keys(key))
    if json:
        say.as_json(told)
    else:
        _tell(told)
    return exits.OK if told["holds"] else exits.FAILED


def verified(signed: View, trusted: list[bytes] | None) -> View:
    """What can be said of a signed certificate; `trusted`: public keys from elsewhere, None to go by the one it brings."""
    payload, seal = signed["certificate"], signed["seal"]
    keys = trusted if trusted is not None else [bytes.fromhex(seal["public_key"])]
    problems: list[str] = []
    if certificate.digest(payload) != seal["sha256"]:
        problems.append("its content is not what was signed: it was changed")
    if (why := Verifier(keys).signed(certificate.message(payload), seal["key"], seal["signature"])) is not None:
        problems.append(f"signature: {why}")
    problems += certificate_check.check(payload)
    return {
        "number": payload["number"],
        "holds": not problems,
        "problems": problems,
        "key": seal["key"],
        "key_known": trusted is not None and seal["key"] in [fingerprint(one) for one in trusted],
        "lamp": payload["lamp"]["serial"],
        "approved_by": payload["approved_by"],
        "approved_at": payload["approved_at"],
        "simulated": payload["station"].get("simulated"),
    }


def _tell(told: View) -> None:
    out = say.console()
    if told["holds"]:
        out.print(
            f"[bold green]Holds[/]: certificate {told['number']} of lamp {say.escape(told['lamp'])}, approved by {say.escape(told['approved_by'])}."
        )
        out.print("Signed, unchanged, and every figure follows from the readings inside.")
    else:
        out.print(f"[bold red]Does not hold[/]: certificate {told['number']}")
        for problem in told["problems"]:
            out.print(f"  {say.escape(problem)}")
    if not told["key_known"]:
        out.print(
            f"[yellow]By key {told['key']}, which the file brings itself.[/] Compare it with the station's, or give --key journal.pub"
        )
    if told["simulated"]:
        out.print("[magenta]Simulated: it says nothing about a real lamp.[/]")


def _keys(path: Path | None) -> list[bytes] | None:
    if path is None:
        return None
    try:
        keys = public_keys(path)
    except (OSError, ValueError) as error:
        raise Refused([Problem("key", str(path), str(error), "Name the station's journal.pub")]) from None
    if not keys:
        raise Refused([Problem("key", str(path), "holds no key", "Name the station's journal.pub")])
    return keys


def _read(file: Path) -> View:
    remedy = "Name a certificate as JSON, or a PDF that carries one"
    try:
        data = file.read_bytes()
    except OSError as error:
        raise Refused([Problem("file", str(file), error.strerror or str(error), remedy)]) from None
    for text in _carried(data) if data.startswith(b"%PDF") else [data]:
        try:
            told = json.loads(text)
        except ValueError:
            continue
        if isinstance(told, dict) and {"certificate", "seal"} <= told.keys():
            return cast("View", told)
    raise Refused([Problem("file", str(file), "holds no certificate of this software", remedy)])


def _carried(pdf: bytes) -> list[bytes]:
    """The streams of a PDF that may be JSON: what is attached to it."""
    found: list[bytes] = []
    for match in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        data = match[1]
        with suppress(zlib.error):  # a stream that is not packed is as it is
            data = zlib.decompressobj().decompress(data)
        if data.lstrip()[:1] == b"{":
            found.append(data)
    return found
