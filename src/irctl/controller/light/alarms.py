"""Alarms as people meet them: raised once, shown until somebody has acknowledged them by name, silenced for a while, never lost.

They live in the journal: a page that is reloaded and a controller that is started again show the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from irctl.controller.journal.journal import Journal
from irctl.domain.alarms import Priority, priority
from irctl.domain.chain import Event
from irctl.domain.problems import Problem, Refused
from irctl.domain.rules import Stop, Warn

AUDIO_PAUSED_S = 120.0
"""IEC 60601-1-8 lets a person pause the sound for a time that the maker states (from memory: unverified); a new alarm ends it."""
OPEN_MAX = 200
"""More than anybody reads; beyond it the oldest of lowest priority make room. The journal has them all."""

_RANK = {Priority.HIGH: 0, Priority.MEDIUM: 1, Priority.LOW: 2}


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm that nobody has acknowledged yet."""

    id: str
    at: str
    priority: Priority
    hazard: str | None
    """None where it reminds of upkeep: nothing has happened."""
    lamp: str | None
    session: str | None
    text: str
    remedy: str
    warns: bool
    """It only warns: when its session is over, or the matter settled, it goes by itself."""

    def view(self) -> dict[str, Any]:
        names = ("id", "at", "priority", "hazard", "lamp", "session", "text", "remedy", "warns")
        return {name: getattr(self, name) for name in names}


class Alarms:
    """The station's open alarms."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._open: dict[str, Alarm] = {}
        self._paused_until_s = float("-inf")
        self._raised = 0

    @property
    def open(self) -> list[Alarm]:
        """Most urgent first, then oldest first."""
        return sorted(self._open.values(), key=lambda alarm: _RANK[alarm.priority])

    def sound(self, verdict: Stop | Warn, lamp: str | None, session: str | None = None) -> None:
        """Raise an alarm, unless the same one is already open."""
        if any(_says_as_much(alarm, verdict, lamp, session) for alarm in self._open.values()):
            return
        about: dict[str, Any] = {} if session is None else {"session": session}
        remedy = verdict.remedy if isinstance(verdict, Stop) else ""
        told = {"text": verdict.text, "remedy": remedy, "warns": isinstance(verdict, Warn)}
        self._raise("alarm", priority=priority(verdict), lamp=lamp, hazard=verdict.hazard, **told, **about)
        self._paused_until_s = float("-inf")

    def remind(self, text: str, remedy: str, lamp: str | None, **about: Any) -> str:
        """Raise a reminder of upkeep, and return its id. It can wait: it does not end a silence that somebody asked for."""
        return self._raise(
            "reminder.raised", priority=Priority.LOW, lamp=lamp, text=text, remedy=remedy, warns=True, **about
        )

    def is_open(self, alarm_id: str) -> bool:
        return alarm_id in self._open

    def acknowledge(self, alarm_id: str, by: str) -> None:
        """Somebody has seen it and answers for it. Raises Refused."""
        problems: list[Problem] = []
        if not by.strip():
            problems.append(Problem("by", by, "is empty", "Say who acknowledges: it goes into the record"))
        if alarm_id not in self._open:
            problems.append(Problem("alarm", alarm_id, "is not open", "See the station's alarms"))
        if problems:
            raise Refused(problems, conflict=alarm_id not in self._open)
        self._journal.write("alarm.acknowledged", alarm=alarm_id, by=by)
        del self._open[alarm_id]

    def pause_audio(self, by: str) -> None:
        """Silence for two minutes, or until something new happens. What is seen stays. Raises Refused."""
        if not by.strip():
            raise Refused([Problem("by", by, "is empty", "Say who silences: it goes into the record")])
        self._journal.write("alarm.audio_paused", by=by, for_s=AUDIO_PAUSED_S)
        self._paused_until_s = asyncio.get_running_loop().time() + AUDIO_PAUSED_S

    def resolve(self, session: str, because: str, hazard: str | None = None) -> None:
        """What only warned about this session (of this hazard, or of any) needs nobody any more."""
        warnings = [a for a in self._open.values() if a.session == session and a.warns]
        for alarm in [a for a in warnings if hazard in (None, a.hazard)]:
            self.withdraw(alarm.id, because)

    def withdraw(self, alarm_id: str, because: str) -> None:
        """An open one that needs nobody any more."""
        self._journal.write("alarm.resolved", alarm=alarm_id, because=because)
        del self._open[alarm_id]

    def restore(self, events: Iterable[Event]) -> None:
        """What an earlier controller raised and nobody acknowledged."""
        for event in events:
            match event["event"]:
                case "alarm" | "reminder.raised" if "id" in event:
                    self._add(_alarm(event))
                case "alarm.acknowledged" | "alarm.resolved":
                    self._open.pop(event["alarm"], None)
                case _:
                    pass

    def view(self) -> dict[str, Any]:
        left_s = self._paused_until_s - asyncio.get_running_loop().time()
        return {
            "alarms": [alarm.view() for alarm in self.open],
            "audio_paused_s": round(left_s, 1) if left_s > 0 else 0.0,
        }

    def _raise(self, event: str, **told: Any) -> str:
        self._raised += 1
        alarm_id = f"A-{self._journal.seq + 1}" if self._journal.writable else f"A-unwritten-{self._raised}"
        self._journal.write(event, id=alarm_id, **told)
        at = self._journal.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._add(_alarm({"id": alarm_id, "at": at, **told}))
        return alarm_id

    def _add(self, alarm: Alarm) -> None:
        self._open[alarm.id] = alarm
        if len(self._open) > OPEN_MAX:
            least = max(self._open.values(), key=lambda one: _RANK[one.priority])  # the first of these is the oldest
            del self._open[least.id]


def _alarm(told: Mapping[str, Any]) -> Alarm:
    names = ("id", "at", "lamp", "text", "remedy", "warns")
    about: dict[str, Any] = {name: told[name] for name in names}
    return Alarm(priority=Priority(told["priority"]), hazard=told.get("hazard"), session=told.get("session"), **about)


def _says_as_much(alarm: Alarm, verdict: Stop | Warn, lamp: str | None, session: str | None) -> bool:
    """Whether an open alarm tells all that a new one would: a stop after a warning of the same hazard is news."""
    same = (alarm.hazard, alarm.lamp, alarm.session) == (verdict.hazard, lamp, session)
    return same and (isinstance(verdict, Warn) or not alarm.warns)
