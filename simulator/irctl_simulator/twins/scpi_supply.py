"""A DC supply with a communication watchdog, in the three dialects that are documented: TDK-Lambda GENESYS+, Keysight, Delta SM15K.

Sources: GENESYS+ manual 5.10 (watchdog 1..3600 s, starts with the first command after enabling; trip: output off, questionable bit 15,
error 342; cleared by OUTPut:PROTection:CLEar or by disabling it); Keysight N6700 family (delay 1..3600 s, 60 from the factory, state
volatile; a trip latches and leaves the programmed state, clearing restores the output); Delta SM15K (20..10000 ms, query -1 off,
0 expired, else what is left; disabled at power-on; LF).

Assumptions: VOLTage, CURRent, OUTPut, MEASure and STATus as in SCPI-1999 (Delta: VOLtage, CURrent); a Keysight trip shows in
questionable bit `trip_bit`; a Delta's output goes off when its watchdog expires, and stays so; the lamp is a resistance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

from irctl_simulator.twins.base import NEVER
from irctl_simulator.twins.text import TextTwin

ProfileName = Literal["tdk-genesys-plus", "keysight-n67xx", "delta-sm15k"]
IDENTITIES: dict[ProfileName, str] = {
    "tdk-genesys-plus": "TDK-LAMBDA,G30-56,21A4120-0001,G:02.101",
    "keysight-n67xx": "Keysight Technologies,N6970A,MY51001234,B.02.04.1845",
    "delta-sm15k": "DELTA ELEKTRONIKA BV,SM70-CP-450,000012345678,P0148",
}
TDK_TRIP_BIT = 15
DELTA_RANGE_MS = (20, 10_000)
SECONDS_RANGE = (1, 3600)

Handler = Callable[[str, float], str | None]


def spelled(spec: str, header: str) -> bool:
    """Whether `header` is `spec` ("SYSTem[:COMMunicate]:WATCHdog"), each word short or whole, in any case."""
    words = header.upper().lstrip(":").split(":")
    at = 0
    for node in spec.replace("[:", ":[").split(":"):
        optional = node.startswith("[")
        name = node.strip("[]")
        short = "".join(letter for letter in name if not letter.islower()).upper()
        if at < len(words) and words[at] in (short, name.upper()):
            at += 1
        elif not optional:
            return False
    return at == len(words)


def is_on(text: str) -> bool:
    if text.upper() in ("ON", "1"):
        return True
    if text.upper() in ("OFF", "0"):
        return False
    raise ValueError(text)


class ScpiSupply(TextTwin):
    kind: ClassVar[str] = "scpi-supply"
    end = b"\n"
    answer_end = b"\n"

    def __init__(
        self,
        unit: int,
        now: float = 0.0,
        *,
        profile: ProfileName = "tdk-genesys-plus",
        volts_max: float = 30.0,
        amps_max: float = 56.0,
        ohms: float = 10.0,
        rated_w: float = 40.0,
        trip_bit: int = 11,
    ) -> None:
        super().__init__(unit)
        self.profile: ProfileName = profile
        self.volts_max, self.amps_max = volts_max, amps_max
        self.ohms, self.rated_w = ohms, rated_w
        self.trip_bit = TDK_TRIP_BIT if profile == "tdk-genesys-plus" else trip_bit
        self.deaf_to: set[str] = set()
        """Settings (specs) that are taken and not kept."""
        self.errors: list[str] = []
        self._power_on(now)
        self._commands: dict[str, Handler] = (
            self._common()
            | {
                "tdk-genesys-plus": self._tdk,
                "keysight-n67xx": self._keysight,
                "delta-sm15k": self._delta,
            }[profile]()
        )

    def _power_on(self, now: float) -> None:
        self.volts = self.amps = 0.0
        self.on = False
        self.tripped = False
        self.watching = False
        self.limit_s = 60.0
        self.fed_at = now

    # Commands

    def command(self, text: str, now: float) -> str | None:
        header, _, argument = text.strip().partition(" ")
        for spec, handler in self._commands.items():
            if spelled(spec, header):
                self.fed_at = now
                if spec in self.deaf_to and not header.endswith("?"):
                    return None
                try:
                    return handler(argument.strip(), now)
                except ValueError:
                    self.errors.append('-222,"Data out of range"')
                    return None
        self.errors.append('-113,"Undefined header"')
        return None

    def _common(self) -> dict[str, Handler]:
        volt, curr = ("VOLtage", "CURrent") if self.profile == "delta-sm15k" else ("VOLTage", "CURRent")
        return {
            "*IDN?": lambda _text, _now: IDENTITIES[self.profile],
            "OUTPut?": lambda _text, _now: str(int(self.on)),
            "OUTPut[:STATe]": self._switch,
            f"[SOURce]:{volt}?": lambda _text, _now: f"{self.volts:.4f}",
            f"[SOURce]:{curr}?": lambda _text, _now: f"{self.amps:.4f}",
            f"[SOURce]:{volt}": self._set_volts,
            f"[SOURce]:{curr}": self._set_amps,
            f"MEASure:{volt}?": lambda _text, _now: f"{self.shown()[0]:.4f}",
            f"MEASure:{curr}?": lambda _text, _now: f"{self.shown()[1]:.4f}",
            "STATus:QUEStionable:CONDition?": lambda _text, _now: str(int(self.tripped) << self.trip_bit),
            "SYSTem:ERRor?": lambda _text, _now: self.errors.pop(0) if self.errors else '0,"No error"',
        }

    def _tdk(self) -> dict[str, Handler]:
        return {
            "SYSTem[:COMMunicate]:WATCHdog:STATe?": lambda _text, _now: str(int(self.watching)),
            "SYSTem[:COMMunicate]:WATCHdog:STATe": self._watch,
            "SYSTem[:COMMunicate]:WATCHdog:TIMe?": lambda _text, _now: f"{self.limit_s:.0f}",
            "SYSTem[:COMMunicate]:WATCHdog:TIMe": self._set_limit,
            "OUTPut:PROTection:CLEar": self._clear,
        }

    def _keysight(self) -> dict[str, Handler]:
        return {
            "OUTPut:PROTection:WDOG?": lambda _text, _now: str(int(self.watching)),
            "OUTPut:PROTection:WDOG": self._watch,
            "OUTPut:PROTection:WDOG:DELay?": lambda _text, _now: f"{self.limit_s:.0f}",
            "OUTPut:PROTection:WDOG:DELay": self._set_limit,
            "OUTPut:PROTection:CLEar": self._clear,
        }

    def _delta(self) -> dict[str, Handler]:
        return {"SYSTem:COMmunicate:WATchdog?": self._left, "SYSTem:COMmunicate:WATchdog": self._delta_watchdog}

    def _switch(self, text: str, _now: float) -> None:
        self.on = is_on(text)

    def _set_volts(self, text: str, _now: float) -> None:
        self.volts = self._within(float(text), 0.0, self.volts_max)

    def _set_amps(self, text: str, _now: float) -> None:
        self.amps = self._within(float(text), 0.0, self.amps_max)

    def _set_limit(self, text: str, _now: float) -> None:
        self.limit_s = self._within(float(text), *SECONDS_RANGE)

    def _watch(self, text: str, _now: float) -> None:
        self.watching = is_on(text)
        if not self.watching and self.profile == "tdk-genesys-plus":
            self.tripped = False

    def _clear(self, _text: str, _now: float) -> None:
        self.tripped = False

    def _left(self, _text: str, now: float) -> str:
        if self.tripped:
            return "0"
        return str(round(1000 * self.limit_s)) if self.watching else "-1"

    def _delta_watchdog(self, text: str, _now: float) -> None:
        match text.lower().split(","):
            case ["set", ms]:
                self.limit_s = self._within(int(ms), *DELTA_RANGE_MS) / 1000.0
                self.watching, self.tripped = True, False
            case ["stop"]:
                self.watching = self.tripped = False
            case _:
                raise ValueError(text)

    @staticmethod
    def _within(value: float, low: float, high: float) -> float:
        if not low <= value <= high:
            raise ValueError(value)
        return value

    # What really happens

    def shown(self) -> tuple[float, float]:
        """Volts and amperes at the terminals."""
        if not self.on or self.tripped:
            return 0.0, 0.0
        volts = min(self.volts, self.amps * self.ohms)
        return volts, volts / self.ohms

    def output(self, channel: int) -> float:
        if channel != 1:
            raise LookupError(f"a supply has output 1, not {channel}")
        volts, amps = self.shown()
        return volts * amps / self.rated_w

    def next_event(self) -> float:
        return self.fed_at + self.limit_s if self.watching and not self.tripped else NEVER

    def advance(self, now: float) -> None:
        if self.next_event() <= now:
            self.tripped = True
            if self.profile != "keysight-n67xx":
                self.on = False
            if self.profile == "tdk-genesys-plus":
                self.errors.append('342,"WD FAULT"')

    def reboot(self, now: float) -> None:
        self._power_on(now)
