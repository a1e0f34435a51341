"""What every line offers, serial or network: priorities, time-outs, state, and one verb, `transact`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Protocol, TypeVar

from irctl.bus.recent import RecentFrames
from irctl.bus.request import AnyRequest, Request, Speech
from irctl.bus.stats import LineStats

T = TypeVar("T")

QUEUE_MAX = 64
"""Requests a line holds: more than a second of a slow line's work means the configuration asks too much."""


GAP_MAX_S = 0.5
"""A unit that needs more quiet than this cannot be stopped in time."""


class Priority(IntEnum):
    """Who goes first on a line."""

    STOP = 0
    LEASE = 1
    POLL = 2
    BACKGROUND = 3


@dataclass(frozen=True, slots=True)
class UnitTiming:
    """How long a unit may take, seconds, counted from the end of our last byte.

    `timeout_s`: until the first byte of its answer. `reply_max_s`: the longest it has ever been seen to take; after a failed
    question the line keeps silent this long, so that a late answer cannot meet the next question. `gap_s`: quiet that the unit needs after an
    answer before it hears another question, beyond the line's own; a stop keeps it, too, for an OFF that is not heard is none.
    """

    timeout_s: float = 0.1
    reply_max_s: float = 0.3
    gap_s: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.timeout_s <= self.reply_max_s:
            raise ValueError(f"timeout_s {self.timeout_s} must be positive and at most reply_max_s {self.reply_max_s}")
        if not 0 <= self.gap_s <= GAP_MAX_S:
            raise ValueError(f"gap_s {self.gap_s} must be 0 to {GAP_MAX_S}")

    def or_slower(self, other: UnitTiming) -> UnitTiming:
        """The longer of each time."""
        return UnitTiming(
            max(self.timeout_s, other.timeout_s), max(self.reply_max_s, other.reply_max_s), max(self.gap_s, other.gap_s)
        )


class LinkStatus(StrEnum):
    """Whether a line can be used."""

    UP = "up"
    DOWN = "down"
    ECHOING = "echoing"


@dataclass(frozen=True, slots=True)
class LineState:
    """A line's status; `reason` in words unless it is up."""

    status: LinkStatus
    reason: str = ""

    @property
    def is_up(self) -> bool:
        return self.status is LinkStatus.UP


UP = LineState(LinkStatus.UP)

StateListener = Callable[[LineState], None]
Trace = Callable[[str, bytes, float], None]
"""Called with "tx" or "rx", the bytes, and the loop's time in seconds."""


class Bus(Protocol):
    """One line and its only owner."""

    name: str
    speaks: Speech
    stats: LineStats
    recent: RecentFrames
    on_state: list[StateListener]

    def add_unit(self, unit: int, timing: UnitTiming) -> None:
        """Announce a unit, before `start` where possible."""
        ...

    async def start(self) -> None:
        """Open the port and keep it open; returns after the first attempt, up or down."""
        ...

    async def close(self) -> None:
        """Give the port back. Whatever waits fails with LineDown."""
        ...

    @property
    def state(self) -> LineState: ...

    async def transact(self, request: Request[T], priority: Priority = Priority.POLL, retries: int = 0) -> T:
        """Ask, and return what the checked answer means.

        Reads may be repeated `retries` times after silence or a wrong answer; ValueError for writes. Raises BusError.
        Cancelling the caller never disturbs the next question. ValueError for what is not spoken on this line.
        """
        ...

    def preempt(self) -> None:
        """Clear the way for a stop: every request that is not a STOP fails with Preempted, queued ones at once.

        Leases (priority LEASE) are refused from then on, until `permit_light`.
        """
        ...

    def permit_light(self) -> None:
        """Take leases again: the stop has been cleared."""
        ...

    def worst_time_to_dark_s(self, off_frames: Sequence[AnyRequest]) -> float:
        """Seconds from a stop until the last of `off_frames` has been obeyed, in the worst case the line was built for."""
        ...
