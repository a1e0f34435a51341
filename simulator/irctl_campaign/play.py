"""One seed, played: a safety phase where anything may fail, then a liveness phase where everything is mended and a treatment must succeed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from irctl.bus.errors import BusError
from irctl.controller.journal import segments
from irctl.controller.light.session import Outcome, Session, State
from irctl.devices.roles import DeviceFault
from irctl.domain.limits import NO_BOUNDS, Bounds
from irctl.domain.orders import Order
from irctl.domain.problems import Refused
from irctl_campaign.breakage import Breakage, lose_power
from irctl_campaign.observer import Observer, Struck, Trace
from irctl_campaign.plan import Deed, Plan, Prescription, Strike
from irctl_campaign.process import Process
from irctl_campaign.scene import Scene, demonstration, device_of
from irctl_campaign.virtual import run_virtual
from irctl_simulator.station import SimStation
from irctl_simulator.twins.tm_modules import TmR5

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SHARED_MEMORY = Path("/dev/shm")
CLINICIAN, TECHNICIAN = "a clinician", "a technician"
BOOTED_S = 1.0
"""The plan's times count from here: the controller has driven dark and looked once."""
READY_WITHIN_S = 20.0
LOOK_S = 0.1
LEFT_PAUSED_S = 20.0
"""An operator who finds a session paused this long goes on with it."""
PATIENCE_S = 60.0
"""After the planned time (1.6-fold, as the rules allow) an operator ends a session that has not ended."""
RESTARTED_WITHIN_S = 60.0
RESTS_S = 2.5
CLEARED_WITHIN_S = 30.0
COOL_MW_CM2 = 0.5
"""An operator orders again when the radiometer has fallen to this: more drifts while it is read in the dark, and is refused."""
COOLED_WITHIN_S = 30.0
COOLED_S = 5.0
PROOF_TRIES = 8
PROOF_J_CM2, PROOF_MW_CM2 = 0.12, 30.0
"""Dim and short: bright light only takes longer to fade."""
PROOF_WITHIN_S = 90.0


def play(plan: Plan, scene: Scene | None = None) -> Trace:
    """Everything that happened in this plan's world, on this station (the demonstration where none is given)."""
    with TemporaryDirectory(prefix="irctl-campaign-", dir=_memory()) as folder:
        return run_virtual(Play(plan, Path(folder), scene or demonstration()).run())


@cache
def _memory() -> Path | None:
    """Where files never wait for a disk, if there is such a place: what a disk loses is simulated."""
    return SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None


