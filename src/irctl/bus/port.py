"""Where bytes leave and arrive: serial, TCP, or memory. A port knows nothing about Modbus or about time.

Rules for every port: after `open`, each chunk received is handed to `receive` on the event loop; a connection that goes away
calls `lost` once, with a reason for people; after `close` neither is called. `write` never blocks.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol
from urllib.parse import urlsplit

import serial

from irctl.bus.errors import PortLost
from irctl.bus.timing import LineFormat

Receive = Callable[[bytes], None]
Lost = Callable[[str], None]
Send = Callable[[bytes], None]

CONNECT_TIMEOUT_S = 2.0
TCP_DEAD_AFTER_S = 3.0
"""A peer that acknowledges nothing for this long is gone (a pulled network cable sends no goodbye)."""
READ_CHUNK = 4096
THREAD_READ_TIMEOUT_S = 0.1


class Port(Protocol):
    """One way to the wire."""

    name: str

    async def open(self, receive: Receive, lost: Lost) -> None:
        """Connect. Raises PortLost."""
        ...

    def write(self, data: bytes) -> None:
        """Hand bytes to the wire; returns before they are out. Raises PortLost."""
        ...

    async def close(self) -> None:
        """Disconnect. Idempotent, never raises."""
        ...


def open_port(url: str, baud: int = 9600, format: str = "8N1") -> Port:
    """The port a configuration's `port = ...` names; not yet connected.

    A device path or `COM3`, `rfc2217://host:port`: serial, with `baud` and `format`. `socket://host:port` (RTU frames over
    TCP) and `tcp://host:port` (Modbus TCP): a connection. Raises ValueError. `sim://` is resolved before it comes here.
    """
    parts = urlsplit(url)
    if parts.scheme in ("tcp", "socket"):
        if not parts.hostname or (parts.port is None and parts.scheme == "socket"):
            raise ValueError(f"port {url!r}: expected {parts.scheme}://host:port")
        return TcpPort(parts.hostname, parts.port or 502)
    if "://" in url and parts.scheme != "rfc2217":
        raise ValueError(f"port {url!r}: expected a device path, tcp://, socket:// or rfc2217://")
    return SerialPort(url, baud, format)


class SerialPort:
    """A serial device, pseudo-terminal, or `rfc2217://` (or pyserial `socket://`) address, opened through pyserial.

    Read by the event loop where the port has a file descriptor; by one thread elsewhere (Windows, RFC 2217).
    """

    def __init__(self, url: str, baud: int = 9600, format: str = "8N1") -> None:
        self.name = url
        self._baud = baud
        self._format = LineFormat.of(format)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serial: Any = None  # pyserial has no types
        self._fd: int | None = None
        self._receive: Receive | None = None
        self._lost: Lost | None = None

    async def open(self, receive: Receive, lost: Lost) -> None:
        self._loop = asyncio.get_running_loop()
        self._serial = await self._open_in_thread(self._loop)
        self._receive, self._lost = receive, lost
        self._fd = _readable_fd(self._serial)
        if self._fd is not None:
            self._loop.add_reader(self._fd, self._on_readable)
        else:
            threading.Thread(target=self._read_for_ever, args=(self._serial,), name=self.name, daemon=True).start()

    async def _open_in_thread(self, loop: asyncio.AbstractEventLoop) -> Any:
        """Opening may block for seconds (network, busy driver). A caller cancelled meanwhile leaves no open port behind."""
        opening = loop.run_in_executor(None, self._open)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(lambda done: done.exception() or _close_quietly(done.result()))
            raise

    def _open(self) -> Any:
        # A Linux pseudo-terminal drops parity, and to ask again for what it dropped (as the next controller does) is an error.
        asked = "N" if os.path.realpath(self.name).startswith("/dev/pts/") else self._format.parity
        parity = {"N": serial.PARITY_NONE, "E": serial.PARITY_EVEN, "O": serial.PARITY_ODD}[asked]
        # Only one process may own a line: two masters talk over each other. Network ports have no such lock.
        local = {} if "://" in self.name else {"exclusive": True}
        if os.name == "nt" and local:
            local["write_timeout"] = 0
        try:
            return serial.serial_for_url(
                self.name,
                baudrate=self._baud,
                bytesize=self._format.data_bits,
                parity=parity,
                stopbits=self._format.stop_bits,
                timeout=THREAD_READ_TIMEOUT_S,
                **local,
            )
        except Exception as why:  # OSError, ValueError, and termios.error, which is neither
            raise PortLost(f"cannot open {self.name}: {why}") from why

    def _on_readable(self) -> None:
        if self._fd is None or self._receive is None:
            return
        try:
            data = os.read(self._fd, READ_CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as why:
            self._gone(f"{self.name} went away: {why}")
            return
        if data:
            self._receive(data)
        else:
            self._gone(f"{self.name} went away: readable, but no data")

    def _read_for_ever(self, port: Any) -> None:
        """The reader thread, where a port cannot be watched by the loop. Ends when the port is closed."""
        assert self._loop is not None
        try:
            while self._serial is port:
                if data := port.read(max(1, port.in_waiting)):
                    self._loop.call_soon_threadsafe(self._deliver, port, bytes(data))
        except (
            OSError,
            ValueError,
            TypeError,
            AttributeError,
        ) as why:  # pyserial raises any of these when closed under a read
            text = f"{self.name} went away: {why}"
            if self._serial is port and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._gone, text)

    def _deliver(self, port: Any, data: bytes) -> None:
        if self._serial is port and self._receive is not None:
            self._receive(data)

    def write(self, data: bytes) -> None:
        if self._serial is None or self._lost is None:
            raise PortLost(f"{self.name} is not open")
        try:
            sent = os.write(self._fd, data) if self._fd is not None else self._serial.write(data)
        except (OSError, ValueError, TypeError, AttributeError) as why:
            raise PortLost(f"cannot write to {self.name}: {why}") from why
        if sent is not None and sent != len(data):
            raise PortLost(f"{self.name} takes no more bytes: {sent} of {len(data)} written")

    def _gone(self, reason: str) -> None:
        lost, self._lost = self._lost, None
        self._stop_reading()
        if lost is not None:
            lost(reason)

    def _stop_reading(self) -> None:
        if self._fd is not None and self._loop is not None:
            self._loop.remove_reader(self._fd)
        self._fd = self._receive = None

    async def close(self) -> None:
        self._lost = None
        self._stop_reading()
        port, self._serial = self._serial, None
        if port is not None and self._loop is not None:
            # Closing may wait for unsent bytes, or sleep (pyserial's sockets do).
            await self._loop.run_in_executor(None, _close_quietly, port)


class TcpPort:
    """A TCP connection: Modbus TCP, or RTU frames through a device server."""

    def __init__(self, host: str, port: int) -> None:
        self.name = f"{host}:{port}"
        self._host = host
        self._port = port
        self._stream: _TcpStream | None = None

    async def open(self, receive: Receive, lost: Lost) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, self._stream = await loop.create_connection(
                    lambda: _TcpStream(self.name, receive, lost), self._host, self._port
                )
        except TimeoutError as why:
            raise PortLost(f"no connection to {self.name} within {CONNECT_TIMEOUT_S:g} s") from why
        except OSError as why:
            raise PortLost(f"cannot connect to {self.name}: {why}") from why

    def write(self, data: bytes) -> None:
        if self._stream is None:
            raise PortLost(f"{self.name} is not connected")
        self._stream.write(data)

    async def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.abort()


class _TcpStream(asyncio.Protocol):
    def __init__(self, name: str, receive: Receive, lost: Lost) -> None:
        self._name = name
        self._receive = receive
        self._lost: Lost | None = lost
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * TCP_DEAD_AFTER_S))

    def data_received(self, data: bytes) -> None:
        if self._lost is not None:
            self._receive(data)

    def connection_lost(self, exc: Exception | None) -> None:
        lost, self._lost = self._lost, None
        if lost is not None:
            lost(f"{self._name} closed the connection" + (f": {exc}" if exc else ""))

    def write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            raise PortLost(f"{self._name} is not connected")
        self._transport.write(data)

    def abort(self) -> None:
        self._lost = None
        if self._transport is not None:
            self._transport.abort()


class MemoryPort:
    """A wire inside this process. `attach(receive)` connects a far side and returns how to send to it.

    Wire pace is the far side's to model. `unplug` and `replug` are the cable; `drop` is for a far side that goes away by itself.
    An OSError from the far side means it is gone.
    """

    def __init__(self, attach: Callable[[Receive], Send], name: str = "memory") -> None:
        self.name = name
        self._attach = attach
        self._send: Send | None = None
        self._lost: Lost | None = None
        self._unplugged: str | None = None
        self._opened = 0

    async def open(self, receive: Receive, lost: Lost) -> None:
        if self._unplugged is not None:
            raise PortLost(f"cannot open {self.name}: {self._unplugged}")
        self._opened += 1
        opened = self._opened

        def deliver(data: bytes) -> None:
            # A far side may still hold the receiver of an earlier opening.
            if opened == self._opened and self._lost is not None:
                receive(data)

        try:
            self._send = self._attach(deliver)
        except OSError as why:
            raise PortLost(f"cannot open {self.name}: {why}") from why
        self._lost = lost

    def write(self, data: bytes) -> None:
        if self._send is None or self._lost is None:
            raise PortLost(f"{self.name} is not open")
        try:
            self._send(data)
        except OSError as why:
            raise PortLost(f"cannot write to {self.name}: {why}") from why

    def unplug(self, reason: str = "unplugged") -> None:
        """Pull the cable: an open port is lost, and cannot be opened until `replug`."""
        self._unplugged = reason
        self.drop(reason)

    def replug(self) -> None:
        """Put the cable back; the port has to be opened again."""
        self._unplugged = None

    def drop(self, reason: str = "the far side is gone") -> None:
        """The connection is lost, once; it may be opened again."""
        lost, self._lost = self._lost, None
        if lost is not None:
            lost(f"{self.name} went away: {reason}")

    async def close(self) -> None:
        self._send = self._lost = None


def _readable_fd(port: Any) -> int | None:
    """The descriptor a POSIX event loop can watch; None where there is none."""
    if os.name != "posix":
        return None
    try:
        return port.fileno()
    except (AttributeError, OSError):  # io.UnsupportedOperation is an OSError
        return None


def _close_quietly(port: Any) -> None:
    with suppress(Exception):  # a device that has gone cannot be closed properly either
        port.close()
