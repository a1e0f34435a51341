"""Whole stations whose lamp hangs on a line of text: treated, measured, commissioned; and dark by its own hardware when the program dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from irctl_simulator.station import SimStation
from tests.simulation.world import World, a_station, hardware_of
from tests.unit.worlds import StationFolder

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

RATED = {"regulate": "current", "full": 2.0, "limit": 28.0}
LEASE_S, CUTOFF_LEASE_S = 2.0, 3.0
SUPPLIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "korad": ({"driver": "korad", "range": "31V-5.1A", **RATED}, {"twin": "korad"}),
    "tdk": (
        {"driver": "scpi-supply", "profile": "tdk-genesys-plus", **RATED},
        {"twin": "scpi-supply", "options": {"profile": "tdk-genesys-plus"}},
    ),
    "delta": (
        {"driver": "scpi-supply", "profile": "delta-sm15k", **RATED},
        {"twin": "scpi-supply", "options": {"profile": "delta-sm15k"}},
    ),
    "slc": ({"driver": "mightex-slc", "full_ma": 1000, "lit_mv_min": 1500}, {"twin": "mightex-slc"}),
}
"""Device sections of the station file and of the simulator's."""


@asynccontextmanager
async def a_text_station(folder: Path, kind: str, *, cutoff: bool) -> AsyncIterator[World]:
    """The demonstration's left lamp on a supply, and an Ophir to measure it."""
    device, twin = SUPPLIES[kind]
    hardware: dict[str, Any] = {
        "lines": {"supply-line": {"protocol": "text"}, "meter-line": {"protocol": "text"}},
        "devices": {
            "supply": {"line": "supply-line", **twin},
            "power-meter": {"twin": "ophir", "line": "meter-line", "options": {"area_cm2": 1.5}},
        },
        "lamps": {"left": {"emitter": "supply.1", "radiometer": "power-meter"}},
    }
    station = StationFolder(folder)
    station.station["lines"] |= {
        name: {"port": f"sim://{name}", "protocol": "text"} for name in ("supply-line", "meter-line")
    }
    station.devices["supply"] = {"line": "supply-line", **device}
    station.devices["power-meter"] = {"driver": "ophir", "line": "meter-line", "area_cm2": 1.5}
    station.left.update(emitter="supply.1", radiometer="power-meter", lease_s=LEASE_S, tick_s=0.6)
    if not cutoff:
        del station.left["cutoff"], station.left["cutoff_lease_s"]
        hardware["lamps"]["left"]["contactor"] = None
    station.left_calibration["emitter"] = "supply.1"
    station.left_calibration["points"] = _points(hardware, kind)
    async with a_station(folder / "state", config=station.write(), sim=hardware) as world:
        yield world


def _points(hardware: dict[str, Any], kind: str) -> list[dict[str, float]]:
    """What the lamp gives at each level: a resistance takes the square of its current, an LED its current."""
    lamp = SimStation.from_config(hardware_of(hardware)).lamps["left"]
    power = 1.0 if kind == "slc" else 2.0
    levels = [30, 40, 50, 60, 70, 80, 90, 100]
    return [
        {"level_pct": n, "irradiance_mw_cm2": lamp.treatment.steady_mw_cm2((n / 100) ** power, 50.0)} for n in levels
    ]


@pytest.mark.parametrize("kind", SUPPLIES)
async def test_a_treatment_gives_its_dose(tmp_path: Path, kind: str) -> None:
    async with a_text_station(tmp_path, kind, cutoff=kind == "korad") as world:
        session = await world.running(fluence=3.0, irradiance=50.0)
        record = await world.finished(session)
        assert record["outcome"] == "completed", record["reason"]
        truth = world.truth()
        assert truth.fluence_j_cm2 == pytest.approx(3.0, rel=0.1)
        assert record["delivered"]["min_j_cm2"] <= truth.fluence_j_cm2 <= record["delivered"]["max_j_cm2"]


@pytest.mark.parametrize(
    ("kind", "bound_s"),
    [("korad", CUTOFF_LEASE_S), ("tdk", LEASE_S + 1.0), ("delta", LEASE_S), ("slc", LEASE_S)],
)
@pytest.mark.parametrize("lit_s", [1.0, 3.3, 7.1])
async def test_a_program_that_dies_leaves_no_light_beyond_its_hardwares_bound(
    tmp_path: Path, kind: str, bound_s: float, lit_s: float
) -> None:
    async with a_text_station(tmp_path, kind, cutoff=kind == "korad") as world:
        await world.running(fluence=30.0, irradiance=50.0, lit_s=lit_s)
        assert world.truth().powered
        await world.process.kill()
        died_at = world.now
        await asyncio.sleep(60.0)
        truth = world.truth()
        assert not truth.powered
        assert died_at <= truth.on_intervals[-1][1] <= died_at + bound_s + 0.2


@pytest.mark.parametrize("kind", SUPPLIES)
async def test_a_stop_is_dark_at_once(tmp_path: Path, kind: str) -> None:
    async with a_text_station(tmp_path, kind, cutoff=kind == "korad") as world:
        await world.running(fluence=30.0, irradiance=50.0)
        asked_at = world.now
        await world.station.shutdown.stop("a nurse", "the test", "button")
        worst_s = world.station.lines["supply-line"].worst_time_to_dark_s(world.lamp.output.emitter.off_requests())
        assert world.truth().on_intervals[-1][1] <= asked_at + worst_s
        assert world.lamp.output.verified_dark


@pytest.mark.parametrize("kind", SUPPLIES)
async def test_commissioning_measures_what_the_supply_claims(tmp_path: Path, kind: str) -> None:
    async with a_text_station(tmp_path, kind, cutoff=kind == "korad") as world:
        await world.until(lambda: world.lamp.output.verified_dark)
        run = world.station.commission("left", "a technician")
        await world.until(lambda: run.done, 300.0)
        steps = {step["step"]: step for step in run.steps}
        assert run.ok, run.steps[-1]
        assert ("the emitter's fail-safe ends the light" in steps) is (kind != "korad")
        assert ("the cut-off's fail-safe opens it" in steps) is (kind == "korad")


async def test_a_supply_that_ignores_its_watchdog_is_not_commissioned(tmp_path: Path) -> None:
    async with a_text_station(tmp_path, "tdk", cutoff=False) as world:
        world.sim.devices["supply"].twin.next_event = lambda: float("inf")
        await world.until(lambda: world.lamp.output.verified_dark)
        run = world.station.commission("left", "a technician")
        await world.until(lambda: run.done, 300.0)
        assert not run.ok
        assert "Do not use it" in run.steps[-1]["text"]
