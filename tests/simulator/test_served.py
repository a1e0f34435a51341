"""The simulator as a process: pseudo-terminals, TCP, control socket, command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import serial

from irctl_simulator.cli import main
from irctl_simulator.control import ask
from tests.simulator.worlds import DEMO, frame

START_S = 10.0

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM and ptys")


class Served:
    """A running `irctl-sim`, its endpoints file and what is in it."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.file = folder / "endpoints.json"
        command = [sys.executable, "-m", "irctl_simulator", "--endpoints", str(self.file), *words]
        self._complaints = (folder / "stderr.txt").open("w+")
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=self._complaints)
        deadline = time.monotonic() + START_S
        while not self.file.exists():
            assert self.process.poll() is None, "the simulator ended early"
            assert time.monotonic() < deadline, "the simulator did not start"
            time.sleep(0.02)
        self.endpoints: dict[str, Any] = json.loads(self.file.read_text())

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(5)
        self._complaints.seek(0)
        complaints = self._complaints.read()
        self._complaints.close()
        assert complaints == ""
        return status


@pytest.fixture(scope="module")
def on_ptys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("ptys")
    served = Served(folder, "--config", str(DEMO), "--links", str(folder / "ports"))
    yield served
    served.stop()


def tell(served: Served, **request: Any) -> dict[str, Any]:
    return ask(served.endpoints["control"], request)


def exchange(port: str, text: str, size: int) -> str:
    with serial.Serial(port, 9600, timeout=0.5) as line:
        line.reset_input_buffer()
        line.write(frame(text))
        return line.read(size)[:-2].hex(" ")


def test_a_pty_answers_at_the_pace_of_the_wire(on_ptys: Served):
    port = on_ptys.endpoints["lines"]["lamp-line"]
    assert os.path.islink(port)
    with serial.Serial(port, 9600, stopbits=2, timeout=0.5) as line:
        start = time.monotonic()
        line.write(frame("0c 03 00 08 00 01"))
        assert line.read(7) == frame("0c 03 02 00 0a")
        assert time.monotonic() - start > 15 * 11 / 9600 + 0.004


@pytest.mark.skipif(shutil.which("mbpoll") is None, reason="mbpoll is not installed")
def test_an_independent_client_reads_the_pty(on_ptys: Served):
    port = on_ptys.endpoints["lines"]["lamp-line"]
    words = ["mbpoll", "-m", "rtu", "-a", "12", "-b", "9600", "-P", "none", "-s", "2", "-0", "-1", "-t", "4", "-r", "8"]
    done = subprocess.run([*words, "-c", "1", port], capture_output=True, text=True, timeout=5, check=True)
    assert "[8]: \t10" in done.stdout


def test_the_control_socket_breaks_and_mends(on_ptys: Served):
    port = on_ptys.endpoints["lines"]["safety-line"]
    question, answer = "02 02 00 00 00 08", "02 02 01 03"
    assert exchange(port, question, 6) == answer
    assert tell(on_ptys, do="fault", target="io", kind="silent") == {"ok": True}
    assert exchange(port, question, 6) == ""
    assert tell(on_ptys, do="state")["state"]["devices"]["io"]["silent"] is True
    assert tell(on_ptys, do="clear") == {"ok": True}
    assert exchange(port, question, 6) == answer
    refused = tell(on_ptys, do="fault", target="io", kind="sleepy")
    assert refused["ok"] is False
    assert "silent" in refused["error"]
    assert tell(on_ptys, do="dance")["ok"] is False


def test_unplugged_means_gone_until_replugged(on_ptys: Served):
    port = on_ptys.endpoints["lines"]["relay-line"]
    with serial.Serial(port, 9600, timeout=0.5) as line:
        tell(on_ptys, do="fault", target="relay-line", kind="unplug")
        time.sleep(0.05)
        with pytest.raises((serial.SerialException, OSError)):
            line.write(frame("01 01 00 00 00 05"))
    assert not os.path.lexists(port)
    tell(on_ptys, do="clear")
    deadline = time.monotonic() + 2
    while not os.path.lexists(port) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert exchange(port, "01 01 00 00 00 05", 6) == "01 01 01 00"


