"""Who does it, now: every verb of the clinic takes this first, on a screen and in a terminal alike."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from irctl.domain.people import NOTHING_MORE, Context, Person, Verb, may
from irctl.domain.problems import Refused


@dataclass(frozen=True, slots=True)
class Acting:
    """A person at a moment. `at` with its offset, in the clinic's zone: its day is today."""

    person: Person | None
    at: datetime
    context: Context = NOTHING_MORE

    def require(
        self, verb: Verb, *, reason: str = "", second: Person | None = None, took_part: Collection[str] = ()
    ) -> Person:
        """Who may do it. Raises Refused with why not."""
        context = replace(
            self.context,
            reason=reason or self.context.reason,
            second=second,
            took_part=frozenset(took_part),
        )
        if (problem := may(self.person, verb, context)) is not None:
            raise Refused([problem])
        assert self.person is not None, "what nobody need be signed in for is not asked here"
        return self.person

    def may(self, verb: Verb) -> bool:
        """Whether they might, given a reason and a second person where one is asked for: for what a screen offers."""
        able = Context(self.context.locked, "asked", None, frozenset(), self.context.emergency)
        problem = may(self.person, verb, able)
        return problem is None or problem.field == "second"
