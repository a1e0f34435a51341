"""`irctl demo`: the clinic with a week of history on simulated lamps; or one treatment on them, from the first byte to the signed-off page."""

from __future__ import annotations

import shutil
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from irctl.cli import exits, say
from irctl.cli.app import Json
from irctl.cli.demo_clinic import CLINIC_PORT, open_clinic
from irctl.cli.progress import summary
from irctl.cli.record import session_events, write_notes
from irctl.cli.signals import like_ctrl_c
from irctl.cli.simulated import Demonstration, View, free
from irctl.cli.treat import Prescription, Treated, give
from irctl.examples import examples

LAMP = "left"
PORT = 8970
OF_A_RUN = ("journal*", "notes", "controller.log", "simulator.log")


def demo(
    *,
    once: Annotated[
        bool | None,
        Parameter(
            help="One treatment without the clinic, then the end. Default without a terminal.", negative="--stay"
        ),
    ] = None,
    fluence: Annotated[float, Parameter(help="With --once: dose, J/cm².")] = 3.0,
    irradiance: Annotated[float, Parameter(help="With --once: irradiance, mW/cm².")] = 50.0,
    state: Annotated[Path, Parameter(help="Where everything of the demonstration goes.")] = Path("irctl-demo"),
    port: Annotated[int, Parameter(help="Of the controller; any when that is taken.")] = PORT,
    clinic_port: Annotated[int, Parameter(help="Of the clinic; any when that is taken.")] = CLINIC_PORT,
    browser: Annotated[bool, Parameter(help="Open the clinic in the browser.")] = True,
    json: Json = False,
) -> int:
    """Open the clinic with a week of history, on simulated lamps, until Ctrl-C. Or give one treatment, and write its note.

    irctl demo

    irctl demo --once --fluence 1
    """
    if once is None:
        once = not sys.stdout.isatty()
    out = say.console(stderr=json)
    out.print("[bold]irctl demonstration[/]: simulated lamps, real drivers, the pace of real wires.")
    out.print(f"[dim]Simulated. {say.NOTICE}[/]")
    with like_ctrl_c(), ExitStack() as ending:
        if not once:
            return open_clinic(out, state, free(port), clinic_port, ending, browser=browser, json=json)
        _move_earlier_run_aside(state)
        configs = examples()
        hardware, file = configs / "demo-sim.toml", configs / "demo.toml"
        station = Demonstration.start(state, hardware, file, free(port), ending)
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
    return exits.OK if treated.completed else exits.FAILED


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
