"""The short check, what it locks, and whom a lamp that was found wrong concerns."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from irctl.domain.orders import Order
from irctl.domain.problems import Refused
from irctl.domain.worksheet import Step
from tests.simulation.technician import BY, FAST, SECOND, Technician, a_config, reborn
from tests.simulation.world import World, a_station

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

AGED = 0.88
"""The lamp gives 12 % less than it did."""


@pytest.fixture(autouse=True)
def without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread lives in real time, and would be overtaken: the journal's files are read where they are asked for."""

    async def at_once(read: Any, *about: Any) -> Any:
        return read(*about)

    monkeypatch.setattr(asyncio, "to_thread", at_once)


def an_order() -> Order:
    return Order("left", 1.0, 50.0, "P-1", "lumbar", "a clinician")


async def treated(world: World) -> str:
    """One session; what it really gave lies within what it says it gave, or not: the caller knows."""
    session = await world.running(fluence=1.0, lit_s=1.0)
    await world.finished(session)
    await asyncio.sleep(120.0)
    return session.id


@pytest.mark.parametrize(("lamp", "reference"), [("left", "monitor"), ("left", "reference"), ("right", "reference")])
async def test_a_newcomers_first_check_passes_in_less_than_three_minutes_at_the_lamps_real_pace(
    tmp_path: Path, lamp: str, reference: str
):
    config = a_config(tmp_path / "config", fast=False)
    async with a_station(tmp_path / "state", config=config) as world:
        technician = Technician(world, lamp)
        await world.until(lambda: world.station.lamps[lamp].output.verified_dark)
        world.sim.place("meter", lamp, 50.0, 0.0)
        check = await technician.check(reference)
        (told,) = world.events("check.completed")
        assert told["took_s"] < 180.0
        assert told["with"] == reference
        assert check.result is not None
        assert told["verdict"] == "pass"
        assert all(abs(level["error_pct"]) < 1.0 for level in told["levels"])
        assert world.station.lamps[lamp].equipment.in_force.locked is None


async def test_an_aged_lamp_fails_is_locked_and_healed_by_a_calibration(tmp_path: Path):
    """12 % is beyond the usual tolerance. Exactly the sessions since the last pass are to be looked at; then doses are right again."""
    config, state = a_config(tmp_path / "config"), tmp_path / "state"
    async with a_station(state, config=config, sim=FAST) as world:
        technician = Technician(world)
        await technician.calibrate()
        before = await treated(world)
        passed = await technician.check()
        assert passed.view()["verdict"] == "pass"
        world.sim.set_fault("left", "ageing", factor=AGED)
        concerned = [await treated(world), await treated(world)]
        failed = await technician.check()
        assert failed.view()["verdict"] == "fail"
        assert [a.hazard for a in world.station.alarms.open] == ["H07"]
        with pytest.raises(Refused, match="is locked"):
            world.station.order(an_order())
        await reborn(world, state, config)
        await asyncio.sleep(5.0)
        with pytest.raises(Refused, match="is locked"):
            world.station.order(an_order())

        technician = Technician(world)
        await technician.calibrate()
        found = technician.sheet.as_found
        assert found is not None
        assert found.verdict is not None
        assert found.verdict.decision == "fail"
        assert found.verdict.error_pct == pytest.approx(-12.0, abs=1.5)
        affected = await world.station.upkeep.impact(technician.id)
        assert affected["needed"]
        assert [one["session"] for one in affected["sessions"]] == concerned
        assert before not in concerned
        world.station.order(an_order())
        await world.process.close()


async def test_without_a_radiometer_the_lamps_doses_are_recomputed_and_decided_over(tmp_path: Path):
    """The right lamp has no radiometer: what it told was the calibrated estimate, 12 % too much by then."""
    config = a_config(tmp_path / "config", levels_pct=[20.0, 40.0, 60.0, 80.0, 100.0])
    async with a_station(tmp_path / "state", config=config, sim={"lamps": {"right": {"ageing": AGED}}}) as world:
        technician = Technician(world, "right")
        await world.until(lambda: world.station.lamps["right"].output.verified_dark)
        session = await world.running("right", fluence=1.0, lit_s=1.0)
        record = await world.finished(session)
        await asyncio.sleep(120.0)
        given = world.truth("right").fluence_j_cm2
        await technician.begin()
        await technician.until(Step.ADJUSTMENT)
        upkeep = world.station.upkeep
        (one,) = (await upkeep.impact(technician.id))["sessions"]
        assert one["levels_pct"] == record["levels_pct"]
        assert 40.0 < record["levels_pct"][0] <= record["levels_pct"][1] < 60.0
        low, _, high = one["recomputed_j_cm2"]
        assert one["told_j_cm2"] == [record["delivered"][name] for name in ("min_j_cm2", "best_j_cm2", "max_j_cm2")]
        assert low <= given <= high
        with pytest.raises(Refused, match="decision"):
            await upkeep.review_impact(technician.id, SECOND, "", "12 % low")
        told = await upkeep.review_impact(technician.id, SECOND, "the clinic was told", "12 % low")
        assert told["reviewed"]["by"] == SECOND
        assert [s["session"] for s in world.events("impact.reviewed")[0]["sessions"]] == [session.id]


