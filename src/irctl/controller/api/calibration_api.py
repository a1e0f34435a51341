"""The control API's part on calibrations, checks and maintenance: each verb is one request, each refusal carries every reason."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from irctl.bus.errors import BusError
from irctl.controller.api.typed import cm, mw_cm2
from irctl.controller.station import Station
from irctl.devices.roles import DeviceFault
from irctl.domain.chain import Event
from irctl.domain.problems import Problem, Refused
from irctl.domain.worksheet import Stage

Text = Annotated[str, Field(max_length=200)]
Note = Annotated[str, Field(max_length=2000)]
ANGLE_MAX_DEG = 30.0


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: Text


class StartBody(_Body):
    meter: Text
    nobody_under_the_lamp: bool
    temperature_c: float | None = None
    note: Note = ""


class IdentifyBody(_Body):
    serial: Text
    condition: Note


class PositionBody(_Body):
    distance: float
    unit: Text
    """cm or in: never guessed."""
    angle_deg: Annotated[float, Field(ge=-ANGLE_MAX_DEG, le=ANGLE_MAX_DEG)] = 0.0
    positioning_cm: Annotated[float, Field(gt=0, le=10)] | None = None


class ReadBody(_Body):
    """Without a value: go on. With one: what the meter shows, where that is asked for."""

    value: float | None = None
    unit: Text = ""


class RedoBody(_Body):
    step: Text
    reason: Note
    stage: Stage | None = None
    levels_pct: Annotated[list[float], Field(max_length=20)] | None = None
    """Only the readings of these; None: all of the stage's."""


class AdjustBody(_Body):
    what: Note | None
    """None: nothing was adjusted."""


class CloseBody(_Body):
    reason: Note


class CheckBody(_Body):
    """`value`: what the meter shows, where a check that is under way asks for it; else one begins."""

    reference: Annotated[Text, Field(alias="with")] = "monitor"
    nobody_under_the_lamp: bool = False
    value: float | None = None
    unit: Text = ""


class MaintenanceBody(_Body):
    kind: Text
    note: Note


class ImpactBody(_Body):
    decision: Note
    reason: Note


class CompareBody(_Body):
    a: Text
    b: Text
    """Calibrations of the same lamp with the two meters: what they found is compared."""


