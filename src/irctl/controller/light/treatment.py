"""One treatment being given: from the checks to the terminal record. The lamp's task calls `tick`, and nobody else renews its lease."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from math import hypot
from typing import Any

from irctl.bus.errors import BusError
from irctl.controller.light import checking, record
from irctl.controller.light.equipment import Equipment
from irctl.controller.light.output import Evidence
from irctl.controller.light.readings import SkinWatch
from irctl.controller.light.session import Ending, Outcome, Session, State
from irctl.devices.roles import DeviceFault
from irctl.domain.calibration import Calibration
from irctl.domain.cem43 import cem43_min
from irctl.domain.dose import DoseMeter
from irctl.domain.problems import InvariantViolation, Problem, Refused
from irctl.domain.rules import Hazard, Reading, Snapshot, Stop, evaluate

READY_MAX_S = 300.0
PAUSE_MAX_S = 600.0
"""A session that waits longer than this has lost its patient."""
SAMPLE_S = 1.0
CHECKPOINT_S = 4.0
"""A sample is forced to the disk this often: a power cut takes no more than this of what is known."""
LOOK_MAX_S = 0.75
"""The rules wait no longer than this for silent devices: half of what makes a reading stale."""
WARM_SHARE = 0.9
"""From this share of its steady irradiance on, a lamp counts as warm."""
TRIM_EVERY_S = 2.0
TRIM_STEP_MAX_PCT = 2.0
"""Trim follows ageing and mains, not noise: slow and in small steps."""
AFTERGLOW_MAX_S = 30.0
"""A session waits this long for the afterglow to fade; what is left then is calculated."""

ARMING_HOLDS_S = 5.0
"""A device may restart and forget its fail-safe while a session waits to be started: what was armed longer ago is armed again."""
FRAME_S = 0.5
"""A renewal behind whatever was on the wire, and a step of the relay's timer."""
CLOCK_STEP_SEEN_S = 0.5
"""Of the wall clock between two looks. Less is steering and scheduling."""
DRIFT_AFTER_RESPONSES = 5.0
"""Of the radiometer, since the light came on: before that its reading is the lamp's start more than the lamp."""
COMFORT = ("comfortable", "warm", "too-hot")

PATIENT_SIDE = frozenset(
    {Hazard.SKIN_HOT, Hazard.INTERLOCK, Hazard.THERMAL_DOSE, Hazard.EMERGENCY_STOP, Hazard.UNATTENDED}
)
"""Stopped for what the patient or the room did; any other hazard is a fault of the equipment."""
LATCHING = frozenset({Hazard.LIT_WHEN_OFF, Hazard.OFF_CALIBRATION, Hazard.OVER_DOSE})
"""On but not rising, off but still lit, more than prescribed: nobody treats on at this station until somebody has looked."""

DISPUTED = frozenset({Hazard.OFF_CALIBRATION, Hazard.LIT_WHEN_OFF})
"""The radiometer says one thing, lamp and read-back another: the record must hold whichever of them is wrong."""


