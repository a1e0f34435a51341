"""What happens to lamps, meters and technicians, each as a short story: what somebody would notice, and what the controller does about it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from irctl.domain.orders import Order
from irctl.domain.problems import Refused
from irctl.domain.worksheet import Outcome, Step
from tests.simulation.technician import BY, FAST, FAST_RESPONSE, QUICK, Technician, a_config, reborn, without_its_line
from tests.simulation.world import World, a_station
from tests.unit.worlds import StationFolder

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

COOL_S = 120.0


@pytest.fixture(autouse=True)
def without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread lives in real time, and would be overtaken: the journal's files are read where they are asked for."""

    async def at_once(read: Any, *about: Any) -> Any:
        return read(*about)

    monkeypatch.setattr(asyncio, "to_thread", at_once)


def an_order(lamp: str = "left") -> Order:
    return Order(lamp, 1.0, 50.0, "P-1", "lumbar", "a clinician")


async def told_and_given(world: World, lamp: str = "left") -> tuple[Any, float]:
    """One session: its terminal record, and what the skin really got in J/cm²."""
    before = world.truth(lamp).fluence_j_cm2
    record = await world.finished(await world.running(lamp, fluence=3.0, lit_s=1.0))
    assert record["outcome"] == "completed"
    await asyncio.sleep(COOL_S)
    return record, world.truth(lamp).fluence_j_cm2 - before


def error_pct(told: tuple[Any, float]) -> float:
    record, given = told
    return 100.0 * (record["delivered"]["best_j_cm2"] / given - 1.0)


def honest(told: tuple[Any, float]) -> bool:
    record, given = told
    return record["delivered"]["min_j_cm2"] <= given <= record["delivered"]["max_j_cm2"]


# --- the lamp ------------------------------------------------------------------------------------------------------------


async def test_a_lamp_without_radiometer_aged_by_12_percent_gives_what_is_ordered_again_once_it_is_recalibrated(
    tmp_path: Path,
):
    """Nothing but a check with the meter can notice it: the lamp cannot see itself. (The same lamp with its own radiometer: test_check.)"""
    station = StationFolder(tmp_path / "config")
    station.right["upkeep"] = QUICK
    station.calibrations["calibrations/sim-r-001.toml"]["response"] = FAST_RESPONSE
    sim = {"lamps": {"right": {"envelope_fraction": 0.0}}}
    async with a_station(tmp_path / "state", config=station.write(), sim=sim) as world:
        technician = Technician(world, "right")
        await technician.calibrate()
        assert error_pct(await told_and_given(world, "right")) == pytest.approx(0.0, abs=1.0)
        world.sim.set_fault("right", "ageing", factor=0.88)
        assert error_pct(await told_and_given(world, "right")) == pytest.approx(12.0 / 0.88, abs=1.0)
        world.sim.place("meter", "right", 50.0)
        check = await technician.check("reference")
        assert check.view()["verdict"] == "fail"
        with pytest.raises(Refused, match="is locked"):
            world.station.order(an_order("right"))
        await technician.calibrate()
        again = await told_and_given(world, "right")
        assert error_pct(again) == pytest.approx(0.0, abs=1.0)
        assert honest(again)


async def test_a_lamp_that_somebody_replaced_is_no_lamp_of_this_calibration(tmp_path: Path):
    """First nobody says so, and its check fails; then the plate shows another serial; in its own name it has never been calibrated."""
    station, state = StationFolder(tmp_path / "config"), tmp_path / "state"
    del station.left["calibration"]
    station.left["upkeep"] = QUICK | {"response": FAST_RESPONSE}
    config = station.write()
    async with a_station(state, config=config, sim=FAST) as world:
        technician = Technician(world)
        await technician.calibrate()
        world.sim.set_fault("left", "replaced", factor=1.15, serial="SIM-L-777")
        assert (await technician.check()).view()["verdict"] == "fail"

        await technician.begin()
        with pytest.raises(Refused, match="SIM-L-001"):
            await world.station.calibrations.identify(technician.id, BY, world.sim.lamps["left"].serial, "new")
        world.station.calibrations.close(technician.id, BY, "another lamp is fitted", "abandoned")

        station.left["serial"] = "SIM-L-777"
        station.write()
        await reborn(world, state, config)
        await world.until(lambda: world.lamp.output.verified_dark)
        assert world.lamp.equipment.calibration is None
        with pytest.raises(Refused, match="has none"):
            world.station.order(an_order())
        technician = Technician(world)
        await technician.calibrate()
        told = await told_and_given(world)
        assert honest(told)
        assert error_pct(told) == pytest.approx(0.0, abs=1.0)
        await world.process.close()


