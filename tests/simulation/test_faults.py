"""Faults while a lamp is lit: dark within the bound, judged by the physics, and the right outcome in the record."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from irctl.controller.light.readings import Latest
from irctl.domain.problems import Refused
from tests.simulation.world import World, a_station

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

LEASE_S = 2.0
CUTOFF_LEASE_S = 3.0
TICK_S = 0.25
STALE_S = 1.5
RAMP_S = 1.0
"""The dimmer's own ramp from full level to dark, where the cut-off cannot help."""


async def _fault(world: World, target: str, kind: str, **params: Any) -> tuple[Any, float]:
    """Break something during emission; the terminal record, and how long the lamp stayed powered after the fault."""
    session = await world.running(fluence=10.0, lit_s=15)
    broken_at = world.now
    world.sim.set_fault(target, kind, **params)
    record = await world.finished(session)
    await asyncio.sleep(60)
    truth = world.truth()
    assert not truth.powered
    assert record["delivered"]["min_j_cm2"] <= truth.fluence_j_cm2 <= record["delivered"]["max_j_cm2"]
    return record, truth.on_intervals[-1][1] - broken_at


async def test_silent_emitter(tmp_path: Path):
    async with a_station(tmp_path) as world:
        record, lit_s = await _fault(world, "dimmer", "silent")
        assert (record["outcome"], record["hazard"]) == ("faulted", "H12")
        assert "dimmer" in record["reason"]
        assert lit_s <= LEASE_S + TICK_S


async def test_silent_radiometer(tmp_path: Path):
    async with a_station(tmp_path) as world:
        record, lit_s = await _fault(world, "radiometer", "silent")
        assert (record["outcome"], record["hazard"]) == ("faulted", "H06")
        assert lit_s <= STALE_S + 3 * TICK_S


async def test_frozen_radiometer(tmp_path: Path):
    """It goes on to show the dark: lamp or radiometer, one of them lies, and the record must hold whichever it is."""
    async with a_station(tmp_path) as world:
        session = await world.ordered(fluence=10.0)
        world.sim.set_fault("radiometer", "frozen")
        world.lamp.ask(session.id, "start", "a clinician")
        record = await world.finished(session)
        await asyncio.sleep(60)
        truth = world.truth()
    assert (record["outcome"], record["hazard"]) == ("faulted", "H07")
    assert truth.fluence_j_cm2 > 0.1
    assert record["delivered"]["min_j_cm2"] == 0
    assert truth.fluence_j_cm2 <= record["delivered"]["max_j_cm2"] < 2 * truth.fluence_j_cm2


@pytest.mark.parametrize("factor", [0.4, 2.0])
async def test_radiometer_that_shows_too_much_or_too_little(tmp_path: Path, factor: float):
    async with a_station(tmp_path) as world:
        record, lit_s = await _fault(world, "radiometer", "gain", factor=factor)
        assert record["outcome"] == "faulted"
        assert record["hazard"] in ("H07", "H08"), "once it is dark, too much is light that nobody ordered"
        assert lit_s < 15


async def test_silent_skin_sensor(tmp_path: Path):
    async with a_station(tmp_path) as world:
        record, lit_s = await _fault(world, "skin", "silent")
        assert (record["outcome"], record["hazard"]) == ("faulted", "H06")
        assert lit_s <= STALE_S + 3 * TICK_S


async def test_opened_interlock(tmp_path: Path):
    async with a_station(tmp_path) as world:
        record, lit_s = await _fault(world, "door", "open_contact")
        assert (record["outcome"], record["hazard"]) == ("stopped", "H05")
        assert "door" in record["reason"]
        assert lit_s <= 3 * TICK_S


async def test_stuck_output_is_cut_off(tmp_path: Path):
    """The dimmer holds its output whatever it is told: the contactor takes the power away when the session ends."""
    async with a_station(tmp_path) as world:
        session = await world.running(fluence=2.0, lit_s=10)
        world.sim.set_fault("dimmer.1", "stuck_output")
        record = await world.finished(session)
        await asyncio.sleep(60)
        truth = world.truth()
        assert not truth.powered
        assert truth.fluence_j_cm2 == pytest.approx(2.0, rel=0.02)
        assert record["delivered"]["min_j_cm2"] <= truth.fluence_j_cm2 <= record["delivered"]["max_j_cm2"]


