"""The processes under test: a simulated station on pseudo-terminals, what drives it, and the log of what really went over its wires."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

from irctl_simulator.control import ask

T = TypeVar("T")

START_MAX_S = 20.0
END_MAX_S = 10.0
LOOK_EVERY_S = 0.005


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame on the wire; `at_s` is when its last byte arrived, monotonic clock."""

    at_s: float
    to_device: bool
    data: bytes
    ok: bool

    @property
    def unit(self) -> int:
        return self.data[0]

    @property
    def function(self) -> int:
        return self.data[1]


class WireLog:
    """Reads the simulator's wire log while it grows."""

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = path.open(encoding="utf-8")
        self._part = ""

    def new(self) -> list[Frame]:
        """The frames since the last call."""
        *lines, self._part = (self._part + self._file.read()).split("\n")
        events = [json.loads(line) for line in lines]
        return [Frame(e["at"], e["direction"] == "host", bytes.fromhex(e["data"]), e["ok"]) for e in events]

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class Simulator:
    """A running `irctl-sim`."""

    endpoints: Path
    log: WireLog
    control: str
    lines: dict[str, str]

    def fault(self, target: str, kind: str) -> None:
        self._tell({"do": "fault", "target": target, "kind": kind})

    def mend(self) -> None:
        self._tell({"do": "clear"})

    def _tell(self, request: dict[str, Any]) -> None:
        answer = ask(self.control, request)
        if not answer["ok"]:
            raise RuntimeError(answer["error"])


@contextmanager
def simulator(folder: Path, config: str) -> Generator[Simulator]:
    """Serve the station `config` (TOML) on pseudo-terminals."""
    station, endpoints, wire = folder / "sim.toml", folder / "endpoints.json", folder / "wire.jsonl"
    station.write_text(config, encoding="utf-8")
    words = ("--config", str(station), "--endpoints", str(endpoints), "--wire-log", str(wire))
    with process("irctl_simulator", *words, out=folder / "sim.log") as running:
        found = wait_for(lambda: _json(endpoints), running, folder / "sim.log")
        log = WireLog(wire)
        try:
            yield Simulator(endpoints, log, found["control"], found["lines"])
        finally:
            log.close()


@contextmanager
def controller(folder: Path, config: str, endpoints: Path) -> Generator[str]:
    """`irctl serve` for the station `config` (TOML); its address."""
    station, out = folder / "station.toml", folder / "controller.log"
    station.write_text(config, encoding="utf-8")
    words = ("serve", "--json", "--port", "0", "--config", str(station), "--state", str(folder / "state"))
    with process("irctl", *words, "--sim-endpoints", str(endpoints), out=out) as running:
        yield wait_for(lambda: _announced(out), running, out)


@contextmanager
def process(module: str, *words: str, out: Path | None = None) -> Generator[subprocess.Popen[bytes]]:
    """`python -m module words`, ended on leaving. Its stdin is a pipe; its stdout goes to `out`, else it is a pipe too."""
    output: IO[bytes] | int = out.open("wb") if out else subprocess.PIPE
    errors = subprocess.STDOUT if out else None
    command = [sys.executable, "-m", module, *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=errors) as running:
        try:
            yield running
        finally:
            running.terminate()
            try:
                running.wait(END_MAX_S)
            except subprocess.TimeoutExpired:
                running.kill()
            if not isinstance(output, int):
                output.close()


def wait_for(look: Callable[[], T | None], running: subprocess.Popen[bytes], out: Path) -> T:
    """What `look` finds once it finds something. Raises RuntimeError with the process's own words when it never does."""
    deadline = time.monotonic() + START_MAX_S
    while (found := look()) is None:
        if running.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{out.stem} did not start: {out.read_text(encoding='utf-8')[-2000:]}")
        time.sleep(LOOK_EVERY_S)
    return found


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _announced(out: Path) -> str | None:
    for line in out.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.startswith('{"url"') and line.endswith("\n"):
            return json.loads(line)["url"]
    return None
