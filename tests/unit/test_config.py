"""The station file: everything wrong with it is found at once, in words; nothing unknown is let through."""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from irctl.controller.calibration_file import load_calibration
from irctl.controller.config import load, resolve_port
from tests.unit.worlds import CONFIGS, StationFolder, refusal, toml

ANYWHERE = "calibrations/sim-l-001.toml"


@pytest.fixture
def folder(tmp_path: Path) -> StationFolder:
    return StationFolder(tmp_path)


def test_the_demonstration_station_holds_together() -> None:
    config = load(CONFIGS / "demo.toml")
    assert set(config.calibrations) == set(config.file.lamps) == {"left", "right"}
    assert config.calibrations["left"].lamp_serial == config.file.lamps["left"].serial


def test_the_station_of_four_lamps_holds_together() -> None:
    config = load(CONFIGS / "four.toml")
    assert set(config.calibrations) == set(config.file.lamps) == {"bay-1", "bay-2", "bay-3", "bay-4"}


def test_a_copy_of_it_means_the_same(folder: StationFolder) -> None:
    original, copy = load(CONFIGS / "demo.toml"), folder.load()
    assert copy.file == original.file
    assert copy.calibrations["left"].points == original.calibrations["left"].points
    assert copy.sha256 != original.sha256


def test_the_hash_is_that_of_the_text(folder: StationFolder) -> None:
    before = folder.load().sha256
    assert folder.load().sha256 == before
    folder.station["station"]["name"] = "Another"
    assert folder.load().sha256 != before


def test_many_things_wrong_are_all_said_at_once(folder: StationFolder) -> None:
    folder.left["interlocks"] = ["stop-button", "windwo", "hatch"]
    folder.left["serial"] = "SIM-L-999"
    del folder.left["cutoff_lease_s"]
    folder.right["calibration"] = "calibrations/nowhere.toml"
    folder.right["limits"]["irradiance_mw_cm2_max"] = 120.0
    folder.devices["dimmer2"]["unit"] = 12
    folder.devices["skin"]["line"] = "saftey-line"
    found = refusal(folder.load)
    assert found.fields == [
        "calibration",
        "devices.dimmer2.unit",
        "devices.skin.line",
        "lamps.left.cutoff_lease_s",
        "lamps.left.interlocks",
        "lamps.left.interlocks",
        "lamps.left.serial",
        "lamps.right.limits.irradiance_mw_cm2_max",
    ]


# --- the file and its keys ---------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_named(folder: StationFolder) -> None:
    problem = refusal(lambda: load(folder.path))["config"]
    assert problem.value == str(folder.path)
    assert "No such file" in problem.limit


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert refusal(lambda: load(tmp_path)).fields == ["config"]


@pytest.mark.parametrize(
    "text",
    [b"this is not TOML", b"[station\n", b'[station]\nname = "a"\nname = "b"\n', b"\xff\xfe\x00", b'{"json": true}'],
    ids=["prose", "half a header", "one key twice", "not UTF-8", "JSON"],
)
def test_what_is_not_toml_is_called_so_with_the_place(folder: StationFolder, text: bytes) -> None:
    folder.path.write_bytes(text)
    assert "not TOML" in refusal(lambda: load(folder.path))["station.toml"].limit


def test_an_empty_file_lacks_every_section(folder: StationFolder) -> None:
    folder.path.write_text("")
    found = refusal(lambda: load(folder.path))
    assert found.fields == ["devices", "lamps", "lines", "station"]
    assert all(problem.limit == "is missing" for problem in found.problems)


@pytest.mark.parametrize(
    ("section", "field"),
    [
        ([], "lampz"),
        (["station"], "station.lampz"),
        (["api"], "api.lampz"),
        (["lines", "lamp-line"], "lines.lamp-line.lampz"),
        (["lamps", "left"], "lamps.left.lampz"),
        (["lamps", "left", "limits"], "lamps.left.limits.lampz"),
    ],
)
def test_an_unknown_key_is_never_ignored(folder: StationFolder, section: list[str], field: str) -> None:
    table: dict[str, Any] = folder.station
    for name in section:
        table = table[name]
    table["lampz"] = 1
    assert refusal(folder.load)[field].limit == "is not a known key"