async def test_stuck_output_and_welded_contact_latch_a_stop_with_an_alarm(tmp_path: Path):
    """Nothing can darken this lamp any more: say so loudly, keep counting, and let nobody go on."""
    async with a_station(tmp_path) as world:
        session = await world.running(fluence=2.0, lit_s=10)
        world.sim.set_fault("dimmer.1", "stuck_output")
        world.sim.set_fault("contactor.1", "welded")
        record = await world.finished(session)
        assert (record["outcome"], record["hazard"]) == ("faulted", "H08")
        assert world.station.shutdown.latch is not None
        assert any(e["hazard"] == "H08" and e["priority"] == "high" for e in world.events("alarm"))
        assert record["delivered"]["max_j_cm2"] > 2.0
        with pytest.raises(Refused, match="stopped"):
            await world.ordered()


async def test_light_that_outlasts_an_emergency_stop_is_alarmed_and_recorded(tmp_path: Path):
    """The coil reads off and the relay reads open, yet the radiometer sees the lamp."""
    async with a_station(tmp_path) as world:
        session = await world.running(fluence=10.0, lit_s=15)
        world.sim.set_fault("dimmer.1", "stuck_output")
        world.sim.set_fault("contactor.1", "welded")
        await world.station.shutdown.stop("somebody", "now", "test")
        record = await world.finished(session)
    assert (record["outcome"], record["hazard"]) == ("faulted", "H08")
    assert any(e["hazard"] == "H08" for e in world.events("alarm"))


async def test_unplugged_emitter_adapter(tmp_path: Path):
    async with a_station(tmp_path) as world:
        record, lit_s = await _fault(world, "lamp-line", "unplug")
        assert (record["outcome"], record["hazard"]) == ("faulted", "H12")
        assert lit_s <= LEASE_S + TICK_S


async def test_unplugged_cutoff_and_interlock_adapter(tmp_path: Path):
    async with a_station(tmp_path) as world:
        record, lit_s = await _fault(world, "safety-line", "unplug")
        assert record["outcome"] == "faulted"
        assert lit_s <= STALE_S + 3 * TICK_S + RAMP_S


async def test_a_replugged_adapter_is_observed_again_but_gives_no_light(tmp_path: Path):
    async with a_station(tmp_path) as world:
        session = await world.running(fluence=10.0, lit_s=10)
        world.sim.set_fault("lamp-line", "unplug")
        await world.finished(session)
        world.sim.set_fault("lamp-line", "replug")
        on_before = len(world.truth().on_intervals)
        await asyncio.sleep(60)
        assert world.lamp.output.verified_dark
        assert len(world.truth().on_intervals) == on_before


async def test_bulb_that_goes_out(tmp_path: Path):
    async with a_station(tmp_path) as world:
        record, _ = await _fault(world, "left", "ageing", factor=0.0)
        assert (record["outcome"], record["hazard"]) == ("faulted", "H07")


async def test_dimmer_that_restarts_goes_dark_and_stays_dark(tmp_path: Path):
    async with a_station(tmp_path) as world:
        record, lit_s = await _fault(world, "dimmer", "reboot")
        assert record["outcome"] == "faulted"
        assert lit_s <= LEASE_S + TICK_S


async def test_controller_that_falls_silent_is_ended_by_the_hardware(tmp_path: Path):
    """Nobody polls any more: the dimmer's watchdog and the relay's timer end the light."""
    async with a_station(tmp_path) as world:
        await world.running(fluence=20.0, lit_s=10)
        for task in world.station._tasks:
            task.cancel()
        silent_at = world.now
        await asyncio.sleep(30)
        truth = world.truth()
        assert not truth.powered
        assert truth.on_intervals[-1][1] - silent_at <= max(LEASE_S, CUTOFF_LEASE_S) + 0.2


async def test_stop_darkens_every_lamp_and_latches_until_a_named_person_clears_it(tmp_path: Path):
    async with a_station(tmp_path) as world:
        left, right = await world.ordered("left", 10.0), await world.ordered("right", 10.0)
        world.station.lamps["left"].ask(left.id, "start", "a clinician")
        world.station.lamps["right"].ask(right.id, "start", "a clinician")
        await asyncio.sleep(15)
        asked_at = world.now
        latch = await world.station.shutdown.stop("somebody", "smoke", "test")
        for lamp in ("left", "right"):
            assert world.truth(lamp).on_intervals[-1][1] - asked_at < 0.15
            assert (latch.evidence[lamp].verified_dark_s or 9) < 0.4
        assert (await world.finished(left))["outcome"] == "stopped"
        assert (await world.finished(right))["hazard"] == "H15"
        with pytest.raises(Refused, match="stopped"):
            await world.ordered()
        with pytest.raises(Refused, match="by"):
            world.station.shutdown.clear(" ", "all is well")
        world.station.shutdown.clear("a technician", "it was steam")
        await asyncio.sleep(60)
        assert world.truth().on_intervals[-1][1] - asked_at < 0.15, "clearing lights nothing"
        record = await world.finished(await world.running(fluence=1.0))
        assert record["outcome"] == "completed"


