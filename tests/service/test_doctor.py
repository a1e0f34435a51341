"""`irctl doctor` against a real controller, a real clinic and real folders: what it finds, what it says to people and to scripts."""

from __future__ import annotations

import json
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from irctl.cli import exits
from irctl.cli.health.finding import TITLES
from tests.service.worlds import DEMO, Station, a_station, an_order, irctl

NOBODY = "http://127.0.0.1:9"
START_S = 40.0

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions and locks of another kind")


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with a_station(tmp_path_factory.mktemp("station")) as running:
        assert running.irctl(*an_order(fluence=0.1)).returncode == 0
        yield running


def doctor(state: Path, url: str, *words: str) -> tuple[int, dict[str, Any]]:
    done = irctl("doctor", "--config", str(DEMO), "--state", str(state), "--json", *words, url=url, timeout=60)
    return done.returncode, json.loads(done.stdout)


def found(told: dict[str, Any], check: str) -> list[dict[str, Any]]:
    return [finding for finding in told["findings"] if finding["check"] == check]


def verdict(told: dict[str, Any], check: str) -> str:
    (finding,) = found(told, check)
    return finding["verdict"]


def test_a_station_that_runs_is_well(station: Station) -> None:
    code, told = doctor(station.state, station.url)
    assert (code, told["ok"]) == (0, True)
    for check in ("controller.answers", "controller.version", "controller.journal", "journal.holds", "journal.anchor"):
        assert verdict(told, check) == "ok", check
    assert [one["verdict"] for one in found(told, "line.up")] == ["ok"] * 4
    assert verdict(told, "clinic.file") == "not known"
    assert told["counts"]["problem"] == 0
    for finding in told["findings"]:
        assert (finding["remedy"] is None) is (finding["verdict"] == "ok"), finding


@posix
def test_it_knows_the_process_that_holds_the_folder_and_the_file_it_runs_on(station: Station, tmp_path: Path) -> None:
    _, told = doctor(station.state, station.url)
    assert verdict(told, "file.in-use") == "ok"
    assert verdict(told, "clock.steady") == "ok"
    code, told = doctor(station.state, NOBODY)
    assert (code, verdict(told, "controller.answers")) == (1, "problem")
    done = irctl("doctor", "--config", str(DEMO), "--state", str(station.state), "--probe", url=NOBODY)
    assert (done.returncode, "owns the lines" in done.stderr) == (exits.REFUSED, True)
    for beside in ("calibrations", "meters"):
        shutil.copytree(DEMO.parent / beside, tmp_path / beside)
    other = tmp_path / "other.toml"
    other.write_text(DEMO.read_text("utf-8").replace("lease_s = 2.0", "lease_s = 3.0", 1), "utf-8")
    done = irctl("doctor", "--config", str(other), "--state", str(station.state), "--json", url=station.url)
    assert verdict(json.loads(done.stdout), "file.in-use") == "warning"


def test_a_person_reads_groups_verdicts_and_remedies_and_at_the_end_what_it_comes_to(station: Station) -> None:
    done = irctl("doctor", "--config", str(DEMO), "--state", str(station.state), url=station.url)
    said = done.stdout.splitlines()
    titles = [title for topic, title in TITLES.items() if topic not in ("device", "fleet")]
    assert [line for line in said if line in titles] == titles
    assert any(line.split()[:2] == ["ok", "lamp-line"] for line in said)
    assert "→ Name it: --clinic-file" in done.stdout
    assert "problem: 0, warning:" in done.stdout
    assert "What is not known is not well yet" in done.stdout


def test_a_stop_is_a_problem_until_somebody_lifts_it(station: Station) -> None:
    assert station.irctl("stop", "--by", "M. Okafor", "--reason", "smoke {0}").returncode == 0
    code, told = doctor(station.state, station.url)
    (finding,) = found(told, "controller.stopped")
    assert (code, told["ok"], finding["verdict"]) == (1, False, "problem")
    assert "by M. Okafor: smoke {0}" in finding["text"]
    assert finding["remedy"].startswith("When its cause is gone: irctl clear")
    assert station.irctl("clear", "--by", "M. Okafor", "--reason", "test").returncode == 0
    assert doctor(station.state, station.url)[0] == 0


