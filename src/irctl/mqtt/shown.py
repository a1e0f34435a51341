"""What a controller shows of itself, as far as it is told on: whatever else it shows stays here, whom the light is for among it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any, Literal

import httpx
from pydantic import BaseModel, ConfigDict

from irctl.toml_file import Name

SILENCE_MAX_S = 2.0
"""The stream says something four times a second."""


class _Shown(BaseModel):
    # What cannot be read is told of by its place alone.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class Session(_Shown):
    state: str
    fluence_j_cm2: float
    fluence_min_j_cm2: float
    fluence_max_j_cm2: float
    remaining_s: float | None


class Live(_Shown):
    """None: not known, or not fitted."""

    on: bool | None
    cutoff_closed: bool | None
    irradiance_mw_cm2: float | None
    irradiance_source: str
    skin_c: float | None


class Lamp(_Shown):
    name: Name
    title: str
    status: str
    session: Session | None
    live: Live


class Alarm(_Shown):
    priority: Literal["high", "medium", "low"]


class Station(_Shown):
    """`latched`: an emergency stop, while it is in force."""

    station: str
    version: str
    simulated: bool
    latched: dict[str, Any] | None
    alarms: tuple[Alarm, ...]
    lamps: tuple[Lamp, ...]


async def look(url: str) -> AsyncGenerator[Station]:
    """A controller from moment to moment, until its stream ends. Raises httpx.HTTPError, also when it is silent; ValueError for what it cannot be."""
    # No proxy of this computer's user stands between two of its processes.
    async with httpx.AsyncClient(base_url=url, timeout=SILENCE_MAX_S, trust_env=False) as http:
        whole: dict[str, Any] = (await http.get("/v1/station")).raise_for_status().json()
        async with http.stream("GET", "/v1/stream") as answer:
            kind = ""
            async for line in answer.raise_for_status().aiter_lines():
                if line.startswith("event:"):
                    kind = line.removeprefix("event:").strip()
                elif line.startswith("data:") and kind == "live":
                    yield Station.model_validate({**whole, **json.loads(line.removeprefix("data:"))})
