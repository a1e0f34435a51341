"""The page of a served station: registers, outputs, faults and the truth, and nothing is changed by looking."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from irctl_simulator.control import ask
from irctl_simulator.page import shown
from irctl_simulator.station import SimStation
from tests.simulator.test_served import Served
from tests.simulator.worlds import DEMO


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = Served(tmp_path_factory.mktemp("page"), "--config", str(DEMO))
    yield made
    made.stop()


def seen(served: Served, path: str) -> bytes:
    with urlopen(served.endpoints["page"] + path, timeout=5) as answer:
        return answer.read()


def test_the_page_shows_twins_faults_and_the_truth(served: Served) -> None:
    assert b"state.json" in seen(served, "/")
    assert ask(served.endpoints["control"], {"do": "fault", "target": "skin", "kind": "silent"})["ok"]
    state = json.loads(seen(served, "/state.json"))
    devices = {one["name"]: one for line in state["lines"] for one in line["devices"]}
    assert devices["skin"]["faults"] == ["silent"]
    assert [8, 10] in devices["dimmer"]["registers"]["holding"]
    assert devices["dimmer"]["outputs"] == [0.0, 0.0, 0.0]
    assert state["lamps"]["left"]["powered"] is False
    with pytest.raises(HTTPError, match="404"):
        seen(served, "/../demo.toml")


def test_looking_changes_nothing_that_a_driver_could_see() -> None:
    """A tM module tells once that it was restarted; the page must not be the one that hears it."""
    station = SimStation.from_config(DEMO)
    twin: Any = station.devices["contactor2"].twin
    told = shown(station)
    (contactor,) = [one for line in told["lines"] for one in line["devices"] if one["name"] == "contactor2"]
    assert (272, None) in contactor["registers"]["coil"]
    assert twin.handle(bytes.fromhex("01 01 10 00 01"), 1.0) == bytes.fromhex("01 01 01")