def test_without_a_controller_what_only_one_knows_is_not_known_and_that_is_no_problem(tmp_path: Path) -> None:
    code, told = doctor(tmp_path, NOBODY)
    assert code == 0
    unknown = {finding["check"] for finding in told["findings"] if finding["verdict"] == "not known"}
    assert unknown >= {"controller.answers", "due.upkeep", "line.up", "journal.holds", "clock.steady", "clinic.file"}
    assert all(lease_s > line["worst_time_to_dark_s"] for line in told["lines"] for lease_s in line["leases_s"].values())  # fmt: skip


@posix
def test_a_journal_that_does_not_hold_and_a_key_that_others_may_read_are_problems(
    station: Station, tmp_path: Path
) -> None:
    state = tmp_path / "copy"
    shutil.copytree(station.state, state)
    journal = state / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"completed"', b'"faulted"', 1))
    (state / "journal.key").chmod(0o644)
    code, told = doctor(state, NOBODY)
    assert (code, verdict(told, "journal.holds"), verdict(told, "state.key")) == (1, "problem", "problem")
    assert found(told, "state.key")[0]["remedy"] == f"chmod 600 {state / 'journal.key'}"


def test_a_file_that_is_refused_is_told_with_its_problems_and_code_3(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text('[station]\nname = "x"\nmode = "clinical"\n', "utf-8")
    done = irctl("doctor", "--config", str(bad), "--json")
    assert done.returncode == exits.REFUSED
    assert {problem["field"] for problem in json.loads(done.stdout)["problems"]} >= {"lines", "lamps"}
    clinic = tmp_path / "clinic.toml"
    clinic.write_text("[clinic]\nlanguage = 'xx'\n", "utf-8")
    done = irctl("doctor", "--config", str(DEMO), "--clinic-file", str(clinic), "--json")
    assert done.returncode == exits.REFUSED
    assert json.loads(done.stdout)["problems"][0]["field"] == "clinic.language"


def test_a_clinic_on_a_computer_of_its_own_is_looked_at_without_a_station(tmp_path: Path) -> None:
    file = tmp_path / "clinic.toml"
    file.write_text('[stations.room-7]\nurl = "https://10.0.0.7:8972"\n', "utf-8")
    done = irctl("doctor", "--clinic-file", str(file), "--state", str(tmp_path), "--json", timeout=60)
    told = json.loads(done.stdout)
    assert (done.returncode, verdict(told, "fleet.paired"), verdict(told, "clinic.database")) == (1, "problem", "not known")  # fmt: skip
    assert {finding["check"].partition(".")[0] for finding in told["findings"]} == {"state", "clinic", "fleet", "clock", "computer"}  # fmt: skip
    output = tmp_path / "bundle.tar.gz"
    where = ("--clinic-file", str(file), "--state", str(tmp_path), "--json")
    done = irctl("support-bundle", "-o", str(output), *where, timeout=60)
    made = {one["name"]: one["why"] for one in json.loads(done.stdout)["files"] if one["bytes"] is None}
    assert (done.returncode, made["station-file.json"]) == (0, "no station was looked at")
    assert irctl("doctor", "--state", str(tmp_path)).returncode == exits.REFUSED


def test_a_clinic_beside_it_is_looked_at_too(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file = tmp_path / "clinic.toml"
    file.write_text(f"[clinic]\nport = {port}\n", "utf-8")
    words = ("--clinic-file", str(file), "--clinic-port", str(port))
    with a_station(tmp_path, *words, clinic=True) as station:
        assert station.irctl(*an_order(fluence=0.1)).returncode == 0
        until = time.monotonic() + START_S
        while True:
            code, told = doctor(station.state, station.url, "--clinic-file", str(file))
            if verdict(told, "clinic.pages") == "ok" and found(told, "clinic.followed"):
                break
            assert time.monotonic() < until, told["findings"]
            time.sleep(0.5)
    assert code == 0
    for check in ("clinic.database", "clinic.key", "clinic.followed", "clinic.outbox"):
        assert verdict(told, check) == "ok", check
    assert [one["about"] for one in found(told, "state.key")] == ["journal.key", "people.key", "records.key"]
