"""GET /metrics: what the station's own objects say at this moment, as Prometheus reads it; made at most once a second, whoever asks.

Counting is done where things happen: `Output`, `Lamp`, `Journal`, `Watchdog`, the lines. Sessions are counted here, from the journal's events.
"""

from __future__ import annotations

import asyncio
import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from importlib.metadata import version
from math import isfinite
from shutil import disk_usage
from typing import Any

from irctl.bus.errors import ExceptionReply, LineDown, LineEchoes, LineSaturated, NoReply, Preempted, WrongReply
from irctl.bus.stats import UnitStats
from irctl.controller.api import metrics as m
from irctl.controller.api.views import STATUSES, lamp_status
from irctl.controller.journal.journal import Journal
from irctl.controller.light.lamp import Lamp
from irctl.controller.light.readings import Latest
from irctl.controller.light.session import Outcome
from irctl.controller.station import Station, off_frames
from irctl.domain.alarms import Priority
from irctl.domain.chain import Event
from irctl.exposition import Counted, Exposition, Reading, Told, exposed
from irctl.tally import Tally

EVERY_S = 1.0
ERRORS = tuple(one.__name__ for one in (NoReply, WrongReply, ExceptionReply, LineDown, LineEchoes, Preempted))
REFUSALS = tuple(one.__name__ for one in (LineDown, LineEchoes, LineSaturated, Preempted))
"""Each is told from the start, with 0: what appears only with its first case has no rate."""
DELIVERED = (0.0, 0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 1.0, 1.01, 1.02, 1.03, 1.05, 1.1, 1.2)
HALF_WIDTHS = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)


class Scrape:
    """Of one station. `streams`: how many are open; `stalls`: as the watchdog counts them."""

    def __init__(self, station: Station, streams: Callable[[], int], stalls: Tally, every_s: float = EVERY_S) -> None:
        self._station, self._streams, self._stalls = station, streams, stalls
        self._sessions: Sessions | None = None
        self._exposition = Exposition(self._make, every_s)

    async def text(self) -> bytes:
        return await self._exposition.text()

    async def _make(self) -> bytes:
        disk = await asyncio.to_thread(_disk, self._station.journal)
        return await exposed({**self._told(), **disk}, **{m.STATION: self._station.config.file.station.name})

    def _told(self) -> Told:
        """Read when it is their turn to be written, not here."""
        station, now_s = self._station, asyncio.get_running_loop().time()
        journal, lamps, lines = station.journal, station.lamps.values(), station.lines.values()
        self._sessions = sessions = self._sessions or Sessions(journal)
        sessions.look()
        open_alarms = Counter(alarm.priority for alarm in station.alarms.open)
        return {
            m.BUILD: [((version("irctl"), platform.python_version()), 1)],
            m.SIMULATED: [((), station.simulated)],
            m.LEASE: (reading for lamp in lamps for reading in _leases(lamp)),
            m.MARGIN: (((lamp.name,), lamp.output.margins) for lamp in lamps),
            m.MARGIN_LOWEST: (
                ((lamp.name,), lowest_s) for lamp in lamps if isfinite(lowest_s := lamp.output.margins.lowest)
            ),
            m.TICK_LATE: (((lamp.name,), lamp.lateness) for lamp in lamps),
            m.STATUS: (((lamp.name, one), one == lamp_status(lamp)) for lamp in lamps for one in STATUSES),
            m.READING_AGE: (
                ((lamp.name, kind), latest.age_s(now_s)) for lamp in lamps for kind, latest in _fitted(lamp)
            ),
            m.INTERLOCK_AGE: _interlocks(lamps, now_s),
            m.DARK: (((lamp.name,), lamp.output.darkenings) for lamp in lamps),
            m.DARK_UNVERIFIED: (((lamp.name,), lamp.output.unverified) for lamp in lamps),
            m.DARK_BUDGET: (((one.name,), one.worst_time_to_dark_s(off_frames(station, one.name))) for one in lines),
            m.LATCHED: [((), station.shutdown.latch is not None)],
            m.LINE_UP: (((line.name,), line.state.is_up) for line in lines),
            m.LINE_CONNECTS: (((line.name,), line.stats.connects) for line in lines),
            m.LINE_REQUESTS: (((line.name,), line.stats.requests) for line in lines),
            m.LINE_ERRORS: (((line.name, kind), line.stats.errors[kind]) for line in lines for kind in ERRORS),
            m.LINE_REFUSED: (((line.name, kind), line.stats.refused[kind]) for line in lines for kind in REFUSALS),
            m.LINE_BUSY: (((line.name,), line.stats.busy_s) for line in lines),
            m.LINE_ANSWER: (
                ((one.name,), Counted(one.stats.latency.count, one.stats.latency.total_s)) for one in lines
            ),
            m.LINE_STRAY: (((line.name,), line.stats.stray_bytes) for line in lines),
            m.DEVICE_REQUESTS: ((of, stats.requests) for of, stats in _devices(station)),
            m.DEVICE_ERRORS: (
                ((*of, kind), count) for of, stats in _devices(station) for kind, count in stats.errors.items()
            ),
            m.SESSIONS: (((lamp, how), sessions.ended[lamp, how]) for lamp in station.lamps for how in Outcome),
            m.DOSE: (((how,), tally) for how, tally in sessions.delivered.items()),
            m.DOSE_WIDTH: (((how,), tally) for how, tally in sessions.half_widths.items()),
            m.ALARMS: (((one,), open_alarms[one]) for one in Priority),
            m.JOURNAL_SEQ: [((), journal.seq)],
            m.JOURNAL_SYNC: [((), journal.syncs)],
            m.JOURNAL_FAILED: [((), not journal.writable)],
            m.ANCHOR_FAILED: [((), journal.anchor_failure is not None)],
            m.STREAMS: [((), self._streams())],
            m.STALL: [((), self._stalls)],
        }


