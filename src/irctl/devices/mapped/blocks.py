"""Which questions read a set of points: few, none longer than the device takes, and none over an address that must not be touched."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from irctl.devices.mapped.model import BITS, Area, DeviceMap

GAP_MAX = 8
"""Unwanted registers that may be read along: a longer answer is still quicker than another question (about 8 ms of silence and address at 9600 baud)."""
BITS_MAX = 64
"""Bits that one question asks for."""


@dataclass(frozen=True, slots=True)
class Block:
    """One question: `count` registers or bits from `first` on, addresses on the wire."""

    area: Area
    first: int
    count: int

    @property
    def last(self) -> int:
        return self.first + self.count - 1

    def holds(self, area: Area, first: int, count: int) -> bool:
        return self.area == area and self.first <= first and first + count <= self.first + self.count


def blocks(told: DeviceMap, points: Collection[str]) -> tuple[Block, ...]:
    """The questions, by area and address. What lies between two wanted points is read along only where a point of the map stands."""
    mapped: set[tuple[Area, int]] = {
        (area, at) for name in told.points for area, at in _addresses(told, name) if told.points[name].readable
    }
    found: list[Block] = []
    for area, first, count in sorted({told.place(name) for name in points}):
        most = BITS_MAX if area in BITS else told.block
        if found and (joined := _joined(found[-1], area, first, count, most, mapped)) is not None:
            found[-1] = joined
        else:
            found.append(Block(area, first, count))
    return tuple(found)


def words_at(block: Block, answer: Sequence[int], first: int, count: int) -> Sequence[int]:
    """Of a block's answer, those of one point."""
    return answer[first - block.first : first - block.first + count]


def _joined(
    block: Block, area: Area, first: int, count: int, most: int, mapped: Collection[tuple[Area, int]]
) -> Block | None:
    if block.area != area:
        return None
    last = max(block.last, first + count - 1)
    between = range(block.last + 1, first)
    if last - block.first + 1 > most or len(between) > GAP_MAX or any((area, at) not in mapped for at in between):
        return None
    return Block(area, block.first, last - block.first + 1)


def _addresses(told: DeviceMap, name: str) -> list[tuple[Area, int]]:
    area, first, count = told.place(name)
    return [(area, at) for at in range(first, first + count)]
