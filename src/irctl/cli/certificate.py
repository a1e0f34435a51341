"""`irctl calibrations certificate` and `irctl certificate`: certificates as files, and whether a file is genuine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Json, To
from irctl.cli.record import write
from irctl.cli.session import Number
from irctl.cli.verified import contents, tell, trusted
from irctl.domain.problems import Problem, Refused

if TYPE_CHECKING:
    from irctl.documents.certificate import Sealed

Format = Literal["pdf", "json", "fhir"]
FormatOption = Annotated[Format | None, Parameter(help="Default: what the output's name says, else pdf.")]
Output = Annotated[
    Path | None,
    Parameter(help="Where to; default NUMBER.pdf, .json or .fhir.json here. - is stdout.", allow_leading_hyphen=True),
]
CertificateFile = Annotated[Path, Parameter(help="The certificate: PDF or JSON.")]
SUFFIXES: dict[Format, str] = {"pdf": ".pdf", "json": ".json", "fhir": ".fhir.json"}
_TO = To()


def issue(calibration: Number, /, *, output: Output = None, format: FormatOption = None, to: To = _TO) -> None:
    """Write the certificate of an approved calibration: its pages, with the signed data attached.

    irctl calibrations certificate C-20261123-0001 --output certificate.pdf

    As JSON: the signed data alone, every reading in it. As FHIR: R4 DeviceMetric resources for an EHR.
    """
    told = to.controller.get(f"/v1/calibrations/{quote(calibration, safe='')}/certificate")
    _deliver(told, calibration, output, format, as_json=to.json)


def print_anew(
    file: CertificateFile, /, *, output: Output = None, format: FormatOption = None, json: Json = False
) -> None:
    """Set the pages of a certificate file anew from the data in it, or write that data.

    irctl certificate print received.pdf --format json

    Whether to believe it is for `irctl certificate verify`.
    """
    from irctl.documents.certificate import CertificateError, attached, is_pdf

    data = contents(file)
    try:
        told = _told(attached(data) if is_pdf(data) else data)
    except (CertificateError, ValueError) as error:
        raise Refused([Problem("file", str(file), str(error), "See `irctl certificate verify`")]) from None
    _deliver(told, str(file), output, format, as_json=json)


def verify(
    file: CertificateFile,
    /,
    *,
    key: Annotated[
        Path | None, Parameter(help="The station's public key (its journal.pub), got from the station itself.")
    ] = None,
    json: Json = False,
) -> int:
    """Is a certificate genuine, and does it follow from its readings? PDF or JSON; needs no server and no network.

    irctl certificate verify certificate.pdf --key journal.pub

    Every figure is computed anew from the readings in the file, the pages are set anew and compared, hash and signature are judged.

    Without --key the signature is judged by the key in the file: it shows that nothing was changed since, and not who signed.

    Exit code 5 when it does not hold.
    """
    from irctl.documents.certificate import verify

    found = verify(contents(file), trusted([key] if key else []))
    if json:
        say.as_json(found.as_dict())
        return exits.OK if found.ok else exits.DOES_NOT_HOLD
    return tell(found, f"Certificate {found.number or file}")


def _deliver(told: Any, of: str, output: Path | None, format: Format | None, *, as_json: bool) -> None:
    from irctl.documents.certificate import CertificateError, Sealed

    kind = format or _by_name(output)
    try:
        sealed = Sealed.of(told)
        data = _render(sealed, kind)
    except CertificateError as error:
        raise Refused([Problem("certificate", of, str(error), "See `irctl certificate verify`")]) from None
    if output == Path("-"):
        sys.stdout.buffer.write(data)
        return
    path = write(data, output or Path(sealed.seal.number + SUFFIXES[kind]))
    if as_json:
        say.as_json({"number": sealed.seal.number, "format": kind, "path": str(path), "bytes": len(data)})
    else:
        say.console().print(f"Written  [cyan]{say.escape(str(path))}[/]", soft_wrap=True)


def _render(sealed: Sealed, kind: Format) -> bytes:
    from irctl.documents.certificate import render_pdf

    if kind == "pdf":
        return render_pdf(sealed)
    if kind == "json":
        return sealed.as_json()
    import json

    from irctl.interop.fhir import device_metrics

    return json.dumps(device_metrics(sealed), indent=2, ensure_ascii=False).encode() + b"\n"


def _by_name(output: Path | None) -> Format:
    name = "" if output is None else output.name
    return "fhir" if name.endswith(SUFFIXES["fhir"]) else "json" if name.endswith(SUFFIXES["json"]) else "pdf"


def _told(data: bytes) -> Any:
    import json

    return json.loads(data)
