"""Browsers that somebody has signed in: kept here, in memory, for as long as the screen lock lets them. A restart signs everybody out.

The cookie is a random number of which only the hash is kept. Each sign-in makes another, so one that was put into a browser beforehand is worth nothing.
Nothing here waits but `unlock`, which compares a PIN for about 0.15 s: call that in a thread.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock as Mutex

from irctl.clinic.doors.visitor import Emergency, Visitor
from irctl.domain.people import Context, Person, Verb, is_emergency, may
from irctl.domain.problems import Problem, Refused
from irctl.domain.screen_lock import PIN_FAILURES_MAX, USUAL, Lock, Patience
from irctl.records.accounts import Accounts

COOKIE_BYTES = 32
SESSIONS_MAX = 5
"""Browsers of one person at once; another sign-in ends the one that was left alone longest."""
LOOKED_UP_EVERY_S = 5.0
"""No longer does somebody go on whose account was closed, whose password was changed, or who lost a role."""
EMERGENCY = timedelta(minutes=30)
"""Project choice: long enough for one emergency, not for a shift."""
REASON_MAX = 500
"""Characters."""


class Doors:
    """Every browser that is signed in. `monotonic_s`: a clock that nobody can set."""

    def __init__(
        self, accounts: Accounts, monotonic_s: Callable[[], float] = time.monotonic, patience: Patience = USUAL
    ) -> None:
        self._accounts, self._monotonic_s, self._patience = accounts, monotonic_s, patience
        self._inside: dict[bytes, Visitor] = {}
        self._mutex = Mutex()

    def open(self, person: Person, replaces: str = "") -> tuple[str, Visitor]:
        """Somebody who has just signed in (`Accounts.sign_in`): the cookie for their browser, never seen before, and their screen.

        `replaces`: the cookie that this browser had, which is worth nothing from now on. Raises Refused.
        """
        standing = self._accounts.standing(person.login)
        if standing is None or not standing.person.active:
            raise Refused([Problem("by", person.login, "no longer works here", "Ask an administrator")])
        cookie, visitor = secrets.token_urlsafe(COOKIE_BYTES), Visitor(standing, self._monotonic_s, self._patience)
        with self._mutex:
            if before := self._inside.pop(_hash(replaces), None):
                before.screen = before.screen.signed_out()
            self._make_room(person.login)
            self._inside[_hash(cookie)] = visitor
        return cookie, visitor

    def find(self, cookie: str) -> Visitor | None:
        """Whose browser this is; None where nobody is signed in, any more or at all. Raises Refused where the accounts cannot be read."""
        visitor = self._inside.get(_hash(cookie))
        return visitor if visitor is not None and self.refresh(visitor) else None

    def refresh(self, visitor: Visitor) -> bool:
        """Whether they are still signed in, with the roles that they have now: for a page that stays open. Raises Refused."""
        now_s = self._monotonic_s()
        if visitor.lock is not Lock.SIGNED_OUT and now_s - visitor.looked_up_s >= LOOKED_UP_EVERY_S:
            standing = self._accounts.standing(visitor.login)
            if standing is None or not standing.person.active or standing.password != visitor.standing.password:
                self._out(visitor)
            else:
                visitor.standing, visitor.looked_up_s = standing, now_s
        if visitor.lock is Lock.SIGNED_OUT:
            self._out(visitor)
        return visitor.lock is not Lock.SIGNED_OUT

    def touch(self, visitor: Visitor) -> None:
        """Somebody did something: an open screen stays open a while longer."""
        with self._mutex:
            visitor.screen = visitor.screen.touched(self._monotonic_s())

    def lock(self, visitor: Visitor) -> None:
        """By hand."""
        with self._mutex:
            visitor.screen = visitor.screen.locked(self._monotonic_s())

    def unlock(self, visitor: Visitor, pin: str, at: datetime) -> None:
        """Opens a locked screen. Raises Refused: a wrong PIN, no PIN, or too many wrong ones, and then the password is asked for."""
        with visitor.typing:  # one PIN at a time: many at once are counted, too
            if not self.refresh(visitor):
                raise Refused([_signed_out(visitor)])
            if visitor.lock is Lock.OPEN:
                return
            if not visitor.standing.has_pin:
                raise Refused([Problem("pin", None, "was never chosen", "Sign in with the password, then choose one")])
            right = self._accounts.verify_pin(visitor.login, pin, at)
            with self._mutex:
                visitor.screen = visitor.screen.pin_typed(self._monotonic_s(), right=right)
        if visitor.lock is Lock.SIGNED_OUT:
            self._out(visitor)
            self._accounts.audit.write(None, at, "", "signed-out", visitor.login, why="wrong PINs")
            raise Refused([_signed_out(visitor)])
        if not right:
            left = PIN_FAILURES_MAX - visitor.screen.failures
            raise Refused([Problem("pin", None, "is not right", f"{left} more, then the password is asked for")])

    def close(self, visitor: Visitor, at: datetime) -> None:
        """Signed out by hand. Raises Refused where that cannot be written down; signed out all the same."""
        was_in = visitor.lock is not Lock.SIGNED_OUT
        self._out(visitor)
        if was_in:
            self._accounts.audit.write(None, at, visitor.login, "signed-out", visitor.login)

    def emergency(self, visitor: Visitor, reason: str, at: datetime) -> Emergency:
        """Whoever is signed in may see patients for half an hour, and the audit says so aloud, before anything is seen. Raises Refused."""
        now_s, said = self._monotonic_s(), " ".join(reason.split())
        self.refresh(visitor)
        person = visitor.person
        asked = Context(locked=visitor.lock is not Lock.OPEN, reason=said, emergency=True)
        problem = may(person, Verb.SEE_PATIENT, asked)
        if problem is None and (len(said) > REASON_MAX or not said.isprintable()):
            limit = f"is longer than {REASON_MAX} characters, or has signs that nobody sees"
            problem = Problem("reason", None, limit, "Say it in a few plain words")
        if problem is None and person is not None and not is_emergency(person, Verb.SEE_PATIENT, asked):
            problem = Problem("emergency", None, "is not needed: your role sees patients", "Go on as usual")
        if problem is not None:
            raise Refused([problem])
        made = Emergency(said, at + EMERGENCY, now_s + EMERGENCY.total_seconds())
        self._accounts.audit.write(None, at, visitor.login, "emergency-access", visitor.login,
                                   reason=said, until=made.until.isoformat())  # fmt: skip
        visitor.given = made
        return made

    def _make_room(self, login: str) -> None:
        for key, visitor in list(self._inside.items()):
            if visitor.lock is Lock.SIGNED_OUT:
                del self._inside[key]
        theirs = [(visitor.screen.touched_s, key) for key, visitor in self._inside.items() if visitor.login == login]
        for _, key in sorted(theirs)[: max(0, len(theirs) - SESSIONS_MAX + 1)]:
            gone = self._inside.pop(key)
            gone.screen = gone.screen.signed_out()

    def _out(self, visitor: Visitor) -> None:
        with self._mutex:
            visitor.screen, visitor.given = visitor.screen.signed_out(), None
            for key in [key for key, other in self._inside.items() if other is visitor]:
                del self._inside[key]


def _hash(cookie: str) -> bytes:
    return sha256(cookie.encode("utf-8", "surrogatepass")).digest()


def _signed_out(visitor: Visitor) -> Problem:
    return Problem("by", visitor.login, "is signed out", "Sign in with the password")
