"""Signed certificates of made-up calibrations: a bench that was followed to its approval, and a key that is nobody's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from irctl.domain import certificate
from irctl.domain.signature import fingerprint
from irctl.domain.steps import Step
from irctl.domain.worksheet_fold import folded
from tests.unit.benches import LEVELS, NOW, RESPONSE, ALamp, Bench, a_meter, a_plan

TECHNICIAN, ENGINEER = "Mara Lindqvist", "Dr. J. Okafor"
NUMBER = "C-20261123-0001"
STATION: Mapping[str, Any] = {
    "name": "Treatment room 2",
    "simulated": False,
    "laboratory": "Physiotherapy Weststadt, technical service",
    "address": "Rheinstraße 12, 76185 Karlsruhe",
    "owner": "Physiotherapy Weststadt GmbH",
}
KEY, ANOTHER_KEY = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (7, 8))
PASSING_S = {
    "started": 0,
    "identified": 210,
    "positioned": 260,
    "dark": 45,
    "steady": 95,
    "reading": 38,
    "adjusted": 1260,
}
"""How long after the event before, s."""


def public(key: Ed25519PrivateKey = KEY) -> bytes:
    return key.public_key().public_bytes_raw()


@dataclass
class Calibrated(Bench):
    """A bench whose technician has a name, and whose steps take their time."""

    passed_s: float = 0.0
    told: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Fields of `calibration.started` and `calibration.identified` that are otherwise."""

    def add(self, verb: str, **fields: Any) -> None:
        self.passed_s += PASSING_S.get(verb, 120)
        fields |= {"at": (NOW + timedelta(seconds=self.passed_s)).isoformat(), "seq": 1180 + 3 * len(self.events)}
        if "by" in fields and verb != "approved":
            fields["by"] = TECHNICIAN
        if verb == "started":
            fields["lamp_info"] |= {"title": "Left lamp, 250 W halogen", "serial": "IR-2214-L"}
            fields["environment"] = {"temperature_c": 21.5, "note": "blinds closed, ventilation off"}
        if verb == "identified":
            fields |= {
                "serial": "IR-2214-L",
                "condition": "Reflector clean, no damage to cable or plug",
                "lamp_hours": 412.6,
            }
        super().add(verb, **{name: self.told.get(name, value) for name, value in fields.items()})


def in_force(lamp: ALamp | None = None) -> dict[str, Any]:
    """The calibration before: of the lamp when it was new."""
    before = lamp or ALamp()
    return {
        "id": "C-20251120-0002",
        "points": [[level, round(before.irradiance(level), 2)] for level in LEVELS],
        "monitor_factor": 1.05,
    }


def a_calibration(
    *,
    output: float = 0.955,
    adjusted: str | None = "Reflector cleaned with isopropanol; bulb seated anew",
    compared: bool = True,
    redone: bool = True,
    repeats: int = 3,
    distances_cm: tuple[float, ...] = (50.0, 40.0, 70.0),
    with_monitor: bool = True,
    **told: Any,
) -> list[dict[str, Any]]:
    """The events of a calibration up to its submission."""
    bench = Calibrated(
        lamp=ALamp(output),
        meter=a_meter(
            name="reference",
            serial="RM-0731",
            model="SR05-D2A2 thermopile",
            certificate="K-2026-0118",
            laboratory="Landesamt für Messwesen, Karlsruhe",
            expanded_uncertainty_pct=3.2,
            cosine_pct=1.5,
            spectral=(a_meter().spectral[0].__class__("halogen", 0.97, 4.0),),
            drift_pct_per_year=0.5,
            sha256="5d" * 32,
        ),
        plan=a_plan(repeats=repeats, distances_cm=distances_cm, positioning_cm=0.3),
        in_force=in_force() if compared else None,
        with_monitor=with_monitor,
        noise_pct=0.35,
        told=told,
    )
    bench.until(Step.ADJUSTMENT)
    if redone:
        bench.add(
            "redone",
            by=TECHNICIAN,
            step="readings",
            stage="as-found",
            reason="somebody leaned against the stand",
            levels_pct=[20.0],
            distance_cm=None,
        )
        bench.until(Step.ADJUSTMENT)
    bench.step(adjusted)
    if adjusted is not None:
        bench.lamp = ALamp(0.992)
    bench.until(Step.APPROVAL)
    return bench.events


def sealed(
    events: list[dict[str, Any]] | None = None,
    *,
    key: Ed25519PrivateKey = KEY,
    station: Mapping[str, Any] = STATION,
    edit: Callable[[dict[str, Any]], None] = lambda payload: None,
) -> dict[str, Any]:
    """What the controller serves: the payload, signed. `edit`: what somebody with the key changes before signing."""
    sheet = folded(events or a_calibration())
    at: datetime = datetime.fromisoformat(sheet.submitted["at"]) + timedelta(minutes=47)  # pyright: ignore[reportOptionalSubscript]
    record = sheet.as_calibration(
        approved_by=ENGINEER,
        approved_at=at,
        valid_until=at + timedelta(days=365),
        drift_allowance_pct=10.0,
        response=RESPONSE,
        valid_for_hours=500.0,
    )
    approval = certificate.Approval(NUMBER, ENGINEER, at, record.as_dict())
    payload = certificate.payload(sheet.events, station, version("irctl"), approval)
    edit(payload)
    signature = key.sign(certificate.message(payload)).hex()
    return {
        "certificate": payload,
        "seal": {
            "number": NUMBER,
            "sha256": certificate.digest(payload),
            "key": fingerprint(public(key)),
            "signature": signature,
            "public_key": public(key).hex(),
        },
    }
