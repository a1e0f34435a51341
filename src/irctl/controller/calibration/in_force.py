"""Which calibration holds for a lamp at this moment, and why none does: read from the journal, as everything that lasts is.

The newest that was approved here counts while it is still bound to what is there, else the one the station file names, unless a later one was approved for
this same lamp. A failed check locks the lamp; a maintenance may void the calibration or ask for a check.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from irctl.controller.config import StationFile
from irctl.controller.journal.journal import Journal
from irctl.controller.journal.memory import Use
from irctl.controller.upkeep_section import UpkeepSection
from irctl.devices.roles import Identity
from irctl.domain.calibration import Calibration
from irctl.domain.chain import Event
from irctl.domain.forecast import AsFound
from irctl.domain.meters import Meter
from irctl.domain.problems import Problem
from irctl.domain.tolerance import Decision

Source = Literal["file", "journal"]


def binding(file: StationFile, lamp: str) -> str:
    """The hash of what a calibration is made with and says nothing beyond: the lamp, its emitter and radiometer, and their settings."""
    section = file.lamps[lamp]
    devices = {ref.partition(".")[0] for ref in (section.emitter, section.radiometer) if ref is not None}
    told = {
        "serial": section.serial,
        "emitter": section.emitter,
        "radiometer": section.radiometer,
        "devices": {name: file.devices[name].model_dump(mode="json") for name in sorted(devices)},
    }
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@dataclass
class InForce:
    """One lamp's calibration now. Follows the journal by itself, event by event."""

    journal: Journal
    lamp: str
    serial: str
    binding: str
    upkeep: UpkeepSection
    from_file: Calibration | None
    meters: Mapping[str, Meter]
    """The station's reference meters, as their certificates say now."""
    _seen: int = 0
    _approved: tuple[Event, Calibration] | None = None
    _failed: Event | None = None
    """The failed check, or failed as-found, that locks the lamp."""
    _proven_at: datetime | None = None
    """When a check last passed, or a calibration was last approved."""
    _maintained: dict[str, Event] = field(default_factory=dict[str, Event])
    """The newest with each consequence."""

    @property
    def use(self) -> Use:
        return self.journal.memory.use_of(self.serial)

    @property
    def history(self) -> Sequence[AsFound]:
        """How this lamp's calibrations found it, up to the last that was approved."""
        self._follow()
        if self._approved is None or self._approved[1].lamp_serial != self.serial:
            return ()
        told = self._approved[0].get("history", ())
        return [AsFound(datetime.fromisoformat(one["at"]), Decision(one["decision"])) for one in told]

    @property
    def source(self) -> Source:
        return "file" if self._newest() is self.from_file else "journal"

    @property
    def calibration(self) -> Calibration | None:
        """The one that holds. It may have lapsed by date or lamp-hours: `problems` says so, and no order is accepted."""
        newest = self._newest()
        return None if newest is None or self._void(newest) is not None else newest

    @property
    def locked(self) -> str | None:
        """Why nobody is treated until somebody has calibrated or checked."""
        self._follow()
        if self._failed is None:
            return None
        how = "its check failed" if self._failed["event"] == "check.completed" else "it was found outside its tolerance"
        return f"{how} on {self._failed['at'][:16].replace('T', ' ')}"

    @property
    def state(self) -> str:
        """calibrated, calibration-required or not-calibrated, as FHIR's DeviceMetric calls them."""
        calibration, now = self.calibration, self.journal.clock()
        if calibration is None:
            return "not-calibrated"
        lapsed = calibration.lapse(now, self.use.lamp_hours) is not None
        return "calibration-required" if lapsed or self.problems(now) else "calibrated"

    def problems(self, now: datetime) -> list[Problem]:
        """What stands against an order now, beside the calibration's own range and validity: it is void, the lamp is locked, a check is missing."""
        newest, calibrate = self._newest(), f"irctl calibrate {self.lamp}"
        problems: list[Problem] = []
        if newest is not None and (why := self._void(newest)) is not None:
            problems.append(Problem("calibration", newest.id, f"is void: {why}", f"Calibrate again: {calibrate}"))
        if (locked := self.locked) is not None:
            remedy = f"Calibrate it ({calibrate}); a check that passes ({self._check}) unlocks it too"
            problems.append(Problem("lamp", self.lamp, f"is locked: {locked}", remedy))
        return problems + self._missing_check(now)

    def differs(self, emitter: Identity) -> str | None:
        """Why the emitter that answers is not the one that was calibrated; nothing where the calibration does not say which it was."""
        if self._approved is None or self.source == "file":
            return None
        told = {"model": emitter.model, "serial": emitter.serial, "firmware": emitter.firmware}
        known = self._approved[0]["bound_to"]["emitter"]
        return None if known == told else f"the emitter is {told}, and {known} was calibrated"

    # --- what the journal says ---------------------------------------------------------------------------------------

    def _newest(self) -> Calibration | None:
        self._follow()
        approved = None if self._approved is None else self._approved[1]
        if approved is None or approved.lamp_serial != self.serial:
            return self.from_file
        if self.from_file is not None and self.from_file.performed_at > approved.performed_at:
            return self.from_file
        return approved

    def _void(self, calibration: Calibration) -> str | None:
        """Why a calibration says nothing any more about what is there."""
        if calibration.binding and calibration.binding != self.binding:
            return "the lamp's emitter, its radiometer or their settings are not those it was made with"
        if calibration is not self.from_file and self._approved is not None:
            bound = self._approved[0]["bound_to"]["meter"]
            for meter in self.meters.values():
                if meter.certificate == bound["certificate"] and meter.sha256 != bound["sha256"]:
                    return f"certificate {meter.certificate} of its meter is not what it was then"
        maintained = self._maintained.get("void")
        if maintained is not None and datetime.fromisoformat(maintained["at"]) > calibration.performed_at:
            return f"{maintained['kind']} on {maintained['at'][:10]}"
        return None

    def _missing_check(self, now: datetime) -> list[Problem]:
        problems: list[Problem] = []
        maintained = self._maintained.get("check")
        if maintained is not None and self._since(datetime.fromisoformat(maintained["at"])):
            why = f"{maintained['kind']} on {maintained['at'][:10]} asks for a check, and none has passed since"
            problems.append(Problem("check", maintained["kind"], why, f"Check the lamp: {self._check}"))
        every_h = self.upkeep.check_every_hours
        if every_h is not None and self._since(now - timedelta(hours=every_h)):
            why = f"no check has passed within {every_h:g} h"
            last = None if self._proven_at is None else self._proven_at.isoformat(timespec="minutes")
            problems.append(Problem("check", last, why, f"Check the lamp: {self._check}"))
        return problems

    @property
    def _check(self) -> str:
        return f"irctl check {self.lamp}"

    def _since(self, moment: datetime) -> bool:
        """Whether nothing has proven the lamp since then."""
        return self._proven_at is None or self._proven_at < moment

    def _follow(self) -> None:
        for event in self.journal.memory.after(self._seen):
            self._seen = event["seq"]
            if event.get("lamp") == self.lamp:
                self._take(event)

    def _take(self, event: Event) -> None:
        match event["event"]:
            case "calibration.approved":
                self._approved = (
                    event,
                    replace(Calibration.of(event["record"]), sha256=event["certificate"]["sha256"]),
                )
                self._failed, self._proven_at = None, datetime.fromisoformat(event["at"])
            case "lamp.out_of_tolerance":
                self._failed = event
            case "check.completed" if event["verdict"] == "fail":
                self._failed = event
            case "check.completed":
                # What could not be decided is enough for today, not to unlock.
                self._failed = None if event["verdict"] == "pass" else self._failed
                self._proven_at = datetime.fromisoformat(event["at"])
            case "lamp.unlocked":
                self._failed = None
            case "maintenance.recorded":
                self._maintained[event["consequence"]] = event
            case _:
                pass