async def test_the_daily_check_is_asked_for_and_a_pass_is_enough(tmp_path: Path):
    config = a_config(tmp_path / "config", check_every_hours=1.0)
    async with a_station(tmp_path / "state", config=config, sim=FAST) as world:
        await world.until(lambda: world.lamp.output.verified_dark)
        with pytest.raises(Refused, match="no check has passed within 1 h"):
            world.station.order(an_order())
        technician = Technician(world)
        await technician.check()
        world.station.order(an_order())
        await asyncio.sleep(3600.0)
        with pytest.raises(Refused, match="no check has passed within 1 h"):
            world.station.order(an_order())


async def test_what_was_done_to_a_lamp_asks_for_a_check_or_voids_its_calibration(tmp_path: Path):
    config = a_config(tmp_path / "config")
    async with a_station(tmp_path / "state", config=config, sim=FAST) as world:
        technician, upkeep = Technician(world), world.station.upkeep
        await world.until(lambda: world.lamp.output.verified_dark)
        upkeep.maintain("left", BY, "inspected", "looked at the cable")
        assert world.lamp.equipment.in_force.problems(world.station.journal.clock()) == []
        upkeep.maintain("left", BY, "cleaned", "reflector wiped")
        with pytest.raises(Refused, match=r"cleaned on .* asks for a check"):
            world.station.order(an_order())
        await technician.check()
        assert world.lamp.equipment.in_force.problems(world.station.journal.clock()) == []
        upkeep.maintain("left", BY, "replaced", "new lamp, same plate")
        with pytest.raises(Refused, match="is void: replaced"):
            world.station.order(an_order())
        assert world.lamp.equipment.in_force.state == "not-calibrated"
        await technician.calibrate()
        world.station.order(an_order())


async def test_a_check_that_is_cut_off_decides_nothing(tmp_path: Path):
    config = a_config(tmp_path / "config")
    async with a_station(tmp_path / "state", config=config, sim=FAST) as world:
        await world.until(lambda: world.lamp.output.verified_dark)
        check = world.station.upkeep.check("left", BY, "monitor", nobody=True)
        await world.until(lambda: bool(check.taken), 200.0)
        world.sim.set_fault("door", "open_contact")
        await world.until(lambda: check.done, 20.0)
        assert not world.truth().powered
        assert "door" in (check.ended or "")
        assert not world.events("check.completed")
        assert world.lamp.equipment.in_force.locked is None


async def test_a_meter_that_lies_beside_the_lamp_does_not_fail_it(tmp_path: Path):
    async with a_station(tmp_path / "state", config=a_config(tmp_path / "config"), sim=FAST) as world:
        check = await Technician(world).check("reference")
        assert "no light is seen" in (check.ended or "")
        assert not world.events("check.completed")
        assert not world.truth().powered


async def test_changed_settings_of_the_dimmer_void_a_calibration(tmp_path: Path):
    config, state = a_config(tmp_path / "config"), tmp_path / "state"
    async with a_station(state, config=config, sim=FAST) as world:
        await Technician(world).calibrate()
        assert world.lamp.equipment.in_force.state == "calibrated"
        text = config.read_text(encoding="utf-8")
        config.write_text(
            text.replace('"unit" = 1}, "meter"', '"unit" = 1, "response_s" = 5.0}, "meter"'), encoding="utf-8"
        )
        assert config.read_text(encoding="utf-8") != text
        await reborn(world, state, config)
        await asyncio.sleep(5.0)
        assert world.lamp.equipment.calibration is None
        with pytest.raises(Refused, match="settings are not those it was made with"):
            world.station.order(an_order())
        await world.process.close()


async def test_what_sessions_and_checks_say_of_a_lamp_is_its_drift_and_what_is_due_is_told(tmp_path: Path):
    config = a_config(tmp_path / "config", fast=False, maintenance=[{"kind": "cleaned", "every_days": 30.0}])
    async with a_station(tmp_path / "state", config=config) as world:
        technician, upkeep = Technician(world), world.station.upkeep
        await technician.calibrate()
        await world.finished(await world.running(fluence=3.0, lit_s=1.0))
        await asyncio.sleep(120.0)
        await technician.check()
        told = await upkeep.drift("left")
        assert [one["kind"] for one in told["evidence"]] == ["calibration", "session", "check", "check"]
        assert all(abs(one["ratio"] - 1.0) * 100.0 < max(one["expanded_pct"], 1.0) for one in told["evidence"])
        hours = [one["lamp_hours"] for one in told["evidence"]]
        assert hours == sorted(hours)
        assert told["chart"]["signals"] == ()
        assert told["serial"] == "SIM-L-001"
        assert told["hours_per_day"] > 0
        overdue = [one["what"] for one in upkeep.due() if one["overdue"]]
        assert overdue == ["cleaned of left"]
        upkeep.maintain("left", BY, "cleaned", "reflector wiped")
        assert [one["what"] for one in upkeep.due() if one["overdue"]] == []


async def test_after_a_failed_as_found_the_next_calibration_is_due_sooner(tmp_path: Path):
    config = a_config(tmp_path / "config", interval_days=300.0)
    async with a_station(tmp_path / "state", config=config, sim=FAST) as world:
        technician = Technician(world)
        await technician.calibrate()
        assert days_valid(world) == pytest.approx(300.0, abs=0.1)
        world.sim.set_fault("left", "ageing", factor=AGED)
        await technician.calibrate()
        assert days_valid(world) == pytest.approx(150.0, abs=0.1)
        await technician.calibrate()
        assert days_valid(world) == pytest.approx(187.5, abs=0.1)


def days_valid(world: World) -> float:
    calibration = world.lamp.equipment.calibration
    assert calibration is not None
    return (calibration.valid_until - calibration.performed_at) / timedelta(days=1)
