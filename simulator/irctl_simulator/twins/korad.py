"""Korad KA3005P, Tenma 72-2540, RND, Velleman bench supplies: no line ends, fixed answers, sets that are not acknowledged, no fail-safe.

Source: sigrok's korad-kaxxxxp driver. Commands need 80 ms after the one before (450 ms more on a Velleman V1.3); `ISET1?` may carry a
sixth byte; `*IDN?` may end in 01, BC or 00. `STATUS?`: bit 0 constant voltage, 4 beep, 5 over-current protection, 6 output, 7 over-voltage protection.

Assumptions: a command that comes too soon is lost; a set out of range is not obeyed; after a power cut the output is off and the sets
are kept; the lamp is a resistance.
"""

from __future__ import annotations

import re
from typing import ClassVar

from irctl_simulator.twins.text import TextTwin

VOLTS = re.compile(r"VSET1:([0-9]{2}\.[0-9]{2})")
AMPS = re.compile(r"ISET1:([0-9]\.[0-9]{3})")


class Korad(TextTwin):
    kind: ClassVar[str] = "korad"
    end = b""
    answer_end = b""

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        model: str = "KORADKA3005PV2.0",
        idn_tail: int = 0x01,
        pause_s: float = 0.08,
        sixth_byte: bool = True,
        volts_max: float = 31.0,
        amps_max: float = 5.1,
        ohms: float = 10.0,
        rated_w: float = 40.0,
    ) -> None:
        super().__init__(unit)
        self.model, self.idn_tail, self.pause_s, self.sixth_byte = model, idn_tail, pause_s, sixth_byte
        self.volts_max, self.amps_max = volts_max, amps_max
        self.ohms, self.rated_w = ohms, rated_w
        self.volts = self.amps = 0.0
        self.on = False
        self.deaf_to: set[str] = set()
        """Beginnings of commands that are not obeyed."""
        self.lost = 0
        """Commands that came too soon."""
        self.status_mask = 0xFF
        """Bits that `STATUS?` can show: one that is missing has failed."""
        self._obeyed_at = now - pause_s

    def command(self, text: str, now: float) -> str | None:
        if now - self._obeyed_at < self.pause_s:
            self.lost += 1
            return None
        self._obeyed_at = now
        if any(text.startswith(one) for one in self.deaf_to):
            return None
        return self._answer(text) if text.endswith("?") else self._obey(text)

    def _answer(self, text: str) -> str | None:
        volts, amps = self.shown()
        match text:
            case "*IDN?":
                return self.model + chr(self.idn_tail)
            case "VSET1?":
                return f"{self.volts:05.2f}"
            case "ISET1?":
                return f"{self.amps:05.3f}" + ("K" if self.sixth_byte else "")
            case "VOUT1?":
                return f"{volts:05.2f}"
            case "IOUT1?":
                return f"{amps:05.3f}"
            case "STATUS?":
                status = 0x10 | self.on << 6 | (self.volts <= self.amps * self.ohms)
                return chr(status & self.status_mask)
            case _:
                return None

    def _obey(self, text: str) -> None:
        if found := VOLTS.fullmatch(text):
            self.volts = float(found[1]) if float(found[1]) <= self.volts_max else self.volts
        elif found := AMPS.fullmatch(text):
            self.amps = float(found[1]) if float(found[1]) <= self.amps_max else self.amps
        elif text in ("OUT0", "OUT1"):
            self.on = text == "OUT1"

    def shown(self) -> tuple[float, float]:
        """Volts and amperes at the terminals."""
        volts = min(self.volts, self.amps * self.ohms) if self.on else 0.0
        return volts, volts / self.ohms

    def output(self, channel: int) -> float:
        if channel != 1:
            raise LookupError(f"a supply has output 1, not {channel}")
        volts, amps = self.shown()
        return volts * amps / self.rated_w

    def reboot(self, now: float) -> None:
        self.on = False
