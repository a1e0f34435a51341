"""The calibrations of a station: what a person may do to a worksheet. Each is one event in the journal, or a refusal with every reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from importlib.metadata import version
from typing import Any

from irctl.controller.calibration import measuring
from irctl.controller.calibration.calibrating import Calibrating
from irctl.controller.calibration.in_force import binding
from irctl.controller.calibration.worksheets import Worksheets, last
from irctl.controller.config import StationConfig
from irctl.controller.light import record
from irctl.controller.light.equipment import Equipment
from irctl.controller.light.lamp import Lamp
from irctl.controller.upkeep_section import UpkeepSection
from irctl.devices.registry import Devices
from irctl.devices.roles import Identity, Radiometer
from irctl.domain import certificate
from irctl.domain.calibration import Calibration
from irctl.domain.forecast import AsFound, IntervalPolicy, next_interval_days
from irctl.domain.meters import Meter, meter_problems
from irctl.domain.plan import plan, plan_problems
from irctl.domain.plausibility import distance_problem
from irctl.domain.problems import Problem, Refused
from irctl.domain.response import LampResponse, ResponsePart
from irctl.domain.worksheet import BENCH, Stage, Step, Worksheet

HISTORY_MAX = 20
"""As-found decisions that the next interval follows from."""


@dataclass
class Calibrations(Worksheets):
    """The worksheets of this station, and what people do to them."""

    config: StationConfig
    devices: Devices
    lamps: Mapping[str, Lamp]
    # --- looking -----------------------------------------------------------------------------------------------------

    def meters(self) -> list[dict[str, Any]]:
        """The station's meters, and why one cannot be used now."""
        now = self.journal.clock()
        types = sorted({lamp.upkeep.lamp_type for lamp in self.config.file.lamps.values()})
        return [
            meter.as_dict()
            | {
                "typed": self.device_of(name) is None,
                "problems": [
                    p.as_dict() for p in {str(p): p for t in types for p in meter_problems(meter, t, now)}.values()
                ],
            }
            for name, meter in self.config.meters.items()
        ]

    def view(self, sheet: Worksheet) -> dict[str, Any]:
        """A worksheet for screens and scripts: where it stands, what it waits for, what the instruments show."""
        done, of = sheet.progress
        run = self._run_of(sheet)
        reading = sheet.next_reading
        lit = run is not None and not run.done
        return {
            "id": sheet.id,
            "lamp": sheet.lamp,
            "by": sheet.by,
            "started_at": record.iso(sheet.started_at),
            "meter": sheet.meter.as_dict() | {"typed": self.device_of(sheet.meter.name) is None},
            "plan": sheet.plan.as_dict(),
            "stage": sheet.stage,
            "step": sheet.step,
            "outcome": sheet.outcome,
            "waits_for": sheet.waits_for,
            "progress": {"done": done, "of": of},
            "next": None if reading is None else {"level_pct": reading.level_pct, "distance_cm": reading.distance_cm},
            "running": lit,
            "ended": run.ended if run is not None and sheet.step in BENCH else None,
            **measuring.view(run.measuring if run is not None and lit else None),
            "as_found": sheet.as_found.as_dict() if sheet.as_found else None,
            "as_left": sheet.as_left.as_dict() if sheet.as_left else None,
            "in_force": sheet.started["in_force"],
            "people": sorted(sheet.people),
            "readings": [e for e in sheet.events if e["event"] == "calibration.reading"],
            "problems": [p.as_dict() for p in _in_the_way(sheet)],
        }

    # --- what people do ----------------------------------------------------------------------------------------------

    def start(
        self, lamp: str, meter: str, by: str, *, nobody: bool, environment: Mapping[str, Any], seed: int = 0
    ) -> Worksheet:
        """Begin a worksheet. Raises Refused with every reason."""
        problems = _named(by)
        if not nobody:
            remedy = "Put nothing but the meter under the lamp, and confirm it"
            problems.append(
                Problem("nobody_under_the_lamp", nobody, "is not confirmed, and the lamp will light", remedy)
            )
        if lamp not in self.lamps:
            problems.append(Problem("lamp", lamp, "no such lamp", f"Known are {', '.join(sorted(self.lamps))}"))
        reference = self.config.meters.get(meter)
        if reference is None:
            known = ", ".join(sorted(self.config.meters)) or "none: add it under [meters]"
            problems.append(Problem("meter", meter, "no such meter", f"Known are {known}"))
        if lamp not in self.lamps or reference is None:
            raise Refused(problems)
        equipment, upkeep = self.lamps[lamp].equipment, self._upkeep(lamp)
        distances = (equipment.info.distance_cm, *(d for d in upkeep.distances_cm if d != equipment.info.distance_cm))
        problems += meter_problems(reference, upkeep.lamp_type, self.journal.clock())
        problems += plan_problems(upkeep.levels_pct, distances, upkeep.repeats)
        problems += self._levels_it_cannot_hold(equipment, upkeep) + equipment.changed()
        taken = self.open(lamp) + [one for one in self.open() if one.meter.name == meter and one.lamp != lamp]
        for sheet in taken:
            what = f"is taken by calibration {sheet.id}"
            which = ("lamp", lamp) if sheet.lamp == lamp else ("meter", meter)
            problems.append(
                Problem(*which, what, f"Go on with that one, or abandon it: irctl calibrations show {sheet.id}")
            )
        problems += self._unwritable()
        if problems:
            raise Refused(problems, conflict=bool(taken))
        day = f"{self.journal.clock():%Y%m%d}"
        calibration = self.journal.memory.next_calibration(day)
        drawn = seed or int.from_bytes(sha256(calibration.encode()).digest()[:4])
        chosen = plan(
            upkeep.levels_pct, distances, upkeep.repeats, drawn,
            tolerance_pct=upkeep.tolerance_pct, positioning_cm=upkeep.positioning_cm,
        )  # fmt: skip
        in_force = equipment.calibration
        self._write(
            "calibration.started", lamp, calibration,
            by=by,
            meter=reference.as_dict(),
            plan=chosen.as_dict(),
            lamp_info=equipment.info.as_dict() | {"lamp_type": upkeep.lamp_type},
            binding=binding(self.config.file, lamp),
            in_force=None if in_force is None else _compared_with(in_force),
            environment=dict(environment),
        )  # fmt: skip
        return self.sheet(calibration)

    async def identify(self, calibration: str, by: str, serial: str, condition: str) -> Worksheet:
        """The lamp is the right one, and how it looks. Raises Refused, BusError, DeviceFault."""
        sheet = self._may(calibration, by, Step.IDENTITY)
        equipment = self.lamps[sheet.lamp].equipment
        problems: list[Problem] = []
        if serial != equipment.info.serial:
            remedy = "Look at the plate. Where the lamp was replaced, change its serial in the station file first"
            problems.append(Problem("serial", serial, f"the station file says {equipment.info.serial!r}", remedy))
        if not condition.strip():
            problems.append(
                Problem("condition", condition, "is empty", "Say how the lamp, its reflector and cable look")
            )
        problems += await self._meter_on_its_line(sheet)
        if problems:
            raise Refused(problems)
        identity = await equipment.output.emitter.identify()
        self._write(
            "calibration.identified", sheet.lamp, sheet.id,
            by=by,
            serial=serial,
            condition=condition,
            lamp_hours=round(equipment.in_force.use.lamp_hours, 3),
            starts=equipment.in_force.use.starts,
            emitter=_identity(identity),
        )  # fmt: skip
        return self.sheet(calibration)

    def position(
        self, calibration: str, by: str, distance_cm: float, angle_deg: float, positioning_cm: float | None
    ) -> Worksheet:
        """The meter stands where the next reading wants it. Raises Refused."""
        sheet = self._may(calibration, by, Step.POSITION)
        reading = sheet.next_reading
        wanted_cm = sheet.plan.distance_cm if reading is None else reading.distance_cm
        wrong = distance_problem("distance", distance_cm, wanted_cm)
        if wrong is not None:
            raise Refused([wrong])
        self._write(
            "calibration.positioned", sheet.lamp, sheet.id,
            by=by,
            stage=sheet.stage,
            distance_cm=round(distance_cm, 3),
            angle_deg=angle_deg,
            positioning_cm=sheet.plan.positioning_cm if positioning_cm is None else positioning_cm,
        )  # fmt: skip
        return self.sheet(calibration)

    def read(self, calibration: str, by: str, value_mw_cm2: float | None = None) -> Worksheet:
        """Go on with dark, warm-up and readings; or, where a typed value is asked for, that value. Raises Refused."""
        sheet = self._may(calibration, by, *BENCH)
        run = self._run_of(sheet)
        if run is not None and not run.done:
            if value_mw_cm2 is None:
                raise Refused([Problem("calibration", sheet.id, "is reading already", "Wait for it")], conflict=True)
            run.measuring.type_in(value_mw_cm2)
            return sheet
        if value_mw_cm2 is not None:
            raise Refused(
                [Problem("value", value_mw_cm2, "is not asked for now", "Begin to read first")], conflict=True
            )
        lamp = self.lamps[sheet.lamp]
        meter = self.device_of(sheet.meter.name)
        problems = lamp.reasons_against_light() + self._meter_changed(sheet)
        if problems:
            raise Refused(problems, conflict=True)
        run = Calibrating(
            lamp.equipment,
            sheet.id,
            lambda: self.sheet(sheet.id),
            meter,
            self._response(sheet.lamp),
            self._upkeep(sheet.lamp).samples,
        )
        lamp.work_on_bench(run)
        return sheet

    def redo(
        self,
        calibration: str,
        by: str,
        step: str,
        reason: str,
        stage: Stage | None = None,
        levels_pct: Sequence[float] | None = None,
    ) -> Worksheet:
        """A step again; what it had does not count any more. Raises Refused."""
        sheet = self._open_sheet(calibration, by)
        problems: list[Problem] = []
        of = stage or sheet.stage
        if step not in list(Step):
            problems.append(Problem("step", step, "is no step", f"One of {', '.join(Step)}"))
        else:
            problems += sheet.problems_with_redo(Step(step), of)
        if not reason.strip():
            problems.append(Problem("reason", reason, "is empty", "Say why: it goes into the record"))
        if problems:
            raise Refused(problems)
        self._end_run(sheet, f"{by} does {step} again")
        levels = None if levels_pct is None else list(levels_pct)
        self._write(
            "calibration.redone", sheet.lamp, sheet.id, by=by, step=step, stage=of, reason=reason, levels_pct=levels
        )
        return self.sheet(calibration)

    def adjust(self, calibration: str, by: str, what: str | None) -> Worksheet:
        """What was adjusted; None: nothing, and as-found counts as as-left. Raises Refused."""
        sheet = self._may(calibration, by, Step.ADJUSTMENT)
        self._write("calibration.adjusted", sheet.lamp, sheet.id, by=by, what=(what or "").strip() or None)
        return self.sheet(calibration)

    def submit(self, calibration: str, by: str) -> Worksheet:
        """Hand it to a second person. Raises Refused with everything that is wrong with the readings."""
        sheet = self._may(calibration, by, Step.REVIEW)
        self._write("calibration.submitted", sheet.lamp, sheet.id, by=by, result=sheet.result)
        return self.sheet(calibration)

    def approve(self, calibration: str, by: str) -> Worksheet:
        """A second named person lets it go: signed, and in force from here on. Raises Refused."""
        sheet = self._open_sheet(calibration, by)
        problems = (
            sheet.problems_with_approval(by) + self._meter_changed(sheet) + self.lamps[sheet.lamp].equipment.changed()
        )
        if sheet.started["binding"] != binding(self.config.file, sheet.lamp):
            changed = "the lamp's emitter, radiometer or their settings changed since it began"
            problems.append(Problem("calibration", sheet.id, changed, "Abandon it, and calibrate what is there now"))
        problems += self._unwritable()
        if problems:
            raise Refused(problems)
        now, upkeep = _to_milliseconds(self.journal.clock()), self._upkeep(sheet.lamp)
        history = [*self.lamps[sheet.lamp].equipment.in_force.history, *_as_found(sheet)][-HISTORY_MAX:]
        approved = sheet.as_calibration(
            approved_by=by,
            approved_at=now,
            valid_until=now + timedelta(days=next_interval_days(history, IntervalPolicy(upkeep.interval_days))),
            drift_allowance_pct=upkeep.drift_allowance_pct,
            response=self._response(sheet.lamp),
            valid_for_hours=upkeep.interval_hours,
            patient_positioning_cm=upkeep.positioning_cm,
        )
        approval = certificate.Approval(sheet.id, by, now, approved.as_dict())
        told = certificate.payload(sheet.events, self.station_told, version("irctl"), approval)
        key, signature = self.journal.sign_document(certificate.message(told))
        self._write(
            "calibration.approved", sheet.lamp, sheet.id,
            by=by,
            record=approved.as_dict(),
            history=[{"at": record.iso(one.at), "decision": one.decision} for one in history],
            bound_to={
                "emitter": last(sheet, "calibration.identified")["emitter"],
                "meter": {"certificate": sheet.meter.certificate, "sha256": sheet.meter.sha256},
            },
            certificate={
                "number": sheet.id,
                "at": record.iso(now),
                "sha256": certificate.digest(told),
                "key": key,
                "signature": signature,
                "public_key": self.journal.public_key,
                "station": self.station_told,
                "version": version("irctl"),
            },
        )  # fmt: skip
        return self.sheet(calibration)

    def close(self, calibration: str, by: str, reason: str, how: str) -> Worksheet:
        """Reject or abandon it: what was in force stays, and the worksheet stays on record. Raises Refused."""
        sheet = self._open_sheet(calibration, by)
        problems: list[Problem] = []
        if not reason.strip():
            problems.append(Problem("reason", reason, "is empty", "Say why: it goes into the record"))
        if how == "rejected" and sheet.step is not Step.APPROVAL:
            problems.append(Problem("step", sheet.step, "nothing was submitted", "Abandon it, or wait for its review"))
        if problems:
            raise Refused(problems)
        self._end_run(sheet, f"{how} by {by}")
        self._write(f"calibration.{how}", sheet.lamp, sheet.id, by=by, reason=reason)
        return self.sheet(calibration)

    # --- for documents -----------------------------------------------------------------------------------------------

    @property
    def station_told(self) -> dict[str, Any]:
        """What a certificate says of who issues it."""
        station = self.config.file.station
        return {
            "name": station.name,
            "simulated": station.mode == "simulation",
            **station.model_dump(include={"laboratory", "address", "owner"}, exclude_none=True),
        }

    # --- at the start ------------------------------------------------------------------------------------------------

    def restore(self) -> None:
        """Whatever an earlier controller was doing when it ended was cut off."""
        for sheet in self.open():
            if sheet.step in BENCH:
                self._write("calibration.interrupted", sheet.lamp, sheet.id, reason="the controller ended")

    # --- inside ------------------------------------------------------------------------------------------------------

    def _may(self, calibration: str, by: str, *steps: Step) -> Worksheet:
        """The worksheet, if it is one of these steps' turn. Raises Refused."""
        sheet = self._open_sheet(calibration, by)
        wanted = sheet.step if sheet.step in steps else steps[0]
        if problems := sheet.problems_with(wanted) + self._unwritable():
            raise Refused(problems, conflict=sheet.step not in steps)
        return sheet

    def _open_sheet(self, calibration: str, by: str) -> Worksheet:
        sheet = self.sheet(calibration)
        problems = _named(by)
        if sheet.step is Step.CLOSED:
            problems.append(Problem("calibration", sheet.id, f"is {sheet.outcome}", "Begin another"))
        if problems:
            raise Refused(problems, conflict=sheet.step is Step.CLOSED)
        return sheet

    def _run_of(self, sheet: Worksheet) -> Calibrating | None:
        """The present or last stretch of light of this worksheet."""
        work = self.lamps[sheet.lamp].bench_work
        return work if isinstance(work, Calibrating) and work.id == sheet.id else None

    def _end_run(self, sheet: Worksheet, reason: str) -> None:
        run = self._run_of(sheet)
        if run is not None and not run.done:
            run.end(reason)

    def _upkeep(self, lamp: str) -> UpkeepSection:
        return self.config.file.lamps[lamp].upkeep

    def device_of(self, meter: str) -> Radiometer | None:
        """The meter on its line; None for one whose readings are typed."""
        section = self.config.file.meters.get(meter)
        return None if section is None or section.device is None else self.devices.radiometer(section.device)

    async def _meter_on_its_line(self, sheet: Worksheet) -> list[Problem]:
        """What answers must be the instrument of the certificate, where it can tell. Raises BusError, DeviceFault."""
        device = self.device_of(sheet.meter.name)
        serial = None if device is None else (await device.identify()).serial
        if serial in (None, sheet.meter.serial):
            return []
        what = f"the instrument on the line says {serial}, the certificate {sheet.meter.serial}"
        return [Problem("meter", sheet.meter.name, what, "Connect the meter of this certificate, or abandon this")]

    def _meter_changed(self, sheet: Worksheet) -> list[Problem]:
        """The meter must still be the one, and its certificate still that."""
        now: Meter | None = self.config.meters.get(sheet.meter.name)
        problems = meter_problems(sheet.meter, self._upkeep(sheet.lamp).lamp_type, self.journal.clock())
        if now is None or now.sha256 != sheet.meter.sha256:
            remedy = "Abandon this calibration, and begin another with the certificate that holds"
            problems.append(
                Problem("meter", sheet.meter.name, "its certificate is not the one this began with", remedy)
            )
        return problems

    def _response(self, lamp: str) -> LampResponse:
        """As an earlier calibration has it, else as the station file says."""
        in_force = self.lamps[lamp].equipment.calibration
        if in_force is not None:
            return in_force.response
        return LampResponse(tuple(ResponsePart(r.fraction, r.tau_s) for r in self._upkeep(lamp).response))

    def _levels_it_cannot_hold(self, equipment: Equipment, upkeep: UpkeepSection) -> list[Problem]:
        held: Callable[[float], float] = equipment.output.level_below
        cannot = [level for level in upkeep.levels_pct if abs(held(level) - level) > 1e-6]
        if not cannot:
            return []
        step, lowest = equipment.output.emitter.level_step_pct, equipment.output.emitter.level_min_pct
        what = f"{equipment.info.emitter} holds levels from {lowest:g} % in steps of {step:g} %"
        return [Problem("upkeep.levels_pct", cannot, what, "Name such levels in the station file")]

    def _unwritable(self) -> list[Problem]:
        if self.journal.writable:
            return []
        remedy = "Free disk space or restore access, then restart"
        return [Problem("journal", self.journal.failure, "cannot be written", remedy)]

    def _write(self, event: str, lamp: str, calibration: str, **fields: Any) -> None:
        self.journal.write(event, lamp=lamp, calibration=calibration, **fields)


def _in_the_way(sheet: Worksheet) -> Sequence[Problem]:
    """What keeps a person from the step that is next."""
    return sheet.problems_with(sheet.step) if sheet.step in (Step.ADJUSTMENT, Step.REVIEW) else ()


def _to_milliseconds(moment: datetime) -> datetime:
    """As the journal writes it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _as_found(sheet: Worksheet) -> list[AsFound]:
    """How this one found the lamp, where there was something to compare it with."""
    found = sheet.as_found
    return [] if found is None or found.verdict is None else [AsFound(sheet.started_at, found.verdict.decision)]


def _compared_with(calibration: Calibration) -> dict[str, Any]:
    return record.calibration_told(calibration) | {
        "points": [[point.level_pct, point.irradiance_mw_cm2] for point in calibration.points]
    }


def _named(by: str) -> list[Problem]:
    return [] if by.strip() else [Problem("by", by, "is empty", "Say who does this: it goes into the record")]


def _identity(identity: Identity) -> dict[str, str | None]:
    return {"model": identity.model, "serial": identity.serial, "firmware": identity.firmware}