async def test_stop_at_any_moment_of_a_session_leaves_no_light(tmp_path: Path):
    """Checking, arming, first light, renewing, pausing: wherever a stop falls, the lamp is dark and stays dark."""
    for step in range(24):
        where = tmp_path / str(step)
        async with a_station(where) as world:
            await world.until(lambda: world.lamp.output.verified_dark)
            session = await world.ordered()
            world.lamp.ask(session.id, "start", "a clinician")
            await asyncio.sleep(0.0137 * step)
            asked_at = world.now
            await world.station.shutdown.stop("somebody", "now", "test")
            record = await world.finished(session)
            await asyncio.sleep(30)
            truth = world.truth()
            assert record["outcome"] == "stopped"
            assert not truth.powered
            assert all(off - asked_at < 0.3 for _, off in truth.on_intervals)


async def test_an_interlock_that_is_still_open_keeps_the_latch(tmp_path: Path):
    async with a_station(tmp_path) as world:
        await world.until(lambda: world.lamp.output.verified_dark)
        world.sim.set_fault("stop-button", "open_contact")
        await asyncio.sleep(3)
        await world.station.shutdown.stop("somebody", "button", "test")
        with pytest.raises(Refused, match="stop-button"):
            world.station.shutdown.clear("a technician", "done")


async def test_hostile_wire_does_not_change_the_dose(tmp_path: Path):
    """A tenth of a percent of all frames is spoiled on every line: repeated or ridden out, never believed."""
    async with a_station(tmp_path) as world:
        for line in ("lamp-line", "safety-line", "sensor-line"):
            world.sim.set_fault(line, "corrupt", rate=0.001)
        record = await world.finished(await world.running(fluence=5.0))
        await asyncio.sleep(150)
        truth = world.truth().fluence_j_cm2
    assert record["delivered"]["min_j_cm2"] < truth < record["delivered"]["max_j_cm2"]
    assert truth <= 5.0 * 1.01


async def test_a_reading_is_as_old_as_its_question():
    """An answer may have lain in a buffer while this computer was busy with something else."""
    latest = Latest[float]()

    async def slow() -> float:
        await asyncio.sleep(5.0)
        return 40.0

    assert await latest.refresh(slow)
    assert latest.fresh(asyncio.get_running_loop().time(), STALE_S) is None


async def test_a_stall_is_not_believed_to_be_light(tmp_path: Path):
    """The program sleeps for much longer than a lease: it must not count light that the hardware had ended long before."""
    async with a_station(tmp_path, sim={"lamps": {"left": {"ageing": 0.5}}}) as world:
        session = await world.running(lit_s=1.0)
        world.process.block(7.5)
        record = await world.finished(session)
        await asyncio.sleep(60.0)
        delivered, truth = record["delivered"], world.truth().fluence_j_cm2
    assert delivered["min_j_cm2"] <= truth <= delivered["max_j_cm2"]


async def test_an_emitter_that_restarts_ends_the_session_though_nothing_measures_the_light(tmp_path: Path):
    async with a_station(tmp_path) as world:
        session = await world.running("right", fluence=3.0, lit_s=5.0)
        world.sim.set_fault("dimmer2", "reboot", seconds=0.3)
        record = await world.finished(session)
        assert (record["outcome"], record["hazard"]) == ("faulted", "H09")
        assert not world.truth("right").powered


async def test_renewals_that_are_never_rightly_acknowledged_end_the_session_within_a_lease(tmp_path: Path):
    async with a_station(tmp_path) as world:
        record, lit_s = await _fault(world, "dimmer", "wrong_echo", field="value")
        assert (record["outcome"], record["hazard"]) == ("faulted", "H12")
        assert "go on" in record["reason"]
        assert lit_s <= LEASE_S + 2 * TICK_S


async def test_light_that_came_and_went_while_the_program_slept_is_counted_as_possible(tmp_path: Path):
    """The frame that lights is out, the program stalls over its answer, and the lease ends the light before the program hears of its beginning."""
    async with a_station(tmp_path) as world:
        session = await world.ordered("right", fluence=1.0, irradiance=60.0)
        world.station.lamps["right"].ask(session.id, "start", "a clinician")
        await world.until(lambda: bool(world.events("session.starting")))
        await asyncio.sleep(0.125)  # cut-off closed, level set, the frame that lights is on the wire
        world.process.block(5.0)
        record = await world.finished(session)
        await asyncio.sleep(60.0)
        truth = world.truth("right").fluence_j_cm2
    assert truth > 0.05
    assert record["delivered"]["min_j_cm2"] <= truth <= record["delivered"]["max_j_cm2"]
