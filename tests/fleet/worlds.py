"""Stations with a door, and clinics that follow them, each a process of its own."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.service.worlds import DEMO, START_S, environment, read_until, started

CODE = re.compile(r"pair join NAME (\S+) (\S+) ")


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def a_station_file(
    folder: Path, door: int, name: str = "Left room", host: str = "127.0.0.1", pages: str | None = None
) -> Path:
    """The demonstration's, with a door. `pages`: where a clinic's come from."""
    for beside in ("calibrations", "meters"):
        shutil.copytree(DEMO.parent / beside, folder / beside)
    text = re.sub(r'(\[station\]\nname = )".*"', rf'\1"{name}"', DEMO.read_text(encoding="utf-8"))
    file = folder / "station.toml"
    origins = "" if pages is None else f'origins = ["{pages}"]\n'
    file.write_text(
        f'{text}\n[fleet]\nhost = "{host}"\nport = {door}\n[clinic]\nenabled = false\n{origins}', encoding="utf-8"
    )
    return file


def pair(
    station: Path,
    state: Path,
    clinic: Path,
    clinic_state: Path,
    name: str,
    there: Sequence[str] = (),
    here: Sequence[str] = (),
) -> None:
    """By the two commands, as people give them. `there`, `here`: what goes before a command, to run it on the controller's computer, on the clinic's."""
    offer = ["pair", "offer", "--config", str(station), "--state", str(state)]
    offer += ["--port", str(a_free_port()), "--minutes", "0.5"]
    with started("irctl", *offer, on=there) as offering:
        found = CODE.search(read_until(offering, "pair join"))
        assert found
        join = [*here, sys.executable, "-m", "irctl", "pair", "join", name, found[1], found[2], "--file", str(clinic)]
        subprocess.run([*join, "--state", str(clinic_state)], check=True, env=environment(), capture_output=True)
        assert "Paired" in offering.communicate(timeout=START_S)[0]


@contextmanager
def a_clinic(file: Path, state: Path, on: Sequence[str] = ()) -> Iterator[subprocess.Popen[str]]:
    """Once it serves."""
    words = ("clinic", "serve", "--json", "--file", str(file), "--state", str(state))
    with started("irctl", *words, on=on) as process:
        read_until(process, '"clinic_pid"')
        yield process


def eventually(what: str, look: Callable[[], bool], within_s: float = START_S) -> None:
    until_s = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < until_s, what
        time.sleep(0.1)


def children(pid: int) -> list[int]:
    """Of a process, whichever of its threads began them."""
    return [int(word) for of in Path(f"/proc/{pid}/task").glob("*/children") for word in of.read_text().split()]
