"""Calibration and check from the command line against a real controller on a simulated station: the beginning of each, and what is refused."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.worlds import Station, a_station, irctl, read_until, started

BY = ("--by", "M. Okafor")
NOBODY = "--nobody-under-the-lamp"
ANSWERS = ("--serial", "SIM-L-001", "--condition", "clean", "--distance", "50 cm", "--angle", "0")


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with a_station(tmp_path_factory.mktemp("station")) as running:
        yield running


@pytest.mark.parametrize(
    "command",
    [
        "calibrate",
        "check",
        "maintenance",
        "calibrations show",
        "calibrations approve",
        "calibrations reject",
        "calibrations abandon",
        "calibrations redo",
        "calibrations certificate",
        "calibrations trace",
        "calibrations history",
        "calibrations due",
        "calibrations impact",
        "meters compare",
        "certificate verify",
    ],
)
def test_help_of_a_command_shows_an_example(command: str):
    assert f"\nirctl {command}" in irctl(*command.split(), "--help").stdout


def test_a_calibration_is_begun_by_answers_lights_the_lamp_and_is_abandoned(station: Station):
    words = ("calibrate", "left", "--meter", "reference", *BY)
    done = station.irctl(*words)
    assert done.returncode == 3
    assert "nobody_under_the_lamp" in done.stderr

    done = station.irctl(*words, NOBODY, "--serial", "SIM-L-001")
    assert done.returncode == 3
    assert "--condition" in done.stderr
    (begun,) = json.loads(station.irctl("calibrations", "--json").stdout)
    assert begun["outcome"] is None

    done = station.irctl("calibrate", "left", *BY, *ANSWERS[:4], "--distance", "50")
    assert done.returncode == 3
    assert "cm or in" in done.stderr

    station.simulator.ask(do="place", meter="meter", lamp="left", distance_cm=50.0)
    with started("irctl", "calibrate", "left", *BY, *ANSWERS, url=station.url) as calibrating:
        said = read_until(calibrating, "warming at")
        assert "going on where it was left" in said
        assert station.simulator.truth("left")["powered"]
        view = json.loads(station.irctl("calibrations", "show", begun["id"], "--json").stdout)
        assert view["running"]
        status = station.irctl("status").stdout
        assert f"calibration {begun['id']}" in status
        assert "unverified" not in status, "it is lit on purpose"
        assert view["live"]["meter_mw_cm2"] is not None
        assert station.irctl("calibrations", "approve", begun["id"], "--by", "a second person").returncode == 3
        done = station.irctl("calibrations", "abandon", begun["id"], *BY, "--reason", "test")
        assert done.returncode == 0
        calibrating.wait(20)
    assert not station.simulator.truth("left")["powered"]
    assert station.irctl("calibrations", "certificate", begun["id"]).returncode == 3
    assert "abandoned" in station.irctl("calibrations").stdout


def test_a_check_is_begun_and_a_stop_ends_it(station: Station):
    assert station.irctl("check", "left", *BY).returncode == 3
    assert station.irctl("check", "right", *BY, NOBODY).returncode == 3, "it has no radiometer"
    with started("irctl", "check", "left", *BY, NOBODY, url=station.url) as checking:
        while not station.events("check.started"):
            time.sleep(0.2)
        assert station.irctl("stop").returncode == 0
        said = read_until(checking, "Cut off")
        assert "the station is stopped" in said
        assert checking.wait(20) == 1
    assert station.irctl("clear", *BY, "--reason", "test").returncode == 0


def test_maintenance_is_written_down_with_what_follows(station: Station):
    done = station.irctl("maintenance", "right", "cleaned", *BY, "--note", "reflector wiped")
    assert done.returncode == 0
    assert "needs a check" in done.stdout
    done_so_far = station.irctl("maintenance", "right").stdout
    assert "needs a check" in done_so_far
    assert "reflector wiped" in done_so_far
    assert station.irctl("maintenance", "right", "polished", *BY, "--note", "x").returncode == 3
    assert "calibration of right" in station.irctl("calibrations", "due").stdout
    assert "SIM-2026-0815" in station.irctl("meters").stdout
    assert "no forecast" in station.irctl("calibrations", "history", "right").stdout


def test_what_is_no_certificate_does_not_hold(tmp_path: Path):
    for name, content in (("a.json", "{}"), ("b.pdf", "%PDF-1.7"), ("c.txt", "nothing")):
        (tmp_path / name).write_text(content, encoding="utf-8")
        assert irctl("certificate", "verify", str(tmp_path / name)).returncode == 5
