"""A guided calibration on the twins: to its approval, and the dose after it; interrupted at every step; and what is refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from irctl.cli.calibrations import traced
from irctl.controller.api.typed import cm, mw_cm2
from irctl.domain import certificate, certificate_check
from irctl.domain.orders import Order
from irctl.domain.problems import Refused
from irctl.domain.signature import signature_problem
from irctl.domain.worksheet import Outcome, Step
from tests.simulation.technician import (
    BY,
    FAST,
    SECOND,
    STEPS_OF_LIGHT,
    STEPS_OF_PEOPLE,
    Technician,
    a_config,
    reborn,
    without_its_line,
)
from tests.simulation.world import World, a_station
from tests.unit.worlds import StationFolder

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


def an_order(irradiance: float = 50.0) -> Order:
    return Order("left", 3.0, irradiance, "P-1", "lumbar", "a clinician")


async def treated_truly(world: World) -> bool:
    """Whether a dose given now is within its stated interval."""
    before = world.truth().fluence_j_cm2
    record = await world.finished(await world.running(fluence=3.0))
    await asyncio.sleep(60.0)
    given, delivered = world.truth().fluence_j_cm2 - before, record["delivered"]
    assert record["outcome"] == "completed"
    return delivered["min_j_cm2"] <= given <= delivered["max_j_cm2"]


async def test_a_lamp_without_calibration_is_calibrated_approved_and_treats_truly(tmp_path: Path):
    """The whole way, at the lamp's real pace: nothing is in force before the approval, everything after it."""
    station = StationFolder(tmp_path / "config")
    del station.left["calibration"]
    async with a_station(tmp_path / "state", config=station.write()) as world:
        technician = Technician(world)
        await technician.begin()
        await technician.until(Step.APPROVAL)
        with pytest.raises(Refused, match="has none"):
            world.station.order(an_order())
        await technician.step()
        calibration = world.lamp.equipment.calibration
        assert calibration is not None
        assert calibration.id == technician.id
        for level in (20.0, 50.0, 90.0):
            ((_, true),) = world.sim.calibration_points("left", 50.0, [int(level)])
            assert abs(calibration.irradiance_at(level) / true - 1.0) < calibration.expanded_uncertainty_pct / 100.0
        await asyncio.sleep(120.0)
        assert await treated_truly(world)
        (ordered,) = world.events("session.ordered")
        in_force = ordered["calibration"]
        assert (in_force["id"], in_force["source"]) == (technician.id, "journal")
        assert in_force["binding"] == world.lamp.equipment.in_force.binding
        assert in_force["lamp_hours"] == pytest.approx(world.events("bench.lit")[0]["lit_s"] / 3600.0, abs=1e-3)
        identity = await world.lamp.output.emitter.identify()
        assert world.lamp.equipment.in_force.differs(identity) is None
        assert world.lamp.equipment.in_force.differs(replace(identity, serial="4711"))
        (ended,) = world.events("session.ended")
        assert abs(ended["drift"]["ratio"] - 1.0) < ended["drift"]["expanded_pct"] / 100.0


async def test_outside_what_was_calibrated_nothing_is_ordered(tmp_path: Path):
    config = a_config(tmp_path / "config")
    async with a_station(tmp_path / "state", config=config, sim=FAST) as world:
        await Technician(world).calibrate()
        low = world.lamp.equipment.calibration
        assert low is not None
        with pytest.raises(Refused, match="outside the calibrated"):
            world.station.order(an_order(irradiance=0.9 * low.irradiance_min_mw_cm2))


# --- interrupted ---------------------------------------------------------------------------------------------------------


async def stands_and_goes_on(world: World, technician: Technician, readings: int) -> None:
    """After whatever happened: dark, nothing lost, nothing in force that was not approved; and the same worksheet comes to its approval."""
    lamp = world.station.lamps["left"]
    await world.until(lambda: lamp.output.verified_dark)
    assert not world.truth().powered
    assert technician.sheet.progress[0] >= readings
    assert technician.sheet.outcome is None
    in_force = lamp.equipment.calibration
    assert in_force is not None
    assert in_force.id == "CAL-SIM-L-001-1", "what was in force before"
    await asyncio.sleep(60.0)
    await technician.until(Step.CLOSED)
    after = lamp.equipment.calibration
    assert after is not None
    assert (technician.sheet.outcome, after.id) == (Outcome.APPROVED, technician.id)


@pytest.mark.parametrize("step", STEPS_OF_PEOPLE)
async def test_killed_while_it_waits_for_a_person_it_waits_again(tmp_path: Path, step: Step):
    config = a_config(tmp_path / "config")
    async with a_station(tmp_path / "state", config=config, sim=FAST) as world:
        technician = Technician(world)
        await technician.begin()
        await technician.until(step)
        done = technician.sheet.progress[0]
        await reborn(world, tmp_path / "state", config)
        assert technician.sheet.step is step
        await stands_and_goes_on(world, technician, done)
        await world.process.close()


