"""What the clinic does by itself at night: it backs up its records, has every journal verified, and lists once a month what has been kept long enough.

Each thing has an occasion (a day, a month). What was done at one is on a paper, so it is done once, however often this process starts; what was missed is done
late; and what did not succeed is tried again every hour, until the next occasion takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any

from irctl.clinic.desk import Desk
from irctl.clinic.duties import backups
from irctl.clinic.duties.clocks import Clocks
from irctl.clinic.duties.controller import Controller, Unanswered
from irctl.clinic.duties.schedule import Log, Rounds
from irctl.clinic.jobs import Jobs
from irctl.clinic.office import notices
from irctl.clinic.office.notices import ITSELF
from irctl.domain.notices import Priority
from irctl.domain.problems import Refused
from irctl.domain.reminders import LATE_MIN, spoken
from irctl.records import retention
from irctl.records.audit import Audit
from irctl.records.papers import Index, Paper, Wanted

KIND = "run"
BACK_UP, RETENTION = "back-up", "retention"
AGAIN_S = 3600.0
"""A full disk is emptied by somebody, not by trying."""
OVERDUE = timedelta(hours=1)
"""After its moment: by then a back-up is done or has failed, unless something holds it up that says nothing, such as a disk on a network."""
OVERDUE_BACK_UP = f"{BACK_UP} overdue"
LISTED_MAX = 20


@dataclass(frozen=True, slots=True)
class Task:
    """`work` returns what there is to say of it, as plain data, and raises Refused or Unanswered. `fails`: how urgent it is then."""

    what: str
    at: time
    work: Callable[[date, datetime], Mapping[str, Any]]
    fails: Priority
    remedy: str
    monthly: bool = False

    def occasion(self, now: datetime, zone: tzinfo) -> tuple[date, datetime]:
        """The last whose moment has come: its day, and that moment."""
        day = _last_day(self.at, now, zone)
        if self.monthly:
            day = day.replace(day=1)
        return day, _moment(day, self.at, zone)

    def next(self, now: datetime, zone: tzinfo) -> datetime:
        day, _ = self.occasion(now, zone)
        later = (day.replace(day=28) + timedelta(days=4)).replace(day=1) if self.monthly else day + timedelta(days=1)
        return _moment(later, self.at, zone)


class Nightly(Rounds):
    """In a thread of its own: a back-up may take its time."""

    def __init__(
        self, desk: Desk, state: Path, controllers: Mapping[str, Controller], jobs: Jobs, clocks: Clocks, log: Log
    ) -> None:
        super().__init__(jobs, clocks, log)
        self._desk, self._state, self._planned = desk, state, jobs
        self._audit = Audit(desk.database)
        self._tried_s: dict[str, float] = {}
        """When each failed last, by the clock that nobody can set."""
        self._told = ""
        keeping = desk.file.keeping
        remedy = "See the line above; then wait an hour, or start irctl again"
        self._tasks = [
            Task(BACK_UP, keeping.at, self._back_up, "high", remedy),
            *(
                Task(verification(name), keeping.verify_at, self._verification(name, one), "low", "Is it switched on?")
                for name, one in controllers.items()
            ),
            Task(RETENTION, keeping.verify_at, self._review, "low", remedy, monthly=True),
        ]

    def look(self) -> bool:
        now, zone = self._clocks.wall(), self._desk.zone
        try:
            for task in self._tasks:
                self._do(task, now)
        except Refused as refused:  # the records cannot be read or written
            if (said := str(refused)) != self._told:
                self._log.warning("night.waiting", text=said)
            self._told = said
            return False
        finally:
            self._planned.plan({task.what: task.next(now, zone) for task in self._tasks})
        self._told = ""
        return True

    def _do(self, task: Task, now: datetime) -> None:
        day, moment = task.occasion(now, self._desk.zone)
        name = f"{task.what} {moment:%Y-%m-%dT%H:%MZ}"
        before = last = next(iter(last_runs(self._desk, task.what, 1)), None)
        if before is not None and before.index.moment is not None:
            if before.index.moment > moment or (before.index.moment == moment and before.index.state == "done"):
                return
            if before.index.moment != moment:
                before = None
        if self._clocks.monotonic_s() - self._tried_s.get(task.what, float("-inf")) < AGAIN_S:
            return
        self._tried_s[task.what] = self._clocks.monotonic_s()
        try:
            told = task.work(day, now)
        except (Refused, Unanswered) as error:
            self._failed(task, name, moment, before, error, now)
            return
        # Nobody waits for what was never done.
        late = now - moment if last is not None and now - moment >= LATE_MIN else timedelta()
        body = {**told, "late_s": late.total_seconds(), "failures": 0 if before is None else before.body["failures"]}
        self._keep(name, task, moment, before, body, "done", now)
        self._tried_s.pop(task.what)
        notices.settle(self._desk, failing(task.what), "it was done", now)
        self._log.info("night.done", what=task.what, late=spoken(late) if late else None, **told)

    def _failed(
        self, task: Task, name: str, moment: datetime, before: Paper | None, error: Exception, now: datetime
    ) -> None:
        problems = error.problems if isinstance(error, Refused) else ()
        why = "; ".join(f"{p.field} {p.value or ''} {p.limit}".replace("  ", " ") for p in problems) or str(error)
        remedy = problems[0].remedy if problems else task.remedy
        if before is None or before.body.get("why") != why:  # acknowledged, it is not told again every hour
            text = f"{task.what} of {moment.astimezone(self._desk.zone):%Y-%m-%d} was not done: {why}"
            notices.tell(self._desk, failing(task.what), text, remedy, task.fails, now)
        self._log.warning("night.failed", what=task.what, text=why)
        failures = 1 if before is None else before.body["failures"] + 1
        self._keep(name, task, moment, before, {"why": why, "failures": failures}, "failed", now)

    def _keep(
        self,
        name: str,
        task: Task,
        moment: datetime,
        before: Paper | None,
        body: Mapping[str, Any],
        state: str,
        now: datetime,
    ) -> None:
        papers = self._desk.papers
        if before is None:
            papers.new(KIND, name, body, ITSELF, now, Index(moment=moment, state=state, parent=task.what))
        else:
            papers.amend(KIND, name, before.number, body, ITSELF, "tried again", now, state=state)

    # --- what is done ----------------------------------------------------------------------------------------------------

    def _back_up(self, day: date, now: datetime) -> Mapping[str, Any]:
        keeping = self._desk.file.keeping
        folder = backups.folder_of(self._state, keeping.folder)
        path, made, gone = backups.make(self._desk.database, folder, day, now, keeping.daily)
        return {"file": path.name, "rows": made.rows, "sha256": made.sha256, "let_go": [one.name for one in gone]}

    def _verification(self, name: str, controller: Controller) -> Callable[[date, datetime], Mapping[str, Any]]:
        def verify(_day: date, now: datetime) -> Mapping[str, Any]:
            found = controller.verified()
            about = f"journal of {name}"
            if found["ok"]:
                notices.settle(self._desk, about, "it holds", now)
                return {"ok": True, "events": found["events"], "signed": found["signed"], "problem": None}
            where = f"line {found['line']}: {found['problem']}"
            text = f"The journal of {name} does not hold. {where}"
            remedy = (
                "Keep a copy of its files as they are; then `irctl journal verify`, and ask whoever keeps the station"
            )
            notices.tell(self._desk, about, text, remedy, "high", now)
            self._audit.write(None, now, ITSELF.login, "journal-broken", name, problem=where)
            return {"ok": False, "events": found["events"], "signed": found["signed"], "problem": where}

        return verify

    def _review(self, _day: date, now: datetime) -> Mapping[str, Any]:
        years = self._desk.file.keeping.years
        found = retention.old(self._desk.database, retention.before(now, years))
        if found:
            named = ", ".join(one.patient or "sessions of no patient" for one in found[:LISTED_MAX])
            more = f" and {len(found) - LISTED_MAX} more" if len(found) > LISTED_MAX else ""
            text = (
                f"Records of {len(found)} patients are older than {years:g} years: {named}{more}. Nothing was deleted"
            )
            remedy = f"`irctl records retention --older-than {years:g}` lists them all; decide, then acknowledge"
            notices.tell(self._desk, RETENTION, text, remedy, "low", now)
        else:
            notices.settle(self._desk, RETENTION, "none is older", now)
        return {"patients": len(found)}


def last_runs(desk: Desk, what: str, limit: int = 10) -> list[Paper]:
    """What was done of late, newest first: state done or failed, `late_s`, and what there was to say. Raises Refused."""
    return desk.papers.find(KIND, Wanted(parent=what, newest=True, limit=limit))


def verification(station: str) -> str:
    """What the daily verification of a station's journal is called."""
    return f"verification of {station}"


