"""A controller that dies in the middle of a session: the next one ends the record honestly and resumes nothing."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from irctl.domain import chain
from irctl.domain.problems import Refused
from tests.simulation.world import a_station

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


@pytest.mark.parametrize("lit_s", [0.0, 0.3, 7.7, 31.0])
@pytest.mark.parametrize("unsynced", [0, 4], ids=["killed", "power cut"])
async def test_the_session_is_ended_as_interrupted_and_the_truth_lies_inside(
    tmp_path: Path, lit_s: float, unsynced: int
):
    """The journal as it stood when the controller fell silent; after a power cut without its last samples, torn in the last line."""
    before, after = tmp_path / "before", tmp_path / "after"
    async with a_station(before) as world:
        session = await world.running(fluence=10.0, lit_s=lit_s)
        for task in world.station._tasks:
            task.cancel()
        lines = (before / "journal.jsonl").read_bytes().splitlines(keepends=True)
        await asyncio.sleep(200)
        truth = world.truth()
        assert not truth.powered
    after.mkdir()
    lost = [line for line in lines[-unsynced:] if b"session.sample" in line] if unsynced else []
    kept = lines[: len(lines) - len(lost)]
    (after / "journal.jsonl").write_bytes(b"".join(kept) + (b'{"at":"20' if unsynced else b""))
    async with a_station(after) as world:
        record = world.ended(session)
        await asyncio.sleep(30)
        assert world.truth().on_intervals == (), "nothing resumes by itself"
    assert record["outcome"] == "interrupted"
    if lit_s > 2.0:
        assert all(40.0 < level < 50.0 for level in record["levels_pct"]), "an impact review needs them"
    delivered = record["delivered"]
    assert delivered["min_j_cm2"] <= truth.fluence_j_cm2 <= delivered["max_j_cm2"]
    assert delivered["max_j_cm2"] < truth.fluence_j_cm2 + 1.2, "the maximum is what the lease allowed, not a guess"
    assert chain.verify((after / "journal.jsonl").read_text().splitlines(keepends=True)).broken is None


async def test_a_session_that_never_lit_is_interrupted_with_nothing_given(tmp_path: Path):
    async with a_station(tmp_path / "a") as world:
        session = await world.ordered()
        for task in world.station._tasks:
            task.cancel()
        shutil.copytree(tmp_path / "a", tmp_path / "b")
    async with a_station(tmp_path / "b") as world:
        record = world.ended(session)
    assert (record["outcome"], record["delivered"]["max_j_cm2"]) == ("interrupted", 0.0)
    assert record["levels_pct"] is None


async def test_an_interrupted_session_is_ended_once(tmp_path: Path):
    async with a_station(tmp_path / "a") as world:
        session = await world.running()
        for task in world.station._tasks:
            task.cancel()
        shutil.copytree(tmp_path / "a", tmp_path / "b")
    for _ in range(2):
        async with a_station(tmp_path / "b") as world:
            world.ended(session)


async def test_a_damaged_journal_forbids_light_but_the_station_is_dark_and_answers(tmp_path: Path):
    (tmp_path / "journal.jsonl").write_text('{"seq":1,"hash":"no"}\n')
    async with a_station(tmp_path) as world:
        await world.until(lambda: world.lamp.output.verified_dark)
        (problem,) = world.lamp.reasons_against_light()
    assert problem.field == "journal"
    assert "line 1" in str(problem)


async def test_a_stop_that_nobody_cleared_outlives_the_process_that_took_it(tmp_path: Path):
    async with a_station(tmp_path / "a") as world:
        await world.station.shutdown.stop("somebody", "smoke", "api")
        shutil.copytree(tmp_path / "a", tmp_path / "b")
    for state_dir in (tmp_path / "b", tmp_path / "a"):  # killed, and ended in good order
        async with a_station(state_dir) as world:
            latch = world.station.shutdown.latch
            assert latch is not None
            assert (latch.by, latch.reason) == ("somebody", "smoke")
            await world.until(lambda: not world.station.lamps["left"].reasons_against_clearing())
            world.station.shutdown.clear("a technician", "it was steam")
    async with a_station(tmp_path / "b") as world:
        assert world.station.shutdown.latch is None, (
            "cleared is cleared, and an orderly end asks nobody to look for a cause"
        )


async def test_a_stop_cannot_be_cleared_where_that_cannot_be_written_down(tmp_path: Path):
    async with a_station(tmp_path) as world:
        await world.station.shutdown.stop("somebody", "smoke", "api")
        world.station.journal.failure = "the disk is full"
        with pytest.raises(Refused, match="disk is full"):
            world.station.shutdown.clear("a technician", "it was steam")


async def test_samples_are_on_the_disk_every_few_seconds(tmp_path: Path):
    """A power cut takes no more than a few seconds of what is known, though not every sample waits for the disk."""
    async with a_station(tmp_path) as world:
        await world.running(lit_s=0.5)
        for _ in range(10):
            await asyncio.sleep(2.0)
            size = world.station.journal.path.stat().st_size
            unsynced = world.station.journal.path.read_bytes()[world.process.disk.synced :]
            assert size > 0
            assert unsynced.count(b"session.sample") <= 5
