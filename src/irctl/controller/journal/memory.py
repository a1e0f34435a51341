"""What the controller remembers of its journal: everything that is open, two days of events, and what lasts. The rest is on the disk.

A day of treatments is tens of megabytes of samples; memory must not grow with it, and nothing that a decision asks for may be forgotten.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from irctl.controller.journal import past
from irctl.domain import chain
from irctl.domain.chain import CONTINUED, SET_ASIDE, Event

SAMPLE = "session.sample"
REMEMBERED_S = 48 * 3600.0
"""By the monotonic clock of this process: a wall clock that jumps makes nothing old. Longer than any ceiling or interval looks back."""
SAMPLES_KEPT_S = 600.0
"""A session's samples stay this long after its end, for whoever reads its note; then they are read from the disk."""
LOOK_EVERY_S = 60.0
ALARMS_MAX = 500
"""Unacknowledged alarms that outlast two days; far more than the station shows."""
DAYS_MAX = 1000
"""Days whose session numbers are known. A clock would have to go back years to find a day forgotten."""
ID, CALIBRATION_ID = "S-", "C-"
CLOSES_CALIBRATION = ("calibration.approved", "calibration.rejected", "calibration.abandoned")


@dataclass(frozen=True, slots=True)
class Use:
    """How much a lamp, by its serial, has burnt."""

    lamp_hours: float = 0.0
    starts: int = 0

    def more(self, lit_s: float, starts: int) -> Use:
        return Use(self.lamp_hours + lit_s / 3600.0, self.starts + starts)