SAID = {
    "killed": "controller ended",
    "meter silent": "no reading of the meter",
    "meter unplugged": "unplugged",
    "door opened": "door",
    "stopped": "smoke",
}


INTERRUPTED = [
    *(("killed", step, 0) for step in STEPS_OF_LIGHT),
    *((how, Step.READINGS, 4) for how in SAID),
    *zip([how for how in SAID if how != "killed"], [*STEPS_OF_LIGHT, Step.WARM_UP], [0] * 4, strict=True),
]
"""A crash at every step, and every mishap at two of them."""


@pytest.mark.parametrize(("how", "step", "readings"), INTERRUPTED)
async def test_interrupted_in_the_light_it_stands_where_it_was_and_goes_on(
    tmp_path: Path, how: str, step: Step, readings: int
):
    config = a_config(tmp_path / "config")
    async with a_station(tmp_path / "state", config=config, sim=FAST) as world:
        technician = Technician(world)
        await technician.begin()
        await technician.until(Step.DARK)
        await technician.lit_step(step, readings)
        match how:
            case "killed":
                await reborn(world, tmp_path / "state", config)
            case "meter silent":
                world.sim.set_fault("meter", "silent")
            case "meter unplugged":
                world.sim.set_fault("sensor-line", "unplug")
            case "door opened":
                world.sim.set_fault("door", "open_contact")
            case _:
                await world.station.shutdown.stop("anybody", "smoke", "test")
        await asyncio.sleep(6.0)
        assert not world.truth().powered
        told = world.events("calibration.interrupted")[-1]["reason"]
        assert SAID[how] in told
        if how == "meter unplugged":
            lit = len(world.truth().on_intervals)
            world.station.calibrations.read(technician.id, BY)
            await world.until(lambda: technician.run.done, 20.0)
            assert "unplugged" in (technician.run.ended or ""), "asked to go on before it was plugged in again"
            assert len(world.truth().on_intervals) == lit
            world.sim.set_fault("sensor-line", "replug")
        world.sim.clear_faults()
        if how == "stopped":
            await asyncio.sleep(3.0)
            world.station.shutdown.clear(BY, "no smoke")
        await stands_and_goes_on(world, technician, readings)
        await world.process.close()


async def test_abandoned_in_the_light_it_goes_dark_and_what_was_in_force_stays(tmp_path: Path):
    config = a_config(tmp_path / "config")
    async with a_station(tmp_path / "state", config=config, sim=FAST) as world:
        technician = Technician(world)
        await technician.begin()
        await technician.until(Step.DARK)
        await technician.lit_step(Step.READINGS, 2)
        world.station.calibrations.close(technician.id, BY, "the meter was dropped", "abandoned")
        await world.until(lambda: technician.run.done, 10.0)
        assert not world.truth().powered
        assert technician.sheet.outcome is Outcome.ABANDONED
        assert world.lamp.equipment.in_force.source == "file"
        await asyncio.sleep(60.0)
        world.station.order(an_order())


async def test_a_step_can_be_redone_and_the_first_readings_stay_on_record(tmp_path: Path):
    config = a_config(tmp_path / "config")
    async with a_station(tmp_path / "state", config=config, sim=FAST) as world:
        technician = Technician(world)
        await technician.begin()
        await technician.until(Step.ADJUSTMENT)
        world.station.calibrations.redo(technician.id, BY, "readings", "read in a draught", levels_pct=[60.0])
        assert technician.sheet.step is Step.WARM_UP
        await technician.until(Step.CLOSED)
        assert len(world.events("calibration.reading")) == 12
        signed = await certificate_of(world, technician.id)
        assert [one["reason"] for one in signed["certificate"]["redone"]] == ["read in a draught"]


# --- approval, certificate -----------------------------------------------------------------------------------------------


async def certificate_of(world: World, calibration: str):
    """Without the thread that reads files: virtual time has none."""
    return world.station.calibrations.signed(world.station.calibrations.sheet(calibration))


async def test_nobody_approves_own_work_and_the_certificate_is_signed(tmp_path: Path):
    config = a_config(tmp_path / "config")
    async with a_station(tmp_path / "state", config=config, sim=FAST) as world:
        technician = Technician(world)
        await technician.begin()
        await technician.until(Step.APPROVAL)
        for name in (BY, BY.upper(), ""):
            with pytest.raises(Refused, match=r"approves|nobody|empty"):
                world.station.calibrations.approve(technician.id, name)
        assert not world.events("calibration.approved")
        await technician.step()
        signed = await certificate_of(world, technician.id)
        told, seal = signed["certificate"], signed["seal"]
        assert certificate_check.check(told) == []
        assert certificate.digest(told) == seal["sha256"]
        keys = [bytes.fromhex(seal["public_key"])]
        signed_by = (seal["key"], seal["signature"], keys)
        assert signature_problem(certificate.message(told), *signed_by) is None
        assert told["approved_by"] == SECOND
        (*_, last) = world.events()
        assert last["event"] in ("journal.checkpoint", "bench.lit")
        forged = told | {"approved_by": "somebody else"}
        assert signature_problem(certificate.message(forged), *signed_by) is not None
        traces = traced(told, {event["seq"]: event for event in technician.sheet.events})
        assert len(traces) == 15, "ten readings and five points"
        assert all(one["holds"] for one in traces)


