"""Recording what went over a line, and playing it back: a captured conversation is a test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from irctl.bus.errors import PortLost
from irctl.bus.port import Lost, Receive


@dataclass(frozen=True, slots=True)
class TraceRecord:
    """One chunk: `at_s` on the recording loop's clock, `direction` "tx" or "rx"."""

    at_s: float
    line: str
    direction: str
    data: bytes


class TraceWriter:
    """Appends to a JSON lines file: {"t": seconds, "line": name, "dir": "tx" or "rx", "hex": bytes}."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def for_line(self, line: str) -> Callable[[str, bytes, float], None]:
        """The `trace` of one line; several lines may share a file."""

        def write(direction: str, data: bytes, at_s: float) -> None:
            record = {"t": round(at_s, 6), "line": line, "dir": direction, "hex": data.hex()}
            self._file.write(json.dumps(record) + "\n")

        return write

    def close(self) -> None:
        self._file.close()


def read_trace(path: Path, line: str) -> list[TraceRecord]:
    """The records of one line, in order. Raises ValueError for a file that is not a trace."""
    records: list[TraceRecord] = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            raw = json.loads(text)
            record = TraceRecord(float(raw["t"]), raw["line"], raw["dir"], bytes.fromhex(raw["hex"]))
        except (ValueError, KeyError, TypeError) as why:
            raise ValueError(f"{path}, line {number} is not a trace record: {why}") from why
        if record.line == line:
            records.append(record)
    return records


class ReplayPort:
    """A port that answers as recorded, at the recorded pace, as long as it is asked what was asked then.

    A different question is a PortLost that shows both; so is one after the recording's end.
    """

    def __init__(self, path: Path, line: str) -> None:
        self.name = f"replay of {line}"
        self._records = read_trace(path, line)
        self._next = 0
        self._receive: Receive | None = None

    @property
    def finished(self) -> bool:
        """Whether everything recorded as sent has been sent again."""
        return all(record.direction == "rx" for record in self._records[self._next :])

    async def open(self, receive: Receive, lost: Lost) -> None:
        self._receive = receive

    def write(self, data: bytes) -> None:
        while self._next < len(self._records) and self._records[self._next].direction == "rx":
            self._next += 1
        if self._next == len(self._records):
            raise PortLost(f"{self.name}: the recording has ended, but {data.hex(' ')} was sent")
        asked = self._records[self._next]
        if asked.data != data:
            raise PortLost(f"{self.name}: recorded {asked.data.hex(' ')}, but {data.hex(' ')} was sent")
        self._next += 1
        for record in self._records[self._next :]:
            if record.direction == "tx":
                break
            asyncio.get_running_loop().call_later(record.at_s - asked.at_s, self._deliver, record.data)

    def _deliver(self, data: bytes) -> None:
        if self._receive is not None:
            self._receive(data)

    async def close(self) -> None:
        self._receive = None
