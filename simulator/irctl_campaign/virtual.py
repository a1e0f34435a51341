"""An asyncio event loop whose clock jumps to the next timer instead of waiting for it.

Thirty minutes of treatment take seconds, and the same seed gives the same journal. In-memory ports only: a thread or a real
socket lives in real time and would be overtaken.
"""

from __future__ import annotations

import asyncio
import heapq
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _InstantSelector(selectors.SelectSelector):
    """Polls without waiting and moves the clock by what the loop wanted to wait."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout:
            self.loop.now += timeout
        elif timeout is None:
            raise RuntimeError("virtual time stands still: every task waits for something that no timer will bring")
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """`loop.time()` starts at 0 and only moves when every task waits."""

    def __init__(self) -> None:
        selector = _InstantSelector()
        selector.loop = self
        self.now = 0.0
        super().__init__(selector)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self.now

    def block(self, duration_s: float, goes_on: Callable[[Callable[..., Any]], bool]) -> None:
        """The running callback takes `duration_s`. Meanwhile only timers whose callback `goes_on` run: the hardware's, not the program's."""
        until = self.now + duration_s
        timers: list[Any] = self._scheduled  # type: ignore[attr-defined]
        while due := [t for t in timers if t._when <= until and not t._cancelled and goes_on(t._callback)]:
            first = min(due)
            timers.remove(first)
            heapq.heapify(timers)
            first._scheduled = False
            self.now = max(self.now, first._when)
            first._run()
        self.now = until


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
