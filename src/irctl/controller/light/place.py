"""Where a leased channel hangs: its line, who else is on it, and what commissioning asks of such a line."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from typing import Protocol

from irctl.bus.bus import Bus, Priority
from irctl.bus.errors import ExceptionReply, NoReply, WrongReply
from irctl.bus.modbus import ReadHolding
from irctl.bus.request import AnyRequest


class Neighbour(Protocol):
    """Another lamp whose task talks on the same line."""

    hushed: bool
    """While it is idle it asks nothing."""

    @property
    def name(self) -> str: ...

    @property
    def in_use(self) -> bool:
        """Treating or being commissioned: its frames cannot be held back, and nobody may darken it."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """One line as seen from one of its devices."""

    line: Bus
    serial: bool
    """Else a network, where nothing echoes and unit 0 means the gateway."""
    own_echo: bool
    """`local_echo` of the station file: the adapter returns our own bytes, which the line takes off."""
    others: tuple[int, ...]
    """The units of the other devices on it."""
    unused: int
    """A unit that no configured device has."""
    neighbours: tuple[Neighbour, ...]
    off_frames: tuple[AnyRequest, ...]
    """What a stop sends on it."""

    @property
    def worst_s(self) -> float:
        return self.line.worst_time_to_dark_s(self.off_frames)

    @property
    def in_use_by(self) -> list[str]:
        return [lamp.name for lamp in self.neighbours if lamp.in_use]

    def questions_to_others(self) -> Iterator[AnyRequest]:
        """Without end: a harmless read of each other unit in turn, of nobody where there is none. To this device all are somebody else's."""
        return (ReadHolding(unit, 0, 1) for unit in cycle(self.others or (self.unused,)))

    async def ask_other(self, question: AnyRequest) -> None:
        """Put a frame on the line that is not this device's; what comes back does not matter. Raises BusError when the line fails."""
        if self.line.speaks == "text":
            return  # there is nobody else on it
        with suppress(NoReply, WrongReply, ExceptionReply):
            await self.line.transact(question, Priority.BACKGROUND)

    @contextmanager
    def hush(self) -> Generator[None]:
        """Idle neighbours ask nothing meanwhile. Seconds at most: nobody looks at them."""
        for lamp in self.neighbours:
            lamp.hushed = True
        try:
            yield
        finally:
            for lamp in self.neighbours:
                lamp.hushed = False
