"""The schedule: what is due is told in time, once, whatever happened to this process, to the computer's clock or to the controller meanwhile.

The controller knows what is due and what was told. This asks it, by its own monotonic clock, every minute; when a job's moment has come; and when the wall
clock has stepped. Each time it tells what should have been told by now and was not. So a moment that was missed is told once, late, and a job that was
lost is of no consequence.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Literal, Protocol

from irctl.clinic.duties.clocks import Clocks
from irctl.clinic.duties.controller import Controller, Unanswered
from irctl.clinic.jobs import Jobs
from irctl.domain.reminders import Day, agenda

TICK_S = 1.0
POLL_S = 60.0
"""Lamp-hours have no date, and somebody may have calibrated: the controller is asked this often."""
RETRY_S = 5.0
"""A controller that does not answer is being started again, most likely."""


class Log(Protocol):
    def info(self, event: str, **fields: Any) -> Any: ...
    def warning(self, event: str, **fields: Any) -> Any: ...


class Inbox:
    """Why the schedule should look before its minute is over. Written to from threads and signal handlers."""

    def __init__(self) -> None:
        self._words: SimpleQueue[Literal["job", "end"]] = SimpleQueue()

    def job(self) -> None:
        """The moment of a job has come."""
        self._words.put("job")

    def end(self) -> None:
        self._words.put("end")

    def wait(self, timeout_s: float) -> Literal["job", "end"] | None:
        try:
            return self._words.get(timeout=timeout_s)
        except Empty:
            return None


class Rounds(ABC):
    """Looks again and again whether there is something to do: often enough, at the moment of a job, and when the wall clock has stepped.

    Nothing depends on the reason: what is to be done follows from what is there, so what was missed is done once, late.
    """

    def __init__(self, jobs: Jobs | None, clocks: Clocks, log: Log, every_s: float = POLL_S) -> None:
        self._jobs = jobs
        self._clocks = clocks
        self._log = log
        self._every_s = every_s
        self._look_at_s = clocks.monotonic_s()

    @abstractmethod
    def look(self) -> bool:
        """Do what is to be done now; whether all of it could be: else it looks again soon."""

    def run(self, inbox: Inbox, beat: Callable[[], None]) -> None:
        """Until the inbox says so. `beat` is called every second, and less often only while the controller keeps us waiting."""
        word = None
        while word != "end":
            beat()
            self.tick(woken=word == "job")
            word = inbox.wait(TICK_S)

    def tick(self, *, woken: bool = False) -> None:
        """Look where there is a reason to."""
        if step := self._clocks.step():
            self._log.warning("clock.stepped", by_s=round(step.total_seconds(), 1))
            if self._jobs is not None:
                self._jobs.look_again()
        now_s = self._clocks.monotonic_s()
        if woken or step or now_s >= self._look_at_s:
            self._look_at_s = now_s + (self._every_s if self.look() else RETRY_S)


class Schedule(Rounds):
    """Keeps one controller's."""

    def __init__(self, controller: Controller, jobs: Jobs, clocks: Clocks, day: Day, log: Log) -> None:
        super().__init__(jobs, clocks, log)
        self._controller = controller
        self._planned = jobs
        self._day = day
        self._answers = True

    def look(self) -> bool:
        """Whether the controller answered."""
        try:
            self._reconcile()
        except Unanswered as error:
            if self._answers:
                self._log.warning("controller.unanswered", text=str(error))
            self._answers = False
        else:
            self._answers = True
        return self._answers

    def _reconcile(self) -> None:
        now = self._clocks.wall()
        found = agenda(self._controller.due(), self._controller.told(), now, self._day)
        self._planned.plan(found.wake)
        for item in found.settle:
            self._controller.settle(item, "it is not due any more")
        for reminder in found.tell:
            late = reminder.late(now)
            if self._controller.tell(reminder, late):
                self._log.info(
                    "reminder.told", item=reminder.item.name, text=reminder.text, late_s=round(late.total_seconds())
                )
