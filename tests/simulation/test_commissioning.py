"""Commissioning on the twins: what is claimed is measured, and what is not so is found."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from irctl.cli.commission import measured, shown
from irctl.controller.light.commissioning import Commissioned, Commissioning, configuration
from irctl.controller.light.session import State
from irctl.devices.roles import Identity
from irctl.domain.orders import Order
from irctl.domain.problems import Refused
from irctl_simulator.twins.base import Cell
from tests.simulation.world import World, a_station
from tests.unit.worlds import StationFolder

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

ECHO = "no echo, no unknown device"
EMITTER_DROPS = "the emitter's fail-safe ends the light"
CUTOFF_DROPS = "the cut-off's fail-safe opens it"
ALONE = "no other lamp keeps this one alight"


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


def evidence(world: World) -> dict[str, Any]:
    return world.events("commissioning.completed")[-1]


def twin(device: str, **options: Any) -> dict[str, Any]:
    """The hardware with one device that is another than usual."""
    return {"devices": {device: {"options": options}}}


@pytest.mark.parametrize("lamp", ["left", "right"])
async def test_a_lamp_that_is_as_claimed_is_commissioned_and_can_be_used(tmp_path: Path, lamp: str):
    async with a_station(tmp_path) as world:
        run = await commissioned(world, lamp)
        assert run.ok, run.steps
        found = evidence(world)
        assert (found["by"], found["ok"]) == ("a technician", True)
        assert found["identities"]["emitter"]["serial"]
        assert found["identities"]["cutoff"]["model"]
        assert found["figures"]["dark_worst_s"] < 0.5
        assert found["figures"]["off_worst_s"] < found["line_worst_s"]["lamp-line"] < 1.0
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
        assert max(off - on for on, off in world.truth().on_intervals) < 16.0


@pytest.mark.parametrize(("lamp", "hardware"), [("left", {}), ("right", {}), ("left", twin("dimmer", fed_by="any"))])
async def test_its_duration_is_told_beforehand(tmp_path: Path, lamp: str, hardware: dict[str, Any]):
    async with a_station(tmp_path, sim=hardware) as world:
        began = world.now
        run = await commissioned(world, lamp)
        assert 0.8 < (world.now - began) / run.view()["about_s"] < (1.5 if hardware else 1.15)
        assert run.view()["planned"] == [step["step"] for step in run.steps]


# --- what fail-safes do --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lamp", "hardware", "role", "lease_s", "feeds"),
    [
        ("left", {}, "emitter", 2.0, "renewal read"),
        ("left", twin("dimmer", fed_by="writes"), "emitter", 2.0, "renewal"),
        ("left", twin("dimmer", fed_by="any"), "emitter", 2.0, "renewal read others"),
        ("left", {}, "cutoff", 3.0, "renewal"),
        ("right", {}, "cutoff", 3.0, "renewal read"),
        ("right", twin("contactor2", fed_by="writes"), "cutoff", 3.0, "renewal"),
        ("right", twin("contactor2", fed_by="any"), "cutoff", 3.0, "renewal read others"),
    ],
)
async def test_which_frames_feed_a_fail_safe_and_when_it_acts_are_measured(
    tmp_path: Path, lamp: str, hardware: dict[str, Any], role: str, lease_s: float, feeds: str
):
    async with a_station(tmp_path, sim=hardware) as world:
        run = await commissioned(world, lamp)
        assert run.ok, run.steps
        found = evidence(world)
        assert {kind for kind, feeding in found["feeds"][role].items() if feeding} == set(feeds.split())
        not_before_s, by_s = found["figures"][f"{role}_dropped_s"]
        assert not_before_s < lease_s < by_s < not_before_s + 0.6


@pytest.mark.parametrize(
    ("lamp", "hardware", "step", "said"),
    [
        ("left", twin("dimmer", safety_unit_s=2.0), EMITTER_DROPS, "still on 3.0 s after its last renewal"),
        ("left", twin("dimmer", safety_unit_s=0.5), EMITTER_DROPS, "counts something else"),
        ("left", twin("dimmer", safety_unit_s=1e6), EMITTER_DROPS, "does not act"),
        ("right", twin("contactor2", watchdog_tick_s=0.2), CUTOFF_DROPS, "still on 4.0 s after its last renewal"),
        ("left", twin("contactor", retrigger="ignore"), CUTOFF_DROPS, "measured is ignore"),
        ("left", twin("contactor", retrigger="extend"), CUTOFF_DROPS, "measured is extend"),
    ],
)
async def test_a_fail_safe_that_counts_otherwise_than_told_is_found(
    tmp_path: Path, lamp: str, hardware: dict[str, Any], step: str, said: str
):
    async with a_station(tmp_path, sim=hardware) as world:
        run = await commissioned(world, lamp)
        assert failed(run)["step"] == step
        assert said in failed(run)["text"]
        assert evidence(world)["ok"] is False


async def test_what_renewing_a_timed_output_does_is_in_the_evidence(tmp_path: Path):
    async with a_station(tmp_path, sim=twin("contactor", retrigger="extend")) as world:
        await commissioned(world)
        assert evidence(world)["retrigger"] == {"cutoff": "extend"}


# --- other lamps on the line ---------------------------------------------------------------------------------------------


@asynccontextmanager
async def without_a_cutoff(folder: Path, *, neighbour: bool = True) -> AsyncIterator[World]:
    """The left lamp has nothing but a dimmer that any frame keeps alight; the right one's is polled five times a second on the same line."""
    station = StationFolder(folder)
    del station.left["cutoff"], station.left["cutoff_lease_s"]
    station.right["idle_s"] = 0.2
    if not neighbour:
        del station.station["lamps"]["right"]
    hardware = twin("dimmer", fed_by="any") | {"lamps": {"left": {"contactor": None}}}
    async with a_station(folder / "state", config=station.write(), sim=hardware) as world:
        yield world


