"""The watchdog thread: a loop that stalls ends its process before a lease could be renewed late. In real time, because it is about real time."""

from __future__ import annotations

import asyncio
import time

import pytest

from irctl.controller.watchdog import Watchdog, limit_s

pytestmark = pytest.mark.anyio

LEASE_S = 0.8


async def test_a_loop_that_stalls_is_ended_before_its_lease_has_run_out() -> None:
    ended: list[float] = []
    watchdog = Watchdog(lambda: None, ended.append)
    beating = asyncio.create_task(watchdog.run())
    await asyncio.sleep(0.1)
    watchdog.arm(LEASE_S)
    time.sleep(LEASE_S + 0.2)  # noqa: ASYNC251  (the stall)
    assert ended
    assert limit_s(LEASE_S) < ended[0] < LEASE_S + 0.2
    beating.cancel()


async def test_a_loop_that_runs_is_left_alone_and_so_is_one_that_was_not_armed() -> None:
    ended: list[float] = []
    watchdog = Watchdog(lambda: None, ended.append)
    beating = asyncio.create_task(watchdog.run())
    time.sleep(LEASE_S)  # noqa: ASYNC251  (as long as importing a web server takes)
    await asyncio.sleep(0.2)
    watchdog.arm(30.0)
    await asyncio.sleep(0.5)
    assert not ended
    beating.cancel()
