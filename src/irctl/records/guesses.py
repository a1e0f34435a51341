"""Wrong passwords in a row, by login: of accounts, whose rows keep the number over a restart, and of logins that nobody has, which must look no different.

A row can only keep the wall's time, and that may be set. So each failure is looked at by the wall once, when this process first sees it, and from then on by
a clock that only goes forward: who sets the wall back makes nobody wait longer than the rules say, who sets it ahead makes nobody wait less.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from irctl.domain.passwords import Attempts

REMEMBERED_MAX = 10_000
"""Logins in memory. To push one out takes so many hashes, one at a time: longer than the longest wait."""


@dataclass(slots=True)
class _Seen:
    attempts: Attempts
    at: datetime
    refusal_told: bool = False


class Guesses:
    """Not for several threads at once."""

    def __init__(self, remembered_max: int = REMEMBERED_MAX) -> None:
        self._seen: OrderedDict[bytes, _Seen] = OrderedDict()
        self._max = remembered_max

    def attempts(self, login: str, stored: tuple[int, datetime | None] | None, at: datetime, now_s: float) -> Attempts:
        """So far. `stored`: failures and the last one's time as the account's row has them, None where there is no such account."""
        seen = self._seen.get(_key(login))
        if stored is None:
            return seen.attempts if seen else Attempts()
        failures, last_at = stored
        if not failures or last_at is None:
            self._seen.pop(_key(login), None)
            return Attempts()
        if seen and (seen.attempts.failures, seen.at) == stored:
            return seen.attempts
        return self._remember(login, Attempts(failures, now_s - max(0.0, (at - last_at).total_seconds())), last_at)

    def failed(self, login: str, before: Attempts, at: datetime, now_s: float) -> Attempts:
        """One more."""
        return self._remember(login, before.failed(now_s), at)

    def first_refusal(self, login: str) -> bool:
        """Whether this is the first time since the last failure that nothing was looked at: worth a line, the next thousand are not."""
        seen = self._seen.get(_key(login))
        if seen is None or seen.refusal_told:
            return False
        seen.refusal_told = True
        return True

    def _remember(self, login: str, attempts: Attempts, at: datetime) -> Attempts:
        self._seen[_key(login)] = _Seen(attempts, at)
        self._seen.move_to_end(_key(login))
        while len(self._seen) > self._max:
            self._seen.popitem(last=False)
        return attempts


def _key(login: str) -> bytes:
    """What is typed as a login is often a password: it is not kept, not even in memory."""
    return sha256(login.encode("utf-8", "surrogatepass")).digest()
