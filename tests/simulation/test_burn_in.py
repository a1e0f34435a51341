"""Burning in: off unless the file says so; light and dark in turn, hours counted; dark for good at a stop, an open door, a silent device or a crash."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from irctl.controller.api.app import create_app
from irctl.controller.calibration import burn_in
from irctl.controller.calibration.burn_in import BurnIn
from irctl.domain.burn_in import Plan
from irctl.domain.orders import Order
from irctl.domain.problems import Refused
from tests.simulation.technician import FAST, reborn
from tests.simulation.world import World, a_station
from tests.unit.worlds import StationFolder

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

BY = "a technician"
SHORT = Plan(hours=0.2, levels_pct=(50.0, 80.0), on_min=5.0, off_min=2.0)
"""Five minutes, five, two."""


def a_config(folder: Path, bench: dict[str, Any] | None = None, **left: Any) -> Path:
    station = StationFolder(folder)
    if bench is not None:
        station.station["bench"] = bench
    for name, value in left.items():
        station.left.pop(name, None)
        if value is not None:
            station.left[name] = value
    return station.write()


def may(folder: Path) -> Path:
    return a_config(folder, {"burn_in": True})


async def begun(world: World, plan: Plan = SHORT, lamp: str = "left", **stated: bool) -> BurnIn:
    await world.until(lambda: world.station.lamps[lamp].output.verified_dark)
    told = {"nobody": True, "dummy_load": True} | stated
    return burn_in.begin(world.station.config.file, world.station.lamps, lamp, plan, BY, **told)


async def lit(world: World, plan: Plan = SHORT) -> BurnIn:
    """One that has been giving light for a minute."""
    work = await begun(world, plan)
    await world.until(lambda: world.truth().powered)
    await asyncio.sleep(60.0)
    return work


# --- who may, and when --------------------------------------------------------------------------------------------------------


async def test_it_is_off_by_default(tmp_path: Path):
    async with a_station(tmp_path / "state", config=a_config(tmp_path / "config"), sim=FAST) as world:
        with pytest.raises(Refused, match="lamps are not burnt in at this station"):
            await begun(world)
        await asyncio.sleep(600.0)
        assert not world.truth().powered
        assert not world.events("burn-in.started")


@pytest.mark.parametrize(
    ("stated", "why"),
    [({"nobody": False}, "nobody_under_the_lamp"), ({"dummy_load": False}, "dummy_load")],
)
async def test_nobody_under_the_lamp_and_a_dummy_load_must_be_stated(tmp_path: Path, stated: dict[str, bool], why: str):
    async with a_station(tmp_path / "state", config=may(tmp_path / "config"), sim=FAST) as world:
        with pytest.raises(Refused, match=why):
            await begun(world, **stated)


async def test_a_lamp_that_one_fault_could_keep_lit_or_that_nothing_watches_is_refused(tmp_path: Path):
    unguarded = a_config(tmp_path / "a", {"burn_in": True}, cutoff=None, cutoff_lease_s=None)
    async with a_station(tmp_path / "state", config=unguarded, sim=FAST) as world:
        with pytest.raises(Refused, match="cutoff"):
            await begun(world)
        with pytest.raises(Refused, match="housing"):
            await begun(world, lamp="right")


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        (Plan(0.0, (50.0,), 5.0, 2.0), "hours"),
        (Plan(1000.0, (50.0,), 5.0, 2.0), "hours"),
        (Plan(1.0, (), 5.0, 2.0), "levels_pct"),
        (Plan(1.0, (101.0,), 5.0, 2.0), "levels_pct"),
        (Plan(1.0, (-5.0,), 5.0, 2.0), "levels_pct"),
        (Plan(1.0, (50.0,), 600.0, 2.0), "on_min"),
        (Plan(1.0, (50.0,), 5.0, 0.0), "off_min"),
        (Plan(float("nan"), (50.0,), 5.0, 2.0), "hours"),
        (Plan(1.0, (50.0,), float("nan"), 2.0), "on_min"),
        (Plan(1.0, (float("nan"),), 5.0, 2.0), "levels_pct"),
    ],
)
async def test_a_plan_that_makes_no_sense_is_refused(tmp_path: Path, plan: Plan, field: str):
    async with a_station(tmp_path / "state", config=may(tmp_path / "config"), sim=FAST) as world:
        with pytest.raises(Refused) as refused:
            await begun(world, plan)
        assert [problem.field for problem in refused.value.problems] == [field]


async def test_nobody_is_treated_at_a_lamp_that_burns_in_nor_the_other_way_round(tmp_path: Path):
    async with a_station(tmp_path / "state", config=may(tmp_path / "config"), sim=FAST) as world:
        await lit(world)
        with pytest.raises(Refused, match="is on the bench: a burn-in"):
            world.station.order(Order("left", 1.0, 50.0, "P-1", "lumbar", "a clinician"))
        with pytest.raises(Refused, match="is on the bench"):
            await begun_now(world)
    async with a_station(tmp_path / "other", config=may(tmp_path / "config"), sim=FAST) as world:
        await world.running()
        with pytest.raises(Refused, match="is busy with session"):
            await begun_now(world)


async def begun_now(world: World) -> BurnIn:
    file, lamps = world.station.config.file, world.station.lamps
    return burn_in.begin(file, lamps, "left", SHORT, BY, nobody=True, dummy_load=True)


# --- what it does -------------------------------------------------------------------------------------------------------------


async def test_it_lights_and_darkens_in_turn_at_each_level_counts_the_hours_and_ends_dark(tmp_path: Path):
    async with a_station(tmp_path / "state", config=may(tmp_path / "config"), sim=FAST) as world:
        before_h = world.lamp.equipment.in_force.use.lamp_hours
        work = await begun(world)
        seen: list[float | None] = []
        powered_s = 0.0
        while not work.done:
            await asyncio.sleep(1.0)
            powered_s += world.truth().powered
            if not seen or seen[-1] != work.view()["level_pct"]:
                seen.append(work.view()["level_pct"])
        assert [level for level in seen if level is not None] == [50.0, 80.0, 50.0]
        assert seen[-2:] == [50.0, None]
        assert work.ended is None
        assert powered_s == pytest.approx(0.2 * 3600.0, abs=10.0)
        assert world.lamp.equipment.in_force.use.lamp_hours - before_h == pytest.approx(0.2, rel=0.01)
        assert [event["starts"] for event in world.events("bench.lit")] == [1, 1, 1]
        (started,), (ended,) = world.events("burn-in.started"), world.events("burn-in.ended")
        assert (started["by"], started["levels_pct"]) == (BY, [50.0, 80.0])
        assert (ended["ok"], ended["stretches"]) == (True, 3)
        assert world.lamp.output.verified_dark
        assert not world.truth().powered


# --- what ends it -------------------------------------------------------------------------------------------------------------


async def is_over(world: World, work: BurnIn, why: str) -> None:
    """Dark within the lease, and for good."""
    await world.until(lambda: not world.truth().powered, 5.0)
    await world.until(lambda: work.done, 10.0)
    assert why in (work.ended or "")
    (ended,) = world.events("burn-in.ended")
    assert not ended["ok"]
    await asyncio.sleep(1800.0)
    assert not world.truth().powered


async def test_an_open_door_ends_it_and_closing_it_does_not_begin_it_again(tmp_path: Path):
    async with a_station(tmp_path / "state", config=may(tmp_path / "config"), sim=FAST) as world:
        work = await lit(world)
        world.sim.set_fault("door", "open_contact")
        await world.until(lambda: work.done, 10.0)
        world.sim.clear_faults()
        await is_over(world, work, "interlock 'door' is open")


async def test_a_door_that_opens_while_it_is_dark_ends_it_too(tmp_path: Path):
    async with a_station(tmp_path / "state", config=may(tmp_path / "config"), sim=FAST) as world:
        work = await lit(world)
        await world.until(lambda: not world.truth().powered, 600.0)
        world.sim.set_fault("door", "open_contact")
        await is_over(world, work, "interlock 'door' is open")


async def test_a_stop_ends_it(tmp_path: Path):
    async with a_station(tmp_path / "state", config=may(tmp_path / "config"), sim=FAST) as world:
        work = await lit(world)
        await world.station.shutdown.stop("a nurse", "smoke", "api")
        await world.until(lambda: work.done, 10.0)
        await asyncio.sleep(5.0)
        world.station.shutdown.clear("a technician", "it was steam")
        await is_over(world, work, "the station is stopped")


async def test_anybody_may_end_it(tmp_path: Path):
    async with a_station(tmp_path / "state", config=may(tmp_path / "config"), sim=FAST) as world:
        transport = httpx.ASGITransport(create_app(world.station))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8970") as api:
            await world.until(lambda: world.lamp.output.verified_dark)
            asked = {"by": BY, "hours": 1.0, "nobody_under_the_lamp": True, "dummy_load": True}
            assert (await api.get("/v1/lamps/left/burn-in")).status_code == 422
            assert (await api.post("/v1/lamps/left/burn-in", json=asked | {"hours": "1"})).status_code == 422
            assert (await api.post("/v1/lamps/left/burn-in", json=asked)).status_code == 202
            await world.until(lambda: world.truth().powered)
            await asyncio.sleep(30.0)
            view = (await api.get("/v1/lamps/left/burn-in")).json()
            assert view["running"]
            assert view["lit_hours"] == pytest.approx(30.0 / 3600.0, rel=0.1)
            assert (await api.post("/v1/lamps/left/burn-in/abort", json={"by": "somebody"})).status_code == 200
            await is_over(world, burn_in.present(world.station.lamps, "left"), "aborted by somebody")


@pytest.mark.parametrize("silent", ["dimmer", "contactor", "radiometer", "io"])
async def test_a_device_that_falls_silent_ends_it(tmp_path: Path, silent: str):
    async with a_station(tmp_path / "state", config=may(tmp_path / "config"), sim=FAST) as world:
        work = await lit(world)
        world.sim.set_fault(silent, "silent")
        await world.until(lambda: not world.truth().powered, 8.0)
        await world.until(lambda: work.done, 30.0)
        assert work.ended


async def test_a_lamp_whose_outputs_say_off_while_its_radiometer_sees_light_stops_the_station(tmp_path: Path):
    async with a_station(tmp_path / "state", config=may(tmp_path / "config"), sim=FAST) as world:
        work = await lit(world)
        world.sim.set_fault("dimmer.1", "stuck_output")
        world.sim.set_fault("contactor.1", "welded")
        await world.until(lambda: work.done, 400.0)
        assert work.stretches == 1
        assert "the station is stopped" in (work.ended or "")
        assert world.station.shutdown.latch is not None
        assert "H08" in [alarm.hazard for alarm in world.station.alarms.open]


async def test_killed_it_goes_dark_by_its_leases_and_is_not_taken_up_again(tmp_path: Path):
    config, state = may(tmp_path / "config"), tmp_path / "state"
    async with a_station(state, config=config, sim=FAST) as world:
        await lit(world)
        await reborn(world, state, config)
        await asyncio.sleep(3600.0)
        assert not world.truth().powered
        assert world.lamp.on_bench is None
        assert not world.events("burn-in.ended")
        with pytest.raises(Refused, match="is not being burnt in"):
            burn_in.present(world.station.lamps, "left")
        again = await begun(world)
        await world.until(lambda: world.truth().powered)
        assert not again.done, "a person may begin another"
