"""`python -m irctl.clinic`: the schedule as the supervisor's second child. People run `irctl serve`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from contextlib import closing, suppress
from datetime import time
from pathlib import Path
from typing import Any

import structlog

from irctl.clinic.clocks import Clocks
from irctl.clinic.controller import Controller
from irctl.clinic.jobs import Jobs
from irctl.clinic.schedule import Inbox, Schedule
from irctl.clinic.tokens import Issuer
from irctl.domain.problems import Refused
from irctl.domain.reminders import Day
from irctl.rope import Rope

STORE = "clinic.sqlite"
SILENCE_MAX_S = 60.0
"""Several answers that the controller takes its time for."""
REFUSED = 3
NICENESS = 10
"""Late is dangerous for the controller, which may share a slow computer with this; here it is not."""


def main() -> int:
    options = _options()
    rope, inbox = Rope("the clinic"), Inbox()
    if sys.platform != "win32":
        with suppress(OSError):
            os.nice(NICENESS)
    log = _log()
    rope.hold(lambda _reason: inbox.end())
    signal.signal(signal.SIGTERM, lambda _number, _frame: inbox.end())
    try:
        clocks, issuer = Clocks(), Issuer(options.state)
    except Refused as refused:
        rope.refused([problem.as_dict() for problem in refused.problems])
        return REFUSED
    with (
        closing(Controller(options.url, lambda: issuer.service(clocks.wall()))) as controller,
        closing(Jobs(options.state / STORE, inbox.job)) as jobs,
    ):
        schedule = Schedule(controller, jobs, clocks, Day(options.day_begins, jobs.zone), log)
        rope.serving(silence_max_s=SILENCE_MAX_S, pid=os.getpid())
        log.info("schedule.started", pid=os.getpid(), planned=len(jobs.planned))
        schedule.run(inbox, rope.beat)
    return 0


def _log() -> Any:
    """JSON lines on stderr, this program's and its libraries' complaints."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    return structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.TimeStamper(fmt="iso", key="at"),
            structlog.processors.add_log_level,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m irctl.clinic", description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--url", required=True, help="of the controller")
    parser.add_argument("--day-begins", type=time.fromisoformat, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
