"""What one lamp consists of, and what it may call on: everything its task and its treatments share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from irctl.controller.journal import Journal
from irctl.controller.output import Output
from irctl.controller.readings import Instruments
from irctl.domain.calibration import Calibration
from irctl.domain.rules import Envelope, Hazard, Stop


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


@dataclass(frozen=True, slots=True)
class Equipment:
    """One lamp's parts. Nothing here changes but what the parts themselves read and do."""

    name: str
    info: LampInfo
    output: Output
    instruments: Instruments
    envelope: Envelope
    calibration: Calibration | None
    journal: Journal
    stopped: Callable[[], str | None]
    """The reason of the stop in force, None when there is none."""
    stop_station: Callable[[str, str], None]
    """Latch the station (by, reason) without waiting for it."""

    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def alarm(self, stop: Stop, session: str | None = None) -> None:
        about: dict[str, Any] = {} if session is None else {"session": session}
        self.journal.write(
            "alarm", lamp=self.name, hazard=stop.hazard, priority="high", text=stop.text, remedy=stop.remedy, **about
        )

    def not_dark(self) -> Stop:
        why = self.output.state.problem or "it reads back as on"
        text = f"lamp {self.name} could not be verified dark: {why}"
        return Stop(Hazard.LIT_WHEN_OFF, text, "Pull its plug; move the patient away")
