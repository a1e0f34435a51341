"""`python -m benchmarks.crashes --kills 200`: real processes are struck down in the middle of treatments; how long is there light, and is the record true?

Simulated lamps on pseudo-terminals (POSIX only), the real supervisor and controller, everything on loopback. A station's lamps are treated
while its controller is killed, hung, orphaned or asked to end at a random moment between the order and the end of the afterglow.
The exit status is 1 when a record is wrong or a lamp stays lit too long.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

from rich.console import Console

from benchmarks.processes import process, wait_for
from benchmarks.report import Report, Target, median
from irctl.cli.client import Controller, Failed, Unreachable
from irctl.domain import chain
from irctl.domain.problems import Refused
from irctl_simulator.control import ask

CONFIGS = Path(__file__).parents[1] / "configs"
LEASE_S = 2.0
"""Of the demonstration's dimmers."""
RESTART_S = 1.0
"""From a crash to the new controller's OFF, read back."""
DARK_MAX_S = LEASE_S + RESTART_S
BACK_MAX_S = 15.0
GONE_MAX_S = 10.0
MOMENTS_S = (0.2, 9.0)
"""After the order: the checks take 2 to 4 s, then there is light."""
LONG_J_CM2, SHORT_J_CM2 = 5.0, 0.15
"""A dose that outlasts every moment, and one that is over before some of them."""
SHORT_SHARE = 0.25
SETTLE_S = 2.5
"""After dark, for most of the afterglow to be over."""
TAIL_S = 30.0
"""What glows on decays with this time constant at most."""
COOL_MW_CM2 = 0.8
ON_THE_WIRE_S = 0.1
"""A frame that had left the controller when it was struck may still switch a lamp on."""
LOOK_EVERY_S = 0.02

View = dict[str, Any]
T = TypeVar("T")


class Blow(StrEnum):
    KILL = "controller killed (SIGKILL)"
    HANG = "controller hung (SIGSTOP)"
    ORPHAN = "supervisor killed (SIGKILL)"
    TERM = "supervisor asked to end (SIGTERM)"


@dataclass(frozen=True, slots=True)
class Struck:
    """What came of one blow. Times in seconds from it."""

    blow: Blow
    moment_s: float
    """After the order."""
    states: tuple[str, ...]
    """Of the sessions, when it fell."""
    dark_s: float
    """The last power any lamp had; 0 when none had any."""
    back_s: float
    """Until a controller served again, or until the processes were gone when nobody was to start another."""
    wrong: tuple[str, ...]
    """What does not hold of light, processes and record."""


class Process(NamedTuple):
    pid: int
    parent: int
    command: str = ""


@dataclass
class Rig:
    """A simulated station, served."""

    folder: Path
    control: str
    ending: ExitStack
    clinic: bool = True
    """Beside the controller, as usual."""
    serving: subprocess.Popen[bytes] = field(init=False)
    controller: Controller = field(init=False)

    def serve(self) -> None:
        """Start `irctl serve` and wait for it. Raises RuntimeError."""
        out = self.folder / "controller.log"
        out.unlink(missing_ok=True)
        where = ("--config", str(CONFIGS / "demo.toml"), "--state", str(self.folder / "state"))
        words = ("serve", "--json", "--port", "0", *where, "--sim-endpoints", str(self.folder / "endpoints.json"))
        beside = () if self.clinic else ("--no-clinic",)
        self.serving = self.ending.enter_context(process("irctl", *words, *beside, out=out))
        self.controller = Controller(wait_for(lambda: _announced(out), self.serving, out))

    @property
    def controller_pid(self) -> int:
        """The supervisor's child that keeps the lamps. Raises StopIteration while there is none."""
        return next(one.pid for one in self.children() if "irctl.controller" in one.command)

    def children(self) -> list[Process]:
        """The supervisor's: the controller, and the clinic where there is one."""
        return [one for one in _processes() if one.parent == self.serving.pid]

    def truth(self) -> dict[str, View]:
        answer = ask(self.control, {"do": "truth"})
        return answer["truth"]

    def journal(self) -> bytes:
        return (self.folder / "state" / "journal.jsonl").read_bytes()

    def cool_lamps(self) -> list[str]:
        """Those whose radiometer, if there is one, has seen the end of the last afterglow."""
        shown = {lamp["name"]: lamp["live"]["irradiance_mw_cm2"] for lamp in self.controller.get("/v1/lamps")}
        return [name for name, mw_cm2 in shown.items() if mw_cm2 is None or abs(mw_cm2) < COOL_MW_CM2]

    def clear_trip(self) -> None:
        """A contactor whose host fell silent stays open until a person has looked."""
        with suppress(Refused, Failed):  # not tripped
            self.controller.post(
                "/v1/devices/contactor2/clear-trip", {"by": "benchmark", "reason": "it was the benchmark"}
            )

    def serves(self) -> bool:
        try:
            self.controller.get("/v1/station")
        except Unreachable:
            return False
        return True


