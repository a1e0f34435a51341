"""The control API's part on calibrations, checks and maintenance: each verb is one request, each refusal carries every reason."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from irctl.bus.errors import BusError
from irctl.controller.calibrations import cm, mw_cm2
from irctl.controller.station import Station
from irctl.devices.roles import DeviceFault
from irctl.domain.chain import Event
from irctl.domain.problems import Problem, Refused

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


class AdjustBody(_Body):
    what: Note | None
    """None: nothing was adjusted."""


class CloseBody(_Body):
    reason: Note


def router(station: Station) -> APIRouter:
    """Everything about calibrations of a running station."""
    api = APIRouter()
    sheets = station.calibrations

    @api.post("/v1/lamps/{lamp}/calibrations", status_code=201)
    async def post_calibration(lamp: str, body: StartBody) -> dict[str, Any]:
        environment = {"temperature_c": body.temperature_c, "note": body.note}
        nobody = body.nobody_under_the_lamp
        return sheets.view(sheets.start(lamp, body.meter, body.by, nobody=nobody, environment=environment))

    @api.get("/v1/calibrations")
    async def get_calibrations(lamp: Annotated[str | None, Query(max_length=40)] = None) -> list[dict[str, Any]]:
        return await sheets.listed(lamp)

    @api.get("/v1/calibrations/{calibration}")
    async def get_calibration(calibration: str) -> dict[str, Any]:
        return sheets.view(await sheets.found(calibration))

    @api.get("/v1/calibrations/{calibration}/events")
    async def get_events(calibration: str) -> list[Event]:
        return list((await sheets.found(calibration)).events)

    @api.get("/v1/calibrations/{calibration}/certificate")
    async def get_certificate(calibration: str) -> dict[str, Any]:
        return await sheets.certificate(calibration)

    @api.post("/v1/calibrations/{calibration}/identify")
    async def post_identify(calibration: str, body: IdentifyBody) -> dict[str, Any]:
        try:
            return sheets.view(await sheets.identify(calibration, body.by, body.serial, body.condition))
        except (BusError, DeviceFault) as error:
            remedy = "Check the emitter's line and supply, then try again"
            raise Refused([Problem("emitter", None, str(error), remedy)], conflict=True) from None

    @api.post("/v1/calibrations/{calibration}/position")
    async def post_position(calibration: str, body: PositionBody) -> dict[str, Any]:
        distance_cm = cm("distance", body.distance, body.unit)
        return sheets.view(sheets.position(calibration, body.by, distance_cm, body.angle_deg, body.positioning_cm))

    @api.post("/v1/calibrations/{calibration}/read", status_code=202)
    async def post_read(calibration: str, body: ReadBody) -> dict[str, Any]:
        value = None if body.value is None else mw_cm2("value", body.value, body.unit)
        return sheets.view(sheets.read(calibration, body.by, value))

    @api.post("/v1/calibrations/{calibration}/redo")
    async def post_redo(calibration: str, body: RedoBody) -> dict[str, Any]:
        return sheets.view(sheets.redo(calibration, body.by, body.step, body.reason))

    @api.post("/v1/calibrations/{calibration}/adjust")
    async def post_adjust(calibration: str, body: AdjustBody) -> dict[str, Any]:
        return sheets.view(sheets.adjust(calibration, body.by, body.what))

    @api.post("/v1/calibrations/{calibration}/submit")
    async def post_submit(calibration: str, body: _Body) -> dict[str, Any]:
        return sheets.view(sheets.submit(calibration, body.by))

    @api.post("/v1/calibrations/{calibration}/approve")
    async def post_approve(calibration: str, body: _Body) -> dict[str, Any]:
        return sheets.view(sheets.approve(calibration, body.by))

    @api.post("/v1/calibrations/{calibration}/{how}")
    async def post_close(calibration: str, how: Literal["reject", "abandon"], body: CloseBody) -> dict[str, Any]:
        return sheets.view(
            sheets.close(calibration, body.by, body.reason, "rejected" if how == "reject" else "abandoned")
        )

    @api.get("/v1/meters")
    async def get_meters() -> list[dict[str, Any]]:
        return station.calibrations.meters()

    return api
