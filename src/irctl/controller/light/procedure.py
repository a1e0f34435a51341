"""The steps of commissioning a lamp, in order. Each makes something happen and says what it found, or that it is not as claimed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from irctl.bus.bus import Priority
from irctl.bus.errors import ExceptionReply, NoReply, WrongReply
from irctl.bus.modbus import ReadHolding, WriteCoil
from irctl.bus.request import AnyRequest
from irctl.controller.light.dropout import ARMING_S, NotAsClaimed, Subject, measure, spoken
from irctl.controller.light.equipment import Equipment
from irctl.controller.light.place import Place
from irctl.devices.roles import Cutoff, Emitter, FailSafe, Identity, Retrigger

STOPS = 5
"""Times to dark that are measured; the worst counts."""
SETTLED_S = 1.5
"""After light or OFF, until a lamp and a dimmer's ramp have followed."""
DARK_SHARE = 0.5
"""The radiometer has fallen at least to this share when the cut-off alone has cut the light; it lags by seconds."""
SEEN_MIN_MW_CM2 = 3.0
"""Less light than this above the dark reading proves nothing when it goes."""
KEPT_ON_PER_LEASE = 3

HARM = {
    Retrigger.RESTART: "its time starts anew with each renewal",
    Retrigger.IGNORE: "renewals are ignored while it is on, so the light would end in the middle",
    Retrigger.EXTEND: "each renewal adds to its time, so the light would outlast its lease",
}


def told(identity: Identity) -> dict[str, str | None]:
    return {"model": identity.model, "serial": identity.serial, "firmware": identity.firmware}


@dataclass(frozen=True, slots=True)
class Step:
    """`about_s`: how long it takes when all is as claimed."""

    name: str
    about_s: float
    run: Callable[[], Awaitable[str]]


@dataclass
class Found:
    """What the steps have found so far: the substance of the evidence."""

    identities: dict[str, dict[str, str | None]] = field(default_factory=dict[str, dict[str, str | None]])
    echo: dict[str, bool] = field(default_factory=dict[str, bool])
    """Line -> whether it returns our own bytes. Only a line whose `local_echo` says so may."""
    broadcast: dict[str, bool] = field(default_factory=dict[str, bool])
    """Role -> whether one OFF to everybody darkened it; only those that declare such a frame."""
    feeds: dict[str, dict[str, bool]] = field(default_factory=dict[str, dict[str, bool]])
    """Role -> frame kind (renewal, read, others) -> whether it prolongs the light."""
    retrigger: dict[str, str] = field(default_factory=dict[str, str])
    """Role of a timed output -> what renewing it does."""
    line_worst_s: dict[str, float] = field(default_factory=dict[str, float])
    """Line -> its computed worst-case time-to-dark, seconds."""
    figures: dict[str, float] = field(default_factory=dict[str, float])
    """Measured, seconds."""
    dropped_s: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    """Role -> seconds after its last renewal: not before, and by."""

    def as_dict(self) -> dict[str, Any]:
        figures: dict[str, Any] = {name: round(value, 4) for name, value in self.figures.items()}
        for role, between_s in self.dropped_s.items():
            figures[f"{role}_dropped_s"] = [round(value, 4) for value in between_s]
        return {
            "identities": self.identities,
            "echo": self.echo,
            "broadcast": self.broadcast,
            "feeds": self.feeds,
            "retrigger": self.retrigger,
            "line_worst_s": {line: round(value, 4) for line, value in self.line_worst_s.items()},
            "figures": figures,
        }