@contextmanager
def a_rig(folder: Path, *more: str, clinic: bool = True) -> Iterator[Rig]:
    """The demonstration's station, nothing treated yet. `more`: words for the simulator."""
    endpoints, log = folder / "endpoints.json", folder / "simulator.log"
    with ExitStack() as ending:
        words = ("--config", str(CONFIGS / "demo-sim.toml"), "--endpoints", str(endpoints), *more)
        simulator = ending.enter_context(process("irctl_simulator", *words, out=log))
        found: View = wait_for(lambda: _json(endpoints), simulator, log)
        rig = Rig(folder, found["control"], ending, clinic)
        rig.serve()
        yield rig


def strike(rig: Rig, blow: Blow, moment_s: float, fluence_j_cm2: float) -> Struck:
    """One treatment on each lamp that is cool, one blow, and everything there is to know afterwards. Leaves the rig serving."""
    before = rig.truth()
    sessions = order(rig, rig.cool_lamps(), fluence_j_cm2)
    states = treat(rig, sessions, moment_s)
    pid, port = rig.controller_pid, int(rig.controller.url.rpartition(":")[2])
    children = {one.pid for one in rig.children()}
    at_s = time.monotonic()
    match blow:
        case Blow.KILL:
            os.kill(pid, signal.SIGKILL)
        case Blow.HANG:
            os.kill(pid, signal.SIGSTOP)
        case Blow.ORPHAN:
            rig.serving.kill()
        case Blow.TERM:
            rig.serving.terminate()
    wrong: list[str] = []
    if blow in (Blow.KILL, Blow.HANG):
        # The old one has to be gone first: a hung one's port still takes connections.
        back_s = _within(lambda: pid not in _alive() and rig.serves(), at_s, BACK_MAX_S, "no controller serves", wrong)
    else:
        gone = lambda: not children & _alive() and rig.serving.poll() is not None  # noqa: E731
        back_s = _within(gone, at_s, GONE_MAX_S, "a process is left", wrong)
        wrong += _taken(port)
        if blow is Blow.TERM and rig.serving.returncode != 0:
            wrong.append(f"exit code {rig.serving.returncode} after SIGTERM")
    _within(lambda: not any(t["powered"] for t in rig.truth().values()), at_s, BACK_MAX_S, "a lamp stays lit", wrong)
    dark_s = max(_lit_until(lamp, at_s, wrong) for lamp in rig.truth().values())
    if dark_s > DARK_MAX_S:
        wrong.append(f"light for {dark_s:.2f} s")
    if rig.serving.poll() is not None:
        rig.serve()
    time.sleep(SETTLE_S)
    rig.clear_trip()
    after = rig.truth()
    for lamp in after:
        _lit_until(after[lamp], at_s, wrong)
    wrong += record_problems(rig, sessions, before, after)
    return Struck(blow, moment_s, states, dark_s, back_s, tuple(dict.fromkeys(wrong)))


def order(rig: Rig, lamps: Sequence[str], fluence_j_cm2: float) -> dict[str, str]:
    """A session on each lamp, as soon as it takes one."""

    def ordered(lamp: str) -> str | None:
        somebody = f"P-{uuid4().hex[:12]}"  # nobody reaches his day's ceiling by being interrupted all day
        body = {
            "lamp": lamp,
            "fluence_j_cm2": fluence_j_cm2,
            "irradiance_mw_cm2": 50.0,
            "patient": somebody,
            "area": "back",
        }
        try:
            return rig.controller.post("/v1/sessions", body | {"by": "benchmark"})["id"]
        except Refused:  # such as: not verified dark yet
            return None

    return {lamp: _soon(lambda lamp=lamp: ordered(lamp), BACK_MAX_S) for lamp in lamps}


