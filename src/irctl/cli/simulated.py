"""A simulator and a controller for the demonstrations: processes of their own as in earnest, ended in an orderly way, the controller first."""

from __future__ import annotations

import json as jsonlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from irctl.cli.client import Controller, Failed
from irctl.cli.signals import ignored

START_MAX_S = 30.0
"""A cold disk and a busy machine; a controller that drives a silent lamp dark takes its lease and a little more."""
END_MAX_S = 10.0
"""A controller that is asked to end goes dark first."""
LOOK_EVERY_S = 0.05

View = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A simulator and a controller, each a process of its own as in earnest."""

    controller: Controller
    control: str
    """Address of the simulator's control socket."""
    processes: tuple[subprocess.Popen[bytes], ...]
    log: Path
    """What the controller and the clinic say."""

    @classmethod
    def start(cls, state: Path, hardware: Path, station: Path, port: int, ending: ExitStack, *more: str) -> Self:
        """Start both and wait until they serve; `ending` takes them down again, the controller first. `more`: words for `irctl serve`. Raises Failed."""
        endpoints, log = state / "endpoints.json", state / "controller.log"
        endpoints.unlink(missing_ok=True)
        simulated = ("--config", str(hardware), "--endpoints", str(endpoints))
        simulator = _spawn("irctl_simulator", simulated, state / "simulator.log", ending)
        found = _wait_for(lambda: _read_json(endpoints), simulator, state / "simulator.log")
        served = ("serve", "--json", "--port", str(port), "--config", str(station))
        where = ("--state", str(state), "--sim-endpoints", str(endpoints))
        controller = _spawn("irctl", (*served, *where, *more), log, ending)
        announced = _wait_for(lambda: _announced(log), controller, log)
        return cls(Controller(announced["url"]), found["control"], (simulator, controller), log)

    def truth(self) -> dict[str, View]:
        """What really happened at each lamp, which only a simulator knows."""
        host, _, port = self.control.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=5.0) as connection:
            connection.sendall(b'{"do":"truth"}\n')
            with connection.makefile("rb") as lines:
                return jsonlib.loads(lines.readline())["truth"]

    def serving(self) -> str:
        """The clinic's address, once it serves. Raises Failed."""
        return _wait_for(lambda: _clinic_of(self.log), self.processes[-1], self.log)

    def wait(self) -> None:
        """Until one of them ends, or somebody interrupts."""
        while all(process.poll() is None for process in self.processes):
            time.sleep(0.5)
        raise Failed("the simulator or the controller has ended; their logs are beside the journal")


def _spawn(module: str, words: tuple[str, ...], log: Path, ending: ExitStack) -> subprocess.Popen[bytes]:
    output = ending.enter_context(log.open("wb"))
    # Its own group: Ctrl-C in this terminal is for the session first, not for the processes under it.
    flags = subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0
    with ignored():  # between the start and the promise to end it
        process = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            creationflags=flags,
        )
        ending.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    with ignored():
        process.terminate()
        try:
            process.wait(END_MAX_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(look: Callable[[], T | None], process: subprocess.Popen[bytes], log: Path) -> T:
    deadline = time.monotonic() + START_MAX_S
    while (found := look()) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(encoding="utf-8", errors="replace").strip()[-2000:]
            raise Failed(f"{log.stem} did not start. It said:\n{said or '(nothing)'}")
        time.sleep(LOOK_EVERY_S)
    return found


def _read_json(path: Path) -> View | None:
    return jsonlib.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _announced(log: Path) -> View | None:
    """The line in which the controller says where it serves, once it is whole."""
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
        if line.startswith('{"url"') and line.endswith("\n"):
            return jsonlib.loads(line)
    return None


def _clinic_of(log: Path) -> str | None:
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
        if '"clinic.refused"' in line and line.endswith("\n"):
            problems = jsonlib.loads(line)["problems"]
            raise Failed("; ".join(f"{p['field']}: {p['limit']}. {p['remedy']}" for p in problems))
        if '"clinic.serving"' in line and line.endswith("\n"):
            return jsonlib.loads(line)["url"]
    return None


def free(wanted: int) -> int:
    """The port asked for, or any (0) when somebody has it."""
    with socket.socket() as probe:
        if sys.platform != "win32":  # there it would mean to share the port with its owner
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return 0
    return wanted