async def test_a_reflector_gets_dirty_and_is_wiped(tmp_path: Path):
    """Sessions show it first, as drift; the check cannot call it right any more; after the wiping a check is asked for, and finds the lamp as it was."""
    async with a_station(tmp_path / "state", config=a_config(tmp_path / "config", fast=False)) as world:
        technician = Technician(world)
        await technician.calibrate()
        world.sim.set_fault("left", "dirty", factor=0.905)
        dirty, given = await told_and_given(world)
        assert honest((dirty, given)), "the radiometer saw it"
        assert dirty["drift"]["ratio"] == pytest.approx(0.905, abs=0.005)
        check = (await technician.check()).view()
        assert check["verdict"] == "warn"
        assert all(level["error_pct"] == pytest.approx(-9.5, abs=0.3) for level in check["levels"])
        assert world.lamp.equipment.in_force.problems(world.station.journal.clock()) == [], "a warning forbids nothing"

        world.sim.set_fault("left", "dirty", factor=1.0)
        world.station.upkeep.maintain("left", BY, "cleaned", "reflector wiped")
        with pytest.raises(Refused, match=r"cleaned on .* asks for a check"):
            world.station.order(an_order())
        assert (await technician.check()).view()["verdict"] == "pass"
        clean = await told_and_given(world)
        assert clean[0]["drift"]["ratio"] == pytest.approx(1.0, abs=0.005)


# --- where the meter stands ----------------------------------------------------------------------------------------------


async def test_a_meter_3_cm_too_near_makes_the_lamp_look_bright_and_its_own_radiometer_clears_it(tmp_path: Path):
    """One distance cannot tell a near meter from a bright lamp: the lamp is locked, until its own radiometer says that it has not changed."""
    async with a_station(tmp_path / "state", config=a_config(tmp_path / "config"), sim=FAST) as world:
        await Technician(world).calibrate()
        careless = Technician(world, off_cm=-3.0)
        await careless.begin()
        await careless.until(Step.ADJUSTMENT)
        found = careless.sheet.as_found
        assert found is not None
        assert found.verdict is not None
        assert found.verdict.decision == "fail"
        assert found.verdict.error_pct == pytest.approx(100.0 * ((55.0 / 52.0) ** 2 - 1.0), abs=0.5)
        assert found.monitor_factor == pytest.approx((55.0 / 52.0) ** 2, abs=0.01), "the two instruments disagree"
        world.station.calibrations.close(careless.id, BY, "the rule begins at 3 cm", "abandoned")
        await asyncio.sleep(COOL_S)
        with pytest.raises(Refused, match="found outside its tolerance"):
            world.station.order(an_order())
        assert (await careless.check()).view()["verdict"] == "pass"
        assert honest(await told_and_given(world))


async def test_a_meter_that_stands_wrong_at_one_of_several_distances_contradicts_the_others(tmp_path: Path):
    config = a_config(tmp_path / "config", distances_cm=[40.0, 65.0])
    async with a_station(tmp_path / "state", config=config, sim=FAST) as world:
        technician, sheets = Technician(world), world.station.calibrations
        await technician.begin()
        while technician.sheet.step is not Step.ADJUSTMENT:
            reading = technician.sheet.next_reading
            technician.off_cm = 4.0 if reading is not None and reading.distance_cm == 65.0 else 0.0
            await technician.step()
        with pytest.raises(Refused, match="contradict each other"):
            sheets.adjust(technician.id, BY, None)
        technician.off_cm = 0.0
        sheets.redo(technician.id, BY, "position", "one distance was set wrong")
        await technician.until(Step.CLOSED)
        left = technician.sheet.as_left
        assert left is not None
        assert left.law is not None
        assert left.law.d0_cm == pytest.approx(5.0, abs=2.0 * left.law.u_d0_cm)


# --- the meter -----------------------------------------------------------------------------------------------------------


async def test_two_meters_under_one_lamp_agree_until_one_has_a_bias_beyond_its_certificate(tmp_path: Path):
    station = StationFolder(tmp_path / "config")
    station.left["upkeep"] = QUICK
    station.left_calibration["response"] = FAST_RESPONSE
    station.devices["meter2"] = station.devices["meter"] | {"unit": 3}
    certificate = station.meters["meters/sim-reference.toml"]
    station.meters["meters/second.toml"] = certificate | {"serial": "5187", "certificate": "SIM-2026-0816"}
    station.station["meters"]["second"] = {"device": "meter2", "certificate": "meters/second.toml"}
    meter2 = {"twin": "hukseflux-sr05", "line": "sensor-line", "unit": 3, "tau_s": 1.0, "options": {"serial": 5187}}
    async with a_station(
        tmp_path / "state", config=station.write(), sim=FAST | {"devices": {"meter2": meter2}}
    ) as world:
        first, second = Technician(world), Technician(world, meter="second", device="meter2")
        await first.calibrate()
        await second.calibrate()
        agreed = await world.station.upkeep.compare(BY, second.id, first.id)
        assert agreed["verdict"] == "agrees"
        assert abs(agreed["e_n"]) < 0.3

        world.sim.set_fault("meter2", "gain", factor=1.09)
        await second.begin()
        await second.until(Step.ADJUSTMENT)
        world.station.calibrations.close(second.id, BY, "looks bright: comparing the meters", "abandoned")
        differed = await world.station.upkeep.compare(BY, second.id, first.id)
        assert differed["verdict"] == "differs"
        assert all(point["difference_pct"] == pytest.approx(9.0, abs=0.5) for point in differed["points"])
        assert [one["verdict"] for one in world.events("meters.compared")] == ["agrees", "differs"]


