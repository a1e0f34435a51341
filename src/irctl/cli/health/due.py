"""Calibrations, checks, maintenance and meters: what is due. The running controller knows; without one the station file's own calibrations say a part of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, LiteralString

from irctl.cli.health.finding import Finding, ok, problem, unknown, warning
from irctl.domain.reminders import Kind

if TYPE_CHECKING:
    from irctl.controller.config import StationConfig

SOON = timedelta(days=30)
"""As long before a calibration ends as the schedule begins to remind of it."""
CHECKS: Mapping[Kind, LiteralString] = {
    Kind.CALIBRATION: "due.calibration",
    Kind.CHECK: "due.check",
    Kind.MAINTENANCE: "due.maintenance",
    Kind.METER: "due.meter",
}
ASK = "Start the controller, then: irctl calibrations due"


def due_findings(items: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Of `GET /v1/due`. A lamp whose calibration has run out gives no light; everything else that is due can still be done first."""
    return [_item(item) for item in items]


def _item(item: Mapping[str, Any]) -> Finding:
    from irctl.controller.calibration.reminders import REMEDIES

    kind = Kind(item["kind"])
    check, remedy, about = CHECKS[kind], REMEDIES[kind], str(item["about"])
    values = {"about": about, "what": item["text"], "at": item["at"], "hours_left": item["hours_left"]}
    if item["overdue"] and kind is Kind.CALIBRATION:
        return problem(check, "{what}: it gives no light", remedy, about, **values)
    if item["overdue"] or item["soon"]:
        return warning(check, "{what}", remedy, about, **values)
    return ok(check, "{what}", about, **values)


def due_on_paper(config: StationConfig, now: datetime) -> list[Finding]:
    """What the files say, with nobody there who knows the journal: a calibration made with irctl is in that, and counts more."""
    told = [
        unknown(
            "due.upkeep", "what is due of calibrations in the journal, checks and maintenance: only a controller knows", ASK
        )
    ]  # fmt: skip
    for lamp in config.file.lamps:
        calibration = config.calibrations.get(lamp)
        if calibration is None:
            told.append(
                unknown("due.calibration", "no calibration in its file; one in the journal would do", ASK, lamp)
            )
        else:
            told.append(_until("due.calibration", "calibrated by its file", lamp, calibration.valid_until, now))
    for name, meter in config.meters.items():
        told.append(_until("due.meter", "this meter's certificate", name, meter.valid_until, now))
    return told


def _until(check: LiteralString, what: LiteralString, about: str, until: datetime, now: datetime) -> Finding:
    values: dict[str, object] = {"until": f"{until:%Y-%m-%d}"}
    if until <= now:
        return warning(check, what + " until {until}, which has passed", ASK, about, **values)
    if until - now <= SOON:
        return warning(check, what + " until {until}, which is soon", ASK, about, **values)
    return ok(check, what + " until {until}", about, **values)
