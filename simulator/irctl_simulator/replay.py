"""Recorded traffic as devices: a line that answers what was answered when it was recorded, whoever asks the same again.

A recording is what `irctl serve --trace FILE` writes: JSON lines with "t" (seconds), "line", "dir" ("tx" from the host, "rx" to it) and "hex". A question that was answered
differently at different times gets its answers in that order, and the last one from then on. What was never asked is not answered, as by a device that is not there.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from irctl_simulator.wire import Host, Line, Send, WireEvent, World

Answer = list[tuple[float, bytes]]
"""Pieces with their delay after the question, seconds."""


@dataclass(slots=True)
class Recording:
    """Of one line. `unknown`: questions that were asked and are not in it."""

    answers: dict[bytes, deque[Answer]]
    unknown: list[bytes] = field(default_factory=list[bytes])

    def to(self, question: bytes) -> Answer:
        known = self.answers.get(question)
        if known is None:
            self.unknown.append(question)
            return []
        return known.popleft() if len(known) > 1 else known[0]


def load_recording(path: Path, line: str) -> Recording:
    """Raises ValueError for a file that is no recording, or has nothing of this line."""
    answers: dict[bytes, deque[Answer]] = {}
    asked_at, answer = 0.0, Answer()
    for number, text in enumerate(path.read_text("utf-8").splitlines(), start=1):
        try:
            record = json.loads(text)
            at, data = float(record["t"]), bytes.fromhex(record["hex"])
            mine, sent = record["line"] == line, record["dir"] == "tx"
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}, line {number}: no record of a wire: {error}") from None
        if mine and sent:
            asked_at, answer = at, Answer()
            answers.setdefault(data, deque()).append(answer)
        elif mine:
            answer.append((at - asked_at, data))
    if not answers:
        raise ValueError(f"{path} has nothing of line {line!r}")
    return Recording(answers)


class ReplayLine(Line):
    """At the recorded pace; there are no twins on it."""

    def __init__(self, name: str, world: World, random: Random, recording: Recording) -> None:
        super().__init__(name, world, random)
        self.recording = recording

    def _forget(self) -> None:
        """Nothing is kept between questions."""

    def _sender(self, host: Host) -> Send:
        def send(data: bytes) -> None:
            if not data or host not in self._hosts:
                return
            now = asyncio.get_running_loop().time()
            self._observe(WireEvent(now, "host", bytes(data), ok=True))
            for delay_s, piece in self.recording.to(bytes(data)):
                self._at(now + delay_s, self._said, piece)

        return send

    def _said(self, data: bytes) -> None:
        self._observe(WireEvent(asyncio.get_running_loop().time(), "device", data, ok=True, device="recorded"))
        for host in list(self._hosts):
            host.receive(data)
