"""`irctl demo`: a simulated station and one treatment on it, from the first byte to the signed-off page."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, TypeVar

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Json
from irctl.cli.client import Controller, Failed
from irctl.cli.progress import summary
from irctl.cli.record import session_events, write_note
from irctl.cli.treat import Prescription, Treated, give

LAMP = "left"
PORT = 8970
START_MAX_S = 30.0
"""A cold disk and a busy machine; a controller that drives a silent lamp dark takes its lease and a little more."""
END_MAX_S = 10.0
"""A controller that is asked to end goes dark first."""
LOOK_EVERY_S = 0.05
OF_A_RUN = ("journal.jsonl", "journal.torn", "notes", "controller.log", "simulator.log")

View = dict[str, Any]
T = TypeVar("T")


def demo(
    *,
    once: Annotated[bool | None, Parameter(help="End after the treatment. Default without a terminal.", negative="--stay")] = None,
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
    out.print("[bold]irctl demonstration[/]: two simulated lamps, real drivers, real bytes, the pace of real wires.")
    out.print(f"[dim]Simulated. {say.NOTICE}[/]")
    with Demonstration.started(state, _free(port)) as station:
        out.print(f"Status page  [bold cyan]{station.controller.url}[/]\n")
        prescription = Prescription(LAMP, fluence, irradiance, "P-DEMO", "lumbar", "demonstration")
        treated = give(station.controller, prescription, quiet=json)
        truth = station.truth()[LAMP]
        notes = write_note(session_events(station.controller, treated.session["id"]), treated.session["id"], state / "notes")
        if json:
            say.as_json(_report(treated, truth, notes, station.controller.url))
        else:
            summary(out, treated.ended, treated.session)
            _compare(out, treated, truth, notes)
        if not once:
            _stay(out, station)
    return exits.OK if treated.completed else exits.FAILED
