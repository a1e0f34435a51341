"""What keeps a lamp true between its calibrations: checks, maintenance, drift and its forecast, what is due, and whom a failure concerns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from irctl.controller.calibration.calibrations import Calibrations
from irctl.controller.calibration.evidence import evidence, hours_per_day
from irctl.controller.calibration.falling_due import most_urgent_first, of_lamp, of_meter
from irctl.controller.calibration.verifying import Verifying, With
from irctl.controller.config import StationConfig
from irctl.controller.journal import lookup
from irctl.controller.journal.journal import Journal
from irctl.controller.light import record
from irctl.controller.light.lamp import Lamp
from irctl.controller.upkeep_section import UpkeepSection
from irctl.domain import comparison
from irctl.domain.calibration import Calibration
from irctl.domain.chain import Event
from irctl.domain.drift import control_chart
from irctl.domain.forecast import forecast
from irctl.domain.impact import GivenSession, found_ratios, impact
from irctl.domain.meters import meter_problems
from irctl.domain.problems import Problem, Refused
from irctl.domain.tolerance import Decision
from irctl.domain.upkeep import RULES
from irctl.domain.upkeep import Kind as Work
from irctl.domain.worksheet import Worksheet

SESSIONS_MAX = 100_000
"""More than a station gives between two calibrations; an impact review leaves nobody out."""
CHECKS_MAX = 100
MONITOR = "monitor"


@dataclass
class Upkeep:
    """Every lamp's."""

    config: StationConfig
    journal: Journal
    lamps: Mapping[str, Lamp]
    calibrations: Calibrations

    # --- checks ------------------------------------------------------------------------------------------------------

    def check(self, lamp: str, by: str, reference: str, *, nobody: bool) -> Verifying:
        """Begin the short check; by the lamp's own radiometer where `reference` is "monitor". Raises Refused with every reason."""
        chosen = self._lamp(lamp)
        equipment, upkeep = chosen.equipment, self._of(lamp)
        problems = [] if by.strip() else [Problem("by", by, "is empty", "Say who checks: it goes into the record")]
        if not nobody:
            remedy = "See that nobody is under the lamp, and confirm it"
            problems.append(
                Problem("nobody_under_the_lamp", nobody, "is not confirmed, and the lamp will light", remedy)
            )
        calibration = equipment.calibration
        if calibration is None:
            remedy = f"Calibrate it: irctl calibrate {lamp}"
            problems.append(Problem("calibration", None, "there is none in force to check against", remedy))
        using = self._reference(lamp, reference, problems)
        if calibration is not None:
            problems += _outside(calibration, upkeep.check_levels_pct)
            if reference == MONITOR and calibration.meter_uncertainty_pct is None:
                remedy = "Check with a reference meter: --meter NAME"
                problems.append(Problem("with", MONITOR, "this lamp has no calibrated radiometer", remedy))
        against = chosen.reasons_against_light()
        if problems or against or calibration is None or using is None:
            raise Refused(problems + against, conflict=bool(against))
        work = Verifying(
            equipment, calibration, using, by, upkeep.check_levels_pct, upkeep.tolerance_pct, upkeep.lamp_type,
            upkeep.positioning_cm, upkeep.samples,
        )  # fmt: skip
        chosen.work_on_bench(work)
        return work

    def checking(self, lamp: str) -> Verifying:
        """The present or last check of a lamp. Raises Refused."""
        work = self._lamp(lamp).bench_work
        if not isinstance(work, Verifying):
            raise Refused([Problem("lamp", lamp, "is not being checked", f"irctl check {lamp}")])
        return work

    async def checks(self, lamp: str) -> list[Event]:
        """Those that came to a verdict, newest first. Raises Refused, OSError."""
        self._lamp(lamp)
        found = await lookup.named(self.journal, "check.completed")
        return [event for event in reversed(found) if event["lamp"] == lamp][:CHECKS_MAX]

    def unlock(self, lamp: str, by: str, reason: str) -> None:
        """A named person answers for a lamp that failed its check; only where there is no other way. Raises Refused."""
        locked = self._lamp(lamp).equipment.in_force.locked
        problems = _named(by, reason)
        if locked is None:
            problems.append(Problem("lamp", lamp, "is not locked", "Nothing is to be done"))
        if self.config.file.station.mode == "clinical":
            remedy = "Calibrate it, or check it again once its cause is gone"
            problems.append(Problem("lamp", lamp, "a failed check is not lifted by a word", remedy))
        if problems:
            raise Refused(problems)
        self.journal.write("lamp.unlocked", lamp=lamp, by=by, reason=reason)

    def _reference(self, lamp: str, reference: str, problems: list[Problem]) -> With | None:
        if reference == MONITOR:
            return With(None, None)
        meter = self.config.meters.get(reference)
        if meter is None:
            known = ", ".join((MONITOR, *sorted(self.config.meters)))
            problems.append(Problem("with", reference, "no such meter", f"Known are {known}"))
            return None
        problems += meter_problems(meter, self._of(lamp).lamp_type, self.journal.clock())
        return With(meter, self.calibrations.device_of(reference))

    # --- maintenance -------------------------------------------------------------------------------------------------

    def maintain(self, lamp: str, by: str, kind: str, note: str) -> Event:
        """Write down what was done to a lamp; by rule its calibration stays, needs a check, or is void. Raises Refused."""
        equipment = self._lamp(lamp).equipment
        problems = _named(by, note, "note")
        if kind not in list(Work):
            problems.append(Problem("kind", kind, "no such kind of work", f"One of {', '.join(Work)}"))
        if problems:
            raise Refused(problems)
        rule, use = RULES[Work(kind)], equipment.in_force.use
        told: Event = {
            "lamp": lamp, "by": by, "kind": kind, "note": note, "serial": equipment.info.serial,
            "lamp_hours": round(use.lamp_hours, 3), "starts": use.starts, "consequence": rule.consequence, "why": rule.why,
        }  # fmt: skip
        self.journal.write("maintenance.recorded", **told)
        return told

    async def maintenance(self, lamp: str) -> list[Event]:
        """Newest first."""
        self._lamp(lamp)
        found = await lookup.named(self.journal, "maintenance.recorded")
        return [event for event in reversed(found) if event["lamp"] == lamp]

    # --- drift -------------------------------------------------------------------------------------------------------

    async def drift(self, lamp: str) -> dict[str, Any]:
        """What checks, calibrations and sessions say against the calibration in force, its chart, and a forecast. Raises OSError."""
        equipment, upkeep = self._lamp(lamp).equipment, self._of(lamp)
        calibration, use = equipment.calibration, equipment.in_force.use
        found = await lookup.named(self.journal, "check.completed", "session.ended", "calibration.approved")
        rows = [] if calibration is None else evidence([e for e in found if e["lamp"] == lamp], calibration)
        seen = [row for row, _ in rows]
        chart = control_chart(seen) if seen else None
        used_h = hours_per_day(seen)
        return {
            "lamp": lamp,
            "serial": equipment.info.serial,
            "at": record.iso(self.journal.clock()),
            "calibration": None if calibration is None else calibration.id,
            "tolerance_pct": upkeep.tolerance_pct,
            "hours_per_day": round(used_h, 3),
            "lamp_hours": round(use.lamp_hours, 3),
            "evidence": [
                {
                    "at": record.iso(row.at),
                    "lamp_hours": row.lamp_hours,
                    "level_pct": level_pct,
                    "ratio": row.ratio,
                    "expanded_pct": row.expanded_pct,
                    "kind": row.kind,
                }
                for row, level_pct in rows
            ],
            "chart": None if chart is None else asdict(chart),
            "forecast": asdict(forecast(seen, upkeep.tolerance_pct, used_h, use.lamp_hours)),
        }

    # --- due ---------------------------------------------------------------------------------------------------------

    def due(self) -> list[dict[str, Any]]:
        """Calibrations, checks, maintenance and meters, most urgent first."""
        now = self.journal.clock()
        # The newest of each kind lasts in memory: who asks every minute must not have the files read.
        found = [e for e in self.journal.events if e["event"] in ("maintenance.recorded", "check.completed")]
        told = [of_meter(name, meter, now) for name, meter in self.config.meters.items()]
        for name, lamp in self.lamps.items():
            told += of_lamp(name, lamp.equipment.in_force, self._of(name), [e for e in found if e["lamp"] == name], now)
        return [one.as_dict() for one in most_urgent_first(told, now)]

    # --- whom it concerns --------------------------------------------------------------------------------------------

    async def impact(self, calibration: str) -> dict[str, Any]:
        """Every session since the lamp was last known to be right, with what it may have given. Raises Refused, OSError."""
        sheet = await self.calibrations.found(calibration)
        found = sheet.as_found
        if found is None or found.verdict is None:
            what = "has no as-found readings that are compared with a calibration in force"
            raise Refused([Problem("calibration", sheet.id, what, "Finish its as-found readings first")], conflict=True)
        since = await self._last_right(sheet)
        factor = sheet.started["in_force"].get("monitor_factor", 1.0)
        sessions = impact(await self._given(sheet.lamp), found_ratios(found, factor), since, sheet.started_at)
        reviews = [e for e in await lookup.named(self.journal, "impact.reviewed") if e["calibration"] == sheet.id]
        return {
            "calibration": sheet.id,
            "lamp": sheet.lamp,
            "verdict": found.verdict.as_dict(),
            "needed": found.verdict.decision is Decision.FAIL,
            "since": record.iso(since),
            "until": record.iso(sheet.started_at),
            "sessions": [one.as_dict() for one in sessions],
            "reviewed": reviews[-1] if reviews else None,
        }

    async def review_impact(self, calibration: str, by: str, decision: str, reason: str) -> dict[str, Any]:
        """A named person's decision over the sessions that a failed as-found concerns. Raises Refused, OSError."""
        told = await self.impact(calibration)
        problems = _named(by, reason)
        if not decision.strip():
            problems.append(Problem("decision", decision, "is empty", "Say what follows for these sessions"))
        if problems:
            raise Refused(problems)
        self.journal.write(
            "impact.reviewed", lamp=told["lamp"], calibration=calibration, by=by, decision=decision, reason=reason,
            since=told["since"], sessions=told["sessions"],
        )  # fmt: skip
        return await self.impact(calibration)

    async def _last_right(self, sheet: Worksheet) -> datetime | None:
        """When a check last passed or a calibration was last approved, before this one began."""
        found = await lookup.named(self.journal, "check.completed", "calibration.approved")
        before = [e for e in found if e["lamp"] == sheet.lamp and e["seq"] < sheet.started["seq"]]
        right = [e for e in before if e["event"] == "calibration.approved" or e["verdict"] == "pass"]
        return datetime.fromisoformat(right[-1]["at"]) if right else None

    async def _given(self, lamp: str) -> list[GivenSession]:
        listed = await lookup.sessions(self.journal, SESSIONS_MAX)
        return [_given(one) for one in listed if one["lamp"] == lamp and one["delivered"] is not None]

    # --- meters ------------------------------------------------------------------------------------------------------

    async def compare(self, by: str, a: str, b: str) -> dict[str, Any]:
        """Two meters by what they found of one lamp, in a calibration each (one may have been abandoned). Raises Refused, OSError."""
        sheets = [await self.calibrations.found(one) for one in (a, b)]
        found = [sheet.as_left or sheet.as_found for sheet in sheets]
        problems = _named(by, by)
        for sheet, stage in zip(sheets, found, strict=True):
            if stage is None:
                problems.append(
                    Problem("calibration", sheet.id, "has no complete readings", "Finish its readings first")
                )
        if sheets[0].lamp != sheets[1].lamp:
            problems.append(Problem("b", b, f"is of lamp {sheets[1].lamp}", f"Compare under lamp {sheets[0].lamp}"))
        if sheets[0].meter.serial == sheets[1].meter.serial:
            problems.append(Problem("b", b, "was made with the same meter", "Compare two meters"))
        if problems:
            raise Refused(problems)
        try:
            compared = comparison.compare(*(stage.points for stage in found if stage is not None))
        except ValueError as error:
            raise Refused([Problem("b", b, str(error), "Calibrate with the same levels")]) from None
        told: dict[str, Any] = {
            "lamp": sheets[0].lamp,
            "a": {"calibration": a, "meter": sheets[0].meter.name, "serial": sheets[0].meter.serial},
            "b": {"calibration": b, "meter": sheets[1].meter.name, "serial": sheets[1].meter.serial},
            "points": [asdict(level) for level in compared.levels],
            "e_n": compared.e_n,
            "verdict": "agrees" if compared.agrees else "differs",
        }
        self.journal.write("meters.compared", by=by, **told)
        return told | {"by": by}

    # --- inside ------------------------------------------------------------------------------------------------------

    def _lamp(self, lamp: str) -> Lamp:
        if lamp not in self.lamps:
            known = ", ".join(sorted(self.lamps))
            raise Refused([Problem("lamp", lamp, "no such lamp", f"Known are {known}")])
        return self.lamps[lamp]

    def _of(self, lamp: str) -> UpkeepSection:
        return self.config.file.lamps[lamp].upkeep


def _named(by: str, reason: str, name: str = "reason") -> list[Problem]:
    told = (("by", by, "Say who does this"), (name, reason, "Say why, or what was done"))
    return [
        Problem(f, value, "is empty", f"{remedy}: it goes into the record")
        for f, value, remedy in told
        if not value.strip()
    ]


def _outside(calibration: Calibration, levels_pct: Sequence[float]) -> list[Problem]:
    low, high = calibration.level_min_pct, calibration.level_max_pct
    outside = [level for level in levels_pct if not low <= level <= high]
    what = f"outside the calibrated {low:g} to {high:g} %"
    return [Problem("upkeep.check_levels_pct", outside, what, "Check within the calibrated levels")] if outside else []


def _given(listed: Mapping[str, Any]) -> GivenSession:
    delivered = listed["delivered"]
    told = (delivered["min_j_cm2"], delivered["best_j_cm2"], delivered["max_j_cm2"])
    at = datetime.fromisoformat(listed["ended_at"] or listed["ordered_at"])
    low, high = listed["levels_pct"] or (None, None)
    used = None if low is None or high is None else (low, high)
    return GivenSession(listed["id"], at, listed["order"]["patient"], told, listed["dose_source"] == "measured", used)