async def test_a_watchdog_that_another_lamp_feeds_is_refused_where_nothing_else_ends_the_light(tmp_path: Path):
    async with without_a_cutoff(tmp_path) as world:
        run = await commissioned(world)
        assert failed(run)["step"] == ALONE
        assert "lamp right talks on line lamp-line" in failed(run)["text"]
        not_before_s, by_s = evidence(world)["figures"]["emitter_dropped_s"]
        assert not_before_s < 2.0 < by_s, "it was timed all the same, on a line that was quiet for it"


async def test_a_watchdog_that_any_frame_feeds_may_have_its_line_alone(tmp_path: Path):
    async with without_a_cutoff(tmp_path, neighbour=False) as world:
        run = await commissioned(world)
        assert run.ok, run.steps
        assert evidence(world)["feeds"] == {"emitter": {"renewal": True, "read": True, "others": True}}


async def test_a_lamp_beside_it_is_looked_at_again_after_the_silence(tmp_path: Path):
    async with without_a_cutoff(tmp_path) as world:
        right = world.station.lamps["right"]
        run = world.station.commission("left", "a technician")
        await world.until(lambda: right.hushed, 120.0)
        await world.until(lambda: run.done, 120.0)
        await asyncio.sleep(1.0)
        assert right.output.state.age_s(world.now) < 0.5


async def test_a_lamp_in_use_beside_it_is_neither_silenced_nor_darkened(tmp_path: Path):
    async with a_station(tmp_path) as world:
        treated = await world.running("right", fluence=5.0)
        run = await commissioned(world)
        assert run.ok, run.steps
        assert evidence(world)["broadcast"] == {}
        assert treated.state is State.EMITTING
        assert world.truth("right").powered


async def test_frames_that_could_not_be_held_back_are_named(tmp_path: Path):
    async with a_station(tmp_path, sim=twin("dimmer", fed_by="any")) as world:
        await world.running("right", fluence=5.0)
        run = await commissioned(world)
        assert failed(run)["step"] == EMITTER_DROPS
        assert "repeat it when nobody uses the line" in failed(run)["text"]


# --- lines ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("honours", "declared"), [(True, True), (False, True), (True, False)])
async def test_what_one_off_to_everybody_does_is_measured_where_it_is_sent(
    tmp_path: Path, honours: bool, declared: bool
):
    station = StationFolder(tmp_path)
    station.devices["contactor"]["broadcast"] = declared
    async with a_station(tmp_path / "s", config=station.write(), sim=twin("contactor", broadcast=honours)) as world:
        run = await commissioned(world)
        assert run.ok, "an addressed OFF follows every broadcast"
        assert evidence(world)["broadcast"] == ({"cutoff": honours} if declared else {})


async def test_an_adapter_that_echoes_is_known_by_its_declaration(tmp_path: Path):
    station = StationFolder(tmp_path)
    station.station["lines"]["lamp-line"]["local_echo"] = True
    async with a_station(tmp_path / "s", config=station.write()) as world:
        line = world.station.lines["lamp-line"]
        assert not line.state.is_up
        world.sim.set_fault("lamp-line", "echo")
        await world.until(lambda: line.state.is_up)
        await world.until(lambda: world.lamp.output.verified_dark)
        run = await commissioned(world)
        assert run.ok, run.steps
        assert evidence(world)["echo"] == {"lamp-line": True, "safety-line": False}