def treat(rig: Rig, sessions: dict[str, str], moment_s: float) -> tuple[str, ...]:
    """Start what is ready, until the moment has come; the sessions' states then."""
    until_s = time.monotonic() + moment_s
    states: dict[str, str] = {}
    while (left_s := until_s - time.monotonic()) > 0:
        for session in sessions.values():
            states[session] = rig.controller.get(f"/v1/sessions/{session}")["state"]
            if states[session] == "ready":
                with suppress(Refused):  # started already, and not yet seen to be
                    rig.controller.post(f"/v1/sessions/{session}/start", {"by": "benchmark"})
        time.sleep(min(LOOK_EVERY_S, left_s))
    return tuple(states.values())


def _lit_until(truth: View, at_s: float, wrong: list[str]) -> float:
    """The end of a lamp's last light after `at_s`, in seconds from it. The simulator's clock is this machine's."""
    dark_s = 0.0
    for on_at, off_at in truth["on_intervals"]:
        if on_at > at_s + ON_THE_WIRE_S:
            wrong.append(f"{truth['lamp']} was lit again, {on_at - at_s:.2f} s later")
        dark_s = max(dark_s, (truth["at"] if off_at is None else off_at) - at_s)
    return dark_s


def record_problems(rig: Rig, sessions: dict[str, str], before: View, after: View) -> list[str]:
    """One end each, the truth inside it, and a chain that holds."""
    lines = chain.lines(rig.journal())
    verified = chain.verify(lines)
    problems = [f"journal line {verified.broken.line}: {verified.broken.text}"] if verified.broken else []
    events = [json.loads(line) for line in lines]
    restarted = max(e["seq"] for e in events if e["event"] == "controller.started")
    for lamp, session in sessions.items():
        ends = [e for e in events if e["event"] == "session.ended" and e["session"] == session]
        if len(ends) != 1:
            problems.append(f"session {session} has {len(ends)} ends")
            continue
        if ends[0]["seq"] > restarted and ends[0]["outcome"] != "interrupted":
            problems.append(f"session {session} was cut off, and the next controller calls it {ends[0]['outcome']}")
        delivered = ends[0]["delivered"]
        given = after[lamp]["fluence_j_cm2"] - before[lamp]["fluence_j_cm2"]
        # Some of it is the glow of the session before, and a little is yet to come.
        least = given - before[lamp]["irradiance_mw_cm2"] * TAIL_S / 1000.0
        most = given + after[lamp]["irradiance_mw_cm2"] * TAIL_S / 1000.0
        if most < delivered["min_j_cm2"] or least > delivered["max_j_cm2"]:
            told = f"[{delivered['min_j_cm2']:.3f}, {delivered['max_j_cm2']:.3f}]"
            problems.append(f"{lamp} gave {given:.3f} J/cm², the record says {told} ({ends[0]['outcome']})")
    return problems


def _taken(port: int) -> list[str]:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return [f"port {port} is still taken"]
    return []


def _within(holds: Callable[[], bool], since_s: float, max_s: float, problem: str, wrong: list[str]) -> float:
    """Seconds until it holds; noted as wrong when it takes longer than `max_s`."""
    while not holds():
        if time.monotonic() - since_s > max_s:
            wrong.append(f"{problem} after {max_s:g} s")
            break
        time.sleep(LOOK_EVERY_S)
    return time.monotonic() - since_s


def _soon(look: Callable[[], T | None], max_s: float) -> T:
    until_s = time.monotonic() + max_s
    while (found := look()) is None:
        if time.monotonic() > until_s:
            raise RuntimeError(f"nothing after {max_s:g} s")
        time.sleep(LOOK_EVERY_S)
    return found


def _processes() -> list[Process]:
    """Every live one; one that has ended and only waits to be reaped is not live."""
    words = ["ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,args="]
    listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    found = [line.split(maxsplit=3) for line in listed.splitlines()]
    return [
        Process(int(pid), int(parent), *command) for pid, parent, stat, *command in found if not stat.startswith("Z")
    ]


def _alive() -> set[int]:
    return {one.pid for one in _processes()}


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _announced(out: Path) -> str | None:
    for line in out.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.startswith('{"url"') and line.endswith("\n"):
            return json.loads(line)["url"]
    return None


# --- many of them --------------------------------------------------------------------------------------------------------


