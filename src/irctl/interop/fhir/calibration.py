"""A calibration certificate for an EHR: the lamp and its metrics, as of a moment and so many lamp-hours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from irctl.documents.certificate.sealed import DAMAGED, CertificateError, Sealed
from irctl.domain.calibration import Calibration
from irctl.domain.problems import Refused
from irctl.interop.fhir.codes import Codes, load_codes
from irctl.interop.fhir.devices import LAMP, METRIC, Lamp, Metric
from irctl.interop.fhir.engine import Made, Scene, make
from irctl.interop.fhir.r4 import Resource


def device_metrics(
    sealed: Sealed, *, at: datetime | None = None, lamp_hours: float | None = None, codes: Codes | None = None
) -> Resource:
    """A Bundle (collection) of the lamp's Device and its metrics: the output at a level, and its own radiometer where it has one.

    The state is as of `at` and `lamp_hours`; by default of the moment of issue. Raises CertificateError.
    """
    codes = codes or load_codes()
    try:
        return _bundle(sealed.payload, at, lamp_hours, codes)
    except (*DAMAGED, Refused) as error:
        raise CertificateError(f"the payload is damaged: {type(error).__name__}: {error}") from None


def _bundle(p: Mapping[str, Any], at: datetime | None, lamp_hours: float | None, codes: Codes) -> Resource:
    made = _made(p, at, lamp_hours, codes)
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "identifier": {"system": codes.systems.calibration, "value": p["number"]},
        "timestamp": datetime.fromisoformat(p["approved_at"]).isoformat(),
        "entry": [{"fullUrl": one.url, "resource": one.resource} for one in made],
    }


def _made(p: Mapping[str, Any], at: datetime | None, lamp_hours: float | None, codes: Codes) -> Iterator[Made]:
    calibration, told = Calibration.of(p["record"]), p["lamp"]
    hours = calibration.lamp_hours if lamp_hours is None else lamp_hours
    in_force = calibration.lapse(at or datetime.fromisoformat(p["approved_at"]), hours) is None
    simulated = p["station"]["simulated"] is not False
    lamp = Lamp(told["serial"], told.get("title") or told["name"], simulated)
    metrics = {"output": f"irradiance at {calibration.distance_cm:g} cm by level"}
    if calibration.meter_uncertainty_pct is not None:
        metrics["radiometer"] = "irradiance by the lamp's own radiometer"
    scene = Scene({"lamp": lamp, "simulated": simulated}, codes)
    yield from make([LAMP], scene)
    for name, words in metrics.items():
        metric = Metric(lamp, p["number"], name, words, datetime.fromisoformat(p["performed_at"]), in_force)
        yield from make([METRIC], scene.beside(metric=metric))
