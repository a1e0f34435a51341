"""One task per lamp: it reads, decides, and renews the lease or lets it lapse. Nobody else feeds this lamp's hardware."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from irctl.bus.errors import BusError
from irctl.controller import checking, record
from irctl.controller.journal import Journal
from irctl.controller.output import Evidence, Output
from irctl.controller.readings import Instruments
from irctl.controller.session import Ending, Outcome, Session, State
from irctl.devices.roles import DeviceFault
from irctl.domain.calibration import Calibration
from irctl.domain.cem43 import cem43_min
from irctl.domain.dose import DoseMeter
from irctl.domain.orders import Order, problems_with
from irctl.domain.problems import InvariantViolation, Problem, Refused
from irctl.domain.rules import Envelope, Hazard, Reading, Snapshot, Stop, evaluate

READY_MAX_S = 300.0
PAUSE_MAX_S = 600.0
"""A session that waits longer than this has lost its patient."""
SAMPLE_S = 1.0
WARM_SHARE = 0.9
"""From this share of its steady irradiance on, a lamp counts as warm."""
TRIM_EVERY_S = 2.0
TRIM_STEP_MAX_PCT = 2.0
"""Trim follows ageing and mains, not noise: slow and in small steps."""
AFTERGLOW_MAX_S = 30.0
"""A session waits this long for the afterglow to fade; what is left then is calculated."""

PATIENT_SIDE = frozenset({Hazard.SKIN_HOT, Hazard.INTERLOCK, Hazard.THERMAL_DOSE, Hazard.EMERGENCY_STOP})
"""Stopped for what the patient or the room did; any other hazard is a fault of the equipment."""
LATCHING = frozenset({Hazard.LIT_WHEN_OFF, Hazard.OFF_CALIBRATION, Hazard.OVER_DOSE})
"""On but not rising, off but still lit, more than prescribed: nobody treats on at this station until somebody has looked."""


@dataclass(frozen=True, slots=True)
class LampInfo:
    """What a lamp is, for people and for the record."""

    station: str
    simulated: bool
    title: str
    serial: str
    emitter: str
    cutoff: str | None
    radiometer: str | None
    skin: str | None
    distance_cm: float
    fail_safe: str
    tick_s: float
    idle_s: float

    def as_dict(self) -> dict[str, Any]:
        """What the record keeps of it."""
        names = ("title", "serial", "emitter", "cutoff", "radiometer", "skin", "distance_cm", "fail_safe")
        return {name: getattr(self, name) for name in names}


class Lamp:
    """A lamp and its present session."""

    def __init__(
        self,
        name: str,
        info: LampInfo,
        output: Output,
        instruments: Instruments,
        envelope: Envelope,
        calibration: Calibration | None,
        journal: Journal,
        *,
        stopped: Callable[[], str | None],
        stop_station: Callable[[str, str], None],
    ) -> None:
        self.name = name
        self.info = info
        self.output = output
        self.instruments = instruments
        self.envelope = envelope
        self.calibration = calibration
        self.session: Session | None = None
        self._journal = journal
        self._stopped = stopped
        self._stop_station = stop_station
        self._wake = asyncio.Event()
        self._advanced_to_s = 0.0
        self._lit_level_pct: float | None = None
        """The level the lamp has been leased, until it is known to be dark."""
        self._lit_since_s = 0.0
        self._lit_from_j_cm2 = 0.0
        self._dark_since_s = 0.0
        self._trimmed_at_s = 0.0
        self._sampled_at_s = float("-inf")
        self._state_since_s = 0.0
        self._renewal_problem: str | None = None
        self._ending_written = False
        self._verb: tuple[str, str, str] | None = None
        """What somebody asked for (verb, by, reason); the task takes it up at its own pace."""

    # --- asked from outside ----------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Do not sleep out the tick."""
        self._wake.set()

    def order(self, session_id: str, order: Order) -> Session:
        """Accept an order, or refuse it with every reason. The task begins to check the lamp at once."""
        now = self._journal.clock()
        problems = self.reasons_against_light()
        conflict = bool(problems)
        problems += problems_with(order, self.envelope.limits, self.calibration, self.info.distance_cm, now)
        if problems:
            raise Refused(problems, conflict=conflict)
        assert self.calibration is not None
        session = Session(session_id, order, now)
        self._write(
            "session.ordered",
            session,
            station=self.info.station,
            simulated=self.info.simulated,
            order=record.order(order),
            planned_s=round(order.planned_s, 3),
            limits=record.limits(self.envelope.limits),
            lamp_info=self.info.as_dict() | {"lease_s": self.output.lease_s},
            calibration=record.calibration(self.calibration),
        )
        if not self._journal.writable:
            raise Refused(self.reasons_against_light(), conflict=True)
        self.session = session
        self.wake()
        return session

    def reasons_against_light(self) -> list[Problem]:
        """What stands in the way of any order on this lamp right now."""
        problems: list[Problem] = []
        if (reason := self._stopped()) is not None:
            problems.append(Problem("stop", reason, "the station is stopped", "Find the cause, then clear the stop"))
        if self.session is not None and self.session.running:
            problems.append(
                Problem("lamp", self.name, f"is busy with session {self.session.id}", "Wait for it or end it")
            )
        elif not self.output.verified_dark:
            why = self.output.state.problem or "it reads back as on"
            problems.append(Problem("lamp", self.name, f"is not verified dark: {why}", "Check its supply and its line"))
        if not self._journal.writable:
            problems.append(
                Problem(
                    "journal",
                    self._journal.failure,
                    "cannot be written",
                    "Free disk space or restore access, then restart",
                )
            )
        return problems

    def reasons_against_clearing(self) -> list[Problem]:
        """A stop is cleared only when its cause is gone."""
        now_s = asyncio.get_running_loop().time()
        problems = [
            Problem(
                f"interlocks.{name}",
                None if r is None else bool(r.value),
                "is open or unknown",
                f"Close {name!r} first",
            )
            for name, r in self.instruments.interlock_readings(now_s)
            if r is None or not r.value
        ]
        if not self.output.verified_dark:
            problems.append(Problem("lamp", self.name, "is not verified dark", "Check its supply and line"))
        return problems

    def ask(self, session_id: str, verb: str, by: str, reason: str = "") -> Session:
        """start, pause, resume or end the present session. Raises Refused when that makes no sense now."""
        session = self.session
        if session is None or session.id != session_id:
            raise Refused([Problem("session", session_id, "is over", "See its record")], conflict=True)
        if not by.strip():
            raise Refused([Problem("by", by, "is empty", "Say who does this: it goes into the record")])
        lit_or_paused = (State.WARMING, State.EMITTING, State.PAUSED)
        match verb:
            case "start":
                session.require(verb, State.READY)
            case "pause":
                session.require(verb, State.WARMING, State.EMITTING)
            case "resume":
                session.require(verb, State.PAUSED)
            case _:
                session.require(verb, State.ORDERED, State.CHECKING, State.READY, *lit_or_paused)
        self._verb = (verb, by, reason)
        self.wake()
        return session

    # --- the task --------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Read, decide, feed; for ever. An impossible state stops the station."""
        loop = asyncio.get_running_loop()
        self._advanced_to_s = self._dark_since_s = loop.time()
        due_s = loop.time()
        while True:
            busy = self.session is not None and self.session.running
            self._wake.clear()
            try:
                await (self._tick(self.session) if busy and self.session else self._idle())
            except Exception as error:  # an impossible state or a defect of ours: the lamp must not be left to itself
                await self._give_up(error)
            busy = self.session is not None and self.session.running
            due_s = max(due_s + (self.info.tick_s if busy else self.info.idle_s), loop.time())
            await self._sleep_until(due_s)
            due_s = min(due_s, loop.time())

    async def _give_up(self, error: Exception) -> None:
        """Dark, the station latched, and the session ended as faulted; a defect while ending closes it as it stands."""
        self._stop_station(f"lamp {self.name}", f"internal error: {error}")
        await self.output.darken(asyncio.get_running_loop().time())
        self._journal.write("controller.defect", lamp=self.name, text=repr(error))
        session = self.session
        if session is None or not session.running:
            return
        ending_failed = session.state is State.ENDING
        session.state = State.ENDING
        session.ending = session.ending or Ending(Outcome.FAULTED, f"internal error: {error}")
        if ending_failed:
            self._close(session)

    async def _sleep_until(self, due_s: float) -> None:
        timer = asyncio.get_running_loop().call_at(due_s, self._wake.set)
        await self._wake.wait()
        timer.cancel()

    async def _idle(self) -> None:
        """Nothing is ordered: keep an eye on the lamp, and keep it dark."""
        _, _ = await asyncio.gather(self.instruments.read(), self.output.observe())
        state = self.output.state.value
        if state is not None and state.on and self.output.state.problem is None and self._stopped() is None:
            self._alarm(
                Stop(
                    Hazard.LIT_WHEN_OFF,
                    f"lamp {self.name} is on and nobody ordered it",
                    "Pull the plug; find who drives it",
                )
            )
            self._stop_station(f"lamp {self.name}", "on without an order")
        elif not self.output.verified_dark:
            await self.output.darken(asyncio.get_running_loop().time())

    async def _tick(self, session: Session) -> None:
        match session.state:
            case State.ORDERED:
                self._move(session, State.CHECKING)
                await self._check(session)
            case State.READY | State.PAUSED:
                await self._wait(session)
            case State.WARMING | State.EMITTING:
                await self._emit(session)
            case State.ENDING:
                await self._finish(session)
            case State.CHECKING | State.ENDED:
                raise InvariantViolation(f"session {session.id}: a tick in state {session.state}")

    def _write(self, event: str, session: Session, *, sync: bool = True, **fields: Any) -> None:
        self._journal.write(event, sync=sync, session=session.id, lamp=self.name, **fields)

    def _take_verb(self, *wanted: str) -> tuple[str, str, str] | None:
        if self._verb is None or self._verb[0] not in wanted:
            return None
        verb, self._verb = self._verb, None
        return verb

    def _move(self, session: Session, state: State, **why: Any) -> None:
        session.move(state)
        self._state_since_s = asyncio.get_running_loop().time()
        self._write("session.state", session, state=state, **why)

    # --- checking --------------------------------------------------------------------------------------------------------

    async def _check(self, session: Session) -> None:
        """Before any light: dark, armed and read back, sensors alive, interlocks closed."""
        try:
            identity = await checking.prove_dark_and_arm(self.output)
            self._write("session.armed", session, **record.armed(self.info.fail_safe, self.output, identity))
            dark = await checking.read_dark(self.instruments, self.info.tick_s)
        except (BusError, DeviceFault) as error:
            await self._fail(session, str(error))
            return
        if self.instruments.radiometer is not None:
            self._write(
                "session.dark_reading",
                session,
                radiometer_offset_mw_cm2=round(dark.offset_mw_cm2, 4),
                readings=dark.readings,
            )
        assert self.calibration is not None
        calibration = self.calibration
        radiometer = self.instruments.radiometer
        session.meter = DoseMeter(
            response=calibration.response,
            uncertainty_pct=(calibration.meter_uncertainty_pct if radiometer else None)
            or calibration.expanded_uncertainty_pct,
            distance_cm=calibration.distance_cm,
            positioning_cm=calibration.positioning_cm,
            drift_allowance_pct=calibration.drift_allowance_pct,
            sensor_response_s=radiometer.response_s if radiometer else None,
            dark_mw_cm2=dark.offset_mw_cm2,
            dark_uncertainty_mw_cm2=dark.uncertainty_mw_cm2,
        )
        self._advanced_to_s = asyncio.get_running_loop().time()
        if stop := self._judge(session):
            await self._begin_ending(session, stop)
            return
        self._move(session, State.READY)

    # --- ready, paused ---------------------------------------------------------------------------------------------------

    async def _wait(self, session: Session) -> None:
        """Dark, but watching: until somebody starts, resumes or ends, or waits too long."""
        await self._look(session)
        now_s = asyncio.get_running_loop().time()
        longest_s = READY_MAX_S if session.state is State.READY else PAUSE_MAX_S
        if stop := self._judge(session):
            await self._begin_ending(session, stop)
        elif self._ended_by_hand(session):
            pass
        elif verb := self._take_verb("start", "resume"):
            await self._light(session, verb[0], verb[1])
        elif now_s - self._state_since_s > longest_s:
            self._end(session, Ending(Outcome.STOPPED, f"nobody went on within {longest_s:.0f} s"))
        self._sample(session)

    async def _light(self, session: Session, verb: str, by: str) -> None:
        """First light, or light again after a pause."""
        assert self.calibration is not None
        level = self._trimmed_level(session)
        self._write("session.resumed" if verb == "resume" else "session.starting", session, by=by)
        if not self._journal.writable or self._stopped() is not None:
            return
        loop = asyncio.get_running_loop()
        self._ending_written = False
        try:
            if verb == "resume":
                await self.output.arm()
            await self.output.renew(level)
        except (BusError, DeviceFault) as error:
            # The frame that lights may have been obeyed though its answer was lost.
            self._lit_level_pct = self.output.level_pct
            await self._fail(session, f"{self.info.emitter}: {error}")
            return
        now_s = loop.time()
        self._advance(session, now_s)
        self._lit_level_pct, self._lit_since_s, self._trimmed_at_s = level, now_s, now_s
        self._lit_from_j_cm2 = session.dose.best_j_cm2
        self.output.state.value = None
        self.output.state.at_s = now_s
        if session.first_light_s is None:
            session.first_light_s, session.started_at = now_s, self._journal.clock()
            self._write("session.first_light", session, level_pct=round(level, 2), by=by)
        self._move(session, State.WARMING)

    # --- emitting --------------------------------------------------------------------------------------------------------

    async def _emit(self, session: Session) -> None:
        """One tick of light: look, judge, and renew or end. The only place where a running lease is renewed."""
        loop = asyncio.get_running_loop()
        await self._look(session)
        late_s = loop.time() - self.output.renewed_at_s
        if stop := self._judge(session):
            await self._begin_ending(session, stop)
        elif late_s > self.output.lease_s - self.info.tick_s:
            await self._begin_ending(session, self._lease_lost(late_s))
        elif self._ended_by_hand(session):
            pass
        elif verb := self._take_verb("pause"):
            await self._pause(session, verb[1])
        elif await self._reached(session):
            if stop := self._emergency():
                await self._begin_ending(session, stop)
                return
            self._end(session, Ending(Outcome.COMPLETED, "the prescribed dose was reached"))
        else:
            await self._renew(session)
        self._sample(session)
        if session.state is State.ENDING:
            await self._finish(session)

    async def _reached(self, session: Session) -> bool:
        """Whether the dose, with the afterglow still to come, lands on the prescription within this tick; waits for the very moment."""
        assert session.meter is not None
        meter, loop = session.meter, asyncio.get_running_loop()
        self._advance(session, loop.time())
        missing_j_cm2 = session.order.fluence_j_cm2 - meter.fluence_j_cm2 - meter.afterglow_j_cm2
        if missing_j_cm2 <= 0:
            return True
        irradiance = meter.irradiance_mw_cm2
        if irradiance <= 0 or (left_s := missing_j_cm2 * 1000.0 / irradiance) > self.info.tick_s:
            return False
        await asyncio.sleep(left_s)
        return True

    async def _renew(self, session: Session) -> None:
        meter, loop = session.meter, asyncio.get_running_loop()
        assert meter is not None
        assert self.calibration is not None
        level = self._trimmed_level(session)
        self._advance(session, loop.time())
        try:
            await self.output.renew(level)
            self._lit_level_pct, self._renewal_problem = level, None
        except BusError as error:
            # One lost frame does not end a treatment: the lease still runs, and the next tick asks again. When it runs out, that ends it.
            self._renewal_problem = str(error)
        except DeviceFault as error:
            await self._fail(session, f"{self.info.emitter}: {error}")
            return
        if session.state is State.WARMING and meter.model.irradiance_mw_cm2 >= WARM_SHARE * self._steady():
            self._move(session, State.EMITTING)

    def _lease_lost(self, late_s: float) -> Stop:
        if self._renewal_problem is not None:
            text = f"{self.info.emitter} could not be told to go on for {late_s:.1f} s: {self._renewal_problem}"
            return Stop(Hazard.LINE_SILENT, text, "Check the emitter's line and supply")
        text = f"the lease was not renewed for {late_s:.1f} s (of {self.output.lease_s:g} s)"
        return Stop(Hazard.LEASE_LATE, text, "Look for what blocked this computer")

    def _trimmed_level(self, session: Session) -> float:
        """The level for the prescribed irradiance, given what the lamp is found to give; never beyond the calibrated range."""
        assert self.calibration is not None
        assert session.meter is not None
        calibration, now_s = self.calibration, asyncio.get_running_loop().time()
        wanted = session.order.irradiance_mw_cm2 / session.meter.scale
        low, high = calibration.irradiance_min_mw_cm2, calibration.irradiance_max_mw_cm2
        present = self.output.level_pct
        if present is not None and now_s - self._trimmed_at_s < TRIM_EVERY_S:
            return present
        self._trimmed_at_s = now_s
        level = calibration.level_for(min(max(wanted, low), high))
        if present is None:
            return level
        return min(max(level, present - TRIM_STEP_MAX_PCT), present + TRIM_STEP_MAX_PCT)

    async def _pause(self, session: Session, by: str) -> None:
        session.move(State.PAUSED)
        self._state_since_s = asyncio.get_running_loop().time()
        evidence = await self._go_dark(session)
        self._write("session.paused", session, by=by)
        self._write("session.state", session, state=State.PAUSED, by=by)
        if evidence.verified_dark_s is None:
            await self._begin_ending(session, self._not_dark())

    # --- ending ----------------------------------------------------------------------------------------------------------

    def _ended_by_hand(self, session: Session) -> bool:
        verb = self._take_verb("end")
        if verb is None:
            return False
        self._end(session, Ending(Outcome.STOPPED, verb[2] or f"ended by {verb[1]}", by=verb[1]))
        return True

    async def _begin_ending(self, session: Session, stop: Stop) -> None:
        """A rule says stop: dark first, then the alarm and the record. Some hazards stop the whole station."""
        outcome = Outcome.STOPPED if stop.hazard in PATIENT_SIDE else Outcome.FAULTED
        self._end(session, Ending(outcome, stop.text, stop.hazard))
        await self._go_dark(session)
        self._alarm(stop, session)
        if stop.hazard in LATCHING:
            self._stop_station(f"lamp {self.name}", stop.text)

    async def _fail(self, session: Session, text: str) -> None:
        """Something on the way to or from the light does not work; during a stop that is only its echo."""
        stop = self._emergency() or Stop(Hazard.LINE_SILENT, text, "Check the device named and its line")
        await self._begin_ending(session, stop)

    def _emergency(self) -> Stop | None:
        reason = self._stopped()
        if reason is None:
            return None
        return Stop(Hazard.EMERGENCY_STOP, f"emergency stop: {reason}", "Find the cause, then clear the stop")

    def _end(self, session: Session, ending: Ending) -> None:
        session.ending = ending
        if session.state is not State.ENDING:
            session.move(State.ENDING)
            self._state_since_s = asyncio.get_running_loop().time()
        self._verb = None
        self.wake()

    async def _go_dark(self, session: Session) -> Evidence:
        """Off, verified, and written down; the model follows."""
        loop = asyncio.get_running_loop()
        since_s = loop.time()
        self._advance(session, since_s)
        evidence = await self.output.darken(since_s)
        off_after_s = evidence.acknowledged_s if evidence.acknowledged_s is not None else evidence.verified_dark_s
        self._advance(session, since_s + off_after_s if off_after_s is not None else loop.time())
        if off_after_s is None and session.meter is not None:
            # Nobody said when the light went out: it may have lasted until the hardware's own lease ended it.
            session.meter.possible_j_cm2 += self._steady() * session.meter.scale * self.output.lease_s / 1000.0
        if self._lit_level_pct is not None:
            self._dark_since_s = loop.time()
            session.lit_j_cm2 += session.dose.best_j_cm2 - self._lit_from_j_cm2
        self._lit_level_pct, self._lit_since_s = None, 0.0
        self._write("session.off", session, **evidence.as_dict())
        return evidence

    async def _finish(self, session: Session) -> None:
        """Dark, verified; then wait for the afterglow, count it, and write the end."""
        loop = asyncio.get_running_loop()
        if self._lit_level_pct is not None or not self.output.verified_dark:
            evidence = await self._go_dark(session)
            if evidence.verified_dark_s is None:
                self._alarm(self._not_dark(), session)
                self._stop_station(f"lamp {self.name}", self._not_dark().text)
        if not self._ending_written:
            self._ending_written = True
            self._write(
                "session.state", session, state=State.ENDING, reason=session.ending.reason if session.ending else ""
            )
        await self._look(session)
        if (
            (stop := self._judge(session))
            and stop.hazard is Hazard.LIT_WHEN_OFF
            and Hazard.LIT_WHEN_OFF not in session.warned
        ):
            session.warned.add(Hazard.LIT_WHEN_OFF)
            session.ending = Ending(Outcome.FAULTED, stop.text, stop.hazard)
            self._alarm(stop, session)
            self._stop_station(f"lamp {self.name}", stop.text)
        self._sample(session)
        if self._glows(session) and loop.time() - self._dark_since_s < AFTERGLOW_MAX_S:
            return
        self._close(session)
        await self.output.release()

    def _glows(self, session: Session) -> bool:
        """Whether there is still light worth waiting for, and something to see it with."""
        meter = session.meter
        if meter is None or not meter.measured or session.first_light_s is None:
            return False
        reading = meter.reading_mw_cm2
        fresh = self.instruments.irradiance.problem is None
        return fresh and reading is not None and reading > self.envelope.dark_mw_cm2

    def _close(self, session: Session) -> None:
        """The terminal record: what was prescribed, what was delivered, and how sure that is."""
        assert session.ending is not None
        if session.meter is not None:
            session.meter.settle()
        session.move(State.ENDED)
        session.ended_at = self._journal.clock()
        self._write(
            "session.ended",
            session,
            **record.ended(session, session.ending, skin_fitted=self.instruments.skin is not None),
        )

    # --- what every tick does --------------------------------------------------------------------------------------------

    async def _look(self, session: Session) -> None:
        """Read everything; let dose, skin and time follow."""
        fresh, _ = await asyncio.gather(self.instruments.read(), self.output.observe())
        loop = asyncio.get_running_loop()
        given = session.first_light_s is not None  # before it a reading is the room's light and noise, not dose
        if fresh and given and session.meter is not None and self.instruments.irradiance.value is not None:
            self._advance(session, self.instruments.irradiance.at_s)
            session.meter.read(self.instruments.irradiance.value, self.instruments.irradiance.at_s)
        self._advance(session, loop.time())
        skin = self.instruments.temperature.value
        if skin is not None and self.instruments.temperature.problem is None:
            session.skin_c_max = skin if session.skin_c_max is None else max(session.skin_c_max, skin)

    def _advance(self, session: Session, to_s: float) -> None:
        """Bring dose and thermal dose up to loop time `to_s`, with the lamp lit as it is."""
        elapsed_s = to_s - self._advanced_to_s
        if elapsed_s <= 0 or session.meter is None:
            return
        self._advanced_to_s = to_s
        steady = self._steady()
        session.meter.advance(elapsed_s, steady)
        if steady > 0:
            session.time_on_s += elapsed_s
        if session.first_light_s is not None and self.instruments.temperature.value is not None:
            session.cem43_min += cem43_min(self.instruments.temperature.value, elapsed_s)

    def _steady(self) -> float:
        """The steady irradiance of the level the lamp is lit at, as calibrated; 0 while it is dark."""
        if self._lit_level_pct is None or self.calibration is None:
            return 0.0
        return self.calibration.irradiance_at(self._lit_level_pct)

    def _judge(self, session: Session) -> Stop | None:
        """Every rule, every tick. Warnings are written once each."""
        if emergency := self._emergency():
            return emergency
        stop, warnings = evaluate(self._snapshot(session), self.envelope)
        for warning in warnings:
            if warning.hazard not in session.warned:
                session.warned.add(warning.hazard)
                session.warnings.append(warning.text)
                self._write("session.warning", session, hazard=warning.hazard, text=warning.text)
        return stop and self._with_detail(stop)

    def _with_detail(self, stop: Stop) -> Stop:
        """Which device, and what the line says of it, for the person who has to look."""
        match stop.hazard:
            case Hazard.LINE_SILENT | Hazard.EMITTER_DISOBEYS:
                device, problem = self.info.emitter, self.output.state.problem
            case Hazard.CUTOFF_DISOBEYS:
                device, problem = self.info.cutoff, self.output.cutoff_state.problem
            case _:
                return stop
        return replace(stop, text=f"{stop.text}: {device}" + (f": {problem}" if problem else ""))

    def _snapshot(self, session: Session) -> Snapshot:
        now_s = asyncio.get_running_loop().time()
        meter, instruments, output = session.meter, self.instruments, self.output
        state, stale_s = output.state.fresh(now_s, self.envelope.stale_s), self.envelope.stale_s
        cutoff = output.cutoff_state.fresh(now_s, stale_s)
        irradiance = instruments.irradiance.value
        return Snapshot(
            lit_s=now_s - self._lit_since_s if self._lit_since_s > 0 else 0.0,
            dark_s=now_s - self._dark_since_s if self._lit_since_s == 0 else 0.0,
            time_on_s=session.time_on_s,
            planned_s=session.order.planned_s,
            fluence_j_cm2=meter.fluence_j_cm2 if meter else 0.0,
            prescribed_j_cm2=session.order.fluence_j_cm2,
            output_on=None if state is None else state.on,
            output_age_s=output.state.age_s(now_s),
            tripped=None if state is None else state.tripped,
            cutoff_fitted=output.cutoff is not None,
            cutoff_closed=None if cutoff is None else cutoff.on,
            interlocks=instruments.interlock_readings(now_s),
            radiometer_fitted=instruments.radiometer is not None,
            irradiance=None
            if irradiance is None
            else Reading(irradiance - (meter.dark_mw_cm2 if meter else 0.0), instruments.irradiance.age_s(now_s)),
            expected_mw_cm2=meter.expected_reading_mw_cm2 if meter else 0.0,
            skin_fitted=instruments.skin is not None,
            skin=instruments.skin_reading(now_s),
            cem43_min=session.cem43_min,
            calibration_in_force=self.calibration is not None and self.calibration.in_force(self._journal.clock()),
            journal_writable=self._journal.writable,
        )

    def _sample(self, session: Session) -> None:
        """A point of the session's graph, about once a second, from the first light on."""
        now_s = asyncio.get_running_loop().time()
        meter = session.meter
        if meter is None or session.first_light_s is None or now_s - self._sampled_at_s < SAMPLE_S:
            return
        self._sampled_at_s = now_s
        dose = meter.dose
        self._write(
            "session.sample",
            session,
            sync=False,
            t_s=round(now_s - session.first_light_s, 2),
            state=session.state,
            level_pct=record.rounded(self.output.level_pct, 2),
            irradiance_mw_cm2=round(meter.shown_mw_cm2, 3),
            irradiance_source="measured" if meter.measured else "calibrated",
            skin_c=record.rounded(self.instruments.temperature.fresh(now_s, self.envelope.stale_s), 1),
            fluence_j_cm2=round(dose.best_j_cm2, 4),
            fluence_min_j_cm2=round(dose.min_j_cm2, 4),
            fluence_max_j_cm2=round(dose.max_j_cm2, 4),
            cem43_min=round(session.cem43_min, 3) if self.instruments.skin else None,
        )

    def _not_dark(self) -> Stop:
        why = self.output.state.problem or "it reads back as on"
        return Stop(
            Hazard.LIT_WHEN_OFF,
            f"lamp {self.name} could not be verified dark: {why}",
            "Pull its plug; move the patient away",
        )

    def _alarm(self, stop: Stop, session: Session | None = None) -> None:
        about: dict[str, Any] = {} if session is None else {"session": session.id}
        self._journal.write(
            "alarm", lamp=self.name, hazard=stop.hazard, priority="high", text=stop.text, remedy=stop.remedy, **about
        )