class Treatment:
    """A session and the equipment it is given with."""

    def __init__(
        self, equipment: Equipment, calibration: Calibration, session: Session, wake: Callable[[], None]
    ) -> None:
        self.session = session
        self._equipment = equipment
        self._calibration = calibration
        self._wake = wake
        self._info = equipment.info
        self._output = equipment.output
        self._instruments = equipment.instruments
        self._envelope = replace(equipment.envelope, limits=session.order.narrowed(equipment.envelope.limits))
        self._journal = equipment.journal
        now_s = equipment.now_s()
        self._advanced_to_s = now_s
        self._state_since_s = now_s
        self._lit_level_pct: float | None = None
        """The level the lamp has been leased, until it is known to be dark."""
        self._lit_since_s = now_s
        self._lit_from_j_cm2 = 0.0
        self._dark_since_s = now_s
        self._trimmed_at_s = now_s
        self._sampled_at_s = float("-inf")
        self._synced_at_s = float("-inf")
        self._renewal_problem: str | None = None
        self._looking: asyncio.Future[bool] | None = None
        """A look at all devices that is still under way."""
        self._armed_at_s = float("-inf")
        self._skin = SkinWatch()
        self._clock_offset_s = self._wall_clock_s() - now_s
        self._clock_step_s = 0.0
        self._ending_written = False
        self._verb: tuple[str, str, str] | None = None
        """What somebody asked for (verb, by, reason); `tick` takes it up at its own pace."""

    def ask(self, verb: str, by: str, reason: str = "") -> None:
        """start, pause, resume or end. Raises Refused when that makes no sense now."""
        lit_or_paused = (State.WARMING, State.EMITTING, State.PAUSED)
        match verb:
            case "start":
                self.session.require(verb, State.READY)
            case "pause":
                self.session.require(verb, State.WARMING, State.EMITTING)
            case "resume":
                self.session.require(verb, State.PAUSED)
            case _:
                self.session.require(verb, State.ORDERED, State.CHECKING, State.READY, *lit_or_paused)
        if self._verb is None or self._verb[0] != "end":  # whoever ends wins over whoever asks for more
            self._verb = (verb, by, reason)
        self._wake()

    def attend(self, by: str, comfort: str) -> None:
        """Somebody is there, and says how the patient feels; too hot means dark. Raises Refused."""
        self.session.require("attend", State.WARMING, State.EMITTING, State.PAUSED)
        if comfort not in COMFORT:
            problem = Problem("comfort", comfort, f"is not one of {', '.join(COMFORT)}", "Ask the patient again")
            raise Refused([problem])
        self._write("session.attended", by=by, comfort=comfort)
        if self.session.attended_at_s is not None:
            self.session.attended_at_s = self._equipment.now_s()
            self.session.warned.discard(Hazard.UNATTENDED)
        self._equipment.alarms.resolve(self.session.id, f"{by} is there", Hazard.UNATTENDED)
        if comfort == "too-hot" and self.session.lit:
            self.ask("pause", by)

    @property
    def attendance(self) -> dict[str, Any] | None:
        """For the screens: when the attendant is asked, and what his silence has done; None without light."""
        attended_at_s, envelope = self.session.attended_at_s, self._envelope
        if attended_at_s is None or not self.session.lit:
            return None
        now_s = self._equipment.now_s()
        unanswered_s = self._unanswered_s(now_s)
        return {
            "due_in_s": round(max(0.0, attended_at_s + envelope.attend_every_s - now_s), 1),
            "asked": unanswered_s > 0,
            "unanswered_s": round(unanswered_s, 1),
            "answer_within_s": envelope.answer_within_s,
            "dimmed": unanswered_s > envelope.answer_within_s,
            "dark_after_s": envelope.answer_within_s + envelope.dimmed_s,
        }

    def give_up(self, error: Exception) -> None:
        """A defect of ours: end as faulted; a defect while ending closes the record as it stands. The caller has gone dark."""
        ending_failed = self.session.state is State.ENDING
        self.session.state = State.ENDING
        self.session.ending = self.session.ending or Ending(Outcome.FAULTED, f"internal error: {error}")
        if ending_failed:
            self._close()

    async def tick(self) -> None:
        """One step of the session: read, decide, and renew or end."""
        match self.session.state:
            case State.ORDERED:
                self._move(State.CHECKING)
                await self._check()
            case State.READY | State.PAUSED:
                await self._wait()
            case State.WARMING | State.EMITTING:
                await self._emit()
            case State.ENDING:
                await self._finish()
            case State.CHECKING | State.ENDED:
                raise InvariantViolation(f"session {self.session.id}: a tick in state {self.session.state}")

    def _write(self, event: str, *, sync: bool = True, **fields: Any) -> None:
        self._journal.write(event, sync=sync, session=self.session.id, lamp=self._equipment.name, **fields)

    def _take_verb(self, *wanted: str) -> tuple[str, str, str] | None:
        if self._verb is None or self._verb[0] not in wanted:
            return None
        verb, self._verb = self._verb, None
        return verb

    def _move(self, state: State, **why: Any) -> None:
        self.session.move(state)
        self._state_since_s = self._equipment.now_s()
        self._write("session.state", state=state, **why)

    # --- checking --------------------------------------------------------------------------------------------------------

    async def _check(self) -> None:
        """Before any light: dark, armed and read back, sensors alive, interlocks closed."""
        try:
            identities = await checking.prove_dark_and_arm(self._output)
            if (other := self._equipment.commissioned.differs(identities)) is not None:
                raise DeviceFault(f"{other}: commission the lamp again")
            if (other := self._equipment.in_force.differs(identities["emitter"])) is not None:
                raise DeviceFault(f"{other}: calibrate the lamp again")
            self._armed_at_s = self._equipment.now_s()
            self._write("session.armed", **record.armed(self._info.fail_safe, self._output, identities["emitter"]))
            dark = await checking.read_dark(self._output, self._instruments, self._info.tick_s)
        except (BusError, DeviceFault) as error:
            await self._fail(str(error))
            return
        if self._instruments.radiometer is not None:
            self._write(
                "session.dark_reading",
                radiometer_offset_mw_cm2=round(dark.offset_mw_cm2, 4),
                readings=dark.readings,
            )
        calibration, radiometer = self._calibration, self._instruments.radiometer
        self.session.meter = DoseMeter(
            response=calibration.response,
            uncertainty_pct=(calibration.meter_uncertainty_pct if radiometer else None)
            or calibration.expanded_uncertainty_pct,
            distance_cm=calibration.distance_cm,
            positioning_cm=calibration.positioning_cm,
            drift_allowance_pct=calibration.drift_allowance_pct,
            sensor_response_s=radiometer.response_s if radiometer else None,
            dark_mw_cm2=dark.offset_mw_cm2,
            dark_uncertainty_mw_cm2=dark.uncertainty_mw_cm2,
            noise_mw_cm2=dark.noise_mw_cm2,
            monitor_factor=calibration.monitor_factor,
        )
        self._advanced_to_s = self._equipment.now_s()
        if stop := self._judge():
            await self._begin_ending(stop)
            return
        self._move(State.READY)

    # --- ready, paused ---------------------------------------------------------------------------------------------------

    async def _wait(self) -> None:
        """Dark, but watching: until somebody starts, resumes or ends, or waits too long."""
        await self._look()
        now_s = self._equipment.now_s()
        longest_s = READY_MAX_S if self.session.state is State.READY else PAUSE_MAX_S
        if stop := self._judge():
            await self._begin_ending(stop)
        elif self._ended_by_hand():
            pass
        elif verb := self._take_verb("start", "resume"):
            await self._light(verb[0], verb[1])
        elif now_s - self._state_since_s > longest_s:
            self._end(Ending(Outcome.STOPPED, f"nobody went on within {longest_s:.0f} s"))
        self._sample()

    async def _light(self, verb: str, by: str) -> None:
        """First light, or light again after a pause."""
        level = self._trimmed_level()
        self._write("session.resumed" if verb == "resume" else "session.starting", by=by)
        if not self._journal.writable or self._equipment.stopped() is not None:
            return
        loop = asyncio.get_running_loop()
        asked_s = loop.time()
        self._ending_written = False
        try:
            if verb == "resume" or loop.time() - self._armed_at_s > ARMING_HOLDS_S:
                await self._output.arm()
            asked_s = loop.time()
            await self._output.renew(level)
        except (BusError, DeviceFault) as error:
            # The frame that lights may have been obeyed though its answer was lost: possible, not proven.
            self._count_possible(level)
            await self._fail(f"{self._info.emitter}: {error}")
            return
        now_s = loop.time()
        self._advance(now_s)
        if (
            now_s - asked_s > FRAME_S
        ):  # the answer was long in coming, or we in hearing it: the light may have begun, and ended, before
            self._count_possible(level)
        self._lit_level_pct, self._lit_since_s, self._trimmed_at_s = level, now_s, now_s
        self.session.used(level)
        self._skin, self.session.attended_at_s = SkinWatch(), now_s
        self._lit_from_j_cm2 = self.session.dose.best_j_cm2
        self._output.state.value = None
        self._output.state.at_s = now_s
        if self.session.first_light_s is None:
            self.session.first_light_s, self.session.started_at = now_s, self._journal.clock()
            if self.session.meter is not None:
                # The radiometer has shown the dark until now: from here on what it has not shown yet is known.
                self.session.meter.read(self.session.meter.dark_mw_cm2, now_s)
            self._write("session.first_light", level_pct=round(level, 2), by=by)
        self._move(State.WARMING)

    # --- emitting --------------------------------------------------------------------------------------------------------

    async def _emit(self) -> None:
        """One tick of light: look, judge, and renew or end. The only place where a running lease is renewed."""
        loop = asyncio.get_running_loop()
        await self._look()
        late_s = loop.time() - self._output.renewed_at_s
        if stop := self._judge():
            await self._begin_ending(stop)
        elif late_s > self._output.lease_s - self._info.tick_s:
            await self._begin_ending(self._lease_lost(late_s))
        elif self._ended_by_hand():
            pass
        elif verb := self._take_verb("pause"):
            await self._pause(verb[1])
        elif await self._reached():
            if stop := self._emergency():
                await self._begin_ending(stop)
                return
            self._end(Ending(Outcome.COMPLETED, "the prescribed dose was reached"))
        else:
            await self._renew()
        self._sample()
        if self.session.state is State.ENDING:
            await self._finish()

    async def _reached(self) -> bool:
        """Whether the dose, with the afterglow still to come, lands on the prescription within this tick; waits for the very moment."""
        assert self.session.meter is not None
        meter, loop = self.session.meter, asyncio.get_running_loop()
        self._advance(loop.time())
        missing_j_cm2 = self.session.order.fluence_j_cm2 - meter.fluence_j_cm2 - meter.afterglow_j_cm2
        if missing_j_cm2 <= 0:
            return True
        irradiance = meter.irradiance_mw_cm2
        if irradiance <= 0 or (left_s := missing_j_cm2 * 1000.0 / irradiance) > self._info.tick_s:
            return False
        await asyncio.sleep(left_s)
        return True

    async def _renew(self) -> None:
        meter, loop = self.session.meter, asyncio.get_running_loop()
        assert meter is not None
        level = self._trimmed_level()
        self._advance(loop.time())
        try:
            await self._output.renew(level)
            self._lit_level_pct, self._renewal_problem = level, None
            self.session.used(level)
        except BusError as error:
            # One lost frame does not end a treatment: the lease still runs, and the next tick asks again. When it runs out, that ends it.
            self._renewal_problem = str(error)
        except DeviceFault as error:
            await self._fail(f"{self._info.emitter}: {error}")
            return
        if self.session.state is State.WARMING and meter.model.irradiance_mw_cm2 >= WARM_SHARE * self._steady():
            self._move(State.EMITTING)

    def _lease_lost(self, late_s: float) -> Stop:
        if self._renewal_problem is not None:
            text = f"{self._info.emitter} could not be told to go on for {late_s:.1f} s: {self._renewal_problem}"
            return Stop(Hazard.LINE_SILENT, text, "Check the emitter's line and supply")
        text = f"the lease was not renewed for {late_s:.1f} s (of {self._output.lease_s:g} s)"
        return Stop(Hazard.LEASE_LATE, text, "Look for what blocked this computer")

    def _trimmed_level(self) -> float:
        """The level for the prescribed irradiance, given what the lamp is found to give; never beyond the calibrated range."""
        assert self.session.meter is not None
        calibration, now_s = self._calibration, self._equipment.now_s()
        wanted = self.session.order.irradiance_mw_cm2 / self.session.meter.scale
        low, high = calibration.irradiance_min_mw_cm2, calibration.irradiance_max_mw_cm2
        present = self._output.level_pct
        if self._unanswered_s(now_s) > self._envelope.answer_within_s:
            return min(self._dimmest_pct(), present if present is not None else 100.0)
        if present is not None and now_s - self._trimmed_at_s < TRIM_EVERY_S:
            return present
        self._trimmed_at_s = now_s
        level = self._output.level_below(calibration.level_for(min(max(wanted, low), high)))
        level = max(level, calibration.level_min_pct)
        if present is None:
            return level
        return min(max(level, present - TRIM_STEP_MAX_PCT), present + TRIM_STEP_MAX_PCT)

    def _dimmest_pct(self) -> float:
        """The lowest level that is calibrated and that the emitter can hold; a switch knows only one."""
        return max(self._calibration.level_min_pct, self._output.emitter.level_min_pct)

    def _unanswered_s(self, now_s: float) -> float:
        """Since the attendant was asked; 0 while nothing is asked."""
        attended_at_s = self.session.attended_at_s
        if attended_at_s is None or not self.session.lit:
            return 0.0
        return max(0.0, now_s - attended_at_s - self._envelope.attend_every_s)

    async def _pause(self, by: str) -> None:
        self.session.move(State.PAUSED)
        self._state_since_s = self._equipment.now_s()
        evidence = await self._go_dark()
        self._write("session.paused", by=by)
        self._write("session.state", state=State.PAUSED, by=by)
        if evidence.verified_dark_s is None:
            await self._begin_ending(self._equipment.not_dark())

    # --- ending ----------------------------------------------------------------------------------------------------------

    def _ended_by_hand(self) -> bool:
        verb = self._take_verb("end")
        if verb is None:
            return False
        self._end(Ending(Outcome.STOPPED, verb[2] or f"ended by {verb[1]}", by=verb[1]))
        return True

    async def _begin_ending(self, stop: Stop) -> None:
        """A rule says stop: dark first, then the alarm and the record. Some hazards stop the whole station."""
        outcome = Outcome.STOPPED if stop.hazard in PATIENT_SIDE else Outcome.FAULTED
        self._end(Ending(outcome, stop.text, stop.hazard))
        await self._go_dark()
        self._equipment.alarm(stop, self.session.id)
        if stop.trips or stop.hazard in LATCHING:
            self._equipment.stop_station(f"lamp {self._equipment.name}", stop.text)

    async def _fail(self, text: str) -> None:
        """Something on the way to or from the light does not work; during a stop that is only its echo."""
        stop = self._emergency() or Stop(Hazard.LINE_SILENT, text, "Check the device named and its line")
        await self._begin_ending(stop)

    def _emergency(self) -> Stop | None:
        reason = self._equipment.stopped()
        if reason is None:
            return None
        return Stop(Hazard.EMERGENCY_STOP, f"emergency stop: {reason}", "Find the cause, then clear the stop")

    def _end(self, ending: Ending) -> None:
        self.session.ending = ending
        if self.session.state is not State.ENDING:
            self.session.move(State.ENDING)
            self._state_since_s = self._equipment.now_s()
        self._verb = None
        self._wake()

    async def _go_dark(self) -> Evidence:
        """Off, verified, and written down; the model follows."""
        loop = asyncio.get_running_loop()
        since_s = loop.time()
        self._advance(since_s)
        evidence = await self._output.darken(since_s)
        self._advance(loop.time())
        if self._output.went_dark_s is None and self._lit_level_pct is not None:
            # Nobody said when the light went out: it may have lasted until the hardware's own lease ended it.
            self._count_possible(self._lit_level_pct)
        if self._lit_level_pct is not None:
            self._dark_since_s = loop.time()
            self.session.lit_j_cm2 += self.session.dose.best_j_cm2 - self._lit_from_j_cm2
        self._lit_level_pct = None
        self._write("session.off", **evidence.as_dict())
        return evidence

    def _count_possible(self, level_pct: float) -> None:
        """Light at this level for as long as the hardware's leases may have let it last."""
        self.session.used(level_pct)
        if self.session.meter is not None:
            steady = self._calibration.irradiance_at(level_pct) * self.session.meter.scale
            self.session.meter.possible_j_cm2 += steady * self._longest_light_s / 1000.0

    @property
    def _longest_light_s(self) -> float:
        """From the last renewal, by the slower of the two fail-safes; the frame that renewed may have been under way for a moment."""
        return max(self._output.lease_s, self._output.cutoff_lease_s) + FRAME_S

    async def _finish(self) -> None:
        """Dark, verified; then wait for the afterglow, count it, and write the end."""
        loop = asyncio.get_running_loop()
        if self._lit_level_pct is not None or not self._output.verified_dark:
            evidence = await self._go_dark()
            if evidence.verified_dark_s is None:
                self._equipment.alarm(self._equipment.not_dark(), self.session.id)
                self._equipment.stop_station(f"lamp {self._equipment.name}", self._equipment.not_dark().text)
        if not self._ending_written:
            self._ending_written = True
            self._write(
                "session.state", state=State.ENDING, reason=self.session.ending.reason if self.session.ending else ""
            )
        await self._look()
        if (
            (
                stop := self._break_of_rule()
            )  # after an emergency stop too: it is then that light nobody wants matters most
            and stop.hazard is Hazard.LIT_WHEN_OFF
            and Hazard.LIT_WHEN_OFF not in self.session.warned
        ):
            self.session.warned.add(Hazard.LIT_WHEN_OFF)
            self.session.ending = Ending(Outcome.FAULTED, stop.text, stop.hazard)
            self._equipment.alarm(stop, self.session.id)
            self._equipment.stop_station(f"lamp {self._equipment.name}", stop.text)
        self._sample()
        if self._glows() and loop.time() - self._dark_since_s < AFTERGLOW_MAX_S:
            return
        self._close()
        await self._output.release()

    def _glows(self) -> bool:
        """Whether there is still light worth waiting for, and something to see it with."""
        meter = self.session.meter
        if meter is None or not meter.measured or self.session.first_light_s is None:
            return False
        reading = meter.reading_mw_cm2
        fresh = self._instruments.irradiance.problem is None
        return fresh and reading is not None and reading > self._envelope.dark_mw_cm2

    def _close(self) -> None:
        """The terminal record: what was prescribed, what was delivered, and how sure that is."""
        assert self.session.ending is not None
        if self.session.meter is not None:
            self.session.meter.disputed = self.session.ending.hazard in DISPUTED
            self.session.meter.settle()
        self.session.move(State.ENDED)
        self.session.ended_at = self._journal.clock()
        self.session.attended_at_s = None
        self._equipment.alarms.resolve(self.session.id, "its session is over")
        self._write(
            "session.ended",
            **record.ended(self.session, self.session.ending, skin_fitted=self._instruments.skin is not None),
            drift=record.drift(self.session.drift, self._calibration, self._lamp_hours),
        )

    # --- what every tick does --------------------------------------------------------------------------------------------

    async def _look(self) -> None:
        """Read everything; let dose, skin and time follow. What a silent device has not said in time grows stale: nobody waits for it."""
        if self._looking is None:
            self._looking = asyncio.ensure_future(self._read_all())
        await asyncio.wait({self._looking}, timeout=LOOK_MAX_S)
        fresh = False
        if self._looking.done():
            looked, self._looking = self._looking, None
            fresh = looked.result()
        loop = asyncio.get_running_loop()
        given = self.session.first_light_s is not None  # before it a reading is the room's light and noise, not dose
        irradiance, meter = self._instruments.irradiance, self.session.meter
        # A reading from before what the model has counted already cannot be fitted in any more: the model stands, with its doubt.
        if (
            fresh
            and given
            and meter is not None
            and irradiance.value is not None
            and irradiance.at_s >= self._advanced_to_s
        ):
            self._advance(irradiance.at_s)
            meter.read(irradiance.value, irradiance.at_s)
            self._see_drift(meter.corrected(irradiance.value), meter.expected_reading_mw_cm2)
        self._advance(loop.time())
        lit = self._lit_level_pct is not None and self._output.verified_lit(loop.time(), self._envelope.stale_s)
        if lit and meter is not None:
            meter.confirm()
        temperature = self._instruments.temperature
        if temperature.value is not None and temperature.problem is None:
            self.session.skin_c_max = max(temperature.value, self.session.skin_c_max or temperature.value)
            self._skin.see(temperature.value, temperature.at_s, self._envelope.stale_s)
        self._equipment.heed_stop_contacts()
        self._watch_clock(loop.time())

    @property
    def _lamp_hours(self) -> float:
        """With this session's own."""
        return self._equipment.in_force.use.lamp_hours + self.session.time_on_s / 3600.0

    def _see_drift(self, measured_mw_cm2: float, expected_mw_cm2: float) -> None:
        """In steady light only: what the lamp gives against what its calibration says it should at this level."""
        radiometer, lit_s = self._instruments.radiometer, self._equipment.now_s() - self._lit_since_s
        steady = radiometer is not None and lit_s > DRIFT_AFTER_RESPONSES * radiometer.response_s
        if steady and self.session.state is State.EMITTING and self._lit_level_pct is not None:
            self.session.drift.see(self._lit_level_pct, measured_mw_cm2, expected_mw_cm2)

    async def _read_all(self) -> bool:
        """True when there is a fresh irradiance."""
        fresh, _ = await asyncio.gather(self._instruments.read(), self._output.observe())
        return fresh

    def _wall_clock_s(self) -> float:
        return self._journal.clock().timestamp()

    def _watch_clock(self, now_s: float) -> None:
        """Against the loop's clock, which nobody sets: a step is somebody's hand, or a sleep that stopped the loop's."""
        offset_s = self._wall_clock_s() - now_s
        step_s = offset_s - self._clock_offset_s
        self._clock_offset_s = offset_s
        if abs(step_s) > CLOCK_STEP_SEEN_S:
            self._clock_step_s += step_s
            self._write("clock.stepped", by_s=round(step_s, 3))

    def _advance(self, to_s: float) -> None:
        """Bring dose and thermal dose up to loop time `to_s`, with the lamp lit as it is: at most for its lease, whoever was asleep meanwhile."""
        from_s, meter = self._advanced_to_s, self.session.meter
        elapsed_s = to_s - from_s
        if elapsed_s <= 0 or meter is None:
            return
        self._advanced_to_s = to_s
        steady, lit_s = self._steady(), 0.0
        if steady > 0:
            lease_ends_s = self._output.renewed_at_s + self._output.lease_s
            light_ends_s = self._output.renewed_at_s + self._longest_light_s
            if (
                dark_s := self._output.went_dark_s
            ) is not None:  # somebody else may have asked for it, a stop of the station
                lease_ends_s, light_ends_s = min(lease_ends_s, dark_s), dark_s
            lit_s = min(max(lease_ends_s - from_s, 0.0), elapsed_s)
            meter.advance(lit_s, steady)
            self.session.time_on_s += lit_s
            possible_s = max(0.0, min(to_s, light_ends_s) - max(from_s, lease_ends_s))
            meter.possible_j_cm2 += steady * meter.scale * possible_s / 1000.0
        meter.advance(elapsed_s - lit_s, 0.0)
        if self.session.first_light_s is not None and self._instruments.temperature.value is not None:
            self.session.cem43_min += cem43_min(self._instruments.temperature.value, elapsed_s)

    def _steady(self) -> float:
        """The steady irradiance of the level the lamp is lit at, as calibrated; 0 while it is dark."""
        if self._lit_level_pct is None:
            return 0.0
        return self._calibration.irradiance_at(self._lit_level_pct)

    def _judge(self) -> Stop | None:
        """Why to stop, if there is a reason: somebody said so, or a rule is broken."""
        return self._emergency() or self._break_of_rule()

    def _break_of_rule(self) -> Stop | None:
        """Every rule, every tick. Warnings are written once each."""
        stop, warnings = evaluate(self._snapshot(), self._envelope)
        for warning in warnings:
            if warning.hazard not in self.session.warned:
                self.session.warned.add(warning.hazard)
                self.session.warnings.append(warning.text)
                self._equipment.alarm(warning, self.session.id)
                self._write("session.warning", hazard=warning.hazard, text=warning.text)
        return stop and self._with_detail(stop)

    def _with_detail(self, stop: Stop) -> Stop:
        """Which device, and what the line says of it, for the person who has to look."""
        match stop.hazard:
            case Hazard.LINE_SILENT | Hazard.EMITTER_DISOBEYS:
                device, problem = self._info.emitter, self._output.state.problem
            case Hazard.CUTOFF_DISOBEYS:
                device, problem = self._info.cutoff, self._output.cutoff_state.problem
            case _:
                return stop
        return replace(stop, text=f"{stop.text}: {device}" + (f": {problem}" if problem else ""))

    def _snapshot(self) -> Snapshot:
        now_s = self._equipment.now_s()
        meter, instruments, output = self.session.meter, self._instruments, self._output
        state, stale_s = output.state.fresh(now_s, self._envelope.stale_s), self._envelope.stale_s
        cutoff = output.cutoff_state.fresh(now_s, stale_s)
        irradiance, lit = instruments.irradiance.value, self._lit_level_pct is not None
        return Snapshot(
            lit_s=now_s - self._lit_since_s if lit else 0.0,
            dark_s=0.0 if lit else now_s - self._dark_since_s,
            time_on_s=self.session.time_on_s,
            planned_s=self.session.order.planned_s,
            fluence_j_cm2=meter.fluence_j_cm2 if meter else 0.0,
            prescribed_j_cm2=self.session.order.fluence_j_cm2,
            output_on=None if state is None else state.on,
            output_age_s=output.state.age_s(now_s),
            tripped=None if state is None else state.tripped,
            cutoff_fitted=output.cutoff is not None,
            cutoff_closed=None if cutoff is None else cutoff.on,
            interlocks=instruments.interlock_readings(now_s),
            radiometer_fitted=instruments.radiometer is not None,
            irradiance=None
            if irradiance is None
            else Reading(meter.corrected(irradiance) if meter else irradiance, instruments.irradiance.age_s(now_s)),
            expected_mw_cm2=meter.expected_reading_mw_cm2 if meter else 0.0,
            expected_within_pct=hypot(
                self._calibration.expanded_uncertainty_pct,
                self._calibration.meter_uncertainty_pct or 0.0,
                self._calibration.drift_allowance_pct,
            ),
            skin_fitted=instruments.skin is not None,
            skin=instruments.skin_reading(now_s),
            skin_jump_c=self._skin.jump_c,
            skin_still_s=self._skin.still_s(now_s),
            skin_rise_c=self._skin.rise_c,
            housing_fitted=instruments.housing is not None,
            housing=instruments.housing_reading(now_s),
            unanswered_s=self._unanswered_s(now_s),
            restarted=any(o is not None and o.rebooted is True for o in (state, cutoff)),
            clock_step_s=self._clock_step_s,
            cem43_min=self.session.cem43_min,
            calibration_in_force=self._calibration.lapse(self._journal.clock(), self._lamp_hours) is None,
            journal_writable=self._journal.writable,
        )

    def _sample(self) -> None:
        """A point of the session's graph, about once a second, from the first light on."""
        now_s = self._equipment.now_s()
        meter = self.session.meter
        if meter is None or self.session.first_light_s is None or now_s - self._sampled_at_s < SAMPLE_S:
            return
        self._sampled_at_s = now_s
        dose = meter.dose
        checkpoint = now_s - self._synced_at_s >= CHECKPOINT_S
        if checkpoint:
            self._synced_at_s = now_s
        self._write(
            "session.sample",
            sync=checkpoint,
            t_s=round(now_s - self.session.first_light_s, 2),
            state=self.session.state,
            level_pct=record.rounded(self._output.level_pct, 2),
            irradiance_mw_cm2=round(meter.shown_mw_cm2, 3),
            irradiance_source="measured" if meter.measured else "calibrated",
            skin_c=record.rounded(self._instruments.temperature.fresh(now_s, self._envelope.stale_s), 1),
            fluence_j_cm2=round(dose.best_j_cm2, 4),
            fluence_min_j_cm2=round(dose.min_j_cm2, 4),
            fluence_max_j_cm2=round(dose.max_j_cm2, 4),
            cem43_min=round(self.session.cem43_min, 3) if self._instruments.skin else None,
        )