def campaign(
    blows: Sequence[Blow],
    seed: int,
    stations: int,
    report: Callable[[Struck], None] = lambda _: None,
    clinics: int | None = None,
) -> list[Struck]:
    """All of them in random order, shared out among stations that run side by side. `clinics`: how many have one beside the controller; None for all."""
    chance = random.Random(seed)
    shuffled = chance.sample(blows, len(blows))
    plan = [
        (blow, chance.uniform(*MOMENTS_S), SHORT_J_CM2 if chance.random() < SHORT_SHARE else LONG_J_CM2)
        for blow in shuffled
    ]

    over = threading.Event()

    def run(number: int, share: Sequence[tuple[Blow, float, float]]) -> list[Struck]:
        struck: list[Struck] = []
        clinic = clinics is None or number < clinics
        with TemporaryDirectory() as folder, a_rig(Path(folder), clinic=clinic) as rig:
            for blow, moment_s, fluence in share:
                if over.is_set():
                    break
                try:
                    struck.append(strike(rig, blow, moment_s, fluence))
                except (Unreachable, Failed) as error:
                    said = (rig.folder / "controller.log").read_text(encoding="utf-8")[-4000:]
                    raise RuntimeError(f"before or after {blow}: {error}\nThe controller's log:\n{said}") from error
                report(struck[-1])
        return struck

    with ThreadPoolExecutor(stations) as pool:
        running = [pool.submit(run, i, share) for i in range(stations) if (share := plan[i::stations])]
        try:
            return [struck for share in running for struck in share.result()]
        finally:
            over.set()  # Ctrl-C, or a station that failed: each of the others ends after its present blow


def summary(struck: Sequence[Struck]) -> Report:
    rows: list[list[str]] = []
    for blow in Blow:
        mine = [s for s in struck if s.blow is blow]
        if not mine:
            continue
        lit = [s.dark_s for s in mine if s.dark_s > 0] or [0.0]
        rows.append(
            [
                blow,
                str(len(mine)),
                str(len([s for s in mine if s.dark_s > 0])),
                f"{median(lit):.2f} s",
                f"{max(lit):.2f} s",
                f"{max(s.back_s for s in mine):.2f} s",
                str(sum(bool(s.wrong) for s in mine)),
            ]
        )
    worst = max((s.dark_s for s in struck), default=0.0)
    wrong = [
        f"{s.blow}, {s.moment_s:.2f} s after the order ({', '.join(s.states)}): {w}" for s in struck for w in s.wrong
    ]
    return Report(
        "struck in the middle of treatments",
        ("blow", "times", "while lit", "dark, median", "dark, worst", "over, worst", "wrong"),
        rows,
        (
            Target("time to dark, worst", worst, DARK_MAX_S, "s"),
            Target("records or processes that are not right", float(sum(bool(s.wrong) for s in struck)), 0.0, ""),
        ),
        (
            f"Dark: a lamp has no power. The bound is the lease ({LEASE_S:g} s) and a restart ({RESTART_S:g} s).",
            "Over: a controller serves again, or (supervisor struck) every process is gone and the port free.",
            *wrong,
        ),
    )


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crashes", description=__doc__)
    parser.add_argument("--kills", type=int, default=12, help="of the controller (default 12, some 40 s)")
    parser.add_argument("--hangs", type=int, help="default: a tenth as many, at least 1")
    parser.add_argument("--orphans", type=int, help="kills of the supervisor; default as --hangs")
    parser.add_argument("--terms", type=int, help="polite ends; default as --hangs")
    parser.add_argument("--stations", type=int, default=3, help="side by side (default 3)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments and their order")
    options = parser.parse_args(words)
    few = max(1, options.kills // 10)
    counts = {
        Blow.KILL: options.kills,
        Blow.HANG: options.hangs,
        Blow.ORPHAN: options.orphans,
        Blow.TERM: options.terms,
    }
    blows = [blow for blow, count in counts.items() for _ in range(few if count is None else count)]
    console, done = Console(width=None if sys.stdout.isatty() else 140), 0

    def report(struck: Struck) -> None:
        nonlocal done
        done += 1
        words = f"{done}/{len(blows)}  {struck.blow}  {', '.join(struck.states)}  dark {struck.dark_s:.2f} s"
        console.print(words + "".join(f"\n  [bold red]{w}[/]" for w in struck.wrong), highlight=False)

    found = summary(campaign(blows, options.seed, options.stations, report))
    found.show(console)
    return 0 if all(target.met for target in found.targets) else 1


if __name__ == "__main__":
    sys.exit(main())
