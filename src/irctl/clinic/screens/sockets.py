"""The socket of an open page. NiceGUI knows a page by a random number alone; here the browser must also be the one that the page was made for, and its screen open.

So a number that somebody has read elsewhere opens nothing, and on a page that was left open after a lock or a sign-out nothing can be pressed, whatever its buttons do.
"""

# NiceGUI types are partial:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false
from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from nicegui import Client, core
from socketio.exceptions import ConnectionRefusedError as Refusal
from starlette.requests import cookie_parser

from irctl.clinic.doors.doors import Doors
from irctl.clinic.screens.screen import COOKIE
from irctl.domain.problems import Refused
from irctl.domain.screen_lock import Lock

PATH = "/_nicegui_ws"
RELOADS = "Implicit handshake failed"
"""On hearing this, NiceGUI's page loads itself anew, and comes to the sign-in."""
ASKED = ("handshake", "event", "javascript_response", "ack")
_theirs: dict[str, Any] = {}
"""NiceGUI's own handlers, by event."""


def guard_sockets(doors: Doors) -> None:
    """Ask at the door of every page's socket, and at everything that comes in by it."""
    server = core.sio
    for name in ("connect", *ASKED):
        _theirs.setdefault(name, server.handlers["/"][name])

    async def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        query = parse_qs(environ.get("QUERY_STRING", ""))
        if not _may(doors, environ, query.get("client_id", [""])[0]):
            raise Refusal(RELOADS)
        await _theirs["connect"](sid, environ, auth)

    server.on("connect", connect)
    for name in ASKED:
        server.on(name, _asked(doors, name))
    # What a page complains about may hold what it shows, a patient's name: it is not for the log.
    server.on("log", _ignored)


def _asked(doors: Doors, name: str) -> Any:
    async def asked(sid: str, message: Any) -> Any:
        told = message if isinstance(message, Mapping) else {}
        if not _may(doors, core.sio.get_environ(sid) or {}, str(told.get("client_id", ""))):
            return False
        done = _theirs[name](sid, message)
        return await done if hasattr(done, "__await__") else done

    return asked


def _ignored(_sid: str, _message: Any) -> None:
    return None


def _may(doors: Doors, environ: Mapping[str, Any], client_id: str) -> bool:
    """Whether this socket's browser is the one that the page was made for, and somebody is signed in at it, with the screen open."""
    client = Client.instances.get(client_id)
    cookie = cookie_parser(str(environ.get("HTTP_COOKIE", ""))).get(COOKIE, "")
    if client is None or not cookie or client.request.cookies.get(COOKIE, "") != cookie:
        return False
    try:
        visitor = doors.find(cookie)
    except Refused:  # the accounts cannot be read: then nobody is known
        return False
    return visitor is not None and visitor.lock is Lock.OPEN
