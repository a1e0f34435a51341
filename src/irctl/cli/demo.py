"""`irctl demo`: a simulated station and one treatment on it, from the first byte to the signed-off page."""

from __future__ import annotations

import json as jsonlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Json
from irctl.cli.client import Controller, Failed
from irctl.cli.progress import summary
from irctl.cli.record import session_events, write_notes
from irctl.cli.signals import ignored, like_ctrl_c
from irctl.cli.treat import Prescription, Treated, give
from irctl.examples import examples

LAMP = "left"
PORT = 8970
START_MAX_S = 30.0
"""A cold disk and a busy machine; a controller that drives a silent lamp dark takes its lease and a little more."""
END_MAX_S = 10.0
"""A controller that is asked to end goes dark first."""
LOOK_EVERY_S = 0.05
OF_A_RUN = ("journal*", "notes", "controller.log", "simulator.log")

View = dict[str, Any]
T = TypeVar("T")


def demo(
    *,
    once: Annotated[
        bool | None, Parameter(help="End after the treatment. Default without a terminal.", negative="--stay")
    ] = None,
    fluence: Annotated[float, Parameter(help="Dose, J/cm².")] = 3.0,
    irradiance: Annotated[float, Parameter(help="Irradiance, mW/cm².")] = 50.0,
    state: Annotated[Path, Parameter(help="Where journal and notes go.")] = Path("irctl-demo"),
    port: Annotated[int | None, Parameter(help="Of the status page. Default: 8970, or any when that is taken.")] = None,
    json: Json = False,
) -> int:
    """Start a simulated station, give one treatment, write its note. Then serve on until Ctrl-C.

    irctl demo

    irctl demo --once --fluence 1
    """
    if once is None:
        once = not sys.stdout.isatty()
    out = say.console(stderr=json)
    out.print("[bold]irctl demonstration[/]: simulated lamps, real drivers, the pace of real wires.")
    out.print(f"[dim]Simulated. {say.NOTICE}[/]")
    with like_ctrl_c(), ExitStack() as ending:
        station = Demonstration.start(state, _free(port), ending)
        out.print(f"Status page  [bold cyan]{station.controller.url}[/]\n")
        prescription = Prescription(LAMP, fluence, irradiance, "P-DEMO", "lumbar", "demonstration")
        treated = give(station.controller, prescription, quiet=json)
        truth = station.truth()[LAMP]
        notes = write_notes(
            session_events(station.controller, treated.session["id"]), treated.session["id"], state / "notes"
        )
        if json:
            say.as_json(_report(treated, truth, notes, station.controller.url))
        else:
            summary(out, treated.ended, treated.session)
            _compare(out, treated, truth, notes)
        if not once:
            _stay(out, station)
    return exits.OK if treated.completed else exits.FAILED


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A simulator and a controller, each a process of its own as in earnest."""

    controller: Controller
    control: str
    """Address of the simulator's control socket."""
    processes: tuple[subprocess.Popen[bytes], ...]

    @classmethod
    def start(cls, state: Path, port: int, ending: ExitStack) -> Self:
        """Start both and wait until they serve; `ending` takes them down again, the controller first. Raises Failed."""
        _move_earlier_run_aside(state)
        configs = examples()
        endpoints, log = state / "endpoints.json", state / "controller.log"
        endpoints.unlink(missing_ok=True)
        simulated = ("--config", str(configs / "demo-sim.toml"), "--endpoints", str(endpoints))
        simulator = _spawn("irctl_simulator", simulated, state / "simulator.log", ending)
        found = _wait_for(lambda: _read_json(endpoints), simulator, state / "simulator.log")
        served = ("serve", "--json", "--port", str(port), "--config", str(configs / "demo.toml"))
        where = ("--state", str(state), "--sim-endpoints", str(endpoints))
        controller = _spawn("irctl", (*served, *where), log, ending)
        announced = _wait_for(lambda: _announced(log), controller, log)
        return cls(Controller(announced["url"]), found["control"], (simulator, controller))

    def truth(self) -> dict[str, View]:
        """What really happened at each lamp, which only a simulator knows."""
        host, _, port = self.control.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=5.0) as connection:
            connection.sendall(b'{"do":"truth"}\n')
            with connection.makefile("rb") as lines:
                return jsonlib.loads(lines.readline())["truth"]

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


def _free(port: int | None) -> int:
    """The port asked for, or any (0) when somebody has it."""
    wanted = PORT if port is None else port
    with socket.socket() as probe:
        if sys.platform != "win32":  # there it would mean to share the port with its owner
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return 0
    return wanted


def _move_earlier_run_aside(state: Path) -> None:
    """Each run has a fresh journal; nothing of an earlier one is lost. Key and anchor go with theirs: a new journal would be missing what they know of."""
    state.mkdir(parents=True, exist_ok=True)
    journal = state / "journal.jsonl"
    if not journal.exists():
        return
    stamp = datetime.fromtimestamp(journal.stat().st_mtime, UTC).strftime("%Y%m%d-%H%M%S")
    aside = state / "earlier" / stamp
    aside.mkdir(parents=True, exist_ok=True)
    for path in [path for pattern in OF_A_RUN for path in state.glob(pattern)]:
        shutil.move(path, aside / path.name)


def _compare(out: Any, treated: Treated, truth: View, notes: list[Path]) -> None:
    delivered, really = treated.ended["delivered"], truth["fluence_j_cm2"]
    within = delivered["min_j_cm2"] <= really <= delivered["max_j_cm2"]
    verdict = "[green]inside the interval[/]" if within else "[bold red]outside the interval[/]"
    out.print(
        f"  [dim]physics[/]      {say.dose(really, treated.ended['prescribed_j_cm2'])} J/cm²   {verdict} [dim](what the simulated lamp gave)[/]"
    )
    out.print()
    for path in notes:
        out.print(f"Written  [cyan]{say.escape(str(path))}[/]", soft_wrap=True)


def _report(treated: Treated, truth: View, notes: list[Path], url: str) -> View:
    return {
        "url": url,
        "simulated": True,
        "session": treated.session,
        "ended": treated.ended,
        "truth": truth,
        "notes": [str(path) for path in notes],
    }


def _stay(out: Any, station: Demonstration) -> None:
    url = station.controller.url
    out.print(f"\nStill serving [bold cyan]{url}[/]. [dim]Ctrl-C ends it.[/]")
    if url != f"http://127.0.0.1:{PORT}":
        out.print(f"[dim]For other commands: export IRCTL_URL={url}[/]")
    try:
        station.wait()
    except KeyboardInterrupt:
        out.print("\nGoing dark and ending.")