@dataclass
class Procedure:
    """What is done to one lamp; its own task does it. `places`: where the emitter and, if fitted, the cut-off hang."""

    equipment: Equipment
    places: Mapping[str, Place]
    found: Found = field(default_factory=Found)
    aborted: str | None = None
    doing: str = ""
    """More exactly than the step's name."""

    def steps(self) -> list[Step]:
        """Every step that applies. The fail-safes come late: some devices latch their trip until a person clears it."""
        cutoff = self.equipment.output.cutoff
        steps = [
            Step("no echo, no unknown device", 0.6 * len(self._lines()), self._no_echo),
            Step("identity", 0.3, self._identity),
            Step("fail-safes armed and read back", ARMING_S, self._armed),
            Step("OFF reads back", SETTLED_S + ARMING_S, self._off_reads_back),
        ]
        if told_at_once := self._broadcasting():
            steps.append(Step("one OFF to everybody", len(told_at_once) * (SETTLED_S + ARMING_S), self._broadcast_off))
        steps.append(Step("time to dark", STOPS * (SETTLED_S + ARMING_S), self._times_to_dark))
        subjects = {subject.role: subject for subject in self._subjects()}
        if emitter := subjects.get("emitter"):
            steps.append(self._fail_safe_step(emitter, "the emitter's fail-safe ends the light"))
        if cutoff is not None:
            steps.append(Step("the cut-off alone ends the light", 3 * self._patience_s(), self._cutoff_alone))
        if lapsing := subjects.get("cutoff"):
            steps.append(self._fail_safe_step(lapsing, "the cut-off's fail-safe opens it"))
        steps.append(Step("no other lamp keeps this one alight", 0.0, self._nobody_else))
        return steps

    # --- lines and devices -----------------------------------------------------------------------------------------------

    async def _no_echo(self) -> str:
        """An echo would acknowledge every write. A question to nobody must stay unanswered, and so must an OFF."""
        for place in self._lines():
            await self._unanswered(place, ReadHolding(place.unused, 0, 1))
            await self._unanswered(place, WriteCoil(place.unused, 0, False))
            self.found.echo[place.line.name] = place.own_echo
        if not self.found.echo:
            return "no Modbus line: a network echoes nothing, and on a line of text an echo shows in every answer"
        return "; ".join(
            f"{line}: " + ("only the adapter's own echo, as declared" if echo else "silent")
            for line, echo in self.found.echo.items()
        )

    async def _unanswered(self, place: Place, request: AnyRequest) -> None:
        with suppress(ExceptionReply, WrongReply):
            try:
                await place.line.transact(request, Priority.BACKGROUND)
            except NoReply:
                return
        raise NotAsClaimed(
            f"line {place.line.name}: unit {place.unused} is in no station file, yet {request} to it was answered: "
            "the line echoes, or a device is there that must be listed or removed"
        )

    async def _identity(self) -> str:
        self.found.identities |= {role: told(found) for role, found in (await self.equipment.output.identify()).items()}
        return "; ".join(
            f"{spoken(role)}: " + ", ".join(value for value in found.values() if value)
            for role, found in self.found.identities.items()
        )

    async def _armed(self) -> str:
        output = self.equipment.output
        await output.arm()
        return f"{self.equipment.info.fail_safe}, {output.lease_s:g} s" + (
            f"; cut-off {output.cutoff.lease.fail_safe}, {output.cutoff_lease_s:g} s" if output.cutoff else ""
        )

    # --- OFF -------------------------------------------------------------------------------------------------------------

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

    async def _broadcast_off(self) -> str:
        """Nobody acknowledges a broadcast: it is seen in what reads back dark. Not obeyed is no fault: addressed OFFs always follow."""
        said: list[str] = []
        for role, channel in self._broadcasting().items():
            place = self.places[role]
            if busy := place.in_use_by:
                said.append(f"{spoken(role)}: not tried, lamp {busy[0]} is in use on its line")
                continue
            await self._light(SETTLED_S)
            off = channel.broadcast_off()
            assert off is not None
            await place.line.transact(off, Priority.STOP)
            obeyed = not (await channel.observe()).on
            await self._allowed()
            self.found.broadcast[role] = obeyed
            said.append(
                f"{spoken(role)}: " + ("obeyed" if obeyed else "not obeyed; `broadcast = false` would save its time")
            )
            await self.equipment.output.darken(self._now_s())
        return "; ".join(said)

    async def _times_to_dark(self) -> str:
        output, found = self.equipment.output, self.found
        times_s: list[float] = []
        obeyed_s: list[float] = []
        for _ in range(STOPS):
            await self._light(SETTLED_S)
            evidence = await output.darken(self._now_s())
            if evidence.verified_dark_s is None or evidence.acknowledged_s is None:
                raise NotAsClaimed("once the emitter did not acknowledge OFF, or could not be verified dark")
            times_s.append(evidence.verified_dark_s)
            obeyed_s.append(evidence.acknowledged_s)
        found.line_worst_s = {place.line.name: place.worst_s for place in self.places.values()}
        worst_s, bound_s = max(times_s), self.places["emitter"].worst_s
        found.figures |= {"off_worst_s": max(obeyed_s), "dark_worst_s": worst_s, "dark_median_s": median(times_s)}
        if max(obeyed_s) > bound_s:
            raise NotAsClaimed(
                f"OFF took {1000 * max(obeyed_s):.0f} ms to be acknowledged; the line was computed to need {1000 * bound_s:.0f} ms "
                "at worst: check baud rate, format and the devices' time-outs"
            )
        if worst_s > output.lease_s:
            raise NotAsClaimed(f"it took {worst_s:.2f} s to go dark, longer than the lease: check the line")
        return (
            f"read back dark after {1000 * worst_s:.0f} ms at worst, median {1000 * median(times_s):.0f} of {STOPS}; "
            f"OFF obeyed within {1000 * max(obeyed_s):.0f} ms, computed worst {1000 * bound_s:.0f}"
        )

    # --- what ends the light by itself -----------------------------------------------------------------------------------

    def _fail_safe_step(self, subject: Subject, name: str) -> Step:
        async def run() -> str:
            return await self._fail_safe(subject)

        return Step(name, subject.about_s, run)

    async def _fail_safe(self, subject: Subject) -> str:
        found, role = await measure(subject), subject.role
        self.found.feeds[role] = found.feeds
        self.found.dropped_s[role] = (found.lit_s, found.off_s)
        text = f"off between {found.lit_s:.2f} and {found.off_s:.2f} s after its last renewal (lease {subject.lease_s:g} s)"
        if found.retrigger is not None:
            self.found.retrigger[role] = found.retrigger
            if found.retrigger is not subject.channel.lease.retrigger:
                raise NotAsClaimed(
                    f"{text}: {HARM[found.retrigger]}; the station file says `retrigger = {subject.channel.lease.retrigger}`, "
                    f"measured is {found.retrigger}. Do not use it"
                )
            text += f"; {HARM[found.retrigger]}"
        return f"{text}; {found.fed_by}"

    async def _cutoff_alone(self) -> str:
        output, radiometer = self.equipment.output, self.equipment.instruments.radiometer
        assert output.cutoff is not None
        patience_s = self._patience_s()
        self.doing = "dark, until the radiometer has forgotten the steps before" if radiometer else "dark"
        await asyncio.sleep(patience_s)
        dark = await radiometer.irradiance_mw_cm2() if radiometer else 0.0
        self.doing = "light, until the radiometer has followed" if radiometer else "light"
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
        self.doing = "cut-off open, emitter still on: the light must go"
        ends_s = self._now_s() + patience_s
        while self._now_s() < ends_s:  # the emitter is kept on: only the cut-off may end this light
            await self._allowed()
            await self._emit()
            await asyncio.sleep(output.lease_s / KEPT_ON_PER_LEASE)
        left = await radiometer.irradiance_mw_cm2() - dark
        if left > DARK_SHARE * shown:
            raise NotAsClaimed(f"the cut-off is open, yet the radiometer still shows {left:.1f} of {shown:.1f} mW/cm²")
        return f"{shown:.1f} mW/cm² fell to {left:.1f} within {patience_s:.0f} s, the emitter still on"

    async def _nobody_else(self) -> str:
        """Each lamp needs one fail-safe that no other lamp's polling feeds: a watchdog that any frame feeds cannot tell two lamps apart."""
        feeds = self.found.feeds
        shared = [role for role in feeds if feeds[role]["others"] and self.places[role].neighbours]
        if feeds and len(shared) == len(feeds):
            place = self.places[shared[0]]
            raise NotAsClaimed(
                f"frames to others feed the {' and the '.join(map(spoken, shared))}, and lamp {place.neighbours[0].name} talks on line {place.line.name}: "
                "its polling would keep this lamp alight. Give this one its own line, or a cut-off with a timed output"
            )
        if shared:
            own = [role for role in feeds if role not in shared]
            return f"frames to others feed the {spoken(shared[0])}; nobody but this lamp feeds the {spoken(own[0])}, which ends the light"
        return "nothing that other lamps send prolongs its light"

    # --- what the steps use ----------------------------------------------------------------------------------------------

    def _lines(self) -> list[Place]:
        """The serial lines its outputs hang on, once each."""
        return list({place.line.name: place for place in self.places.values() if place.serial}.values())

    def _channels(self) -> dict[str, Emitter | Cutoff]:
        output = self.equipment.output
        return {"emitter": output.emitter} | ({"cutoff": output.cutoff} if output.cutoff else {})

    def _broadcasting(self) -> dict[str, Emitter | Cutoff]:
        return {
            role: channel
            for role, channel in self._channels().items()
            if self.places[role].serial and channel.broadcast_off() is not None
        }

    def _subjects(self) -> list[Subject]:
        """The outputs with a fail-safe, each with the other one of its lamp."""
        output = self.equipment.output
        subjects: list[Subject] = []
        for role, channel in self._channels().items():
            if channel.lease.fail_safe is FailSafe.NONE:
                continue
            of_emitter = role == "emitter"
            keep_s = output.cutoff_lease_s if of_emitter and output.cutoff else output.lease_s
            subjects.append(
                Subject(
                    role=role,
                    channel=channel,
                    lease_s=output.lease_s if of_emitter else output.cutoff_lease_s,
                    place=self.places[role],
                    light=self._lit,
                    renew=self._emit if of_emitter else self._close,
                    keep_other=self._close if of_emitter else self._emit,
                    rest_other=self._rest_cutoff if of_emitter else self._rest_emitter,
                    keep_other_every_s=keep_s / KEPT_ON_PER_LEASE,
                    allowed=self._allowed,
                    say=self._say,
                )
            )
        return subjects

    def _say(self, text: str) -> None:
        self.doing = text

    def _patience_s(self) -> float:
        radiometer = self.equipment.instruments.radiometer
        return SETTLED_S + (2 * radiometer.response_s if radiometer else 0.0)

    @property
    def level_pct(self) -> float:
        """The lowest level that is calibrated, or that the emitter can hold."""
        lowest_pct, calibration = self.equipment.output.emitter.level_min_pct, self.equipment.calibration
        return lowest_pct if calibration is None else max(lowest_pct, calibration.level_min_pct)

    async def _emit(self) -> None:
        output = self.equipment.output
        await output.emitter.emit(self.level_pct, output.lease_s)

    async def _close(self) -> None:
        output = self.equipment.output
        if output.cutoff is not None:
            await output.cutoff.close(output.cutoff_lease_s)

    async def _rest_cutoff(self) -> None:
        if (cutoff := self.equipment.output.cutoff) is not None:
            await cutoff.open()
            await cutoff.release()

    async def _rest_emitter(self) -> None:
        await self.equipment.output.emitter.dark()
        await self.equipment.output.emitter.release()

    async def _lit(self) -> None:
        """Dark first: what has tripped forgets it, and a time that is running is not renewed by accident."""
        await self.equipment.output.darken(self._now_s())
        await self._light(0.0)

    async def _light(self, for_s: float) -> None:
        """Armed, lit at the lowest level, and kept lit as any light is: by one task, while nothing forbids it."""
        output = self.equipment.output
        await self._allowed()
        await output.arm()
        await output.renew(self.level_pct)
        ends_s = self._now_s() + for_s
        while (left_s := ends_s - self._now_s()) > 0:
            await asyncio.sleep(min(left_s, output.lease_s / 4))
            await self._allowed()
            await output.renew(self.level_pct)

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
