"""One browser that somebody has signed in: whose it is, whether its screen is locked, and what may be done at it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock as Mutex

from irctl.domain.people import PERMISSIONS, Context, Person, Verb, may
from irctl.domain.problems import Problem
from irctl.domain.screen_lock import Lock, Part, Patience, ScreenLock
from irctl.records.accounts import Standing

CSRF_BYTES = 32


@dataclass(frozen=True, slots=True)
class Emergency:
    """Access that nothing but an emergency gives. It ends by a clock that nobody can set; `until` is for people to read."""

    reason: str
    until: datetime
    until_s: float


class Visitor:
    """One browser's screen, which `Doors` keeps. Time runs by itself: what is asked here is true now, but for changes of the account: `Doors.refresh` sees those."""

    def __init__(self, standing: Standing, monotonic_s: Callable[[], float], patience: Patience) -> None:
        self.csrf = secrets.token_urlsafe(CSRF_BYTES)
        """What every form must bring along: only our own pages know it."""
        self._monotonic_s = monotonic_s
        self.standing, self.looked_up_s = standing, monotonic_s()
        self.screen = ScreenLock(patience=patience).signed_in(monotonic_s())
        self.given: Emergency | None = None
        self.typing = Mutex()

    @property
    def login(self) -> str:
        """Whose it is or was."""
        return self.standing.person.login

    @property
    def person(self) -> Person | None:
        """None once they are signed out; of a locked screen, who can open it with the PIN."""
        return None if self.lock is Lock.SIGNED_OUT else self.standing.person

    @property
    def lock(self) -> Lock:
        return self.screen.at(self._monotonic_s()).lock

    @property
    def shows(self) -> frozenset[Part]:
        return self.screen.at(self._monotonic_s()).shows

    @property
    def emergency(self) -> Emergency | None:
        """In force now: every page says so aloud."""
        found = self.given
        return found if found and self.lock is not Lock.SIGNED_OUT and self._monotonic_s() < found.until_s else None

    @property
    def emergency_until(self) -> datetime | None:
        """For the banner; None where there is no emergency access."""
        return self.emergency.until if self.emergency else None

    def context(
        self, reason: str | None = None, second: Person | None = None, took_part: frozenset[str] = frozenset()
    ) -> Context:
        """For `people.may`. A `reason` of None is that of the emergency, where there is one."""
        emergency = self.emergency
        said = reason if reason is not None else emergency.reason if emergency else ""
        return Context(self.lock is not Lock.OPEN, said, second, took_part, emergency is not None)

    def may(
        self, verb: Verb, reason: str = "", second: Person | None = None, took_part: frozenset[str] = frozenset()
    ) -> Problem | None:
        """Why not; None when they may. The emergency's reason is given only for what an emergency opens."""
        said = None if PERMISSIONS[verb].emergency and not reason else reason
        return may(self.person, verb, self.context(said, second, took_part))

    def csrf_is(self, told: str) -> bool:
        """Whether the form is one of ours."""
        return secrets.compare_digest(self.csrf.encode(), told.encode("utf-8", "surrogatepass"))
