"""The messages irctl sends, each a table of segments: DFT^P03 for the charges of a visit, ORU^R01 for what was measured and said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from irctl.documents.claims import Claim, Verdict
from irctl.documents.dossier import Dossier, Notice, Visit
from irctl.domain.problems import Problem, Refused
from irctl.interop.hl7.syntax import Row, day, found, message, number, repeated, segment, stamp
from irctl.toml_file import Strict, parse, read


class Code(Strict):
    """What an observation is called. `mark`: how well it is known."""

    code: str
    text: str
    system: str
    mark: Literal["F", "W", "C", "M"]
    source: str


class Naming(Strict):
    """A site's own names, from its file."""

    sending_application: str
    sending_facility: str
    receiving_application: str
    receiving_facility: str
    assigning_authority: str
    notice_values: dict[Notice, str] = Field(strict=False)
    codes: dict[str, Code]


def load_naming(path: Path) -> Naming:
    """Raises Refused."""
    return parse(read(path, "hl7"), Naming, path.name)


MSH: Sequence[Row] = (
    ("MSH-3", "naming.sending_application"),
    ("MSH-4", "naming.sending_facility"),
    ("MSH-5", "naming.receiving_application"),
    ("MSH-6", "naming.receiving_facility"),
    ("MSH-7", "at", stamp),
    ("MSH-9.1", "type"),
    ("MSH-9.2", "trigger"),
    ("MSH-9.3", "structure"),
    ("MSH-10", "id"),
    ("MSH-11", "processing"),
    ("MSH-12", "=2.5.1"),
    ("MSH-15", "=AL"),
    ("MSH-16", "=NE"),
    ("MSH-18", "=UNICODE UTF-8"),
)
EVN: Sequence[Row] = (("EVN-1", "trigger"), ("EVN-2", "at", stamp))
PID: Sequence[Row] = (
    ("PID-1", "=1"),
    ("PID-3.1", "dossier.patient.reference"),
    ("PID-3.4", "naming.assigning_authority"),
    ("PID-3.5", "=PI"),
    ("PID-4", "dossier.patient.number"),
    ("PID-5.1", "family"),
    ("PID-5.2", "given"),
    ("PID-7", "dossier.patient.born", day),
)
PV1: Sequence[Row] = (
    ("PV1-1", "=1"),
    ("PV1-2", "=O"),
    ("PV1-3.1", "visit.station"),
    ("PV1-7.1", "visit.supervised_by.npi"),
    ("PV1-7.2", "visit.supervised_by.name"),
    ("PV1-19", "visit.id"),
    ("PV1-44", "visit.at", stamp),
)
FT1: Sequence[Row] = (
    ("FT1-1", "place"),
    ("FT1-2", "line_id"),
    ("FT1-4", "claim.date", day),
    ("FT1-5", "at", stamp),
    ("FT1-6", "=CG"),
    ("FT1-7.1", "line.code"),
    ("FT1-7.3", "=C4"),
    ("FT1-10", "line.units"),
    ("FT1-19", "diagnoses"),
    ("FT1-20.1", "performer.npi"),
    ("FT1-20.2", "performer.name"),
    ("FT1-25.1", "line.code"),
    ("FT1-25.3", "=C4"),
    ("FT1-26", "modifiers"),
    ("FT1-27", "notice"),
)
OBR: Sequence[Row] = (
    ("OBR-1", "=1"),
    ("OBR-3.1", "visit.session"),
    ("OBR-3.2", "=irctl"),
    ("OBR-4.1", "code.code"),
    ("OBR-4.2", "code.text"),
    ("OBR-4.3", "code.system"),
    ("OBR-7", "visit.note.ending.started_at", stamp),
    ("OBR-8", "visit.note.ending.ended_at", stamp),
    ("OBR-22", "at", stamp),
    ("OBR-25", "status"),
)
OBX: Sequence[Row] = (
    ("OBX-1", "place"),
    ("OBX-2", "=NM"),
    ("OBX-3.1", "code.code"),
    ("OBX-3.2", "code.text"),
    ("OBX-3.3", "code.system"),
    ("OBX-5", "value", number),
    ("OBX-6.1", "unit"),
    ("OBX-6.3", "system"),
    ("OBX-11", "status"),
    ("OBX-14", "seen_at", stamp),
)
NTE: Sequence[Row] = (("NTE-1", "=1"), ("NTE-3", "words"))

