"""Riden RD60xx supply: no fail-safe, scales that differ by model, and silence where too many registers are asked for at once.

Sources: ShayBox/Riden, Baldanos/rd6006, sigrok rdtech-dps. The load is `ohms`; power on it is what the lamp gets, relative to `full_w`.
"""

from __future__ import annotations

from typing import ClassVar

from irctl_simulator.twins.base import Cell, RegisterTwin, constant, put, stored

BLOCK_MAX = 20
SCALES: dict[int, tuple[float, float]] = {
    **dict.fromkeys(range(60060, 60065), (0.01, 0.001)),
    60065: (0.001, 0.0001),
    **dict.fromkeys(range(60120, 60125), (0.01, 0.01)),
    **dict.fromkeys(range(60180, 60190), (0.01, 0.01)),
    60241: (0.01, 0.01),
    60301: (0.01, 0.01),
}
"""Volts and amperes of one count, by model id."""


class Riden(RegisterTwin):
    kind: ClassVar[str] = "riden-rd60xx"
    functions: ClassVar[frozenset[int]] = frozenset({3, 6, 16})

    def __init__(
        self, unit: int, now: float = 0.0, *, model: int = 60062, ohms: float = 4.0, full_w: float = 100.0
    ) -> None:
        super().__init__(unit, broadcast=False)
        self.volt, self.ampere = SCALES.get(model, (0.01, 0.01))
        self.ohms, self.full_w = ohms, full_w
        self.volts_set, self.amps_set, self.on, self.on_at_boot = [0], [0], [0], [1]
        put(self.holdings, 0, [constant(model), constant(0), constant(4711), constant(128)])
        self.holdings[8] = stored(self.volts_set, 0)
        self.holdings[9] = stored(self.amps_set, 0)
        self.holdings[10] = Cell(lambda _now: round(self.flows()[0] / self.volt))
        self.holdings[11] = Cell(lambda _now: round(self.flows()[1] / self.ampere))
        self.holdings[16] = constant(0)
        self.holdings[17] = Cell(lambda _now: int(self._limited_by_current()))
        self.holdings[18] = stored(self.on, 0, 0, 1)
        self.holdings[68] = stored(self.on_at_boot, 0, 0, 1)

    def handle(self, pdu: bytes, now: float) -> bytes:
        too_many = pdu[0] == 3 and len(pdu) >= 5 and int.from_bytes(pdu[3:5], "big") > BLOCK_MAX
        return b"" if too_many else super().handle(pdu, now)

    def _limited_by_current(self) -> bool:
        return self.volts_set[0] * self.volt / self.ohms > self.amps_set[0] * self.ampere

    def flows(self) -> tuple[float, float]:
        """Volts and amperes at the terminals."""
        if not self.on[0]:
            return 0.0, 0.0
        volts, amps = self.volts_set[0] * self.volt, self.amps_set[0] * self.ampere
        return (amps * self.ohms, amps) if self._limited_by_current() else (volts, volts / self.ohms)

    def output(self, channel: int) -> float:
        if channel != 1:
            raise LookupError(f"a Riden has output 1, not {channel}")
        volts, amps = self.flows()
        return volts * amps / self.full_w

    def reboot(self, now: float) -> None:
        self.on[:] = self.on_at_boot
