"""A technician at the wires: who is there, what it says, and a gateway between that somebody else wrote."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.service.worlds import ANSWER_S, DEMO, Simulator, a_simulator, a_station, irctl

SER2NET, MBUSD = shutil.which("ser2net"), shutil.which("mbusd")
with_ser2net = pytest.mark.skipif(
    SER2NET is None and os.environ.get("CI") != "true", reason="ser2net is not installed (in CI it has to be)"
)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with a_simulator(tmp_path_factory.mktemp("lines")) as running:
        yield running


@contextmanager
def a_gateway(folder: Path, terminal: str) -> Iterator[int]:
    """ser2net: what comes by TCP goes to the line as it is."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "ser2net.yaml"
    config.write_text(
        f"connection: &line\n  accepter: tcp,127.0.0.1,{port}\n  connector: serialdev,{terminal},9600n81,local\n"
    )
    process = subprocess.Popen(["ser2net", "-n", "-c", str(config)], stderr=subprocess.PIPE)
    try:
        _listens(port)
        yield port
    finally:
        process.kill()
        process.communicate()


@contextmanager
def a_modbus_gateway(terminal: str) -> Iterator[int]:
    """mbusd: Modbus TCP in front of a serial line. It must not repeat what may have been obeyed (-N 0)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["-d", "-L", "-", "-v", "0", "-p", terminal, "-s", "9600", "-m", "8n1", "-A", "127.0.0.1", "-P", str(port)]
    process = subprocess.Popen(["mbusd", *words, "-N", "0", "-R", "5", "-W", "150"], stdout=subprocess.DEVNULL)
    try:
        _listens(port)
        yield port
    finally:
        process.kill()
        process.communicate()


def _listens(port: int) -> None:
    deadline = time.monotonic() + ANSWER_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the gateway does not listen")


def scan(port: str, *words: str) -> tuple[int, list[dict[str, object]]]:
    done = irctl("line", "scan", port, "--baud", "9600", "--format", "8N1", "--json", *words, timeout=60)
    return done.returncode, json.loads(done.stdout)


def test_a_scan_tells_who_is_there_and_who_knows_them(simulator: Simulator) -> None:
    code, found = scan(simulator.lines["safety-line"], "--units", "1-4")
    assert code == 0
    assert [one["unit"] for one in found] == [1, 2, 3]
    known = {one["unit"]: {each["driver"] for each in one["known"]} for one in found}  # type: ignore[attr-defined]
    assert "calex-pyrominibus" in known[3]


def test_nobody_there_says_what_to_check(simulator: Simulator) -> None:
    done = irctl(
        "line", "scan", simulator.lines["safety-line"], "--baud", "9600", "--format", "8N1", "--units", "9", timeout=60
    )
    assert done.returncode == 1
    assert "Check power, A and B, termination" in done.stdout
    assert irctl("line", "scan", "/dev/nothing-here", "--units", "1", timeout=60).returncode == 3


def test_one_device_says_what_it_measures_and_a_running_lines_frames_go_by(tmp_path: Path) -> None:
    with a_simulator(tmp_path) as simulator:
        where = ("--config", str(DEMO), "--sim-endpoints", str(simulator.endpoints))
        told = json.loads(irctl("device", "read", "skin", *where, "--json").stdout)
        assert told["values"]["thermometer 1"] == pytest.approx(32.0, abs=3)
        done = irctl("device", "watch", "io", *where, "--times", "2", "--every", "0.1", "--json")
        assert len(done.stdout.splitlines()) == 2
        refused = irctl("device", "write", "dimmer", "level1", "50", *where)
        assert refused.returncode == 3
        assert "has no map" in refused.stderr
    served = tmp_path / "served"
    served.mkdir()
    with a_station(served) as station:
        where = ("--config", str(DEMO), "--sim-endpoints", str(station.simulator.endpoints))
        watched = irctl("line", "watch", "safety-line", "--seconds", "1.5", "--json", url=station.url)
        frames = [json.loads(line) for line in watched.stdout.splitlines()]
        assert {frame["direction"] for frame in frames} == {"tx", "rx"}
        assert any(frame["name"] == "read coils" for frame in frames)


@with_ser2net
def test_a_line_behind_a_gateway_is_like_any_other(simulator: Simulator, tmp_path: Path) -> None:
    with a_gateway(tmp_path, simulator.lines["safety-line"]) as port:
        code, found = scan(f"socket://127.0.0.1:{port}", "--units", "1-4")
    assert code == 0
    assert [one["unit"] for one in found] == [1, 2, 3]


@pytest.mark.skipif(MBUSD is None, reason="mbusd is not installed: Debian 12 has no package of it")
def test_a_line_behind_a_modbus_gateway_is_like_any_other(simulator: Simulator, tmp_path: Path) -> None:
    with a_modbus_gateway(simulator.lines["safety-line"]) as port:
        done = irctl(
            "line", "scan", f"tcp://127.0.0.1:{port}", "--units", "1-4", "--timeout", "0.4", "--json", timeout=60
        )
    found = {one["unit"]: {each["driver"] for each in one["known"]} for one in json.loads(done.stdout)}
    assert {1, 2, 3} <= set(found)
    assert "calex-pyrominibus" in found[3]