def test_several_misspellings_are_all_found(folder: StationFolder) -> None:
    folder.left["leese_s"] = folder.left.pop("lease_s")
    folder.right["distance"] = folder.right.pop("distance_cm")
    assert refusal(folder.load).fields == [
        "lamps.left.lease_s",
        "lamps.left.leese_s",
        "lamps.right.distance",
        "lamps.right.distance_cm",
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("lease_s", "2.0"),
        ("lease_s", True),
        ("lease_s", 0.0),
        ("lease_s", -1.0),
        ("lease_s", nan),
        ("lease_s", inf),
        ("cutoff_lease_s", nan),
        ("distance_cm", nan),
        ("distance_cm", 9.9),
        ("distance_cm", 201.0),
        ("tick_s", 2.0),
        ("tick_s", nan),
        ("idle_s", 0.0),
        ("serial", ""),
        ("serial", 7),
        ("interlocks", "door"),
        ("emitter", 1),
        ("calibration", ["a"]),
        ("limits", 100.0),
    ],
)
def test_a_value_of_the_wrong_kind_or_size_is_refused_and_shown(folder: StationFolder, key: str, value: Any) -> None:
    folder.left[key] = value
    problem = refusal(folder.load)[f"lamps.left.{key}"]
    assert problem.value == value or value != value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("irradiance_mw_cm2_max", 150.1),
        ("irradiance_mw_cm2_max", 0.0),
        ("irradiance_mw_cm2_max", nan),
        ("fluence_j_cm2_max", 200.1),
        ("fluence_j_cm2_max", nan),
        ("duration_s_max", 1801.0),
        ("duration_s_max", inf),
        ("duration_s_max", nan),
        ("skin_c_max", 43.1),
        ("skin_c_max", nan),
    ],
)
def test_a_station_may_tighten_the_projects_limits_and_not_loosen_them(
    folder: StationFolder, key: str, value: float
) -> None:
    folder.left["limits"][key] = value
    assert refusal(folder.load).fields == [f"lamps.left.limits.{key}"]


@pytest.mark.parametrize("name", ["Left", "left lamp", "1left", "", "left.1", "x" * 41])
def test_names_are_plain_because_they_go_into_addresses_and_records(folder: StationFolder, name: str) -> None:
    folder.station["lamps"][name] = folder.station["lamps"].pop("left")
    refusal(folder.load)


def test_a_line_format_nobody_speaks_is_refused(folder: StationFolder) -> None:
    folder.station["lines"]["lamp-line"]["format"] = "9N1"
    assert refusal(folder.load).fields == ["lines.lamp-line.format"]


@pytest.mark.parametrize("unit", [0, 248, -1, "12", 1.5])
def test_a_unit_that_modbus_does_not_know_is_refused(folder: StationFolder, unit: Any) -> None:
    folder.devices["dimmer"]["unit"] = unit
    assert refusal(folder.load).fields == ["devices.dimmer.unit"]


# --- how its parts fit together ----------------------------------------------------------------------------------------


def test_two_devices_on_one_address_are_both_named(folder: StationFolder) -> None:
    folder.devices["dimmer2"]["unit"] = 12
    problem = refusal(folder.load)["devices.dimmer2.unit"]
    assert problem.value == 12
    assert "'dimmer'" in problem.limit


def test_the_same_address_on_another_line_is_fine(folder: StationFolder) -> None:
    assert folder.devices["contactor"]["unit"] == folder.devices["contactor2"]["unit"] == 1
    folder.load()


def test_an_unknown_line_is_named_with_those_there_are(folder: StationFolder) -> None:
    folder.devices["skin"]["line"] = "saftey-line"
    problem = refusal(folder.load)["devices.skin.line"]
    assert problem.value == "saftey-line"
    assert "safety-line" in problem.remedy


def test_two_lines_cannot_own_one_port(folder: StationFolder) -> None:
    folder.station["lines"]["relay-line"]["port"] = folder.station["lines"]["safety-line"]["port"]
    assert "'safety-line'" in refusal(folder.load)["lines.relay-line.port"].limit


def test_an_unknown_interlock_is_named_with_those_there_are(folder: StationFolder) -> None:
    folder.left["interlocks"] = ["dor"]
    problem = refusal(folder.load)["lamps.left.interlocks"]
    assert problem.value == "dor"
    assert "door" in problem.remedy


def test_a_simulated_line_cannot_treat_patients(folder: StationFolder) -> None:
    folder.station["station"]["mode"] = "clinical"
    found = refusal(folder.load)
    assert found.fields == sorted([*(f"lines.{name}.port" for name in folder.station["lines"]), "people.sign_in"])
    assert all("clinical" in problem.limit for problem in found.problems)


