"""`python -m irctl.clinic`: what the staff of a clinic see, as the supervisor's second child. People run `irctl serve`."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from contextlib import suppress
from datetime import time
from pathlib import Path

import structlog

from irctl.clinic.quiet_log import Quiet
from irctl.clinic.settings import PORT, ClinicFile, StationSection, load_clinic
from irctl.domain.problems import Refused
from irctl.rope import Rope

REFUSED = 3
NICENESS = 10
"""Late is dangerous for the controller, which may share a slow computer with this; here it is not."""
HERE = "here"
"""What a station is called that the clinic was started beside, where no file names it."""


def main() -> int:
    options = _options()
    rope = Rope("the clinic")
    if sys.platform != "win32":
        with suppress(OSError):
            os.nice(NICENESS)
    _log()
    from irctl.clinic.running import Running

    try:
        running = Running(_file(options), options.state, rope, options.day_begins)
    except Refused as refused:
        rope.refused([problem.as_dict() for problem in refused.problems])
        return REFUSED
    rope.hold(lambda _reason: running.end())
    signal.signal(signal.SIGTERM, lambda _number, _frame: running.end())
    asyncio.run(running.run())
    return 0


def _file(options: argparse.Namespace) -> ClinicFile:
    """The clinic's file, or what is usual; beside a controller, with that one. Raises Refused."""
    file = load_clinic(options.file) if options.file else ClinicFile()
    about = file.clinic if options.port is None else file.clinic.model_copy(update={"port": options.port})
    stations = dict(file.stations)
    if options.url is not None and all(section.url != options.url for section in stations.values()):
        stations = {HERE: StationSection(url=options.url), **stations}
    simulator = file.simulator or _control_of(options.sim_endpoints)
    return file.model_copy(update={"clinic": about, "stations": stations, "simulator": simulator})


def _control_of(endpoints: Path | None) -> str | None:
    """The simulator's control socket, where the file says that it wrote: for a demonstration's faults."""
    try:
        return None if endpoints is None else str(json.loads(endpoints.read_text(encoding="utf-8"))["control"])
    except (OSError, ValueError, KeyError):
        return None


def _log() -> None:
    """JSON lines on stderr, this program's and its libraries' complaints."""
    complaints = logging.StreamHandler(sys.stderr)
    complaints.setFormatter(Quiet())
    logging.basicConfig(level=logging.WARNING, handlers=[complaints])
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        processors=[
            structlog.processors.TimeStamper(fmt="iso", key="at"),
            structlog.processors.add_log_level,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m irctl.clinic", description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--url", help="of the controller that it was started beside")
    parser.add_argument("--file", type=Path, help="the clinic's file, TOML")
    parser.add_argument("--sim-endpoints", type=Path, help="where a simulator wrote its endpoints")
    parser.add_argument("--port", type=int, help=f"instead of the file's, which is usually {PORT}")
    parser.add_argument("--day-begins", type=time.fromisoformat, default=time(7))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
