"""DC supplies with a communication watchdog, over a line of text: TDK-Lambda GENESYS+, Keysight N6700 family, Delta SM15K.

The lamp's level is the supply's current or voltage, as a share of what the lamp is rated for. Any command feeds the watchdog.
Commands are not acknowledged; each is read back, so that a spelling a model does not know ends in "no light" and not in hope.

From the manuals: the watchdogs' commands, ranges and trips (GENESYS+ manual 5.10: questionable bit 15; Keysight: state volatile, a trip
leaves the programmed state, and clearing it restores the output, so OFF goes first; Delta: query -1 off, 0 expired, LF, off at power-on).
Assumed, and shown wrong by the read-back if so: VOLT, CURR, OUTP, MEAS and STAT:QUES:COND? as in SCPI-1999 (Delta: VOL, CUR);
answers of 0 and 1 to OUTP?; LF in both directions; the maker's name in *IDN?; that a Delta's output is off once its watchdog has expired.
One output to a supply: channel lists of modular mainframes are not written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from irctl.bus.bus import Priority, UnitTiming
from irctl.bus.request import AnyRequest
from irctl.bus.text import NUMBER, Dialect, TextQuery, number
from irctl.bus.unit import Unit
from irctl.devices.leased import LeasedOutput, Reading
from irctl.devices.registry import About, Action, ConnectedDevice, Driver, DriverOptions
from irctl.devices.roles import DeviceFault, FailSafe, Identity, LeaseScope, LeaseSpec, NotArmed
from irctl_drivers.reading_back import arm_with, near, switched

SCPI = Dialect(end=b"\n")
SWITCH = "([01])"

READ_BACK_SHARE = 0.005
"""Of full scale: a setting may come back rounded by the supply's own resolution."""
DARK_SHARE = 0.005
"""Of full scale: less is what a meter shows of nothing."""
LEVEL_MIN_PCT = 1.0
SETTLE_S = 1.0
"""How long a supply's capacitors may hold its output up after OFF."""


@dataclass(frozen=True)
class Profile:
    """How one make spells what differs. `{s}` and `{ms}` stand for the lease."""

    maker: str
    volts: str
    amps: str
    lease: LeaseSpec
    arm: tuple[str, ...]
    armed: tuple[tuple[str, Callable[[float, float], bool]], ...]
    """Questions about the watchdog, and whether (answer, lease) is as armed."""
    watching: tuple[str, Callable[[float], bool]]
    """Whether the watchdog still runs, or has run out; false after a power cut where `volatile`."""
    rest: str
    clear: str
    trip: tuple[str, Callable[[float, int], bool]]
    """The question, and whether (answer, trip bit) means that it has tripped."""
    volatile: bool
    trip_bit: int | None = None
    """Of the questionable register, where the manual gives it."""


def _bit(value: float, bit: int) -> bool:
    return bool(int(value) >> bit & 1)


def _watchdog(min_s: float, max_s: float, step_s: float) -> LeaseSpec:
    return LeaseSpec(FailSafe.COMM_WATCHDOG, LeaseScope.DEVICE, min_s=min_s, max_s=max_s, step_s=step_s)


PROFILES: dict[str, Profile] = {
    "tdk-genesys-plus": Profile(
        maker="TDK",
        volts="VOLT",
        amps="CURR",
        lease=_watchdog(1, 3600, 1),
        arm=("SYST:COMM:WATCH:TIM {s}", "SYST:COMM:WATCH:STAT ON"),
        armed=(
            ("SYST:COMM:WATCH:TIM?", lambda answer, lease_s: abs(answer - lease_s) < 0.5),
            ("SYST:COMM:WATCH:STAT?", lambda answer, _: answer == 1),
        ),
        watching=("SYST:COMM:WATCH:STAT?", lambda answer: answer == 1),
        rest="SYST:COMM:WATCH:STAT OFF",
        clear="OUTP:PROT:CLE",
        trip=("STAT:QUES:COND?", _bit),
        volatile=False,
        trip_bit=15,
    ),
    "keysight-n67xx": Profile(
        maker="KEYSIGHT",
        volts="VOLT",
        amps="CURR",
        lease=_watchdog(1, 3600, 1),
        arm=("OUTP:PROT:WDOG:DEL {s}", "OUTP:PROT:WDOG ON"),
        armed=(
            ("OUTP:PROT:WDOG:DEL?", lambda answer, lease_s: abs(answer - lease_s) < 0.5),
            ("OUTP:PROT:WDOG?", lambda answer, _: answer == 1),
        ),
        watching=("OUTP:PROT:WDOG?", lambda answer: answer == 1),
        rest="OUTP:PROT:WDOG OFF",
        clear="OUTP:PROT:CLE",
        trip=("STAT:QUES:COND?", _bit),
        volatile=True,
    ),
    "delta-sm15k": Profile(
        maker="DELTA",
        volts="SOUR:VOL",
        amps="SOUR:CUR",
        lease=_watchdog(0.02, 10, 0.001),
        arm=("SYST:COM:WAT set,{ms}",),
        armed=(("SYST:COM:WAT?", lambda answer, lease_s: 0 < answer <= 1000 * lease_s),),
        watching=("SYST:COM:WAT?", lambda answer: answer >= 0),
        rest="SYST:COM:WAT stop",
        clear="SYST:COM:WAT stop",
        trip=("SYST:COM:WAT?", lambda answer, _: answer == 0),
        volatile=True,
        trip_bit=0,  # not looked at: its question is about nothing else
    ),
}