def test_real_ports_and_people_who_sign_in_may(folder: StationFolder) -> None:
    folder.station["station"]["mode"] = "clinical"
    folder.station["people"] = {"sign_in": True}
    for number, line in enumerate(folder.station["lines"].values()):
        line["port"] = f"/dev/ttyUSB{number}"
    assert folder.load().file.station.mode == "clinical"


@pytest.mark.parametrize("said", [{}, {"people": {}}, {"people": {"sign_in": False}}])
def test_patients_are_not_treated_by_people_who_only_type_a_name(folder: StationFolder, said: dict[str, Any]) -> None:
    folder.station["station"]["mode"] = "clinical"
    for number, line in enumerate(folder.station["lines"].values()):
        line["port"] = f"/dev/ttyUSB{number}"
    folder.station |= said
    found = refusal(folder.load)
    assert found.fields == ["people.sign_in"]
    assert "sign_in = true" in found["people.sign_in"].remedy


def test_a_simulation_needs_no_sign_in_and_may_have_one(folder: StationFolder) -> None:
    assert not folder.load().file.people.sign_in
    folder.station["people"] = {"sign_in": True}
    assert folder.load().file.people.sign_in


def test_the_clinics_pages_are_known_by_their_port_and_by_origins(folder: StationFolder) -> None:
    assert folder.load().file.clinic.pages == {
        "http://127.0.0.1:8971",
        "http://localhost:8971",
        "http://[::1]:8971",
    }
    folder.station["clinic"] = {"port": 0, "origins": ["https://clinic.example", "https://clinic.example:8443"]}
    assert folder.load().file.clinic.pages == {"https://clinic.example", "https://clinic.example:8443"}


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "", "clinic.example", "http://clinic.example", "https://", "https://clinic.example/", "https://Clinic.example",
     "https://clinic.example:443", "https://user@clinic.example", "https://clinic.example:x", "https://[", "https://clinic.example?"],
)  # fmt: skip
def test_what_no_browser_sends_as_an_origin_is_refused(folder: StationFolder, origin: str) -> None:
    folder.station["clinic"] = {"origins": [origin]}
    assert refusal(folder.load).fields == ["clinic.origins"]


def test_a_cut_off_needs_a_lease_and_a_lease_a_cut_off(folder: StationFolder) -> None:
    del folder.left["cutoff_lease_s"]
    del folder.right["cutoff"]
    found = refusal(folder.load)
    assert found["lamps.left.cutoff_lease_s"].limit == "is missing"
    assert "no cut-off" in found["lamps.right.cutoff_lease_s"].limit


def test_more_than_100_milliwatts_need_a_skin_thermometer(folder: StationFolder) -> None:
    folder.left["limits"]["irradiance_mw_cm2_max"] = 120.0
    folder.load()
    del folder.left["skin"]
    assert refusal(folder.load).fields == ["lamps.left.limits.irradiance_mw_cm2_max"]


# --- calibrations ------------------------------------------------------------------------------------------------------


def test_a_lamp_without_calibration_loads_and_gives_no_light(folder: StationFolder) -> None:
    del folder.left["calibration"]
    assert set(folder.load().calibrations) == {"right"}


@pytest.mark.parametrize(("key", "ours"), [("serial", "SIM-L-002"), ("emitter", "dimmer.2")])
def test_a_calibration_of_another_lamp_or_emitter_says_nothing_about_this_one(
    folder: StationFolder, key: str, ours: str
) -> None:
    folder.left[key] = ours
    problem = refusal(folder.load)[f"lamps.left.{key}"]
    assert problem.value == ours
    assert "CAL-SIM-L-001-1" in problem.limit


def test_two_lamps_cannot_exchange_their_calibrations(folder: StationFolder) -> None:
    folder.left["calibration"], folder.right["calibration"] = folder.right["calibration"], folder.left["calibration"]
    assert refusal(folder.load).fields == [
        "lamps.left.emitter",
        "lamps.left.radiometer",
        "lamps.left.serial",
        "lamps.right.emitter",
        "lamps.right.serial",
    ]


def test_a_radiometer_that_was_never_compared_cannot_measure_a_dose(folder: StationFolder) -> None:
    del folder.left_calibration["meter_uncertainty_pct"]
    assert "meter_uncertainty_pct" in refusal(folder.load)["lamps.left.radiometer"].remedy


