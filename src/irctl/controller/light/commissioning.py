"""Commissioning: before anybody is treated, a technician measures on the real devices, with nobody under the lamp, what the station file claims.

Each step is written into the journal as it ends; the last event is the evidence, bound to the devices' identities and to the part of the station file that
matters. A signed checkpoint follows it. What only people can see (that the lamp itself is dark) is asked of the technician by the command line.
The steps are in `procedure`, how a fail-safe is measured in `dropout`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from irctl.bus.errors import BusError
from irctl.controller.config import StationFile
from irctl.controller.journal.journal import Journal
from irctl.controller.light.dropout import NotAsClaimed, spoken
from irctl.controller.light.equipment import Equipment
from irctl.controller.light.place import Place
from irctl.controller.light.procedure import Procedure, Step, told
from irctl.devices.roles import DeviceFault, Identity
from irctl.domain.chain import Event
from irctl.domain.problems import Problem

IGNORED = {"title", "limits", "calibration", "attendance", "idle_s", "upkeep"}
"""Parts of a lamp's section that change nothing about how it goes dark."""


def configuration(file: StationFile, lamp: str) -> str:
    """The hash of everything in the station file that decides how this lamp is lit and darkened, and of which lamps share its lines."""
    section = file.lamps[lamp]
    interlocks = {name: file.interlocks[name] for name in (*section.interlocks, *file.stop.contacts)}
    devices = file.devices_of(lamp)
    lines = sorted({file.devices[device].line for device in devices})
    told = {
        "lamp": section.model_dump(mode="json", exclude=IGNORED),
        "interlocks": interlocks,
        "devices": {name: file.devices[name].model_dump(mode="json") for name in devices},
        "lines": {name: file.lines[name].model_dump(mode="json") for name in lines},
        "lamps": {name: file.lamps_on(name) for name in lines},
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

    def differs(self, found: Mapping[str, Identity]) -> str | None:
        """Why what answers (role -> identity) is not what was commissioned."""
        evidence = self.evidence
        if not self.required or evidence is None:
            return None
        known = evidence["identities"]
        others = [
            f"the {spoken(role)} is {told(one)}, and {known.get(role)} was"
            for role, one in found.items()
            if known.get(role) != told(one)
        ]
        return f"{'; '.join(others)} commissioned" if others else None


@dataclass
class Commissioning:
    """One run of the procedure on one lamp; the lamp's own task runs it."""

    equipment: Equipment
    places: Mapping[str, Place]
    configuration: str
    by: str
    steps: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    now: str = "beginning"
    done: bool = False

    def __post_init__(self) -> None:
        self.procedure = Procedure(self.equipment, self.places)
        self._planned = self.procedure.steps()

    @property
    def ok(self) -> bool:
        return self.done and self.aborted is None and all(step["ok"] for step in self.steps)

    @property
    def aborted(self) -> str | None:
        return self.procedure.aborted

    def view(self) -> Mapping[str, Any]:
        return {
            "lamp": self.equipment.name,
            "by": self.by,
            "planned": [step.name for step in self._planned],
            "about_s": sum(step.about_s for step in self._planned),
            "level_pct": self.procedure.level_pct,
            "lease_s": self.equipment.output.lease_s,
            "cutoff_lease_s": self.equipment.output.cutoff_lease_s if self.equipment.output.cutoff else None,
            "steps": self.steps,
            "now": self.now,
            "doing": self.procedure.doing,
            "done": self.done,
            "ok": self.ok,
            "aborted": self.aborted,
            **self.procedure.found.as_dict(),
        }

    def abort(self, by: str) -> None:
        """End it before its next light; a silence that is being measured is waited for, seconds at most. A stop ends it at once."""
        if not self.done and self.aborted is None:
            self.procedure.aborted = f"aborted by {by}"

    async def run(self) -> None:
        """Every step that applies; the first that fails is the last. Dark before, between and after."""
        self._write("commissioning.started", by=self.by)
        output = self.equipment.output
        try:
            for step in self._planned:
                self.now, self.procedure.doing = step.name, ""
                await self._take(step)
                if not self.steps[-1]["ok"]:
                    break
        finally:
            await output.darken(self._now_s())
            self.now, self.procedure.doing, self.done = "done", "", True
            self._write(
                "commissioning.completed",
                by=self.by,
                ok=self.ok,
                aborted=self.aborted,
                configuration=self.configuration,
                steps=[step["step"] for step in self.steps],
                **self.procedure.found.as_dict(),
            )
        await output.release()

    async def _take(self, step: Step) -> None:
        try:
            text, ok = await step.run(), True
        except (BusError, DeviceFault, NotAsClaimed) as error:
            text, ok = str(error), False
        evidence = await self.equipment.output.darken(self._now_s())
        if evidence.verified_dark_s is None:
            text, ok = f"{text}; and it could not be verified dark", False
        self.steps.append({"step": step.name, "ok": ok, "text": text})
        self._write("commissioning.step", step=step.name, ok=ok, text=text)

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def _write(self, event: str, **fields: Any) -> None:
        self.equipment.journal.write(event, lamp=self.equipment.name, **fields)
