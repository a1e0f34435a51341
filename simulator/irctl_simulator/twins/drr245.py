"""Pixsys DRR245: a controller whose 0-10 V output a host drives, with an off-line time in milliseconds.

Source: DRR245 user manual p. 26-31. Assumed: any addressed frame ends the silence; the output is linear in power; from the factory the off-line time is 0 (never).
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import ClassVar

from irctl_simulator.twins.base import NEVER, Cell, FedBy, constant, stored
from irctl_simulator.twins.sensing import ThermometerTwin

FULL = 10_000


class Drr245(ThermometerTwin):
    """Output 1 is the 0-10 V output while running; its thermometer is the process value."""

    kind: ClassVar[str] = "pixsys-drr245"
    functions: ClassVar[frozenset[int]] = frozenset({3, 4, 6, 16})

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        source: Callable[[float], float] | None = None,
        random: Random | None = None,
        noise_c: float = 0.05,
        fed_by: FedBy = "addressed",
    ) -> None:
        super().__init__(unit, now, source, random, noise_c, broadcast=True)
        self.fed_by = fed_by
        self.run, self.off_line_ms, self.level = [0], [0], [0]
        self.off_line_relays, self.off_line_level = [0], [0]
        self.errors = [0]
        self._fed_at = now
        self.holdings[1000] = Cell(lambda now: round(self.seen(now) * 10) & 0xFFFF)
        self.holdings[1010] = Cell(lambda now: round(self.output(1) * FULL))
        self.holdings[1014] = stored(self.errors, 0)
        self.holdings[1016] = stored(self.run, 0, 0, 1)
        self.holdings[1022] = stored(self.off_line_ms, 0)
        self.holdings[3021] = stored(self.level, 0, 0, FULL)
        self.holdings[3023] = stored(self.off_line_relays, 0)
        self.holdings[3024] = stored(self.off_line_level, 0, 0, FULL)
        self.holdings[510] = constant(10)
        self.inputs = self.holdings

    def output(self, channel: int) -> float:
        if channel != 1:
            raise LookupError(f"a DRR245 has output 1, not {channel}")
        return self.level[0] / FULL if self.run[0] else 0.0

    def polled(self, function: int, now: float) -> None:
        if self.fed_by != "writes" or function in (6, 16):
            self._fed_at = now

    def overheard(self, now: float) -> None:
        if self.fed_by == "any":
            self._fed_at = now

    def next_event(self) -> float:
        return self._fed_at + self.off_line_ms[0] / 1000 if self.off_line_ms[0] and self.run[0] else NEVER

    def advance(self, now: float) -> None:
        if self.next_event() <= now:
            self.run[0] = 0
            self.level[:] = self.off_line_level

    def reboot(self, now: float) -> None:
        self.run[0] = self.level[0] = 0
        self._fed_at = now
