"""The command line against a real controller on a simulated station: what it says, and what it returns to a script."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.worlds import (
    DEMO,
    Simulator,
    Station,
    a_simulator,
    a_station,
    an_order,
    irctl,
    read_until,
    started,
    the_rest,
)

NOBODY = "http://127.0.0.1:9"

posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no signals to send")


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with a_station(tmp_path_factory.mktemp("station")) as running:
        yield running


# --- without a controller --------------------------------------------------------------------------------------------------


def test_help_tells_every_command_and_every_exit_code():
    said = irctl("--help").stdout
    for word in ("treat", "stop", "clear", "status", "note", "journal", "demo", "serve", "doctor", "config"):
        assert word in said
    for code in range(6):
        assert f"  {code}  " in said


@pytest.mark.parametrize("command", ["treat", "stop", "clear", "pause", "note", "serve", "demo", "journal verify"])
def test_help_of_a_command_shows_an_example(command: str):
    assert f"\nirctl {command}" in irctl(*command.split(), "--help").stdout


def test_nobody_there_is_said_with_the_address_and_what_to_do():
    done = irctl("status", url=NOBODY)
    assert done.returncode == 4
    assert NOBODY in done.stderr
    assert "irctl serve" in done.stderr
    assert done.stdout == ""


def test_a_stop_that_reaches_nobody_says_that_the_lamps_may_be_on():
    done = irctl("stop", url=NOBODY)
    assert done.returncode == 4
    assert "LAMPS MAY BE ON" in done.stderr


def test_json_of_a_failure_is_still_json_on_stdout():
    done = irctl("lamps", "--json", url=NOBODY)
    assert done.returncode == 4
    assert NOBODY in json.loads(done.stdout)["error"]
    assert done.stderr == ""


def test_what_is_not_understood_is_a_usage_error():
    assert irctl("teat", "left").returncode == 2
    assert irctl("treat", "left", "--fluence", "much").returncode == 2


def test_config_check_finds_several_faults_at_once(tmp_path: Path):
    copy_beside(tmp_path)
    text = DEMO.read_text(encoding="utf-8")
    text = text.replace("unit = 13", "unit = 12").replace('["stop-button", "door"]', '["stop-button", "window"]', 1)
    (tmp_path / "bad.toml").write_text(text.replace("SIM-R-001", "SIM-R-002"), encoding="utf-8")
    done = irctl("config", "check", str(tmp_path / "bad.toml"), "--json")
    assert done.returncode == 3
    problems = {p["field"]: p for p in json.loads(done.stdout)["problems"]}
    assert problems.keys() >= {"devices.dimmer2.unit", "lamps.left.interlocks", "lamps.right.serial"}
    assert all(p["limit"] and p["remedy"] for p in problems.values())
    shown = irctl("config", "check", str(tmp_path / "bad.toml")).stdout
    assert all(field in shown for field in problems)


def test_config_check_and_doctor_need_no_hardware_for_a_sound_file():
    assert irctl("config", "check", str(DEMO)).returncode == 0
    done = irctl("doctor", "--config", str(DEMO), "--json")
    assert done.returncode == 0
    for line in json.loads(done.stdout)["lines"]:
        assert all(lease_s > line["worst_time_to_dark_s"] > 0 for lease_s in line["leases_s"].values())


# --- with one --------------------------------------------------------------------------------------------------------------


def test_status_shows_the_station_and_says_that_it_is_simulated(station: Station):
    said = station.irctl("status").stdout
    for text in ("Demonstration", "simulated", "not a certified medical device", "left", "right", "lamp-line"):
        assert text in said
    assert json.loads(station.irctl("status", "--json").stdout)["simulated"] is True


def test_a_refused_order_comes_back_with_every_reason(station: Station):
    words = an_order(fluence=500.0, irradiance=400.0)
    done = station.irctl(*words)
    assert done.returncode == 3
    assert "fluence_j_cm2" in done.stderr
    assert "irradiance_mw_cm2" in done.stderr
    listed = json.loads(station.irctl(*words, "--json").stdout)["problems"]
    assert {p["field"] for p in listed} >= {"fluence_j_cm2", "irradiance_mw_cm2"}


def test_a_treatment_runs_to_its_dose_and_leaves_a_note(station: Station, tmp_path: Path):
    done = station.irctl(*an_order(fluence=0.1), "--json")
    assert done.returncode == 0, done.stderr
    ended = json.loads(done.stdout)["ended"]
    assert ended["outcome"] == "completed"
    delivered = ended["delivered"]
    assert delivered["min_j_cm2"] <= station.simulator.truth("right")["fluence_j_cm2"] <= delivered["max_j_cm2"]

    session = ended["session"]
    listed = json.loads(station.irctl("sessions", "--json").stdout)
    assert session in [s["id"] for s in listed]
    page = tmp_path / "note.pdf"
    assert station.irctl("note", session, "--output", str(page)).returncode == 0
    assert page.read_bytes().startswith(b"%PDF")
    assert station.irctl("note", session, "--output", str(tmp_path / "note.json")).returncode == 0
    note = json.loads((tmp_path / "note.json").read_text(encoding="utf-8"))
    assert note["session"] == session
    assert note["source"]["unbroken"] is True

    evidence, key = tmp_path / "evidence.json", station.state / "journal.pub"
    done = station.irctl("export", session, "-o", str(evidence), "--by", "M. Okafor")
    assert done.returncode == 0, done.stderr
    done = irctl("verify", str(evidence), "--key", str(key))
    assert done.returncode == 0, done.stdout
    assert f"Session {session} holds." in done.stdout
    assert "which you trust" in done.stdout
    evidence.write_bytes(evidence.read_bytes().replace(b'"fluence_j_cm2": 0.1', b'"fluence_j_cm2": 0.2', 1))
    done = irctl("verify", str(evidence), "--key", str(key))
    assert done.returncode == 5
    assert "(session.ordered) was changed" in done.stdout
    from_file = station.irctl("note", session, "--format", "json", "--output", "-", "--file", str(station.journal))
    assert json.loads(from_file.stdout)["source"] == note["source"]


def test_a_note_of_a_session_that_never_was_is_refused(station: Station):
    done = station.irctl("note", "S-20000101-0001")
    assert done.returncode == 3
    assert "S-20000101-0001" in done.stderr


@posix
def test_ctrl_c_ends_the_session_and_says_so(station: Station):
    with started("irctl", *an_order(), url=station.url) as treating:
        read_until(treating, "emitting")
        assert station.simulator.truth("right")["powered"]
        treating.send_signal(signal.SIGINT)
        said = the_rest(treating)
        assert "Ctrl-C: ending the session" in said
        assert "Stopped" in said
        assert treating.returncode == 1
        assert not station.simulator.truth("right")["powered"]
        assert station.events("session.ended")[-1]["outcome"] == "stopped"
        assert station.events("session.ended")[-1]["by"] == "M. Okafor"
        assert json.loads(station.irctl("status", "--json").stdout)["latched"] is None


def test_pause_resume_and_end_by_hand(station: Station):
    with started("irctl", *an_order(), url=station.url) as treating:
        read_until(treating, "emitting")
        session = station.events("session.ordered")[-1]["session"]
        by = ("--by", "M. Okafor")
        assert station.irctl("pause", session, *by).returncode == 0
        read_until(treating, "paused")
        time.sleep(0.5)
        assert not station.simulator.truth("right")["powered"]
        assert station.irctl("resume", session, *by).returncode == 0
        read_until(treating, "emitting")
        assert station.irctl("end", session, *by, "--reason", "patient asked").returncode == 0
        said = the_rest(treating)
        assert "patient asked" in said
        assert treating.returncode == 1
        assert station.irctl("pause", session, *by).returncode == 3


@posix
def test_a_treatment_whose_terminal_went_away_is_ended(station: Station):
    with started("irctl", *an_order(), url=station.url) as treating:
        read_until(treating, "emitting")
        assert treating.stdout
        treating.stdout.close()
        session = station.events("session.ordered")[-1]["session"]
        station.irctl("pause", session, "--by", "M. Okafor")  # a change of state, which it wants to print
        assert treating.wait(20) == 1
    until = time.monotonic() + 20  # a busy machine writes the end a moment later
    while "terminal went away" not in (said := station.irctl("sessions").stdout) and time.monotonic() < until:
        time.sleep(0.5)
    assert "terminal went away" in said


def test_stop_darkens_latches_and_is_cleared_by_a_person_with_a_reason(station: Station):
    with started("irctl", *an_order(), url=station.url) as treating:
        read_until(treating, "emitting")
        done = station.irctl("stop", "--now", "--json")  # a word it does not know: a stop is a stop
        assert done.returncode == 0
        assert all(found["verified_dark_s"] is not None for found in json.loads(done.stdout)["evidence"].values())
        assert not station.simulator.truth("right")["powered"]
        assert treating.wait(20) == 1

    assert "STOPPED" in station.irctl("status").stdout
    assert station.irctl(*an_order()).returncode == 3
    assert station.irctl("clear", "--by", "M. Okafor", "--reason", " ").returncode == 3
    assert station.irctl("clear", "--by", "M. Okafor", "--reason", "test").returncode == 0
    assert station.irctl("clear", "--by", "M. Okafor", "--reason", "test").returncode == 3
    assert station.events("stop.cleared")[-1]["reason"] == "test"


def test_stop_is_quick(station: Station):
    """From the start of the process to the evidence, both lamps read back over 9600 baud."""
    began = time.monotonic()
    assert station.irctl("stop").returncode == 0
    elapsed_s = time.monotonic() - began
    assert station.irctl("clear", "--by", "M. Okafor", "--reason", "test").returncode == 0
    assert elapsed_s < 1.0


def test_the_journal_verifies_over_the_api_and_from_its_file(station: Station, tmp_path: Path):
    assert station.irctl("journal", "verify").returncode == 0
    lines = station.journal.read_bytes().splitlines(keepends=True)
    changed = tmp_path / "changed.jsonl"
    changed.write_bytes(b"".join([*lines[:2], lines[2].replace(b"dark", b"bark"), *lines[3:]]))
    done = irctl("journal", "verify", "--file", str(changed), "--json")
    assert done.returncode == 5
    assert json.loads(done.stdout)["line"] == 3
    assert "controller.started" in irctl("journal", "show", "--file", str(changed)).stdout
    shown = json.loads(station.irctl("journal", "show", "--last", "3", "--json").stdout)
    assert [e["seq"] for e in shown] == sorted(e["seq"] for e in shown)
    assert len(shown) == 3


def test_a_journal_of_many_files_is_one_to_whoever_asks(tmp_path: Path):
    """The least file size: the first treatment's file is closed before the second one's order."""
    config = tmp_path / "small.toml"
    for beside in ("calibrations", "meters"):
        shutil.copytree(DEMO.parent / beside, tmp_path / beside)
    config.write_text(DEMO.read_text(encoding="utf-8") + "\n[journal]\nfile_mb_max = 0.01\n", encoding="utf-8")
    with a_station(tmp_path, config=config) as station:
        sessions = [treated(station, fluence=0.5), treated(station, fluence=0.1)]
        (closed,) = station.state.glob("journal-*.jsonl")
        assert [s["id"] for s in json.loads(station.irctl("sessions", "--json").stdout)] == sessions[::-1]
        for session in sessions:
            assert station.irctl("note", session, "--output", str(tmp_path / f"{session}.pdf")).returncode == 0
        pages = json.loads(station.irctl("journal", "show", "--samples", "--json").stdout)
        assert [event["seq"] for event in pages] == list(range(1, len(pages) + 1))
    for file in (station.journal, closed):
        of_file = irctl("note", sessions[0], "--output", "-", "--format", "json", "--file", str(file))
        assert json.loads(of_file.stdout)["session"] == sessions[0]
    verifying = ("journal", "verify", "--json", "--file", str(station.journal))
    whole = json.loads(irctl(*verifying).stdout)
    assert whole["ok"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moving = ("journal", "archive", "--state", str(station.state), "--into", str(elsewhere), "--older-than-days", "0")
    assert json.loads(irctl(*moving, "--json").stdout) == {"moved": [closed.name]}
    assert json.loads(irctl(*verifying).stdout)["ok"]
    assert json.loads(irctl(*verifying, "--archive", str(elsewhere)).stdout)["events"] == whole["events"]
    next(station.state.glob("*.moved")).unlink()
    missed = irctl(*verifying)
    assert missed.returncode == 5
    assert "no file holds them" in json.loads(missed.stdout)["problem"]


def treated(station: Station, fluence: float) -> str:
    """The session's identifier."""
    done = station.irctl(*an_order(fluence=fluence), "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["ended"]["session"]


def test_a_second_controller_is_kept_out_of_the_same_state(station: Station):
    where = ("--config", str(DEMO), "--state", str(station.state), "--port", "0")
    done = irctl("serve", *where, "--sim-endpoints", str(station.simulator.endpoints))
    assert done.returncode == 3
    assert "another controller" in done.stderr
    assert station.irctl("journal", "verify").returncode == 0


def test_doctor_does_not_probe_while_a_controller_runs(station: Station, tmp_path: Path):
    done = irctl(*probing(tmp_path, station.simulator, port=station.url.rpartition(":")[2]))
    assert done.returncode == 3
    assert "is running and owns the lines" in done.stderr


def test_doctor_asks_every_device_and_finds_the_silent_one(tmp_path: Path):
    with a_simulator(tmp_path) as simulator:
        probe = probing(tmp_path, simulator, port="9")
        assert irctl(*probe).returncode == 0
        simulator.ask(do="fault", target="skin", kind="silent")
        done = irctl(*probe, "--json")
        assert done.returncode == 1
        assert [d["name"] for d in json.loads(done.stdout)["devices"] if not d["ok"]] == ["skin"]


def copy_beside(folder: Path) -> None:
    """What the station file names."""
    for name in ("calibrations", "meters"):
        shutil.copytree(DEMO.parent / name, folder / name)


def probing(folder: Path, simulator: Simulator, port: str) -> list[str]:
    """Words of a probe of the demonstration's devices, with the controller at `port`."""
    config = folder / "here.toml"
    copy_beside(folder)
    config.write_text(DEMO.read_text(encoding="utf-8").replace("port = 8970", f"port = {port}"), encoding="utf-8")
    return ["doctor", "--probe", "--config", str(config), "--sim-endpoints", str(simulator.endpoints)]


# --- the end of a controller -----------------------------------------------------------------------------------------------


@posix
def test_a_controller_that_is_asked_to_end_goes_dark_first(tmp_path: Path):
    with a_station(tmp_path) as station, started("irctl", *an_order(), url=station.url) as treating:
        read_until(treating, "emitting")
        assert station.simulator.truth("right")["powered"]
        station.process.send_signal(signal.SIGTERM)
        assert station.process.wait(20) == 0
        assert not station.simulator.truth("right")["powered"]
        assert station.events("controller.stopped")
        assert irctl("journal", "verify", "--file", str(station.journal)).returncode == 0
        treating.kill()  # it would wait for another controller
