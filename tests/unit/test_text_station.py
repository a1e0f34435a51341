"""A station file with lines of text: what may hang on one, and what a lamp without a fail-safe of its own needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from irctl.bus.text_line import TextLine
from irctl.controller.light import recovery
from irctl.controller.station import off_frames
from tests.unit.worlds import StationFolder, refusal

KORAD = {
    "driver": "korad",
    "line": "supply-line",
    "range": "31V-5.1A",
    "regulate": "current",
    "full": 2.0,
    "limit": 28.0,
}
TDK = {
    "driver": "scpi-supply",
    "line": "supply-line",
    "profile": "tdk-genesys-plus",
    "regulate": "current",
    "full": 2.0,
    "limit": 28.0,
}


@pytest.fixture
def folder(tmp_path: Path) -> StationFolder:
    """The demonstration's left lamp on a supply; its radiometer an Ophir. Both on lines of text."""
    folder = StationFolder(tmp_path)
    folder.station["lines"] |= {
        "supply-line": {"port": "socket://supply:5025", "protocol": "text"},
        "meter-line": {"port": "sim://meter-line", "protocol": "text"},
    }
    folder.devices["supply"] = dict(KORAD)
    folder.devices["power-meter"] = {"driver": "ophir", "line": "meter-line", "area_cm2": 1.5}
    folder.left["emitter"] = folder.left_calibration["emitter"] = "supply.1"
    folder.left["radiometer"] = "power-meter"
    return folder


def test_a_lamp_on_lines_of_text_is_put_together(folder: StationFolder) -> None:
    station = folder.build()
    assert isinstance(station.lines["supply-line"], TextLine)
    assert [request.pdu() for request in off_frames(station, "supply-line")] == [b"OUT0", b"STATUS?"]
    assert 0 < station.lines["supply-line"].worst_time_to_dark_s(off_frames(station, "supply-line")) < 2


def test_a_supply_without_a_fail_safe_is_refused_without_a_cut_off(folder: StationFolder) -> None:
    del folder.left["cutoff"], folder.left["cutoff_lease_s"]
    problem = refusal(folder.build)["lamps.left.emitter"]
    assert problem.limit == "cannot end the light by itself, and no cut-off does"
    assert "cut-off" in problem.remedy


def test_a_supply_with_a_watchdog_needs_none(folder: StationFolder) -> None:
    folder.devices["supply"] = dict(TDK)
    del folder.left["cutoff"], folder.left["cutoff_lease_s"]
    folder.build()


def test_a_watchdogs_lease_is_checked_against_its_line(folder: StationFolder) -> None:
    folder.devices["supply"] = {**TDK, "timeout_s": 1.5, "reply_max_s": 2.0}
    assert "'supply-line'" in refusal(folder.build)["lamps.left.lease_s"].limit


@pytest.mark.parametrize(
    ("device", "line", "told"),
    [
        ("power-meter", "sensor-line", "speaks text, and line 'sensor-line' speaks modbus"),
        ("radiometer", "supply-line", "speaks modbus, and line 'supply-line' speaks text"),
    ],
)
def test_a_device_on_a_line_of_another_tongue_is_refused(
    folder: StationFolder, device: str, line: str, told: str
) -> None:
    folder.devices[device]["line"] = line
    if device == "power-meter":
        folder.devices[device]["unit"] = 9
    else:
        del folder.devices[device]["unit"], folder.devices["supply"]
        folder.left["emitter"] = folder.left_calibration["emitter"] = "dimmer.1"
    problem = refusal(folder.build)[f"devices.{device}"]
    assert told in problem.limit
    assert "protocol" in problem.limit


def test_a_line_of_text_has_no_addresses_and_one_device(folder: StationFolder) -> None:
    folder.devices["supply"]["unit"] = 3
    folder.devices["power-meter"]["line"] = "supply-line"
    found = refusal(folder.load)
    assert found.fields == ["devices.power-meter.line", "devices.supply.unit"]


def test_a_modbus_device_still_needs_its_address(folder: StationFolder) -> None:
    del folder.devices["dimmer2"]["unit"]
    assert "1 to 247" in refusal(folder.load)["devices.dimmer2.unit"].remedy


def test_text_over_a_modbus_tcp_address_is_refused_with_the_right_one(folder: StationFolder) -> None:
    folder.station["lines"]["supply-line"]["port"] = "tcp://supply:5025"
    assert "socket://" in refusal(folder.build)["lines.supply-line.port"].remedy


@pytest.mark.parametrize(("fail_safe", "lasts_s"), [("none", 9.0), ("comm-watchdog", 2.0)])
def test_after_a_crash_light_may_have_lasted_until_what_really_ends_it(fail_safe: str, lasts_s: float) -> None:
    common: dict[str, Any] = {"session": "S-1", "at": "2026-11-23T10:00:00.000Z"}
    ordered = {
        "event": "session.ordered",
        "lamp": "left",
        "order": {"irradiance_mw_cm2": 100.0, "fluence_j_cm2": 60.0},
        "lamp_info": {"lease_s": 2.0, "fail_safe": fail_safe},
        "calibration": {"afterglow_s": 0.0},
        "planned_s": 600.0,
    }
    armed = {"event": "session.armed", "cutoff_lease_s": 9.0}
    lit = {"event": "session.starting"}
    (ended,) = recovery.interrupted([common | one for one in (ordered, armed, lit)])  # type: ignore[list-item]
    assert ended["delivered"]["max_j_cm2"] == pytest.approx(
        100.0 * recovery.BRIGHTER * (recovery.UNSEEN_S + lasts_s) / 1000.0
    )
