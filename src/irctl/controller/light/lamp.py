"""A lamp and its task: one task per lamp both decides and feeds. Nobody else talks to this lamp's output."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from irctl.controller.journal import past
from irctl.controller.light import record
from irctl.controller.light.commissioning import Commissioning
from irctl.controller.light.equipment import Equipment
from irctl.controller.light.output import Output
from irctl.controller.light.place import Place
from irctl.controller.light.session import Session, State
from irctl.controller.light.treatment import Treatment
from irctl.domain.history import problems_with_clock, problems_with_history
from irctl.domain.orders import Order, problems_with
from irctl.domain.problems import Problem, Refused
from irctl.domain.rules import Hazard, Stop
from irctl.tally import Tally

IDLE_LIGHT_MW_CM2 = 10.0
"""Twice what is accepted as a dark reading: no room is as bright by itself, and an afterglow is fainter within the minute."""
IDLE_LIGHT_S = 60.0
LATENESSES_S = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class BenchWork(Protocol):
    """Something that lights a lamp with nobody under it: a calibration's stretch of light, a check, a burn-in. It ends dark."""

    @property
    def what(self) -> str: ...

    @property
    def done(self) -> bool: ...

    async def run(self) -> None: ...


class Lamp:
    """A lamp and its present or last treatment."""

    def __init__(self, equipment: Equipment) -> None:
        self.equipment = equipment
        self.treatment: Treatment | None = None
        self.commissioning: Commissioning | None = None
        """The present or last commissioning."""
        self.bench_work: BenchWork | None = None
        """The present or last of these."""
        self.hushed = False
        """Somebody measures on one of its lines: while idle it asks nothing."""
        self.lateness = Tally(LATENESSES_S)
        """Of the ticks of a lit session, seconds: how long after its moment each began."""
        self._wake = asyncio.Event()
        self._light_since_s: float | None = None
        """Since when the radiometer has shown light that nobody ordered; infinity once that has been said."""

    @property
    def name(self) -> str:
        return self.equipment.name

    @property
    def output(self) -> Output:
        return self.equipment.output

    @property
    def session(self) -> Session | None:
        """The present session, or the last one."""
        return None if self.treatment is None else self.treatment.session

    @property
    def busy(self) -> bool:
        return self.session is not None and self.session.running

    @property
    def in_use(self) -> bool:
        return self.busy or self.being_commissioned or self.on_bench is not None

    @property
    def being_commissioned(self) -> bool:
        return self._commissioning_now is not None

    @property
    def on_bench(self) -> BenchWork | None:
        """What lights it now, with nobody under it."""
        return None if self.bench_work is None or self.bench_work.done else self.bench_work

    @property
    def work(self) -> str | None:
        """What it is used for where nobody is treated."""
        return "commissioning" if self.being_commissioned else None if self.on_bench is None else self.on_bench.what

    @property
    def _commissioning_now(self) -> Commissioning | None:
        return None if self.commissioning is None or self.commissioning.done else self.commissioning

    # --- asked from outside ----------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Do not sleep out the tick."""
        self._wake.set()

    def order(self, session_id: str, order: Order) -> Session:
        """Accept an order, or refuse it with every reason. The task begins to check the lamp at once."""
        parts = self.equipment
        now = parts.journal.clock()
        problems = self.reasons_against_light()
        conflict = bool(problems)
        hours = parts.in_force.use.lamp_hours
        problems += problems_with(order, parts.envelope.limits, parts.calibration, parts.info.distance_cm, now, hours)
        problems += parts.in_force.problems(now)
        problems += [] if problems else self._level_problems(order)
        problems += self._problems_with_the_past(order, now) + parts.changed() + parts.commissioned.problems()
        if problems or parts.calibration is None:
            raise Refused(problems, conflict=conflict)
        session = Session(session_id, order, now)
        parts.journal.write(
            "session.ordered",
            session=session.id,
            lamp=self.name,
            station=parts.info.station,
            simulated=parts.info.simulated,
            order=record.order(order),
            planned_s=round(order.planned_s, 3),
            limits=record.limits(order.narrowed(parts.envelope.limits)),
            lamp_info=parts.info.as_dict() | {"lease_s": parts.output.lease_s},
            calibration=record.in_force(parts.in_force, parts.calibration),
        )
        if not parts.journal.writable:
            raise Refused(self.reasons_against_light(), conflict=True)
        self.treatment = Treatment(parts, parts.calibration, session, self.wake)
        self.wake()
        return session

    def _problems_with_the_past(self, order: Order, now: datetime) -> list[Problem]:
        """What this patient's area has had, and whether the clock can tell when."""
        events = self.equipment.journal.events
        limits = order.narrowed(self.equipment.envelope.limits)
        given = past.given_to(events, order.patient, order.area, now)
        return [
            *problems_with_clock(now, past.latest_entry(events)),
            *problems_with_history(order.fluence_j_cm2, limits, given, now),
        ]

    def _level_problems(self, order: Order) -> list[Problem]:
        """A level the emitter cannot hold: a relay knows only on."""
        calibration, emitter = self.equipment.calibration, self.output.emitter
        if calibration is None or self.output.level_below(calibration.level_for(order.irradiance_mw_cm2)) > 0:
            return []
        lowest_pct = max(emitter.level_min_pct, calibration.level_min_pct)
        if lowest_pct > calibration.level_max_pct:
            limit = f"{self.equipment.info.emitter} begins at {lowest_pct:g} %, beyond the calibrated levels"
            return [Problem("calibration", calibration.id, limit, "Calibrate at the levels this emitter can hold")]
        lowest = calibration.irradiance_at(lowest_pct)
        limit = f"less than {self.equipment.info.emitter} can give ({lowest:.1f} mW/cm²)"
        return [
            Problem(
                "irradiance_mw_cm2",
                order.irradiance_mw_cm2,
                limit,
                f"Prescribe {lowest:.1f} mW/cm², or use a dimmed lamp",
            )
        ]

    def reasons_against_light(self) -> list[Problem]:
        """What stands in the way of any order on this lamp right now."""
        problems: list[Problem] = []
        if (reason := self.equipment.stopped()) is not None:
            problems.append(Problem("stop", reason, "the station is stopped", "Find the cause, then clear the stop"))
        if self.being_commissioned:
            problems.append(Problem("lamp", self.name, "is being commissioned", "Wait for it or abort it"))
        elif (work := self.on_bench) is not None:
            problems.append(Problem("lamp", self.name, f"is on the bench: {work.what}", "Wait for it, or abandon it"))
        elif self.session is not None and self.busy:
            busy_with = f"is busy with session {self.session.id}"
            problems.append(Problem("lamp", self.name, busy_with, "Wait for it or end it"))
        elif not self.output.verified_dark:
            why = self.output.state.problem or "it reads back as on"
            problems.append(Problem("lamp", self.name, f"is not verified dark: {why}", "Check its supply and its line"))
        if not self.equipment.journal.writable:
            remedy = "Free disk space or restore access, then restart"
            problems.append(Problem("journal", self.equipment.journal.failure, "cannot be written", remedy))
        return problems

    def reasons_against_clearing(self) -> list[Problem]:
        """A stop is cleared only when its cause is gone."""
        now_s = self.equipment.now_s()
        stale_s = self.equipment.envelope.stale_s + self.equipment.info.idle_s
        problems = [
            Problem(f"interlocks.{lock.name}", closed, "is open or unknown", f"Close {lock.name!r} first")
            for lock in self.equipment.instruments.interlocks
            if (closed := lock.latest.fresh(now_s, stale_s)) is not True
        ]
        if not self.output.verified_dark:
            problems.append(Problem("lamp", self.name, "is not verified dark", "Check its supply and line"))
        if self.session is not None and self.busy and self.session.state is not State.ENDING:
            unaware = "has not yet taken notice of the stop"
            problems.append(Problem("session", self.session.id, unaware, "Wait a moment"))
        return problems

    def ask(self, session_id: str, verb: str, by: str, reason: str = "") -> Session:
        """start, pause, resume or end the present session. Raises Refused when that makes no sense now."""
        if self.treatment is None or self.treatment.session.id != session_id:
            raise Refused([Problem("session", session_id, "is over", "See its record")], conflict=True)
        if not by.strip():
            raise Refused([Problem("by", by, "is empty", "Say who does this: it goes into the record")])
        self.treatment.ask(verb, by, reason)
        return self.treatment.session

    def attend(self, session_id: str, by: str, comfort: str) -> Session:
        """The attendant's answer. Raises Refused when nothing is asked of him, or he gives no name."""
        if self.treatment is None or self.treatment.session.id != session_id:
            raise Refused([Problem("session", session_id, "is over", "See its record")], conflict=True)
        if not by.strip():
            raise Refused([Problem("by", by, "is empty", "Say who is there: it goes into the record")])
        self.treatment.attend(by, comfort)
        return self.treatment.session

    def commission(self, by: str, configuration: str, places: Mapping[str, Place]) -> Commissioning:
        """Begin the procedure; nobody is under the lamp. Raises Refused."""
        problems = self.reasons_against_light()
        if not by.strip():
            problems.append(Problem("by", by, "is empty", "Say who commissions: it goes into the record"))
        if problems:
            raise Refused(problems, conflict=True)
        self.commissioning = Commissioning(self.equipment, places, configuration, by)
        self.wake()
        return self.commissioning

    def work_on_bench(self, work: BenchWork) -> None:
        """Let the lamp's task do this next; whoever asks has made sure that nothing stands against light."""
        self.bench_work = work
        self.wake()

    # --- the task --------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Read, decide, feed; for ever. An impossible state stops the station."""
        now_s, info = self.equipment.now_s, self.equipment.info
        due_s = now_s()
        while True:
            self._wake.clear()
            try:
                if commissioning := self._commissioning_now:
                    await commissioning.run()
                if work := self.on_bench:
                    await work.run()
                if self.treatment and self.busy:
                    await self.treatment.tick()
                elif not self.hushed:
                    await self._idle()
            except Exception as error:  # an impossible state or a defect of ours: the lamp must not be left to itself
                await self._give_up(error)
            planned_s = due_s + (info.tick_s if self.busy else info.idle_s)
            due_s = max(planned_s, now_s())
            await self._sleep_until(due_s)
            if self.session is not None and self.session.lit and now_s() >= planned_s:
                self.lateness.add(now_s() - planned_s)
            due_s = min(due_s, now_s())

    async def _give_up(self, error: Exception) -> None:
        """Dark, the station latched, and the session ended as faulted."""
        self.equipment.stop_station(f"lamp {self.name}", f"internal error: {error}")
        await self.output.darken(self.equipment.now_s())
        self.equipment.journal.write("controller.defect", lamp=self.name, text=repr(error))
        if self.treatment and self.busy:
            self.treatment.give_up(error)

    async def _sleep_until(self, due_s: float) -> None:
        timer = asyncio.get_running_loop().call_at(due_s, self._wake.set)
        await self._wake.wait()
        timer.cancel()

    async def _idle(self) -> None:
        """Nothing is ordered: keep an eye on the lamp, and keep it dark."""
        output = self.output
        await asyncio.gather(self.equipment.instruments.read(), output.observe())
        self.equipment.heed_stop_contacts()
        self._mind_light_in_the_dark()
        lit = output.state.problem is None and output.state.value is not None and output.state.value.on
        if lit and self.equipment.stopped() is None:
            text = f"lamp {self.name} is on and nobody ordered it"
            self.equipment.alarm(Stop(Hazard.LIT_WHEN_OFF, text, "Pull the plug; find who drives it"))
            self.equipment.stop_station(f"lamp {self.name}", "on without an order")
        elif not output.verified_dark:
            await output.keep_dark()

    def _mind_light_in_the_dark(self) -> None:
        """A welded contact reads back as open; only the radiometer can see it. The sun may be what it sees: somebody must look, nothing is latched."""
        irradiance, now_s = self.equipment.instruments.irradiance, self.equipment.now_s()
        shown = irradiance.fresh(now_s, self.equipment.envelope.stale_s)
        if shown is None or shown <= IDLE_LIGHT_MW_CM2:
            self._light_since_s = None
        elif self._light_since_s is None:
            self._light_since_s = now_s
        elif now_s - self._light_since_s > IDLE_LIGHT_S:
            text = f"lamp {self.name} is off, yet its radiometer shows {shown:.0f} mW/cm²"
            self.equipment.alarm(Stop(Hazard.LIT_WHEN_OFF, text, "Look at the lamp: sunlight, or a welded contact?"))
            self._light_since_s = float("inf")
