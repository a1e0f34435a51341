"""Real processes: a simulator, a controller on it, and the command line as a person runs it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONFIGS = Path(__file__).parents[2] / "configs"
DEMO, DEMO_SIM = CONFIGS / "demo.toml", CONFIGS / "demo-sim.toml"
START_S = 20.0
ANSWER_S = 20.0

View = dict[str, Any]


def environment(**more: str) -> dict[str, str]:
    """No terminal, no colours, and no address from the person who runs the tests."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("IRCTL_")}
    own["XDG_CONFIG_HOME"] = os.devnull  # nor is anybody signed in
    return own | {"NO_COLOR": "1", "COLUMNS": "160", "PYTHONUNBUFFERED": "1"} | more


def irctl(*words: str, url: str | None = None, timeout: float = ANSWER_S) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "irctl", *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        env=environment(**({"IRCTL_URL": url} if url else {})),
        check=False,
    )


@contextmanager
def started(
    module: str, *words: str, url: str | None = None, on: Sequence[str] = ()
) -> Iterator[subprocess.Popen[str]]:
    """One process, running beside the test, and ended with it whatever happens. `on`: what goes before it, to run it on another computer."""
    process = subprocess.Popen(
        [*on, sys.executable, "-m", module, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env=environment(**({"IRCTL_URL": url} if url else {})),
    )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdout
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(ANSWER_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    finally:
        process.stdout.close()


def the_rest(process: subprocess.Popen[str]) -> str:
    """What it says until it ends by itself."""
    return process.communicate(timeout=ANSWER_S)[0]


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """The lines of a process up to the first that holds `text`."""
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if text in line:
            return said
    raise AssertionError(f"it ended without saying {text!r}:\n{said}")


@dataclass(frozen=True)
class Simulator:
    """A running simulator."""

    process: subprocess.Popen[str]
    endpoints: Path
    lines: dict[str, str]
    control: str

    def ask(self, **request: Any) -> View:
        host, _, port = self.control.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=ANSWER_S) as connection:
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as answers:
                answer = json.loads(answers.readline())
        assert answer.pop("ok"), answer
        return answer

    def truth(self, lamp: str) -> View:
        """What the lamp really does, whatever anybody believes."""
        return self.ask(do="truth", lamp=lamp)["truth"][lamp]


@dataclass(frozen=True)
class Station:
    """A running controller on a running simulator."""

    simulator: Simulator
    process: subprocess.Popen[str]
    url: str
    state: Path

    @property
    def journal(self) -> Path:
        return self.state / "journal.jsonl"

    def irctl(self, *words: str, timeout: float = ANSWER_S) -> subprocess.CompletedProcess[str]:
        return irctl(*words, url=self.url, timeout=timeout)

    def events(self, name: str) -> list[View]:
        found = [json.loads(line) for line in self.journal.read_text(encoding="utf-8").splitlines()]
        return [event for event in found if event["event"] == name]


@contextmanager
def a_simulator(folder: Path, config: Path = DEMO_SIM, *words: str) -> Iterator[Simulator]:
    endpoints = folder / "endpoints.json"
    with started("irctl_simulator", "--config", str(config), "--endpoints", str(endpoints), *words) as process:
        deadline = time.monotonic() + START_S
        while not endpoints.exists():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline, "the simulator did not start"
            time.sleep(0.02)
        found = json.loads(endpoints.read_text(encoding="utf-8"))
        yield Simulator(process, endpoints, found["lines"], found["control"])


@contextmanager
def a_station(
    folder: Path,
    *words: str,
    config: Path = DEMO,
    hardware: Path = DEMO_SIM,
    clinic: bool = False,
    on: Sequence[str] = (),
) -> Iterator[Station]:
    state = folder / "state"
    with a_simulator(folder, hardware) as simulator:
        where = ("--config", str(config), "--state", str(state), "--sim-endpoints", str(simulator.endpoints))
        beside = () if clinic else ("--no-clinic",)
        # On a computer of its own nobody else has the port.
        port = () if on else ("--port", "0")
        with started("irctl", "serve", "--json", *port, *where, *beside, *words, on=on) as process:
            url = json.loads(read_until(process, '"url"').splitlines()[-1])["url"]
            yield Station(simulator, process, url, state)


def an_order(lamp: str = "right", fluence: float = 5.0, irradiance: float = 50.0) -> Sequence[str]:
    """Words of `irctl treat`. The right lamp has no radiometer: no dark reading, no waiting for an afterglow."""
    figures = ("--fluence", str(fluence), "--irradiance", str(irradiance))
    return ("treat", lamp, *figures, "--patient", "P-17", "--area", "lumbar", "--by", "M. Okafor")
