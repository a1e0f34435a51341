"""What a calibration certificate says, as data: computed from the journal's events, and checked again from the raw readings inside it.

Contents after ISO/IEC 17025 7.8.2 and 7.8.4. The same events give the same bytes, so a signature over them can be verified by anybody, any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from irctl.domain.chain import Event, canonical
from irctl.domain.findings import Findings
from irctl.domain.steps import Stage, Taken, conditions
from irctl.domain.tolerance import RULE
from irctl.domain.worksheet import Worksheet
from irctl.domain.worksheet_fold import folded

FORMAT = "irctl-calibration-certificate-1"
STATEMENT = "The results relate only to the item calibrated, as it was at the time of calibration."
COVERAGE = "U is the expanded uncertainty: the combined standard uncertainty of the budget (GUM, JCGM 100) times k = 2, about 95 % for a nearly normal distribution."
METHOD = (
    "Irradiance by comparison: the reference meter at the distance from the lamp's face, square to the beam; true = (reading − dark) · factor · spectral mismatch.",
    "The lamp warms up until its readings are steady; levels in random order, anew for each repeat; the dark reading at each position.",
    "Repeatability: standard deviation of the mean, pooled over the levels. Distance: 2·Δd/(d+d₀). Between levels: a monotone cubic (PCHIP).",
)


@dataclass(frozen=True, slots=True)
class Approval:
    """Who lets it go, when, under which number, and the record it puts in force (`Calibration.as_dict()`).

    Known before `calibration.approved` is written, for that event carries the hash of the whole.
    """

    number: str
    by: str
    at: datetime
    record: Mapping[str, Any]

    @classmethod
    def of(cls, approved: Event) -> Approval:
        """From the event that was written then."""
        record = approved["record"]
        return cls(
            approved["certificate"]["number"], approved["by"], datetime.fromisoformat(record["approved_at"]), record
        )


def payload(
    events: Sequence[Event], station: Mapping[str, Any], version: str, approval: Approval | None = None
) -> dict[str, Any]:
    """Everything the certificate says, each figure with the journal's numbers (`seqs`) that it comes from.

    `events`: of one calibration. `approval`: by default, of the `calibration.approved` among them. Raises ValueError for one that has none, or was
    not submitted.
    """
    sheet = folded(events)
    if approval is None and sheet.closed is not None and sheet.closed["event"] == "calibration.approved":
        approval = Approval.of(sheet.closed)
    if approval is None or sheet.as_found is None or sheet.as_left is None or sheet.submitted is None:
        raise ValueError(f"calibration {sheet.id} is not approved: it has no certificate")
    identified, adjusted = sheet.identified or {}, sheet.adjusted or {}
    return {
        "format": FORMAT,
        "number": approval.number,
        "calibration": sheet.id,
        "software": f"irctl {version}",
        "station": dict(station),
        "lamp": {
            "name": sheet.lamp,
            **sheet.lamp_info,
            "serial_read": identified["serial"],
            "condition": identified["condition"],
            "lamp_hours": identified["lamp_hours"],
            "emitter_identity": identified["emitter"],
            "binding": sheet.started["binding"],
            "seqs": [sheet.started["seq"], identified["seq"]],
        },
        "meter": sheet.meter.as_dict(),
        "method": list(METHOD),
        "coverage": COVERAGE,
        "decision_rule": RULE,
        "statement": STATEMENT,
        "environment": sheet.started["environment"],
        "plan": sheet.plan.as_dict(),
        "compared_with": sheet.started["in_force"],
        "stages": {
            str(Stage.AS_FOUND): _stage(sheet, Stage.AS_FOUND, sheet.as_found),
            # Nothing adjusted: as found is as left.
            str(Stage.AS_LEFT): _stage(sheet, Stage.AS_LEFT, sheet.as_left) if sheet.was_adjusted else None,
        },
        "adjustment": {"what": adjusted["what"], "by": adjusted["by"], "at": adjusted["at"], "seqs": [adjusted["seq"]]},
        "set_aside": [_set_aside(event) for event in sheet.set_aside],
        "redone": [
            {"step": e["step"], "stage": e["stage"], "by": e["by"], "reason": e["reason"], "seqs": [e["seq"]]}
            for e in sheet.events
            if e["event"] == "calibration.redone" and e["seq"] not in sheet.ignored
        ],
        "started_at": sheet.started["at"],
        "performed_at": sheet.submitted["at"],
        "performed_by": sheet.by,
        "took_part": list(sheet.people),
        "approved_at": approval.at.isoformat(),
        "approved_by": approval.by,
        "record": dict(approval.record),
    }


def _stage(sheet: Worksheet, stage: Stage, found: Findings) -> dict[str, Any]:
    held = sheet.held(stage)
    return {
        "conditions": asdict(conditions(held, sheet.plan)),
        "readings": [_reading(taken) for taken in held],
        "findings": found.as_dict(),
    }


def _reading(taken: Taken) -> dict[str, Any]:
    reading = taken.reading
    return {
        "number": reading.number,
        "level_pct": reading.level_pct,
        "distance_cm": reading.distance_cm,
        "reading_mw_cm2": reading.reading_mw_cm2,
        "dark_mw_cm2": reading.dark_mw_cm2,
        "dark_noise_mw_cm2": reading.dark_noise_mw_cm2,
        "monitor_mw_cm2": reading.monitor_mw_cm2,
        "at": reading.at.isoformat(),
        "slope_pct_per_min": taken.slope_pct_per_min,
        "angle_deg": taken.angle_deg,
        "positioning_cm": taken.positioning_cm,
        "seq": reading.seq,
        "based_on": list(reading.based_on),
    }


def _set_aside(event: Event) -> dict[str, Any]:
    names = ("stage", "number", "level_pct", "distance_cm", "reading_mw_cm2", "at", "seq")
    return {name: event[name] for name in names}


def digest(payload: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON, hex: what is signed."""
    return sha256(canonical(payload)).hexdigest()


def message(payload: Mapping[str, Any]) -> bytes:
    """The bytes that the journal's key signs."""
    return f"irctl certificate\n{payload['number']}\n{digest(payload)}\n".encode()
