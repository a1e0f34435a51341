"""The clocks of the record: the wall's, which is injected, and the loop's, which only goes forward."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

WallClock = Callable[[], datetime]


def utc_now() -> datetime:
    """The one place that reads the wall clock."""
    return datetime.now(UTC)


def now_s() -> float:
    """The running loop's time."""
    return asyncio.get_running_loop().time()
