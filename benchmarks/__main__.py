"""`python -m benchmarks [stop] [dose] [transactions] [virtual] [planner] [lamps] [fleet] [year] [hostile] [records] [decade]`: run all or some, print tables. The exit status is 0 whatever they say."""

from __future__ import annotations

import os
import platform
import sys
import time
from importlib import import_module
from importlib.metadata import version

from rich.console import Console

from benchmarks.report import Report

BENCHMARKS = (
    "stop",
    "dose",
    "transactions",
    "virtual",
    "planner",
    "lamps",
    "fleet",
    "year",
    "hostile",
    "records",
    "decade",
)


def main(names: list[str]) -> int:
    console = Console(width=None if sys.stdout.isatty() else 140)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        console.print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
        return 2
    console.print(
        f"[bold]irctl {version('irctl')} benchmarks[/]: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"{platform.system()}, Python {platform.python_version()}, pymodbus {version('pymodbus')}\n",
        highlight=False,
    )
    started = time.monotonic()
    missed = 0
    for name in names or BENCHMARKS:
        with console.status(f"{name} …"):
            report: Report = import_module(f"benchmarks.{name}").run()
        report.show(console)
        missed += sum(not target.met for target in report.targets)
    verdict = "every target met" if not missed else f"{missed} target{'s' * (missed > 1)} missed"
    console.print(f"{verdict}; {time.monotonic() - started:.0f} s", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
