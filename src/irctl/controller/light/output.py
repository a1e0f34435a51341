"""The light path of one lamp: its emitter and, where fitted, the cut-off. Leases go in here; so does every way to dark."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from math import floor
from typing import Any

from irctl.bus.bus import Priority
from irctl.bus.errors import BusError, Preempted
from irctl.controller.light.readings import Latest
from irctl.devices.roles import Cutoff, DeviceFault, Emitter, Identity, OutputState
from irctl.tally import Tally

RETRY_PAUSE_S = 0.02
"""Between two attempts at dark when the line itself refuses at once."""
AFTER_OTHERS_S = 0.25
"""A silent unit whose OFF was not waited for is told again when the answering units of its line have had theirs."""
LEVEL_EPSILON = 1e-6
"""So that a level of 44.9999999 %, found by root search, counts as 45."""
DARK_PATIENCE_S = 1.0
"""How much longer than its lease an emitter is asked to confirm dark before that is called a failure."""
AFTER_CUTOFF_S = 1.5
"""Once the cut-off is seen open the emitter gets this long to confirm too: a dimmer ramps down for a second."""
MARGINS_S = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 3.0, 5.0)
"""The first is a lease that ran out. Finest below two seconds, which most leases are."""
DARKENINGS_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
CUTOFF_RENEWALS_PER_LEASE = 3
"""A cut-off's lease is renewed this often within its time, so that one lost frame does not open it."""


@dataclass(slots=True)
class Evidence:
    """What is known about going dark. Seconds since the decision; None: did not happen."""

    off_sent_s: float | None = None
    acknowledged_s: float | None = None
    verified_dark_s: float | None = None
    by: str | None = None

    def verify(self, at_s: float, by: str) -> None:
        if self.verified_dark_s is None:
            self.verified_dark_s, self.by = at_s, by

    def take(self, other: Evidence) -> None:
        """Another caller's attempt served for this one too."""
        if other is not self:
            self.off_sent_s = self.off_sent_s if self.off_sent_s is not None else other.off_sent_s
            self.acknowledged_s, self.verified_dark_s, self.by = other.acknowledged_s, other.verified_dark_s, other.by

    def as_dict(self) -> dict[str, Any]:
        times = (self.off_sent_s, self.acknowledged_s, self.verified_dark_s)
        sent, acknowledged, verified = (None if t is None else round(t, 4) for t in times)
        return {"off_sent_s": sent, "acknowledged_s": acknowledged, "verified_dark_s": verified, "by": self.by}


