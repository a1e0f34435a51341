"""The control API's part on reminders: for whoever keeps the schedule."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from irctl.controller.calibration.reminders import Request
from irctl.controller.station import Station

Text = Annotated[str, Field(min_length=1, max_length=200)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    item: Text
    """As GET /v1/due names it (`what`)."""


class ReminderBody(_Body):
    occasion: Text
    lead_days: Annotated[int, Field(ge=-100_000, le=10_000)]
    text: Annotated[str, Field(min_length=1, max_length=500)]
    due_at: AwareDatetime | None = None
    late_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


class SettleBody(_Body):
    because: Text


def router(station: Station) -> APIRouter:
    """Reminders of a running station. Telling the same one twice tells it once."""
    api = APIRouter()

    @api.get("/v1/reminders")
    async def get_reminders() -> list[dict[str, Any]]:
        """The last reminder of each item, and whether it still waits for somebody."""
        return station.reminders.view()

    @api.post("/v1/reminders")
    async def post_reminder(body: ReminderBody) -> dict[str, Any]:
        """Tell what is due, as an alarm of low priority, unless this occasion was told before."""
        told = station.reminders.tell(Request(**dict(body)))
        return {"told": told}

    @api.post("/v1/reminders/settle")
    async def post_settle(body: SettleBody) -> dict[str, Any]:
        """It has been done: its reminder needs nobody any more."""
        station.reminders.settle(body.item, body.because)
        return {"item": body.item, "open": False}

    return api
