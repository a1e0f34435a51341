"""What a running process takes of the computer, as Linux counts it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Used:
    """`cpu`: share of one core. `rss_bytes`: in memory at the end."""

    cpu: float
    rss_bytes: int

    @property
    def memory(self) -> str:
        return f"{self.rss_bytes / 2**20:.0f} MB"


class Usage:
    """From now until it is asked. Raises OSError where there is no /proc."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._began_s, self._before_s = time.monotonic(), self._cpu_s()

    def so_far(self) -> Used:
        return Used((self._cpu_s() - self._before_s) / (time.monotonic() - self._began_s), self._rss())

    def _cpu_s(self) -> float:
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def _rss(self) -> int:
        return int(Path(f"/proc/{self._pid}/statm").read_text().split()[1]) * PAGE_BYTES


def children(pid: int | None = None) -> list[int]:
    """Of a process; of this one where none is named."""
    found = pid or os.getpid()
    return [int(word) for word in Path(f"/proc/{found}/task/{found}/children").read_text().split()]
