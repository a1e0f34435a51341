"""Who makes room when there are too many connections. Real sockets on this machine's loopback, in real time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from irctl.controller.api import connections
from irctl.controller.api.connections import Connection

pytestmark = pytest.mark.anyio

LIMIT = 4
PATIENCE_S = 5.0

Address = tuple[str, int]


class Client:
    """A socket that says what the test wants it to say."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, text: str) -> None:
        self.writer.write(text.replace("\n", "\r\n").encode())

    async def status(self) -> int:
        async with asyncio.timeout(PATIENCE_S):
            return int((await self.reader.readline()).split()[1])

    async def thrown_out(self) -> bool:
        """Whether the other end has closed this, now or in a moment."""
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(0.3):
                return await self.reader.read(1) == b""
        return self.reader.exception() is not None


class Served:
    """A server whose answers wait for `release` where the path begins with /wait."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.asked = 0
        self.address: Address = ("", 0)
        self.connections: set[Any] = set()
        self._clients: list[Client] = []

    async def app(
        self, scope: Any, _receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        self.asked += 1
        if scope["path"] in ("/wait", connections.STOP):
            await self.release.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while scope["path"] == "/pour" and not self.release.is_set():
            await send({"type": "http.response.body", "body": b"x" * 10_000, "more_body": True})
            await asyncio.sleep(0.001)
        await send({"type": "http.response.body", "body": b"well"})

    async def client(self, says: str = "") -> Client:
        client = Client(*await asyncio.open_connection(*self.address))
        self._clients.append(client)
        client.say(says)
        await asyncio.sleep(0.02)  # the order in which they come is what this is about
        return client

    async def asking(self, path: str) -> Client:
        """A client whose question has arrived."""
        asked = self.asked
        client = await self.client(f"GET {path} HTTP/1.1\nHost: x\n\n")
        while self.asked == asked:
            await asyncio.sleep(0.01)
        return client

    def close(self) -> None:
        self.release.set()
        for client in self._clients:
            client.writer.transport.abort()


@pytest.fixture
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", LIMIT)
    served, state = Served(), ServerState()
    config = uvicorn.Config(served.app, interface="asgi3", log_level="error", lifespan="off")
    config.load()
    served.connections = state.connections
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(config, state, {}), "127.0.0.1", 0, backlog=connections.ACCEPTED_AT_ONCE
    )
    served.address = server.sockets[0].getsockname()
    yield served
    served.close()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0.05)
    assert not state.connections
    assert not state.tasks


async def test_a_stop_is_answered_whoever_keeps_half_asking(served: Served) -> None:
    for _ in range(5 * LIMIT):
        await served.client("GET /x HTTP/1.1\nX: ")
    served.release.set()
    assert (
        await (await served.client(f"POST {connections.STOP} HTTP/1.1\nHost: x\nContent-Length: 0\n\n")).status() == 200
    )


async def test_who_has_asked_nothing_for_longest_makes_room(served: Served) -> None:
    silent = [await served.client() for _ in range(LIMIT)]
    await served.asking("/")
    assert [await client.thrown_out() for client in silent] == [True, False, False, False]


async def test_a_body_that_never_ends_is_no_question(served: Served) -> None:
    endless = await served.client("POST /wait HTTP/1.1\nHost: x\nContent-Length: 9\n\n1")
    for _ in range(LIMIT):
        await served.client()
    assert await endless.thrown_out()


async def test_who_waits_for_an_answer_goes_after_who_has_asked_nothing(served: Served) -> None:
    waiting = await served.asking("/wait")
    silent = [await served.client() for _ in range(3 * LIMIT)]
    assert await silent[0].thrown_out()
    served.release.set()
    assert await waiting.status() == 200


async def test_a_connection_that_was_answered_begins_anew(served: Served) -> None:
    kept = await served.asking("/")
    silent = await served.client()
    kept.say("GET / HTTP/1.1\nHost: x\n\n")
    assert await kept.status() == 200
    for _ in range(LIMIT - 1):
        await served.client()
    assert await silent.thrown_out()
    kept.say("GET / HTTP/1.1\nHost: x\n\n")
    async with asyncio.timeout(PATIENCE_S):
        while (await kept.reader.readline()) != b"HTTP/1.1 200 OK\r\n":
            pass


async def test_a_stop_under_way_goes_last(served: Served) -> None:
    stop = await served.asking(connections.STOP)
    waiting = [await served.asking("/wait") for _ in range(LIMIT)]
    assert await waiting[0].thrown_out()
    served.release.set()
    assert await stop.status() == 200


async def test_who_does_not_read_is_given_up_and_who_reads_is_not(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "UNREAD_S", 0.2)
    pour = "GET /pour HTTP/1.1\nHost: x\n\n"
    idle, reading = await served.client(pour), await served.client(pour)

    async def given_up() -> None:
        while len(served.connections) == 2:
            assert await reading.reader.read(1_000_000)

    await asyncio.wait_for(given_up(), PATIENCE_S)
    assert await reading.reader.read(1_000_000)
    idle.writer.transport.abort()
