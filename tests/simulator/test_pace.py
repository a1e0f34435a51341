"""A served station at another pace."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from irctl_simulator.cli import main
from irctl_simulator.control import ask
from irctl_simulator.pace import PacedLoop
from tests.simulator.test_served import Served
from tests.simulator.worlds import DEMO


@pytest.mark.parametrize("speed", [0.25, 20.0])
def test_as_many_of_its_seconds_pass_as_are_asked_for(speed: float) -> None:
    async def three_waits() -> float:
        begun = asyncio.get_running_loop().time()
        for _ in range(3):
            await asyncio.sleep(0.05 * speed)
        return asyncio.get_running_loop().time() - begun

    begun = time.monotonic()
    with asyncio.Runner(loop_factory=lambda: PacedLoop(speed)) as runner:
        passed = runner.run(three_waits())
    took = time.monotonic() - begun
    assert passed == pytest.approx(took * speed, rel=0.3)
    assert took >= 0.15


def test_a_station_ages_faster_than_the_wall_clock(tmp_path: Path) -> None:
    served = Served(tmp_path, "--config", str(DEMO), "--speed", "50")
    first = ask(served.endpoints["control"], {"do": "state"})["state"]["now"]
    time.sleep(0.5)
    assert ask(served.endpoints["control"], {"do": "state"})["state"]["now"] - first > 20.0
    served.stop()


def test_no_pace_beyond_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--config", str(DEMO), "--speed", "0"]) == 1
    assert "must lie in 0.01..100" in capsys.readouterr().err
