"""`irctl campaign`: the safety kernel's examination, for anyone to run."""

from __future__ import annotations

import json as as_json
import os
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

OK, VIOLATED = 0, 1


def campaign(
    *,
    seeds: int = 200,
    seed: int | None = None,
    jobs: int | None = None,
    timeline: Annotated[bool, Parameter(negative=())] = False,
    html: Path | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Thousands of simulated treatments in virtual time under seeded faults; every promise is checked against the physics.

    irctl campaign --seeds 2000 --html safety.html
    irctl campaign --seed 42 --timeline

    Parameters
    ----------
    seeds
        How many seeds, from 0.
    seed
        This one only.
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

    from irctl_campaign.page import page
    from irctl_campaign.report import as_dict, show
    from irctl_campaign.summary import Summary

    # Rich would guess 80 columns of a pipe.
    out = Console(highlight=False, width=None if os.isatty(1) or "COLUMNS" in os.environ else 160)
    chosen = range(seeds) if seed is None else range(seed, seed + 1)
    if timeline and seed is not None:
        return _timeline(seed, out)
    summary, began_s = Summary(), time.perf_counter()
    _examine(summary, chosen, jobs or os.cpu_count() or 1)
    took_s = time.perf_counter() - began_s
    if html is not None:
        html.write_text(page(summary, took_s), encoding="utf-8")
    if json:
        print(as_json.dumps(as_dict(summary, took_s), ensure_ascii=False), flush=True)
    else:
        show(summary, out, took_s)
    return VIOLATED if summary.violations else OK


def _examine(summary: object, chosen: range, jobs: int) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from irctl_campaign.summary import Summary, examine_all

    assert isinstance(summary, Summary)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("0 violations", total=len(chosen))
        for verdict in examine_all(chosen, jobs):
            summary.add(verdict)
            progress.update(bar, advance=1, description=f"{len(summary.violations)} violations")


def _timeline(seed: int, out: object) -> int:
    import logging

    from rich.console import Console

    from irctl_campaign.judge import judge
    from irctl_campaign.plan import draw
    from irctl_campaign.play import play
    from irctl_campaign.report import show_timeline, timeline

    assert isinstance(out, Console)
    logging.getLogger("irctl").setLevel(logging.CRITICAL)
    trace = play(draw(seed))
    verdict = judge(trace)
    rows = timeline(trace)
    rows += [
        (v.at_s, "VIOLATION", f"{v.promise}: {v.text}")
        for v in verdict.violations
        if not any(v.text == t for _, _, t in rows)
    ]
    show_timeline(trace, sorted(rows, key=lambda row: row[0]), out)
    out.print()
    for given, session in ((given, session) for session, given in trace.given.items()):
        out.print(f"{session}: really given {given.truth_j_cm2:.4f} of {given.prescribed_j_cm2} J/cm²")
    out.print("[bold red]Violations above.[/]" if verdict.violations else "[bold green]No violations.[/]")
    return VIOLATED if verdict.violations else OK
