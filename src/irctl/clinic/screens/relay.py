"""What a browser on another computer says to a station goes through here: what the live panel asks, and STOP, which anybody may.

Nothing is decided here about light: the controller asks for the token that comes along. Who is treated by which reference stands in the live view, so on a network it is for who has signed in;
a screen that is locked goes on showing it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.background import BackgroundTask

from irctl.clinic.desk import Desk
from irctl.clinic.doors.doors import Doors
from irctl.clinic.doors.reaching import RELAY
from irctl.clinic.lamps.stations import Station
from irctl.clinic.screens.guarded import PROBLEM
from irctl.clinic.screens.screen import COOKIE
from irctl.domain.screen_lock import Lock

LOOKED_AT = ("v1/stream", "v1/station")
DRAWING = re.compile(r"ui/[a-z-]+\.(js|css)")
STOP = "v1/stop"
ASKED = ("authorization", "content-type", "last-event-id")
"""Headers that go along; a cookie is the clinic's own and does not."""
ANSWERED = ("content-type", "cache-control")


def relay(desk: Desk, doors: Doors) -> APIRouter:
    """The routes."""
    router = APIRouter()

    def lock_of(request: Request) -> Lock:
        visitor = doors.find(request.cookies.get(COOKIE, ""))
        return Lock.SIGNED_OUT if visitor is None else visitor.lock

    @router.get(RELAY + "/{station}/{path:path}")
    async def get_through(station: str, path: str, request: Request) -> Response:
        if station not in desk.stations or not (path in LOOKED_AT or DRAWING.fullmatch(path)):
            return _refused(404, "Nothing is here.")
        if path in LOOKED_AT and lock_of(request) is Lock.SIGNED_OUT:
            return _refused(403, "Sign in at the clinic first.")
        return await _through(desk.stations[station], path, request)

    @router.post(RELAY + "/{station}/{path:path}")
    async def post_through(station: str, path: str, request: Request) -> Response:
        if station not in desk.stations or not path.startswith("v1/"):
            return _refused(404, "Nothing is here.")
        if path != STOP and lock_of(request) is not Lock.OPEN:
            return _refused(403, "Sign in at the clinic first.")
        return await _through(desk.stations[station], path, request)

    return router


async def _through(station: Station, path: str, request: Request) -> Response:
    headers = {name: value for name in ASKED if (value := request.headers.get(name)) is not None}
    try:
        answer = await station.pass_on(request.method, f"/{path}", headers, await request.body())
    except httpx.HTTPError:
        return _refused(502, f"{station.title} does not answer. Stop it at the lamp itself.")
    told = {name: value for name in ANSWERED if (value := answer.headers.get(name)) is not None}
    return StreamingResponse(_read(answer), answer.status_code, told, background=BackgroundTask(answer.aclose))


async def _read(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_raw():
            yield piece
    except httpx.HTTPError:
        return  # the browser asks again, and is told then
    finally:
        await answer.aclose()


def _refused(status: int, title: str) -> Response:
    return JSONResponse({"title": title}, status, media_type=PROBLEM)
