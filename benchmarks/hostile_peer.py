"""Hostile clients of the control API, in a process of their own: `python -m benchmarks.hostile_peer URL SEED LAMP`.

Eight of them fire whatever a bad program or a bad page may send, as fast as they are answered; hundreds of sockets dribble a byte a second; some
open the stream and never read. None of it asks for what would really end a treatment. A line on stdin ends it; what was answered is printed as JSON.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from random import Random
from typing import Any
from urllib.parse import urlsplit

GUNS = 8
DRIBBLING = 400
"""Sockets that send one byte of a header a second: the slow loris."""
SLOW_BODIES = 40
NEVER_READING = 8
ANSWER_S = 10.0
DRIBBLE_S = 1.0
HUGE = 200_000
BODY_CHUNK = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
BODY_CHUNKS = 64

Shot = Callable[[Random], bytes]


def post(path: str, body: bytes, *headers: str) -> bytes:
    return request("POST", path, "Content-Type: application/json", f"Content-Length: {len(body)}", *headers) + body


def request(method: str, target: str, *headers: str) -> bytes:
    return "\r\n".join((f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *headers, "", "")).encode("latin-1")


def an_order(lamp: str, changed: dict[str, Any] | None = None) -> bytes:
    # Far beyond every limit: refused even where the lamp happens to be idle.
    order = {"lamp": lamp, "fluence_j_cm2": 900.0, "irradiance_mw_cm2": 50.0, "patient": "P", "area": "back", "by": "X"}
    return json.dumps(order | (changed or {})).encode()


def shots(lamp: str) -> dict[str, Shot]:
    """By what it tries; `lamp` is being treated."""
    wrong = (None, True, [], {}, "\ud800", "x" * 5000, 10**400, -1, float("nan"), float("inf"))
    methods = ("GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW")
    climbing = (
        "../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/api.py",
        "....//x",
        "index.html%00",
        "%c0%ae%c0%ae/",
    )
    almost_stop = ("/v1/Stop", "//v1/stop", "/v1/stop/now", "/v1/stopp", "/v1/%73top%2f", "/v1/sessions/stop/stop")
    fields = ("lamp", "fluence_j_cm2", "irradiance_mw_cm2", "patient", "area", "by", "protocol", "limits", "other")
    elsewhere = ("Origin: http://elsewhere.example", "Origin: http://[", "Origin: null")
    verbs = ("/v1/clear", "/v1/sessions/S-20261123-0001/end", "/v1/sessions/S-20261123-0001/pause", "/v1/sessions")
    return {
        "malformed JSON": lambda r: post("/v1/sessions", r.randbytes(r.randrange(200))),
        "cut-off JSON": lambda r: post("/v1/clear", an_order(lamp)[: r.randrange(90)]),
        "wrong types": lambda r: post("/v1/sessions", an_order(lamp, {r.choice(fields): r.choice(wrong)})),
        "deep nesting": lambda r: post("/v1/sessions", b'{"a":' * r.choice((100, 900, 2500)) + b"1"),
        "many fields": lambda r: post("/v1/sessions", json.dumps({f"f{n}": n for n in range(900)}).encode()),
        "declared huge": lambda r: post("/v1/sessions", b"x" * HUGE),
        "declared nonsense": lambda r: request("POST", "/v1/sessions", f"Content-Length: {r.choice(('-1', 'abc', '9' * 40))}"),
        "chunked without end": lambda r: request("POST", "/v1/clear", "Transfer-Encoding: chunked") + BODY_CHUNK * BODY_CHUNKS,
        "huge header": lambda r: request("GET", "/v1/station", "X: " + "y" * HUGE),
        "many headers": lambda r: request("GET", "/v1/station", *(f"X-{n}: y" for n in range(3000))),
        "huge address": lambda r: request("GET", "/v1/" + "a" * HUGE),
        "unknown path": lambda r: request("GET", f"/v{r.randrange(9)}/{r.randrange(10**9)}?a=%ff&b=%00"),
        "wrong method": lambda r: request(r.choice(methods), r.choice(("/v1/stop", "/v1/sessions", "/v1/clear", "/", "*"))),
        "climbing": lambda r: request("GET", "/ui/" + r.choice(climbing)),
        "journal page": lambda r: request("GET", f"/v1/journal?after={r.randrange(200)}&limit={r.choice((1, 500, 1000))}"),
        "journal page out of range": lambda r: request("GET", f"/v1/journal?after={r.choice((-1, 'x', '9' * 5000))}&limit={10**9}"),
        "journal verified": lambda r: request("GET", "/v1/journal/verify"),
        "every session": lambda r: request("GET", "/v1/sessions?limit=10000"),
        "stream opened and dropped": lambda r: request("GET", "/v1/stream", f"Last-Event-ID: {r.choice((0, -5, 'x', 10**30))}"),
        "order on a busy lamp": lambda r: post("/v1/sessions", an_order(lamp)),
        "commission with somebody there": lambda r: post(f"/v1/lamps/{lamp}/commission", b'{"by":"X","nobody_under_the_lamp":false}'),
        "almost a stop": lambda r: post(r.choice(almost_stop), b'{"by":"X"}'),
        "from elsewhere": lambda r: post(r.choice(verbs), b'{"by":"X","reason":"y"}', r.choice(elsewhere)),
        "rebound name": lambda r: b"POST /v1/sessions/S-1/end HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\nContent-Length: 0\r\n\r\n",
        "no such device": lambda r: post("/v1/devices/x/y", b'{"by":"X","reason":"y"}'),
        "alarms muted": lambda r: post("/v1/alarms/audio-pause", b'{"by":"X"}'),
        "pipelined": lambda r: request("GET", "/v1/lamps") * 20,
        "upgrade": lambda r: request("GET", "/v1/stream", "Connection: Upgrade", "Upgrade: websocket"),
        "not HTTP": lambda r: r.choice((b"\x16\x03\x01\x02\x00" + r.randbytes(100), b"\r\n" * 500, b"GET\r\n\r\n")),
        "left at once": lambda r: b"",
    }  # fmt: skip


class Peer:
    """All the clients, and what they were answered."""

    def __init__(self, url: str, seed: int, lamp: str) -> None:
        address = urlsplit(url)
        self._where = (address.hostname or "", address.port or 0)
        self._chance = Random(seed)
        self._shots = shots(lamp)
        self.fired: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        """What was answered with a 5xx, or not within the time."""

    async def gun(self) -> None:
        names = list(self._shots)
        while True:
            name = self._chance.choice(names)
            shot = self._shots[name](self._chance)
            answer = await self._answer(shot)
            self.fired[name] += 1
            self.answers[answer] += 1
            if answer.startswith("5") or answer == "no answer in time":
                self.failures[f"{name}: {answer}"] += 1

    async def _answer(self, shot: bytes) -> str:
        writer = None
        try:
            async with asyncio.timeout(ANSWER_S):
                reader, writer = await asyncio.open_connection(*self._where)
                writer.write(shot)
                if not shot:
                    return "not asked"
                while (words := (await reader.readline()).split()) and words[1:2] == [b"100"]:
                    await reader.readuntil(b"\r\n\r\n")
                await reader.read(self._chance.choice((0, 1000, 10**6)))
                return words[1].decode() if len(words) > 1 else "closed"
        except TimeoutError:
            return "no answer in time"
        except (OSError, asyncio.IncompleteReadError):
            return "closed"
        finally:
            if writer is not None:
                writer.transport.abort()

    async def dribble(self, begin: bytes, byte: bytes) -> None:
        """One byte a second, for ever; who is thrown out comes back."""
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection(*self._where)
                writer.write(begin)
                while not reader.at_eof():
                    await asyncio.sleep(DRIBBLE_S)
                    writer.write(byte)
                    await writer.drain()
            await asyncio.sleep(DRIBBLE_S)

    async def never_read(self) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as quiet:
            quiet.setblocking(False)
            quiet.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await loop.sock_connect(quiet, self._where)
            await loop.sock_sendall(quiet, request("GET", "/v1/stream", "Last-Event-ID: 0"))
            await asyncio.Event().wait()

    def clients(self) -> list[Coroutine[Any, Any, None]]:
        header, body = request("GET", "/v1/station")[:-2] + b"X: ", post("/v1/sessions", b" " * 1000)[:-1000]
        return [
            *(self.gun() for _ in range(GUNS)),
            *(self.dribble(header, b"y") for _ in range(DRIBBLING)),
            *(self.dribble(body, b" ") for _ in range(SLOW_BODIES)),
            *(self.never_read() for _ in range(NEVER_READING)),
        ]


async def main(url: str, seed: str, lamp: str) -> None:
    peer = Peer(url, int(seed), lamp)
    clients = [asyncio.create_task(client) for client in peer.clients()]
    over = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    ended, _ = await asyncio.wait({over, *clients}, return_when=asyncio.FIRST_COMPLETED)
    for task in ended - {over}:
        task.result()  # a client of ours that failed has shown nothing
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    print(json.dumps({"fired": peer.fired, "answers": peer.answers, "failures": peer.failures}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
