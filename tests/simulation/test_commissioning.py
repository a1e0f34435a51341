"""Commissioning on the twins: what is claimed is measured, and what is not so is found."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from irctl.controller.commissioning import Commissioned, Commissioning, configuration
from irctl.devices.roles import Identity
from irctl.domain.orders import Order
from irctl.domain.problems import Refused
from tests.simulation.world import World, a_station
from tests.unit.worlds import StationFolder

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


async def commissioned(world: World, lamp: str = "left") -> Commissioning:
    await world.until(lambda: world.station.lamps[lamp].output.verified_dark)
    run = world.station.commission(lamp, "a technician")
    await world.until(lambda: run.done, 300.0)
    await asyncio.sleep(1.0)
    assert world.station.lamps[lamp].output.verified_dark
    return run


def failed(run: Commissioning) -> dict[str, Any]:
    assert run.done
    assert not run.ok
    return run.steps[-1]


@pytest.mark.parametrize("lamp", ["left", "right"])
async def test_a_lamp_that_is_as_claimed_is_commissioned_and_can_be_used(tmp_path: Path, lamp: str):
    async with a_station(tmp_path) as world:
        run = await commissioned(world, lamp)
        assert run.ok, run.steps
        (evidence,) = world.events("commissioning.completed")
        assert (evidence["by"], evidence["ok"]) == ("a technician", True)
        assert evidence["identities"]["emitter"]["serial"]
        assert 2.0 < evidence["figures"]["cutoff_open_after_s"] < 4.5
        assert evidence["figures"]["dark_worst_s"] < 0.5
        (*_, last) = world.events()
        assert last["event"] == "journal.checkpoint", "the evidence is signed"
        await asyncio.sleep(60.0)  # until the radiometer has forgotten
        if lamp == "right":
            await world.station.act("contactor2", "clear-trip", "a technician", "its fail-safe was made to act")
        await world.finished(await world.running(lamp, fluence=0.5, lit_s=1.0))


async def test_it_never_shines_brighter_than_the_lowest_level_nor_for_long(tmp_path: Path):
    async with a_station(tmp_path) as world:
        await commissioned(world)
        assert world.truth().fluence_j_cm2 < 0.6
        assert max(off - on for on, off in world.truth().on_intervals) < 32.0


@pytest.mark.parametrize(
    ("target", "kind", "step"),
    [
        ("contactor.1", "welded", "the cut-off alone ends the light"),
        ("dimmer.1", "stuck_output", "the cut-off alone ends the light"),
        ("dimmer", "silent", "identity"),
        ("lamp-line", "echo_only", "identity"),
    ],
)
async def test_what_is_not_as_claimed_fails_its_step(tmp_path: Path, target: str, kind: str, step: str):
    async with a_station(tmp_path) as world:
        await world.until(lambda: world.lamp.output.verified_dark)
        if kind == "stuck_output":
            run = world.station.commission("left", "a technician")
            await world.until(lambda: world.truth().powered, 60.0)
            world.sim.set_fault(target, kind)
        else:
            world.sim.set_fault(target, kind)
            run = world.station.commission("left", "a technician")
        await world.until(lambda: run.done, 300.0)
        assert failed(run)["step"] == step
        assert world.events("commissioning.completed")[-1]["ok"] is False


async def test_a_stop_ends_it_dark(tmp_path: Path):
    async with a_station(tmp_path) as world:
        await world.until(lambda: world.lamp.output.verified_dark)
        run = world.station.commission("left", "a technician")
        await world.until(lambda: world.truth().powered, 60.0)
        await world.station.shutdown.stop("anybody", "smoke", "test")
        assert not world.truth().powered
        await world.until(lambda: run.done, 30.0)
        assert not run.ok
        await asyncio.sleep(10.0)
        assert not world.truth().powered


async def test_an_open_door_ends_it(tmp_path: Path):
    async with a_station(tmp_path) as world:
        await world.until(lambda: world.lamp.output.verified_dark)
        run = world.station.commission("left", "a technician")
        await world.until(lambda: len(run.steps) == 3, 60.0)
        world.sim.set_fault("door", "open_contact")
        await world.until(lambda: run.done, 30.0)
        assert run.aborted == "an interlock is open or unknown"


async def test_nobody_is_treated_meanwhile_nor_commissions_a_busy_lamp(tmp_path: Path):
    async with a_station(tmp_path) as world:
        await world.until(lambda: world.lamp.output.verified_dark)
        world.station.commission("left", "a technician")
        with pytest.raises(Refused, match="commissioned"):
            world.station.order(Order("left", 1.0, 50.0, "P-1", "lumbar", "a clinician"))
        await world.running("right", lit_s=1.0)
        with pytest.raises(Refused, match="busy"):
            world.station.commission("right", "a technician")


async def test_it_ends_with_its_process_and_proves_nothing(tmp_path: Path):
    async with a_station(tmp_path) as world:
        await world.until(lambda: world.lamp.output.verified_dark)
        world.station.commission("left", "a technician")
        await world.until(lambda: world.truth().powered, 60.0)
        await world.process.kill()
        await asyncio.sleep(4.0)
        assert not world.truth().powered
        assert not world.events("commissioning.completed")


# --- in clinical mode ----------------------------------------------------------------------------------------------------


async def test_clinical_mode_wants_evidence_for_this_very_lamp(tmp_path: Path):
    """The same station taken for a real one: no order without evidence, for its configuration and its emitter."""
    async with a_station(tmp_path) as world:
        lamp = world.lamp
        mine = configuration(world.station.config.file, "left")
        clinical = Commissioned(world.station.journal, "left", mine, required=True)
        lamp.equipment = replace(lamp.equipment, commissioned=clinical)
        order = Order("left", 1.0, 50.0, "P-1", "lumbar", "a clinician")
        await world.until(lambda: lamp.output.verified_dark)
        with pytest.raises(Refused, match="never commissioned"):
            world.station.order(order)
        await commissioned(world)
        await asyncio.sleep(60.0)
        assert clinical.problems() == []
        identity = await lamp.output.emitter.identify()
        assert clinical.differs(identity) is None
        assert clinical.differs(Identity(identity.model, "4711", identity.firmware))
        other = replace(clinical, configuration="another")
        assert [p.field for p in other.problems()] == ["commissioning"]
        await world.ordered(fluence=1.0)


def test_what_decides_how_a_lamp_goes_dark_is_its_configuration(tmp_path: Path):
    folder = StationFolder(tmp_path)
    before = configuration(folder.load().file, "left")
    folder.left["title"] = "The one by the window"
    folder.left["limits"] |= {"skin_c_max": 42.0}
    assert configuration(folder.load().file, "left") == before
    folder.left["cutoff_lease_s"] = 4.0
    changed = configuration(folder.load().file, "left")
    assert changed != before
    folder.devices["contactor"]["unit"] = 9
    assert configuration(folder.load().file, "left") not in (before, changed)