class Play:
    """The people, the faults and the process of one seed."""

    def __init__(self, plan: Plan, state_dir: Path, scene: Scene) -> None:
        self.plan = plan
        self.scene = scene
        self.state_dir = state_dir
        self.random = Random(f"{plan.seed}/play")
        self.hardware: SimStation
        self.process: Process
        self.observer: Observer
        self.breakage: Breakage
        self._clears = 0
        self._calibrated_anew = False
        """Stands for calibrations that are in force again: the clock is where they are."""

    async def run(self) -> Trace:
        self.hardware = SimStation.from_config(self._aged(), seed=self.plan.seed)
        self.breakage = Breakage(self.hardware, self.scene)
        self.observer = Observer(self.plan, self.scene, self.hardware)
        await self._start(orderly=True)
        await self._safety()
        self.observer.trace.faults_over_s = self.now_s
        await self._liveness()
        await self._end()
        return self.observer.trace

    @property
    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def clock(self) -> datetime:
        start = START
        if self.plan.lapses_s is not None and not self._calibrated_anew:
            ends = min(c.valid_until for c in self.scene.config.calibrations.values())
            start = ends - timedelta(seconds=self.plan.lapses_s + BOOTED_S)
        return start + timedelta(seconds=self.now_s + self.breakage.clock_offset_s)

    def _aged(self) -> dict[str, Any]:
        lamps: dict[str, Any] = self.scene.hardware["lamps"]
        aged = {name: lamp | {"ageing": self.plan.ageing[name]} for name, lamp in lamps.items()}
        return {**self.scene.hardware, "lamps": aged}

    # --- the process -----------------------------------------------------------------------------------------------------

    async def _start(self, *, orderly: bool) -> None:
        self.process = await Process.start(self.hardware, self.scene.config, self.state_dir, self.clock)
        self.breakage.into(self.process)
        self.observer.started(self.process, orderly)
        self.observer.note("controller", "started, every lamp driven dark")

    async def _kill(self, *, power_cut: bool = False) -> None:
        self.observer.look()
        self.observer.trace.kills_s.append(self.now_s)
        await self.process.kill()
        self.observer.died()
        if power_cut:
            lost = lose_power(self.process, self.random)
            self.observer.note("fault", f"{lost} bytes of the journal were not yet on the disk")

    # --- safety phase ----------------------------------------------------------------------------------------------------

    async def _safety(self) -> None:
        await asyncio.sleep(BOOTED_S)
        began_s = self.now_s
        people = [asyncio.create_task(self._treat(p, began_s)) for p in self.plan.prescriptions]
        others = [asyncio.create_task(self._do(deed, began_s)) for deed in self.plan.deeds]
        faults = [asyncio.create_task(self._break(strike, began_s)) for strike in self.plan.strikes]
        await asyncio.gather(*people)
        for task in (*others, *faults):
            task.cancel()
        for ended in await asyncio.gather(*others, *faults, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    async def _treat(self, prescription: Prescription, began_s: float) -> None:
        """Order, start, look after it to its end."""
        await self._until_s(began_s + prescription.at_s)
        p = prescription
        session = await self._order(p.lamp, p.fluence_j_cm2, p.irradiance_mw_cm2, p.limits)
        if session is None or not await self._ready(session):
            return
        await asyncio.sleep(p.patience_s)
        self._ask(session, "start")
        await self._attend(session, p.planned_s * 1.6 + PATIENCE_S, attentive=p.attentive)

    async def _attend(self, session: Session, within_s: float, *, attentive: bool = True) -> None:
        process, give_up_s, paused_s = self.process, self.now_s + within_s, 0.0
        while session.running and process.alive and self.now_s < give_up_s:
            await asyncio.sleep(LOOK_S)
            if attentive:
                self._answer(session)
            paused_s = paused_s + LOOK_S if session.state is State.PAUSED else 0.0
            if paused_s > LEFT_PAUSED_S:
                self._ask(session, "resume")
                paused_s = 0.0
        if session.running and process.alive:
            self._ask(session, "end")

    def _answer(self, session: Session) -> None:
        """Say that one is there, when one is asked."""
        lamp = self.process.station.lamps[session.order.lamp]
        treatment = lamp.treatment
        if treatment is not None and treatment.attendance is not None and treatment.attendance["asked"]:
            with self.process.inside(), suppress(Refused):
                lamp.attend(session.id, CLINICIAN, "comfortable")

    async def _order(
        self, lamp: str, fluence_j_cm2: float, irradiance_mw_cm2: float, limits: Bounds = NO_BOUNDS
    ) -> Session | None:
        """An accepted order, or None after having been refused for long enough."""
        give_up_s, refused = self.now_s + READY_WITHIN_S, None
        while self.now_s < give_up_s:
            if self.process.alive:
                try:
                    order = Order(lamp, fluence_j_cm2, irradiance_mw_cm2, "P-1", "lumbar", CLINICIAN, limits=limits)
                    return self._ordered(order)
                except Refused as why:
                    refused = why
                    if any(problem.field == "clock" for problem in why.problems):
                        self._vouch()
            await asyncio.sleep(0.5)
        self.observer.note("operator", f"no order on {lamp}: {refused}")
        return None

    def _vouch(self) -> None:
        self.observer.note("operator", "vouches for the clock")
        with self.process.inside():
            self.process.station.accept_clock(TECHNICIAN, "looked at another clock")

    def _ordered(self, order: Order) -> Session:
        with self.process.inside():
            session = self.process.station.order(order)
        self.observer.ordered(session)
        self.observer.note(
            "operator", f"orders {order.fluence_j_cm2} J/cm² at {order.irradiance_mw_cm2} mW/cm² on {order.lamp}"
        )
        return session

    async def _ready(self, session: Session) -> bool:
        process, checking = self.process, (State.ORDERED, State.CHECKING)
        await self._until(lambda: not process.alive or session.state not in checking, READY_WITHIN_S)
        return process.alive and session.state is State.READY

    def _ask(self, session: Session, verb: str) -> None:
        if not self.process.alive:
            return
        try:
            with self.process.inside():
                self.process.station.lamp_of(session.id).ask(session.id, verb, CLINICIAN)
        except Refused as why:
            self.observer.note("operator", f"{verb}s {session.id}: {why}")
            return
        if verb in ("pause", "end"):
            self.observer.asked_dark([session.order.lamp], verb)
        else:
            self.observer.trace.asked_light_s.setdefault(session.id, []).append(self.now_s)
        self.observer.note("operator", f"{verb}s {session.id}")

    async def _do(self, deed: Deed, began_s: float) -> None:
        await self._until_s(began_s + deed.at_s)
        if not self.process.alive:
            return
        session = self.process.station.lamps[deed.lamp].session
        match deed.verb:
            case "stop":
                await self._stop()
            case "clear":
                self._clear()
            case "order":
                try:
                    _, irradiance = self.scene.irradiances(deed.lamp, 0.0, 50.0)
                    self._ordered(Order(deed.lamp, 1.0, irradiance, "P-2", "neck", CLINICIAN))
                except Refused as why:
                    self.observer.note("operator", f"a second order: {why}")
            case _ if session is not None:
                self._ask(session, deed.verb)
            case _:
                pass

    async def _stop(self) -> None:
        process, clears = self.process, self._clears
        self.observer.note("operator", "stops everything")
        self.observer.asked_dark(self.scene.lamps, "stop")
        await self._in_process(process.station.shutdown.stop("somebody", "stop", "test"))
        if process.alive and process.station.shutdown.latch is None and self._clears == clears:
            self.observer.wrong("latch", "a stop was asked for, nobody cleared it, and it is not in force")

    async def _in_process(self, work: Coroutine[Any, Any, Any]) -> None:
        """Whatever becomes of the process, the person who asked goes on."""
        process = self.process
        with process.inside():
            task = asyncio.create_task(work)
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
        self.observer.look()

    def _clear(self) -> bool:
        try:
            with self.process.inside():
                self.process.station.shutdown.clear(TECHNICIAN, "looked at it")
        except Refused as why:
            self.observer.note("operator", f"cannot clear the stop: {why}")
            return False
        self._clears += 1
        self.observer.note("operator", "clears the stop")
        self.observer.look()
        return True

    # --- faults ----------------------------------------------------------------------------------------------------------

    async def _break(self, strike: Strike, began_s: float) -> None:
        await self._until_s(began_s + strike.at_s)
        powered = frozenset(lamp for lamp in self.scene.lamps if self.hardware.truth(lamp).powered)
        struck = Struck(strike, self.now_s, powered)
        match strike.kind.name:
            case "kill" | "power cut":
                if not self.process.alive:
                    return
                self._begin(struck)
                self._doom()
                await asyncio.shield(asyncio.create_task(self._die(strike)))
            case "crash at start":
                if not self.process.alive:
                    return
                self._begin(struck)
                self._doom()
                await asyncio.shield(asyncio.create_task(self._stumble(float(strike.params["seconds"]))))
            case "fever":
                self._begin(struck)
                while self.breakage.warm_up(strike.target):  # noqa: ASYNC110
                    await asyncio.sleep(1.0)
            case "stall":
                if not self.process.alive:
                    return
                self._begin(struck)
                self.process.block(float(strike.params["seconds"]))
            case _:
                if any(
                    _same_place(strike, other.strike) and other.mended_at_s is None and not other.strike.kind.once
                    for other in self.observer.trace.struck
                ):
                    return  # one fault at a time in one place, so that mending one does not mend another
                self._begin(struck)
                self._change(lambda: self.breakage.strike(strike))
                if strike.kind.once:
                    struck.mended_at_s = self.now_s
                elif strike.lasts_s is not None:
                    await asyncio.sleep(strike.lasts_s)
                    self._mend(struck)

    def _begin(self, struck: Struck) -> None:
        self.observer.trace.struck.append(struck)
        self.observer.note("fault", str(struck.strike))

    def _mend(self, struck: Struck) -> None:
        self._change(lambda: self.breakage.mend(struck.strike))
        struck.mended_at_s = self.now_s
        self.observer.note("fault", f"{struck.strike.kind.name} {struck.strike.target} is over")

    def _change(self, what: Callable[[], None]) -> None:
        before = {lamp: self.observer.committed_j_cm2(lamp) for lamp in self.scene.lamps}
        what()
        self.observer.moved(before)
        if self.process.alive:
            self.breakage.into(self.process)

    def _doom(self) -> None:
        """From here on it counts as dead: nobody kills it twice, and nobody asks it anything."""
        self.observer.look()
        self.process.alive = False

    async def _die(self, strike: Strike) -> None:
        """Whoever gave up waiting for it, the end and the new start come."""
        await self._kill(power_cut=strike.kind.name == "power cut")
        await self._back_after(float(strike.params["seconds"]))

    async def _back_after(self, down_s: float) -> None:
        await asyncio.sleep(down_s)
        await self._start(orderly=False)

    async def _stumble(self, after_s: float) -> None:
        """The process dies; so does the next on its way to the light; a third does not."""
        await self._kill()
        await Process.stillborn(self.hardware, self.scene.config, self.state_dir, self.clock, after_s)
        self.observer.note("controller", f"died {after_s:g} s after its start")
        await self._back_after(0.1)

    # --- liveness phase --------------------------------------------------------------------------------------------------

    async def _liveness(self) -> None:
        """Everything is mended; people do what the station asks of them. Then each lamp gives a treatment."""
        self._calibrated_anew = True
        for struck in self.observer.trace.struck:
            if struck.mended_at_s is None and not struck.strike.kind.once:
                self._mend(struck)
        await self._until(lambda: self.process.alive, RESTARTED_WITHIN_S)
        if not self.process.station.journal.writable:
            await self._close()
            await self._start(orderly=True)
        await asyncio.sleep(RESTS_S)
        for lamp in self.scene.lamps:
            session = self.process.station.lamps[lamp].session
            if session is not None and session.running:
                self._ask(session, "end")
        await self._clear_trips()
        give_up_s = self.now_s + CLEARED_WITHIN_S
        while self.process.station.shutdown.latch is not None and not self._clear():
            if self.now_s > give_up_s:
                self.observer.wrong("liveness", "the stop cannot be cleared though everything is mended")
                return
            await asyncio.sleep(1.0)
        await asyncio.gather(*(self._prove(lamp) for lamp in self.scene.lamps))

    async def _clear_trips(self) -> None:
        for name in dict.fromkeys(device_of(ref) for ref in self.scene.cutoffs.values()):
            twin = self.hardware.devices[name].twin
            if not isinstance(twin, TmR5) or not twin.tripped[0]:
                continue
            self.observer.note("operator", f"clears the trip of {name}")
            try:
                with self.process.inside():
                    await self.process.station.act(name, "clear-trip", TECHNICIAN, "the host had fallen silent")
            except (BusError, DeviceFault, Refused) as why:
                self.observer.wrong("liveness", f"the trip of {name} cannot be cleared: {why}")

    async def _prove(self, lamp: str) -> None:
        """A new treatment is possible, within bounds; a lamp that is still warm may be refused a few times."""
        session, controlled = None, self.process.station.lamps[lamp]
        _, irradiance = self.scene.irradiances(lamp, 0.0, PROOF_MW_CM2)
        for _ in range(PROOF_TRIES):
            await self._until(lambda: not controlled.busy, CLEARED_WITHIN_S + COOLED_WITHIN_S)
            await self._until(
                lambda: (controlled.equipment.instruments.irradiance.value or 0.0) < COOL_MW_CM2, COOLED_WITHIN_S
            )
            session = await self._order(lamp, PROOF_J_CM2, irradiance)
            if session is not None and await self._ready(session):
                self._ask(session, "start")
                await self._attend(session, PROOF_WITHIN_S)
            if session is not None and session.ending and session.ending.outcome is Outcome.COMPLETED:
                return
            await asyncio.sleep(COOLED_S)
        ending = session.ending if session else None
        self.observer.wrong("liveness", f"lamp {lamp} gives no treatment though everything is mended: {ending}")

    # --- the end ---------------------------------------------------------------------------------------------------------

    async def _close(self) -> None:
        self.observer.look()
        await self.process.close()
        self.observer.died()

    async def _end(self) -> None:
        trace = self.observer.trace
        await self._close()
        await asyncio.sleep(5.0)
        for lamp in self.scene.lamps:
            self.observer.settle(lamp, self.observer.committed_j_cm2(lamp), self.now_s)
        trace.end_s = self.now_s
        trace.powered = {lamp: self.hardware.truth(lamp).on_intervals for lamp in self.scene.lamps}
        current = self.state_dir / "journal.jsonl"
        files = [*(part.path for part in segments.closed(current)), current]
        trace.journal = b"".join(file.read_bytes() for file in files)
        trace.events = list(segments.parse(trace.journal.splitlines()))

    async def _until_s(self, when_s: float) -> None:
        await asyncio.sleep(max(0.0, when_s - self.now_s))

    async def _until(self, condition: Callable[[], bool], within_s: float) -> None:
        """A person looks again and again, and gives up."""
        give_up_s = self.now_s + within_s
        while not condition() and self.now_s < give_up_s:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)


def _same_place(one: Strike, other: Strike) -> bool:
    """Devices change places one pair at a time: two exchanges do not come apart in any order."""
    return one.target == other.target or (one.kind.name == other.kind.name == "wrong device")
