"""Mightex SLC LED drivers with load voltage monitoring (SLC-AV, -SV, -HV): light as a pulse that the board times itself.

A strobe profile of one step, as long as the lease, played once: the board ends it. `MODE ch 2` starts it anew, which renews the lease.
Sirius SLC SDK description 1.1.4, as in the command reference of lkaising/mightex-slc: 9600 8N1, LF CR after a command; `##` done,
`#!` failed, `#?` wrong argument; STRP in µs up to 99 999 999, closed by a step 0 0; settings are lost with the power unless stored.

A change of level needs a new profile, and a profile is only changed on a dark channel: the light dips for about a sixth of a second.
That a pulse is over shows in nothing but the load's voltage, so only modules that measure it are accepted (by `LoadVoltage`).
Assumed: that voltage is below `lit_mv_min` when dark, and `?STRP` answers the steps one after another, the closing 0 0 among them.
Never used here: NORMAL mode, in which light has no end, and STORE, which makes it come back with the power.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable
from contextlib import suppress

from pydantic import Field

from irctl.bus.bus import Priority, UnitTiming
from irctl.bus.errors import ExceptionReply, NoReply, WrongReply
from irctl.bus.request import AnyRequest
from irctl.bus.text import Dialect, Ended, TextCommand, TextQuery, Unended
from irctl.bus.unit import Unit
from irctl.devices.leased import LeasedOutput, Reading
from irctl.devices.registry import About, ConnectedDevice, Driver, DriverOptions
from irctl.devices.roles import DeviceFault, FailSafe, Identity, LeaseScope, LeaseSpec, NotArmed, Retrigger
from irctl_drivers.reading_back import arm_with

SLC = Dialect(end=b"\n\r", acknowledged="## ?", refused=r"#[!?].*|.*is not defined.*", may_echo=True)
CHANNELS = (1, 2, 3, 4)
DISABLED, STROBE = 0, 2
ONCE = 0
"""STROBE's repeat: played that often more."""
US_PER_S = 1_000_000
STROBE_MA_MAX = 3500

MODULE = re.compile(r"SLC-(AV|SV|HV)[0-9]{2}")
"""They count in mA and measure their loads; FA and XA count in tenths, CA in fives."""
RISE_S = 0.1
"""The board measures its loads every 20 ms."""

LEASE = LeaseSpec(
    FailSafe.TIMED_OUTPUT,
    LeaseScope.CHANNEL,
    min_s=0.1,
    max_s=99.0,
    step_s=0.001,
    retrigger=Retrigger.RESTART,
)

INFO = SLC.ask(
    "DEVICEINFO",
    r".*Driver: ?(\S+).*Module No\.: ?(\S+).*Serial No\.: ?(\S+) ?",
    lambda match: (match[1], match[2], match[3]),
    Ended(b"\n", 120),
)
ECHO_OFF = TextCommand("ECHOOFF", SLC, Unended(1, 60), ".*")
"""Whatever it answers; boards differ."""


class SlcOptions(DriverOptions):
    full_ma: int = Field(gt=0, le=STROBE_MA_MAX)
    """mA at 100 %, as the LEDs are rated; set as the channel's own limit too. No default: the board gives far more than most LEDs bear."""
    lit_mv_min: int = Field(gt=0, le=60_000)
    """The load's voltage, mV, above which the LEDs are lit; below what they need for their lowest level."""


class Board:
    """The board: what its channels share."""

    def __init__(self, unit: Unit, name: str, options: SlcOptions) -> None:
        self.unit = unit
        self.name = name
        self.options = options

    async def identify(self) -> Identity:
        try:
            firmware, module, serial = await self.unit.bus.transact(INFO, Priority.BACKGROUND, retries=1)
        except (ExceptionReply, WrongReply) as wrong:
            raise DeviceFault(f"{self.name}: this is no Mightex SLC. Check line and driver. {wrong}") from wrong
        if not MODULE.match(module):
            raise DeviceFault(
                f"{self.name}: a {module} cannot show whether its light has ended, or counts its current in other units. "
                "Use an SLC-AV, -SV or -HV."
            )
        return Identity(f"Mightex {module}", serial=serial, firmware=firmware)


