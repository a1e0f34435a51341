"""A fail-safe made to act: which frames feed it, when it ends the light once none do, and what renewing a timed output does.

An output is lit, renewed once, and left with less and less traffic: first reads of itself and frames to others, then frames to others
only, then a silent line. The first try in which it goes off by itself says what fed it until then. So it drops at most once, for some
devices latch that until a person clears it. A look may itself be life; where reads feed, one silence is looked at once, at its end,
and silences grow until the output is found off: the drop-out lies between the last two looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from irctl.controller.light.place import Place
from irctl.devices.roles import Cutoff, Emitter, FailSafe, Retrigger

RENEWED_AT_SHARE = 0.6
"""The one renewal comes this far into the lease: ignored, restarted and added times then end far apart."""
STILL_LIT_SHARE = 0.6
"""After this share of its lease a fail-safe must not have acted yet: it counts what it was told to count."""
DROP_MARGIN_S = 1.0
"""After its lease a fail-safe has this long to have acted: its own steps and ramp."""
LOOK_S = 0.1
FOREIGN_EVERY_SHARE = 0.2
"""Frames to others come this often within a lease: too seldom and they prove nothing, and a unit that is not there costs its time-out."""
RETRIGGER_TOLERANCE_SHARE = 0.15
UNANSWERED_S = 0.5
"""A question that nobody answers keeps the line this long; it must not hold up the look at the end of a silence."""
ARMING_S = 0.8
"""For telling the duration beforehand only."""


def spoken(role: str) -> str:
    """A role as people write it."""
    return "cut-off" if role == "cutoff" else role


class NotAsClaimed(Exception):
    """Something else was found than the station file claims."""


class Traffic(Enum):
    """What is on the line after the last renewal; each try has less of it than the one before."""

    READS = auto()
    """Reads of the device itself, and frames to others."""
    OTHERS = auto()
    NONE = auto()


@dataclass(frozen=True, slots=True)
class Subject:
    """One leased channel, the other output of its lamp, and what the procedure allows. `other` is kept on, so that only this one drops."""

    role: str
    channel: Emitter | Cutoff
    lease_s: float
    place: Place
    light: Callable[[], Awaitable[None]]
    """Arms and lights both outputs. Raises NotAsClaimed where nothing may be lit any more."""
    renew: Callable[[], Awaitable[None]]
    keep_other: Callable[[], Awaitable[None]]
    rest_other: Callable[[], Awaitable[None]]
    """Dark, and its fail-safe at rest: it needs no frames for a while."""
    keep_other_every_s: float
    allowed: Callable[[], Awaitable[None]]
    """Whether all was well up to now: else a stop darkened it. Raises NotAsClaimed."""
    say: Callable[[str], None]

    @property
    def title(self) -> str:
        return spoken(self.role)

    @property
    def timed(self) -> bool:
        return self.channel.lease.fail_safe is FailSafe.TIMED_OUTPUT

    @property
    def silences_s(self) -> tuple[float, ...]:
        """Growing; what is as claimed ends the third at the latest."""
        lease_s = self.lease_s
        return (STILL_LIT_SHARE * lease_s, 0.95 * lease_s, lease_s + 0.15, lease_s + 0.4, lease_s + DROP_MARGIN_S)

    @property
    def watched_s(self) -> float:
        """How long it is looked at all along: a timed output may have added what was left of its first time."""
        added_s = (1.0 - RENEWED_AT_SHARE) * self.lease_s if self.timed else 0.0
        return self.lease_s + added_s + DROP_MARGIN_S

    @property
    def about_s(self) -> float:
        """How long `measure` takes when all is as claimed."""
        spans_s = [self.lease_s] if self.timed else [self.watched_s, *self.silences_s[:3]]
        return sum(RENEWED_AT_SHARE * self.lease_s + span_s + ARMING_S for span_s in spans_s)


class Lasted(NamedTuple):
    """Seconds after the last renewal: still on at `lit_s`, off by `off_s`; None while it was not seen off."""

    lit_s: float
    off_s: float | None


_KINDS = {"renewal": "renewals", "read": "reads of it", "others": "frames to others"}


@dataclass(frozen=True, slots=True)
class Dropout:
    """What a fail-safe did."""

    feeds: dict[str, bool]
    """Frame kind -> whether it prolongs the light: a renewal, a read of the device, a frame to another unit."""
    lit_s: float
    off_s: float
    retrigger: Retrigger | None

    @property
    def fed_by(self) -> str:
        feeding, other = ([_KINDS[k] for k in _KINDS if self.feeds[k] is feeds] for feeds in (True, False))
        return " and ".join(feeding) + " feed it" + (f", {' and '.join(other)} do not" if other else "")


async def measure(subject: Subject) -> Dropout:
    """Make the fail-safe act. Raises NotAsClaimed, BusError, DeviceFault."""
    lit_s, went_by = 0.0, 0
    for traffic in Traffic:
        subject.say(f"{subject.title}: {_TOLD[traffic]}")
        lit_s = 0.0
        # Where it is looked at all along, one silence is enough.
        for span_s in (subject.watched_s,) if traffic is Traffic.READS else subject.silences_s:
            lasted, went_by = await _try(subject, traffic, span_s)
            if lasted.off_s is not None:
                return _found(subject, traffic, max(lit_s, lasted.lit_s), lasted.off_s)
            lit_s = lasted.lit_s
    perhaps = f" ({went_by} frames of others went by meanwhile: repeat it when nobody uses the line)" if went_by else ""
    raise NotAsClaimed(
        f"the {subject.title} is still on {lit_s:.1f} s after its last renewal, with nothing sent to it{perhaps}: "
        f"its fail-safe was set to {subject.lease_s:g} s and does not act. Do not use it"
    )


_TOLD = {
    Traffic.READS: "renewed once, then only read",
    Traffic.OTHERS: "renewed once, then only frames to others",
    Traffic.NONE: "renewed once, then a silent line",
}


async def _try(s: Subject, traffic: Traffic, span_s: float) -> tuple[Lasted, int]:
    """Light, one renewal, and then for `span_s` only what `traffic` allows; also, how many frames of others went by in a silence."""
    now_s = asyncio.get_running_loop().time
    await s.light()
    silent = traffic is Traffic.NONE
    if silent:
        await s.rest_other()
    with s.place.hush() if silent else nullcontext():
        await _pass(s, RENEWED_AT_SHARE * s.lease_s, traffic)
        asked_s = now_s()
        await s.renew()
        renewed_s, before = now_s(), s.place.line.stats.requests
        seen_on_s = await _pass(s, span_s, traffic, look=traffic is Traffic.READS)
        went_by = s.place.line.stats.requests - before
        looked_s = now_s()
        on = (await s.channel.observe()).on
        off_s = None if on else now_s() - asked_s
    await s.allowed()
    lit_s = (looked_s if on else seen_on_s or renewed_s) - renewed_s
    return Lasted(lit_s, off_s), went_by if silent else 0


async def _pass(s: Subject, for_s: float, traffic: Traffic, *, look: bool = False) -> float | None:
    """Let time pass, until the output is seen off where it is looked at. When it was last asked and seen on."""
    now_s = asyncio.get_running_loop().time
    questions = s.place.questions_to_others()
    ends_s, seen_on_s = now_s() + for_s, None
    ask_at_s = keep_at_s = now_s()
    while (left_s := ends_s - now_s()) > 0:
        await asyncio.sleep(min(left_s, LOOK_S))
        if traffic is not Traffic.NONE and now_s() >= keep_at_s:
            keep_at_s = now_s() + s.keep_other_every_s
            await s.keep_other()
        if traffic is not Traffic.NONE and ask_at_s <= now_s() <= ends_s - UNANSWERED_S:
            ask_at_s = now_s() + FOREIGN_EVERY_SHARE * s.lease_s
            await s.place.ask_other(next(questions))
        if look:
            asked_s = now_s()
            if not (await s.channel.observe()).on:
                break
            seen_on_s = asked_s
    return seen_on_s


def _found(s: Subject, traffic: Traffic, lit_s: float, off_s: float) -> Dropout:
    retrigger = _retrigger(s.lease_s, lit_s, off_s) if s.timed else None
    as_told = retrigger is not None if s.timed else lit_s + LOOK_S >= STILL_LIT_SHARE * s.lease_s
    if not as_told:
        raise NotAsClaimed(
            f"the {s.title} is off between {lit_s:.1f} and {off_s:.1f} s after its last renewal, and was told {s.lease_s:g} s: "
            "its fail-safe counts something else, or a renewal does not feed it"
        )
    feeds = {
        "renewal": retrigger is not Retrigger.IGNORE,
        "read": traffic is not Traffic.READS,
        "others": traffic is Traffic.NONE,
    }
    return Dropout(feeds, lit_s, off_s, retrigger)


def _retrigger(lease_s: float, lit_s: float, off_s: float) -> Retrigger | None:
    """What the one renewal did to a timed output that went off so long after it."""
    gap_s = RENEWED_AT_SHARE * lease_s
    ends_s = {Retrigger.RESTART: lease_s, Retrigger.IGNORE: lease_s - gap_s, Retrigger.EXTEND: 2 * lease_s - gap_s}
    nearest = min(ends_s, key=lambda what: abs(ends_s[what] - (lit_s + off_s) / 2))
    slack_s = RETRIGGER_TOLERANCE_SHARE * lease_s
    return nearest if lit_s - slack_s <= ends_s[nearest] <= off_s + slack_s else None
