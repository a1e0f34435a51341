"""Words of a device into values and back. Nothing is rounded silently: a value that the device cannot hold exactly enough is refused."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import isfinite

from irctl.devices.mapped.model import DeviceMap, Kind, Order

LIMITS: dict[Kind, tuple[int, int]] = {
    "bit": (0, 1), "u16": (0, 0xFFFF), "s16": (-0x8000, 0x7FFF), "u32": (0, 0xFFFF_FFFF), "s32": (-0x8000_0000, 0x7FFF_FFFF),
}  # fmt: skip


class NoValue(ValueError):
    """What was read is no value, or none that is believed. The text says why."""


def raw_of(words: Sequence[int], kind: Kind, order: Order, bit: int | None = None) -> float:
    """A number as the device holds it, unscaled. Raises NoValue."""
    if bit is not None:
        return words[0] >> bit & 1
    if kind in ("bit", "u16"):
        return words[0]
    if kind == "s16":
        return words[0] - 0x1_0000 if words[0] >= 0x8000 else words[0]
    high, low = words if order == "high-first" else (words[1], words[0])
    if kind == "f32":
        value: float = struct.unpack(">f", struct.pack(">HH", high, low))[0]
        if not isfinite(value):
            raise NoValue(f"is {value}")
        return value
    both = high << 16 | low
    return both - 0x1_0000_0000 if kind == "s32" and both >= 0x8000_0000 else both


def text_of(words: Sequence[int]) -> str:
    """Two characters a register, up to the first zero. Raises NoValue for what is not printable."""
    data = b"".join(word.to_bytes(2, "big") for word in words).split(b"\0")[0]
    text = data.decode("latin-1").strip()
    if not text.isprintable():
        raise NoValue("is no text")
    return text


def words_for(raw: float, kind: Kind, order: Order) -> tuple[int, ...]:
    """A number as words. Raises ValueError outside what the type holds."""
    if kind == "f32":
        high, low = struct.unpack(">HH", struct.pack(">f", raw))
    else:
        whole, (least, most) = round(raw), LIMITS[kind]
        if not least <= whole <= most:
            raise ValueError(f"{whole} does not fit into {kind}")
        if kind in ("bit", "u16", "s16"):
            return (whole & 0xFFFF,)
        high, low = (whole & 0xFFFF_FFFF) >> 16, whole & 0xFFFF
    return (high, low) if order == "high-first" else (low, high)


def order_of(told: DeviceMap, point: str) -> Order:
    return told.points[point].order or told.order
