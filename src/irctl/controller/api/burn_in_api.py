"""The control API's part on burning lamps in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from irctl.controller.calibration import burn_in
from irctl.controller.station import Station
from irctl.domain.burn_in import Plan

Text = Annotated[str, Field(max_length=200)]


class BurnInBody(BaseModel):
    # Strict: hours are a number, neither "12" nor true.
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    by: Text
    nobody_under_the_lamp: bool
    dummy_load: bool
    hours: float
    levels_pct: Annotated[list[float], Field(max_length=20)] = [100.0]
    on_min: float = 50.0
    off_min: float = 10.0


class AbortBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: Text


def router(station: Station) -> APIRouter:
    """Burn-ins of a running station."""
    api = APIRouter()

    @api.post("/v1/lamps/{lamp}/burn-in", status_code=202)
    async def post_burn_in(lamp: str, body: BurnInBody) -> dict[str, Any]:
        """Light a lamp for hours on a dummy load, with nobody beside it, where the station file allows it."""
        plan = Plan(body.hours, tuple(body.levels_pct), body.on_min, body.off_min)
        nobody, dummy_load = body.nobody_under_the_lamp, body.dummy_load
        file, lamps = station.config.file, station.lamps
        return burn_in.begin(file, lamps, lamp, plan, body.by, nobody=nobody, dummy_load=dummy_load).view()

    @api.get("/v1/lamps/{lamp}/burn-in")
    async def get_burn_in(lamp: str) -> dict[str, Any]:
        """The burn-in that is under way, or the last one of this run of the controller."""
        return burn_in.present(station.lamps, lamp).view()

    @api.post("/v1/lamps/{lamp}/burn-in/abort")
    async def post_abort_burn_in(lamp: str, body: AbortBody) -> dict[str, Any]:
        """End it, dark."""
        found = burn_in.present(station.lamps, lamp)
        found.end(f"aborted by {body.by}")
        return found.view()

    return api
