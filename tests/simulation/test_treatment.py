"""A treatment on the simulated station, in virtual time: what is prescribed is delivered, and the record says so truly."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from irctl.domain import chain
from irctl.domain.problems import Refused
from tests.simulation.world import a_station
from tests.virtual_time import run_virtual

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


@pytest.mark.parametrize(
    "sim",
    [{}, {"lamps": {"left": {"ageing": 0.8}}}],
    ids=["new lamp", "aged lamp"],
)
async def test_the_prescribed_dose_is_delivered(tmp_path: Path, sim: dict):
    async with a_station(tmp_path, sim=sim) as world:
        record = await world.finished(await world.running(fluence=5.0))
        await asyncio.sleep(150)
        truth = world.truth().fluence_j_cm2
    assert record["outcome"] == "completed"
    assert truth == pytest.approx(5.0, rel=0.005)
    assert record["delivered"]["min_j_cm2"] < truth < record["delivered"]["max_j_cm2"]


async def test_mains_sag_half_way_does_not_change_the_dose(tmp_path: Path):
    async with a_station(tmp_path) as world:
        session = await world.running(fluence=5.0, lit_s=50)
        world.sim.set_fault("left", "mains", factor=0.92)
        record = await world.finished(session)
        await asyncio.sleep(150)
        truth = world.truth().fluence_j_cm2
    assert truth == pytest.approx(5.0, rel=0.005)
    assert record["delivered"]["min_j_cm2"] < truth < record["delivered"]["max_j_cm2"]


async def test_without_a_radiometer_the_interval_is_wide_enough_for_an_aged_lamp(tmp_path: Path):
    async with a_station(tmp_path, sim={"lamps": {"right": {"ageing": 0.8}}}) as world:
        record = await world.finished(await world.running("right", fluence=5.0))
        await asyncio.sleep(150)
        truth = world.truth("right").fluence_j_cm2
    assert record["dose_source"] == "calibrated"
    assert record["delivered"]["min_j_cm2"] < truth < record["delivered"]["max_j_cm2"]


@pytest.mark.parametrize("lamp", ["left", "right"])
@pytest.mark.parametrize("lit_s", [0.1, 0.4, 1.2])
async def test_the_shortest_light_lies_within_its_interval(tmp_path: Path, lamp: str, lit_s: float):
    async with a_station(tmp_path) as world:
        session = await world.running(lamp, fluence=5.0, lit_s=lit_s)
        world.station.lamps[lamp].ask(session.id, "end", "a clinician")
        record = await world.finished(session)
        await asyncio.sleep(150)
        truth = world.truth(lamp).fluence_j_cm2
    assert record["delivered"]["min_j_cm2"] <= truth <= record["delivered"]["max_j_cm2"]


async def test_whoever_ends_wins_over_whoever_asks_for_more(tmp_path: Path):
    async with a_station(tmp_path) as world:
        session = await world.running(fluence=5.0)
        world.lamp.ask(session.id, "end", "one")
        world.lamp.ask(session.id, "pause", "another")
        record = await world.finished(session)
    assert (record["outcome"], record["by"]) == ("stopped", "one")


async def test_a_pause_is_dark_and_the_rest_follows_after_it(tmp_path: Path):
    async with a_station(tmp_path) as world:
        session = await world.running(fluence=4.0, lit_s=20)
        world.lamp.ask(session.id, "pause", "a clinician")
        await world.until(lambda: session.state == "paused" and world.lamp.output.verified_dark)
        await asyncio.sleep(30)
        assert not world.truth().powered
        world.lamp.ask(session.id, "resume", "a clinician")
        record = await world.finished(session)
        await asyncio.sleep(150)
        truth = world.truth().fluence_j_cm2
    assert record["outcome"] == "completed"
    assert truth == pytest.approx(4.0, rel=0.01)
    assert len(world.truth().on_intervals) == 2


async def test_ending_by_hand_is_recorded_with_who_and_what_was_given(tmp_path: Path):
    async with a_station(tmp_path) as world:
        session = await world.running(fluence=5.0, lit_s=20)
        world.lamp.ask(session.id, "end", "a clinician", "patient asked")
        record = await world.finished(session)
        await asyncio.sleep(150)
        truth = world.truth().fluence_j_cm2
    assert (record["outcome"], record["reason"], record["by"]) == ("stopped", "patient asked", "a clinician")
    assert record["delivered"]["min_j_cm2"] < truth < record["delivered"]["max_j_cm2"]
    assert truth < 2.0


async def test_no_light_before_somebody_starts(tmp_path: Path):
    async with a_station(tmp_path) as world:
        session = await world.ordered()
        await asyncio.sleep(20)
        assert session.state == "ready"
        assert world.truth().on_intervals == ()
        record = await world.finished(session)
    assert (record["outcome"], record["delivered"]["max_j_cm2"]) == ("stopped", 0.0)


async def test_a_second_order_on_a_busy_lamp_is_refused_and_changes_nothing(tmp_path: Path):
    async with a_station(tmp_path) as world:
        session = await world.running(fluence=3.0)
        with pytest.raises(Refused, match="busy"):
            await world.ordered()
        record = await world.finished(session)
    assert record["outcome"] == "completed"
    assert len(world.events("session.ordered")) == 1


async def test_the_order_is_on_disk_before_the_first_light(tmp_path: Path):
    async with a_station(tmp_path) as world:
        await world.finished(await world.running())
        kinds = [e["event"] for e in world.events()]
        first_on = world.truth().on_intervals[0][0]
        (ordered,) = world.events("session.ordered")
        (armed,) = world.events("session.armed")
    assert kinds.index("session.ordered") < kinds.index("session.first_light")
    assert ordered["mono_s"] < armed["mono_s"] < first_on


async def test_two_lamps_treat_at_once(tmp_path: Path):
    async with a_station(tmp_path) as world:
        left, right = await world.ordered("left", 3.0), await world.ordered("right", 4.0)
        world.station.lamps["left"].ask(left.id, "start", "a clinician")
        world.station.lamps["right"].ask(right.id, "start", "a clinician")
        await world.finished(left)
        await world.finished(right)
        await asyncio.sleep(150)
    assert world.truth("left").fluence_j_cm2 == pytest.approx(3.0, rel=0.01)
    assert world.truth("right").fluence_j_cm2 == pytest.approx(4.0, rel=0.03)


def test_the_same_seed_gives_the_same_journal_byte_for_byte(tmp_path: Path):
    async def treat(where: Path) -> bytes:
        async with a_station(where) as world:
            session = await world.running(fluence=2.0)
            world.sim.set_fault("radiometer", "silent")
            await world.finished(session)
        return (where / "journal.jsonl").read_bytes()

    first, second = run_virtual(treat(tmp_path / "a")), run_virtual(treat(tmp_path / "b"))
    assert first == second
    lines = first.decode().splitlines(keepends=True)
    assert chain.verify(lines).broken is None
    assert any("session.ended" in line for line in lines)


async def test_a_lamp_too_old_for_its_prescription_is_driven_to_its_highest_calibrated_level_and_no_further(
    tmp_path: Path,
):
    async with a_station(tmp_path, sim={"lamps": {"left": {"ageing": 0.8}}}) as world:
        session = await world.running(fluence=3.0, irradiance=92.0, lit_s=25.0)
        assert world.lamp.output.level_pct == 100.0
        record = await world.finished(session)
        await asyncio.sleep(60.0)
    assert record["outcome"] == "completed"
    assert abs(world.truth().fluence_j_cm2 - 3.0) < 0.05
