"""The API's connections: how many there may be, and who makes room for the next one.

No number of half-asked questions keeps anybody out: whoever comes is let in, and who has kept the controller waiting longest goes. A stop sends its
question as it connects, so it is answered long before it could be its turn to go.
"""

from __future__ import annotations

import asyncio
import socket
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol

from irctl.controller.api.gate import STOP

CONNECTIONS_MAX = 256
"""Every screen and program of a clinic many times over, and far from the thousand files that a process may open."""
ACCEPTED_AT_ONCE = 32
"""In one pass of the loop. A connection's question is read three passes after it was accepted: fewer newcomers than `CONNECTIONS_MAX`."""
QUEUE = 2048
"""Connections that the system keeps for us until they are accepted: one that finds no place there would try again only after a second."""
UNREAD_S = 10.0
"""A reader that has taken nothing for this long is gone."""
SEND_BUFFER_BYTES = 65_536
"""In the system, per connection; its own default hides for minutes that nobody reads."""


class Connection(H11Protocol):
    """One client."""

    _waits_since_s = 0.0
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._waits_since_s = self.loop.time()
        others = [one for one in cast("set[Connection]", self.connections) if not one.transport.is_closing()]
        if len(others) >= CONNECTIONS_MAX:
            min(others, key=Connection.standing).transport.abort()
        own: socket.socket | None = transport.get_extra_info("socket")
        if own is not None:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        super().connection_made(transport)

    def standing(self) -> tuple[int, float]:
        """The lowest makes room: first who has asked nothing yet, last who asked for a stop; the longest-standing of these."""
        cycle = self.cycle
        asked = cycle is not None and not cycle.more_body and not cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]
        return int(asked) + int(asked and self.scope["path"] == STOP), self._waits_since_s

    def on_response_complete(self) -> None:
        self._waits_since_s = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._taken()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._taken()

    def _taken(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