def failing(what: str) -> str:
    """What a notice is about when something was not done."""
    return f"{what} failing"


class Watch(Rounds):
    """Sees whether anything holds up the back-up without a word; so it has a thread of its own."""

    def __init__(self, desk: Desk, clocks: Clocks, log: Log) -> None:
        super().__init__(None, clocks, log)
        self._desk = desk
        self._since_s = clocks.monotonic_s()

    def look(self) -> bool:
        try:
            self._watch(self._clocks.wall())
        except Refused:
            return False  # the night itself says so
        return True

    def _watch(self, now: datetime) -> None:
        at = self._desk.file.keeping.at
        moment = _moment(_last_day(at, now, self._desk.zone), at, self._desk.zone)
        last = last_runs(self._desk, BACK_UP, 1)
        up = timedelta(seconds=self._clocks.monotonic_s() - self._since_s)
        if last and last[0].index.moment is not None and last[0].index.moment >= moment:
            notices.settle(self._desk, OVERDUE_BACK_UP, "it was tried", now)
        elif min(now - moment, up) >= OVERDUE:
            text = "The records are not backed up, and nothing says why"
            remedy = "Look whether the disk of [keeping] folder answers; then start irctl again"
            notices.tell(self._desk, OVERDUE_BACK_UP, text, remedy, "high", now)


def _last_day(at: time, now: datetime, zone: tzinfo) -> date:
    """The last on which it was `at`."""
    today = now.astimezone(zone).date()
    return today if _moment(today, at, zone) <= now else today - timedelta(days=1)


def _moment(day: date, at: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