class Memory:
    """The journal's events that are kept in memory, oldest first. Their numbers may have gaps."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.last = 0
        """The highest number."""
        self.complete_after = 0
        """Of the events with a higher number, all are here but samples of sessions that are over."""
        self.open_sessions: set[str] = set()
        """Ordered, and not ended."""
        self.open_calibrations: set[str] = set()
        """Started, and neither approved, rejected nor abandoned."""
        self._numbers: dict[str, int] = {}
        """The last number given, of a day's sessions (YYYYMMDD) or calibrations (C-YYYYMMDD)."""
        self._use: dict[str, Use] = {}
        """By lamp serial."""
        self._lit: dict[str, tuple[str, int]] = {}
        """Of each open session: its lamp's serial, and how often it was lit."""
        self._lasting: dict[str, Event] = {}
        """What is asked for however long ago it was, by what it is about."""
        self._alarms: dict[str, Event] = {}
        """Those that nobody has acknowledged."""
        self._latest: Event | None = None
        self._ended_s: dict[str, float] = {}
        self._marks: deque[tuple[float, int]] = deque()
        """From time to time, the number that the journal had reached: what is not above it is at least that old."""
        self._looked_s = float("-inf")

    def add(self, event: Event, now_s: float, *, read: bool = False) -> None:
        """The next event, written at loop time `now_s`, or `read` from the file of an earlier run."""
        opens = event["event"] in (CONTINUED, SET_ASIDE)
        if opens and not self.events:
            for kept in event.get("kept", ()):
                self._note(kept, now_s)
            self.complete_after = event["seq"] - 1
        self._note(event, now_s)
        if read and event["event"] == "session.ended":
            self._drop(0, {event["session"]})
        if now_s - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = now_s
            self._forget(now_s)
            self._marks.append((now_s, event["seq"]))

    def next_session(self, day: str) -> str:
        """The identifier of the next session of a day (YYYYMMDD): one that was never given."""
        return f"{ID}{day}-{self._numbers.get(day, 0) + 1:04d}"

    def next_calibration(self, day: str) -> str:
        """The same for a calibration."""
        key = f"{CALIBRATION_ID}{day}"
        return f"{key}-{self._numbers.get(key, 0) + 1:04d}"

    def use_of(self, serial: str) -> Use:
        """What a lamp has burnt, in sessions that have ended and on the bench."""
        return self._use.get(serial, Use())

    def has_samples_of(self, session: str) -> bool:
        """Whether everything about a session is here: it is open, or has just ended."""
        return session in self.open_sessions or session in self._ended_s

    def after(self, seq: int) -> list[Event]:
        """The remembered events with a higher number than `seq`."""
        return self.events[bisect_right(self.events, seq, key=_seq) :]

    def page(self, after: int, limit: int) -> list[Event] | None:
        """The next `limit` events after a number (fewer at the end), samples included; None when some of them are not here."""
        begin = bisect_right(self.events, after, key=_seq)
        found = self.events[begin : begin + limit]
        whole = after >= self.complete_after and (not found or _seq(found[-1]) == after + len(found))
        return found if whole else None

    def carried(self, now: datetime) -> dict[str, Any]:
        """What the next file must begin with, so that it is enough to read that one."""
        open_now = [e for e in self.events if self._open(e)]
        kept = {_seq(event): event for event in (*self._lasting.values(), *self._alarms.values(), *open_now)}
        latest = past.latest_entry(self.events)
        given = past.recent(past.charges(self.events, now), now)
        return {
            "given": [charge.as_dict() for charge in given if charge.session not in self.open_sessions],
            "numbers": dict(sorted(self._numbers.items(), key=_day)[-DAYS_MAX:]),
            "use": {serial: asdict(use) for serial, use in self._use.items()},
            "latest_at": None if latest is None else _utc(latest),
            "kept": [kept[seq] for seq in sorted(kept) if kept[seq]["event"] not in (CONTINUED, SET_ASIDE)],
        }

    def _note(self, event: Event, now_s: float) -> None:
        self.events.append(event)
        self.last = max(self.last, _seq(event))
        name = event["event"]
        if name == SAMPLE:
            return
        if name == "clock.accepted" or self._latest is None or event["at"] >= self._latest["at"]:
            self._latest = event
        self._count_use(event)
        match event:
            case {"event": "session.ordered", "session": session}:
                self.open_sessions.add(session)
                self._number(session)
            case {"event": "session.ended", "session": session}:
                self.open_sessions.discard(session)
                self._ended_s[session] = now_s
            case {"event": "controller.started" | "stop.latched" | "stop.cleared"}:
                self._lasting[name.partition(".")[0]] = event
            case {"event": "clock.accepted"}:
                self._lasting["clock"] = event  # or what was written while the clock was ahead would count again
            case {"event": "commissioning.completed", "lamp": lamp}:
                self._lasting[f"commissioned {lamp}"] = event
            case {"event": "calibration.started", "calibration": calibration}:
                self.open_calibrations.add(calibration)
                self._number(calibration)
            case {"event": closing, "lamp": lamp, "calibration": calibration} if closing in CLOSES_CALIBRATION:
                self.open_calibrations.discard(calibration)
                if closing == "calibration.approved":
                    self._lasting[f"approved {lamp}"] = event
            case {"event": "check.completed", "lamp": lamp, "verdict": verdict}:
                self._lasting[f"check {lamp} {verdict == 'fail'}"] = event
            case {"event": "lamp.out_of_tolerance", "lamp": lamp}:
                self._lasting[f"check {lamp} True"] = event
            case {"event": "lamp.unlocked", "lamp": lamp}:
                self._lasting[f"unlocked {lamp}"] = event
            case {"event": "maintenance.recorded", "lamp": lamp, "kind": kind, "consequence": consequence}:
                self._lasting[f"maintenance {lamp} {kind} {consequence}"] = event
            case {"event": "impact.reviewed", "lamp": lamp}:
                self._lasting[f"impact {lamp}"] = event
            case {"event": "alarm", "id": alarm}:
                self._await(alarm, event)
            case {"event": "reminder.raised", "id": alarm, "item": item}:
                self._await(alarm, event)
                self._lasting[f"reminder {item}"] = event  # or it would be told again
            case {"event": "alarm.acknowledged" | "alarm.resolved", "alarm": alarm}:
                if (item := self._alarms.pop(alarm, {}).get("item")) is not None:
                    self._lasting[f"answered {item}"] = event  # or its reminder would be shown again
            case {"event": chain.CONTINUED | chain.SET_ASIDE}:
                self._lasting["opened"] = event
                for day, number in event.get("numbers", {}).items():
                    self._numbers[day] = max(number, self._numbers.get(day, 0))
            case _:
                pass

    def _await(self, alarm: str, event: Event) -> None:
        """Until somebody has acknowledged it."""
        if len(self._alarms) >= ALARMS_MAX:
            del self._alarms[next(iter(self._alarms))]
        self._alarms[alarm] = event

    def _count_use(self, event: Event) -> None:
        match event:
            case {"event": "session.ordered", "session": session, "lamp_info": {"serial": serial}}:
                self._lit[session] = (serial, 0)
            case {"event": "session.first_light" | "session.resumed", "session": session} if session in self._lit:
                serial, starts = self._lit[session]
                self._lit[session] = (serial, starts + 1)
            case {"event": "session.ended", "session": session, "time_on_s": lit_s} if session in self._lit:
                serial, starts = self._lit.pop(session)
                self._use[serial] = self.use_of(serial).more(lit_s, starts)
            case {"event": "bench.lit", "serial": serial, "lit_s": lit_s, "starts": starts}:
                self._use[serial] = self.use_of(serial).more(lit_s, starts)
            case {"event": chain.CONTINUED | chain.SET_ASIDE, "use": used}:
                # Of what this file was handed some was counted again on the way here: what it says holds.
                self._use = {serial: Use(**use) for serial, use in used.items()}
            case _:
                pass

    def _open(self, event: Event) -> bool:
        return event.get("session") in self.open_sessions or (
            event["event"].startswith("calibration.") and event.get("calibration") in self.open_calibrations
        )

    def _number(self, session: str) -> None:
        day, _, number = session.removeprefix(ID).rpartition("-")
        if number.isdecimal():
            self._numbers[day] = max(int(number), self._numbers.get(day, 0))

    def _forget(self, now_s: float) -> None:
        """What is old enough. The list is made anew, so that whoever goes through it is not disturbed."""
        old = 0
        while self._marks and self._marks[0][0] <= now_s - REMEMBERED_S:
            old = self._marks.popleft()[1]
        over = {session for session, ended_s in self._ended_s.items() if ended_s <= now_s - SAMPLES_KEPT_S}
        if not old and not over:
            return
        self._drop(old, over)

    def _drop(self, old: int, over: set[str]) -> None:
        """Events up to number `old`, and the samples of sessions that are over."""
        for session in over:
            del self._ended_s[session]
        self.complete_after = max(self.complete_after, old)
        lasting = {_seq(event) for event in (*self._lasting.values(), *self._alarms.values())}
        lasting |= {_seq(self._latest)} if self._latest else set()
        self.events = [e for e in self.events if self._wanted(e, old, over) or _seq(e) in lasting]

    def _wanted(self, event: Event, old: int, over: set[str]) -> bool:
        session = event.get("session")
        if self._open(event):
            return True
        return _seq(event) > old and not (event["event"] == SAMPLE and session in over)


def unfolded(events: Iterable[Event]) -> list[Event]:
    """A file's events, with those that it was handed by the file before it."""
    found: list[Event] = []
    for event in events:
        if event["event"] in (CONTINUED, SET_ASIDE):
            known = {_seq(e) for e in found}
            found += [kept for kept in event.get("kept", ()) if _seq(kept) not in known]
        found.append(event)
    return found


def _day(numbered: tuple[str, int]) -> str:
    return numbered[0].removeprefix(CALIBRATION_ID)


def _seq(event: Event) -> int:
    return event["seq"]


def _utc(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