def router(station: Station) -> APIRouter:
    """Everything about calibrations of a running station."""
    api = APIRouter()

    @api.post("/v1/lamps/{lamp}/calibrations", status_code=201)
    async def post_calibration(lamp: str, body: StartBody) -> dict[str, Any]:
        """Begin a calibration with a reference meter."""
        environment = {"temperature_c": body.temperature_c, "note": body.note}
        nobody = body.nobody_under_the_lamp
        return station.calibrations.view(
            station.calibrations.start(lamp, body.meter, body.by, nobody=nobody, environment=environment)
        )

    @api.get("/v1/calibrations")
    async def get_calibrations(lamp: Annotated[str | None, Query(max_length=40)] = None) -> list[dict[str, Any]]:
        """Every calibration, newest first; of one lamp where it is named."""
        return await station.calibrations.listed(lamp)

    @api.get("/v1/calibrations/{calibration}")
    async def get_calibration(calibration: str) -> dict[str, Any]:
        """One calibration: what was found, which step is next, what it waits for."""
        return station.calibrations.view(await station.calibrations.found(calibration))

    @api.get("/v1/calibrations/{calibration}/events")
    async def get_events(calibration: str) -> list[Event]:
        """Every event of one calibration, oldest first."""
        return list((await station.calibrations.found(calibration)).events)

    @api.get("/v1/calibrations/{calibration}/certificate")
    async def get_certificate(calibration: str) -> dict[str, Any]:
        """The signed payload of an approved one: everything its certificate says."""
        return await station.calibrations.certificate(calibration)

    @api.post("/v1/calibrations/{calibration}/identify")
    async def post_identify(calibration: str, body: IdentifyBody) -> dict[str, Any]:
        """Serial number and condition, as the plate says. The devices are asked who they are."""
        try:
            return station.calibrations.view(
                await station.calibrations.identify(calibration, body.by, body.serial, body.condition)
            )
        except (BusError, DeviceFault) as error:
            remedy = "Check the emitter's line and supply, then try again"
            raise Refused([Problem("emitter", None, str(error), remedy)], conflict=True) from None

    @api.post("/v1/calibrations/{calibration}/position")
    async def post_position(calibration: str, body: PositionBody) -> dict[str, Any]:
        """Where the meter stands; the unit is never guessed."""
        distance_cm = cm("distance", body.distance, body.unit)
        return station.calibrations.view(
            station.calibrations.position(calibration, body.by, distance_cm, body.angle_deg, body.positioning_cm)
        )

    @api.post("/v1/calibrations/{calibration}/read", status_code=202)
    async def post_read(calibration: str, body: ReadBody) -> dict[str, Any]:
        """Take the next readings, with light; or, with a value, what a meter without a line shows."""
        value = None if body.value is None else mw_cm2("value", body.value, body.unit)
        return station.calibrations.view(station.calibrations.read(calibration, body.by, value))

    @api.post("/v1/calibrations/{calibration}/redo")
    async def post_redo(calibration: str, body: RedoBody) -> dict[str, Any]:
        """Do a step again, with the reason. What was read stays in the journal."""
        return station.calibrations.view(
            station.calibrations.redo(calibration, body.by, body.step, body.reason, body.stage, body.levels_pct)
        )

    @api.post("/v1/calibrations/{calibration}/adjust")
    async def post_adjust(calibration: str, body: AdjustBody) -> dict[str, Any]:
        """What was adjusted, or `null` for nothing."""
        return station.calibrations.view(station.calibrations.adjust(calibration, body.by, body.what))

    @api.post("/v1/calibrations/{calibration}/submit")
    async def post_submit(calibration: str, body: _Body) -> dict[str, Any]:
        """Hand it in for approval."""
        return station.calibrations.view(station.calibrations.submit(calibration, body.by))

    @api.post("/v1/calibrations/{calibration}/approve")
    async def post_approve(calibration: str, body: _Body) -> dict[str, Any]:
        """A second person approves it: signed, and in force."""
        return station.calibrations.view(station.calibrations.approve(calibration, body.by))

    @api.post("/v1/calibrations/{calibration}/{how}")
    async def post_close(calibration: str, how: Literal["reject", "abandon"], body: CloseBody) -> dict[str, Any]:
        """Turn down what was handed in (`reject`), or give it up (`abandon`). What was in force stays."""
        return station.calibrations.view(
            station.calibrations.close(
                calibration, body.by, body.reason, "rejected" if how == "reject" else "abandoned"
            )
        )

    @api.get("/v1/calibrations/{calibration}/impact")
    async def get_impact(calibration: str) -> dict[str, Any]:
        """The sessions that a failed as-found concerns, with what each may have given."""
        return await station.upkeep.impact(calibration)

    @api.post("/v1/calibrations/{calibration}/impact")
    async def post_impact(calibration: str, body: ImpactBody) -> dict[str, Any]:
        """A named person's decision over them."""
        return await station.upkeep.review_impact(calibration, body.by, body.decision, body.reason)

    @api.post("/v1/lamps/{lamp}/check", status_code=202)
    async def post_check(lamp: str, body: CheckBody) -> dict[str, Any]:
        """Begin a check against the calibration in force; or, with a value, what a meter without a line shows."""
        if body.value is not None:
            station.upkeep.checking(lamp).measuring.type_in(mw_cm2("value", body.value, body.unit))
            return station.upkeep.checking(lamp).view()
        return station.upkeep.check(lamp, body.by, body.reference, nobody=body.nobody_under_the_lamp).view()

    @api.get("/v1/lamps/{lamp}/check")
    async def get_check(lamp: str) -> dict[str, Any]:
        """The check that is under way, or the last one of this run of the controller."""
        return station.upkeep.checking(lamp).view()

    @api.get("/v1/lamps/{lamp}/checks")
    async def get_checks(lamp: str) -> list[Event]:
        """The checks that came to a verdict, newest first."""
        return await station.upkeep.checks(lamp)

    @api.post("/v1/lamps/{lamp}/unlock")
    async def post_unlock(lamp: str, body: CloseBody) -> dict[str, Any]:
        """A named person answers for a lamp that failed its check. Not in clinical mode."""
        station.upkeep.unlock(lamp, body.by, body.reason)
        return {"lamp": lamp, "locked": None}

    @api.post("/v1/lamps/{lamp}/maintenance", status_code=201)
    async def post_maintenance(lamp: str, body: MaintenanceBody) -> dict[str, Any]:
        """Write down work on a lamp. By its kind the calibration stays, needs a check, or is void."""
        return dict(station.upkeep.maintain(lamp, body.by, body.kind, body.note))

    @api.get("/v1/lamps/{lamp}/maintenance")
    async def get_maintenance(lamp: str) -> list[Event]:
        """The work that was written down, newest first."""
        return await station.upkeep.maintenance(lamp)

    @api.get("/v1/lamps/{lamp}/drift")
    async def get_drift(lamp: str) -> dict[str, Any]:
        """How the lamp has changed since its calibration, the evidence, and its forecast."""
        return await station.upkeep.drift(lamp)

    @api.get("/v1/due")
    async def get_due() -> list[dict[str, Any]]:
        """What is due, and when: calibrations, checks, maintenance, meters."""
        return station.upkeep.due()

    @api.post("/v1/meters/compare")
    async def post_compare(body: CompareBody) -> dict[str, Any]:
        """Do two meters agree, by a calibration with each of the same lamp?"""
        return await station.upkeep.compare(body.by, body.a, body.b)

    @api.get("/v1/meters")
    async def get_meters() -> list[dict[str, Any]]:
        """The reference meters and their certificates."""
        return station.calibrations.meters()

    return api