class SupplyOptions(DriverOptions):
    profile: Literal["tdk-genesys-plus", "keysight-n67xx", "delta-sm15k"]
    regulate: Literal["current", "voltage"]
    """What the level sets: current for LED panels, voltage for filaments."""
    full: float = Field(gt=0, le=10_000)
    """A or V at 100 %, as the lamp is rated. No default: more than the lamp's rating burns it, and perhaps somebody."""
    limit: float = Field(gt=0, le=10_000)
    """The most of the other, V or A, that the supply may give. Set and read back when it is armed."""
    trip_bit: int | None = Field(default=None, ge=0, le=15)
    """Keysight only: the bit of the questionable condition register that shows a watchdog trip, from the model's manual."""

    @model_validator(mode="after")
    def can_see_a_trip(self) -> SupplyOptions:
        known = PROFILES[self.profile].trip_bit
        if known is None and self.trip_bit is None:
            raise ValueError(
                f"'trip_bit' is missing: which bit of the questionable register shows a watchdog trip is in the {self.profile}'s manual"
            )
        if known is not None and self.trip_bit is not None:
            raise ValueError(f"'trip_bit' is not asked of a {self.profile}: its manual's own is used. Remove it")
        return self


class Supply:
    """The supply, as far as it is not a lamp's output."""

    def __init__(self, unit: Unit, name: str, options: SupplyOptions) -> None:
        self.unit = unit
        self.name = name
        self.options = options
        self.profile = PROFILES[options.profile]
        self._trip_bit = options.trip_bit if options.trip_bit is not None else self.profile.trip_bit or 0

    async def identify(self) -> Identity:
        said = await self.unit.bus.transact(IDENTITY, Priority.BACKGROUND, retries=1)
        maker, model, serial, firmware = said
        names = {"KEYSIGHT": ("KEYSIGHT", "AGILENT")}.get(self.profile.maker, (self.profile.maker,))
        if not any(name in maker.upper() for name in names):
            raise DeviceFault(
                f"{self.name}: a '{maker}' '{model}' answers here, and the profile is {self.options.profile}. Check line and profile."
            )
        return Identity(f"{maker} {model}", serial=serial, firmware=firmware)

    async def value(self, question: str, priority: Priority = Priority.POLL) -> float:
        return await self.unit.bus.transact(SCPI.ask(question, NUMBER, number), priority)

    async def tell(self, command: str) -> None:
        await self.unit.bus.transact(SCPI.tell(command))

    async def tripped(self, priority: Priority = Priority.POLL) -> bool:
        question, means_tripped = self.profile.trip
        return means_tripped(await self.value(question, priority), self._trip_bit)

    async def watching(self, priority: Priority) -> bool:
        question, means_watching = self.profile.watching
        return means_watching(await self.value(question, priority))

    async def off(self) -> None:
        for request in OFF:
            await self.unit.bus.transact(request, Priority.STOP)

    async def clear_trip(self) -> None:
        """Clear a trip. Only a person may order this. OFF goes first and is read back: clearing may restore the output."""
        await self.off()
        await self.tell(self.profile.clear)
        await self.off()
        if await self.tripped():
            raise DeviceFault(f"{self.name}: the trip did not clear. Look at the supply's own display.")


IDENTITY: TextQuery[tuple[str, str, str, str]] = SCPI.ask(
    "*IDN?",
    r"([^,]+),([^,]*),([^,]*),(.*)",
    lambda match: (match[1].strip(), match[2].strip(), match[3].strip(), match[4].strip()),
)
OUTPUT = SCPI.ask("OUTP?", SWITCH, lambda match: match[1] == "1")
OFF = (SCPI.tell("OUTP OFF"), SCPI.ask("OUTP?", SWITCH, switched(False)))
ON = (SCPI.tell("OUTP ON"), SCPI.ask("OUTP?", SWITCH, switched(True)))


