"""The stop latch: acts first, writes next, waits for nobody silent, and has one door out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from irctl.bus.bus import Bus, Priority
from irctl.bus.errors import LineDown
from irctl.bus.modbus import AnyRequest, WriteCoil
from irctl.controller.journal.journal import Journal
from irctl.controller.light.output import Output
from irctl.controller.light.shutdown import WRITE_AFTER_S, Shutdown
from irctl.domain.problems import Problem, Refused
from tests.unit.hardware import AnEmitter
from tests.unit.worlds import NOW

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

LEASE_S = 2.0
ALL_OFF = WriteCoil(0, 0xFF, False)


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class AMachineOnBroadcast(AnEmitter):
    """Also obeys a broadcast."""

    def broadcast_off(self) -> AnyRequest | None:
        return ALL_OFF


@dataclass
class ALine:
    """As much of a line as a stop needs: it carries broadcasts to its machines, unless it is down."""

    name: str
    machines: list[AnEmitter] = field(default_factory=list[AnEmitter])
    down: bool = False
    preempted: bool = False

    def preempt(self) -> None:
        self.preempted = True

    def permit_light(self) -> None:
        self.preempted = False

    async def transact(self, request: AnyRequest, priority: Priority = Priority.POLL, retries: int = 0) -> None:
        assert priority is Priority.STOP
        assert self.preempted, "the queue is cleared before anything is sent"
        if self.down:
            raise LineDown(self.name, None, "unplugged")
        await asyncio.sleep(0.01)
        for machine in self.machines:
            if not machine.silent and machine.broadcast_off() == request:
                machine.lit_until_s = 0.0


@dataclass
class ALamp:
    name: str
    output: Output
    against: list[Problem] = field(default_factory=list[Problem])
    woken: int = 0

    def wake(self) -> None:
        self.woken += 1

    def reasons_against_clearing(self) -> list[Problem]:
        return self.against


class World:
    """Two lamps, each on its own line, both lit."""

    def __init__(self, folder: Path) -> None:
        self.emitters = {"left": AnEmitter("left"), "right": AMachineOnBroadcast("right")}
        self.lines = {name: ALine(name, [emitter]) for name, emitter in self.emitters.items()}
        self.lamps = {
            name: ALamp(name, Output(emitter, LEASE_S, emitter_line=name)) for name, emitter in self.emitters.items()
        }
        self.journal = Journal(folder / "journal.jsonl", lambda: NOW)
        self.journal.open()
        self.shutdown = Shutdown(
            [cast("Bus", line) for line in self.lines.values()], {"right": [ALL_OFF]}, self.lamps, self.journal
        )

    async def light(self) -> None:
        for lamp in self.lamps.values():
            await lamp.output.arm()
            await lamp.output.renew(50.0)

    @property
    def lit(self) -> set[str]:
        return {name for name, emitter in self.emitters.items() if emitter.on}

    def events(self) -> list[str]:
        return [event["event"] for event in self.journal.events]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.light()
    assert world.lit == {"left", "right"}
    yield world
    world.journal.close()


async def test_a_stop_darkens_every_lamp_latches_and_is_written(world: World) -> None:
    latch = await world.shutdown.stop("a passer-by", "smoke", "button")
    assert world.lit == set()
    assert world.shutdown.latch is latch
    assert (latch.by, latch.reason, latch.source, latch.at) == ("a passer-by", "smoke", "button", NOW)
    assert all(evidence.verified_dark_s is not None for evidence in latch.evidence.values())
    assert latch.evidence["right"].by == "broadcast"
    assert world.events() == ["stop.latched", "stop.evidence"]
    assert all(lamp.woken for lamp in world.lamps.values())


async def test_it_is_latched_before_anything_is_waited_for(world: World) -> None:
    stopping = asyncio.ensure_future(world.shutdown.stop("somebody", "stop", "api"))
    await asyncio.sleep(0)
    assert world.shutdown.latch is not None
    await asyncio.sleep(0)
    assert all(line.preempted for line in world.lines.values())
    await stopping


async def test_it_acts_before_it_writes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lit_when_written: list[set[str]] = []
    write = world.journal.write

    def watched(event: str, **fields: Any) -> None:
        lit_when_written.append(world.lit)
        write(event, **fields)

    monkeypatch.setattr(world.journal, "write", watched)
    await world.shutdown.stop("somebody", "stop", "api")
    assert lit_when_written == [set(), set()]


async def test_a_lamp_that_is_slow_to_go_dark_does_not_keep_the_stop_out_of_the_journal(world: World) -> None:
    world.emitters["left"].silent = True
    stopping = asyncio.ensure_future(world.shutdown.stop("somebody", "stop", "api"))
    await asyncio.sleep(WRITE_AFTER_S + 0.01)
    assert world.events() == ["stop.latched"]
    await stopping


async def test_a_silent_lamp_delays_no_other_and_is_reported_as_unverified(world: World) -> None:
    world.emitters["left"].silent = True
    latch = await world.shutdown.stop("somebody", "stop", "api")
    assert latch.evidence["right"].verified_dark_s == pytest.approx(0.02, abs=0.01)
    assert latch.evidence["left"].verified_dark_s is None
    assert latch.view()["evidence"]["left"]["verified_dark_s"] is None


async def test_where_the_broadcast_cannot_be_sent_each_lamp_is_told_itself(world: World) -> None:
    world.lines["right"].down = True
    latch = await world.shutdown.stop("somebody", "stop", "api")
    assert "dark" in world.emitters["right"].said
    assert latch.evidence["right"].by == "emitter"


async def test_a_broadcast_that_nobody_heard_is_no_proof(world: World) -> None:
    world.lines["right"].machines.clear()
    latch = await world.shutdown.stop("somebody", "stop", "api")
    assert world.lit == set()
    assert latch.evidence["right"].by == "emitter"


async def test_a_journal_that_cannot_be_written_stops_no_stop(world: World) -> None:
    world.journal.close()
    latch = await world.shutdown.stop("somebody", "stop", "api")
    assert world.lit == set()
    assert world.shutdown.latch is latch


async def test_the_first_reason_stays_however_often_it_is_pressed(world: World) -> None:
    latches = await asyncio.gather(
        world.shutdown.stop("first", "smoke", "button"),
        world.shutdown.stop("second", "me too", "api"),
        world.shutdown.stop("third", "and me", "api"),
    )
    assert {(latch.by, latch.reason) for latch in latches} == {("first", "smoke")}
    assert world.events().count("stop.latched") == 1
    assert world.lit == set()


# --- the way out -------------------------------------------------------------------------------------------------------


def refused(world: World, by: str = "a technician", reason: str = "looked at it") -> list[str]:
    with pytest.raises(Refused) as caught:
        world.shutdown.clear(by, reason)
    assert caught.value.conflict
    assert all(problem.remedy for problem in caught.value.problems)
    return [problem.field for problem in caught.value.problems]


async def test_what_is_not_stopped_cannot_be_cleared(world: World) -> None:
    assert refused(world) == ["stop"]


@pytest.mark.parametrize(
    ("by", "reason", "missing"), [("", "why", ["by"]), ("who", "  ", ["reason"]), ("", "", ["by", "reason"])]
)
async def test_somebody_must_answer_for_clearing(world: World, by: str, reason: str, missing: list[str]) -> None:
    await world.shutdown.stop("somebody", "stop", "api")
    assert refused(world, by, reason) == missing
    assert world.shutdown.latch is not None


async def test_while_a_cause_is_still_there_it_stays_latched(world: World) -> None:
    await world.shutdown.stop("somebody", "stop", "api")
    for name, lamp in world.lamps.items():
        lamp.against = [Problem(f"interlocks.{name}", False, "is open", "Close it")]
    assert refused(world) == ["interlocks.left", "interlocks.right"]
    assert all(line.preempted for line in world.lines.values()), "still no light"
    assert "stop.cleared" not in world.events()


async def test_a_stop_still_being_carried_out_cannot_be_cleared(world: World) -> None:
    """Somebody pressed it this very moment: they win."""
    await world.shutdown.stop("first", "smoke", "button")
    again = asyncio.ensure_future(world.shutdown.stop("second", "more smoke", "button"))
    await asyncio.sleep(0)
    assert refused(world) == ["stop"]
    await again
    world.shutdown.clear("a technician", "aired the room")
    assert world.shutdown.latch is None


async def test_cleared_by_a_named_person_light_is_permitted_again(world: World) -> None:
    await world.shutdown.stop("somebody", "stop", "api")
    world.shutdown.clear("a technician", "aired the room")
    assert world.shutdown.latch is None
    assert not any(line.preempted for line in world.lines.values())
    (cleared,) = [e for e in world.journal.events if e["event"] == "stop.cleared"]
    assert (cleared["by"], cleared["reason"]) == ("a technician", "aired the room")
    assert refused(world) == ["stop"]


async def test_after_clearing_a_stop_latches_anew(world: World) -> None:
    await world.shutdown.stop("first", "smoke", "button")
    world.shutdown.clear("a technician", "aired the room")
    latch = await world.shutdown.stop("second", "fire", "button")
    assert latch.reason == "fire"
    assert world.events().count("stop.latched") == 2
