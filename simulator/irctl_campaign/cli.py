"""`irctl campaign`: the safety kernel's examination, for anyone to run."""

from __future__ import annotations

import json as as_json
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

if TYPE_CHECKING:
    from rich.console import Console

    from irctl_campaign.scene import Files
    from irctl_campaign.summary import Summary

OK, VIOLATED = 0, 1


def campaign(
    *,
    seeds: Annotated[int, Parameter(validator=Number(gte=1))] = 200,
    seed: int | None = None,
    station: Path | None = None,
    hardware: Path | None = None,
    jobs: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    timeline: Annotated[bool, Parameter(negative=())] = False,
    html: Path | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Thousands of simulated treatments in virtual time under seeded faults; every promise is checked against the physics.

    irctl campaign --seeds 2000 --html safety.html
    irctl campaign --seed 42 --timeline
    irctl campaign --station configs/single.toml --seeds 500

    Parameters
    ----------
    seeds
        How many seeds, from 0.
    seed
        This one only.
    station
        The station file to examine; the demonstration station where not given.
    hardware
        The simulated hardware behind it (as irctl-sim takes it); beside the station file as NAME-sim.toml where not given.
    jobs
        Processes to use; as many as there are processors where not given.
    timeline
        With --seed: everything that happened, in order.
    html
        Write the report as one self-contained page.
    json
        One JSON document on stdout, nothing else.
    """
    # Here and not at the top: `irctl --help` lists this command too, and need not load a simulator for it.
    from rich.console import Console

    from irctl.domain.problems import Problem, Refused
    from irctl_campaign.page import page
    from irctl_campaign.report import as_dict, show
    from irctl_campaign.scene import Files
    from irctl_campaign.summary import Summary

    # Rich would guess 80 columns of a pipe.
    out = Console(highlight=False, width=None if os.isatty(1) or "COLUMNS" in os.environ else 160)
    chosen = range(seeds) if seed is None else range(seed, seed + 1)
    if timeline and seed is None:
        raise Refused([Problem("timeline", None, "needs a seed", "Name one: irctl campaign --seed N --timeline")])
    if hardware is not None and station is None:
        raise Refused([Problem("hardware", str(hardware), "needs the station file", "Name it with --station")])
    files = Files.of(station, hardware) if station else None
    if timeline and seed is not None:
        return _timeline(seed, files, out)
    summary, began_s = Summary(files), time.perf_counter()
    _examine(summary, chosen, jobs or os.cpu_count() or 1)
    took_s = time.perf_counter() - began_s
    if html is not None:
        html.write_text(page(summary, took_s), encoding="utf-8")
    if json:
        print(as_json.dumps(as_dict(summary, took_s), ensure_ascii=False), flush=True)
    else:
        show(summary, out, took_s)
    return VIOLATED if summary.violations else OK


def _examine(summary: Summary, chosen: range, jobs: int) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from irctl_campaign.summary import examine_all

    _quiet()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("0 violations", total=len(chosen))
        for verdict in examine_all(chosen, jobs, summary.files):
            summary.add(verdict)
            progress.update(bar, advance=1, description=f"{len(summary.violations)} violations")


def _timeline(seed: int, files: Files | None, out: Console) -> int:
    from irctl_campaign.judge import judge
    from irctl_campaign.plan import draw
    from irctl_campaign.play import play
    from irctl_campaign.report import show_timeline
    from irctl_campaign.scene import scene_of

    _quiet()
    scene = scene_of(files)
    trace = play(draw(seed, scene), scene)
    verdict = judge(trace)
    show_timeline(trace, verdict, out)
    return VIOLATED if verdict.violations else OK


def _quiet() -> None:
    """Lines tell the log what they suffer; here they suffer on purpose."""
    logging.getLogger("irctl").setLevel(logging.CRITICAL)
