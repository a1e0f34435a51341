"""What one lamp consists of, and what it may call on: everything its task and its treatments share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from irctl.controller.journal.journal import Journal
from irctl.controller.journal.memory import Use
from irctl.controller.light.alarms import Alarms
from irctl.controller.light.output import Output
from irctl.controller.light.readings import Instruments
from irctl.devices.roles import Identity
from irctl.domain.calibration import Calibration
from irctl.domain.forecast import AsFound
from irctl.domain.problems import Problem
from irctl.domain.rules import Envelope, Hazard, Stop, Warn


@dataclass(frozen=True, slots=True)
class LampInfo:
    """What a lamp is, for people and for the record."""

    station: str
    simulated: bool
    title: str
    serial: str
    lamp_type: str
    emitter: str
    cutoff: str | None
    radiometer: str | None
    skin: str | None
    housing: str | None
    distance_cm: float
    fail_safe: str
    tick_s: float
    idle_s: float

    def as_dict(self) -> dict[str, Any]:
        """What the record keeps of it."""
        names = ("title", "serial", "emitter", "cutoff", "radiometer", "skin", "housing", "distance_cm", "fail_safe")
        return {name: getattr(self, name) for name in names}


class Commissioned(Protocol):
    """What is on record about the lamp's commissioning: see irctl.controller.light.commissioning."""

    @property
    def required(self) -> bool: ...

    @property
    def evidence(self) -> Mapping[str, Any] | None: ...

    def problems(self) -> list[Problem]: ...

    def differs(self, found: Mapping[str, Identity]) -> str | None: ...


class InForce(Protocol):
    """Which calibration holds at this moment: see irctl.controller.calibration.in_force."""

    @property
    def calibration(self) -> Calibration | None: ...

    @property
    def source(self) -> str: ...

    @property
    def use(self) -> Use: ...

    @property
    def history(self) -> Sequence[AsFound]: ...

    @property
    def binding(self) -> str: ...

    @property
    def locked(self) -> str | None: ...

    @property
    def state(self) -> str: ...

    def problems(self, now: datetime) -> list[Problem]: ...

    def differs(self, emitter: Identity) -> str | None: ...


class StopStation(Protocol):
    """Latch the station without waiting for it."""

    def __call__(self, by: str, reason: str, source: str = "controller") -> None: ...


@dataclass(frozen=True, slots=True)
class Equipment:
    """One lamp's parts. Nothing here changes but what the parts themselves read and do."""

    name: str
    info: LampInfo
    output: Output
    instruments: Instruments
    envelope: Envelope
    in_force: InForce
    journal: Journal
    alarms: Alarms
    stopped: Callable[[], str | None]
    """The reason of the stop in force, None when there is none."""
    stop_station: StopStation
    commissioned: Commissioned
    changed: Callable[[], list[Problem]]
    """Files that are not any more what this controller has read."""

    @property
    def calibration(self) -> Calibration | None:
        """The one in force now."""
        return self.in_force.calibration

    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def alarm(self, verdict: Stop | Warn, session: str | None = None) -> None:
        self.alarms.sound(verdict, self.name, session)

    def heed_stop_contacts(self) -> None:
        """A stop button of the room stops the whole station, whoever reads it first. One that is merely unknown ends a session by its rule."""
        for lock in self.instruments.interlocks:
            if lock.stops and lock.latest.problem is None and lock.latest.value is False:
                self.stop_station(lock.name, f"{lock.name!r} was pressed", "contact")

    def not_dark(self) -> Stop:
        why = self.output.state.problem or "it reads back as on"
        text = f"lamp {self.name} could not be verified dark: {why}"
        return Stop(Hazard.LIT_WHEN_OFF, text, "Pull its plug; move the patient away")
