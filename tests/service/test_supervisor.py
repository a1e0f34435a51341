"""The supervisor with children that do as the test says; the controller's watchdog and its end of the rope."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from irctl import supervisor, systemd
from irctl.controller.watchdog import limit_s
from irctl.supervisor import NeverServed, Supervisor

CONFIGS = Path(__file__).parents[2] / "configs"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the tests end the supervisor by signals")

SERVING = "import json,os,sys,time\nprint(json.dumps({'is':'serving','url':'http://h:1','silence_max_s':0.6,'pid':os.getpid()}),flush=True)\n"
BEATING = "while True:\n    print('{}',flush=True); time.sleep(0.1)\n"
OBEDIENT = "import threading\nthreading.Thread(target=lambda:(sys.stdin.readline(),os._exit(0)),daemon=True).start()\n"


class Trial:
    """A supervisor whose controllers run the given programs, the last one again and again; ended after `ends` deaths. `clinic`: the other child's."""

    def __init__(self, *programs: str, ends: int = 1, clinic: str | None = None) -> None:
        self.announced: list[str] = []
        self.told: list[str] = []
        self.started: list[float] = []
        self.hows: list[str | None] = []
        self._programs, self._ends = programs, ends
        words = None if clinic is None else [sys.executable, "-S", "-c", clinic]
        self.supervisor = Supervisor(
            "the controller",
            self.command,
            lambda m: self.announced.append(m["url"]),
            self._tell,
            {"the clinic": lambda _serving: words},
        )

    def command(self, served: object, how: str | None) -> list[str]:
        self.started.append(time.monotonic())
        self.hows.append(how)
        program = self._programs[min(len(self.started), len(self._programs)) - 1]
        return [sys.executable, "-S", "-c", program]

    def _tell(self, text: str) -> None:
        self.told.append(text)
        if len(self.started) >= self._ends:
            signal.raise_signal(signal.SIGTERM)


@contextmanager
def asked_to_end_after(seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def test_a_child_that_dies_is_started_again_at_once_then_with_growing_pauses():
    trial = Trial("raise SystemExit(7)", ends=4)
    assert trial.supervisor.run()
    pauses = [later - earlier for earlier, later in zip(trial.started, trial.started[1:], strict=False)]
    assert pauses[0] < 0.2 < pauses[1] < 0.4 < pauses[2]
    assert trial.hows == [None, "exit code 7", "exit code 7", "exit code 7"]
    assert all("exit code 7" in text for text in trial.told)


def test_a_child_that_has_served_well_is_started_again_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(supervisor, "STEADY_S", 0.2)
    trial = Trial(SERVING + "time.sleep(0.4)", ends=3)
    assert trial.supervisor.run()
    assert all("now" in text for text in trial.told if "starting" in text)


def test_an_address_is_announced_once():
    trial = Trial(SERVING, ends=3)
    assert trial.supervisor.run()
    assert trial.announced == ["http://h:1"]


def test_a_child_that_falls_silent_for_longer_than_its_lease_is_killed():
    trial = Trial(SERVING + "time.sleep(60)", ends=1)
    assert trial.supervisor.run()
    assert "hung: silent for 0." in trial.told[0]
    assert time.monotonic() - trial.started[0] < 3


def test_a_child_whose_beats_go_on_is_left_alone():
    trial = Trial(SERVING + OBEDIENT + BEATING)
    with asked_to_end_after(1.5):
        assert trial.supervisor.run()
    assert len(trial.started) == 1


def test_a_child_that_does_not_end_when_asked_is_killed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(supervisor, "END_MAX_S", 0.3)
    trial = Trial(SERVING + BEATING)
    with asked_to_end_after(0.5):
        assert trial.supervisor.run() is False
    assert "did not end within 0.3 s" in trial.told[-1]


def test_a_child_that_never_could_serve_is_not_started_again_and_says_why():
    problem = {"field": "f", "value": 1, "limit": "is wrong", "remedy": "Mend it", "text": "f = 1: is wrong"}
    refusing = f"import sys,json\nprint(json.dumps({{'is':'refused','problems':[{problem!r}]}}))\nsys.exit(3)"
    trial = Trial(refusing, ends=9)
    with pytest.raises(NeverServed, match="is wrong") as never:
        trial.supervisor.run()
    assert never.value.problems == [problem]
    again = Trial(SERVING, refusing, ends=2)
    assert again.supervisor.run()
    assert "f = 1: is wrong" in again.told[-1]


def test_the_supervisor_loads_nothing_of_the_rest():
    listing = "import sys, irctl.supervisor; print(*[m for m in sys.modules if m.partition('.')[0] not in sys.stdlib_module_names])"
    said = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True).stdout
    assert {name for name in said.split() if name.startswith("irctl")} == {"irctl", "irctl.supervisor", "irctl.systemd"}
    assert not {"pydantic", "rich", "pymodbus", "serial"} & set(said.split())


def test_systemd_hears_ready_and_the_watchdog_and_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "400000")
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        trial = Trial(SERVING + OBEDIENT + "assert not {'NOTIFY_SOCKET','WATCHDOG_USEC'} & set(os.environ)\n" + BEATING)
        heard: list[str] = []

        def listen() -> None:
            while not (heard and heard[-1] == "over"):
                heard.append(journal.recv(4096).decode())

        listening = threading.Thread(target=listen)
        listening.start()
        with asked_to_end_after(1.0):
            assert trial.supervisor.run()
        systemd.Systemd().tell("over")
        listening.join(5)
    assert "READY=1\nSTATUS=serving http://h:1" in heard
    assert heard.count("WATCHDOG=1") >= 5
    assert "STOPPING=1\nSTATUS=ending" in heard


