"""Another pace of time for a served station: wires, devices, physics, all of it faster or slower than the clock on the wall.

A controller's clock is not slowed with it: leases, doses and records beside a station at another pace are wrong. It is for looking at a driver in slow motion, and for
letting hours of a station alone pass.
"""

from __future__ import annotations

import asyncio
from selectors import DefaultSelector
from typing import Any

SPEED_MIN, SPEED_MAX = 0.01, 100.0


class _Selector(DefaultSelector):
    """Waits in real seconds for what is counted in the loop's."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def select(self, timeout: float | None = None) -> Any:
        return super().select(timeout if timeout is None or timeout <= 0 else timeout / self._speed)


class PacedLoop(asyncio.SelectorEventLoop):
    """`speed` of its seconds go by in one real one."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        super().__init__(_Selector(speed))

    def time(self) -> float:
        return super().time() * self._speed
