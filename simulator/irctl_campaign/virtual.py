"""An asyncio event loop whose clock jumps to the next timer instead of waiting for it.

Thirty minutes of treatment take seconds, and the same seed gives the same journal. In-memory ports only: a thread or a real
socket lives in real time and would be overtaken.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


CLOCK_RESOLUTION_S = 1e-9


class VirtualLoop(asyncio.SelectorEventLoop):
    """`loop.time()` starts at 0 and only moves when every task waits."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__()

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        """One turn, as asyncio's own but for the selector, which has nothing to say here: what is ready runs; else the next timer is now."""
        timers: list[Any] = self._scheduled  # type: ignore[attr-defined]
        ready: Any = self._ready  # type: ignore[attr-defined]
        while timers and timers[0]._cancelled:
            heapq.heappop(timers)._scheduled = False
        if not ready:
            if not timers:
                raise RuntimeError("virtual time stands still: every task waits for something that no timer will bring")
            self.now = max(self.now, timers[0]._when)
        due_s = self.now + CLOCK_RESOLUTION_S
        while timers and timers[0]._when < due_s:
            timer = heapq.heappop(timers)
            timer._scheduled = False
            ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def run_in_executor(self, executor: object, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        """Work for a thread, done at once: in virtual time it takes none, and the same seed gives the same order."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done

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
