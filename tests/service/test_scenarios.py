"""Scenario files against a real controller on the simulator: what must be physically true is, and what is not is said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.worlds import CONFIGS, Station, a_station, an_order, environment, read_until, started


@pytest.fixture
def station(tmp_path: Path):
    with a_station(tmp_path) as running:
        yield running


def played(station: Station, file: Path) -> subprocess.CompletedProcess[str]:
    words = ["scenario", str(file), "--endpoints", str(station.simulator.endpoints)]
    return subprocess.run(
        [sys.executable, "-m", "irctl_simulator", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
        check=False,
    )


def test_a_door_in_mid_treatment_is_dark_and_stays_so(station: Station, tmp_path: Path) -> None:
    with started("irctl", *an_order("left", fluence=20.0), url=station.url) as treating:
        read_until(treating, "emitting")
        done = played(station, CONFIGS / "scenarios" / "door.toml")
        assert done.returncode == 0, done.stdout
        assert done.stdout.count("kept") == 4
        wrong = tmp_path / "wrong.toml"
        wrong.write_text('title = "Nobody stopped it"\n[[expect]]\nat = 0.0\nlamp = "left"\ndark = false\n', "utf-8")
        done = played(station, wrong)
        assert done.returncode == 1
        assert "BROKEN  left: lit, was dark" in done.stdout
        station.irctl("stop", "--by", "a test")


def test_a_scenario_that_cannot_be_played_says_why(station: Station, tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(
        'title = "x"\n[[do]]\nat = 0\ntarget = "gate"\nfault = "open_contact"\n[[expect]]\nat = 0\nlamp = "left"\n',
        "utf-8",
    )
    done = played(station, file)
    assert done.returncode == 1
    assert "there is no gate" in done.stderr
    file.write_text('title = "x"\n[[expect]]\nat = 0\nlamp = "left"\ndrak = true\n', "utf-8")
    assert "expect.0.drak" in played(station, file).stderr
