"""The clinic's web service put together: doors, screens, style sheet, and what every request passes first."""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import importlib
import mimetypes
import pkgutil
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from nicegui import core, ui
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from irctl.clinic import pages
from irctl.clinic.desk import Desk
from irctl.clinic.doors.doors import Doors
from irctl.clinic.office.fees import UPLOAD, UPLOAD_MAX
from irctl.clinic.scrape import scraped
from irctl.clinic.screens import screen
from irctl.clinic.screens.entrance import entrance
from irctl.clinic.screens.relay import relay
from irctl.clinic.screens.sockets import PATH as SOCKETS
from irctl.clinic.screens.sockets import guard_sockets
from irctl.domain.screen_lock import Lock

LOOK = Path(__file__).parent / "look"
LOOKS = ("GET", "HEAD", "OPTIONS")
BODY_MAX = 8192
"""Bytes of a plain form or a question: the longest of ours, with a password of strange signs in it, is shorter."""
SOCKET_MESSAGE_MAX = 1_000_000
"""Bytes of one message of a page: a protocol that somebody has typed."""


def create_app(desk: Desk, doors: Doors, monotonic_s: Callable[[], float] = time.monotonic) -> FastAPI:
    """The service of a running clinic. Once in a process: NiceGUI's pages are."""
    app = FastAPI(title="irctl clinic", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(entrance(desk, doors, monotonic_s))
    for module in load_pages():
        if (routes := getattr(module, "routes", None)) is not None:
            app.include_router(routes(desk, doors))
    app.include_router(relay(desk, doors))
    app.include_router(scraped(desk))
    screen.install(desk, doors)

    @app.get("/look/{name}", include_in_schema=False)
    async def get_look(name: str) -> Response:
        path = LOOK / name
        if path.parent != LOOK or not path.is_file():
            return PlainTextResponse("no such file", 404)
        return Response(path.read_bytes(), media_type=mimetypes.guess_type(name)[0])

    stations = sorted({station.browser_url or station.own_url for station in desk.stations.values()})
    app.add_middleware(Gate, stations=stations, inside=lambda cookie: _is_inside(doors, cookie))
    ui.run_with(app, title="irctl", favicon="💡", dark=None, reconnect_timeout=10.0, show_welcome_message=False)
    guard_sockets(doors)
    # NiceGUI's own pages for these tell what an exception says, and open a socket for whoever asks.
    core.app.add_exception_handler(404, _nothing_here)
    core.app.add_exception_handler(Exception, _broken)
    return app


def _is_inside(doors: Doors, cookie: str) -> bool:
    visitor = doors.find(cookie)
    return visitor is not None and visitor.lock is Lock.OPEN


def _nothing_here(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("Nothing is here. Go back to the day: /", 404)


def _broken(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("This page is broken. Go back, and tell whoever looks after irctl here.", 500)


def load_pages() -> list[ModuleType]:
    """The modules of pages; with this, every screen is registered."""
    return [importlib.import_module(f"{pages.__name__}.{found.name}") for found in pkgutil.iter_modules(pages.__path__)]


class Gate:
    """ASGI middleware: nothing is done for a page of another site, its socket included; and what browsers are told of every answer.

    `inside`: whether this cookie is of somebody who is signed in, with their screen open: only they may send a file.
    """

    def __init__(self, app: ASGIApp, stations: list[str], inside: Callable[[str], bool]) -> None:
        self._app, self._inside = app, inside
        ours = " ".join(["'self'", *stations])
        self._headers = {
            # NiceGUI's pages carry scripts and styles of their own in the page.
            "Content-Security-Policy": f"default-src 'self'; script-src 'unsafe-inline' 'unsafe-eval' {ours}; style-src 'unsafe-inline' {ours};"
            f" connect-src {ours} ws: wss:; img-src 'self' data: blob:; font-src 'self' data:; form-action {ours};"
            " frame-ancestors 'none'; base-uri 'none'; object-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith(("/_nicegui/", "/look/")):
                    headers["Cache-Control"] = "no-store"  # what is on a shared screen is not kept on its disk
            await send(message)

        # A page's socket is never only looked at, even where it is asked by GET.
        socket = scope["path"].startswith(SOCKETS)
        looks = scope["type"] == "http" and scope["method"] in LOOKS and not socket
        if not looks and not _same_site(scope):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            else:
                await PlainTextResponse("Use the clinic's own page.", 403)(scope, receive, sending)
            return
        if scope["type"] == "http" and scope["method"] not in LOOKS:
            body = await _read(receive, SOCKET_MESSAGE_MAX if socket else self._most(scope))
            if body is None:
                await PlainTextResponse("This is too long.", 413)(scope, receive, sending)
                return
            receive = _again(body, receive)
        await self._app(scope, receive, sending)

    def _most(self, scope: Scope) -> int:
        if scope["path"] == UPLOAD and self._inside(Request(scope).cookies.get(screen.COOKIE, "")):
            return UPLOAD_MAX
        return BODY_MAX


async def _read(receive: Receive, most: int) -> bytes | None:
    """What is asked, whole; None where it is longer than `most` bytes."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body"):
            return body


def _again(body: bytes, rest: Receive) -> Receive:
    told = False

    async def receive() -> Message:
        nonlocal told
        if told:
            return await rest()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _same_site(scope: Scope) -> bool:
    """A browser says where a request comes from; a terminal says nothing."""
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") in (None, "same-origin", "none")
    try:
        return urlsplit(origin).netloc == headers.get("host")
    except ValueError:
        return False
