"""The four lamps' station through days of virtual time: its people, its mishaps, its restarts, and what was seen of them.

One process, one world. What the simulator keeps of its own is thrown away every hour, so that what grows is the controller's.
"""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import time
import tomllib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from random import Random

from benchmarks.clinic import HARDWARE, LAMPS, STATION, Rhythm, Visit, draw
from irctl.controller.config import load
from irctl.controller.light.session import Outcome, Session, State
from irctl.domain.orders import Order
from irctl.domain.problems import Refused
from irctl_campaign.breakage import Breakage, lose_power
from irctl_campaign.observer import WRITES, committed_j_cm2, line_of, lit_channel
from irctl_campaign.plan import Strike
from irctl_campaign.process import Process
from irctl_campaign.scene import Scene
from irctl_simulator.station import SimStation
from irctl_simulator.wire import WireEvent

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
CLINICIAN, NURSE, TECHNICIAN = "a clinician", "a nurse", "a technician"
BOOTED_S = 1.0
LOOK_S = 1.0
"""How often somebody looks at a lamp in treatment."""
READY_WITHIN_S = 20.0
RESTART_S = 1.2
"""From a crash to the supervisor's new controller; by then whoever stood at a lamp has seen it."""
WAITS_S = 300.0
"""A patient whose lamp is not free goes home after this long."""
TRIES_AGAIN_S = 10.0
PATIENCE_S = 900.0
"""Beyond the planned time (1.6-fold, as the rules allow), then somebody ends it."""
CARETAKER_S = 15.0
LOOKED_AT_S = 45.0
"""A stop is cleared no sooner than this after it was noticed."""
CLEARED_WITHIN_S = 300.0
RESTS_S = 60.0
"""At the end, for the last afterglow."""
SAMPLES_A_DAY = 24
FILE_BYTES_MAX = 8 * 2**20
"""A quarter of what the controller takes: so that a day has a new file, as a busier station would."""


@dataclass(slots=True)
class Account:
    """One accepted order, what was foreseen, and what the physics say was given, afterglow included."""

    session: str
    day: int
    ordered_at: datetime
    visit: Visit
    before_j_cm2: float
    truth_j_cm2: float | None = None
    """None until it is known."""
    end_foreseen_s: float | None = None
    """As the screen said when half of it was given, or after a pause later than that."""
    dark_s: float | None = None
    """When the light of a session that ran through went out."""


@dataclass(frozen=True, slots=True)
class Turned:
    """An order that was refused for what the patient had already."""

    at: datetime
    visit: Visit