def test_what_is_shared_is_no_more_than_the_whole(folder: StationFolder) -> None:
    calibration = folder.load().calibrations["left"]
    assert calibration.curve_budget.expanded_pct == pytest.approx(calibration.expanded_uncertainty_pct)
    assert calibration.monitor_budget.expanded_pct == pytest.approx(6.0)
    folder.left_calibration["budget"]["factor_pct"] = 7.0
    assert "budget against meter_uncertainty_pct" in refusal(folder.load)["sim-l-001.toml"].limit
    folder.left_calibration["budget"]["surprise"] = 1.0
    assert refusal(folder.load).fields == ["budget.surprise"]


@pytest.mark.parametrize("name", ["calibrations/nowhere.toml", "calibrations", "a\0b"])
def test_a_calibration_that_cannot_be_read_is_named(folder: StationFolder, name: str) -> None:
    folder.left["calibration"] = name
    assert refusal(folder.load).fields == ["calibration"]


def test_a_calibration_without_points_enough_or_rising_is_refused(folder: StationFolder) -> None:
    points = folder.left_calibration["points"]
    folder.left_calibration["points"] = points[:2]
    assert "2 points" in refusal(folder.load)["sim-l-001.toml"].limit
    folder.left_calibration["points"] = [*points, {"level_pct": 95, "irradiance_mw_cm2": 20.0}]
    assert "not monotone" in refusal(folder.load)["sim-l-001.toml"].limit


def test_points_may_be_written_in_any_order(folder: StationFolder) -> None:
    before = folder.load().calibrations["left"].points
    folder.left_calibration["points"].reverse()
    assert folder.load().calibrations["left"].points == before


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("distance_cm", 0.0),
        ("distance_cm", nan),
        ("expanded_uncertainty_pct", -9.0),
        ("valid_until", "2036-11-01"),
        ("performed_by", ""),
        ("positioning_cm", inf),
        ("surprise", 1),
    ],
)
def test_a_calibration_file_is_as_strict_as_the_station_file(folder: StationFolder, key: str, value: Any) -> None:
    folder.left_calibration[key] = value
    assert refusal(folder.load).fields == [key]


@pytest.mark.parametrize(
    ("point", "field"),
    [
        ({"level_pct": nan, "irradiance_mw_cm2": 50.0}, "points.0.level_pct"),
        ({"level_pct": 50, "irradiance_mw_cm2": nan}, "points.0.irradiance_mw_cm2"),
        ({"level_pct": 0, "irradiance_mw_cm2": 5.0}, "points.0.level_pct"),
        ({"level_pct": 101, "irradiance_mw_cm2": 99.0}, "points.0.level_pct"),
        ({"level_pct": 50}, "points.0.irradiance_mw_cm2"),
    ],
)
def test_a_bad_point_is_named_by_its_number(folder: StationFolder, point: dict[str, float], field: str) -> None:
    folder.left_calibration["points"][0] = point
    assert refusal(folder.load).fields == [field]


def test_a_time_without_offset_could_be_anywhere(folder: StationFolder) -> None:
    folder.left_calibration["valid_until"] = datetime(2030, 1, 1)  # noqa: DTZ001
    assert "offset" in refusal(folder.load)["sim-l-001.toml"].limit


def test_parts_of_a_lamp_that_do_not_add_up_are_refused(folder: StationFolder) -> None:
    folder.left_calibration["response"] = [{"fraction": 0.5, "tau_s": 1.0}]
    assert "add up" in refusal(folder.load)["sim-l-001.toml"].limit


def test_a_calibration_carries_the_hash_of_its_file(folder: StationFolder) -> None:
    folder.write()
    before = load_calibration(folder.folder / ANYWHERE)
    folder.left_calibration["performed_at"] = datetime(2026, 10, 1, tzinfo=UTC)
    (folder.folder / ANYWHERE).write_text(toml(folder.left_calibration))
    after = load_calibration(folder.folder / ANYWHERE)
    assert len(before.sha256) == len(after.sha256) == 64
    assert before.sha256 != after.sha256


# --- simulated ports ---------------------------------------------------------------------------------------------------


def test_a_real_port_is_what_it_says() -> None:
    assert resolve_port("/dev/ttyUSB0") == "/dev/ttyUSB0"
    assert resolve_port("socket://host:1234") == "socket://host:1234"


