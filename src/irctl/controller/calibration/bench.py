"""Light with nobody under the lamp: leased and fed by the lamp's own task as in a treatment, and dark at anything unexpected.

Calibrating and checking stand on it. What they read is read together at each look, so that a reading and its monitor are of one moment.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import NoReturn

from irctl.bus.errors import BusError
from irctl.controller.light.equipment import Equipment
from irctl.controller.light.output import Evidence
from irctl.controller.light.readings import Latest
from irctl.devices.roles import DeviceFault, OutputState, Radiometer

LOOK_MAX_S = 0.75
"""Nobody waits longer for a silent device: half of what makes a reading stale, as in a treatment."""
FOLLOWS_S = 2.0
"""After it was lit or dimmed an output has this long to read back as told: a dimmer's ramp, and a look."""


class BenchEnded(Exception):
    """The light may not go on. The text says why, for people."""


@dataclass
class Bench:
    """One lamp lit for measuring. `meter`: a reference on a line that is read with everything else."""

    equipment: Equipment
    meter: Radiometer | None = None
    reference: Latest[float] = field(default_factory=Latest[float])
    """What the meter says, mW/cm² as it shows it."""
    ended: str | None = None
    """Why the light may not go on, whoever asked."""
    level_pct: float | None = None
    lit_s: float = 0.0
    """With light, up to the last dark."""
    starts: int = 0
    _lit_since_s: float = 0.0
    _lit_or_dimmed_s: float = 0.0
    _renewed_s: float = float("-inf")
    _looking: asyncio.Task[None] | None = None

    @property
    def given_s(self) -> float:
        """With light, up to now."""
        return self.lit_s + (0.0 if self.level_pct is None else self._now_s() - self._lit_since_s)

    async def light(self, level_pct: float) -> None:
        """From now on this level. Raises BenchEnded."""
        await self.look()
        output, now_s = self.equipment.output, self._now_s()
        try:
            if self.level_pct is None:
                await output.arm()
                self.starts += 1
                self._lit_since_s = self._now_s()
            await output.renew(level_pct)
        except (BusError, DeviceFault) as error:
            self._end(f"{self.equipment.info.emitter}: {error}")
        self.level_pct, self._lit_or_dimmed_s, self._renewed_s = level_pct, now_s, now_s

    async def tick(self) -> None:
        """Sleep a tick, look, and renew what is lit: the only place where this light is kept. Raises BenchEnded."""
        await asyncio.sleep(self.equipment.info.tick_s)
        await self.look()
        if self.level_pct is None:
            return
        try:
            await self.equipment.output.renew(self.level_pct)
            self._renewed_s = self._now_s()
        except BusError as error:  # one lost frame ends nothing: the lease still runs
            if self._now_s() - self._renewed_s > self.equipment.output.lease_s - self.equipment.info.tick_s:
                self._end(f"{self.equipment.info.emitter}: {error}")
        except DeviceFault as error:
            self._end(f"{self.equipment.info.emitter}: {error}")

    async def look(self) -> None:
        """Read everything, and judge. Raises BenchEnded."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._read_all())
        await asyncio.wait({self._looking}, timeout=LOOK_MAX_S)
        if self._looking.done():
            looked, self._looking = self._looking, None
            looked.result()
        self.equipment.heed_stop_contacts()
        if (why := self.ended or self._forbidden()) is not None:
            self._end(why)

    async def dark(self) -> Evidence:
        """OFF, verified. Never raises for a silent device; a lamp that cannot be verified dark stops the station."""
        equipment = self.equipment
        evidence = await equipment.output.darken(self._now_s())
        if self.level_pct is not None:
            self.lit_s += self._now_s() - self._lit_since_s
            self.level_pct = None
        if evidence.verified_dark_s is None:
            equipment.alarm(equipment.not_dark())
            equipment.stop_station(f"lamp {equipment.name}", equipment.not_dark().text)
        return evidence

    async def close(self) -> None:
        """Dark, the fail-safes at rest, and the light that was given counted in the lamp's hours."""
        await self.dark()
        if self._looking is not None:
            self._looking.cancel()
        await self.equipment.output.release()
        if self.starts:
            info = self.equipment.info
            lit_s = round(self.lit_s, 1)
            self.equipment.journal.write(
                "bench.lit", lamp=self.equipment.name, serial=info.serial, lit_s=lit_s, starts=self.starts
            )

    async def _read_all(self) -> None:
        asks = [self.equipment.instruments.read(), self.equipment.output.observe()]
        if self.meter is not None:
            asks.append(self.reference.refresh(self.meter.irradiance_mw_cm2))
        await asyncio.gather(*asks)

    def _end(self, why: str) -> NoReturn:
        """During a stop whatever else fails is only its echo."""
        stopped = self.equipment.stopped()
        self.ended = why if stopped is None else f"the station is stopped: {stopped}"
        raise BenchEnded(self.ended)

    def _forbidden(self) -> str | None:
        """What stands against light now: unknown is as bad as wrong."""
        equipment, now_s = self.equipment, self._now_s()
        stale_s, instruments = equipment.envelope.stale_s, equipment.instruments
        if (stopped := equipment.stopped()) is not None:
            return stopped
        if not equipment.journal.writable:
            return f"the journal cannot be written: {equipment.journal.failure}"
        for lock in instruments.interlocks:
            if (closed := lock.latest.fresh(now_s, stale_s)) is not True:
                return f"interlock {lock.name!r} is {'open' if closed is False else 'unknown'}"
        if self.meter is not None and self.reference.fresh(now_s, stale_s) is None:
            return f"no reading of the meter: {self.reference.problem}"
        if instruments.radiometer is not None and instruments.irradiance.fresh(now_s, stale_s) is None:
            return f"no reading of the lamp's radiometer: {instruments.irradiance.problem}"
        return self._too_hot(now_s) or self._disobeyed(now_s)

    def _too_hot(self, now_s: float) -> str | None:
        limit_c, housing = self.equipment.envelope.housing_c_max, self.equipment.instruments.housing_c
        if self.equipment.instruments.housing is None or limit_c is None:
            return None
        housing_c = housing.fresh(now_s, self.equipment.envelope.stale_s)
        if housing_c is None:
            return f"the housing's temperature is unknown: {housing.problem}"
        return None if housing_c < limit_c else f"the lamp's housing is at {housing_c:.0f} °C (limit {limit_c:g})"

    def _disobeyed(self, now_s: float) -> str | None:
        """Lit, the outputs must say so."""
        if self.level_pct is None or now_s - self._lit_or_dimmed_s < FOLLOWS_S:
            return None
        output, stale_s = self.equipment.output, self.equipment.envelope.stale_s
        told: list[tuple[str, Latest[OutputState]]] = [("emitter", output.state)]
        if output.cutoff is not None:
            told.append(("cut-off", output.cutoff_state))
        for name, latest in told:
            state = latest.fresh(now_s, stale_s)
            if state is None:
                return f"the {name} does not answer: {latest.problem}"
            if not state.on or state.tripped or state.rebooted:
                return f"the {name} went off by itself (fail-safe, restart or fault)"
        return None

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()
