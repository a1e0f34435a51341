"""What falls due of a lamp or a meter, as the journal and the station file have it: calibration, daily check, maintenance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from irctl.controller.light import record
from irctl.controller.light.equipment import InForce
from irctl.controller.upkeep_section import UpkeepSection
from irctl.domain.chain import Event
from irctl.domain.meters import Meter
from irctl.domain.reminders import Kind as About
from irctl.domain.upkeep import Due, due


class Falling(NamedTuple):
    """What is due of a lamp or a meter."""

    kind: About
    about: str
    due: Due

    def as_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "about": self.about,
            "what": self.due.what,
            "last_at": record.iso(self.due.last_at),
            "at": record.iso(self.due.at),
            "hours_left": self.due.hours_left,
            "overdue": self.due.overdue,
            "soon": self.due.soon,
            "text": self.due.text,
        }


def of_lamp(name: str, in_force: InForce, upkeep: UpkeepSection, mine: Sequence[Event], now: datetime) -> list[Falling]:
    """`mine`: the lamp's own checks and maintenance, oldest first."""
    calibration, hours = in_force.calibration, in_force.use.lamp_hours
    last_at = None if calibration is None else calibration.performed_at
    days = None if calibration is None else (calibration.valid_until - calibration.performed_at) / timedelta(days=1)
    calibrated = due(
        f"calibration of {name}", now,
        last_at=last_at,
        every_days=days,
        lamp_hours=hours,
        last_hours=calibration.lamp_hours if calibration else 0.0,
        every_hours=calibration.valid_for_hours if calibration else None,
    )  # fmt: skip
    told = [Falling(About.CALIBRATION, name, calibrated)]
    if upkeep.check_every_hours is not None:
        passed = [e for e in mine if e["event"] == "check.completed" and e["verdict"] != "fail"]
        checked_at = max(
            [datetime.fromisoformat(e["at"]) for e in passed[-1:]] + [t for t in [last_at] if t], default=None
        )
        every_days = upkeep.check_every_hours / 24.0
        checked = due(f"check of {name}", now, last_at=checked_at, every_days=every_days, remind_days=0.0)
        told.append(Falling(About.CHECK, name, checked))
    for work in upkeep.maintenance:
        done = next(
            (e for e in reversed(mine) if e["event"] == "maintenance.recorded" and e["kind"] == work.kind), None
        )
        maintained = due(
            f"{work.kind} of {name}", now,
            last_at=None if done is None else datetime.fromisoformat(done["at"]),
            every_days=work.every_days,
            lamp_hours=hours,
            last_hours=0.0 if done is None else done["lamp_hours"],
            every_hours=work.every_hours,
        )  # fmt: skip
        told.append(Falling(About.MAINTENANCE, name, maintained))
    return told


def of_meter(name: str, meter: Meter, now: datetime) -> Falling:
    span = (meter.valid_until - meter.calibrated_at) / timedelta(days=1)
    again = due(f"calibration of meter {name}", now, last_at=meter.calibrated_at, every_days=span)
    return Falling(About.METER, name, again)


def most_urgent_first(told: Sequence[Falling], now: datetime) -> list[Falling]:
    return sorted(told, key=lambda one: (not one.due.overdue, not one.due.soon, one.due.at is None, one.due.at or now))
