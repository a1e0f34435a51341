"""What every request passes before anything looks at it: where it comes from, its length, the time it takes, its turn. A stop passes straight through.

The lamps' tasks share their loop with whatever is asked. So requests are let in one by one, and a flood has no more than its share of the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from irctl.controller.api.refusal import refusal
from irctl.domain.problems import Problem
from irctl.listening import LOOPBACK

STOP = "/v1/stop"
BODY_MAX = 16_384
BODY_S = 5.0
"""From the end of the headers to the end of the body. Clients on this machine send both at once."""
TURN_S = 0.005
"""From one request to the next. Answering one takes a fifth of it to a half; the rest of the loop's time is the lamps'."""
LOOKS = ("GET", "HEAD", "OPTIONS")
CLOSE = {"Connection": "close"}
"""Whoever is still sending what nobody will read is not listened to any longer."""


class TooLong(Exception):
    """The body is longer than `BODY_MAX`."""


class Gate:
    """ASGI middleware, the outermost."""

    def __init__(self, app: ASGIApp, pages: Callable[[], Collection[str]]) -> None:
        self._app = app
        self._pages = pages()
        """Origins of the clinic's own."""
        self._door = asyncio.Lock()
        self._next_s = float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == STOP:
            await self._app(scope, receive, send)
            return
        if (foreign := _foreign(scope, self._pages)) is not None:
            await refusal(403, "Not from this page", [foreign], CLOSE)(scope, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_S):
                body = await read_body(Request(scope, receive))
        except TooLong:
            problem = Problem("body", "", f"longer than {BODY_MAX} bytes", "Send only the documented fields")
            await refusal(413, "Too long", [problem], CLOSE)(scope, receive, send)
        except TimeoutError:
            problem = Problem("body", "", f"not complete after {BODY_S:g} s", "Send it at once")
            await refusal(408, "Too slow", [problem], CLOSE)(scope, receive, send)
        except ClientDisconnect:
            return
        else:
            await self._turn()
            await self._app(scope, _again(body, receive), send)

    async def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        async with self._door:
            await asyncio.sleep(self._next_s - loop.time())
            self._next_s = loop.time() + TURN_S


async def read_body(request: Request) -> bytes:
    """Raises TooLong, ClientDisconnect."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and len(declared) < 20 and int(declared) > BODY_MAX:
        raise TooLong
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_MAX:
            raise TooLong
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    """The body that was read already, then whatever comes after it."""
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return unread.pop() if unread else await receive()

    return receive_again


def _foreign(scope: Scope, pages: Collection[str]) -> Problem | None:
    """A page from elsewhere, open in the same browser, may look but not touch; nor may one whose name was made to lead here."""
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    if origin is None or origin in pages or scope["method"] in LOOKS:
        return None
    try:
        address = urlsplit(origin)
        ours = address.netloc == headers.get("host") and address.hostname in LOOPBACK
    except ValueError:
        ours = False
    return None if ours else Problem("origin", origin, "is another site", "Use the station's own page, or the clinic's")
