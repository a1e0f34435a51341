"""A network switch between virtual cables, whose cables can be cut, slow, or unsteady: then frames overtake each other. Run within the switch's own network namespace.

    python -m tests.fleet.switch SEED PORT…     and on stdin, one JSON object a line: {"port": "p1", "cut": true}, {"port": "p2", "delay_s": [0.05, 0.3]}

Linux's own means for this (netem) is not in every kernel. Frames are taken and sent on packet sockets with the header that says what is left to the
hardware (checksums, segmentation), so that the kernel's idea of a cable stays as it is.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from contextlib import suppress
from random import Random

ALL_PROTOCOLS = 0x0003
SOL_PACKET, PACKET_VNET_HDR, PACKET_OUTGOING = 263, 15, 4
HEADER = 10
"""struct virtio_net_hdr."""
FRAME_MAX = 66_000
BROADCAST_BIT = 1


class Switch:
    def __init__(self, seed: int, ports: list[str]) -> None:
        self._random = Random(seed)
        self._sockets = {port: _opened(port) for port in ports}
        self._cut: set[str] = set()
        self._delay_s: dict[str, tuple[float, float]] = {}
        self._there: dict[bytes, str] = {}

    def attend(self) -> None:
        for port in self._sockets:
            asyncio.get_running_loop().add_reader(self._sockets[port], self._take, port)

    def obey(self, order: dict[str, object]) -> None:
        port = str(order["port"])
        if "cut" in order:
            (self._cut.add if order["cut"] else self._cut.discard)(port)
        if isinstance(delay := order.get("delay_s"), list):
            self._delay_s[port] = (float(delay[0]), float(delay[1]))

    def _take(self, port: str) -> None:
        with suppress(BlockingIOError):
            frame, about = self._sockets[port].recvfrom(FRAME_MAX)
            if about[2] == PACKET_OUTGOING or port in self._cut:
                return
            target, source = frame[HEADER : HEADER + 6], frame[HEADER + 6 : HEADER + 12]
            self._there[source] = port
            known = None if target[0] & BROADCAST_BIT else self._there.get(target)
            for to in [known] if known else [name for name in self._sockets if name != port]:
                self._pass_on(port, to, frame)

    def _pass_on(self, port: str, to: str, frame: bytes) -> None:
        """Each frame waits for itself: a later one may be there earlier."""
        wait_s = sum(self._random.uniform(*self._delay_s.get(one, (0.0, 0.0))) for one in (port, to))
        if wait_s:
            asyncio.get_running_loop().call_later(wait_s, self._send, to, frame)
        else:
            self._send(to, frame)

    def _send(self, to: str, frame: bytes) -> None:
        if to not in self._cut:
            with suppress(OSError):  # a full queue drops, as switches do
                self._sockets[to].send(frame)


def _opened(port: str) -> socket.socket:
    found = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    found.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    found.bind((port, 0))
    found.setblocking(False)
    return found


async def main() -> None:
    switch = Switch(int(sys.argv[1]), sys.argv[2:])
    switch.attend()
    print("switching", flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        switch.obey(json.loads(line))
        print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