# --- refused -------------------------------------------------------------------------------------------------------------


async def test_a_meter_whose_certificate_has_ended_cannot_calibrate(tmp_path: Path):
    station = StationFolder(tmp_path / "config")
    station.meters["meters/sim-reference.toml"]["valid_until"] = datetime(2026, 11, 20, tzinfo=UTC)
    async with a_station(tmp_path / "state", config=station.write(), sim=FAST) as world:
        await world.until(lambda: world.lamp.output.verified_dark)
        with pytest.raises(Refused, match="ended on 2026-11-20"):
            world.station.calibrations.start("left", "reference", BY, nobody=True, environment={})


async def test_another_lamp_another_distance_or_somebody_under_it_are_refused(tmp_path: Path):
    config = a_config(tmp_path / "config")
    async with a_station(tmp_path / "state", config=config, sim=FAST) as world:
        technician, sheets = Technician(world), world.station.calibrations
        await world.until(lambda: world.lamp.output.verified_dark)
        with pytest.raises(Refused, match="nobody_under_the_lamp"):
            sheets.start("left", "reference", BY, nobody=False, environment={})
        await technician.begin()
        with pytest.raises(Refused, match=r"SIM-L-001"):
            await sheets.identify(technician.id, BY, "SIM-R-001", "clean")
        await technician.until(Step.POSITION)
        with pytest.raises(Refused, match="inch"):
            sheets.position(technician.id, BY, 50.0 / 2.54, 0.0, None)
        with pytest.raises(Refused, match="taken by calibration"):
            sheets.start("left", "reference", BY, nobody=True, environment={})
        with pytest.raises(Refused, match="taken by calibration"):
            sheets.start("right", "reference", BY, nobody=True, environment={})


async def test_a_lamp_on_the_bench_treats_nobody(tmp_path: Path):
    config = a_config(tmp_path / "config")
    async with a_station(tmp_path / "state", config=config, sim=FAST) as world:
        technician = Technician(world)
        await technician.begin()
        await technician.until(Step.DARK)
        await technician.lit_step(Step.READINGS)
        with pytest.raises(Refused, match="on the bench"):
            world.station.order(an_order())
        with pytest.raises(Refused, match="on the bench"):
            world.station.commission("left", BY)


# --- readings that a person types ----------------------------------------------------------------------------------------


async def test_a_meter_without_a_line_is_read_by_a_person(tmp_path: Path):
    async with a_station(tmp_path / "state", config=without_its_line(tmp_path / "config"), sim=FAST) as world:
        technician = Technician(world)
        await technician.begin()
        await technician.until(Step.DARK)
        await technician.typed(lambda _number, shown: shown)
        found = technician.sheet.as_found
        assert found is not None
        assert found.problems == ()
        assert found.verdict is not None
        assert abs(found.verdict.error_pct) < 1.0
        world.station.calibrations.redo(technician.id, BY, "readings", "a slip", levels_pct=[60.0])
        with pytest.raises(Refused, match="not asked for"):
            world.station.calibrations.read(technician.id, BY, 60.0)


async def test_values_in_another_unit_are_found_out_and_not_approved(tmp_path: Path):
    async with a_station(tmp_path / "state", config=without_its_line(tmp_path / "config"), sim=FAST) as world:
        technician = Technician(world)
        await technician.begin()
        await technician.until(Step.DARK)
        await technician.typed(lambda _number, shown: 10.0 * shown)
        assert technician.sheet.step is Step.ADJUSTMENT
        with pytest.raises(Refused, match="W/m²"):
            world.station.calibrations.adjust(technician.id, BY, None)
        assert world.lamp.equipment.in_force.source == "file"


def test_a_unit_is_never_guessed():
    assert mw_cm2("value", 546.0, "W/m2") == pytest.approx(54.6)
    assert cm("distance", 20.0, "in") == pytest.approx(50.8)
    for wrong in ("", "mm", "mW"):
        with pytest.raises(Refused, match="unit"):
            cm("distance", 50.0, wrong)


async def test_a_lamp_found_out_of_tolerance_treats_nobody_though_the_calibration_is_abandoned(tmp_path: Path):
    config = a_config(tmp_path / "config")
    sim = {"lamps": {"left": FAST["lamps"]["left"] | {"ageing": 0.85}}}
    async with a_station(tmp_path / "state", config=config, sim=sim) as world:
        technician = Technician(world)
        await technician.begin()
        await technician.until(Step.ADJUSTMENT)
        world.station.calibrations.close(technician.id, BY, "no time", "abandoned")
        await asyncio.sleep(60.0)
        with pytest.raises(Refused, match="found outside its tolerance"):
            world.station.order(an_order())