def test_without_systemd_nothing_is_said(monkeypatch: pytest.MonkeyPatch):
    for name in systemd.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    silent = systemd.Systemd()
    silent.tell("READY=1")
    silent.alive()


# --- the clinic beside it ----------------------------------------------------------------------------------------------------

SERVED = SERVING + OBEDIENT + BEATING


def a_trace(folder: Path) -> str:
    """The beginning of a program that leaves a line for each time it runs."""
    return f"open({str(folder / 'runs')!r},'a').write('run\\n')\n"


def runs(folder: Path) -> int:
    path = folder / "runs"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_a_clinic_that_dies_is_started_again_and_the_controller_never_is(tmp_path: Path):
    trial = Trial(SERVED, ends=9, clinic=a_trace(tmp_path) + "raise SystemExit(7)")
    with asked_to_end_after(2.5):
        assert trial.supervisor.run()
    assert len(trial.started) == 1
    assert runs(tmp_path) >= 3
    assert all("the clinic has ended (exit code 7)" in text for text in trial.told)


def test_a_clinic_that_hangs_is_killed_and_started_again(tmp_path: Path):
    trial = Trial(SERVED, ends=9, clinic=a_trace(tmp_path) + SERVING + "time.sleep(60)")
    with asked_to_end_after(2.5):
        assert trial.supervisor.run()
    assert len(trial.started) == 1
    assert runs(tmp_path) >= 2
    assert "the clinic has ended (it hung: silent for 0." in trial.told[0]


def test_a_clinic_goes_on_when_the_controller_dies(tmp_path: Path):
    trial = Trial(SERVING + "time.sleep(0.5)", ends=2, clinic=a_trace(tmp_path) + SERVED)
    assert trial.supervisor.run()
    assert len(trial.started) == 2
    assert runs(tmp_path) == 1


def test_without_a_controller_that_serves_there_is_no_clinic(tmp_path: Path):
    trial = Trial("raise SystemExit(7)", ends=2, clinic=a_trace(tmp_path))
    assert trial.supervisor.run()
    assert runs(tmp_path) == 0


def test_a_clinic_that_will_not_end_is_killed_and_the_controller_has_ended_well(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(supervisor, "END_MAX_S", 0.3)
    trial = Trial(SERVED, clinic=SERVING + BEATING)
    with asked_to_end_after(0.8):
        assert trial.supervisor.run() is True
    assert trial.told == ["the clinic did not end within 0.3 s and was killed"]


def test_a_clinic_that_cannot_be_is_said_once_and_the_controller_serves_on():
    trial = Trial(SERVED)
    beside = {"the clinic": lambda _serving: ["/nowhere/python"]}
    supervised = Supervisor("the controller", trial.command, lambda _serving: None, trial.told.append, beside)
    with asked_to_end_after(1.0):
        assert supervised.run()
    assert len(trial.told) == 1
    assert "the clinic cannot run" in trial.told[0]


# --- the controller's watchdog -----------------------------------------------------------------------------------------------


def run(program: str, timeout: float = 10) -> tuple[subprocess.CompletedProcess[str], float]:
    began = time.monotonic()
    words = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False)
    return done, time.monotonic() - began


STALLING = """
    import asyncio, time
    from irctl.controller.watchdog import Watchdog
    async def main():
        watchdog = Watchdog(lambda: None)
        task = asyncio.create_task(watchdog.run())
        watchdog.arm({lease})
        await asyncio.sleep(0.3)
        time.sleep({stall})
        await asyncio.sleep(0.3)
        print("lived", flush=True)
    asyncio.run(main())
"""


def test_a_stalled_loop_ends_its_process_before_the_lease_and_says_where_it_stood():
    done, elapsed_s = run(STALLING.format(lease=1.0, stall=8))
    assert done.returncode == 70
    assert "time.sleep" in done.stderr or "in main" in done.stderr
    assert "stalled for 0.7" in done.stderr
    assert elapsed_s < 5


def test_a_short_stall_is_suffered():
    done, _ = run(STALLING.format(lease=1.0, stall=0.4))
    assert "lived" in done.stdout


def test_the_margin_never_takes_more_than_half_of_a_short_lease():
    assert limit_s(2.0) == pytest.approx(1.7)
    assert limit_s(0.2) == pytest.approx(0.1)


def test_what_the_controller_prints_does_not_reach_the_supervisor():
    done, _ = run(
        """
        from irctl.rope import Rope
        rope = Rope("a child")
        print("a stray word", flush=True)
        rope.beat()
        """
    )
    assert json.loads(done.stdout) == {"is": "beat"}
    assert "a stray word" in done.stderr


def test_the_first_order_loads_nothing_that_could_stall_the_loop():
    """It loaded scipy once: longer than a lease on a busy machine, and the watchdog ended the controller."""
    done, _ = run(
        f"""
        import sys
        from pathlib import Path
        from irctl.controller.config import load
        from irctl.controller.serve import _load_the_rest
        config = load(Path({str(CONFIGS / "demo.toml")!r}))
        _load_the_rest()
        before = set(sys.modules)
        for calibration in config.calibrations.values():
            calibration.level_for(50.0)
        print(*(set(sys.modules) - before))
        """,
        timeout=60,
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