async def test_a_device_that_is_in_no_station_file_is_found(tmp_path: Path):
    stranger = {"twin": "icpdas-tm-r5", "line": "safety-line", "unit": 247}
    async with a_station(tmp_path, sim={"devices": {"stranger": stranger}}) as world:
        run = await commissioned(world)
        assert failed(run)["step"] == ECHO
        assert "unit 247 is in no station file" in failed(run)["text"]


@pytest.mark.parametrize(
    ("target", "kind", "step"),
    [
        ("contactor.1", "welded", "the cut-off alone ends the light"),
        ("dimmer.1", "stuck_output", "the cut-off alone ends the light"),
        ("dimmer", "silent", "identity"),
        ("lamp-line", "echo", ECHO),
        ("lamp-line", "echo_only", ECHO),
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
        assert evidence(world)["ok"] is False


# --- what ends it --------------------------------------------------------------------------------------------------------


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


async def test_whoever_began_it_may_abort_it(tmp_path: Path):
    async with a_station(tmp_path) as world:
        await world.until(lambda: world.lamp.output.verified_dark)
        run = world.station.commission("left", "a technician")
        await world.until(lambda: run.now == EMITTER_DROPS and world.truth().powered, 120.0)
        run.abort("a technician")
        await world.until(lambda: run.done, 6.0)
        assert not world.truth().powered
        assert evidence(world)["aborted"] == "aborted by a technician"
        assert evidence(world)["ok"] is False


@pytest.mark.parametrize("step", [EMITTER_DROPS, CUTOFF_DROPS])
async def test_light_that_a_door_ended_is_not_taken_for_the_fail_safes_work(tmp_path: Path, step: str):
    async with a_station(tmp_path) as world:
        await world.until(lambda: world.lamp.output.verified_dark)
        run = world.station.commission("left", "a technician")
        await world.until(lambda: run.now == step and world.truth().powered, 120.0)
        world.sim.set_fault("door", "open_contact")
        await world.until(lambda: run.done, 30.0)
        assert failed(run)["step"] == step
        assert run.aborted == "an interlock is open or unknown"
        assert f"{step.split()[1]}_dropped_s" not in evidence(world)["figures"]


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
        found = await lamp.output.identify()
        assert clinical.differs(found) is None
        other = replace(found["emitter"], serial="4711")
        assert "4711" in (clinical.differs(found | {"emitter": other}) or "")
        assert "V2.00" in (clinical.differs(found | {"cutoff": Identity("another", None, "V2.00")}) or "")
        other = replace(clinical, configuration="another")
        assert [p.field for p in other.problems()] == ["commissioning"]
        await world.ordered(fluence=1.0)


async def test_a_cutoff_that_was_exchanged_gives_no_light(tmp_path: Path):
    async with a_station(tmp_path) as world:
        lamp = world.lamp
        mine = configuration(world.station.config.file, "left")
        clinical = Commissioned(world.station.journal, "left", mine, required=True)
        lamp.equipment = replace(lamp.equipment, commissioned=clinical)
        await commissioned(world)
        lit_before = len(world.truth().on_intervals)
        await asyncio.sleep(60.0)
        world.sim.devices["contactor"].twin.holdings[0x8000] = Cell(lambda _now: 350)
        session = await world.ordered(fluence=1.0)
        ended = world.ended(session)
        assert ended["outcome"] == "faulted"
        assert "the cut-off is" in ended["reason"]
        assert "commission the lamp again" in ended["reason"]
        assert len(world.truth().on_intervals) == lit_before


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


def test_a_lamp_that_comes_to_its_line_voids_it(tmp_path: Path):
    folder = StationFolder(tmp_path)
    right = folder.station["lamps"].pop("right")
    alone = configuration(folder.load().file, "left")
    folder.station["lamps"]["right"] = right
    assert configuration(folder.load().file, "left") != alone


# --- what the technician sees --------------------------------------------------------------------------------------------


async def test_every_step_and_every_figure_is_shown(tmp_path: Path):
    out = Console(width=160, record=True, file=StringIO())
    async with a_station(tmp_path) as world:
        run = await commissioned(world)
        with shown(out) as show:
            show(dict(run.view()))
        out.print(measured(dict(run.view())))
    text = out.export_text()
    for words in ("10  ok", "OFF obeyed, worst", "740 ms at worst on lamp-line", "4271033", "restart"):
        assert words in text
    rows = [re.split(r" {2,}", line.strip()) for line in text.splitlines()]
    assert ["emitter, fed by", "renewals, reads of it"] in rows
    ((_, between, claimed),) = [row for row in rows if row[0] == "cut-off, off by itself"]
    assert re.fullmatch(r"2\.\d\d to 3\.\d\d s", between)
    assert claimed == "lease 3 s"
