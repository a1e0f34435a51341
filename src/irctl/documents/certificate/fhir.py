"""The calibration for an EHR: FHIR R4 (4.0.1) DeviceMetric resources, as plain JSON.

Only what R4 has a place for: that a metric of the lamp is calibrated, how and when, and until a date or lamp-hours when it no longer is. Figures with
their uncertainty stay in the certificate. The code values are checked here against R4's own value sets; what kind of metric this is has no code that
we could verify in IEEE 11073 (MDC), so `type` is words unless the caller brings a coding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from irctl.documents.certificate.sealed import DAMAGED, CertificateError, Sealed
from irctl.domain.calibration import Calibration

UCUM = "http://unitsofmeasure.org"
CALIBRATION_TYPES = frozenset({"unspecified", "offset", "gain", "two-point"})
CALIBRATION_STATES = frozenset({"not-calibrated", "calibration-required", "calibrated", "unspecified"})
CATEGORIES = frozenset({"measurement", "setting", "calculation", "unspecified"})

Resource = dict[str, Any]
Coding = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Codes:
    """What a site may know better: codings for the two metrics, and the systems its identifiers live in (URIs)."""

    output: Coding | None = None
    radiometer: Coding | None = None
    serial_system: str = "urn:irctl:lamp-serial"
    certificate_system: str = "urn:irctl:calibration"


def device_metrics(
    sealed: Sealed, *, at: datetime | None = None, lamp_hours: float | None = None, codes: Codes | None = None
) -> Resource:
    """A Bundle (collection) of the lamp's Device and its metrics: the output at a level, and its own radiometer where it has one.

    The state is as of `at` and `lamp_hours`; by default of the moment of issue. Raises CertificateError.
    """
    try:
        return _bundle(sealed.payload, at, lamp_hours, codes or Codes())
    except DAMAGED as error:
        raise CertificateError(f"the payload is damaged: {type(error).__name__}: {error}") from None


def _bundle(p: Mapping[str, Any], at: datetime | None, lamp_hours: float | None, codes: Codes) -> Resource:
    calibration, lamp = Calibration.of(p["record"]), p["lamp"]
    hours = calibration.lamp_hours if lamp_hours is None else lamp_hours
    lapsed = calibration.lapse(at or datetime.fromisoformat(p["approved_at"]), hours)
    simulated = p["station"]["simulated"] is not False
    state = "not-calibrated" if simulated else "calibrated" if lapsed is None else "calibration-required"

    def url(name: str) -> str:
        # The same certificate names its resources the same, whoever makes them.
        return uuid5(NAMESPACE_URL, f"{codes.certificate_system}/{p['number']}/{name}").urn

    device = {
        "resourceType": "Device",
        "identifier": [{"system": codes.serial_system, "value": lamp["serial"]}],
        "status": "active",
        "serialNumber": lamp["serial"],
        "deviceName": [{"name": lamp.get("title") or lamp["name"], "type": "user-friendly-name"}],
        "type": {"text": "simulated lamp: there is none" if simulated else "infrared treatment lamp"},
    }

    def metric(name: str, words: str, category: str, kind: str, coding: Coding | None) -> Resource:
        concept: Resource = {"coding": [dict(coding)]} if coding else {}
        return {
            "resourceType": "DeviceMetric",
            "identifier": [{"system": codes.certificate_system, "value": f"{p['number']}/{name}"}],
            "type": concept | {"text": words},
            "unit": {"coding": [{"system": UCUM, "code": "mW/cm2"}], "text": "mW/cm²"},
            "source": {"reference": url("lamp"), "type": "Device", "display": lamp.get("title") or lamp["name"]},
            "category": _one_of(category, CATEGORIES),
            "calibration": [
                {
                    "type": _one_of(kind, CALIBRATION_TYPES),
                    "state": _one_of(state, CALIBRATION_STATES),
                    "time": datetime.fromisoformat(p["performed_at"]).isoformat(),
                }
            ],
        }

    words = f"irradiance at {calibration.distance_cm:g} cm by level"
    # A curve through several levels is none of the methods that R4 knows.
    resources = {"lamp": device, "output": metric("output", words, "setting", "unspecified", codes.output)}
    if calibration.meter_uncertainty_pct is not None:
        own = "irradiance by the lamp's own radiometer"
        resources["radiometer"] = metric("radiometer", own, "measurement", "gain", codes.radiometer)
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "identifier": {"system": codes.certificate_system, "value": p["number"]},
        "timestamp": datetime.fromisoformat(p["approved_at"]).isoformat(),
        "entry": [{"fullUrl": url(name), "resource": resource} for name, resource in resources.items()],
    }


def _one_of(code: str, known: frozenset[str]) -> str:
    if code not in known:
        raise CertificateError(f"{code!r} is none of {', '.join(sorted(known))}")
    return code
