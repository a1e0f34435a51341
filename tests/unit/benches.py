"""Worlds for the tests of calibration: a meter with its certificate, a lamp whose truth is known, and a technician who follows the worksheet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from irctl.domain.meters import Meter, SpectralMismatch
from irctl.domain.plan import Plan, plan
from irctl.domain.readings import LevelReading
from irctl.domain.response import LampResponse, ResponsePart
from irctl.domain.worksheet import Stage, Step, Worksheet
from irctl.domain.worksheet_fold import folded

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
LEVELS = (5.0, 20.0, 40.0, 60.0, 80.0, 100.0)
RESPONSE = LampResponse((ResponsePart(0.94, 0.35), ResponsePart(0.06, 25.0)))
TECHNICIAN, ENGINEER = "a technician", "an engineer"


def a_meter(**changes: Any) -> Meter:
    usual = Meter(
        name="reference",
        serial="RM-7",
        model="thermopile",
        kind="radiometer",
        certificate="K-2026-118",
        laboratory="a national laboratory",
        calibrated_at=datetime(2026, 5, 1, tzinfo=UTC),
        valid_until=datetime(2027, 5, 1, tzinfo=UTC),
        factor=1.02,
        expanded_uncertainty_pct=5.0,
        cosine_pct=2.6,
        resolution_mw_cm2=0.01,
        range_max_mw_cm2=200.0,
        spectral=(SpectralMismatch("halogen", 0.97, 6.0),),
    )
    return replace(usual, **changes)


def a_plan(**changes: Any) -> Plan:
    usual: dict[str, Any] = {"levels_pct": LEVELS, "distances_cm": (50.0,), "repeats": 3, "seed": 1}
    return plan(**{**usual, **changes})


@dataclass
class ALamp:
    """True irradiance 95 mW/cm² · (level/100)^0.8 at 50 cm, falling as 1/(d+d₀)²; `output` is how much of it is left."""

    output: float = 1.0
    d0_cm: float = 6.0

    def irradiance(self, level_pct: float, distance_cm: float = 50.0) -> float:
        return self.output * 95.0 * (level_pct / 100.0) ** 0.8 * ((50.0 + self.d0_cm) / (distance_cm + self.d0_cm)) ** 2


def a_reading(number: int, level_pct: float, mw_cm2: float, **changes: Any) -> LevelReading:
    """A reading of 0.2 mW/cm² of offset and the given rest, at 50 cm, as found."""
    usual = LevelReading(number, Stage.AS_FOUND, level_pct, 50.0, mw_cm2 + 0.2, 0.2, None, NOW, 0.005, number)
    return replace(usual, **changes)


def readings_of(lamp: ALamp, planned: Plan, meter: Meter, noise_pct: float = 0.3, seed: int = 0) -> list[LevelReading]:
    """What a meter without error shows under this lamp, plan and noise, at the planned distances."""
    lot, scale = Random(seed), 1.0 / (meter.factor * meter.mismatch("halogen").factor)
    return [
        a_reading(
            r.number,
            r.level_pct,
            lamp.irradiance(r.level_pct, r.distance_cm) * scale * (1.0 + lot.gauss(0.0, noise_pct / 100.0)),
            distance_cm=r.distance_cm,
        )
        for r in planned.order
    ]


@dataclass
class Bench:
    """Follows the worksheet step by step and keeps the events; every verb adds one."""

    lamp: ALamp = field(default_factory=ALamp)
    meter: Meter = field(default_factory=a_meter)
    plan: Plan = field(default_factory=a_plan)
    in_force: Mapping[str, Any] | None = None
    with_monitor: bool = True
    error: float = 0.0
    """Of the meter and its factors, relative: reading = truth · (1 + error)."""
    distance_error: Callable[[], float] = lambda: 0.0
    """Of each positioning, cm."""
    noise_pct: float = 0.2
    seed: int = 0
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def __post_init__(self) -> None:
        self.lot = Random(self.seed)
        self.off_cm = 0.0
        self.add(
            "started",
            by=TECHNICIAN,
            meter=self.meter.as_dict(),
            plan=self.plan.as_dict(),
            lamp_info={
                "title": "Left lamp",
                "serial": "L-1",
                "emitter": "dimmer.1",
                "radiometer": "radiometer" if self.with_monitor else None,
                "distance_cm": 50.0,
                "lamp_type": "halogen",
            },
            binding="b" * 64,
            in_force=self.in_force,
            environment={"temperature_c": 22.0, "note": ""},
        )

    def add(self, verb: str, **fields: Any) -> None:
        seq = len(self.events) + 1
        common = {"seq": seq, "at": (NOW + timedelta(seconds=seq)).isoformat(), "mono_s": float(seq)}
        self.events.append(
            common | {"event": f"calibration.{verb}", "lamp": "left", "calibration": "C-20261123-0001"} | fields
        )

    @property
    def sheet(self) -> Worksheet:
        return folded(self.events)

    def step(self, what: str | None = None) -> None:
        """Do what is next. `what`: the adjustment."""
        sheet = self.sheet
        wanted = sheet.next_reading
        match sheet.step:
            case Step.IDENTITY:
                identity = {"model": "MDM3", "serial": "17", "firmware": "2.7"}
                self.add(
                    "identified", by=TECHNICIAN, serial="L-1", condition="clean", lamp_hours=120.0, emitter=identity
                )
            case Step.POSITION if wanted:
                self.off_cm = self.distance_error()
                at = {"stage": sheet.stage, "distance_cm": wanted.distance_cm}
                self.add("positioned", by=TECHNICIAN, **at, angle_deg=2.0, positioning_cm=self.plan.positioning_cm)
            case Step.DARK if wanted:
                at = {"stage": sheet.stage, "distance_cm": wanted.distance_cm}
                self.add("dark", **at, offset_mw_cm2=0.2, noise_mw_cm2=0.005, readings=10, monitor_offset_mw_cm2=0.1)
            case Step.WARM_UP if wanted:
                at = {"stage": sheet.stage, "level_pct": wanted.level_pct}
                self.add("steady", **at, after_s=90.0, slope_pct_per_min=0.1, readings=20)
            case Step.READINGS if wanted:
                self.read()
            case Step.ADJUSTMENT:
                self.add("adjusted", by=TECHNICIAN, what=what)
            case Step.REVIEW:
                self.add("submitted", by=TECHNICIAN, result=sheet.result)
            case _:
                raise AssertionError(f"nothing to do at {sheet.step}")

    def read(self, typed: Callable[[float], float] = lambda value: value) -> None:
        """Take the next reading; `typed`: what becomes of it on its way into the record."""
        sheet = self.sheet
        wanted = sheet.next_reading
        assert wanted is not None
        truth = self.lamp.irradiance(wanted.level_pct, wanted.distance_cm + self.off_cm)
        scale = (1.0 + self.error) / (self.meter.factor * self.meter.mismatch("halogen").factor)
        shown = truth * scale * (1.0 + self.lot.gauss(0.0, self.noise_pct / 100.0))
        at_lamp = self.lamp.irradiance(wanted.level_pct)
        self.add(
            "reading",
            stage=sheet.stage,
            number=wanted.number,
            level_pct=wanted.level_pct,
            distance_cm=wanted.distance_cm,
            reading_mw_cm2=typed(shown + 0.2),
            monitor_mw_cm2=at_lamp / 1.05 + 0.1 if self.with_monitor else None,
            noise_mw_cm2=0.02,
            n=10,
        )

    def until(self, step: Step, what: str | None = None) -> Bench:
        """Go on until the worksheet is at this step."""
        while self.sheet.step is not step:
            self.step(what)
        return self

    def approve(self, by: str = ENGINEER) -> None:
        calibration = self.sheet.as_calibration(**APPROVED | {"approved_by": by})
        certificate = {"number": "IRC-2026-0001", "sha256": "0" * 64, "key": "k", "signature": "s"}
        self.add("approved", by=by, record=calibration.as_dict(), certificate=certificate)


APPROVED: dict[str, Any] = {
    "approved_by": ENGINEER,
    "approved_at": NOW + timedelta(hours=2),
    "valid_until": NOW + timedelta(days=365),
    "drift_allowance_pct": 10.0,
    "response": RESPONSE,
    "valid_for_hours": 500.0,
}
