"""Values for the tests of the pure core: a calibration, an order, a moment, a station file; each changed by what the test is about."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from irctl.bus.port import MemoryPort
from irctl.controller.config import LineSection, StationConfig, load
from irctl.controller.journal.journal import Journal
from irctl.controller.station import Station, Wire, build
from irctl.domain.calibration import Calibration, points_from
from irctl.domain.limits import Limits
from irctl.domain.orders import Order
from irctl.domain.problems import Problem, Refused
from irctl.domain.response import LampResponse, ResponsePart
from irctl.domain.rules import Envelope, Reading, Snapshot

CONFIGS = Path(__file__).parents[2] / "configs"
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)

HALOGEN = LampResponse((ResponsePart(0.94, 0.35), ResponsePart(0.06, 25.0)))
LIMITS = Limits(irradiance_mw_cm2_max=100.0, fluence_j_cm2_max=90.0, duration_s_max=1800.0, skin_c_max=43.0)
ENVELOPE = Envelope(LIMITS)
POINTS = ((5.0, 8.65), (20.0, 26.2), (50.0, 54.6), (80.0, 79.5), (100.0, 95.0))


def a_calibration(**changes: Any) -> Calibration:
    """In force, at 50 cm, from 8.65 to 95 mW/cm²."""
    usual = Calibration(
        id="CAL-1",
        lamp_serial="L-1",
        emitter="dimmer.1",
        distance_cm=50.0,
        performed_at=datetime(2026, 11, 1, tzinfo=UTC),
        performed_by="a technician",
        meter="a reference meter",
        valid_until=datetime(2027, 11, 1, tzinfo=UTC),
        expanded_uncertainty_pct=9.0,
        drift_allowance_pct=25.0,
        positioning_cm=0.5,
        points=points_from(POINTS),
        response=HALOGEN,
        meter_uncertainty_pct=6.0,
    )
    return replace(usual, **changes)


def an_order(**changes: Any) -> Order:
    """60 J/cm² at 50 mW/cm²: twenty minutes."""
    usual = Order("left", fluence_j_cm2=60.0, irradiance_mw_cm2=50.0, patient="P-1", area="lumbar", by="a clinician")
    return replace(usual, **changes)


def lit(**changes: Any) -> Snapshot:
    """A lamp in the middle of a treatment, everything as it should be."""
    usual = Snapshot(
        lit_s=60.0,
        dark_s=0.0,
        time_on_s=60.0,
        planned_s=1200.0,
        fluence_j_cm2=3.0,
        prescribed_j_cm2=60.0,
        output_on=True,
        output_age_s=0.1,
        tripped=False,
        cutoff_fitted=True,
        cutoff_closed=True,
        interlocks=(("stop-button", Reading(1.0, 0.1)), ("door", Reading(1.0, 0.1))),
        radiometer_fitted=True,
        irradiance=Reading(50.0, 0.1),
        expected_mw_cm2=50.0,
        expected_within_pct=12.0,
        skin_fitted=True,
        skin=Reading(36.0, 0.1),
        skin_jump_c=0.2,
        skin_still_s=1.0,
        skin_rise_c=2.0,
        housing_fitted=False,
        housing=None,
        unanswered_s=0.0,
        restarted=False,
        clock_step_s=0.0,
        cem43_min=0.0,
        calibration_in_force=True,
        journal_writable=True,
    )
    return replace(usual, **changes)


def dark(**changes: Any) -> Snapshot:
    """The same lamp, off for a minute."""
    off = lit(
        lit_s=0.0,
        dark_s=60.0,
        output_on=False,
        cutoff_closed=False,
        irradiance=Reading(0.0, 0.1),
        expected_mw_cm2=0.1,
    )
    return replace(off, **changes)


# --- station files ---------------------------------------------------------------------------------------------------


class StationFolder:
    """A copy of the demonstration station in a folder of its own, to be changed and loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "station.toml"
        self.station: dict[str, Any] = tomllib.loads((CONFIGS / "demo.toml").read_text(encoding="utf-8"))
        self.calibrations = _beside("calibrations")
        self.meters = _beside("meters")

    @property
    def left(self) -> dict[str, Any]:
        return self.station["lamps"]["left"]

    @property
    def right(self) -> dict[str, Any]:
        return self.station["lamps"]["right"]

    @property
    def devices(self) -> dict[str, Any]:
        return self.station["devices"]

    @property
    def left_calibration(self) -> dict[str, Any]:
        return self.calibrations["calibrations/sim-l-001.toml"]

    def write(self) -> Path:
        for name, told in (self.calibrations | self.meters).items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(toml(told), encoding="utf-8")
        self.path.write_text(toml(self.station), encoding="utf-8")
        return self.path

    def load(self) -> StationConfig:
        return load(self.write())

    def build(self) -> Station:
        """The station put together on lines that nobody listens to. Opens nothing, like the original."""
        return build(self.load(), Journal(self.folder / "journal.jsonl", lambda: NOW), _a_wire)


def _beside(folder: str) -> dict[str, dict[str, Any]]:
    """The demonstration's files of one kind, by their names in the station file."""
    files = sorted((CONFIGS / folder).glob("*.toml"))
    return {f"{folder}/{path.name}": tomllib.loads(path.read_text(encoding="utf-8")) for path in files}


class Refusal:
    """Why something was refused, by field. Every reason must help whoever reads it."""

    def __init__(self, refused: Refused) -> None:
        self.problems = refused.problems
        assert self.problems, "refused without a reason"
        for problem in self.problems:
            assert problem.field, problem
            assert problem.limit, problem
            assert problem.remedy, problem

    @property
    def fields(self) -> list[str]:
        return sorted(problem.field for problem in self.problems)

    def __getitem__(self, field: str) -> Problem:
        (problem,) = [problem for problem in self.problems if problem.field == field]
        return problem


def refusal(attempt: Callable[[], object]) -> Refusal:
    """The refusal that `attempt` must meet."""
    try:
        attempt()
    except Refused as refused:
        return Refusal(refused)
    raise AssertionError("it was not refused")


def _a_wire(name: str, section: LineSection) -> Wire:
    def attach(_hear: object) -> Any:
        raise OSError("nobody is there")

    return Wire(MemoryPort(attach, name), section.port.startswith("tcp://"))


def toml(tables: Mapping[str, Any]) -> str:
    """Enough of a TOML writer for the station file: sub-tables inline, which means the same."""
    return "".join(f"{json.dumps(key)} = {_value(value)}\n" for key, value in copy.deepcopy(tables).items())


def _value(value: Any) -> str:
    match value:
        case bool() | int():
            return str(value).lower()
        case float():
            return repr(value)
        case str():
            return json.dumps(value)
        case datetime():
            return value.isoformat()
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {_value(item)}" for key, item in value.items()) + "}"
        case _:
            return str(value)
