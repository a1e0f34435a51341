"""Of the station file: how a lamp is calibrated, checked and maintained, and with which meters."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from irctl.domain.problems import Problem
from irctl.domain.response import LampResponse, ResponsePart
from irctl.domain.upkeep import Kind
from irctl.toml_file import Positive, Strict


class ResponseSection(Strict):
    fraction: Annotated[float, Field(gt=0, le=1)]
    tau_s: Positive


HALOGEN = (ResponseSection(fraction=0.94, tau_s=0.35), ResponseSection(fraction=0.06, tau_s=25.0))
"""Filament, and envelope with reflector: assumed, as the simulator's lamp is (DOMAIN facts §4 gives ranges only)."""
LEVELS_MIN = 5

Level = Annotated[float, Field(gt=0, le=100)]
Distance = Annotated[float, Field(ge=10, le=200)]


class MaintenanceSection(Strict):
    """Work that is due again and again."""

    kind: Kind = Field(strict=False)
    every_days: Annotated[float, Field(ge=1, le=3660)] | None = None
    every_hours: Annotated[float, Field(gt=0)] | None = None
    """Lamp-hours."""


class UpkeepSection(Strict):
    """How a lamp is calibrated and checked. Project choices with their reasons in docs/reference/calibration.md, none of them a standard's."""

    lamp_type: str = Field(default="halogen", min_length=1, max_length=40)
    """Which spectral mismatch of a meter's certificate applies, and which treatment protocols are meant for it."""
    tolerance_pct: Annotated[float, Field(gt=0, le=50)] = 10.0
    positioning_cm: Positive = 0.5
    """How well the distance is kept, at the calibration and at the patient (k=2)."""
    drift_allowance_pct: Annotated[float, Field(ge=0, le=50)] = 10.0
    interval_days: Annotated[float, Field(ge=1, le=731)] = 365.0
    interval_hours: Annotated[float, Field(gt=0)] | None = None
    """Lamp-hours after which a calibration lapses; None: by date only."""
    check_every_hours: Annotated[float, Field(gt=0)] | None = None
    """An order needs a passed check (or a calibration) not older than this; None: nobody is asked."""
    levels_pct: tuple[Level, ...] = Field(default=(10.0, 25.0, 40.0, 60.0, 80.0, 100.0), strict=False, max_length=20)
    check_levels_pct: tuple[Level, ...] = Field(default=(50.0, 100.0), strict=False, min_length=1, max_length=3)
    distances_cm: tuple[Distance, ...] = Field(default=(), strict=False, max_length=6)
    """Besides the distance that the lamp treats at: for the distance law."""
    repeats: Annotated[int, Field(ge=1, le=10)] = 3
    samples: Annotated[int, Field(ge=3, le=200)] = 10
    """Readings of the instrument that make one reading of the worksheet."""
    maintenance: tuple[MaintenanceSection, ...] = Field(default=(), strict=False, max_length=20)
    response: tuple[ResponseSection, ...] = Field(default=HALOGEN, strict=False, min_length=1)
    """How the lamp follows its power, where no earlier calibration says it."""


class MeterSection(Strict):
    """A reference meter. `device`: where it is on a line, else its readings are typed. `certificate`: its file, relative to the station file."""

    device: str | None = None
    certificate: str


def upkeep_problems(at: str, upkeep: UpkeepSection) -> list[Problem]:
    problems: list[Problem] = []
    if len(set(upkeep.levels_pct)) < LEVELS_MIN:
        few = f"{len(set(upkeep.levels_pct))} levels, and a curve needs at least {LEVELS_MIN}"
        problems.append(Problem(f"{at}.upkeep.levels_pct", list(upkeep.levels_pct), few, "Name more levels"))
    if (
        outside := [x for x in upkeep.check_levels_pct if not min(upkeep.levels_pct) <= x <= max(upkeep.levels_pct)]
    ) and upkeep.levels_pct:
        what = "outside the levels that are calibrated"
        problems.append(Problem(f"{at}.upkeep.check_levels_pct", outside, what, "Check within the calibrated levels"))
    try:
        LampResponse(tuple(ResponsePart(r.fraction, r.tau_s) for r in upkeep.response))
    except ValueError as error:
        problems.append(Problem(f"{at}.upkeep.response", None, str(error), "Correct its fractions"))
    return problems
