"""A whole guided calibration, to the certificate that holds without a server.

A calibration of ten readings takes 220 s even with an instant lamp: each new level is watched for 15 s before it counts as steady. So it is begun in virtual
time, its controller is killed after nine readings, and real processes take it up from the journal: dark reading, warm-up and the last reading, the approval, the documents.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from irctl.domain.worksheet import Step
from tests.service.worlds import Station, irctl
from tests.service.worlds import a_station as a_served_station
from tests.simulation.technician import BY, QUICK, SECOND, Technician
from tests.simulation.world import a_station, hardware_of
from tests.unit.worlds import StationFolder, toml

pytestmark = [pytest.mark.anyio, pytest.mark.virtual, pytest.mark.slow]

FOLLOWS_S = 0.3
INSTANT = {
    "lamps": {"left": {"envelope_fraction": 0.0}},
    "devices": {"radiometer": {"tau_s": FOLLOWS_S}, "meter": {"tau_s": FOLLOWS_S}},
}
OWNER = "Weststadt GmbH"
LIGHT_S = 120.0


def a_config(folder: Path) -> Path:
    """The station before `INSTANT`: what its calibration and its instruments' sections say of it is true."""
    station = StationFolder(folder)
    station.station["station"]["owner"] = OWNER
    station.left_calibration["response"] = [{"fraction": 1.0, "tau_s": 0.35}]
    station.left["upkeep"] = QUICK
    for name in ("radiometer", "meter"):
        station.devices[name]["response_s"] = FOLLOWS_S
    return station.write()


async def begun(state: Path, config: Path) -> str:
    """Killed in the light, with nine of ten readings in the journal."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    async with a_station(state, config=config, sim=INSTANT, begins=yesterday) as world:
        technician = Technician(world)
        await technician.begin()
        await technician.until(Step.DARK)
        world.station.calibrations.read(technician.id, BY)
        await world.until(lambda: technician.sheet.progress[0] == 9, 2000.0)
        await world.process.kill()
        return technician.id


def done(station: Station, *words: str, timeout: float = 20.0) -> str:
    finished = station.irctl(*words, timeout=timeout)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


async def test_real_processes_bring_it_to_a_certificate_that_holds(tmp_path: Path):
    config, hardware = a_config(tmp_path / "config"), tmp_path / "hardware.toml"
    hardware.write_text(toml(hardware_of(INSTANT)), encoding="utf-8")
    calibration = await begun(tmp_path / "state", config)
    with a_served_station(tmp_path, config=config, hardware=hardware) as station:
        station.simulator.ask(do="place", meter="meter", lamp="left", distance_cm=50.0)
        said = done(station, "calibrate", "left", "--by", BY, "--nothing-adjusted", "--submit", timeout=LIGHT_S)
        assert f"{calibration}: going on where it was left" in said
        assert "10 of 10" in said
        assert "Handed in" in said
        assert not station.simulator.truth("left")["powered"]
        assert len(station.events("calibration.reading")) == 10

        own = station.irctl("calibrations", "approve", calibration, "--by", BY)
        assert own.returncode == 3
        before = json.loads(station.irctl("lamps", "--json").stdout)
        assert calibration not in json.dumps(before)
        done(station, "calibrations", "approve", calibration, "--by", SECOND)
        assert calibration in station.irctl("lamps", "--json").stdout

        paper = tmp_path / "certificate.pdf"
        done(station, "calibrations", "certificate", calibration, "--output", str(paper))
        drawn = tmp_path / "drift.svg"
        done(station, "calibrations", "history", "left", "--output", str(drawn))
        assert drawn.read_text(encoding="utf-8").startswith("<svg")
        traced = json.loads(done(station, "calibrations", "trace", calibration, "--json"))
        assert len(traced) == 15, "ten readings and five points"
        assert all(one["holds"] for one in traced)

    # The station is gone, and the certificate still holds.
    key = tmp_path / "state" / "journal.pub"
    verified = irctl("certificate", "verify", str(paper), "--key", str(key))
    assert verified.returncode == 0, verified.stdout
    assert f"Certificate {calibration} holds" in verified.stdout
    printed = irctl("certificate", "print", str(paper), "--format", "json", "--output", "-")
    told = json.loads(printed.stdout)
    assert told["certificate"]["station"]["owner"] == OWNER
    told["certificate"]["stages"]["as-found"]["readings"][0]["reading_mw_cm2"] += 0.5
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(told), encoding="utf-8")
    assert irctl("certificate", "verify", str(forged), "--key", str(key)).returncode == 5
