"""The files beside a station file: a calibration that was made elsewhere, and the certificate of a reference meter."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from pydantic import Field

from irctl.controller.upkeep_section import ResponseSection
from irctl.domain.budget import NO_BUDGET, Budget, Shared
from irctl.domain.calibration import Calibration, CalibrationError, points_from
from irctl.domain.meters import Meter, SpectralMismatch
from irctl.domain.problems import Problem, Refused
from irctl.domain.response import LampResponse, ResponsePart
from irctl.toml_file import Positive, Strict, parse, read


class _PointSection(Strict):
    level_pct: Annotated[float, Field(gt=0, le=100)]
    irradiance_mw_cm2: Positive


class _BudgetSection(Strict):
    """Parts of a calibration's uncertainties that cancel in a check with the same instruments (domain.budget.Shared); each k=2."""

    meter_serial: str = Field(min_length=1)
    meter_certificate: str = Field(min_length=1)
    lamp_type: str = Field(default="halogen", min_length=1, max_length=40)
    factor_pct: Positive
    spectral_pct: Annotated[float, Field(ge=0, le=50)] = 0.0
    position_pct: Annotated[float, Field(ge=0, le=50)] = 0.0

    def as_shared(self) -> Shared:
        return Shared(
            self.meter_serial,
            self.meter_certificate,
            self.lamp_type,
            self.factor_pct,
            self.spectral_pct,
            self.position_pct,
        )


class CalibrationFile(Strict):
    id: str = Field(min_length=1)
    lamp_serial: str = Field(min_length=1)
    emitter: str
    distance_cm: Positive
    performed_at: datetime
    performed_by: str = Field(min_length=1)
    meter: str = Field(min_length=1)
    valid_until: datetime
    expanded_uncertainty_pct: Positive
    meter_uncertainty_pct: Positive | None = None
    drift_allowance_pct: Positive
    positioning_cm: Positive
    points: tuple[_PointSection, ...] = Field(strict=False)
    response: tuple[ResponseSection, ...] = Field(strict=False)
    budget: _BudgetSection | None = None

    def as_calibration(self, digest: str) -> Calibration:
        """Raises CalibrationError, ValueError."""
        plain = self.model_dump(exclude={"points", "response", "budget"})
        return Calibration(
            **plain,
            curve_budget=self._of("expanded_uncertainty_pct", self.expanded_uncertainty_pct),
            monitor_budget=self._of("meter_uncertainty_pct", self.meter_uncertainty_pct),
            points=points_from([(p.level_pct, p.irradiance_mw_cm2) for p in self.points]),
            response=LampResponse(tuple(ResponsePart(r.fraction, r.tau_s) for r in self.response)),
            sha256=digest,
        )

    def _of(self, name: str, expanded_pct: float | None) -> Budget:
        """Raises ValueError."""
        if self.budget is None or expanded_pct is None:
            return NO_BUDGET
        try:
            return self.budget.as_shared().budget(expanded_pct)
        except ValueError as error:
            raise ValueError(f"budget against {name}: {error}") from None


class _SpectralSection(Strict):
    lamp_type: str = Field(min_length=1, max_length=40)
    factor: Positive
    expanded_uncertainty_pct: Positive


class MeterFile(Strict):
    """A reference meter's own certificate, copied from the paper: its number and laboratory are how a dose is traced."""

    serial: str = Field(min_length=1)
    model: str = Field(min_length=1)
    kind: str = Field(min_length=1)
    """Thermopile, photodiode …"""
    certificate: str = Field(min_length=1)
    laboratory: str = Field(min_length=1)
    calibrated_at: datetime
    valid_until: datetime
    factor: Positive = 1.0
    """True irradiance over what it shows."""
    expanded_uncertainty_pct: Positive
    """Of the factor, k=2."""
    cosine_pct: Annotated[float, Field(ge=0, le=50)]
    """The largest deviation from the cosine law within the beam."""
    resolution_mw_cm2: Positive
    range_max_mw_cm2: Positive
    drift_pct_per_year: Annotated[float, Field(ge=0, le=20)] = 0.0
    """Limits of how far it may have moved since its calibration, as its maker or its history says."""
    spectral: tuple[_SpectralSection, ...] = Field(strict=False)
    """By lamp type: what a spectrum unlike the laboratory's changes. A meter cannot calibrate a type that is not here."""

    def as_meter(self, name: str, digest: str) -> Meter:
        """Raises ValueError."""
        plain = self.model_dump(exclude={"spectral"})
        spectral = tuple(SpectralMismatch(**one.model_dump()) for one in self.spectral)
        return Meter(name=name, **plain, spectral=spectral, sha256=digest)


def load_calibration(path: Path) -> Calibration:
    """Read one calibration file. Raises Refused."""
    text = read(path, "calibration")
    parsed = parse(text, CalibrationFile, path.name)
    try:
        return parsed.as_calibration(sha256(text).hexdigest())
    except (CalibrationError, ValueError) as error:
        raise Refused([Problem(path.name, parsed.id, str(error), "Correct the file or calibrate again")]) from None


def load_meter(path: Path, name: str) -> Meter:
    """Read one meter's certificate. Raises Refused."""
    text = read(path, f"meters.{name}.certificate")
    parsed = parse(text, MeterFile, path.name)
    try:
        return parsed.as_meter(name, sha256(text).hexdigest())
    except ValueError as error:
        raise Refused([Problem(path.name, parsed.serial, str(error), "Copy it from the certificate again")]) from None
