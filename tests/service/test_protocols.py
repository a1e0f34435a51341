"""Protocols from the command line: their own tests, and a course of two visits on a simulated station."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.worlds import CONFIGS, Station, a_station, irctl

EXAMPLES = sorted((CONFIGS / "protocols").glob("*.toml"))
SHORT = """
name = "short"
version = 1
title = "Two seconds, then three"
written_by = "a test"
lamp_types = ["halogen"]
distance_cm = [45, 90]
course = { per_week = 7, weeks = 1, fluence_j_cm2_max = 2.0 }
limits = { irradiance_mw_cm2_max = 60, fluence_j_cm2_max = 0.2, duration_s_max = 60, skin_c_max = 42.0, interval_s_min = 0 }
steps = [
  { from_visit = 1, irradiance_mw_cm2 = 50, fluence_j_cm2 = 0.1 },
  { from_visit = 2, irradiance_mw_cm2 = 50, fluence_j_cm2 = 0.15 },
]
missed = []
sources = [{ mark = "M", of = "everything", text = "a test" }]
expect = [
  { visit = 1, irradiance_mw_cm2 = 50, fluence_j_cm2 = 0.1 },
  { visit = 2, irradiance_mw_cm2 = 50, fluence_j_cm2 = 0.15 },
  { visit = 8, refused = true },
]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("protocols")
    (made / "short.toml").write_text(SHORT, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with a_station(tmp_path_factory.mktemp("station")) as running:
        yield running


@pytest.mark.parametrize("command", ["protocols list", "protocols show", "protocols check", "screening check"])
def test_help_of_a_command_shows_an_example(command: str) -> None:
    assert f"\nirctl {command}" in irctl(*command.split(), "--help").stdout


def test_the_examples_pass_their_own_tests_and_say_what_they_are() -> None:
    done = irctl("protocols", "check")
    assert done.returncode == 0
    listed = irctl("protocols").stdout
    for file in EXAMPLES:
        assert f"{file.name} {file.stem} version 1" in done.stdout
        assert file.stem in listed
    assert listed.count("EXAMPLE, to be approved by your clinic") == len(EXAMPLES)
    shown = irctl("protocols", "show", "luminous-ir").stdout
    for text in ("EXAMPLE", "from 3", "36 J/cm²", "15:00", "7 days: 2 visits back", "source, M"):
        assert text in shown


def test_a_protocol_that_fails_a_test_of_its_own_is_told_and_not_used(tmp_path: Path) -> None:
    (tmp_path / "short.toml").write_text(
        SHORT.replace("fluence_j_cm2 = 0.15 },\n]\nmissed", "fluence_j_cm2 = 0.16 },\n]\nmissed")
    )
    done = irctl("protocols", "check", str(tmp_path / "short.toml"), "--json")
    assert done.returncode == 3
    (found,) = json.loads(done.stdout)
    (problem,) = found["problems"]
    assert problem["field"] == "expect.1"
    assert "visit 2 gives 0.16 J/cm²" in problem["limit"]
    refused = treat("right", 1, tmp_path)
    assert refused.returncode == 3
    assert "expect.1" in refused.stderr


def words(lamp: str, visit: int, folder: Path, *more: str, patient: str = "P-17") -> list[str]:
    who = ("--patient", patient, "--area", "lumbar", "--by", "M. Okafor")
    return ["treat", lamp, "--protocol", "short", "--protocols", str(folder), "--visit", str(visit), *who, *more]


def treat(lamp: str, visit: int, folder: Path, *more: str):
    return irctl(*words(lamp, visit, folder, *more))


def test_two_visits_by_a_protocol_and_everything_that_conflicts_is_refused(station: Station, folder: Path) -> None:
    def refused(lamp: str, visit: int, *more: str) -> set[str]:
        done = station.irctl(*words(lamp, visit, folder, *more), "--json")
        assert done.returncode == 3, done.stderr
        return {problem["field"] for problem in json.loads(done.stdout)["problems"]}

    assert refused("right", 2) == {"visit"}
    assert refused("right", 1, "--fluence", "0.2") == {"fluence_j_cm2"}
    assert refused("middle", 1) == {"lamp"}
    assert refused("right", 2, "--given-elsewhere", "last week") == {"given_elsewhere"}
    assert station.events("session.ordered") == []

    first = station.irctl(*words("right", 1, folder), "--json")
    assert first.returncode == 0, first.stderr
    ended = json.loads(first.stdout)["ended"]
    assert ended["delivered"]["max_j_cm2"] >= station.simulator.truth("right")["fluence_j_cm2"] > 0.05  # it still glows

    assert refused("right", 1) == {"visit"}
    assert refused("left", 2) == {"lamp"}
    second = station.irctl(*words("right", 2, folder, "--fluence", "0.15"))
    assert second.returncode == 0, second.stderr
    assert "visit 2. EXAMPLE, to be approved by your clinic" in second.stdout
    orders = [event["order"] for event in station.events("session.ordered")]
    assert [order["fluence_j_cm2"] for order in orders] == [0.1, 0.15]
    assert {order["protocol"].split(",")[0] for order in orders} == {"short version 1"}
    assert {event["limits"]["skin_c_max"] for event in station.events("session.ordered")} == {42.0}


def test_a_visit_elsewhere_counts_and_a_dose_ten_times_unlike_it_is_refused(station: Station, folder: Path) -> None:
    def fields(*more: str) -> set[str]:
        done = station.irctl(*words("right", 2, folder, *more, patient="P-18"), "--json")
        assert done.returncode == 3, done.stderr
        return {problem["field"] for problem in json.loads(done.stdout)["problems"]}

    given, confirmed = ("--given-elsewhere", "2026-11-18T10:30=0.1@50"), ("--confirm-change", "lamp")
    assert fields(*given) == {"lamp", "protocol"}
    assert fields(*given, *confirmed) == {"protocol"}
    slip = ("--given-elsewhere", "2026-11-18T10:30=1.5@50")
    assert fields(*slip, *confirmed, "--confirm-change", "protocol", "--confirm-change", "fluence_j_cm2") == {
        "fluence_j_cm2"
    }
    assert fields("--given-elsewhere", "2026-11-18T10:30=1.9@50") == {"fluence_j_cm2"}  # the course's ceiling


def test_the_screening_list_passes_its_own_tests_and_says_what_it_is(tmp_path: Path) -> None:
    done = irctl("screening", "check")
    assert done.returncode == 0
    assert "EXAMPLE, to be approved by your clinic" in done.stdout
    (tmp_path / "infrared.toml").write_text("name = 3\n", encoding="utf-8")
    bad = irctl("screening", "check", str(tmp_path / "infrared.toml"), "--json")
    assert bad.returncode == 3
    assert {"name", "items", "sensation"} <= {p["field"] for p in json.loads(bad.stdout)[0]["problems"]}
