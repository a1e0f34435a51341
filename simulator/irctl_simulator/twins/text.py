"""What every twin on a line of text is: commands in, answers out, timers told the time; and the meters among them."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import ClassVar

from irctl_simulator.twins.base import NEVER

CM2_PER_M2 = 1e4


class TextTwin:
    """One device. `end` closes a command (empty: nothing does), `answer_end` an answer."""

    kind: ClassVar[str] = ""
    end: bytes = b"\r\n"
    answer_end: bytes = b"\r\n"

    def __init__(self, unit: int = 1) -> None:
        self.unit = unit

    def command(self, text: str, now: float) -> str | None:
        """Obey one command; what is answered, None for nothing."""
        raise NotImplementedError

    def handle(self, pdu: bytes, now: float) -> bytes:
        answer = self.command(pdu.decode("latin-1"), now)
        return b"" if answer is None else answer.encode("latin-1") + self.answer_end

    def answers_to(self, unit: int) -> bool:
        """There is nobody else on such a line."""
        return True

    def obeys_broadcast(self) -> bool:
        return False

    def overheard(self, now: float) -> None:
        """Nobody else is spoken to."""

    def next_event(self) -> float:
        return NEVER

    def advance(self, now: float) -> None:
        """Run the timers due at `now`."""

    def reboot(self, now: float) -> None:
        """Power lost and restored."""

    def output(self, channel: int) -> float:
        """Power passed by output `channel` (1-based), as a fraction of what the lamp is rated for."""
        raise LookupError(f"{self.kind} has no output {channel}")


class TextMeter(TextTwin):
    """A power meter: what falls on its head is irradiance (`source`, W/m2) times the head's area."""

    def __init__(
        self,
        unit: int = 1,
        *,
        source: Callable[[float], float] = lambda _now: 0.0,
        random: Random | None = None,
        area_cm2: float = 1.0,
        noise_w_m2: float = 0.3,
    ) -> None:
        super().__init__(unit)
        self.source = source
        self.area_cm2 = area_cm2
        self.noise_w_m2 = noise_w_m2
        self.fault_gain = 1.0
        self.fault_full_scale_w_m2 = math.inf
        self.frozen = False
        self._random = random or Random(0)
        self._shown_w = 0.0

    def power_w(self, now: float) -> float:
        """One sample, watts."""
        if not self.frozen:
            noise = self._random.gauss(0.0, self.noise_w_m2) if self.noise_w_m2 > 0 else 0.0
            w_m2 = min(self.source(now) * self.fault_gain + noise, self.fault_full_scale_w_m2)
            self._shown_w = w_m2 * self.area_cm2 / CM2_PER_M2
        return self._shown_w