@dataclass
class Output:
    """Emission leased and taken back. `state` is the emitter's last read-back, `cutoff_state` the cut-off's."""

    emitter: Emitter
    lease_s: float
    cutoff: Cutoff | None = None
    cutoff_lease_s: float = 0.0
    emitter_line: str = ""
    state: Latest[OutputState] = field(default_factory=Latest[OutputState])
    cutoff_state: Latest[OutputState] = field(default_factory=Latest[OutputState])
    level_pct: float | None = None
    """The level last leased; None when dark was last asked for."""
    renewed_at_s: float = 0.0
    """When the running lease was asked for."""
    went_dark_s: float | None = None
    """When OFF was first known to be obeyed since then; None while it is not."""
    _cutoff_renewed_at_s: float = float("-inf")
    identities: dict[str, Identity] = field(default_factory=dict[str, Identity])
    """By role, as they said when they were asked last."""
    _darkening: asyncio.Task[Evidence] | None = None
    margins: Tally = field(default_factory=lambda: Tally(MARGINS_S))
    """What was left of the lease, seconds, when the emitter had taken the next one; 0 where it had run out."""
    darkenings: Tally = field(default_factory=lambda: Tally(DARKENINGS_S))
    """From the decision until a lamp that had been leased read back dark, seconds."""
    unverified: int = 0
    """Attempts at dark that nothing has confirmed in their time."""

    @property
    def verified_dark(self) -> bool:
        """Whether the last read-back says dark, and nothing was leased since."""
        emitter_off = self.state.value is not None and self.state.problem is None and not self.state.value.on
        cutoff_off = (
            self.cutoff_state.value is not None and self.cutoff_state.problem is None and not self.cutoff_state.value.on
        )
        return self.level_pct is None and (emitter_off or cutoff_off)

    def level_below(self, level_pct: float) -> float:
        """The highest level the emitter can hold that is not above this one; 0 where there is none."""
        step = self.emitter.level_step_pct
        level = step * floor(level_pct / step + LEVEL_EPSILON)
        return level if level >= self.emitter.level_min_pct else 0.0

    def verified_lit(self, now_s: float, stale_s: float) -> bool:
        """Whether everything in the light path reads back as on, and did so just now."""
        outputs = [self.state] if self.cutoff is None else [self.state, self.cutoff_state]
        seen = [output.fresh(now_s, stale_s) for output in outputs if output.problem is None]
        return len(seen) == len(outputs) and all(one is not None and one.on and not one.tripped for one in seen)

    async def identify(self) -> dict[str, Identity]:
        """Who the emitter and, where fitted, the cut-off say they are, by role. Raises BusError, DeviceFault."""
        found = {"emitter": await self.emitter.identify()}
        if self.cutoff is not None:
            found["cutoff"] = await self.cutoff.identify()
        self.identities = found
        return found

    async def arm(self) -> None:
        """Arm and read back every fail-safe. Raises NotArmed, BusError."""
        if self.cutoff is not None:
            await self.cutoff.arm(self.cutoff_lease_s)
        await self.emitter.arm(self.lease_s)

    async def release(self) -> None:
        """The session is over: fail-safes may rest. What cannot be told so keeps counting, which is safe."""
        outputs = [self.emitter] if self.cutoff is None else [self.emitter, self.cutoff]
        for output in outputs:
            with suppress(BusError, DeviceFault):
                await output.release()

    async def renew(self, level_pct: float) -> None:
        """Light at `level_pct` for one more lease. Raises BusError, DeviceFault."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if (
            self.cutoff is not None
            and now - self._cutoff_renewed_at_s >= self.cutoff_lease_s / CUTOFF_RENEWALS_PER_LEASE
        ):
            await self.cutoff.close(self.cutoff_lease_s)
            self._cutoff_renewed_at_s = now
        asked_at, lit = loop.time(), self.level_pct is not None
        self.level_pct, self.went_dark_s = level_pct, None
        await self.emitter.emit(level_pct, self.lease_s)
        if lit:
            self.margins.add(max(0.0, self.renewed_at_s + self.lease_s - loop.time()))
        self.renewed_at_s = asked_at

    async def observe(self, priority: Priority = Priority.POLL) -> None:
        """Read both outputs back; what cannot be read is left to age."""
        asks = [self.state.refresh(self.emitter.observe, priority)]
        if self.cutoff is not None:
            asks.append(self.cutoff_state.refresh(self.cutoff.observe, priority))
        await asyncio.gather(*asks)

    def darken(
        self, since_s: float, evidence: Evidence | None = None, broadcast: asyncio.Future[float | None] | None = None
    ) -> Awaitable[Evidence]:
        """OFF until read back, and the cut-off opened whatever the emitter says. Begins at once; several callers share one attempt.

        `since_s`: loop time of the decision. `evidence` fills as things happen. `broadcast`: an OFF on its way to every unit of the line;
        its result is the seconds until it was sent, None where that failed.
        Never raises for a silent device: then `verified_dark_s` stays None.
        """
        evidence = evidence or Evidence()
        if self._darkening is None or self._darkening.done():
            lit, self.level_pct = self.level_pct is not None, None
            self._cutoff_renewed_at_s = float("-inf")
            broadcast = broadcast if self.emitter.broadcast_off() is not None else None
            self._darkening = asyncio.create_task(self._darken(since_s, evidence, broadcast, lit))
        return self._share(self._darkening, evidence)

    async def _share(self, darkening: asyncio.Task[Evidence], evidence: Evidence) -> Evidence:
        evidence.take(await asyncio.shield(darkening))
        return evidence

    async def keep_dark(self) -> None:
        """OFF and read-back, once: for an idle lamp that is not known to be dark, whose line belongs to the others too."""
        if self._darkening is not None and not self._darkening.done():
            await asyncio.shield(self._darkening)
            return
        evidence, now = Evidence(), asyncio.get_running_loop().time()
        attempts = [self._emitter_told(evidence, now)]
        if self.cutoff is not None:
            attempts.append(self._cutoff_told(self.cutoff, evidence, now))
        await asyncio.gather(*attempts)

    async def _darken(
        self, since_s: float, evidence: Evidence, broadcast: asyncio.Future[float | None] | None, lit: bool
    ) -> Evidence:
        loop = asyncio.get_running_loop()
        attempts = [asyncio.create_task(self._emitter_off(evidence, since_s, broadcast))]
        if self.cutoff is not None:
            attempts.append(asyncio.create_task(self._cutoff_open(self.cutoff, evidence, since_s)))
        pending = set(attempts)
        deadline = loop.time() + self.lease_s + DARK_PATIENCE_S
        while pending and loop.time() < deadline:
            done, pending = await asyncio.wait(
                pending, timeout=deadline - loop.time(), return_when=asyncio.FIRST_COMPLETED
            )
            if done and pending:
                deadline = min(deadline, loop.time() + AFTER_CUTOFF_S)
        for task in pending:
            task.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)
        if evidence.verified_dark_s is None:
            self.unverified += 1
        elif lit:
            self.darkenings.add(evidence.verified_dark_s)
        return evidence

    async def _emitter_off(
        self, evidence: Evidence, since_s: float, broadcast: asyncio.Future[float | None] | None
    ) -> None:
        loop = asyncio.get_running_loop()
        if broadcast is not None:
            evidence.off_sent_s = await asyncio.shield(broadcast)
            # The read-back comes first: it is what proves, and eight units want it soon.
            if evidence.off_sent_s is not None and await self._emitter_reads_dark():
                self._went_dark()
                evidence.verify(loop.time() - since_s, "broadcast")
                return
        while True:
            if await self._emitter_told(evidence, since_s):
                return
            await asyncio.sleep(RETRY_PAUSE_S)

    async def _emitter_told(self, evidence: Evidence, since_s: float) -> bool:
        """OFF once, and whether it then reads dark."""
        loop = asyncio.get_running_loop()
        try:
            if evidence.off_sent_s is None:
                evidence.off_sent_s = loop.time() - since_s
            await self.emitter.dark()
            self._went_dark()
            evidence.acknowledged_s = evidence.acknowledged_s or loop.time() - since_s
            if dark := await self._emitter_reads_dark():
                evidence.verify(loop.time() - since_s, "emitter")
        except (
            Exception
        ) as error:  # a defect of a driver's too: nothing may end the attempts at dark but dark, or their time
            self.state.problem = _told_of(error)
            await _others_first(error)
            return False
        return dark

    def _went_dark(self) -> None:
        if self.went_dark_s is None:
            self.went_dark_s = asyncio.get_running_loop().time()

    async def _emitter_reads_dark(self) -> bool:
        fresh = await self.state.refresh(self.emitter.observe, Priority.STOP)
        return fresh and self.state.value is not None and not self.state.value.on

    async def _cutoff_open(self, cutoff: Cutoff, evidence: Evidence, since_s: float) -> None:
        while True:
            if await self._cutoff_told(cutoff, evidence, since_s):
                return
            await asyncio.sleep(RETRY_PAUSE_S)

    async def _cutoff_told(self, cutoff: Cutoff, evidence: Evidence, since_s: float) -> bool:
        """Open once, and whether it then reads open."""
        try:
            await cutoff.open()
            fresh = await self.cutoff_state.refresh(cutoff.observe, Priority.STOP)
        except Exception as error:  # as for the emitter
            self.cutoff_state.problem = _told_of(error)
            await _others_first(error)
            return False
        opened = fresh and self.cutoff_state.value is not None and not self.cutoff_state.value.on
        if opened:
            self._went_dark()
            evidence.verify(asyncio.get_running_loop().time() - since_s, "cutoff")
        return opened


def _told_of(error: Exception) -> str:
    return str(error) if isinstance(error, BusError | DeviceFault) else repr(error)


async def _others_first(error: Exception) -> None:
    if isinstance(error, Preempted):
        await asyncio.sleep(AFTER_OTHERS_S)
