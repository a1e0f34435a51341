"""A stranger's Modbus client against the simulated devices: they are what their manuals say, not what our driver expects."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.service.worlds import DEMO_SIM, Simulator, a_simulator

MBPOLL = shutil.which("mbpoll")
SERIAL = {"lamp-line": ("-b", "9600", "-P", "none", "-s", "2"), "safety-line": ("-b", "9600", "-P", "none", "-s", "1")}

pytestmark = pytest.mark.skipif(
    MBPOLL is None and os.environ.get("CI") != "true", reason="mbpoll is not installed (in CI it has to be)"
)


@pytest.fixture(scope="module", params=["rtu", "tcp"])
def simulator(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """The demonstration's devices: on pseudo-terminals with RTU, or behind Modbus TCP."""
    folder = tmp_path_factory.mktemp(request.param)
    config = folder / "sim.toml"
    text = DEMO_SIM.read_text(encoding="utf-8")
    for line in SERIAL if request.param == "tcp" else ():
        text = text.replace(f"[lines.{line}]", f'[lines.{line}]\nprotocol = "modbus-tcp"')
    config.write_text(text, encoding="utf-8")
    with a_simulator(folder, config) as running:
        yield running


def mbpoll(simulator: Simulator, line: str, unit: int, *words: str, values: tuple[str, ...] = ()) -> str:
    port = simulator.lines[line]
    if port.startswith("tcp://"):
        host, _, number = port.removeprefix("tcp://").rpartition(":")
        where, target = ("-m", "tcp", "-p", number), host
    else:
        where, target = ("-m", "rtu", *SERIAL[line]), port
    command = ["mbpoll", *where, "-a", str(unit), "-0", "-1", *words, target, *values]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout


def test_the_dimmer_takes_and_tells_a_level(simulator: Simulator):
    level = ("-t", "4", "-r", "0")
    assert "Written 1" in mbpoll(simulator, "lamp-line", 12, *level, values=("40",))
    assert "[0]: \t40" in mbpoll(simulator, "lamp-line", 12, *level)
    assert not simulator.truth("left")["powered"]


def test_the_lamp_has_power_only_through_both_dimmer_and_relay(simulator: Simulator):
    switch = ("-t", "0", "-r", "0")
    mbpoll(simulator, "lamp-line", 12, "-t", "4", "-r", "0", values=("40",))
    assert "Written 1" in mbpoll(simulator, "lamp-line", 12, *switch, values=("1",))
    assert not simulator.truth("left")["powered"]
    assert "Written 1" in mbpoll(simulator, "safety-line", 1, *switch, values=("1",))
    assert "[0]: \t1" in mbpoll(simulator, "safety-line", 1, *switch)
    assert simulator.truth("left")["powered"]
    mbpoll(simulator, "safety-line", 1, *switch, values=("0",))
    assert "[0]: \t0" in mbpoll(simulator, "safety-line", 1, *switch)
    assert not simulator.truth("left")["powered"]
    mbpoll(simulator, "lamp-line", 12, *switch, values=("0",))
