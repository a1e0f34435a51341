"""The reference meter: an instrument with a certificate of its own, and what that certificate does to a reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from math import isfinite
from typing import Any, Self

from irctl.domain.problems import Problem

SATURATED_SHARE = 0.98
"""From this share of its range on, a meter may already be clipping."""


class MeterError(ValueError):
    """The meter's certificate does not say what is asked of it; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class SpectralMismatch:
    """How this meter sees one type of lamp: true = reading · factor; the uncertainty is k=2."""

    lamp_type: str
    factor: float
    expanded_uncertainty_pct: float


@dataclass(frozen=True, slots=True)
class Meter:
    """One reference meter as its certificate describes it.

    `factor`: true = (reading − dark) · factor, in the laboratory's spectrum; `expanded_uncertainty_pct` of it, k=2. `cosine_pct`: limits of the
    directional error at this geometry (half-width). `resolution_mw_cm2`: the last digit. `drift_pct_per_year`: limits of what it may have moved
    since `calibrated_at`. `sha256`: of the certificate file.
    """

    name: str
    serial: str
    model: str
    kind: str
    certificate: str
    laboratory: str
    calibrated_at: datetime
    valid_until: datetime
    factor: float
    expanded_uncertainty_pct: float
    cosine_pct: float
    resolution_mw_cm2: float
    range_max_mw_cm2: float
    spectral: tuple[SpectralMismatch, ...] = ()
    drift_pct_per_year: float = 0.0
    sha256: str = ""

    def __post_init__(self) -> None:
        for name in ("factor", "expanded_uncertainty_pct", "range_max_mw_cm2"):
            if not (isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise MeterError(f"meter {self.name}: {name} = {getattr(self, name)!r}: must be above zero")
        for name in ("cosine_pct", "resolution_mw_cm2", "drift_pct_per_year"):
            if not (isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise MeterError(f"meter {self.name}: {name} = {getattr(self, name)!r}: must not be below zero")
        for mismatch in self.spectral:
            if not (0 < mismatch.factor < float("inf") and 0 < mismatch.expanded_uncertainty_pct < float("inf")):
                raise MeterError(f"meter {self.name}: spectral mismatch for {mismatch.lamp_type!r} must be above zero")
        if self.calibrated_at.tzinfo is None or self.valid_until.tzinfo is None:
            raise MeterError(f"meter {self.name}: calibrated_at and valid_until need an offset from UTC")
        if not self.calibrated_at < self.valid_until:
            raise MeterError(f"meter {self.name}: valid_until is not after calibrated_at")

    def mismatch(self, lamp_type: str) -> SpectralMismatch:
        """The certificate's word on this type of lamp. Raises MeterError where it has none."""
        for mismatch in self.spectral:
            if mismatch.lamp_type == lamp_type:
                return mismatch
        known = ", ".join(m.lamp_type for m in self.spectral) or "none"
        raise MeterError(f"meter {self.name}: no spectral mismatch for lamp type {lamp_type!r}; it has: {known}")

    def corrected_mw_cm2(self, reading_mw_cm2: float, dark_mw_cm2: float, lamp_type: str) -> float:
        """True irradiance, mW/cm², behind a reading and the dark reading before it. Raises MeterError."""
        return (reading_mw_cm2 - dark_mw_cm2) * self.factor * self.mismatch(lamp_type).factor

    def saturated(self, reading_mw_cm2: float) -> bool:
        return reading_mw_cm2 >= SATURATED_SHARE * self.range_max_mw_cm2

    def as_dict(self) -> dict[str, Any]:
        """As `calibration.started` carries it; times as ISO 8601."""
        plain = asdict(self)
        plain["spectral"] = [asdict(mismatch) for mismatch in self.spectral]
        return plain | {"calibrated_at": self.calibrated_at.isoformat(), "valid_until": self.valid_until.isoformat()}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """From what `as_dict` gave. Raises MeterError, KeyError, TypeError."""
        parsed: dict[str, Any] = {
            **told,
            "calibrated_at": datetime.fromisoformat(told["calibrated_at"]),
            "valid_until": datetime.fromisoformat(told["valid_until"]),
            "spectral": tuple(SpectralMismatch(**mismatch) for mismatch in told["spectral"]),
        }
        return cls(**parsed)


def meter_problems(meter: Meter, lamp_type: str, now: datetime) -> list[Problem]:
    """Why this meter cannot calibrate a lamp of this type now."""
    problems: list[Problem] = []
    if now >= meter.valid_until:
        limit = f"certificate {meter.certificate} ended on {meter.valid_until:%Y-%m-%d}"
        remedy = f"Send meter {meter.serial} to its laboratory, or use another meter"
        problems.append(Problem("meter", meter.name, limit, remedy))
    if now < meter.calibrated_at:
        limit = f"certificate {meter.certificate} begins on {meter.calibrated_at:%Y-%m-%d}, which is not yet"
        problems.append(
            Problem("meter", meter.name, limit, "Check calibrated_at in its file, and this computer's clock")
        )
    try:
        meter.mismatch(lamp_type)
    except MeterError as error:
        remedy = "Ask the laboratory for the mismatch factor of this lamp type and add it under [[spectral]]"
        problems.append(Problem("meter", meter.name, str(error), remedy))
    return problems