@pytest.mark.parametrize(
    ("kind", "params", "says", "remedy"),
    [
        ("range", {"mw_cm2": 60.0}, "end of", "wider range"),
        ("gain", {"factor": 0.1}, "divided by 10", "mW/cm²"),
    ],
)
async def test_a_meter_on_another_range_is_refused_with_the_remedy_and_read_again(
    tmp_path: Path, kind: str, params: dict[str, float], says: str, remedy: str
):
    station = StationFolder(tmp_path / "config")
    station.left["upkeep"] = QUICK
    station.left_calibration["response"] = FAST_RESPONSE
    station.meters["meters/sim-reference.toml"]["range_max_mw_cm2"] = 2000.0
    async with a_station(tmp_path / "state", config=station.write(), sim=FAST) as world:
        technician, sheets = Technician(world), world.station.calibrations
        world.sim.set_fault("meter", kind, **params)
        await technician.begin()
        await technician.until(Step.ADJUSTMENT)
        with pytest.raises(Refused) as refused:
            sheets.adjust(technician.id, BY, None)
        assert says in str(refused.value)
        assert any(remedy in problem.remedy for problem in refused.value.problems)
        assert world.lamp.equipment.in_force.source == "file"
        world.sim.clear_faults()
        sheets.redo(technician.id, BY, "readings", "the meter was on another range")
        await technician.until(Step.CLOSED)
        assert technician.sheet.outcome is Outcome.APPROVED


async def test_a_meter_that_jumps_beyond_what_it_can_show_is_not_believed_for_a_moment(tmp_path: Path):
    """Ten times as much in the middle of the readings: what was read stays, the light goes off, and it goes on when the meter is right again."""
    async with a_station(tmp_path / "state", config=a_config(tmp_path / "config"), sim=FAST) as world:
        technician = Technician(world)
        await technician.begin()
        await technician.until(Step.DARK)
        await technician.lit_step(Step.READINGS, 4)
        done = technician.sheet.progress[0]
        world.sim.set_fault("meter", "gain", factor=10.0)
        await world.until(lambda: technician.run.done, 60.0)
        assert not world.truth().powered
        (interrupted,) = world.events("calibration.interrupted")
        assert "beyond its range" in interrupted["reason"]
        world.sim.clear_faults()
        await technician.until(Step.CLOSED)
        assert technician.sheet.outcome is Outcome.APPROVED
        assert len(world.events("calibration.reading")) >= done


# --- the mains, the person -----------------------------------------------------------------------------------------------


async def test_on_unsteady_mains_it_waits_says_why_and_gives_up_with_the_reason(tmp_path: Path):
    async with a_station(tmp_path / "state", config=a_config(tmp_path / "config"), sim=FAST) as world:
        technician = Technician(world)
        await technician.begin()
        await technician.until(Step.DARK)
        world.sim.set_fault("left", "unsteady", percent=5.0, seconds=120.0, shape="ripple")
        await technician.lit_step(Step.WARM_UP)
        await asyncio.sleep(120.0)
        waiting = world.station.calibrations.view(technician.sheet)["now"]
        assert "warming at" in waiting
        assert "still moving" in waiting or "too noisy" in waiting
        await world.until(lambda: technician.run.done, 1000.0)
        assert not world.truth().powered
        (interrupted,) = world.events("calibration.interrupted")
        assert "not steady after 600 s" in interrupted["reason"]
        assert technician.sheet.progress[0] == 0

        world.sim.set_fault("left", "unsteady", percent=0.0, seconds=120.0, shape="ripple")
        await technician.until(Step.CLOSED)
        assert technician.sheet.outcome is Outcome.APPROVED


async def test_two_readings_swapped_on_paper_are_named_and_read_again(tmp_path: Path):
    async with a_station(tmp_path / "state", config=without_its_line(tmp_path / "config"), sim=FAST) as world:
        technician, sheets = Technician(world), world.station.calibrations
        await technician.begin()
        await technician.until(Step.DARK)
        order = technician.sheet.plan.order
        one, other = next((a, b) for a in order for b in order if (a.level_pct, b.level_pct) == (40.0, 80.0))
        ((_, at_one), (_, at_other)) = world.sim.calibration_points("left", 50.0, [40, 80])
        swapped = {one.number: at_other, other.number: at_one}
        await technician.typed(lambda number, shown: round(swapped.get(number, shown), 2))
        with pytest.raises(Refused, match="look swapped") as refused:
            sheets.adjust(technician.id, BY, None)
        for reading in (one, other):
            assert f"{reading.number} ({reading.level_pct:g} %)" in str(refused.value)
        sheets.redo(technician.id, BY, "readings", "swapped on paper", levels_pct=[40.0, 80.0])
        await technician.typed(lambda _number, shown: shown)
        await technician.until(Step.CLOSED)
        await asyncio.sleep(COOL_S)
        assert honest(await told_and_given(world))
