"""How the events of a calibration come to a worksheet, one after the other. Pure: an event and the worksheet before it give the one after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from irctl.domain.chain import Event
from irctl.domain.meters import Meter
from irctl.domain.plan import Plan
from irctl.domain.readings import LevelReading
from irctl.domain.steps import BENCH, Stage, Step, Taken
from irctl.domain.worksheet import Worksheet

STARTED = "calibration.started"


def folded(events: Iterable[Event]) -> Worksheet:
    """From the events of one calibration, `calibration.started` first. Raises ValueError where that is missing or unreadable.

    An event out of its turn changes nothing (an approval of something not submitted, or by somebody who took part).
    """
    rest = iter(events)
    first = next(rest, None)
    if first is None or first["event"] != STARTED:
        raise ValueError(f"a worksheet begins with {STARTED}, not with {first and first['event']}")
    sheet = Worksheet(first, (first,), Meter.of(first["meter"]), Plan.of(first["plan"]), people=(first["by"],))
    for event in rest:
        sheet = _after(sheet, event)
    return sheet


def _after(sheet: Worksheet, event: Event) -> Worksheet:
    step = STEPS.get(event["event"])
    changed = step(sheet, event) if step is not None and sheet.closed is None else None
    if changed is None:
        return replace(sheet, events=(*sheet.events, event), ignored=sheet.ignored | {event["seq"]})
    people = sheet.people
    if event["event"] in WORK and event["by"] not in people:
        people = (*people, event["by"])
    return replace(changed, events=(*sheet.events, event), people=people)


def _identified(sheet: Worksheet, event: Event) -> Worksheet | None:
    return replace(sheet, identified=event) if sheet.step is Step.IDENTITY else None


def _positioned(sheet: Worksheet, event: Event) -> Worksheet | None:
    # Also out of turn: wherever the meter was put, there it stands, and earlier readings of this place hold.
    if event["stage"] != sheet.stage or sheet.step not in (Step.POSITION, *BENCH):
        return None
    return replace(sheet, position=event, dark=None, steady=None)


def _dark(sheet: Worksheet, event: Event) -> Worksheet | None:
    if event["stage"] != sheet.stage or sheet.step not in BENCH:
        return None
    return replace(sheet, dark=event, steady=None)


def _steady(sheet: Worksheet, event: Event) -> Worksheet | None:
    if event["stage"] != sheet.stage or sheet.step not in (Step.WARM_UP, Step.READINGS):
        return None
    return replace(sheet, steady=event)


def _reading(sheet: Worksheet, event: Event) -> Worksheet | None:
    position, dark, steady = sheet.position, sheet.dark, sheet.steady
    planned = {(r.number, r.level_pct, r.distance_cm) for r in sheet.plan.order}
    told = (event["number"], event["level_pct"], event["distance_cm"])
    if sheet.step is not Step.READINGS or event["stage"] != sheet.stage or told not in planned:
        return None
    if position is None or dark is None or steady is None:
        return None
    monitor, monitor_dark = event["monitor_mw_cm2"], dark["monitor_offset_mw_cm2"]
    reading = LevelReading(
        event["number"],
        event["stage"],
        event["level_pct"],
        event["distance_cm"],
        event["reading_mw_cm2"],
        dark["offset_mw_cm2"],
        None if monitor is None else monitor - (monitor_dark or 0.0),
        datetime.fromisoformat(event["at"]),
        dark["noise_mw_cm2"],
        event["seq"],
        (position["seq"], dark["seq"], steady["seq"]),
    )
    taken = Taken(reading, steady["slope_pct_per_min"], position["angle_deg"], position["positioning_cm"])
    return replace(sheet, taken={**sheet.taken, (sheet.stage, reading.number): taken})


def _interrupted(sheet: Worksheet, event: Event) -> Worksheet | None:
    """The lamp went dark and somebody may have touched the meter's plug: dark reading and warm-up begin anew, the readings taken stay."""
    return replace(sheet, dark=None, steady=None)


def _redone(sheet: Worksheet, event: Event) -> Worksheet | None:
    step, stage = Step(event["step"]), Stage(event["stage"] or sheet.stage)
    if sheet.problems_with_redo(step, stage):
        return None
    sheet = replace(sheet, submitted=None)
    if step is Step.REVIEW:
        return sheet
    if step is Step.ADJUSTMENT:
        return _without_adjustment(sheet)
    if stage is Stage.AS_FOUND:
        sheet = _without_adjustment(sheet)
    if step is Step.IDENTITY:
        return replace(sheet, identified=None, position=None, dark=None, steady=None, taken={})
    again = replace(sheet, taken=_without(sheet.taken, stage, event.get("levels_pct"), event.get("distance_cm")))
    # Whatever is done again begins with a lamp that may have cooled.
    again = replace(again, steady=None)
    if step in (Step.POSITION, Step.DARK):
        again = replace(again, dark=None)
    return replace(again, position=None) if step is Step.POSITION else again


def _without_adjustment(sheet: Worksheet) -> Worksheet:
    """As before it: what was read as left was read of a lamp adjusted otherwise."""
    found = {key: taken for key, taken in sheet.taken.items() if key[0] is Stage.AS_FOUND}
    if not sheet.was_adjusted:
        return replace(sheet, adjusted=None)
    return replace(sheet, adjusted=None, taken=found, position=None, dark=None, steady=None)


def _without(
    taken: Mapping[tuple[Stage, int], Taken], stage: Stage, levels_pct: list[float] | None, distance_cm: float | None
) -> dict[tuple[Stage, int], Taken]:
    def again(key: tuple[Stage, int]) -> bool:
        reading = taken[key].reading
        of_levels = levels_pct is None or reading.level_pct in levels_pct
        return key[0] is stage and of_levels and (distance_cm is None or reading.distance_cm == distance_cm)

    return {key: value for key, value in taken.items() if not again(key)}


def _adjusted(sheet: Worksheet, event: Event) -> Worksheet | None:
    # Whether the readings were fit for it was judged before this was journalled: a later version must not judge history otherwise.
    if sheet.step is not Step.ADJUSTMENT:
        return None
    if event["what"] is None:
        return replace(sheet, adjusted=event)
    return replace(sheet, adjusted=event, position=None, dark=None, steady=None)


def _submitted(sheet: Worksheet, event: Event) -> Worksheet | None:
    return replace(sheet, submitted=event) if sheet.step is Step.REVIEW else None


def _approved(sheet: Worksheet, event: Event) -> Worksheet | None:
    return None if sheet.problems_with_approval(event["by"]) else replace(sheet, closed=event)


def _rejected(sheet: Worksheet, event: Event) -> Worksheet | None:
    return replace(sheet, closed=event) if sheet.step is Step.APPROVAL else None


def _abandoned(sheet: Worksheet, event: Event) -> Worksheet | None:
    return replace(sheet, closed=event)


STEPS: Mapping[str, Callable[[Worksheet, Event], Worksheet | None]] = {
    "calibration.identified": _identified,
    "calibration.positioned": _positioned,
    "calibration.dark": _dark,
    "calibration.steady": _steady,
    "calibration.reading": _reading,
    "calibration.interrupted": _interrupted,
    "calibration.redone": _redone,
    "calibration.adjusted": _adjusted,
    "calibration.submitted": _submitted,
    "calibration.approved": _approved,
    "calibration.rejected": _rejected,
    "calibration.abandoned": _abandoned,
}
"""What each event does; None when it is not its turn."""
WORK = frozenset(f"calibration.{verb}" for verb in ("identified", "positioned", "redone", "adjusted", "submitted"))
"""Whoever does one of these took part."""
