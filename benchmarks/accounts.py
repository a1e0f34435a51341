"""Holds a journal's files against what was really ordered, given and refused. Written apart from the controller's own arithmetic.

Every order has one end; the truth lies inside what it says; nobody had more than his ceiling; whoever was refused had had enough; every crash is accounted for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.ward import Account, Week
from irctl.controller.journal.examining import examine

Event = Mapping[str, Any]

DAY = timedelta(hours=24)
CEILING_J_CM2, INTERVAL_S = 90.0, 21600.0
"""Of every lamp of the station."""
RESOLUTION_J_CM2 = 0.01
"""An interval is k=2 and its noise is random; doses are tens of J/cm²."""
ORDERLY = ("shutdown", "signal")


@dataclass(frozen=True, slots=True)
class Audit:
    """What the record says, and what of it does not hold."""

    ends: Mapping[str, Event]
    """By session."""
    files: int
    events: int
    megabytes: float
    wrong: tuple[str, ...]


def audit(journal: Path, week: Week) -> Audit:
    """Read every file of the journal at this path."""
    files = [*sorted(journal.parent.glob(f"{journal.stem}-*.jsonl")), journal]
    size = sum(file.stat().st_size for file in files)
    verified = examine(journal)
    broken = verified.broken
    wrong = [f"{broken.file or journal.name} line {broken.line}: {broken.text}"] if broken else []
    events = list(_read(files))
    wrong += _gaps(events)
    told = [event for event in events if event["event"] != "session.sample"]
    wrong += _sessions(told, week) + _charges(told, week) + _lives(told, week)
    ends = {event["session"]: event for event in told if event["event"] == "session.ended"}
    for account in week.accounts:
        wrong += _truth(account, ends.get(account.session))
    return Audit(ends, len(files), len(events), size / 2**20, tuple(wrong))


def _read(files: list[Path]) -> Iterator[Event]:
    for file in files:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)


def _gaps(events: list[Event]) -> list[str]:
    numbers = [event["seq"] for event in events]
    return [] if numbers == list(range(1, len(events) + 1)) else ["the events' numbers are not 1, 2, 3 …"]


def _sessions(events: list[Event], week: Week) -> list[str]:
    """Each order once, each with one end."""
    orders = Counter(event["session"] for event in events if event["event"] == "session.ordered")
    ends = Counter(event["session"] for event in events if event["event"] == "session.ended")
    wrong = [f"{count} sessions are called {session}" for session, count in orders.items() if count > 1]
    wrong += [f"session {session} has {ends[session]} ends" for session in orders if ends[session] != 1]
    wrong += [f"session {session} ended and nobody ordered it" for session in ends if session not in orders]
    known = {account.session for account in week.accounts}
    wrong += [f"session {session} was accepted and is not on record" for session in known if session not in orders]
    return wrong + [
        f"session {session} is on record and nobody ordered it" for session in orders if session not in known
    ]


def _truth(account: Account, end: Event | None) -> list[str]:
    if end is None or account.truth_j_cm2 is None:
        return [f"session {account.session}: no end, or no truth"]
    low, high = end["delivered"]["min_j_cm2"], end["delivered"]["max_j_cm2"]
    if low - RESOLUTION_J_CM2 <= account.truth_j_cm2 <= high + RESOLUTION_J_CM2:
        return []
    told = f"{account.session} ({account.visit.lamp}, {end['outcome']}: {end['reason']})"
    return [f"{told}: gave {account.truth_j_cm2:.3f} J/cm², the record says {low:.3f} to {high:.3f}"]


def _charges(events: list[Event], week: Week) -> list[str]:
    """Go through it in order, charging each session's most: who was treated could be, who was refused could not."""
    given: dict[tuple[str, str], list[tuple[datetime, float]]] = {}
    running: dict[str, Event] = {}
    accounts = {account.session: account for account in week.accounts}
    turned = sorted(week.turned, key=lambda one: one.at, reverse=True)
    wrong: list[str] = []

    def problem(at: datetime, patient: str, area: str, fluence_j_cm2: float, ceiling: float, interval_s: float) -> str:
        had = [(ended, most) for ended, most in given.get((patient, area), []) if most > 0]
        now = [e["order"] for e in running.values() if (e["order"]["patient"], e["order"]["area"]) == (patient, area)]
        total = sum(most for ended, most in had if at - ended < DAY) + sum(order["fluence_j_cm2"] for order in now)
        if total + fluence_j_cm2 > ceiling:
            return f"had {total:.2f} J/cm² of {ceiling:g}"
        last = at if now else max((ended for ended, _ in had), default=None)
        return "came too soon" if last is not None and (at - last).total_seconds() < interval_s else ""

    for event in events:
        at = datetime.fromisoformat(event["at"])
        while turned and turned[-1].at < at:
            visit = turned[-1].visit
            limits = _limits(visit.limits.day_fluence_j_cm2_max, visit.limits.interval_s_min)
            if not problem(turned.pop().at, visit.patient, visit.area, visit.fluence_j_cm2, *limits):
                wrong.append(f"{visit.patient} was refused at {at} and had not had too much")
        if event["event"] == "session.ordered":
            order, account = event["order"], accounts.get(event["session"])
            bounds = account.visit.limits if account else None
            limits = _limits(*(None, None) if bounds is None else (bounds.day_fluence_j_cm2_max, bounds.interval_s_min))
            if why := problem(at, order["patient"], order["area"], order["fluence_j_cm2"], *limits):
                wrong.append(f"session {event['session']} should have been refused: {order['patient']} {why}")
            running[event["session"]] = event
        elif event["event"] == "session.ended" and (ordered := running.pop(event["session"], None)) is not None:
            charged = (datetime.fromisoformat(event["ended_at"]), event["delivered"]["max_j_cm2"])
            given.setdefault((ordered["order"]["patient"], ordered["order"]["area"]), []).append(charged)
    return wrong


def _limits(ceiling_j_cm2: float | None, interval_s: float | None) -> tuple[float, float]:
    return min(ceiling_j_cm2 or CEILING_J_CM2, CEILING_J_CM2), max(interval_s or INTERVAL_S, INTERVAL_S)


def _lives(events: list[Event], week: Week) -> list[str]:
    """One start more than deaths; what each death cut off is interrupted, and nothing else is; every stop was cleared; no task failed."""
    count = Counter(event["event"] for event in events)
    wrong = [f"a defect of the controller's: {e['text']}" for e in events if e["event"] == "controller.defect"]
    if count["controller.started"] != week.deaths + 1:
        wrong.append(f"{count['controller.started']} starts, {week.deaths} deaths")
    interrupted = {e["session"] for e in events if e["event"] == "session.ended" and e["outcome"] == "interrupted"}
    if interrupted != week.cut_off:
        wrong.append(f"interrupted {sorted(interrupted)}, cut off {sorted(week.cut_off)}")
    latched = sum(e["event"] == "stop.latched" and e["source"] not in ORDERLY for e in events)
    if not latched == count["stop.cleared"] == week.cleared:
        wrong.append(f"{latched} stops, {count['stop.cleared']} cleared on record, {week.cleared} by people")
    return wrong
