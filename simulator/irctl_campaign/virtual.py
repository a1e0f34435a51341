"""An asyncio event loop whose clock jumps to the next timer instead of waiting for it.

Thirty minutes of treatment take seconds, and the same seed gives the same journal. In-memory ports only: a thread or a real
socket lives in real time and would be overtaken.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


CLOCK_RESOLUTION_S = 1e-9


class Turn:
    """What `call_soon` and `call_at` return: asyncio's handle without its debugging, which costs more here than what is called."""

    __slots__ = ("_args", "_callback", "_cancelled", "_context", "_when")

    def __init__(
        self, callback: Callable[..., Any], args: Any, context: contextvars.Context | None, when: float = 0.0
    ) -> None:
        self._callback = callback
        self._args = args
        self._context = contextvars.copy_context() if context is None else context
        self._cancelled = False
        self._when = when

    def cancel(self) -> None:
        self._cancelled = True

    def cancelled(self) -> bool:
        return self._cancelled

    def when(self) -> float:
        return self._when


class VirtualLoop(asyncio.SelectorEventLoop):
    """`loop.time()` starts at 0 and only moves when every task waits. Timers of one instant run in the order in which they were set."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__()
        self._timers: list[tuple[float, int, Turn]] = []
        self._timers_set = 0

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None) -> Any:
        turn = Turn(callback, args, context)
        self._ready.append(turn)  # type: ignore[attr-defined]
        return turn

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> Any:
        turn = Turn(callback, args, context, when)
        self._timers_set += 1
        heapq.heappush(self._timers, (when, self._timers_set, turn))
        return turn

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> Any:
        return self.call_at(self.now + delay, callback, *args, context=context)

    def _run_once(self) -> None:
        """Turns until somebody stops the loop, as asyncio's own but for the selector, which has nothing to say here: what is ready runs; else the next timer is now."""
        timers: list[tuple[float, int, Turn]] = self._timers
        ready: Any = self._ready  # type: ignore[attr-defined]
        pop, resolution_s = heapq.heappop, CLOCK_RESOLUTION_S
        while True:
            while timers and timers[0][2]._cancelled:
                pop(timers)
            if not ready:
                if not timers:
                    raise RuntimeError(
                        "virtual time stands still: every task waits for something that no timer will bring"
                    )
                self.now = max(self.now, timers[0][0])
            due_s = self.now + resolution_s
            while timers and timers[0][0] < due_s:
                ready.append(pop(timers)[2])
            for _ in range(len(ready)):
                turn = ready.popleft()
                if turn._cancelled:
                    continue
                try:
                    turn._context.run(turn._callback, *turn._args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:
                    self._failed(turn, error)
            if self._stopping:  # type: ignore[attr-defined]
                return

    def _failed(self, turn: Any, error: BaseException) -> None:
        self.call_exception_handler({"message": f"exception in {turn._callback}", "exception": error})

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
        timers = self._timers
        while due := [t for t in timers if t[0] <= until and not t[2]._cancelled and goes_on(t[2]._callback)]:
            first = min(due)
            timers.remove(first)
            heapq.heapify(timers)
            self.now = max(self.now, first[0])
            first[2]._context.run(first[2]._callback, *first[2]._args)
        self.now = until


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.get_loop().run_until_complete(main)
