"""GET /metrics of a controller: the figures are those of what has happened, and nobody is in them."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import httpx
import pytest

from irctl.controller.api.app import create_app
from irctl.controller.api.metrics import METRICS
from irctl.exposition import PROCESS
from tests.figures import Figures
from tests.simulation.world import World, a_station

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


class Watch:
    """Prometheus, from the start of a controller on."""

    def __init__(self, world: World) -> None:
        self._api = httpx.AsyncClient(transport=httpx.ASGITransport(create_app(world.station)), base_url="http://here")

    async def look(self) -> Figures:
        await asyncio.sleep(1.0)  # or it hears what it heard before
        answer = await self._api.get("/metrics")
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        return Figures(answer.text)


async def test_everything_is_told_that_the_list_names_and_nothing_else(tmp_path: Path) -> None:
    async with a_station(tmp_path) as world:
        await world.until(lambda: world.lamp.output.verified_dark)
        figures = await Watch(world).look()
    of_this_system = {metric.name for metric in PROCESS} & figures.names
    assert figures.names - of_this_system == {metric.name for metric in METRICS}


async def test_a_treatment_shows_in_its_lease_its_ticks_its_lines_and_its_dose(tmp_path: Path) -> None:
    async with a_station(tmp_path) as world:
        watch = Watch(world)
        session = await world.running(fluence=3.0, lit_s=20.0)
        lit, lit_at_s = await watch.look(), world.now
        await asyncio.sleep(20.0)
        later, later_at_s = await watch.look(), world.now
        record = await world.finished(session)
        over, size = await watch.look(), (tmp_path / "journal.jsonl").stat().st_size

    assert lit("irctl_lamp_status", lamp="left", status="busy") == 1
    assert lit("irctl_lamp_status", lamp="left", status="dark") == 0
    assert lit("irctl_lamp_status", lamp="right", status="dark") == 1
    ticks = later("irctl_lease_margin_seconds_count", lamp="left") - lit("irctl_lease_margin_seconds_count", lamp="left")  # fmt: skip
    assert ticks == pytest.approx((later_at_s - lit_at_s) / 0.25, abs=2), "each tick renews once"
    assert 1.0 < later("irctl_lease_margin_lowest_seconds", lamp="left") < 2.0 == lit("irctl_lamp_lease_seconds", lamp="left", kind="emitter")  # fmt: skip
    assert later("irctl_lease_margin_seconds_bucket", lamp="left", le="1.0") == 0
    assert not later.has("irctl_lease_margin_lowest_seconds", lamp="right"), "it was never lit"
    assert later("irctl_tick_lateness_seconds_count", lamp="left") > 80
    assert later("irctl_tick_lateness_seconds_bucket", lamp="left", le="0.0025") == later("irctl_tick_lateness_seconds_count", lamp="left")  # fmt: skip
    assert 0 < later("irctl_reading_age_seconds", lamp="left", kind="radiometer") < 0.5
    assert not later.has("irctl_reading_age_seconds", lamp="right", kind="radiometer"), "it has none"

    busy = (later("irctl_line_busy_seconds_total", line="lamp-line") - lit("irctl_line_busy_seconds_total", line="lamp-line")) / (later_at_s - lit_at_s)  # fmt: skip
    assert 0.2 < busy < 0.8, "nine questions a second at 9600 baud"
    assert later("irctl_line_errors_total", line="lamp-line", kind="NoReply") == 0
    answers = later("irctl_line_answer_seconds_count", line="lamp-line")
    assert answers == later("irctl_line_requests_total", line="lamp-line")
    assert 0.01 < later("irctl_line_answer_seconds_sum", line="lamp-line") / answers < 0.2

    assert record["outcome"] == "completed"
    assert over("irctl_sessions_ended_total", lamp="left", outcome="completed") == 1
    assert over.between("irctl_dose_delivered_ratio", 0.97, 1.03, outcome="completed") == 1
    assert over("irctl_dose_delivered_ratio_count", outcome="stopped") == 0
    width = (record["delivered"]["max_j_cm2"] - record["delivered"]["min_j_cm2"]) / 2 / 3.0
    assert over("irctl_dose_half_width_ratio_sum", outcome="completed") == pytest.approx(width)
    assert over("irctl_journal_seq") > later("irctl_journal_seq") > lit("irctl_journal_seq")
    assert over("irctl_journal_failed") == 0
    assert over("irctl_journal_bytes") == size


async def test_a_stop_shows_its_latch_and_how_long_dark_took_beside_what_the_line_may_need(tmp_path: Path) -> None:
    async with a_station(tmp_path) as world:
        watch = Watch(world)
        await world.running(lit_s=5.0)
        before = await watch.look()
        await world.station.shutdown.stop("a nurse", "smoke", "test")
        await asyncio.sleep(40.0)
        after = await watch.look()
        evidence = world.events("stop.evidence")[-1]["lamps"]["left"]["verified_dark_s"]

    assert (before("irctl_stop_latched"), after("irctl_stop_latched")) == (0, 1)
    took_s = after("irctl_time_to_dark_seconds_sum", lamp="left") - before("irctl_time_to_dark_seconds_sum", lamp="left")  # fmt: skip
    assert after("irctl_time_to_dark_seconds_count", lamp="left") == before("irctl_time_to_dark_seconds_count", lamp="left") + 1  # fmt: skip
    assert took_s == pytest.approx(evidence, abs=1e-3)
    assert took_s < after("irctl_line_time_to_dark_budget_seconds", line="lamp-line") < 2.0
    assert after("irctl_dark_unverified_total", lamp="left") == 0
    assert after("irctl_sessions_ended_total", lamp="left", outcome="stopped") == 1


async def test_a_device_that_falls_silent_shows_by_kind_and_by_name(tmp_path: Path) -> None:
    async with a_station(tmp_path) as world:
        watch = Watch(world)
        session = await world.running(fluence=10.0, lit_s=5.0)
        world.sim.set_fault("dimmer", "silent")
        world.sim.set_fault("contactor", "silent")
        await world.finished(session)
        figures = await watch.look()

    silent = figures("irctl_line_errors_total", line="lamp-line", kind="NoReply")
    assert silent > 3
    assert figures("irctl_device_errors_total", device="dimmer", kind="NoReply") == silent
    assert not figures.has("irctl_device_errors_total", device="dimmer2", kind="NoReply")
    assert figures("irctl_lamp_status", lamp="left", status="unverified") == 1
    assert figures("irctl_dark_unverified_total", lamp="left") >= 1
    assert figures("irctl_reading_age_seconds", lamp="left", kind="emitter") > 2
    assert figures("irctl_sessions_ended_total", lamp="left", outcome="faulted") == 1
    assert figures("irctl_alarms_open", priority="high") >= 1
    assert figures("irctl_stop_latched") == 1


async def test_a_reading_that_was_never_made_is_infinitely_old(tmp_path: Path) -> None:
    async with a_station(tmp_path) as world:
        world.sim.set_fault("skin", "silent")
        figures = await Watch(world).look()
    assert figures("irctl_reading_age_seconds", lamp="left", kind="skin") == float("inf")


async def test_a_session_that_was_cut_off_counts_once_for_the_controller_that_found_it(tmp_path: Path) -> None:
    async with a_station(tmp_path / "a") as world:
        await world.finished(await world.running(fluence=1.0, lit_s=1.0))
        await world.running("right", fluence=1.0, lit_s=1.0)
        for task in world.station._tasks:
            task.cancel()
        shutil.copytree(tmp_path / "a", tmp_path / "b")
    async with a_station(tmp_path / "b") as world:
        watch = Watch(world)
        await watch.look()
        figures = await watch.look()
    async with a_station(tmp_path / "b") as world:
        again = await Watch(world).look()

    assert figures("irctl_sessions_ended_total", lamp="right", outcome="interrupted") == 1
    assert figures("irctl_sessions_ended_total", lamp="left", outcome="completed") == 0, "that was another controller's"
    assert again("irctl_sessions_ended_total", lamp="right", outcome="interrupted") == 0


async def test_a_journal_that_cannot_be_written_is_told_and_nothing_of_before_is_counted(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text('{"seq":1,"hash":"no"}\n')
    async with a_station(tmp_path) as world:
        figures = await Watch(world).look()
    assert figures("irctl_journal_failed") == 1
    assert figures("irctl_sessions_ended_total", lamp="left", outcome="completed") == 0


async def test_a_loop_that_stands_still_shows_in_the_lateness_of_the_ticks(tmp_path: Path) -> None:
    async with a_station(tmp_path) as world:
        watch = Watch(world)
        await world.running(fluence=10.0, lit_s=5.0)
        world.process.block(0.6)
        await asyncio.sleep(2.0)
        figures = await watch.look()
    assert figures.between("irctl_tick_lateness_seconds", 0.25, 1.0, lamp="left") == 1
    assert 0.5 < figures("irctl_lease_margin_lowest_seconds", lamp="left") < 1.5


async def test_no_patient_no_session_and_nobody_s_name_is_in_it(tmp_path: Path) -> None:
    async with a_station(tmp_path) as world:
        watch = Watch(world)
        session = await world.running(fluence=1.0, lit_s=3.0)
        lit = await watch.look()
        await world.finished(session)
        over = await watch.look()
    for figures in (lit, over):
        for private in (session.id, "S-2026", "P-1", "lumbar", "clinician"):
            assert private not in figures.text


async def test_any_number_of_them_at_once_is_answered_with_one_text(tmp_path: Path) -> None:
    async with a_station(tmp_path) as world:
        await world.until(lambda: world.lamp.output.verified_dark)
        transport = httpx.ASGITransport(create_app(world.station))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as api:
            answers = await asyncio.gather(*(api.get("/metrics") for _ in range(50)))
    assert len({answer.content for answer in answers}) == 1
