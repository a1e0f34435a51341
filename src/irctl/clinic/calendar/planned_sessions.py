"""Planned sessions: "ready at 10:30". It says when a lamp should be prepared, and never lights one: a person does, at the lamp.

What is ready follows from the appointments' times at every look, so nothing is missed or said twice, whatever was down meanwhile. The jobs (APScheduler,
kept in a file) only make every screen look at the right moment.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from irctl.clinic.calendar.appointments import Appointment, between
from irctl.clinic.desk import Desk
from irctl.clinic.duties.clocks import Clocks
from irctl.clinic.jobs import Jobs
from irctl.domain.problems import Refused

PREPARE = timedelta(minutes=10)
"""Before an appointment, to prepare its lamp: a halogen lamp is warm within a minute, the rest is for goggles, couch and distance. Project choice."""
STORE = "planned-sessions.sqlite"
TICK_S = 1.0
PLAN_EVERY_S = 60.0
"""Another process may have booked something: the day is looked at this often without being told to."""

_log: Any = structlog.get_logger()


def due_to_prepare(appointments: Sequence[Appointment], now: datetime) -> list[Appointment]:
    """For which somebody should be preparing a lamp now, soonest first: from ten minutes before until they should have ended."""
    return [
        one
        for one in appointments
        if one.ahead and (one.at - PREPARE).timestamp() <= now.timestamp() < one.until.timestamp()
    ]


def wake(appointments: Sequence[Appointment], now: datetime) -> dict[str, datetime]:
    """By appointment: when to look again for it. What is past needs no waking: every look sees it."""
    moments = {one.id: one.at - PREPARE for one in appointments if one.ahead}
    return {name: at for name, at in moments.items() if at.timestamp() > now.timestamp()}


async def keep(desk: Desk, state: Path) -> None:
    """For ever: today's jobs are those of today's appointments. A job that comes does nothing but let every screen look."""
    loop = asyncio.get_running_loop()

    def woken() -> None:
        loop.call_soon_threadsafe(desk.changed)

    try:
        jobs = await asyncio.to_thread(Jobs, state / STORE, woken)
    except (OSError, sqlite3.Error) as error:
        # The screens look by themselves all the same, a few seconds later.
        _log.warning("planned_sessions.no_store", text=str(error))
        return
    with closing(jobs):
        clocks, seen, again_s = Clocks(), -1, 0.0
        while True:
            if clocks.step():
                jobs.look_again()
                desk.changed()
            if desk.revision != seen or loop.time() >= again_s:
                seen, again_s = desk.revision, loop.time() + PLAN_EVERY_S
                await asyncio.to_thread(_plan, desk, jobs)
            await asyncio.sleep(TICK_S)


def _plan(desk: Desk, jobs: Jobs) -> None:
    now = desk.now()
    try:
        today = between(desk, now.date(), now.date() + timedelta(days=1))
    except Refused:  # the database does not answer: what was planned stays, and the next look is soon
        return
    jobs.plan(wake(today, now))
