"""Mightex SLC LED drivers (SA, SV: up to two strobe steps): currents set per channel, or a pulse that the board times itself.

Source: the Sirius SLC SDK description 1.1.4, as in the command reference of lkaising/mightex-slc: LF CR after a command, space CR LF
after an answer; `##` done, `#!` failed, `#?` wrong argument; STROBE plays its profile repeat + 1 times (9999: for ever), a profile
ends with a 0 0 step, MODE ch 2 starts it anew; settings are lost with the power unless stored; only "V" modules measure the load.

Assumptions: a step above the channel's Imax is cut to it without a word; after its last step a strobe is dark and its mode still
reads 2; `?STRP` answers one step a line, the closing 0 0 among them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from irctl_simulator.twins.base import NEVER
from irctl_simulator.twins.text import TextTwin

CHANNELS = 4
DISABLED, NORMAL, STROBE = 0, 1, 2
FOR_EVER = 9999
US_MAX = 99_999_999
ROUNDING_S = 1e-9
NORMAL_MA_MAX, STROBE_MA_MAX = 1000, 3500


@dataclass(slots=True)
class Channel:
    mode: int = DISABLED
    normal: tuple[int, int] = (20, 10)
    """Imax, Iset."""
    strobe: tuple[int, int] = (20, 0)
    """Imax, repeat."""
    profile: dict[int, tuple[int, int]] = field(default_factory=lambda: {0: (0, 0)})
    started_at: float = 0.0

    def steps(self) -> list[tuple[int, float]]:
        """mA and seconds, up to the closing 0 0; nothing where it does not close."""
        found: list[tuple[int, float]] = []
        for step in range(len(self.profile)):
            ma, us = self.profile.get(step, (0, 0))
            if (ma, us) == (0, 0):
                return found
            found.append((ma, us / 1e6))
        return []

    def ma(self, now: float) -> int:
        if self.mode == NORMAL:
            return self.normal[1]
        if self.mode != STROBE:
            return 0
        steps, (_, repeat) = self.steps(), self.strobe
        once_s = sum(span_s for _, span_s in steps)
        since_s = now - self.started_at + ROUNDING_S
        if once_s <= 0 or (repeat != FOR_EVER and since_s >= once_s * (repeat + 1)):
            return 0
        at_s = since_s % once_s
        for ma, span_s in steps:
            if at_s < span_s:
                return ma
            at_s -= span_s
        return 0


class MightexSlc(TextTwin):
    kind: ClassVar[str] = "mightex-slc"
    end = b"\n\r"
    answer_end = b" \r\n"

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        module: str = "SLC-SV04-U/S",
        serial: str = "04-251013-011",
        echo: bool = False,
        rated_ma: int = 1000,
        forward_mv: int = 2900,
    ) -> None:
        super().__init__(unit)
        self.module, self.serial = module, serial
        self.echo = echo
        self.rated_ma, self.forward_mv = rated_ma, forward_mv
        self.deaf_to: set[str] = set()
        """Commands that are acknowledged and not obeyed."""
        self.channels = [Channel() for _ in range(CHANNELS)]
        self._now = now

    def command(self, text: str, now: float) -> str | None:
        self._now = now
        answer = self._answer(text.strip().upper().split(), now)
        return f"{text}\n\r{answer}" if self.echo and text.strip().upper() != "ECHOOFF" else answer

    def _answer(self, words: list[str], now: float) -> str:
        match words:
            case ["ECHOOFF"]:
                self.echo = False
                return "##"
            case ["DEVICEINFO"]:
                return f"Mightex LED Driver:3.1.8 Device Module No.:{self.module} Device Serial No.:{self.serial}"
            case [name, *numbers] if name in (
                "MODE",
                "NORMAL",
                "STROBE",
                "STRP",
                "?MODE",
                "?STROBE",
                "?STRP",
                "LOADVOLTAGE",
            ):
                try:
                    number, *values = (int(one) for one in numbers)
                    channel = self.channels[number - 1] if number >= 1 else None
                except (ValueError, IndexError):
                    return "#?"
                if channel is None:
                    return "#?"
                return self._of_channel(name, number, channel, values, now)
            case _:
                return f"[    {' '.join(words)} is not defined]"

    def _of_channel(self, name: str, number: int, channel: Channel, values: list[int], now: float) -> str:
        match name, values:
            case "?MODE", []:
                return f"#{channel.mode}"
            case "?STROBE", []:
                return f"#{channel.strobe[0]} {channel.strobe[1]}"
            case "?STRP", []:
                shown = [channel.profile.get(step, (0, 0)) for step in range(len(channel.profile))]
                return "#" + " \r\n".join(f"{ma} {us}" for ma, us in shown)
            case "LOADVOLTAGE", []:
                if "V0" not in self.module:
                    return "#!"
                return f"#{number}:{self.forward_mv if channel.ma(now) else 0}"
            case _:
                if name in self.deaf_to:
                    return "##"
                return "##" if self._set(name, channel, values, now) else "#?"

    def _set(self, name: str, channel: Channel, values: list[int], now: float) -> bool:
        match name, values:
            case "MODE", [0 | 1 | 2 as mode]:
                channel.mode, channel.started_at = mode, now
            case "NORMAL", [most, ma] if 0 <= ma <= most <= NORMAL_MA_MAX:
                channel.normal = (most, ma)
            case "STROBE", [most, repeat] if 0 <= most <= STROBE_MA_MAX and 0 <= repeat <= US_MAX:
                channel.strobe = (most, repeat)
            case "STRP", [step, ma, us] if 0 <= step <= 2 and 0 <= ma <= STROBE_MA_MAX and 0 <= us <= US_MAX:
                if step == 0:
                    channel.profile.clear()
                channel.profile[step] = (min(ma, channel.strobe[0]), us)
            case _:
                return False
        return True

    # What really happens

    def output(self, channel: int) -> float:
        if not 1 <= channel <= CHANNELS:
            raise LookupError(f"an SLC has channels 1..{CHANNELS}, not {channel}")
        return self.channels[channel - 1].ma(self._now) / self.rated_ma

    def next_event(self) -> float:
        """The end of the next step of any strobe."""
        return min((self._step_ends(one) for one in self.channels), default=NEVER)

    def _step_ends(self, channel: Channel) -> float:
        if not channel.ma(self._now) or channel.mode != STROBE:
            return NEVER
        steps = channel.steps()
        once_s = sum(span_s for _, span_s in steps)
        at = channel.started_at + once_s * int((self._now - channel.started_at) / once_s)
        for _, span_s in steps:
            at += span_s
            if at > self._now + ROUNDING_S:
                return at
        return at + once_s

    def advance(self, now: float) -> None:
        self._now = max(self._now, now)

    def reboot(self, now: float) -> None:
        """What was stored comes back: from the factory, everything disabled."""
        self._now = now
        self.channels = [Channel() for _ in range(CHANNELS)]
