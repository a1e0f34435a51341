"""What systemd wants to hear of a service (sd_notify(3), sd_watchdog_enabled(3)); elsewhere nobody listens and nothing is said."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress

VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
"""Meant for the process that systemd started, not for its children."""
PINGS_PER_WATCHDOG = 4
SEND_MAX_S = 0.2
"""Its queue is short (ten, on most systems) and may be full for a moment."""


class Systemd:
    """The notification socket of this process, if it has one. Nothing here raises, or blocks for longer than SEND_MAX_S."""

    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        self._ping_every_s = _watchdog_s() / PINGS_PER_WATCHDOG
        self._pinged_at_s = float("-inf")

    def tell(self, *assignments: str) -> None:
        """Such as "READY=1", "STATUS=all is well"."""
        if not self._address or not hasattr(socket, "AF_UNIX"):
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.settimeout(SEND_MAX_S)
            notify.sendto("\n".join(assignments).encode(), address)

    def alive(self) -> None:
        """To be called often; tells the watchdog as often as it needs."""
        now_s = time.monotonic()
        if self._ping_every_s and now_s - self._pinged_at_s >= self._ping_every_s:
            self._pinged_at_s = now_s
            self.tell("WATCHDOG=1")


def _watchdog_s() -> float:
    """The service's WatchdogSec; 0 when it has none, or when it is meant for another process."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    try:
        return max(0.0, int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6)
    except ValueError:
        return 0.0
