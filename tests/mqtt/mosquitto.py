"""A Mosquitto of our own on a free port, and somebody who hears everything that is said there."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Thread
from typing import Any, TextIO

import pytest

from tests.fleet.worlds import a_free_port
from tests.service.worlds import START_S

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
LISTENER = "everything"
"""What the one who hears everything is called there."""


def wanted() -> None:
    """Skips the test where there is no Mosquitto; with CI=true that is a failure."""
    if sys.platform == "win32":
        pytest.skip("stations are tested on pseudo-terminals")
    if MOSQUITTO is None or shutil.which("mosquitto_sub") is None:
        said = "mosquitto and mosquitto-clients are not installed: .ci/run installs them"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(said)


def eventually(what: str, look: Callable[[], object], within_s: float = START_S) -> None:
    until_s = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < until_s, what
        time.sleep(0.02)


class Broker:
    """`settings`: lines of its file; `client`: words of its clients. `heard`: topics and payloads, in order."""

    def __init__(self, folder: Path, settings: str = "allow_anonymous true", client: Sequence[str] = ()) -> None:
        self.port, self.log, self.heard = a_free_port(), folder / "mosquitto.log", list[tuple[str, str]]()
        self._client = ["-h", "127.0.0.1", "-p", str(self.port), *client]
        self._file = folder / "mosquitto.conf"
        self._file.write_text(f"listener {self.port} 127.0.0.1\nlog_type all\nuser root\n{settings}\n")
        self._running: list[subprocess.Popen[str]] = []

    def start(self) -> None:
        """Without anything of before."""
        assert MOSQUITTO
        with self.log.open("a") as said:
            broker = subprocess.Popen([MOSQUITTO, "-c", str(self._file)], stderr=said, text=True)
        self._running.append(broker)
        eventually("the broker is there", self._answers)
        words = ["mosquitto_sub", *self._client, "-i", LISTENER, "-t", "#", "-F", "%t %p"]
        listener = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        self._running.append(listener)
        assert listener.stdout
        Thread(target=self._listen, args=(listener.stdout,), daemon=True).start()
        eventually("it listens", lambda: f"SUBACK to {LISTENER}" in self.log.read_text())

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _listen(self, said: TextIO) -> None:
        with said:
            for line in said:
                topic, _, payload = line.rstrip("\n").partition(" ")
                self.heard.append((topic, payload))

    def kill(self) -> None:
        for one in reversed(self._running):
            one.kill()
            one.wait()
        self._running.clear()

    def say(self, topic: str, payload: str) -> None:
        subprocess.run(["mosquitto_pub", *self._client, "-t", topic, "-m", payload], check=True)

    def kept(self) -> dict[str, str]:
        """What it gives to whoever comes now."""
        words = ["mosquitto_sub", *self._client, "-t", "#", "--retained-only", "-W", "1", "-F", "%t %p"]
        lines = subprocess.run(words, capture_output=True, text=True).stdout.splitlines()
        return {topic: payload for topic, _, payload in (line.partition(" ") for line in lines)}

    def of(self, topic: str) -> list[str]:
        return [payload for heard, payload in self.heard if heard == topic]

    def told(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(payload) for payload in self.of(topic)]
