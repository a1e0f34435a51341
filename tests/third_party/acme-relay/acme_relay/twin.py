"""The device as its manual describes it, for tests without hardware. Written from the manual, never from the driver."""

from typing import ClassVar

from irctl_simulator.twins.base import NEVER, Cell, RegisterTwin, constant, stored


class AcmeRelayTwin(RegisterTwin):
    """One relay that falls back when nobody has asked anything for the watchdog's time."""

    kind: ClassVar[str] = "acme-relay"

    def __init__(self, unit: int, now: float = 0.0) -> None:
        super().__init__(unit)
        self.relay, self.time, self.safe, self._fed_at = [0], [0], [0], now
        self.coils[0] = Cell(lambda _now: self.relay[0], self._switch)
        self.holdings[8] = stored(self.time, 0, 0, 255)
        self.holdings[9] = stored(self.safe, 0, 0, 1)
        self.holdings[100] = constant(unit)

    def _switch(self, value: int, _now: float) -> None:
        self.relay[0] = value

    def output(self, channel: int) -> float:
        return float(self.relay[0])

    def polled(self, function: int, now: float) -> None:
        self._fed_at = now

    def next_event(self) -> float:
        return self._fed_at + self.time[0] / 10 if self.time[0] and self.relay[0] else NEVER

    def advance(self, now: float) -> None:
        if self.next_event() <= now:
            self.relay[0] = self.safe[0]