def test_the_command_line_talks_to_it(on_ptys: Served, capsys: pytest.CaptureFixture[str]):
    file = str(on_ptys.file)
    assert main(["fault", "left", "mains", "factor=0.92", "--endpoints", file]) == 0
    assert main(["truth", "--lamp", "left", "--endpoints", file]) == 0
    assert json.loads(capsys.readouterr().out)["left"]["fluence_j_cm2"] == 0.0
    assert main(["clear", "--control", on_ptys.endpoints["control"]]) == 0
    assert main(["fault", "nobody", "silent", "--endpoints", file]) == 1
    assert "dimmer" in capsys.readouterr().err
    assert main(["truth"]) == 1


def test_a_meter_is_carried_about_from_the_command_line(on_ptys: Served, capsys: pytest.CaptureFixture[str]):
    file = str(on_ptys.file)
    assert main(["place", "meter", "left", "--distance", "40", "--angle", "10", "--endpoints", file]) == 0
    assert main(["truth", "--meter", "meter", "--endpoints", file]) == 0
    found = json.loads(capsys.readouterr().out)["meter"]
    assert (found["lamp"], found["distance_cm"], found["angle_deg"]) == ("left", 40.0, 10.0)
    assert main(["remove", "meter", "--endpoints", file]) == 0
    assert tell(on_ptys, do="state")["state"]["meters"]["meter"]["lamp"] is None
    assert main(["place", "meter", "left", "--distance", "0.2", "--endpoints", file]) == 1
    assert "distance_cm must lie in 1..1000" in capsys.readouterr().err
    assert main(["place", "radiometer", "left", "--distance", "40", "--endpoints", file]) == 1
    assert "there are meter" in capsys.readouterr().err
    assert tell(on_ptys, do="place", meter="meter", lamp="left")["error"] == "place needs distance_cm=NUMBER"
    assert (
        "no parameter angle" in tell(on_ptys, do="place", meter="meter", lamp="left", distance_cm=40, angle=5)["error"]
    )


def test_rtu_over_tcp_and_a_clean_end(tmp_path: Path):
    served = Served(tmp_path, "--config", str(DEMO), "--transport", "tcp")
    scheme, _, place = served.endpoints["lines"]["safety-line"].partition("://")
    assert scheme == "socket"
    host, _, port = place.partition(":")
    with socket.create_connection((host, int(port)), timeout=2) as line:
        line.sendall(frame("01 05 00 00 ff 00"))
        heard = b""
        while len(heard) < 8:
            heard += line.recv(64)
        assert heard == frame("01 05 00 00 ff 00")
        assert served.stop() == 0
    assert not served.file.exists()


def test_modbus_tcp_is_served_as_such(tmp_path: Path):
    config = tmp_path / "net.toml"
    config.write_text('[lines.net]\nprotocol = "modbus-tcp"\n[devices.it]\ntwin = "waveshare-relay"\nline = "net"\n')
    served = Served(tmp_path, "--config", str(config))
    scheme, _, place = served.endpoints["lines"]["net"].partition("://")
    assert scheme == "tcp"
    host, _, port = place.partition(":")
    request = bytes.fromhex("00 2a 00 00 00 06 01 05 00 00 ff 00")
    with socket.create_connection((host, int(port)), timeout=2) as line:
        line.sendall(request)
        assert line.recv(64) == request
    assert served.stop() == 0


def test_calibration_points_print_as_toml(capsys: pytest.CaptureFixture[str]):
    import tomllib

    assert main(["calibration", "--config", str(DEMO), "--lamp", "left", "--levels", "50", "100"]) == 0
    points = tomllib.loads(capsys.readouterr().out)["points"]
    assert points == [
        {"level_pct": 50, "irradiance_mw_cm2": pytest.approx(54.56)},
        {"level_pct": 100, "irradiance_mw_cm2": pytest.approx(95.0)},
    ]


def test_a_misspelt_key_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    config = tmp_path / "wrong.toml"
    config.write_text("sed = 1\n[lines]\n[devices]\n")
    assert main(["--config", str(config)]) == 1
    assert "sed" in capsys.readouterr().err
