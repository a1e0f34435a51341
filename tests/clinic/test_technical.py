"""What technicians do from a screen, by the pages' own functions, against a controller in this process and its simulated lamps: one true check, one true calibration."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.clinic.doors.tokens import Issuer
from irctl.clinic.lamps import calibrating, equipment, lamp_upkeep
from irctl.clinic.lamps.stations import Station
from irctl.clinic.office import faults
from irctl.clinic.settings import ClinicFile
from irctl.controller.api.app import create_app
from irctl.domain.people import Person, Role
from irctl.domain.problems import Refused
from tests.simulation.technician import FAST, a_config
from tests.simulation.world import World, a_station

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

TECHNICIAN = Person("toni", "Toni Tech", frozenset({Role.TECHNICIAN}))
CLINICIAN = Person("sam", "Sam Second", frozenset({Role.CLINICIAN}))
AUDITOR = Person("aud", "Aud Itor", frozenset({Role.AUDITOR}))
View = Mapping[str, Any]


@dataclass
class Bench:
    """A station as the clinic asks it, and the hardware behind it."""

    world: World
    station: Station

    def acting(self, person: Person = TECHNICIAN) -> Acting:
        return Acting(person, self.world.station.journal.clock())

    async def until(self, look: Callable[[], Any], done: Callable[[View], bool], timeout_s: float = 3000.0) -> View:
        async with asyncio.timeout(timeout_s):
            while not done(found := await look()):
                await asyncio.sleep(1.0)
        return found


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with a_station(tmp_path / "state", config=a_config(tmp_path / "configs"), sim=FAST) as world:
        await world.until(lambda: all(lamp.output.verified_dark for lamp in world.station.lamps.values()))
        transport = httpx.ASGITransport(create_app(world.station))
        station = Station("here", "http://127.0.0.1:8970", Issuer(tmp_path / "state"), transport=transport)
        yield Bench(world, station)
        await station.close()


async def checked(bench: Bench) -> View:
    await lamp_upkeep.begin_check(bench.station, bench.acting(), "left", "monitor", nobody=True)
    return await bench.until(lambda: bench.station.get("/v1/lamps/left/check"), lambda told: not told["running"])


# --- the check -----------------------------------------------------------------------------------------------------------


async def test_no_check_lights_a_lamp_before_somebody_says_that_nobody_is_under_it(bench: Bench) -> None:
    with pytest.raises(Refused, match="nobody_under_the_lamp"):
        await lamp_upkeep.begin_check(bench.station, bench.acting(), "left", "monitor", nobody=False)
    assert not bench.world.truth().powered


async def test_who_may_not_check_is_refused_before_anything_is_asked_of_the_controller(bench: Bench) -> None:
    with pytest.raises(Refused, match="check-lamp"):
        await lamp_upkeep.begin_check(bench.station, bench.acting(AUDITOR), "left", "monitor", nobody=True)
    assert bench.world.events("check.started") == []


async def test_a_sound_lamp_passes_and_its_card_says_so(bench: Bench) -> None:
    told = await checked(bench)
    off = lamp_upkeep.deviation(told)
    assert off is not None
    assert abs(off[0]) < off[1]
    left, right = await lamp_upkeep.known(bench.station)
    assert left.check is not None
    assert left.check["verdict"] == told["verdict"] in ("pass", "warn")
    assert right.check is None
    assert {one["kind"] for one in left.due} >= {"calibration"}


async def test_an_aged_lamp_fails_is_locked_and_is_unlocked_with_a_reason_only(bench: Bench) -> None:
    bench.world.sim.set_fault("left", "ageing", factor=0.6)
    told = await checked(bench)
    assert told["verdict"] == "fail"
    assert told["locked"]
    with pytest.raises(Refused, match="reason"):
        await lamp_upkeep.unlock(bench.station, bench.acting(), "left", " ")
    await lamp_upkeep.unlock(bench.station, bench.acting(), "left", "the lamp was left dimmed on purpose")
    left, _ = await lamp_upkeep.known(bench.station)
    assert left.lamp["locked"] is None


async def test_the_drift_is_drawn_once_there_is_something_to_draw(bench: Bench) -> None:
    assert lamp_upkeep.drawn(bench.station, await lamp_upkeep.drift_of(bench.station, "left")) is None
    await checked(bench)
    told = await lamp_upkeep.drift_of(bench.station, "left")
    assert "<svg" in (lamp_upkeep.drawn(bench.station, told) or "")
    assert lamp_upkeep.drawn(bench.station, told, 33.0) is None


async def test_maintenance_that_voids_a_calibration_leaves_none_in_force(bench: Bench) -> None:
    told = await lamp_upkeep.maintain(bench.station, bench.acting(), "left", "repaired", "a new socket")
    assert told["consequence"] == "void"
    left, _ = await lamp_upkeep.known(bench.station)
    assert left.lamp["calibration"] is None


# --- a calibration -------------------------------------------------------------------------------------------------------


async def test_a_calibration_from_its_first_step_to_its_certificate(bench: Bench) -> None:
    station, acting = bench.station, bench.acting()
    begun = await calibrating.begin(station, acting, "left", "reference", nobody=True, temperature_c=21.0, note="")
    number = str(begun["id"])
    left, _ = await lamp_upkeep.known(station)
    assert left.open_calibration == number
    with pytest.raises(Refused, match="serial"):
        await calibrating.identify(station, acting, number, "ANOTHER", "clean")
    await calibrating.identify(station, acting, number, "SIM-L-001", "clean")
    with pytest.raises(Refused, match="distance"):
        await calibrating.position(station, acting, number, None, "cm", 0.0)
    bench.world.sim.place("meter", "left", 50.0)
    await calibrating.position(station, acting, number, 50.0, "cm", 0.0)
    await calibrating.go_on(station, acting, number)
    view = await bench.until(lambda: calibrating.look(station, number), lambda v: not v["running"])
    assert view["step"] == "adjustment", view["ended"]
    shares = calibrating.shares(view["as_found"]["curve"]["budget"])
    assert sum(share for _, share in shares) == pytest.approx(1.0)
    assert shares[0][1] == max(share for _, share in shares)
    await calibrating.adjust(station, bench.acting(), number, None)
    await calibrating.submit(station, bench.acting(), number)
    with pytest.raises(Refused, match="toni"):
        await calibrating.approve(station, bench.acting(), number)
    approved = await calibrating.approve(station, bench.acting(CLINICIAN), number)
    assert approved["outcome"] == "approved"
    signed = await station.get(f"{calibrating.at(number)}/certificate")
    assert calibrating.certificate_pdf(signed, number).startswith(b"%PDF")
    left, _ = await lamp_upkeep.known(station)
    assert left.lamp["calibration"]["id"] == number
    assert left.open_calibration is None


async def test_an_abandoned_calibration_needs_a_reason_and_leaves_what_was_in_force(bench: Bench) -> None:
    station, acting = bench.station, bench.acting()
    begun = await calibrating.begin(station, acting, "left", "reference", nobody=True, temperature_c=None, note="")
    with pytest.raises(Refused, match="reason"):
        await calibrating.abandon(station, acting, str(begun["id"]), "")
    closed = await calibrating.abandon(station, acting, str(begun["id"]), "the meter was dropped")
    assert closed["outcome"] == "abandoned"
    left, _ = await lamp_upkeep.known(station)
    assert left.lamp["calibration"]["id"].startswith("CAL-SIM")


def test_a_damaged_certificate_is_refused_and_not_printed() -> None:
    with pytest.raises(Refused, match="certificate"):
        calibrating.certificate_pdf({"certificate": {}}, "C-1")


# --- lines and devices ---------------------------------------------------------------------------------------------------


async def test_each_line_shows_its_worst_case_beside_the_leases_that_outlast_it(bench: Bench) -> None:
    lines = {line["name"]: line for line in await equipment.lines(bench.station)}
    lamp_line = lines["lamp-line"]
    assert lamp_line["leases_s"] == {"left.emitter": 2.0, "right.emitter": 2.0}
    assert 0 < lamp_line["worst_time_to_dark_s"] < 2.0
    assert equipment.too_short(lamp_line) == []
    assert equipment.too_short({**lamp_line, "worst_time_to_dark_s": 2.5}) == ["left.emitter", "right.emitter"]
    assert {d["name"] for d in lamp_line["devices"]} == {"dimmer", "dimmer2"}


async def test_a_device_is_named_once_it_was_asked_who_it_is(bench: Bench) -> None:
    assert (await dimmer_of(bench))["identity"] is None
    await bench.world.ordered("left")
    assert (await dimmer_of(bench))["identity"]["model"]


async def dimmer_of(bench: Bench) -> View:
    lines = {line["name"]: line for line in await equipment.lines(bench.station)}
    (dimmer,) = [d for d in lines["lamp-line"]["devices"] if d["name"] == "dimmer"]
    return dimmer


async def test_the_wire_is_followed_without_a_gap_and_without_growing(bench: Bench) -> None:
    tail = equipment.Tail("lamp-line")
    for _ in range(20):
        await asyncio.sleep(1.0)
        await tail.follow(bench.station)
    numbers = [frame["number"] for frame in tail.frames]
    assert len(numbers) == equipment.SHOWN_MAX
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert {frame["unit"] for frame in tail.frames} == {12, 13}
    assert all(frame["ok"] for frame in tail.frames if frame["direction"] == "rx")


async def test_a_silent_device_is_seen_on_the_wire(bench: Bench) -> None:
    bench.world.sim.set_fault("dimmer2", "silent")
    since_s = bench.world.now + 1.0
    await asyncio.sleep(10.0)
    tail = equipment.Tail("lamp-line")
    await tail.follow(bench.station)
    silent = [f for f in tail.frames if f["unit"] == 13 and f["at_s"] > since_s]
    assert [f["note"] for f in silent[:-1]] == ["no answer"] * (len(silent) - 1)
    assert len(silent) > 1


async def test_what_only_a_person_may_order_needs_a_reason(bench: Bench) -> None:
    with pytest.raises(Refused, match="reason"):
        await equipment.act(bench.station, bench.acting(), "contactor2", "clear-trip", "")
    with pytest.raises(Refused, match="configure"):
        await equipment.accept_clock(bench.station, bench.acting(CLINICIAN), "it was set")
    await equipment.accept_clock(bench.station, bench.acting(), "it was set by hand")
    (told,) = bench.world.events("clock.accepted")
    assert (told["by"], told["reason"]) == ("toni", "it was set by hand")


async def test_an_unknown_line_has_no_trace(bench: Bench) -> None:
    with pytest.raises(Refused, match="no such line"):
        await equipment.Tail("nowhere").follow(bench.station)


async def test_a_lamp_that_was_never_commissioned_says_so(bench: Bench) -> None:
    told = await equipment.commissioned(bench.station, "left")
    assert told == {"required": False, "evidence": None, "problems": []}


# --- simulated faults ----------------------------------------------------------------------------------------------------


class Scripted(faults.Simulator):
    """Writes down what it is asked, instead of a socket."""

    def __init__(self) -> None:
        super().__init__("scripted:1")
        self.asked: list[str] = []

    async def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(json.dumps(request, sort_keys=True))
        return {"ok": True}


def a_desk(*, simulated: bool, demonstration: bool = True) -> Desk:
    file = ClinicFile(demonstration=demonstration, simulator="scripted:1")
    here = SimpleNamespace(view={"simulated": simulated})
    return cast(Desk, SimpleNamespace(file=file, stations={"here": here}))


async def test_mending_one_fault_leaves_the_others() -> None:
    simulator = Scripted()
    door, silent = faults.Fault("door opens", "door", "open_contact"), faults.Fault("silent", "skin", "silent")
    await simulator.put(door)
    await simulator.put(silent)
    await simulator.mend(door)
    assert simulator.active == [silent]
    assert simulator.asked[-2:] == [json.dumps({"do": "clear"}), json.dumps(silent.request, sort_keys=True)]
    await simulator.mend()
    assert simulator.active == []


async def test_no_fault_is_put_in_where_a_station_is_real_or_it_is_no_demonstration(bench: Bench) -> None:
    assert faults.simulator_of(a_desk(simulated=True)) is not None
    door = faults.Fault("door opens", "door", "open_contact")
    for desk in (a_desk(simulated=False), a_desk(simulated=True, demonstration=False)):
        assert faults.simulator_of(desk) is None
        with pytest.raises(Refused, match="demonstration"):
            await faults.put(desk, bench.acting(), door)


async def test_every_fault_on_offer_is_one_that_the_simulator_takes(bench: Bench) -> None:
    from irctl_simulator.control import answer, state

    offered = faults.possible(state(bench.world.sim), ["door", "stop-button"])
    for fault in [one for group in offered.values() for one in group]:
        assert answer(bench.world.sim, json.dumps(fault.request).encode()) == {"ok": True}, fault
    assert answer(bench.world.sim, b'{"do": "clear"}') == {"ok": True}