def test_a_simulated_port_is_found_in_the_simulators_endpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoints = tmp_path / "endpoints.json"
    endpoints.write_text('{"lines": {"lamp-line": "socket://127.0.0.1:7000"}}')
    assert resolve_port("sim://lamp-line", endpoints) == "socket://127.0.0.1:7000"
    monkeypatch.setenv("IRCTL_SIM_ENDPOINTS", str(endpoints))
    assert resolve_port("sim://lamp-line") == "socket://127.0.0.1:7000"


@pytest.mark.parametrize("text", [None, "", "not json", "[]", "{}", '{"lines": {}}', '{"lines": null}'])
def test_a_simulator_that_does_not_offer_the_line_says_how_to_start_one(tmp_path: Path, text: str | None) -> None:
    endpoints = tmp_path / "endpoints.json"
    if text is not None:
        endpoints.write_text(text)
    problem = refusal(lambda: resolve_port("sim://lamp-line", endpoints))["port"]
    assert problem.value == "sim://lamp-line"
    assert "irctl-sim" in problem.remedy


def test_without_a_simulator_a_simulated_port_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IRCTL_SIM_ENDPOINTS", raising=False)
    assert "no simulator" in refusal(lambda: resolve_port("sim://lamp-line"))["port"].limit


# --- meters and upkeep -----------------------------------------------------------------------------------------------------


def test_a_meters_certificate_is_read_with_its_hash(folder: StationFolder) -> None:
    meter = folder.load().meters["reference"]
    assert (meter.serial, meter.certificate) == ("5186", "SIM-2026-0815")
    assert meter.mismatch("halogen").factor == 1.0
    assert len(meter.sha256) == 64


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"factor": 0.0}, "factor"),
        ({"factor": "1.02"}, "factor"),
        ({"expanded_uncertainty": 4.0}, "expanded_uncertainty"),
        (
            {"spectral": [{"lamp_type": "halogen", "factor": -1.0, "expanded_uncertainty_pct": 3.0}]},
            "spectral.0.factor",
        ),
    ],
)
def test_a_certificate_that_cannot_be_meant_is_refused(
    folder: StationFolder, change: dict[str, Any], field: str
) -> None:
    folder.meters["meters/sim-reference.toml"] |= change
    assert field in refusal(folder.load).fields


def test_a_certificate_that_ends_before_it_begins_is_refused(folder: StationFolder) -> None:
    certificate = folder.meters["meters/sim-reference.toml"]
    certificate["valid_until"] = certificate["calibrated_at"]
    assert "valid_until" in str(refusal(folder.load)["sim-reference.toml"])


def test_a_certificate_that_is_not_there_is_named(folder: StationFolder) -> None:
    folder.station["meters"]["reference"]["certificate"] = "meters/none.toml"
    assert refusal(folder.load).fields == ["meters.reference.certificate"]


def test_a_meter_on_a_line_is_a_radiometer(folder: StationFolder) -> None:
    folder.station["meters"]["reference"]["device"] = "skin"
    assert refusal(folder.build).fields == ["meters.reference.device"]


@pytest.mark.parametrize(
    ("upkeep", "field"),
    [
        ({"levels_pct": [20.0, 50.0, 100.0]}, "lamps.left.upkeep.levels_pct"),
        ({"check_levels_pct": [5.0]}, "lamps.left.upkeep.check_levels_pct"),
        ({"tolerance_pct": 0.0}, "lamps.left.upkeep.tolerance_pct"),
        ({"tolerance": 10.0}, "lamps.left.upkeep.tolerance"),
        ({"maintenance": [{"kind": "polished", "every_days": 30.0}]}, "lamps.left.upkeep.maintenance.0.kind"),
        ({"response": [{"fraction": 0.5, "tau_s": 1.0}]}, "lamps.left.upkeep.response"),
    ],
)
def test_upkeep_that_cannot_be_meant_is_refused(folder: StationFolder, upkeep: dict[str, Any], field: str) -> None:
    folder.left["upkeep"] = upkeep
    assert refusal(folder.load).fields == [field]


def test_a_controller_of_a_fleet_has_no_clinic_of_its_own(folder: StationFolder) -> None:
    folder.station["fleet"] = {"host": "10.0.0.7"}
    folder.station["clinic"] = {"enabled": False}
    assert folder.load().file.fleet is not None
    folder.station["clinic"] = {}
    assert refusal(folder.load).fields == ["clinic.enabled"]