@dataclass(slots=True)
class Gaps:
    """Between two frames that renew a lamp's lease, while it has power: a tick of its task. Seconds."""

    count: int = 0
    total_s: float = 0.0
    worst_s: float = 0.0

    def add(self, gap_s: float) -> None:
        self.count += 1
        self.total_s += gap_s
        self.worst_s = max(self.worst_s, gap_s)

    @property
    def mean_s(self) -> float:
        return self.total_s / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What there is in memory at one moment, after everything that is free was given back."""

    day: int
    hour: int
    rss_mb: float
    objects: int
    """That the garbage collector knows of, in the whole process."""
    events: int
    alarms: int
    sessions: int
    tasks: int
    """Of the controller."""
    cpu_s: float
    """Since the beginning."""


@dataclass
class Week:
    """Everything that was seen."""

    accounts: list[Account] = field(default_factory=list[Account])
    turned: list[Turned] = field(default_factory=list[Turned])
    left: int = 0
    """Patients who went home untreated because the lamp or the station was not free."""
    samples: list[Sample] = field(default_factory=list[Sample])
    gaps: list[Gaps] = field(default_factory=list[Gaps])
    """By day."""
    struck: dict[str, int] = field(default_factory=dict[str, int])
    """By kind of mishap."""
    cut_off: set[str] = field(default_factory=set[str])
    """Sessions that ran when the controller died."""
    deaths: int = 0
    cleared: int = 0


class Ward:
    """Runs `days` days from opening time on. The journal is left in `state_dir`."""

    def __init__(
        self,
        state_dir: Path,
        rhythm: Rhythm,
        seed: int,
        report: Callable[[Sample], None] = lambda _: None,
        file_bytes_max: int = FILE_BYTES_MAX,
    ) -> None:
        self.week = Week()
        self._state_dir = state_dir
        self._rhythm = rhythm
        self._seed = seed
        self._report = report
        self._file_bytes_max = file_bytes_max
        self._random = Random(f"{seed}/ward")
        self._config = load(STATION)
        self._hardware: SimStation
        self._breakage: Breakage
        self._process: Process
        self._broken: set[str] = set()
        self._last: dict[str, Account] = {}
        """By lamp: whose light is not complete yet."""

    async def run(self, days: float) -> Week:
        hardware = tomllib.loads(HARDWARE.read_text(encoding="utf-8"))
        self._hardware = SimStation.from_config(hardware, seed=self._seed)
        self._breakage = Breakage(self._hardware, Scene(self._config, hardware))
        self._watch_renewals()
        await self._start()
        await asyncio.sleep(BOOTED_S)
        self._began_s = self._now_s
        caretaker = asyncio.create_task(self._take_care())
        sampler = asyncio.create_task(self._sample())
        for number in range(ceil(days)):
            await self._day(number, min(1.0, days - number) * self._rhythm.day_s)
        sampler.cancel()
        await self._until(lambda: self._process.station.shutdown.latch is None, CLEARED_WITHIN_S)
        caretaker.cancel()
        for ended in await asyncio.gather(caretaker, sampler, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
        await asyncio.sleep(RESTS_S)
        for lamp in LAMPS:
            self._settle(lamp)
        await self._process.close()
        return self.week

    @property
    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def _today(self) -> int:
        return int((self._now_s - self._began_s) / self._rhythm.day_s)

    def _clock(self) -> datetime:
        return START + timedelta(seconds=self._now_s)

    async def _until_s(self, when_s: float) -> None:
        await asyncio.sleep(max(0.0, when_s - self._now_s))

    async def _day(self, number: int, length_s: float) -> None:
        began_s, plan = self._began_s + number * self._rhythm.day_s, draw(self._rhythm, self._seed, number)
        happening = [self._visit(visit, began_s) for visit in plan.visits if visit.at_s < length_s]
        happening += [self._strike(strike, began_s) for strike in plan.strikes if strike.at_s < length_s]
        happening += [self._stop(at_s, began_s) for at_s in plan.stops_s if at_s < length_s]
        async with asyncio.TaskGroup() as today:
            for what in happening:
                today.create_task(what)
        await self._until_s(began_s + length_s)

    # --- the process -----------------------------------------------------------------------------------------------------

    async def _start(self) -> None:
        self._process = await Process.start(self._hardware, self._config, self._state_dir, self._clock)
        self._process.station.journal.file_bytes_max = self._file_bytes_max
        self._breakage.into(self._process)

    async def _die(self, *, power_cut: bool) -> None:
        """Without a word; the next one starts as the supervisor would start it."""
        process = self._process
        self.week.deaths += 1
        self.week.cut_off |= {lamp.session.id for lamp in process.station.lamps.values() if lamp.session and lamp.busy}
        await process.kill()
        if power_cut:
            lose_power(process, self._random)
        await asyncio.sleep(RESTART_S)
        del process.station
        gc.collect()  # a process that dies gives its memory back; its successor must not need room beside the remains
        await self._start()

    # --- patients --------------------------------------------------------------------------------------------------------

    async def _visit(self, visit: Visit, began_s: float) -> None:
        await self._until_s(began_s + visit.at_s)
        account = await self._ordered(visit)
        if account is None:
            return
        process = self._process
        session = process.station.sessions[account.session]
        checking = (State.ORDERED, State.CHECKING)
        await self._until(lambda: not process.alive or session.state not in checking, READY_WITHIN_S)
        await asyncio.sleep(visit.patience_s)
        self._ask(process, session, "start")
        await self._attended(process, session, account)

    async def _ordered(self, visit: Visit) -> Account | None:
        """None when the patient was refused, or went home."""
        order = Order(
            visit.lamp,
            visit.fluence_j_cm2,
            visit.irradiance_mw_cm2,
            visit.patient,
            visit.area,
            CLINICIAN,
            limits=visit.limits,
        )
        leaves_s = self._now_s + WAITS_S
        while self._now_s < leaves_s:
            if self._process.alive:
                try:
                    with self._process.inside():
                        session = self._process.station.order(order)
                except Refused as refused:
                    if {problem.field for problem in refused.problems} <= {"fluence_j_cm2", "interval_s"}:
                        self.week.turned.append(Turned(self._clock(), visit))
                        return None
                else:
                    return self._opened(session, visit)
            await asyncio.sleep(TRIES_AGAIN_S)
        self.week.left += 1
        return None

    def _opened(self, session: Session, visit: Visit) -> Account:
        self._settle(visit.lamp)
        before = committed_j_cm2(self._hardware, visit.lamp)
        account = Account(session.id, self._today, session.ordered_at, visit, before)
        self.week.accounts.append(account)
        self._last[visit.lamp] = account
        return account

    def _settle(self, lamp: str) -> None:
        """The light of the lamp's last session is complete."""
        if (account := self._last.pop(lamp, None)) is not None:
            account.truth_j_cm2 = committed_j_cm2(self._hardware, lamp) - account.before_j_cm2

    async def _attended(self, process: Process, session: Session, account: Account) -> None:
        """Somebody is there, answers when asked, and does what the visit says."""
        visit, lamp = account.visit, process.station.lamps[account.visit.lamp]
        give_up_s = self._now_s + 1.6 * session.order.planned_s + PATIENCE_S
        resumes_s, paused = float("inf"), False
        while session.running and process.alive:
            await asyncio.sleep(LOOK_S)
            if not process.alive or not session.running:
                break
            treatment = lamp.treatment
            if treatment and treatment.attendance and treatment.attendance["asked"]:
                with process.inside(), suppress(Refused):
                    lamp.attend(session.id, NURSE, "comfortable")
            if not paused and visit.paused_after_s is not None and session.time_on_s >= visit.paused_after_s:
                paused, resumes_s = True, self._now_s + visit.pause_s
                account.end_foreseen_s = None
                self._ask(process, session, "pause")
            if self._now_s >= resumes_s:
                resumes_s = float("inf")
                self._ask(process, session, "resume")
            ends = visit.ended_after_s is not None and session.time_on_s >= visit.ended_after_s
            if ends or self._now_s > give_up_s:
                self._ask(process, session, "end")
            if resumes_s == float("inf"):
                self._foresee(session, account)
        if process.alive and session.ending and session.ending.outcome is Outcome.COMPLETED:
            account.dark_s = self._hardware.truth(visit.lamp).on_intervals[-1][1]

    def _foresee(self, session: Session, account: Account) -> None:
        """What the screen says, once half of the dose is given and the light is steady."""
        half_given = session.dose.best_j_cm2 >= session.order.fluence_j_cm2 / 2
        if account.end_foreseen_s is None and session.state is State.EMITTING and half_given:
            account.end_foreseen_s = self._now_s + (session.remaining_s() or 0.0)

    def _ask(self, process: Process, session: Session, verb: str) -> None:
        """Whoever asks for what makes no sense any more is told so, and takes it."""
        if process.alive:
            with process.inside(), suppress(Refused):
                process.station.lamp_of(session.id).ask(session.id, verb, CLINICIAN)

    async def _until(self, condition: Callable[[], bool], within_s: float) -> None:
        give_up_s = self._now_s + within_s
        while not condition() and self._now_s < give_up_s:
            await asyncio.sleep(LOOK_S)

    # --- what goes wrong -------------------------------------------------------------------------------------------------

    async def _strike(self, strike: Strike, began_s: float) -> None:
        await self._until_s(began_s + strike.at_s)
        place = strike.target
        if place in self._broken:
            return  # one fault at a time in one place, so that mending one does not mend another
        self._broken.add(place)
        self.week.struck[strike.kind.name] = self.week.struck.get(strike.kind.name, 0) + 1
        if strike.kind.name in ("kill", "power cut"):
            await self._die(power_cut=strike.kind.name == "power cut")
        else:
            parts = [replace(strike, target=lamp) for lamp in LAMPS] if place == "all" else [strike]
            for part in parts:
                self._breakage.strike(part)
            if strike.lasts_s is not None:
                await asyncio.sleep(strike.lasts_s)
                for part in parts:
                    self._breakage.mend(part)
        self._broken.discard(place)

    async def _stop(self, at_s: float, began_s: float) -> None:
        await self._until_s(began_s + at_s)
        if not self._process.alive:
            return
        self.week.struck["emergency stop"] = self.week.struck.get("emergency stop", 0) + 1
        process = self._process
        with process.inside():
            stopping = asyncio.create_task(process.station.shutdown.stop(NURSE, "the patient called out", "api"))
        await asyncio.wait({stopping})
        if not stopping.cancelled():
            stopping.result()

    async def _take_care(self) -> None:
        """Somebody sees to alarms, and lifts a stop once its cause is gone."""
        noticed_s: float | None = None
        while True:
            await asyncio.sleep(CARETAKER_S)
            if not self._process.alive:
                continue
            self._acknowledge()
            if self._process.station.shutdown.latch is None:
                noticed_s = None
                continue
            noticed_s = self._now_s if noticed_s is None else noticed_s
            if self._now_s - noticed_s >= LOOKED_AT_S:
                self._clear()

    def _acknowledge(self) -> None:
        with self._process.inside():
            alarms = self._process.station.alarms
            for alarm in alarms.open:
                alarms.acknowledge(alarm.id, NURSE)

    def _clear(self) -> None:
        with self._process.inside(), suppress(Refused):  # the cause is still there
            self._process.station.shutdown.clear(TECHNICIAN, "looked at it")
            self.week.cleared += 1

    # --- what is measured ------------------------------------------------------------------------------------------------

    def _watch_renewals(self) -> None:
        for name, lamp in self._hardware.lamps.items():
            emitter = lamp.emitter
            place = (emitter.device.twin.unit, emitter.channel - 1)
            line = self._hardware.lines[line_of(self._hardware, emitter)]
            line.observers.append(_Renewals(self._hardware, name, place, self._gap).passed)

    def _gap(self, gap_s: float) -> None:
        while len(self.week.gaps) <= self._today:
            self.week.gaps.append(Gaps())
        self.week.gaps[self._today].add(gap_s)

    async def _sample(self) -> None:
        """Every hour, in the middle of it."""
        number, hour_s = 0, self._rhythm.day_s / SAMPLES_A_DAY
        while True:
            await self._until_s(self._began_s + (number + 0.5) * hour_s)
            await self._until(lambda: self._process.alive, READY_WITHIN_S)
            for lamp in self._hardware.lamps.values():
                del lamp.treatment.on_intervals[:-1]
            self.week.samples.append(self._sampled(number))
            self._report(self.week.samples[-1])
            number += 1

    def _sampled(self, number: int) -> Sample:
        gc.collect()
        station = self._process.station
        return Sample(
            day=number // SAMPLES_A_DAY,
            hour=number % SAMPLES_A_DAY,
            rss_mb=_rss_mb(),
            objects=len(gc.get_objects()),
            events=len(station.journal.events),
            alarms=len(station.alarms.open),
            sessions=len(station.sessions),
            tasks=self._process.tasks,
            cpu_s=time.process_time(),
        )


@dataclass(slots=True)
class _Renewals:
    """Sees one lamp's line, and tells of every gap between two frames that light it."""

    hardware: SimStation
    lamp: str
    place: tuple[int, int]
    """Unit, and channel from 0."""
    tell: Callable[[float], None]
    last_s: float = float("inf")

    def passed(self, event: WireEvent) -> None:
        if event.direction != "host" or not event.ok or event.data[1] not in WRITES:
            return
        if (event.data[0], lit_channel(event.data[1:-2])) != self.place:
            return
        power = self.hardware.lamps[self.lamp].treatment.on_intervals
        if power and power[-1][1] is None and power[-1][0] <= self.last_s < event.at:
            self.tell(event.at - self.last_s)
        self.last_s = event.at


def _rss_mb() -> float:
    """Of this process, now; not its peak."""
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, text=True, check=True)
    return int(told.stdout) / 1024
