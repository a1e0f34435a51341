"""The clock: is it kept right from outside, and has it jumped since the controller started."""

from __future__ import annotations

import ctypes
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from irctl.cli.health.finding import Finding, ok, problem, unknown, warning
from irctl.cli.health.journal import Written

NOT_SYNCHRONISED = 0x0040
"""STA_UNSYNC of adjtimex(2)."""
TIMEX_BYTES = 256
"""struct timex is 208 bytes on 64-bit Linux; more room does no harm."""
SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
SLEWED = 5e-4
"""At most so much of the time that passes may a clock be corrected without a jump (adjtimex(2): 500 ppm)."""
JUMP = timedelta(seconds=2)
"""As much as ends a session (irctl.domain.rules.Envelope.clock_step_s)."""
BACK = "If the time is right now, vouch for it: irctl clock accept --by NAME --reason TEXT"
KEEP = "sudo timedatectl set-ntp true; or install chrony"


@dataclass(frozen=True, slots=True)
class ClockLook:
    """`synchronised`: None where the system does not say. `mono_s`: of the clock that the controller's loop goes by."""

    synchronised: bool | None
    now: datetime
    mono_s: float


class _Timex(ctypes.Structure):
    """The beginning of struct timex."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * TIMEX_BYTES),
    ]


def look() -> ClockLook:
    return ClockLook(_synchronised(), datetime.now(UTC), time.monotonic())


def clock_findings(
    look: ClockLook, started: Written | None, last: Written | None, *, station: bool = True
) -> list[Finding]:
    """`started`: of the controller that is running now on this computer; `last`: the journal's newest event. `station`: there is to be one."""
    told = [_kept(look.synchronised)]
    if last is not None and look.now < last.at - JUMP:
        behind_s = (last.at - look.now).total_seconds()
        told.append(problem("clock.back", "is {behind_s:.0f} s behind the journal's newest event: it was set back", BACK, behind_s=behind_s))  # fmt: skip
    if not station:
        return told
    if started is None:
        remedy = "A running controller notices; it is looked at from its start on"
        told.append(unknown("clock.steady", "whether it has jumped: no controller is running here", remedy))
    else:
        told.append(_steady(look, started))
    return told


def _kept(synchronised: bool | None) -> Finding:
    if synchronised is None:
        return unknown(
            "clock.kept", "whether it is kept right from outside: this system does not say", "timedatectl shows it"
        )
    if synchronised:
        return ok("clock.kept", "is kept right from outside")
    return warning("clock.kept", "nobody keeps it right: days, due dates and records follow it", KEEP)


def _steady(look: ClockLook, started: Written) -> Finding:
    ran_s = look.mono_s - started.mono_s
    if ran_s < 0:  # that controller ran before the computer was started
        remedy = "It is looked at from the start of a controller on"
        return unknown("clock.steady", "whether it has jumped: the computer was started since", remedy)
    jump_s = (look.now - started.at).total_seconds() - ran_s
    values: dict[str, object] = {"jump_s": jump_s, "ran_s": ran_s}
    if abs(jump_s) <= JUMP.total_seconds() + SLEWED * ran_s:
        return ok("clock.steady", "has gone as the computer's own has since the controller started", **values)
    remedy = "Either ends a treatment. Keep the clock right from outside, and keep the computer awake (below)"
    said = "was set by {jump_s:+.0f} s since the controller started, or the computer slept for as long"
    return warning("clock.steady", said, remedy, **values)


def _synchronised() -> bool | None:
    if SYNCHRONISED.exists():
        return True
    if not sys.platform.startswith("linux"):
        return None
    told = _Timex()
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(told))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else not told.status & NOT_SYNCHRONISED