OBSERVED: Sequence[tuple[str, str, str]] = (
    ("prescribed", "note.ending.prescribed_j_cm2", "J/cm2"),
    ("dose", "note.ending.delivered.best_j_cm2", "J/cm2"),
    ("dose_min", "note.ending.delivered.min_j_cm2", "J/cm2"),
    ("dose_max", "note.ending.delivered.max_j_cm2", "J/cm2"),
    ("irradiance", "note.ending.irradiance_mean_mw_cm2", "mW/cm2"),
    ("skin", "note.ending.skin_c_max", "Cel"),
    ("pain_before", "before.nprs", "{score}"),
    ("pain_after", "after.nprs", "{score}"),
    ("function_after", "after.function", "{score}"),
)
"""Code, where it is in a visit, and its unit in UCUM."""
SIMULATED = "SIMULATED: nobody was treated. Not a treatment record."


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message and its MSH-10, by which its receiver knows it again."""

    id: str
    text: str


def charges(dossier: Dossier, claim: Claim, naming: Naming, at: datetime) -> Outgoing:
    """DFT^P03 of one visit. Raises Refused for a claim that is kept back: only what is ready leaves."""
    if claim.verdict is not Verdict.BILL or not claim.lines:
        why = "; ".join(one.text for one in claim.findings if one.verdict is not Verdict.BILL) or "has no line"
        raise Refused([Problem("claim", claim.visit, f"is kept back: {why}", "Put it right first")])
    visit = dossier.visit(claim.visit)
    told = _told(dossier, visit, naming, at, "DFT", "P03", "DFT_P03")
    performer = visit.started_by or visit.supervised_by
    lines = [
        segment(FT1, told | {
            "place": place, "line_id": f"{visit.id}-{visit.version}-{place}", "claim": claim, "line": line, "performer": performer,
            "diagnoses": repeated(line.diagnosis_codes), "modifiers": repeated(line.modifiers),
            "notice": naming.notice_values.get(dossier.coverage.notice, ""),
        })
        for place, line in enumerate(claim.lines, start=1)
    ]  # fmt: skip
    return Outgoing(str(told["id"]), message([segment(one, told) for one in (MSH, EVN, PID, PV1)] + lines))


def results(dossier: Dossier, visit: Visit, naming: Naming, at: datetime) -> Outgoing:
    """ORU^R01 of one visit with light. Raises Refused where its journal is out of reach, or there was none."""
    if visit.note is None:
        raise Refused(
            [Problem("visit", visit.id, "has no journal at hand", "Switch its station on, or there was no light")]
        )
    status = "F" if visit.signed else "P"
    told = _told(dossier, visit, naming, at, "ORU", "R01", "ORU_R01") | {
        "status": status,
        "code": naming.codes["treatment"],
    }
    segments = [segment(one, told) for one in (MSH, PID, PV1, OBR)]
    if dossier.simulated:
        segments.append(segment(NTE, told | {"words": SIMULATED}))
    for place, (name, value, unit) in enumerate(_observed(visit), start=1):
        seen_at = visit.before.at if name == "pain_before" and visit.before else visit.note.ending.ended_at
        more = {
            "place": place,
            "code": naming.codes[name],
            "value": value,
            "unit": unit,
            "system": "UCUM",
            "seen_at": seen_at,
        }
        segments.append(segment(OBX, told | more))
    return Outgoing(str(told["id"]), message(segments))


def _observed(visit: Visit) -> list[tuple[str, float, str]]:
    told = [(name, found(visit, path), unit) for name, path, unit in OBSERVED]
    return [(name, value, unit) for name, value, unit in told if value is not None]


def _told(
    dossier: Dossier, visit: Visit, naming: Naming, at: datetime, kind: str, trigger: str, structure: str
) -> dict[str, Any]:
    given, _, family = dossier.patient.name.rpartition(" ")
    return {
        "naming": naming, "dossier": dossier, "visit": visit, "at": at, "type": kind, "trigger": trigger, "structure": structure,
        # The same visit in the same version is the same message, however often it is made.
        "id": sha256(f"{kind}\n{visit.id}\n{visit.version}\n{len(visit.amendments)}".encode()).hexdigest()[:20],
        "processing": "T" if dossier.simulated else "P", "given": given, "family": family,
    }  # fmt: skip
