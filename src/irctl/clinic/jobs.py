"""The schedule's jobs in APScheduler, kept in a database: one for each item, at the moment of its next reminder.

A job only wakes the schedule, which then asks the controller what is due. So it does no harm that APScheduler computes its waits from the wall clock, that
it deletes a job before it runs, or that a job runs twice.
"""

# APScheduler 3 has no types.
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, cast

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, EVENT_JOB_MISSED, JobEvent
from apscheduler.jobstores.base import JobLookupError
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import URL


def due(item: str) -> None:
    """What a job does: nothing but having run. By its name, and this module's, it is found again after a restart, and by later versions: neither may change."""


class Jobs:
    """`woken` is called from another thread when a job's moment has come, or had come while nobody was here."""

    def __init__(self, store: Path, woken: Callable[[], None]) -> None:
        _set_aside_damaged(store)
        store.touch(mode=0o600)  # it holds pickled jobs: whoever could write to it could run code here
        self._scheduler: Any = BackgroundScheduler()
        self._scheduler.add_jobstore(SQLAlchemyJobStore(url=URL.create("sqlite", database=str(store))))

        def ran(_event: JobEvent) -> None:
            woken()

        self._scheduler.add_listener(ran, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR | EVENT_JOB_MISSED)
        self._scheduler.start()

    @property
    def zone(self) -> tzinfo:
        """Where this computer is."""
        return cast("tzinfo", self._scheduler.timezone)

    @property
    def planned(self) -> dict[str, datetime]:
        """By item."""
        return {job.id: job.next_run_time.astimezone(UTC) for job in self._scheduler.get_jobs()}

    def plan(self, wake: Mapping[str, datetime]) -> None:
        """Exactly these. A moment that is past already comes at once, however long ago it was."""
        planned = self.planned
        for item in planned.keys() - wake.keys():
            with suppress(JobLookupError):  # it has run since we looked
                self._scheduler.remove_job(item)
        for item, moment in wake.items():
            if planned.get(item) != moment:
                self._scheduler.add_job(
                    due, "date",
                    run_date=moment,
                    id=item,
                    args=[item],
                    misfire_grace_time=None,
                    coalesce=True,
                    max_instances=1,
                    replace_existing=True,
                )  # fmt: skip

    def look_again(self) -> None:
        """The wall clock has stepped: what APScheduler waits for was computed from what it showed before."""
        self._scheduler.wakeup()

    def close(self) -> None:
        self._scheduler.shutdown(wait=False)


def _set_aside_damaged(store: Path) -> None:
    """What is no database, or a damaged one: all of it can be planned anew from what the controller says. Raises OSError, sqlite3.OperationalError."""
    if not store.exists():
        return
    with closing(sqlite3.connect(store)) as database:
        try:
            sound = database.execute("PRAGMA quick_check").fetchone() == ("ok",)
        except sqlite3.OperationalError:
            raise  # a full disk, a lock: nothing is wrong with the file
        except sqlite3.DatabaseError:
            sound = False
    if not sound:
        store.replace(store.with_name(store.name + ".damaged"))
