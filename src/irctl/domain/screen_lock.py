"""A screen that locks itself: left alone it hides the patients and asks for a PIN. STOP, the live view and the alarms are never hidden.

Automatic log-off of 45 CFR 164.312(a)(2)(iii). Pure: the time is passed in, seconds of a clock that nobody can set.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from irctl.domain.problems import Problem

PIN_FAILURES_MAX = 5
"""A PIN is short: then the password is asked for."""
PIN_LENGTH_MIN = 6
"""Digits. The PIN opens only a screen that was opened by a password, on the same machine."""


class Lock(StrEnum):
    OPEN = "open"
    LOCKED = "locked"
    """The PIN opens it."""
    SIGNED_OUT = "signed-out"
    """The password opens it."""


class Part(StrEnum):
    STOP = "stop"
    LIVE = "live"
    ALARMS = "alarms"
    PATIENTS = "patients"
    VERBS = "verbs"
    """Everything else that is done: start, end, sign …"""


ALWAYS = frozenset({Part.STOP, Part.LIVE, Part.ALARMS})


@dataclass(frozen=True, slots=True)
class Patience:
    """Project choices: a nurse looks away for a minute, and a shift is no longer than twelve hours."""

    lock_after_s: float = 120.0
    sign_out_after_s: float = 1800.0
    """Since the last touch."""
    longest_s: float = 12 * 3600.0
    """Since the password, touched or not."""


USUAL = Patience()


@dataclass(frozen=True, slots=True)
class ScreenLock:
    """One screen. Nobody is signed in at first."""

    lock: Lock = Lock.SIGNED_OUT
    signed_in_s: float = 0.0
    touched_s: float = 0.0
    failures: int = 0
    """Wrong PINs since the password."""
    patience: Patience = USUAL

    @property
    def shows(self) -> frozenset[Part]:
        return frozenset(Part) if self.lock is Lock.OPEN else ALWAYS

    def at(self, now_s: float) -> ScreenLock:
        """As it is now. A clock that went backwards tells nothing: the password is asked for."""
        idle_s, whole_s = now_s - self.touched_s, now_s - self.signed_in_s
        if self.lock is Lock.SIGNED_OUT:
            return self
        if idle_s < 0 or idle_s >= self.patience.sign_out_after_s or whole_s >= self.patience.longest_s:
            return self.signed_out()
        if idle_s >= self.patience.lock_after_s:
            return replace(self, lock=Lock.LOCKED)
        return self

    def touched(self, now_s: float) -> ScreenLock:
        """A touch keeps an open screen open; it opens none."""
        now = self.at(now_s)
        return replace(now, touched_s=now_s) if now.lock is Lock.OPEN else now

    def locked(self, now_s: float) -> ScreenLock:
        """Locked by hand."""
        now = self.at(now_s)
        return replace(now, lock=Lock.LOCKED) if now.lock is Lock.OPEN else now

    def signed_in(self, now_s: float) -> ScreenLock:
        """The password was right."""
        return ScreenLock(Lock.OPEN, now_s, now_s, 0, self.patience)

    def pin_typed(self, now_s: float, *, right: bool) -> ScreenLock:
        """Somebody typed a PIN. It opens a locked screen, and nothing else."""
        now = self.at(now_s)
        if now.lock is not Lock.LOCKED:
            return now
        if right:
            return replace(now, lock=Lock.OPEN, touched_s=now_s)
        failures = now.failures + 1
        return now.signed_out() if failures >= PIN_FAILURES_MAX else replace(now, failures=failures)

    def signed_out(self) -> ScreenLock:
        return ScreenLock(patience=self.patience)


def pin_problem(pin: str) -> Problem | None:
    """Why this is no PIN. A problem never holds it."""
    if not (pin.isascii() and pin.isdecimal()) or len(pin) < PIN_LENGTH_MIN:
        return Problem("pin", None, f"is not {PIN_LENGTH_MIN} digits or more", "Give digits only")
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    if steps in ({0}, {1}, {9}):
        return Problem("pin", None, "is a row of digits", "Take one that nobody tries first")
    return None
