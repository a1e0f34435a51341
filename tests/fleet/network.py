"""Computers on one network, as Linux's network namespaces: each has its own addresses and ports, and a cable to a switch of ours (`switch.py`)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Network:
    """`computers`: names and addresses."""

    def __init__(self, name: str, computers: dict[str, str], switch: subprocess.Popen[str]) -> None:
        self._name, self.computers, self._switch = name, computers, switch

    def on(self, computer: str, user: str | None = None) -> list[str]:
        """What goes before a command, to run it on that computer."""
        words = ["ip", "netns", "exec", f"{self._name}-{computer}"]
        return [*words, "runuser", "-u", user, "--"] if user else words

    def cut(self, computer: str) -> None:
        """Its cable is pulled."""
        self._order(computer, cut=True)

    def mend(self, computer: str) -> None:
        self._order(computer, cut=False, delay_s=[0, 0])

    def slow(self, computer: str, least_s: float, most_s: float) -> None:
        """Each frame on its cable takes so long, each for itself: frames overtake each other."""
        self._order(computer, delay_s=[least_s, most_s])

    def _order(self, computer: str, **what: object) -> None:
        assert self._switch.stdin
        assert self._switch.stdout
        self._switch.stdin.write(json.dumps({"port": _port(self.computers, computer)} | what) + "\n")
        self._switch.stdin.flush()
        assert self._switch.stdout.readline() == "done\n"


def _port(computers: dict[str, str], computer: str) -> str:
    return f"p{list(computers).index(computer)}"


@contextmanager
def a_network(computers: dict[str, str], seed: int) -> Iterator[Network]:
    """Needs Linux, root and iproute2; with CI=true their lack is a failure."""
    lacking = None
    if sys.platform != "linux" or os.getuid() != 0:
        lacking = "network namespaces need Linux and root"
    elif shutil.which("ip") is None:
        lacking = "iproute2 is not installed: .ci/run installs it"
    if lacking:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(lacking)
    name = f"irctl{os.getpid()}"
    with ExitStack() as made:
        _namespace(made, f"{name}-switch")
        for at, (computer, address) in enumerate(computers.items()):
            there = f"{name}-{computer}"
            _namespace(made, there)
            _ip(
                "link",
                "add",
                "eth0",
                "netns",
                there,
                "type",
                "veth",
                "peer",
                "name",
                f"p{at}",
                "netns",
                f"{name}-switch",
            )
            _ip("-n", f"{name}-switch", "link", "set", f"p{at}", "up")
            _ip("-n", there, "link", "set", "lo", "up")
            _ip("-n", there, "link", "set", "eth0", "up")
            _ip("-n", there, "address", "add", f"{address}/24", "dev", "eth0")
        words = ["ip", "netns", "exec", f"{name}-switch", sys.executable, "-m", "tests.fleet.switch", str(seed)]
        switch = subprocess.Popen(
            [*words, *(f"p{at}" for at in range(len(computers)))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        made.enter_context(switch)
        made.callback(switch.kill)
        assert switch.stdout
        assert switch.stdout.readline() == "switching\n"
        yield Network(name, computers, switch)


def _namespace(made: ExitStack, name: str) -> None:
    _ip("netns", "add", name)
    made.callback(_ip, "netns", "delete", name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def run_on(network: Network, computer: str, words: Sequence[str], timeout_s: float = 60) -> str:
    """What it says. Raises for a failure."""
    done = subprocess.run(
        [*network.on(computer), *words], check=False, capture_output=True, text=True, timeout=timeout_s
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
