"""Tables of a lamp and what is known of its calibration. Figures with their uncertainty stay in the certificate: R4 has no place for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from irctl.interop.fhir.conversions import as_is, concept, known, moment, one_of, refer
from irctl.interop.fhir.engine import Table
from irctl.interop.fhir.r4 import UCUM


@dataclass(frozen=True, slots=True)
class Lamp:
    """Which lamp."""

    serial: str
    title: str
    simulated: bool


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a lamp that was calibrated: its output at a level, or what its own radiometer shows. `name`: output or radiometer."""

    lamp: Lamp
    certificate: str
    name: str
    words: str
    performed_at: datetime
    in_force: bool

    @property
    def state(self) -> str:
        """What stands for a simulated lamp was never calibrated."""
        return "simulated" if self.lamp.simulated else "in force" if self.in_force else "lapsed"


LAMP = Table(
    "lamp",
    "Device",
    "{lamp.serial}",
    "Infrared treatment lamp {lamp.title}, serial {lamp.serial}.",
    (
        ("status", "=active", as_is),
        ("serialNumber", "lamp.serial", as_is),
        ("deviceName.name", "lamp.title", as_is),
        ("deviceName.type", "=user-friendly-name", as_is),
        ("type", "=lamp", concept),
    ),
    needs=("lamp.serial",),
    system="{systems.lamp}",
)

METRIC = Table(
    "metric",
    "DeviceMetric",
    "{metric.certificate}/{metric.name}",
    "Calibration {metric.certificate} of lamp {lamp.serial}: {metric.words}, {metric.state}.",
    (
        ("type.coding", "metric.name", known("metric-")),
        ("type.text", "metric.words", as_is),
        ("unit.coding.system", f"={UCUM}", as_is),
        ("unit.coding.code", "=mW/cm2", as_is),
        ("unit.text", "=mW/cm²", as_is),
        ("source", "=lamp", refer(LAMP)),
        ("category", "metric.name", one_of({"output": "setting", "radiometer": "measurement"})),
        # A curve through several levels is none of the methods that R4 knows.
        ("calibration.type", "metric.name", one_of({"output": "unspecified", "radiometer": "gain"})),
        ("calibration.state", "metric.state",
         one_of({"simulated": "not-calibrated", "lapsed": "calibration-required", "in force": "calibrated"})),
        ("calibration.time", "metric.performed_at", moment),
    ),
    needs=("metric",),
    system="{systems.calibration}",
)  # fmt: skip
