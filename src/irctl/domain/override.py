"""When two people say: it is known, and it shall be done all the same. Some things nobody can override."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from irctl.domain.people import Context, Person, Verb, may
from irctl.domain.problems import Problem, Refused

CLOCKS_APART_MAX = timedelta(minutes=2)
"""Two machines of one clinic: what was just said may seem so much younger than now."""


@dataclass(frozen=True, slots=True)
class Override:
    """What is overridden, by whom, and why: a part of the record."""

    what: frozenset[str]
    """Keys of a screening, or fields that disagree."""
    by: str
    second: str
    reason: str
    at: datetime


def overriding(
    what: Collection[str],
    person: Person | None,
    second: Person | None,
    reason: str,
    now: datetime,
    *,
    never: Collection[str] = (),
) -> Override:
    """Raises Refused: not two people who may, no reason, nothing named, or something that nobody may override."""
    problems = [
        Problem(key, None, "cannot be overridden", "Do not treat while it is so")
        for key in sorted(what)
        if key in never
    ]
    if not what:
        problems.append(Problem("override", None, "names nothing", "Say what is overridden"))
    not_allowed = may(person, Verb.OVERRIDE, Context(reason=reason, second=second))
    if not_allowed is not None:
        problems.append(not_allowed)
    if problems or person is None or second is None:
        raise Refused(problems)
    return Override(frozenset(what), person.login, second.login, reason.strip(), now)


def covered_by(override: Override | None, now: datetime, *, never: Collection[str]) -> frozenset[str]:
    """What is overridden at this moment: yesterday's decision is none."""
    if override is None or not of_today(override.at, now):
        return frozenset()
    return override.what - frozenset(never)


def of_today(at: datetime, now: datetime) -> bool:
    """Of the same calendar day in the zone of `now`, the clinic's, and not later than now."""
    return at.astimezone(now.tzinfo).date() == now.date() and at <= now + CLOCKS_APART_MAX
