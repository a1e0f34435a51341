"""A loop that stalls cannot be trusted with light: the process ends before the lease it might still renew has run out.

The leases lapse, the supervisor starts the controller again, and that one starts dark. The clock here is not the loop's: the loop is in doubt.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from math import inf
from threading import Thread

from irctl.tally import Tally

BEAT_S = 0.1
LOOK_S = 0.05
MARGIN_S = 0.3
"""Before the lease runs out: two beats, a look, and the time to say why."""
LAST_WORDS_S = 0.1
"""For the stack of the stalled loop to reach the log; nobody may be reading it."""
STALLS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
EXIT_CODE = 70


def limit_s(shortest_lease_s: float) -> float:
    """The longest stall that is suffered with this lease, s."""
    return max(shortest_lease_s - MARGIN_S, shortest_lease_s / 2)


def end_process(stalled_s: float) -> None:
    """At once, and without any cleaning up: whatever stalls the loop would stall that too."""

    def last_words() -> None:
        with suppress(Exception):
            print(f"watchdog: the loop has stalled for {stalled_s:.2f} s; ending", file=sys.stderr, flush=True)
            faulthandler.dump_traceback(all_threads=True)

    saying = Thread(target=last_words, daemon=True)
    saying.start()
    saying.join(LAST_WORDS_S)
    os._exit(EXIT_CODE)


class Watchdog:
    """`run` beats on the loop; once armed, a thread ends the process when the beat is late."""

    def __init__(self, beat: Callable[[], None], end: Callable[[float], None] = end_process) -> None:
        self._beat = beat
        """Tells the supervisor; must not block."""
        self._end = end
        self._limit_s = inf
        self.stalls = Tally(STALLS_S)
        """How much later than it should each beat came since the watchdog is armed, seconds."""
        self._beat_at_s = time.monotonic()

    async def run(self) -> None:
        """For ever."""
        while True:
            # After a stop and continue of the whole process this may come before the thread's look, and before any lamp's next renewal.
            self._check()
            now_s = time.monotonic()
            if self._limit_s < inf:
                self.stalls.add(max(0.0, now_s - self._beat_at_s - BEAT_S))
            self._beat_at_s = now_s
            self._beat()
            await asyncio.sleep(BEAT_S)

    def arm(self, shortest_lease_s: float) -> None:
        """From now on. Not before the API serves: its imports stall the loop for longer, and nothing can be lit yet."""
        self._beat_at_s = time.monotonic()
        self._limit_s = limit_s(shortest_lease_s)
        Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _watch(self) -> None:
        while not self._check():
            time.sleep(LOOK_S)

    def _check(self) -> bool:
        """Whether the beat is late; then this was the end."""
        stalled_s = time.monotonic() - self._beat_at_s
        if stalled_s > self._limit_s:
            self._end(stalled_s)
            return True
        return False
