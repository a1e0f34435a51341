"""`irctl demo` with a terminal: the clinic, signed in as a demonstration clinician, on a week of history that the real controller made."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import webbrowser
from contextlib import ExitStack
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from irctl.cli import exits, say
from irctl.cli.client import Failed
from irctl.cli.simulated import Demonstration, free
from irctl.examples import examples

CLINIC_PORT = 8971
PASSWORD, PIN = "quilted ferry mango lantern", "248163"
"""Of everybody who works in the demonstration. No secret: nobody real is behind it, and no lamp."""
UNFINISHED = "unfinished"
LOOPBACK = "127.0.0.1"


def open_clinic(
    out: Any, state: Path, port: int, clinic_port: int, ending: ExitStack, *, browser: bool, json: bool
) -> int:
    """Until Ctrl-C. Raises Failed, Refused."""
    folder = _week(out, state)
    more = ("--clinic-file", str(folder / "clinic.toml"), "--clinic-port", str(free(clinic_port) or _any_port()))
    hardware = examples() / "demo-sim.toml"
    station = Demonstration.start(folder, hardware, folder / "station.toml", port, ending, *more)
    url = station.serving()
    if json:
        told = {"url": url, "controller": station.controller.url, "simulator": station.control, "state": str(folder)}
        say.as_json(told | {"simulated": True, "password": PASSWORD, "pin": PIN})
    else:
        _tell(out, url, station, folder)
    if browser and _has_display():
        webbrowser.open(url)
    try:
        station.wait()
    except KeyboardInterrupt:
        out.print("\nGoing dark and ending.")
    return exits.OK


def _tell(out: Any, url: str, station: Demonstration, folder: Path) -> None:
    out.print(f"\nClinic       [bold cyan]{url}[/]   [dim]signs in by itself as Robin Demo, clinician[/]")
    out.print(f"Controller   [cyan]{station.controller.url}[/]   [dim]the lamps' own page: STOP needs nothing else[/]")
    out.print("[dim]To be somebody else, sign out, then sign in as second, helper, tech, admin or auditor.[/]")
    out.print(f"Password     [bold]{PASSWORD}[/]   PIN [bold]{PIN}[/]")
    out.print(f"[dim]Everything is in {say.escape(str(folder))}. Ctrl-C: dark, then end.[/]", soft_wrap=True)


def _week(out: Any, state: Path) -> Path:
    """The folder of today's history; made now where there is none. Those of other days stay where they are."""
    now = datetime.now().astimezone()
    folder, unfinished = state / f"week-{now:%Y-%m-%d}", state / UNFINISHED
    if folder.exists():
        return folder
    out.print("Making a week of history on simulated lamps…")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    _maker()(unfinished, examples(), now, PASSWORD, PIN)
    # Under its name only when it is whole: half a week would be opened tomorrow as if it were one.
    unfinished.rename(folder)
    return folder


def _maker() -> Any:
    """What makes the week lies outside of irctl, beside the simulator, and is found by name."""
    found = list(entry_points(group="irctl.demonstration", name="week"))
    if not found:
        raise Failed("the simulator's part is not installed: pip install irctl, or make demo in a checkout")
    return found[0].load()


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def _has_display() -> bool:
    """Without one, webbrowser would open a text browser in this terminal, or nothing."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
