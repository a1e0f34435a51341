"""What waits to be sent: kept through crashes and outages, in order, and to the receiver as if once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irctl.domain.people import Person, Role
from irctl.domain.problems import Refused
from irctl.interop import outcome
from irctl.interop.outbox import Outbox, State
from irctl.interop.outcome import Later, Outcome, Sent
from irctl.records.database import Database
from irctl.records.papers import Papers
from irctl.records.sealing import Ring

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
ITSELF = Person("itself", "The clinic itself", frozenset())
CLERK = Person("clerk", "C. Lerk", frozenset({Role.CLINICIAN}))


class Receiver:
    """Knows what it has already, as every real one does; `says` what it does with the next ones."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.asked = 0
        self.says: list[str] = []

    async def send(self, parcel: outcome.Parcel) -> Outcome:
        self.asked += 1
        match self.says.pop(0) if self.says else "take":
            case "away":
                return Later("no answer")
            case "refuse":
                return outcome.Refused("the diagnosis is missing")
            case "die":  # it has arrived, and nobody here learns of it
                self._take(parcel)
                raise RuntimeError("killed")
            case _:
                self._take(parcel)
                return Sent(f"no. {len(self.got)}")

    def _take(self, parcel: outcome.Parcel) -> None:
        if (known := parcel.body.decode()) not in self.got:
            self.got.append(known)


class World:
    def __init__(self, folder: Path) -> None:
        Ring.with_new_key(folder / "key")
        self.database = Database(f"sqlite:///{folder / 'records.sqlite'}")
        self.database.prepare()
        self.papers = Papers(self.database, Ring.read(folder / "key"))
        self.receiver, self.now = Receiver(), NOW
        self.restart()

    def restart(self) -> None:
        self.outbox = Outbox(self.papers, ITSELF, Random(7))

    def put(self, name: str, subject: str = "", target: str = "ehr") -> str | None:
        return self.outbox.put(target, name, subject or name, "P-1", f"note of {name}", name.encode(), self.now)

    def step(self, **more: Receiver) -> int:
        return asyncio.run(self.outbox.step({"ehr": self.receiver, **more}, self.now))

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.database.close()


def test_what_is_put_there_arrives_once_in_its_order_and_stays_in_the_list(world: World) -> None:
    for name in ("c", "a", "b", "a"):
        world.put(name)
    assert world.step() == 3
    assert world.step() == 0
    assert world.receiver.got == ["c", "a", "b"]
    assert [one.told for one in world.outbox.listed([State.SENT])] == ["no. 3", "no. 2", "no. 1"]


def test_an_hour_without_a_network_loses_and_doubles_nothing_and_asks_ever_more_seldom(world: World) -> None:
    world.receiver.says = ["away"] * 10_000
    for minute in range(60):
        world.put(f"{minute:02d}")
        world.step()
        world.wait(60)
    assert world.receiver.got == []
    assert world.receiver.asked < 20, "a server that is down is not hammered"
    [first] = [one for one in world.outbox.listed(most=100) if one.about == "note of 00"]
    assert first.told == "no answer"
    world.receiver.says = []
    world.wait(900)
    assert world.step() == 60
    assert world.receiver.got == [f"{minute:02d}" for minute in range(60)]


def test_what_is_refused_holds_back_only_what_is_about_the_same_until_a_person_decides(world: World) -> None:
    first = world.put("V-1 version 1", "V-1")
    world.put("V-1 version 2", "V-1")
    world.put("V-2 version 1", "V-2")
    world.receiver.says = ["refuse"]
    assert world.step() == 1
    assert world.receiver.got == ["V-2 version 1"]
    assert first is not None
    [refused] = world.outbox.listed([State.REFUSED])
    assert (refused.id, refused.told) == (first, "the diagnosis is missing")

    world.outbox.retry(first, CLERK, world.now)
    assert world.step() == 2
    assert world.receiver.got == ["V-2 version 1", "V-1 version 1", "V-1 version 2"]
    with pytest.raises(Refused, match="is sent"):
        world.outbox.retry(first, CLERK, world.now)


def test_giving_up_takes_a_reason_and_lets_the_next_go(world: World) -> None:
    first = world.put("old", "V-1")
    world.put("new", "V-1")
    world.receiver.says = ["refuse"]
    world.step()
    assert first is not None
    with pytest.raises(Refused, match="reason"):
        world.outbox.give_up(first, CLERK, " ", world.now)
    world.outbox.give_up(first, CLERK, "sent on paper", world.now)
    assert world.step() == 1
    assert world.receiver.got == ["new"]
    assert [one.state for one in world.outbox.of_subject("V-1")] == [State.GIVEN_UP, State.SENT]


def test_a_target_that_is_away_keeps_no_other_waiting(world: World) -> None:
    other = Receiver()
    world.put("a")
    world.put("b", target="billing")
    world.receiver.says = ["away"]
    assert world.step(billing=other) == 1
    assert other.got == ["b"]


def test_what_has_no_target_any_more_waits(world: World) -> None:
    world.put("a", target="an-old-server")
    assert world.step() == 0
    assert [one.state for one in world.outbox.listed()] == [State.WAITING]


def test_a_process_that_dies_in_the_middle_sends_again_and_the_receiver_knows_it(world: World) -> None:
    world.put("a")
    world.put("b")
    world.receiver.says = ["die"]
    with pytest.raises(RuntimeError, match="killed"):
        world.step()
    world.restart()
    assert world.step() == 2
    assert world.receiver.got == ["a", "b"]


def test_nothing_of_it_is_legible_without_the_key(world: World, tmp_path: Path) -> None:
    world.put("the diagnosis of somebody", subject="V-1")
    world.database.close()
    assert b"diagnosis of somebody" not in b"".join(path.read_bytes() for path in tmp_path.glob("records.sqlite*"))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from(["put", "step", "away", "refuse", "die", "restart", "retry", "wait"]), max_size=40),
)  # fmt: skip
def test_whatever_happens_everything_arrives_once_and_in_order_of_its_subject(
    tmp_path_factory: pytest.TempPathFactory, doings: list[str]
) -> None:
    world = World(tmp_path_factory.mktemp("outbox"))
    put: list[str] = []
    for doing in doings:
        match doing:
            case "put":
                put.append(f"{len(put) % 2} {len(put):03d}")
                world.put(put[-1], subject=put[-1][0])
            case "step" | "away" | "refuse" | "die":
                world.receiver.says = [doing] if doing != "step" else []
                try:
                    world.step()
                except RuntimeError:
                    world.restart()
            case "restart":
                world.restart()
            case "retry":
                for one in world.outbox.listed([State.REFUSED]):
                    world.outbox.retry(one.id, CLERK, world.now)
            case _:
                world.wait(1000)
        world.receiver.says = []
    for one in world.outbox.listed([State.REFUSED]):
        world.outbox.retry(one.id, CLERK, world.now)
    world.wait(1000)
    world.step()
    world.database.close()
    assert sorted(world.receiver.got) == sorted(put)
    for subject in "01":
        mine = [name for name in world.receiver.got if name[0] == subject]
        assert mine == sorted(mine)