class SupplyOutput(LeasedOutput):
    """The supply's output, with a lamp on it."""

    level_min_pct = LEVEL_MIN_PCT
    level_step_pct = 0.1
    settle_s = SETTLE_S

    def __init__(self, supply: Supply) -> None:
        super().__init__(supply.unit, f"{supply.name}.1", supply.profile.lease)
        options, profile = supply.options, supply.profile
        self.supply = supply
        self.shows_restarts = profile.volatile
        by_current = options.regulate == "current"
        self._level, self._limit = (profile.amps, profile.volts) if by_current else (profile.volts, profile.amps)
        self._full = options.full
        self._watching = False
        self._rising_until = 0.0

    async def identify(self) -> Identity:
        return await self.supply.identify()

    async def emit(self, level_pct: float, lease_s: float) -> None:
        if not self.level_min_pct <= level_pct <= 100:
            raise ValueError(f"{self.name}: level {level_pct} % is outside {self.level_min_pct:g} to 100 %.")
        await self._lease_light(level_pct, lease_s)

    async def dark(self) -> None:
        await self._off()

    def off_requests(self) -> tuple[AnyRequest, ...]:
        """OFF is not acknowledged, so asking whether it was obeyed is part of it."""
        return OFF

    async def _arm(self, lease_s: float) -> None:
        supply, profile = self.supply, self.supply.profile
        self._watching = False
        if await supply.tripped():
            raise NotArmed(
                f"{self.name}: the supply's watchdog has tripped: its host fell silent. "
                "Find out why; then a person must clear the trip ('clear-trip')."
            )
        limit = supply.options.limit
        await arm_with(self.unit, self.name, self._setting(self._limit, limit, full=limit))
        for command in profile.arm:
            await supply.tell(command.format(s=round(lease_s), ms=round(1000 * lease_s)))
        for question, as_armed in profile.armed:
            found = await supply.value(question)
            if not as_armed(found, lease_s):
                raise NotArmed(f"{self.name}: armed for {lease_s:g} s, '{question}' is answered {found:g}. No light.")
        self._watching = True

    def _setting(self, what: str, value: float, full: float) -> tuple[AnyRequest, ...]:
        question = SCPI.ask(f"{what}?", NUMBER, near(value, READ_BACK_SHARE * full))
        return SCPI.tell(f"{what} {value:.4f}"), question

    def _light(self, level_pct: float, lease_s: float, *, renew: bool) -> tuple[AnyRequest, ...]:
        level = self._setting(self._level, self._full * level_pct / 100, self._full)
        if renew:
            return level
        self._rising_until = asyncio.get_running_loop().time() + self.settle_s
        return (*level, *ON)

    async def _read(self, priority: Priority) -> Reading:
        """Switch, trip, and what flows: two of them must agree that it is dark."""
        on = await self.unit.bus.transact(OUTPUT, priority)
        tripped = await self.supply.tripped(priority)
        share = await self.supply.value(f"MEAS:{self._level.removeprefix('SOUR:')}?", priority) / self._full
        flows, rising = share >= DARK_SHARE, asyncio.get_running_loop().time() < self._rising_until
        dark = (not on or tripped) and not flows
        level_pct = 0.0 if dark else None if rising else 100 * share
        return Reading(dark, lit=on and not tripped and (flows or rising), level_pct=level_pct, tripped=tripped)

    async def _restarted(self, priority: Priority) -> bool:
        """A watchdog that was armed and does not run any more: the supply was without power, or somebody was at it."""
        return self._watching and not await self.supply.watching(priority)

    async def release(self) -> None:
        """Let the watchdog rest: an idle evening would trip it. One that has tripped is left for a person to see."""
        self._forget()
        self._watching = False
        if not await self.supply.tripped():
            await self.supply.tell(self.supply.profile.rest)


def connect(unit: Unit, name: str, options: SupplyOptions) -> ConnectedDevice:
    supply = Supply(unit, name, options)
    return ConnectedDevice(
        name,
        DRIVER.name,
        supply.identify,
        emitters={1: SupplyOutput(supply)},
        actions={"clear-trip": Action("Clear the watchdog's trip", supply.clear_trip)},
    )


ABOUT = About(
    "SCPI supplies with watchdogs: TDK-Lambda GENESYS+, Keysight N6700 to N7900, Delta SM15K",
    ("emitter",),
    FailSafe.COMM_WATCHDOG,
    "text",
    "GENESYS+ manual 5.10; Keysight and Delta programming guides",
    ("golden frames", "twin"),
)
DRIVER = Driver(
    "scpi-supply", SupplyOptions, connect, UnitTiming(timeout_s=0.15, reply_max_s=0.4), speaks="text", about=ABOUT
)
