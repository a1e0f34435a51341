"""A calibration: what irradiance a lamp gives at which level, at one distance, how sure that is, and until when.

The curve is monotone (PCHIP through the points) in both directions and never extrapolated: outside the calibrated range there
is no answer, and so no light.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from math import isfinite
from typing import Any

from irctl.domain.budget import NO_BUDGET, Budget
from irctl.domain.response import LampResponse, ResponsePart

CURVE_POINTS_MIN = 3
"""Fewer points than this cannot show that the curve bends."""


HOURS_ROUNDING = 0.1
"""Lamp-hours are rounded where they are written down."""


class CalibrationError(ValueError):
    """The record is not a usable calibration; the text says why."""


class OutsideCalibration(ValueError):
    """Asked about a level or irradiance that was never measured."""


@dataclass(frozen=True, slots=True)
class Point:
    """One measured point: level in %, irradiance in mW/cm² at the calibration's distance."""

    level_pct: float
    irradiance_mw_cm2: float


@dataclass(frozen=True)
class Calibration:
    """One calibration in force for one lamp at one distance.

    `expanded_uncertainty_pct`: of the curve, k=2. `meter_uncertainty_pct`: of the lamp's own radiometer against the reference,
    k=2; None where the lamp has none. `drift_allowance_pct`: how far the lamp may have moved since (ageing, mains); it widens the dose
    interval of a lamp without radiometer. `positioning_cm`: how well the distance to the patient is kept. `lamp_hours`: at the calibration;
    `valid_for_hours`: so many more, None without such a limit. `monitor_factor`: true irradiance / the lamp's own radiometer. `binding`: SHA-256 of
    what it is bound to (lamp, emitter and its settings, meter); empty for a calibration that is a file.
    """

    id: str
    lamp_serial: str
    emitter: str
    distance_cm: float
    performed_at: datetime
    performed_by: str
    meter: str
    valid_until: datetime
    expanded_uncertainty_pct: float
    drift_allowance_pct: float
    positioning_cm: float
    points: tuple[Point, ...]
    response: LampResponse
    meter_uncertainty_pct: float | None = None
    sha256: str = ""
    lamp_type: str = ""
    lamp_hours: float = 0.0
    valid_for_hours: float | None = None
    monitor_factor: float = 1.0
    binding: str = ""
    approved_by: str = ""
    approved_at: datetime | None = None
    curve_budget: Budget = NO_BUDGET
    """Of which `expanded_uncertainty_pct` is the sum; empty for a file that does not say what of it is shared."""
    monitor_budget: Budget = NO_BUDGET

    def __post_init__(self) -> None:
        if len(self.points) < CURVE_POINTS_MIN:
            raise CalibrationError(f"{len(self.points)} points: a curve needs at least {CURVE_POINTS_MIN}")
        for point in self.points:
            if not (0 < point.level_pct <= 100 and 0 < point.irradiance_mw_cm2 < float("inf")):
                raise CalibrationError(
                    f"{point.level_pct:g} % giving {point.irradiance_mw_cm2:g} mW/cm² is no measurement"
                )
        for lower, upper in zip(self.points, self.points[1:], strict=False):
            if upper.level_pct <= lower.level_pct or upper.irradiance_mw_cm2 <= lower.irradiance_mw_cm2:
                raise CalibrationError(
                    f"not monotone between {lower.level_pct:g} % ({lower.irradiance_mw_cm2:g} mW/cm²) and "
                    f"{upper.level_pct:g} % ({upper.irradiance_mw_cm2:g} mW/cm²): measure these levels again"
                )
        for name in ("distance_cm", "expanded_uncertainty_pct", "positioning_cm"):
            if not (isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise CalibrationError(f"{name} = {getattr(self, name)!r}: must be above zero")
        if not (isfinite(self.drift_allowance_pct) and self.drift_allowance_pct >= 0):
            raise CalibrationError(f"drift_allowance_pct = {self.drift_allowance_pct!r}: must not be below zero")
        if self.meter_uncertainty_pct is not None and not (
            isfinite(self.meter_uncertainty_pct) and self.meter_uncertainty_pct > 0
        ):
            raise CalibrationError(f"meter_uncertainty_pct = {self.meter_uncertainty_pct!r}: must be above zero")
        if not (isfinite(self.monitor_factor) and self.monitor_factor > 0):
            raise CalibrationError(f"monitor_factor = {self.monitor_factor!r}: must be above zero")
        if not (isfinite(self.lamp_hours) and self.lamp_hours >= 0):
            raise CalibrationError(f"lamp_hours = {self.lamp_hours!r}: must not be below zero")
        if self.valid_for_hours is not None and not (isfinite(self.valid_for_hours) and self.valid_for_hours > 0):
            raise CalibrationError(f"valid_for_hours = {self.valid_for_hours!r}: must be above zero")
        if self.performed_at.tzinfo is None or self.valid_until.tzinfo is None:
            raise CalibrationError("performed_at and valid_until need an offset from UTC (write 2026-11-23T10:00:00Z)")
        if not self.performed_at < self.valid_until:
            raise CalibrationError("valid_until is not after performed_at")

    @cached_property
    def _curve(self) -> Callable[[float], float]:
        # Here and not at the top: scipy takes longer to import than driving the lamps dark, and dark comes first.
        from scipy.interpolate import PchipInterpolator

        levels = [p.level_pct for p in self.points]
        irradiances = [p.irradiance_mw_cm2 for p in self.points]
        curve = PchipInterpolator(levels, irradiances, extrapolate=False)
        return lambda level_pct: float(curve(level_pct))

    @property
    def level_min_pct(self) -> float:
        return self.points[0].level_pct

    @property
    def level_max_pct(self) -> float:
        return self.points[-1].level_pct

    @property
    def irradiance_min_mw_cm2(self) -> float:
        return self.points[0].irradiance_mw_cm2

    @property
    def irradiance_max_mw_cm2(self) -> float:
        return self.points[-1].irradiance_mw_cm2

    def irradiance_at(self, level_pct: float) -> float:
        """Steady irradiance, mW/cm², at a level in %. Raises OutsideCalibration beyond the measured levels."""
        if not self.level_min_pct <= level_pct <= self.level_max_pct:
            raise OutsideCalibration(
                f"level {level_pct:g} % is outside the calibrated {self.level_min_pct:g} to {self.level_max_pct:g} %"
            )
        return self._curve(level_pct)

    def level_for(self, irradiance_mw_cm2: float) -> float:
        """The level in % that gives this steady irradiance. Raises OutsideCalibration beyond the measured irradiances."""
        low, high = self.irradiance_min_mw_cm2, self.irradiance_max_mw_cm2
        if not low <= irradiance_mw_cm2 <= high:
            raise OutsideCalibration(
                f"irradiance {irradiance_mw_cm2:g} mW/cm² is outside the calibrated {low:g} to {high:g} mW/cm²"
            )
        from scipy.optimize import brentq

        def excess(level_pct: float) -> float:
            return self._curve(level_pct) - irradiance_mw_cm2

        # At its ends the curve meets the points only to the last bit, and brentq wants a change of sign.
        if excess(self.level_min_pct) >= 0:
            return self.level_min_pct
        if excess(self.level_max_pct) <= 0:
            return self.level_max_pct
        return float(brentq(excess, self.level_min_pct, self.level_max_pct, xtol=1e-9))

    def in_force(self, now: datetime) -> bool:
        """Whether it may be used at this wall-clock time."""
        return self.performed_at <= now < self.valid_until

    def lapse(self, now: datetime, lamp_hours: float) -> str | None:
        """Why it is not in force at this time and at so many lamp-hours; None when it is."""
        if now < self.performed_at:
            return f"calibration {self.id} was made at {self.performed_at:%Y-%m-%d %H:%M} UTC, which is not yet"
        if now >= self.valid_until:
            return f"calibration {self.id} ended on {self.valid_until:%Y-%m-%d}"
        if lamp_hours < self.lamp_hours - HOURS_ROUNDING:
            return (
                f"calibration {self.id} was made at {self.lamp_hours:.1f} lamp-hours, and the lamp has {lamp_hours:.1f}"
            )
        if self.valid_for_hours is not None and lamp_hours - self.lamp_hours >= self.valid_for_hours:
            return f"calibration {self.id} was good for {self.valid_for_hours:g} lamp-hours, and these are over"
        return None

    def as_dict(self) -> dict[str, Any]:
        """As `calibration.approved` carries it in `record`; times as ISO 8601, without `sha256`."""
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "sha256"}
        return plain | {
            "performed_at": self.performed_at.isoformat(),
            "valid_until": self.valid_until.isoformat(),
            "approved_at": None if self.approved_at is None else self.approved_at.isoformat(),
            "points": [[p.level_pct, p.irradiance_mw_cm2] for p in self.points],
            "response": [[p.fraction, p.tau_s] for p in self.response.parts],
            "curve_budget": self.curve_budget.as_list(),
            "monitor_budget": self.monitor_budget.as_list(),
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Calibration:
        """From what `as_dict` gave; `sha256` is that of its canonical JSON. Raises CalibrationError, KeyError, TypeError, ValueError."""
        from irctl.domain.chain import canonical

        approved_at = told["approved_at"]
        parsed: dict[str, Any] = {
            **told,
            "performed_at": datetime.fromisoformat(told["performed_at"]),
            "valid_until": datetime.fromisoformat(told["valid_until"]),
            "approved_at": None if approved_at is None else datetime.fromisoformat(approved_at),
            "points": points_from([(level, irradiance) for level, irradiance in told["points"]]),
            "response": LampResponse(tuple(ResponsePart(*part) for part in told["response"])),
            "curve_budget": Budget.of(told["curve_budget"]),
            "monitor_budget": Budget.of(told["monitor_budget"]),
            "sha256": sha256(canonical(told)).hexdigest(),
        }
        return cls(**parsed)


def points_from(pairs: Sequence[tuple[float, float]]) -> tuple[Point, ...]:
    """Points from (level %, irradiance mW/cm²) pairs, in order of level."""
    return tuple(Point(level, irradiance) for level, irradiance in sorted(pairs))
