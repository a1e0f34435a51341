"""The last frames of a line, for a technician who looks on. Kept as they went by; nothing is decoded until somebody asks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from irctl.bus.modbus import BROADCAST, EXCEPTION_NAMES, MBAP_LENGTH, crc_ok
from irctl.bus.text import shown

FRAMES_KEPT = 200
FRAME_MAX = 260
"""Bytes, of RTU and TCP alike: a noisy line must not grow one frame for ever."""
ENDED_S = 0.05
"""An answer that may still grow is not shown yet: as long as the longest pause inside one."""
FUNCTIONS = {
    1: "read coils",
    2: "read inputs",
    3: "read holding registers",
    4: "read input registers",
    5: "write a coil",
    6: "write a register",
    16: "write registers",
}


@dataclass(slots=True)
class Frame:
    """`at_s`: of its first byte, on the loop's clock. `direction`: "tx" or "rx"."""

    number: int
    at_s: float
    last_s: float
    direction: str
    data: bytes


class RecentFrames:
    """One line's. Numbers go on for as long as the line lives, so that who looks again knows what is new."""

    def __init__(self, kept: int = FRAMES_KEPT) -> None:
        self._frames: deque[Frame] = deque(maxlen=kept)
        self._number = 0

    def add(self, direction: str, data: bytes, at_s: float) -> None:
        """What was sent is a frame; what was received in pieces before the next question is one, too."""
        last = self._frames[-1] if self._frames else None
        if last is not None and last.direction == direction == "rx" and len(last.data) < FRAME_MAX:
            last.data, last.last_s = (last.data + data)[:FRAME_MAX], at_s
            return
        self._number += 1
        self._frames.append(Frame(self._number, at_s, at_s, direction, data[:FRAME_MAX]))

    def after(self, number: int, now_s: float) -> list[Frame]:
        """What has gone by since that one, oldest first."""
        new = (i for i, frame in enumerate(self._frames) if frame.number > number)
        start = next(new, len(self._frames))
        return [f for f in islice(self._frames, start, None) if f.direction == "tx" or now_s - f.last_s >= ENDED_S
                or f is not self._frames[-1]]  # fmt: skip


def decoded(frames: Iterable[Frame], *, tcp: bool) -> list[dict[str, Any]]:
    """In plain columns. `ok`: None of a question; of an answer whether it is intact and not an exception."""
    told: list[dict[str, Any]] = []
    asked = b""
    for frame in frames:
        data = frame.data
        if frame.direction == "tx":
            if told and told[-1]["direction"] == "tx" and told[-1]["unit"] != BROADCAST:
                told[-1] |= {"ok": False, "note": "no answer"}
            asked = data
        elif len(data) > len(asked) and data.startswith(asked):
            data = data[len(asked) :]  # an adapter that returns our own bytes
        unit_at = MBAP_LENGTH - 1 if tcp else 0
        intact = len(data) >= unit_at + 2 and (tcp or crc_ok(data))
        unit, function = (data[unit_at], data[unit_at + 1]) if intact else (None, None)
        refused = function is not None and bool(function & 0x80)
        note = "" if intact else "not intact: damaged, or cut off"
        if refused:
            note = EXCEPTION_NAMES.get(data[unit_at + 2], "refused")
        told.append({
            "number": frame.number,
            "at_s": round(frame.at_s, 4),
            "direction": frame.direction,
            "unit": unit,
            "function": None if function is None else function & 0x7F,
            "name": "" if function is None else FUNCTIONS.get(function & 0x7F, "another function"),
            "hex": data.hex(" "),
            "ok": None if frame.direction == "tx" else intact and not refused,
            "note": note,
        })  # fmt: skip
    return told


def read_as_text(frames: Iterable[Frame]) -> list[dict[str, Any]]:
    """The same columns for a line of text, where whether an answer is right only its driver knows: `ok` is None."""
    return [
        {
            "number": frame.number,
            "at_s": round(frame.at_s, 4),
            "direction": frame.direction,
            "unit": None,
            "function": None,
            "name": shown(frame.data),
            "hex": frame.data.hex(" "),
            "ok": None,
            "note": "",
        }
        for frame in frames
    ]