class Sessions:
    """Those of this run that have ended, counted once each as the journal tells of them; and interrupted ones, which this run has closed."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        # Without a journal there are no sessions of this run, and an older start is not ours.
        begins = (e["seq"] for e in reversed(journal.events) if e["event"] == "controller.started")
        self._seen = next(begins, 0) if journal.writable else journal.seq
        self.ended = Counter[tuple[str, str]]()
        """By lamp and outcome."""
        self.delivered = {outcome: Tally(DELIVERED) for outcome in Outcome}
        self.half_widths = {outcome: Tally(HALF_WIDTHS) for outcome in Outcome}

    def look(self) -> None:
        """What was written since the last look."""
        for event in self._journal.memory.after(self._seen):
            if event["event"] == "session.ended":
                self._count(event)
        self._seen = self._journal.seq

    def _count(self, event: Event) -> None:
        outcome, dose, prescribed = Outcome(event["outcome"]), event["delivered"], event["prescribed_j_cm2"]
        self.ended[event["lamp"], outcome] += 1
        self.delivered[outcome].add(dose["best_j_cm2"] / prescribed)
        self.half_widths[outcome].add((dose["max_j_cm2"] - dose["min_j_cm2"]) / 2 / prescribed)


def _leases(lamp: Lamp) -> Iterator[Reading]:
    yield (lamp.name, "emitter"), lamp.output.lease_s
    if lamp.output.cutoff is not None:
        yield (lamp.name, "cutoff"), lamp.output.cutoff_lease_s


def _fitted(lamp: Lamp) -> Iterator[tuple[str, Latest[Any]]]:
    """What is read of this lamp alone, by kind."""
    output, instruments = lamp.output, lamp.equipment.instruments
    yield "emitter", output.state
    if output.cutoff is not None:
        yield "cutoff", output.cutoff_state
    if instruments.radiometer is not None:
        yield "radiometer", instruments.irradiance
    if instruments.skin is not None:
        yield "skin", instruments.temperature
    if instruments.housing is not None:
        yield "housing", instruments.housing_c


def _interlocks(lamps: Iterable[Lamp], now_s: float) -> Iterator[Reading]:
    """Once each: lamps share them."""
    locks = {lock.name: lock for lamp in lamps for lock in lamp.equipment.instruments.interlocks}
    for name, lock in locks.items():
        yield (name,), lock.latest.age_s(now_s)


def _devices(station: Station) -> Iterator[tuple[tuple[str, str], UnitStats]]:
    """By line and device."""
    for name, section in station.config.file.devices.items():
        yield (section.line, name), station.lines[section.line].stats.units.get(section.unit, UnitStats())


def _disk(journal: Journal) -> Told:
    """In a thread: a disk may hang. What cannot be asked is not told."""
    size, free = list[Reading](), list[Reading]()
    with suppress(OSError):
        size.append(((), journal.path.stat().st_size))
        free.append(((), disk_usage(journal.path.parent).free))
    return {m.JOURNAL_BYTES: size, m.DISK_FREE: free}
