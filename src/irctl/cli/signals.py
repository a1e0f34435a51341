"""Signals in the terminal's commands: a closed terminal or a polite kill is a Ctrl-C, and a tidy end is not interrupted."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def like_ctrl_c() -> Generator[None]:
    """Within: SIGTERM and SIGHUP raise KeyboardInterrupt, as SIGINT does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handled(("SIGINT", "SIGTERM", "SIGHUP"), interrupt):
        yield


@contextmanager
def ignored() -> Generator[None]:
    """Within: nobody interrupts. For work that ends by itself within seconds."""
    with _handled(("SIGINT", "SIGTERM", "SIGHUP"), lambda _number, _frame: None):
        yield


@contextmanager
def _handled(names: tuple[str, ...], handler: Callable[[int, FrameType | None], None]) -> Generator[None]:
    numbers = [signal.Signals[name] for name in names if name in signal.Signals.__members__]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
