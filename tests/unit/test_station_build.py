"""What only shows once devices and lines are together: drivers, channels, leases, and watchdogs that somebody else feeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from irctl.bus.line import Line
from irctl.controller.config import LineSection
from irctl.controller.journal.journal import Journal
from irctl.controller.station import build, off_frames, real_wire
from irctl.documents.certificate import Sealed
from irctl.documents.certificate.wording import view
from tests.documents.calibrations import a_calibration, sealed
from tests.unit.worlds import NOW, StationFolder, refusal


@pytest.fixture
def folder(tmp_path: Path) -> StationFolder:
    return StationFolder(tmp_path)


def test_the_demonstration_station_can_be_built_without_touching_a_port(folder: StationFolder) -> None:
    station = folder.build()
    assert set(station.lamps) == {"left", "right"}
    assert set(station.lines) == {"lamp-line", "safety-line", "relay-line", "sensor-line"}
    assert all(isinstance(line, Line) for line in station.lines.values())


def test_every_lease_is_longer_than_its_line_needs_to_go_dark(folder: StationFolder) -> None:
    station = folder.build()
    for lamp in folder.load().file.lamps.values():
        for ref, lease_s in ((lamp.emitter, lamp.lease_s), (lamp.cutoff, lamp.cutoff_lease_s)):
            line = folder.devices[str(ref).partition(".")[0]]["line"]
            worst_s = station.lines[line].worst_time_to_dark_s(off_frames(station, line))
            assert 0 < worst_s < (lease_s or 0)


# --- drivers -----------------------------------------------------------------------------------------------------------


def test_an_unknown_driver_is_named_with_those_installed(folder: StationFolder) -> None:
    folder.devices["dimmer"]["driver"] = "wirenbord-mdm3"
    problem = refusal(folder.build)["devices.dimmer"]
    assert problem.value == "wirenbord-mdm3"
    assert "wirenboard-mdm3" in problem.limit


@pytest.mark.parametrize(
    ("device", "options"),
    [
        ("dimmer", {"ramp_down_ms_per_pct": 10}),
        ("dimmer", {"ramp_down_ms_per_pct": "0"}),
        ("dimmer", {"watchdog": True}),
        ("contactor", {"retrigger": "ignore"}),
        ("contactor", {"retrigger": "extend"}),
        ("contactor", {"channels": 7}),
        ("radiometer", {"response_s": 0.0}),
        ("skin", {"emissivity": 0.98}),
        ("skin", {"timeout_s": "soon"}),
        ("skin", {"timeout_s": 0.0}),
        ("skin", {"timeout_s": 1.0, "reply_max_s": 0.5}),
    ],
    ids=str,
)
def test_a_bad_driver_option_is_refused_by_its_device(
    folder: StationFolder, device: str, options: dict[str, Any]
) -> None:
    folder.devices[device] |= options
    found = refusal(folder.build)
    assert found.fields == [f"devices.{device}"]


def test_an_option_without_a_safe_default_must_be_given(folder: StationFolder) -> None:
    del folder.devices["contactor"]["retrigger"]
    assert "'retrigger' is missing" in refusal(folder.build)["devices.contactor"].limit


def test_every_bad_device_is_found_at_once(folder: StationFolder) -> None:
    folder.devices["dimmer"]["driver"] = "nobody"
    folder.devices["contactor"]["retrigger"] = "ignore"
    folder.devices["skin"]["emissivity"] = 0.98
    assert refusal(folder.build).fields == ["devices.contactor", "devices.dimmer", "devices.skin"]


# --- channels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "ref"),
    [
        ("radiometer", "dimmer.1"),
        ("radiometer", "radiometer.2"),
        ("skin", "radiometer"),
        ("cutoff", "contactor.9"),
        ("cutoff", "contactor"),
        ("cutoff", "dimmer.2"),
        ("cutoff", "nowhere.1"),
        ("cutoff", "contactor.one"),
        ("cutoff", "contactor."),
        ("cutoff", ""),
    ],
)
def test_a_channel_the_device_does_not_offer_is_refused(folder: StationFolder, role: str, ref: str) -> None:
    folder.left[role] = ref
    problem = refusal(folder.build)[f"lamps.left.{role}"]
    assert problem.value == ref


def test_every_wrong_reference_is_found_at_once(folder: StationFolder) -> None:
    folder.left["skin"] = "dimmer"
    folder.right["cutoff"] = "contactor2.9"
    folder.station["interlocks"]["door"] = "io.9"
    folder.devices["radiometer"]["driver"] = "nobody"
    assert refusal(folder.build).fields == [
        "devices.radiometer",
        "interlocks.door",
        "lamps.left.skin",
        "lamps.right.cutoff",
    ]


# --- leases ------------------------------------------------------------------------------------------------------------


def test_a_lease_shorter_than_the_lines_worst_time_to_dark_is_refused(folder: StationFolder) -> None:
    folder.station["lines"]["lamp-line"]["baud"] = 300
    folder.left["lease_s"] = folder.right["lease_s"] = 1.0
    found = refusal(folder.build)
    assert found.fields == ["lamps.left.lease_s", "lamps.right.lease_s"]
    assert "'lamp-line'" in found["lamps.left.lease_s"].limit


def test_a_patient_unit_makes_its_whole_line_slower(folder: StationFolder) -> None:
    folder.devices["dimmer2"]["timeout_s"] = 1.5
    folder.devices["dimmer2"]["reply_max_s"] = 2.0
    assert refusal(folder.build).fields == ["lamps.left.lease_s", "lamps.right.lease_s"]


@pytest.mark.parametrize("lease_s", [1.5, 2.25])
def test_a_lease_the_device_cannot_count_is_refused_with_its_steps(folder: StationFolder, lease_s: float) -> None:
    folder.left["lease_s"] = lease_s
    assert "steps of 1 s" in refusal(folder.build)["lamps.left.lease_s"].limit


@pytest.mark.parametrize("lease_s", [3.05, 61.0])
def test_the_same_for_the_cut_off(folder: StationFolder, lease_s: float) -> None:
    folder.left["cutoff_lease_s"] = lease_s
    assert "steps of 0.1 s" in refusal(folder.build)["lamps.left.cutoff_lease_s"].limit


def test_a_lease_must_last_for_two_ticks(folder: StationFolder) -> None:
    folder.left["lease_s"], folder.left["tick_s"] = 1.0, 0.75
    assert "every 0.75 s" in refusal(folder.build)["lamps.left.lease_s"].limit


# --- fail-safes that are really its own --------------------------------------------------------------------------------


def without_cut_offs(folder: StationFolder) -> None:
    for lamp in (folder.left, folder.right):
        del lamp["cutoff"], lamp["cutoff_lease_s"]


def on_one_dimmer(folder: StationFolder) -> None:
    folder.right["emitter"] = "dimmer.2"
    folder.calibrations["calibrations/sim-r-001.toml"]["emitter"] = "dimmer.2"


def test_two_lamps_that_feed_each_others_watchdog_are_refused(folder: StationFolder) -> None:
    on_one_dimmer(folder)
    without_cut_offs(folder)
    found = refusal(folder.build)
    assert found.fields == ["lamps.left.emitter", "lamps.right.emitter"]
    assert "shares the watchdog of 'dimmer' with lamp 'right'" in found["lamps.left.emitter"].limit


def test_one_lamps_own_cut_off_does_not_protect_the_other(folder: StationFolder) -> None:
    on_one_dimmer(folder)
    del folder.right["cutoff"], folder.right["cutoff_lease_s"]
    assert refusal(folder.build).fields == ["lamps.right.emitter"]


def test_a_timed_cut_off_each_makes_a_shared_dimmer_safe(folder: StationFolder) -> None:
    on_one_dimmer(folder)
    folder.right["cutoff"] = "contactor.2"
    folder.build()


def test_a_cut_off_with_a_watchdog_of_its_own_does_too(folder: StationFolder) -> None:
    on_one_dimmer(folder)
    assert folder.right["cutoff"] == "contactor2.1"
    folder.build()


def test_a_shared_dimmer_behind_a_shared_watchdog_cut_off_is_refused(folder: StationFolder) -> None:
    on_one_dimmer(folder)
    folder.left["cutoff"], folder.right["cutoff"] = "contactor2.1", "contactor2.2"
    assert refusal(folder.build).fields == ["lamps.left.emitter", "lamps.right.emitter"]


@pytest.mark.parametrize(
    ("lamp", "role", "ref"),
    [("right", "cutoff", "contactor.1"), ("left", "cutoff", "contactor2.1")],
)
def test_one_cut_off_cannot_serve_two_lamps(folder: StationFolder, lamp: str, role: str, ref: str) -> None:
    """It would stay closed as long as either is lit."""
    folder.station["lamps"][lamp][role] = ref
    found = refusal(folder.build)
    assert "already" in found["lamps.right.cutoff"].limit


def test_one_emitter_cannot_be_two_lamps(folder: StationFolder) -> None:
    folder.right["emitter"] = "dimmer.1"
    folder.calibrations["calibrations/sim-r-001.toml"]["emitter"] = "dimmer.1"
    assert "lamps.left.emitter already" in refusal(folder.build)["lamps.right.emitter"].limit


def test_a_cut_off_that_is_the_emitter_itself_is_none(folder: StationFolder) -> None:
    folder.left["emitter"] = folder.left_calibration["emitter"] = "contactor.1"
    assert "lamps.left.emitter already" in refusal(folder.build)["lamps.left.cutoff"].limit


# --- ports -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("port", ["tcp://", "socket://nowhere", "gopher://host:70"])
def test_a_port_that_cannot_be_is_refused_before_it_is_opened(port: str) -> None:
    section = LineSection(port=port)
    problem = refusal(lambda: real_wire()("lamp-line", section))["lines.lamp-line.port"]
    assert problem.value == port


def test_every_bad_port_is_found_at_once(folder: StationFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IRCTL_SIM_ENDPOINTS", raising=False)
    folder.station["lines"]["relay-line"]["port"] = "gopher://host:70"
    found = refusal(lambda: build(folder.load(), Journal(folder.folder / "j", lambda: NOW), real_wire()))
    assert [problem.value for problem in found.problems] == [
        "sim://lamp-line",
        "sim://safety-line",
        "gopher://host:70",
        "sim://sensor-line",
    ]


@pytest.mark.anyio
@pytest.mark.virtual
@pytest.mark.parametrize("line", ["safety-line", "lamp-line"])
async def test_a_stop_works_on_a_network_line_which_knows_no_broadcast(folder: StationFolder, line: str) -> None:
    """Unit 0 is the gateway there. A relay board's broadcast OFF must not keep the addressed ones from being sent."""
    folder.station["lines"][line]["port"] = "tcp://gateway:502"
    folder.left["emitter"] = folder.left_calibration["emitter"] = "contactor.2"
    station = folder.build()
    latch = await station.shutdown.stop("a tester", "trying", "test")
    assert latch.evidence["left"].off_sent_s is not None
    assert latch.evidence["left"].verified_dark_s is None


# --- certificates --------------------------------------------------------------------------------------------------------


def test_a_certificate_names_the_laboratory_and_the_owner_of_the_station_file(folder: StationFolder) -> None:
    assert folder.build().calibrations.station_told == {"name": "Demonstration", "simulated": True}
    told = {"laboratory": "Technical service", "address": "Rheinstraße 12", "owner": "Weststadt GmbH"}
    folder.station["station"] |= told
    station_told = folder.build().calibrations.station_told
    assert station_told == {"name": "Demonstration", "simulated": True, **told}
    printed = str(view(Sealed.of(sealed(a_calibration(), station=station_told))))
    assert all(words in printed for words in told.values())


@pytest.mark.parametrize("key", ["laboratory", "address", "owner"])
def test_a_name_on_a_certificate_is_not_empty_and_fits_its_line(folder: StationFolder, key: str) -> None:
    for wrong in ("", "x" * 201, 5):
        folder.station["station"][key] = wrong
        assert refusal(folder.load).fields == [f"station.{key}"]