class SlcChannel(LeasedOutput):
    """One channel. Levels are whole mA; a fraction is rounded down, never up."""

    level_min_pct = 1.0
    level_step_pct = 0.1
    settle_s = 0.5

    def __init__(self, board: Board, channel: int) -> None:
        super().__init__(board.unit, f"{board.name}.{channel}", LEASE)
        self.board = board
        self.channel = channel
        self._mode = SLC.ask(f"?MODE {channel}", "#([0-3]) ?", lambda match: int(match[1]))
        self._load_mv = SLC.ask(f"LoadVoltage {channel}", rf"#{channel}:([0-9]+) ?", lambda match: int(match[1]))
        self._profile: tuple[int, int] | None = None  # mA and µs on the board, as read back; None: unknown
        self._rising_until = 0.0

    async def identify(self) -> Identity:
        return await self.board.identify()

    async def emit(self, level_pct: float, lease_s: float) -> None:
        if not self.level_min_pct <= level_pct <= 100:
            raise ValueError(f"{self.name}: level {level_pct} % is outside {self.level_min_pct:g} to 100 %.")
        wanted = self._wanted(level_pct, lease_s)
        if self._profile == wanted:
            await self._lease_light(level_pct, lease_s)
            return
        self._profile, self._rising_until = None, math.inf
        try:
            await self._lease_light(level_pct, lease_s)
            self._profile = wanted
        finally:
            self._rising_until = asyncio.get_running_loop().time() + RISE_S

    def _wanted(self, level_pct: float, lease_s: float) -> tuple[int, int]:
        return int(self.board.options.full_ma * level_pct / 100 + 1e-9), round(lease_s * US_PER_S)

    async def dark(self) -> None:
        await self._off()

    def off_requests(self) -> tuple[AnyRequest, ...]:
        return (SLC.tell(f"MODE {self.channel} {DISABLED}"),)

    def _forget(self) -> None:
        super()._forget()
        self._profile = None

    async def _arm(self, lease_s: float) -> None:
        with suppress(NoReply):
            await self.unit.bus.transact(ECHO_OFF)
        try:
            await self.board.identify()
        except DeviceFault as fault:
            raise NotArmed(str(fault)) from fault
        await arm_with(self.unit, self.name, self._programming((0, round(lease_s * US_PER_S))))

    def _programming(self, profile: tuple[int, int]) -> tuple[AnyRequest, ...]:
        """One step, the end, and both read back, on a dark channel."""
        ma, us = profile
        channel, most = self.channel, self.board.options.full_ma
        return (
            SLC.tell(f"MODE {channel} {DISABLED}"),
            SLC.tell(f"STROBE {channel} {most} {ONCE}"),
            SLC.ask(f"?STROBE {channel}", r"#([0-9]+) ([0-9]+) ?", _exactly(most, ONCE)),
            SLC.tell(f"STRP {channel} 0 {ma} {us}"),
            SLC.tell(f"STRP {channel} 1 0 0"),
            self._steps(ma, us),
        )

    def _steps(self, ma: int, us: int) -> TextQuery[None]:
        pattern = r"#\s*([0-9]+)\s+([0-9]+)\s+0\s+0\s*"
        return SLC.ask(f"?STRP {self.channel}", pattern, _exactly(ma, us), Unended(8, 60))

    def _light(self, level_pct: float, lease_s: float, *, renew: bool) -> tuple[AnyRequest, ...]:
        start = SLC.tell(f"MODE {self.channel} {STROBE}")
        if renew and self._profile is not None:
            return (start,)
        return (*self._programming(self._wanted(level_pct, lease_s)), start)

    async def _read(self, priority: Priority) -> Reading:
        """What it was told, and what the load says: after its pulse the mode still reads as strobe."""
        mode = await self.unit.bus.transact(self._mode, priority)
        shines = await self.unit.bus.transact(self._load_mv, priority) >= self.board.options.lit_mv_min
        rising = asyncio.get_running_loop().time() < self._rising_until
        return Reading(dark=not shines, lit=mode == STROBE and (shines or rising))


def _exactly(*wanted: int) -> Callable[[re.Match[str]], None]:
    def meaning(match: re.Match[str]) -> None:
        if tuple(int(one) for one in match.groups()) != wanted:
            raise ValueError(f"it was set to {' '.join(map(str, wanted))}")

    return meaning


def connect(unit: Unit, name: str, options: SlcOptions) -> ConnectedDevice:
    board = Board(unit, name, options)
    return ConnectedDevice(
        name, DRIVER.name, board.identify, emitters={channel: SlcChannel(board, channel) for channel in CHANNELS}
    )


ABOUT = About(
    "Mightex SLC LED drivers, device-timed pulses",
    ("emitter",),
    FailSafe.TIMED_OUTPUT,
    "text, 9600 8N1",
    "Mightex SLC command reference",
    ("golden frames", "twin"),
)
DRIVER = Driver(
    "mightex-slc", SlcOptions, connect, UnitTiming(timeout_s=0.2, reply_max_s=0.4), speaks="text", about=ABOUT
)
