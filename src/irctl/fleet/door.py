"""The door: lets the paired clinic through to the controller on this machine, and nobody else.

It reads nothing of what passes. What knocks without the clinic's certificate ends in the handshake, in this process: the lamps share none of its time.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from irctl.fleet.identity import CERTIFICATE, FOLDER
from irctl.fleet.trust import CLINIC, of_the_door

CONNECTIONS_MAX = 64
"""One clinic keeps a handful of them; those that are still shaking hands count."""
HANDSHAKE_S = 5.0
PIECE_BYTES = 65_536
LOOK_S = 1.0
"""How often it looks whether it was paired, or paired anew."""


class Door:
    """`inside`: host and port of the controller. `log`: told what a person should hear of."""

    def __init__(self, state: Path, inside: tuple[str, int], log: Callable[[str], None]) -> None:
        self._state, self._inside, self._log = state, inside, log
        self._context: ssl.SSLContext | None = None
        self._paired: object = None
        self._open: set[asyncio.Task[None]] = set()
        self._look()

    @property
    def paired(self) -> bool:
        return self._context is not None

    async def keep(self, listening: socket.socket) -> None:
        """For ever."""
        listening.setblocking(False)
        listening.listen(CONNECTIONS_MAX)
        loop = asyncio.get_running_loop()
        places = asyncio.Semaphore(CONNECTIONS_MAX)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_again())
            while True:
                await places.acquire()
                try:
                    knocking, _ = await loop.sock_accept(listening)
                except OSError:  # it has gone again, or there are no files left for a moment
                    places.release()
                    await asyncio.sleep(LOOK_S)
                    continue
                task = asyncio.create_task(self._let_in(knocking))
                self._open.add(task)
                task.add_done_callback(self._open.discard)
                task.add_done_callback(lambda _task: places.release())

    async def _look_again(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self._look()

    def _look(self) -> None:
        """Paired anew means that whoever was let in by the pairing before goes."""
        now = tuple(_seen(self._state / FOLDER / name) for name in (CERTIFICATE, CLINIC))
        if now == self._paired:
            return
        self._paired = now
        for task in self._open:
            task.cancel()
        try:
            self._context = of_the_door(self._state)
            self._log("paired: the clinic is let in")
        except (OSError, ssl.SSLError) as error:
            self._context = None
            self._log(f"not paired, nobody is let in ({error.strerror or error}): irctl pair offer")

    async def _let_in(self, knocking: socket.socket) -> None:
        with suppress(OSError, ssl.SSLError, asyncio.CancelledError):
            if self._context is None:
                knocking.close()
                return
            knocking.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            outside = await _shaken(knocking, self._context)
            try:
                inside = await asyncio.open_connection(*self._inside)
            except OSError:  # the controller is starting again: they will ask again
                outside[1].transport.abort()
                return
            try:
                async with asyncio.TaskGroup() as tasks:
                    both = (outside[0], inside[1]), (inside[0], outside[1])
                    pumping = [tasks.create_task(_pump(*way)) for way in both]
                    # An end that hears no more has no use for an answer either: HTTP's clients do not close by halves.
                    await asyncio.wait(pumping, return_when=asyncio.FIRST_COMPLETED)
                    for one in pumping:
                        one.cancel()
            finally:
                outside[1].transport.abort()
                inside[1].transport.abort()


async def _shaken(
    knocking: socket.socket, context: ssl.SSLContext
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Raises OSError, ssl.SSLError for whoever is not the clinic, or takes too long to say so."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(PIECE_BYTES)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(
        lambda: protocol, knocking, ssl=context, ssl_handshake_timeout=HANDSHAKE_S
    )
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await source.read(PIECE_BYTES):
            target.write(piece)
            await target.drain()


def _seen(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
