"""Commissioning: before anybody is treated, a technician measures on the real devices, with nobody under the lamp, what the station file claims.

Each step is written into the journal as it ends; the last event is the evidence, bound to the devices' identities and to the part of the station file that
matters. A signed checkpoint follows it. What only people can see (that the lamp itself is dark) is asked of the technician by the command line.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from statistics import median
from typing import Any

from irctl.bus.errors import BusError
from irctl.controller.config import StationFile
from irctl.controller.equipment import Equipment
from irctl.controller.journal import Journal
from irctl.devices.roles import DeviceFault, FailSafe, Identity
from irctl.domain.chain import Event
from irctl.domain.problems import Problem

STOPS = 5
"""Times to dark that are measured; the worst counts."""
SETTLED_S = 1.5
"""After light or OFF, until a lamp and a dimmer's ramp have followed."""
STILL_LIT_SHARE = 0.6
"""After a silence of this share of its lease a fail-safe must not have acted yet: it counts what it was told to count."""
DROP_MARGIN_S = 1.0
"""After its lease a fail-safe has this long to have acted: its own steps and ramp."""
LOOK_S = 0.1
DARK_SHARE = 0.5
"""The radiometer has fallen at least to this share when the cut-off alone has cut the light; it lags by seconds."""
SEEN_MIN_MW_CM2 = 3.0
"""Less light than this above the dark reading proves nothing when it goes."""
IGNORED = {"title", "limits", "calibration", "attendance", "idle_s", "upkeep"}
"""Parts of a lamp's section that change nothing about how it goes dark."""


class NotAsClaimed(Exception):
    """A step found something else than the station file claims."""


def configuration(file: StationFile, lamp: str) -> str:
    """The hash of everything in the station file that decides how this lamp is lit and darkened."""
    section = file.lamps[lamp]
    refs = (section.emitter, section.cutoff, section.radiometer, section.skin, section.housing)
    interlocks = {name: file.interlocks[name] for name in (*section.interlocks, *file.stop.contacts)}
    devices = sorted({ref.partition(".")[0] for ref in (*refs, *interlocks.values()) if ref is not None})
    told = {
        "lamp": section.model_dump(mode="json", exclude=IGNORED),
        "interlocks": interlocks,
        "devices": {name: file.devices[name].model_dump(mode="json") for name in devices},
        "lines": {n: file.lines[n].model_dump(mode="json") for n in sorted({file.devices[d].line for d in devices})},
    }
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Commissioned:
    """What the journal holds for one lamp."""

    journal: Journal
    lamp: str
    configuration: str
    required: bool
    """In clinical mode. A simulation says in its record that it is one."""

    @property
    def evidence(self) -> Event | None:
        """The last completed commissioning, good or not."""
        done = [e for e in self.journal.events if e["event"] == "commissioning.completed" and e["lamp"] == self.lamp]
        return done[-1] if done else None

    def problems(self) -> list[Problem]:
        """Why this lamp may not be used for treating."""
        evidence, remedy = self.evidence, f"With nobody under it: irctl commission {self.lamp}"
        if not self.required:
            return []
        if evidence is None:
            return [Problem("commissioning", None, f"lamp {self.lamp!r} was never commissioned", remedy)]
        if not evidence["ok"]:
            return [Problem("commissioning", evidence["at"], "did not succeed", remedy)]
        if evidence["configuration"] != self.configuration:
            return [Problem("commissioning", evidence["at"], "was of another configuration of this lamp", remedy)]
        return []

    def differs(self, emitter: Identity) -> str | None:
        """Why the emitter that answers is not the one that was commissioned."""
        evidence = self.evidence
        if not self.required or evidence is None or evidence["identities"]["emitter"] == told(emitter):
            return None
        return f"the emitter is {told(emitter)}, and {evidence['identities']['emitter']} was commissioned"


def told(identity: Identity) -> dict[str, str | None]:
    return {"model": identity.model, "serial": identity.serial, "firmware": identity.firmware}


