"""Who attends, what he is asked, and what his silence does; the room's stop button; what the day allows."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from irctl.controller.light.session import State
from irctl.domain.orders import Order
from irctl.domain.problems import Refused
from tests.simulation.world import CONFIGS, a_station
from tests.unit.worlds import StationFolder

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


def asked_every(every_s: float, folder: Path) -> Path:
    """The demonstration station with a curious controller."""
    folder.mkdir()
    station = StationFolder(folder)
    for lamp in (station.left, station.right):
        lamp["attendance"] = {"every_s": every_s, "answer_within_s": 10.0, "dimmed_s": 10.0}
    return station.write()


async def test_silence_dims_the_lamp_and_then_ends_the_session(tmp_path: Path):
    async with a_station(tmp_path / "state", config=asked_every(20.0, tmp_path / "c")) as world:
        session = await world.running(fluence=6.0, irradiance=50.0, lit_s=19.0)
        full = world.truth().irradiance_mw_cm2
        await asyncio.sleep(17.0)  # asked at 20 s, dimmed at 30 s
        assert world.truth().irradiance_mw_cm2 < 0.6 * full
        assert [a.hazard for a in world.station.alarms.open] == ["H19"]
        ended = await world.finished(session)
        assert (ended["outcome"], ended["hazard"]) == ("stopped", "H19")
        assert ended["delivered"]["min_j_cm2"] < world.truth().fluence_j_cm2 < ended["delivered"]["max_j_cm2"]
        assert world.lamp.output.verified_dark
        assert ended["levels_pct"][0] == 5.0, "dimmed to its lowest calibrated level"
        assert 40.0 < ended["levels_pct"][1] < 50.0


async def test_an_answer_brightens_again_and_the_dose_is_reached(tmp_path: Path):
    async with a_station(tmp_path / "state", config=asked_every(20.0, tmp_path / "c")) as world:
        session = await world.running(fluence=3.0, irradiance=50.0, lit_s=33.0)
        assert world.lamp.treatment is not None
        assert world.lamp.treatment.attendance
        assert world.lamp.treatment.attendance["dimmed"]
        world.lamp.attend(session.id, "a nurse", "comfortable")
        assert not world.station.alarms.open
        while session.running:
            await asyncio.sleep(5.0)
            if session.lit:
                world.lamp.attend(session.id, "a nurse", "warm")
        ended = world.ended(session)
        assert ended["outcome"] == "completed"
        assert abs(world.truth().fluence_j_cm2 - 3.0) < 0.1
        said = [(e["by"], e["comfort"]) for e in world.events("session.attended")]
        assert said[0] == ("a nurse", "comfortable")
        assert ("a nurse", "warm") in said


async def test_too_hot_means_dark_at_once(tmp_path: Path):
    async with a_station(tmp_path) as world:
        session = await world.running(lit_s=5.0)
        world.lamp.attend(session.id, "a nurse", "too-hot")
        await asyncio.sleep(0.6)
        assert session.state is State.PAUSED
        assert world.lamp.output.verified_dark


async def test_who_attends_has_a_name_and_knows_three_words(tmp_path: Path):
    async with a_station(tmp_path) as world:
        session = await world.running(lit_s=1.0)
        for by, comfort in ((" ", "warm"), ("a nurse", "lovely")):
            with pytest.raises(Refused):
                world.lamp.attend(session.id, by, comfort)
        assert not world.events("session.attended")


# --- the room's stop button ----------------------------------------------------------------------------------------------


async def test_the_stop_button_stops_every_lamp_and_latches_until_it_is_released(tmp_path: Path):
    async with a_station(tmp_path) as world:
        left = await world.running("left", lit_s=3.0)
        right = await world.running("right", lit_s=3.0)
        world.sim.set_fault("stop-button", "open_contact")
        await world.until(lambda: not left.running and not right.running, 40.0)
        latch = world.station.shutdown.latch
        assert latch is not None
        assert "stop-button" in latch.reason
        assert latch.source == "contact"
        assert world.ended(left)["hazard"] == world.ended(right)["hazard"] == "H15"
        with pytest.raises(Refused, match="stop-button"):
            world.station.shutdown.clear("a nurse", "released")
        world.sim.clear_faults()
        await asyncio.sleep(2.5)
        world.station.shutdown.clear("a nurse", "released")
        await world.ordered("right", fluence=1.0)


async def test_a_stop_button_pressed_in_an_empty_room_latches_too(tmp_path: Path):
    async with a_station(tmp_path) as world:
        world.sim.set_fault("stop-button", "open_contact")
        await asyncio.sleep(3.0)
        assert world.station.shutdown.latch is not None


async def test_an_open_door_ends_a_session_but_latches_nothing(tmp_path: Path):
    async with a_station(tmp_path) as world:
        session = await world.running(lit_s=3.0)
        world.sim.set_fault("door", "open_contact")
        assert (await world.finished(session))["hazard"] == "H05"
        assert world.station.shutdown.latch is None


# --- the day, the clock, the files ---------------------------------------------------------------------------------------


async def test_the_days_ceiling_counts_the_most_that_was_given_on_either_lamp_and_survives_a_restart(tmp_path: Path):
    folder = StationFolder(tmp_path / "c")
    folder.folder.mkdir()
    for lamp in (folder.left, folder.right):
        lamp["limits"] |= {"day_fluence_j_cm2_max": 3.0}
    config = folder.write()
    async with a_station(tmp_path / "state", config=config) as world:
        first = await world.finished(await world.running("right", fluence=2.0, lit_s=1.0))
        most = first["delivered"]["max_j_cm2"]
        assert most > 2.0
    async with a_station(tmp_path / "state", config=config) as world:
        await world.until(lambda: world.lamp.output.verified_dark)

        def order(fluence: float, patient: str = "P-1") -> None:
            world.station.order(Order("left", fluence, 50.0, patient, "lumbar", "a clinician"))

        with pytest.raises(Refused, match="24 hours"):
            order(3.0 - most + 0.01)
        with pytest.raises(Refused, match="24 hours"):
            order(3.0 - most + 0.01, "p-1 ")
        order(3.0 - most + 0.01, "P-2")


async def test_a_clock_that_jumps_ends_the_session_and_is_written_down(tmp_path: Path):
    async with a_station(tmp_path) as world:
        session = await world.running(lit_s=3.0)
        usual = world.station.journal.clock
        world.station.journal.clock = lambda: usual() + timedelta(hours=1)
        ended = await world.finished(session)
        assert (ended["outcome"], ended["hazard"]) == ("faulted", "H20")
        (stepped,) = world.events("clock.stepped")
        assert stepped["by_s"] == pytest.approx(3600.0, abs=0.1)


async def test_a_clock_set_back_forgets_no_dose(tmp_path: Path):
    async with a_station(tmp_path) as world:
        await world.finished(await world.running(lit_s=1.0, fluence=1.0))
        usual = world.station.journal.clock
        world.station.journal.clock = lambda: usual() - timedelta(days=2)
        order = Order("left", 1.0, 50.0, "P-1", "lumbar", "a clinician")
        with pytest.raises(Refused, match="clock"):
            world.station.order(order)
        world.station.journal.write("device.action", device="io", action="nothing", by="somebody", reason="time passes")
        with pytest.raises(Refused, match="clock"):
            world.station.order(order)
        with pytest.raises(Refused):
            world.station.accept_clock("", "it is right")
        world.station.accept_clock("a technician", "compared with the wall clock")
        with pytest.raises(Refused, match="24 hours"):
            world.station.order(replace(order, fluence_j_cm2=89.5))
        world.station.order(order)


@pytest.mark.parametrize("name", ["demo.toml", "calibrations/sim-l-001.toml"])
async def test_a_file_that_was_changed_behind_the_controllers_back_forbids_orders(tmp_path: Path, name: str):
    shutil.copytree(CONFIGS, tmp_path / "c")
    async with a_station(tmp_path / "state", config=tmp_path / "c" / "demo.toml") as world:
        await world.until(lambda: world.lamp.output.verified_dark)
        touched = tmp_path / "c" / name
        touched.write_text(touched.read_text() + "\n# an innocent remark\n")
        with pytest.raises(Refused, match="changed"):
            world.station.order(Order("left", 1.0, 50.0, "P-1", "lumbar", "a clinician"))


async def test_a_start_with_another_station_file_is_on_record(tmp_path: Path):
    shutil.copytree(CONFIGS, tmp_path / "c")
    config = tmp_path / "c" / "demo.toml"
    async with a_station(tmp_path / "state", config=config):
        pass
    config.write_text(config.read_text() + "\n# another lamp is planned\n")
    async with a_station(tmp_path / "state", config=config) as world:
        (changed,) = world.events("configuration.changed")
        assert changed["before"] != changed["now"] == world.station.config.sha256


# --- alarms --------------------------------------------------------------------------------------------------------------


async def test_an_alarm_stays_until_somebody_acknowledges_it_by_name_also_over_a_restart(tmp_path: Path):
    async with a_station(tmp_path) as world:
        session = await world.running(lit_s=3.0)
        world.sim.set_fault("door", "open_contact")
        await world.finished(session)
        (alarm,) = world.station.alarms.open
        assert (alarm.hazard, alarm.priority, alarm.session) == ("H05", "medium", session.id)
    async with a_station(tmp_path) as world:
        assert world.station.alarms.open == [alarm]
        with pytest.raises(Refused):
            world.station.alarms.acknowledge(alarm.id, "")
        world.station.alarms.acknowledge(alarm.id, "a nurse")
        assert not world.station.alarms.open
        with pytest.raises(Refused):
            world.station.alarms.acknowledge(alarm.id, "a nurse")
    async with a_station(tmp_path) as world:
        assert not world.station.alarms.open


async def test_the_sound_pauses_for_two_minutes_or_until_something_new_happens(tmp_path: Path):
    async with a_station(tmp_path) as world:
        alarms = world.station.alarms
        alarms.pause_audio("a nurse")
        assert alarms.view()["audio_paused_s"] == 120.0
        await asyncio.sleep(121.0)
        assert alarms.view()["audio_paused_s"] == 0.0
        alarms.pause_audio("a nurse")
        session = await world.running(lit_s=3.0)
        world.sim.set_fault("door", "open_contact")
        await world.finished(session)
        assert alarms.view()["audio_paused_s"] == 0.0


async def test_an_alarm_that_cannot_be_written_is_still_shown(tmp_path: Path):
    async with a_station(tmp_path) as world:
        await world.running(lit_s=3.0)
        world.station.journal.failure = "journal.jsonl: No space left on device"
        await asyncio.sleep(2.0)
        assert [a.hazard for a in world.station.alarms.open] == ["H14"]
