"""The station's lines where other processes can open them: pseudo-terminals, or TCP (raw RTU or Modbus TCP).

Real time only. A line pulled out (`unplug`) closes its endpoint; plugged in again, a TCP line listens on the same port and a pty
line has a new device node behind the same link.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Literal, Protocol

from irctl_simulator.wire import Line, NetworkLine, Send

Transport = Literal["pty", "tcp"]

HOST = "127.0.0.1"
READ_BYTES = 4096

PTY_AVAILABLE = hasattr(os, "openpty")


class LineServer(Protocol):
    """One line served; `endpoint` is what a client puts into its configuration, "" while unplugged."""

    endpoint: str

    async def open(self) -> None: ...
    async def close(self) -> None: ...


class PtyServer:
    """A line as a raw pseudo-terminal, optionally behind a stable symbolic link."""

    def __init__(self, line: Line, link: Path | None = None) -> None:
        self.line = line
        self.link = link
        self.endpoint = ""
        self._master = self._slave = -1
        self._send: Send | None = None

    async def open(self) -> None:
        import tty  # only where ptys exist

        self._master, self._slave = os.openpty()
        # We keep the slave open ourselves: else the master reports a hang-up whenever a client closes its end.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.endpoint = os.ttyname(self._slave)
        if self.link:
            replace_link(self.link, self.endpoint)
            self.endpoint = str(self.link)
        self._send = self.line.attach(self._to_client, paced=True)
        asyncio.get_running_loop().add_reader(self._master, self._from_client)

    async def close(self) -> None:
        if self._master < 0:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        self.line.detach(self._to_client)
        os.close(self._master)
        os.close(self._slave)
        if self.link:
            self.link.unlink(missing_ok=True)
        self._master = self._slave = -1
        self.endpoint = ""

    def _from_client(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._master, READ_BYTES)
            if data and self._send:
                self._send(data)

    def _to_client(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):  # nobody has read for long: a UART would overrun as well
            os.write(self._master, data)


class Clients:
    """The connections of one TCP server, so that closing it ends them and waits for their handlers."""

    def __init__(self) -> None:
        self._open: dict[asyncio.Task[object], asyncio.StreamWriter] = {}

    @contextlib.contextmanager
    def serving(self, writer: asyncio.StreamWriter) -> Generator[None, None, None]:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            yield
        finally:
            del self._open[task]
            writer.close()

    async def drop(self) -> None:
        for writer in self._open.values():
            writer.transport.abort()
        # Handlers still running at the loop's end would be cancelled, which Python 3.11 reports as errors.
        if self._open:
            await asyncio.wait(list(self._open))


class TcpServer:
    """A line behind a TCP port: raw RTU frames for a serial line, Modbus TCP for a network line."""

    def __init__(self, line: Line, port: int = 0) -> None:
        self.line = line
        self.port = port
        self.endpoint = ""
        self._server: asyncio.Server | None = None
        self._clients = Clients()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        scheme = "tcp" if isinstance(self.line, NetworkLine) else "socket"
        self.endpoint = f"{scheme}://{HOST}:{self.port}"

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        await self._clients.drop()
        self._server = None
        self.endpoint = ""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def receive(data: bytes) -> None:
            if not writer.is_closing():
                writer.write(data)

        paced = not isinstance(self.line, NetworkLine)
        with self._clients.serving(writer), contextlib.suppress(ConnectionError):
            send = self.line.attach(receive, writer.transport.abort, paced=paced)
            try:
                while data := await reader.read(READ_BYTES):
                    send(data)
            finally:
                self.line.detach(receive)


def replace_link(link: Path, target: str) -> None:
    """Point a symbolic link at `target`, atomically; an existing link is replaced, any other file is left and an error."""
    if link.exists() and not link.is_symlink():
        raise FileExistsError(f"{link} exists and is no link")
    link.parent.mkdir(parents=True, exist_ok=True)
    beside = link.with_name(f".{link.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.replace(link)


class LineServers:
    """All lines of a station, served, and following what happens to their plugs."""

    def __init__(
        self,
        lines: dict[str, Line],
        transport: Transport,
        ports: dict[str, int],
        links: Path | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._servers: dict[str, LineServer] = {
            name: PtyServer(line, links.absolute() / name if links else None)
            if transport == "pty" and not isinstance(line, NetworkLine)
            else TcpServer(line, ports.get(name, 0))
            for name, line in lines.items()
        }
        self._lines = lines
        self._changed = changed
        self._tasks: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()

    @property
    def endpoints(self) -> dict[str, str]:
        return {name: server.endpoint for name, server in self._servers.items()}

    async def open(self) -> None:
        for name, server in self._servers.items():
            await server.open()
            self._lines[name].on_plug = lambda plugged, server=server: self._plug(server, plugged)

    async def close(self) -> None:
        for name, server in self._servers.items():
            self._lines[name].on_plug = None
            await server.close()

    def _plug(self, server: LineServer, plugged: bool) -> None:
        task = asyncio.get_running_loop().create_task(self._follow(server, plugged))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, server: LineServer, plugged: bool) -> None:
        async with self._one_at_a_time:
            await (server.open() if plugged else server.close())
        self._changed()