@dataclass
class Commissioning:
    """One run of the procedure on one lamp; the lamp's own task runs it."""

    equipment: Equipment
    configuration: str
    by: str
    steps: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    now: str = "beginning"
    done: bool = False
    aborted: str | None = None
    identities: dict[str, Any] = field(default_factory=dict[str, Any])
    figures: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def ok(self) -> bool:
        return self.done and self.aborted is None and all(step["ok"] for step in self.steps)

    def view(self) -> Mapping[str, Any]:
        names = ("by", "steps", "now", "done", "ok", "aborted", "identities", "figures")
        return {"lamp": self.equipment.name} | {name: getattr(self, name) for name in names}

    async def run(self) -> None:
        """Every step that applies; the first that fails is the last. Dark before, between and after."""
        self._write("commissioning.started", by=self.by)
        output = self.equipment.output
        steps: list[tuple[str, Callable[[], Awaitable[str]]]] = [
            ("identity", self._identity),
            ("fail-safes armed and read back", self._armed),
            ("OFF reads back", self._off_reads_back),
        ]
        if output.emitter.lease.fail_safe is not FailSafe.NONE:
            steps.append(("the emitter's fail-safe ends the light", self._emitter_alone))
        if output.cutoff is not None:
            steps.append(("the cut-off alone ends the light", self._cutoff_alone))
        steps.append(("time to dark", self._times_to_dark))
        if output.cutoff is not None:  # last: some devices latch the trip until a person clears it
            steps.append(("the cut-off's fail-safe opens it", self._cutoff_lapses))
        try:
            for name, step in steps:
                self.now = name
                await self._step(name, step)
                if not self.steps[-1]["ok"]:
                    break
        finally:
            await output.darken(self._now_s())
            self.now, self.done = "done", True
            self._write(
                "commissioning.completed",
                by=self.by,
                ok=self.ok,
                aborted=self.aborted,
                configuration=self.configuration,
                identities=self.identities,
                figures={name: round(value, 4) for name, value in self.figures.items()},
                steps=[step["step"] for step in self.steps],
            )
        await output.release()

    async def _step(self, name: str, step: Callable[[], Awaitable[str]]) -> None:
        try:
            text, ok = await step(), True
        except (BusError, DeviceFault, NotAsClaimed) as error:
            text, ok = str(error), False
        evidence = await self.equipment.output.darken(self._now_s())
        if evidence.verified_dark_s is None:
            text, ok = f"{text}; and it could not be verified dark", False
        self.steps.append({"step": name, "ok": ok, "text": text})
        self._write("commissioning.step", step=name, ok=ok, text=text)

    # --- steps -----------------------------------------------------------------------------------------------------------

    async def _identity(self) -> str:
        output = self.equipment.output
        self.identities["emitter"] = told(await output.emitter.identify())
        if output.cutoff is not None:
            self.identities["cutoff"] = told(await output.cutoff.identify())
        return "; ".join(
            f"{role}: " + ", ".join(value for value in found.values() if value)
            for role, found in self.identities.items()
        )

    async def _armed(self) -> str:
        output = self.equipment.output
        await output.arm()
        return f"{self.equipment.info.fail_safe}, {output.lease_s:g} s" + (
            f"; cut-off {output.cutoff_lease_s:g} s" if output.cutoff else ""
        )

    async def _off_reads_back(self) -> str:
        await self._light(SETTLED_S)
        evidence = await self.equipment.output.darken(self._now_s())
        if evidence.verified_dark_s is None:
            raise NotAsClaimed("after OFF the lamp does not read back dark: check its output and wiring")
        if (await self.equipment.output.emitter.observe()).on:
            raise NotAsClaimed(
                "after OFF the emitter still reads back as on; only the cut-off is open: check its output"
            )
        return f"dark after {1000 * evidence.verified_dark_s:.0f} ms, by {evidence.by}"

    async def _emitter_alone(self) -> str:
        """Not a frame to the emitter for a while; the cut-off is held closed meanwhile, so that only the emitter can end the light."""
        output = self.equipment.output
        await self._silence(STILL_LIT_SHARE * output.lease_s)
        state = await output.emitter.observe()
        if not state.on:
            share = f"{STILL_LIT_SHARE:.0%} of its lease of {output.lease_s:g} s"
            raise NotAsClaimed(f"the emitter is off after {share}: its fail-safe counts something else")
        await output.darken(self._now_s())
        silence_s = output.lease_s + DROP_MARGIN_S
        await self._silence(silence_s)
        state = await output.emitter.observe()
        if state.on:
            raise NotAsClaimed(
                f"the emitter is still on after {silence_s:g} s of silence: its fail-safe does not act. Do not use it"
            )
        self.figures["emitter_off_within_s"] = silence_s
        said = "and says that it tripped" if state.tripped else "and reads back dark"
        return f"lit after {STILL_LIT_SHARE * output.lease_s:.1f} s of silence; off within {silence_s:.1f} s, {said}"

    async def _silence(self, for_s: float) -> None:
        """Light, and then nothing more to the emitter."""
        output = self.equipment.output
        await self._light(0.0)
        ends_s = self._now_s() + for_s
        while (left_s := ends_s - self._now_s()) > 0:
            await asyncio.sleep(min(left_s, output.cutoff_lease_s / 3 if output.cutoff else left_s))
            if output.cutoff is not None and ends_s > self._now_s():
                await output.cutoff.close(output.cutoff_lease_s)

    async def _cutoff_alone(self) -> str:
        output, radiometer = self.equipment.output, self.equipment.instruments.radiometer
        assert output.cutoff is not None
        patience_s = SETTLED_S + (2 * radiometer.response_s if radiometer else 0.0)
        await asyncio.sleep(patience_s)  # until it has forgotten the steps before
        dark = await radiometer.irradiance_mw_cm2() if radiometer else 0.0
        await self._light(patience_s)
        shown = await radiometer.irradiance_mw_cm2() - dark if radiometer else 0.0
        await output.cutoff.open()
        opened = await output.cutoff.observe()
        if opened.on:
            raise NotAsClaimed("the cut-off reads back closed after it was opened: check it")
        if radiometer is None:
            return "it reads back open; no radiometer sees the light, so the technician's eyes must"
        if shown < SEEN_MIN_MW_CM2:
            raise NotAsClaimed(f"the radiometer shows only {shown:.1f} mW/cm² in the light: nothing to see it go by")
        ends_s = self._now_s() + patience_s
        while self._now_s() < ends_s:  # the emitter is kept on: only the cut-off may end this light
            await output.emitter.emit(self._level_pct(), output.lease_s)
            await asyncio.sleep(output.lease_s / 3)
        left = await radiometer.irradiance_mw_cm2() - dark
        if left > DARK_SHARE * shown:
            raise NotAsClaimed(f"the cut-off is open, yet the radiometer still shows {left:.1f} of {shown:.1f} mW/cm²")
        return f"{shown:.1f} mW/cm² fell to {left:.1f} within {patience_s:.0f} s, the emitter still on"

    async def _cutoff_lapses(self) -> str:
        """The emitter is kept on; nobody renews the cut-off."""
        output = self.equipment.output
        assert output.cutoff is not None
        await self._light(0.0)
        # A second renewal: what re-triggering does shows in when it opens.
        await output.cutoff.close(output.cutoff_lease_s)
        from_s = self._now_s()
        # Where any frame counts as life, to look would be to renew it: then one look, at the end.
        look = output.cutoff.lease.fail_safe is not FailSafe.COMM_WATCHDOG
        latest_s = output.cutoff_lease_s + DROP_MARGIN_S
        while (took_s := self._now_s() - from_s) < latest_s:
            await output.emitter.emit(self._level_pct(), output.lease_s)
            await asyncio.sleep(LOOK_S)
            if look and not (await output.cutoff.observe()).on:
                break
        if (await output.cutoff.observe()).on:
            raise NotAsClaimed(
                f"the cut-off is still closed {latest_s:g} s after its last renewal: its fail-safe does not act"
            )
        self.figures["cutoff_open_after_s"] = took_s
        if took_s < STILL_LIT_SHARE * output.cutoff_lease_s:
            raise NotAsClaimed(
                f"the cut-off opened after {took_s:.1f} s of {output.cutoff_lease_s:g} s: check `retrigger`"
            )
        return f"open {took_s:.1f} s after its last renewal (lease {output.cutoff_lease_s:g} s)"

    async def _times_to_dark(self) -> str:
        times: list[float] = []
        for _ in range(STOPS):
            await self._light(SETTLED_S)
            evidence = await self.equipment.output.darken(self._now_s())
            if evidence.verified_dark_s is None:
                raise NotAsClaimed("once it could not be verified dark")
            times.append(evidence.verified_dark_s)
        self.figures["dark_worst_s"], self.figures["dark_median_s"] = max(times), median(times)
        if max(times) > self.equipment.output.lease_s:
            raise NotAsClaimed(f"it took {max(times):.2f} s to go dark, longer than the lease: check the line")
        return f"worst {1000 * max(times):.0f} ms, median {1000 * median(times):.0f} ms of {STOPS}"

    # --- what every step uses --------------------------------------------------------------------------------------------

    def _level_pct(self) -> float:
        return (
            self.equipment.output.emitter.level_min_pct
            if self.equipment.calibration is None
            else max(self.equipment.output.emitter.level_min_pct, self.equipment.calibration.level_min_pct)
        )

    async def _light(self, for_s: float) -> None:
        """Armed, lit at the lowest level, and kept lit as any light is: by one task, while nothing forbids it."""
        output = self.equipment.output
        await self._allowed()
        await output.arm()
        await output.renew(self._level_pct())
        ends_s = self._now_s() + for_s
        while (left_s := ends_s - self._now_s()) > 0:
            await asyncio.sleep(min(left_s, output.lease_s / 4))
            await self._allowed()
            await output.renew(self._level_pct())

    async def _allowed(self) -> None:
        equipment = self.equipment
        await equipment.instruments.read()
        equipment.heed_stop_contacts()
        now_s, stale_s = self._now_s(), equipment.envelope.stale_s
        closed = [lock.latest.fresh(now_s, stale_s) for lock in equipment.instruments.interlocks]
        why = self.aborted or equipment.stopped() or equipment.journal.failure
        if why is None and not all(state is True for state in closed):
            why = "an interlock is open or unknown"
        if why is not None:
            self.aborted = why
            raise NotAsClaimed(f"ended: {why}")

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def _write(self, event: str, **fields: Any) -> None:
        self.equipment.journal.write(event, lamp=self.equipment.name, **fields)
