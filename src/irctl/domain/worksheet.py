"""A guided calibration as a worksheet: what its `calibration.*` events come to. After a crash it is what the journal says.

The step is derived, never stored: what is still missing decides it. Nothing that was journalled is lost; what a redo or an interruption made
void stays in the record and counts no more. How the events fold: see worksheet_fold.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, cast

from irctl.domain.calibration import Calibration, points_from
from irctl.domain.chain import Event
from irctl.domain.findings import Findings, findings, to_six_digits
from irctl.domain.meters import Meter
from irctl.domain.plan import Plan, PlannedReading
from irctl.domain.plausibility import reading_problems
from irctl.domain.problems import Problem, Refused
from irctl.domain.readings import LevelReading
from irctl.domain.response import LampResponse
from irctl.domain.steps import BENCH, Outcome, Stage, Step, Taken, conditions


@dataclass(frozen=True)
class Worksheet:
    """The state of one calibration. Made by `irctl.domain.worksheet_fold.folded`."""

    started: Event
    events: tuple[Event, ...]
    """All of them, also those that count no more."""
    meter: Meter
    plan: Plan
    identified: Event | None = None
    position: Event | None = None
    """Where the meter stands now; likewise the dark reading and the warm-up that hold now."""
    dark: Event | None = None
    steady: Event | None = None
    taken: Mapping[tuple[Stage, int], Taken] = field(default_factory=dict[tuple[Stage, int], Taken])
    """By stage and number in the plan."""
    adjusted: Event | None = None
    submitted: Event | None = None
    closed: Event | None = None
    people: tuple[str, ...] = ()
    """Everybody who had a hand in it, in order."""
    ignored: frozenset[int] = frozenset()
    """The numbers (seq) of events out of their turn: they changed nothing."""

    @property
    def id(self) -> str:
        return self.started["calibration"]

    @property
    def lamp(self) -> str:
        return self.started["lamp"]

    @property
    def by(self) -> str:
        return self.started["by"]

    @property
    def started_at(self) -> datetime:
        return datetime.fromisoformat(self.started["at"])

    @property
    def lamp_info(self) -> Mapping[str, Any]:
        return self.started["lamp_info"]

    @property
    def lamp_type(self) -> str:
        return self.lamp_info["lamp_type"]

    @property
    def stated(self) -> list[tuple[float, float]] | None:
        """The points of the calibration in force when it began: (level %, mW/cm²)."""
        in_force = self.started["in_force"]
        return None if in_force is None else [(level, irradiance) for level, irradiance in in_force["points"]]

    @property
    def stage(self) -> Stage:
        return Stage.AS_LEFT if self.was_adjusted else Stage.AS_FOUND

    @property
    def was_adjusted(self) -> bool:
        return self.adjusted is not None and self.adjusted["what"] is not None

    @property
    def outcome(self) -> Outcome | None:
        return None if self.closed is None else Outcome(self.closed["event"].removeprefix("calibration."))

    @property
    def next_reading(self) -> PlannedReading | None:
        """The next reading of this stage that is missing; None when it has them all."""
        return next((r for r in self.plan.order if (self.stage, r.number) not in self.taken), None)

    @property
    def step(self) -> Step:
        if self.closed is not None:
            return Step.CLOSED
        if self.submitted is not None:
            return Step.APPROVAL
        if self.identified is None:
            return Step.IDENTITY
        if (reading := self.next_reading) is None:
            return Step.REVIEW if self.adjusted is not None else Step.ADJUSTMENT
        if self.position is None or not self._stands_at(reading.distance_cm):
            return Step.POSITION
        if self.dark is None:
            return Step.DARK
        return Step.WARM_UP if self.steady is None else Step.READINGS

    def _stands_at(self, distance_cm: float) -> bool:
        position = cast("Event", self.position)
        # Typed as measured: within the positioning it is the planned distance.
        return position["stage"] == self.stage and abs(position["distance_cm"] - distance_cm) <= max(
            self.plan.positioning_cm, position["positioning_cm"]
        )

    @property
    def waits_for(self) -> str:
        """What has to happen now, in words for the person at the lamp."""
        reading = self.next_reading
        distance = f"{reading.distance_cm:g} cm" if reading else ""
        match self.step:
            case Step.IDENTITY:
                return "Read the serial number off the lamp and note its condition"
            case Step.POSITION:
                return f"Put the meter at {distance} from the lamp's face, square to the beam, and say so"
            case Step.DARK:
                return "The dark reading: keep the lamp covered from other light"
            case Step.WARM_UP:
                return "The lamp warms up until its readings are steady"
            case Step.READINGS:
                done, of = self.progress
                return (
                    f"Reading {done + 1} of {of} ({self.stage}): {reading.level_pct:g} % at {distance}"
                    if reading
                    else ""
                )
            case Step.ADJUSTMENT:
                return "Adjust the lamp and say what was done, or say that nothing was adjusted"
            case Step.REVIEW:
                return "Look the results over and submit them"
            case Step.APPROVAL:
                return f"Approval by somebody who took no part: not {', '.join(self.people)}"
            case Step.CLOSED:
                return ""

    @property
    def progress(self) -> tuple[int, int]:
        """Readings of this stage that count, and how many it takes."""
        return sum(stage is self.stage for stage, _ in self.taken), len(self.plan.order)

    def readings(self, stage: Stage) -> list[LevelReading]:
        """Those that count, in the order of the plan."""
        return [taken.reading for taken in self.held(stage)]

    def held(self, stage: Stage) -> list[Taken]:
        """The readings that count, in the order of the plan, with how lamp and meter stood."""
        return [self.taken[key] for key in sorted(self.taken) if key[0] is stage]

    @property
    def set_aside(self) -> list[Event]:
        """Readings that were taken and count no more: done again, or of a stage that was."""
        counting = {taken.reading.seq for taken in self.taken.values()}
        readings = (e for e in self.events if e["event"] == "calibration.reading" and e["seq"] not in self.ignored)
        return [event for event in readings if event["seq"] not in counting]

    @cached_property
    def as_found(self) -> Findings | None:
        """None while readings are missing."""
        return self._findings(Stage.AS_FOUND)

    @cached_property
    def as_left(self) -> Findings | None:
        """As-found again when nothing was adjusted; None before that is said, and while readings are missing."""
        if self.adjusted is None:
            return None
        return self._findings(Stage.AS_LEFT) if self.was_adjusted else self.as_found

    def _findings(self, stage: Stage) -> Findings | None:
        readings = self.readings(stage)
        if len(readings) < len(self.plan.order):
            return None
        in_force: Mapping[str, Any] = self.started["in_force"] or {}
        return findings(
            stage,
            readings,
            self.meter,
            self.lamp_type,
            self.plan,
            conditions(self.held(stage), self.plan),
            self.stated if stage is Stage.AS_FOUND else None,
            self.id,
            stated_monitor_factor=in_force.get("monitor_factor", 1.0),
        )

    @property
    def result(self) -> dict[str, Any] | None:
        """What `calibration.submitted` carries: both stages; None before as-left is complete."""
        if self.as_found is None or self.as_left is None:
            return None
        return {"as-found": self.as_found.as_dict(), "as-left": self.as_left.as_dict(), "adjusted": self.was_adjusted}

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the readings of this stage, as far as they go."""
        found = self._findings(self.stage)
        return reading_problems(self.readings(self.stage), self.meter) if found is None else list(found.problems)

    def problems_with(self, action: Step) -> list[Problem]:
        """Why this step cannot be taken now: not its turn, or readings that are no curve (for adjustment and review)."""
        if action is not self.step:
            limit = f"the calibration is at {self.step}"
            return [Problem("step", str(action), limit, self.waits_for or "Begin a new calibration")]
        return self.problems if action in (Step.ADJUSTMENT, Step.REVIEW) else []

    def problems_with_redo(self, step: Step, stage: Stage) -> list[Problem]:
        """Why a step cannot be done again."""
        if self.closed is not None:
            return [Problem("step", str(step), f"this calibration was {self.outcome}", "Begin a new calibration")]
        if step in (Step.APPROVAL, Step.CLOSED):
            return [Problem("step", str(step), "cannot be done again", "Redo the review, or reject it")]
        if self.was_adjusted and stage is Stage.AS_FOUND and step in (Step.IDENTITY, Step.POSITION, *BENCH):
            limit = "the lamp was adjusted: it is no longer as it was found"
            return [Problem("stage", str(stage), limit, "Redo the as-left readings, or abandon this calibration")]
        return []

    def problems_with_approval(self, by: str) -> list[Problem]:
        """Why this person cannot approve it: nothing submitted, or own work."""
        problems = self.problems_with(Step.APPROVAL)
        if not by.strip():
            problems.append(Problem("by", by, "names nobody", "Give the name of the person who approves"))
        elif plain(by) in {plain(name) for name in self.people}:
            limit = "took part in this calibration, and nobody approves their own work"
            problems.append(Problem("by", by, limit, "Have it approved by somebody who took no part"))
        return problems

    def as_calibration(
        self,
        *,
        approved_by: str,
        approved_at: datetime,
        valid_until: datetime,
        drift_allowance_pct: float,
        response: LampResponse,
        valid_for_hours: float | None = None,
        patient_positioning_cm: float | None = None,
    ) -> Calibration:
        """What an approval by this person puts in force. `patient_positioning_cm`: how well the distance to a patient is kept; by default, as the
        meter's. Raises Refused, CalibrationError."""
        left = self.as_left
        if (problems := self.problems_with_approval(approved_by)) or left is None or self.submitted is None:
            raise Refused(problems)
        # Six digits, as the certificate prints them: what is in force is what is signed.
        return Calibration(
            id=self.id,
            lamp_serial=self.lamp_info["serial"],
            emitter=self.lamp_info["emitter"],
            distance_cm=self.plan.distance_cm,
            performed_at=datetime.fromisoformat(self.submitted["at"]),
            performed_by=self.by,
            meter=f"{self.meter.name} ({self.meter.serial}, certificate {self.meter.certificate})",
            valid_until=valid_until,
            expanded_uncertainty_pct=to_six_digits(left.curve.expanded_pct),
            drift_allowance_pct=drift_allowance_pct,
            positioning_cm=patient_positioning_cm or self.plan.positioning_cm,
            points=points_from(to_six_digits([[p.level_pct, p.irradiance_mw_cm2] for p in left.points])),
            response=response,
            meter_uncertainty_pct=None if left.monitor_factor is None else to_six_digits(left.monitor.expanded_pct),
            lamp_type=self.lamp_type,
            lamp_hours=(self.identified or {}).get("lamp_hours", 0.0),
            valid_for_hours=valid_for_hours,
            monitor_factor=1.0 if left.monitor_factor is None else to_six_digits(left.monitor_factor),
            binding=self.started["binding"],
            approved_by=approved_by,
            approved_at=approved_at,
            curve_budget=left.curve,
            monitor_budget=left.monitor,
        )


def plain(name: str) -> str:
    """Upper and lower case and spaces make no other person."""
    return " ".join(name.casefold().split())
