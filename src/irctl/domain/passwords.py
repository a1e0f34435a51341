"""What makes a password good enough, and how often one may be guessed: NIST SP 800-63B-4. Length and a blocklist; no composition rules, no expiry."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil

from irctl.domain.problems import Problem

LENGTH_MIN = 15
"""Characters, where the password is all there is (SP 800-63B-4 §3.1.1.2)."""
LENGTH_MIN_WITH_SECOND_FACTOR = 8
LENGTH_MAX = 256
"""At least 64 must be allowed; the end is there for the one who hashes them. Nothing is ever cut off."""
PERIOD_MAX = 4
"""A password that only repeats so few characters is on everybody's list, whatever its length."""
FREE_FAILURES = 3
WAIT_MAX_S = 900.0
FAILURES_MAX = 100
"""No more in a row on one account (SP 800-63B-4 §3.2.2); then an administrator gives a new password."""


def normal(password: str) -> str:
    """As it is counted, compared and hashed: NFKC, so that one keyboard's é is another's."""
    return unicodedata.normalize("NFKC", password)


def problems_with_password(
    password: str,
    *,
    known_bad: Callable[[str], bool],
    about: Iterable[str] = (),
    second_factor: bool = False,
) -> list[Problem]:
    """Why it is not good enough. `known_bad`: whether the whole of it, in lower case, is on the blocklist; `about`: login, name, clinic.

    A problem never holds the password.
    """
    text = normal(password)
    least = LENGTH_MIN_WITH_SECOND_FACTOR if second_factor else LENGTH_MIN
    if len(text) < least:
        return [_problem(f"shorter than {least} characters", "Take a few words that nobody says together")]
    if len(text) > LENGTH_MAX:
        return [_problem(f"longer than {LENGTH_MAX} characters", "Take fewer words")]
    plain = text.casefold()
    if _repeats(plain) or known_bad(plain):
        return [_problem("is one that is tried first", "Take one that is on no list of stolen passwords")]
    if _only_about(plain, about):
        return [
            _problem("is made of your name, your login or the clinic's", "Take words that have nothing to do with you")
        ]
    return []


def _problem(limit: str, remedy: str) -> Problem:
    return Problem("password", None, limit, remedy)


def _repeats(text: str) -> bool:
    return 0 < (text * 2).find(text, 1) <= PERIOD_MAX


def _only_about(plain: str, about: Iterable[str]) -> bool:
    """Nothing is left but figures and punctuation once these words are taken out."""
    words = {word for text in about for word in normal(text).casefold().split() if len(word) > 1}
    left = plain
    for word in sorted(words, key=len, reverse=True):
        left = left.replace(word, " ")
    return left != plain and not any(character.isalpha() for character in left)


@dataclass(frozen=True, slots=True)
class Attempts:
    """Wrong passwords in a row on one account. Time is passed in: seconds of a clock that nobody can set."""

    failures: int = 0
    last_s: float = 0.0

    @property
    def wait_s(self) -> float:
        """From the last failure to the next try: none for the first few, then doubling from a second."""
        over = self.failures - FREE_FAILURES
        return 0.0 if over < 0 else min(WAIT_MAX_S, 2.0 ** min(over, 20))

    def problem(self, now_s: float) -> Problem | None:
        """Why no password is looked at now, the right one neither."""
        if self.failures >= FAILURES_MAX:
            limit = f"was wrong {self.failures} times in a row"
            return Problem("password", None, limit, "Ask an administrator for a new one")
        left_s = self.wait_s - max(0.0, now_s - self.last_s)
        if self.failures and left_s > 0:
            return Problem("password", None, f"was wrong {self.failures} times in a row", f"Wait {ceil(left_s)} s")
        return None

    def failed(self, now_s: float) -> Attempts:
        return Attempts(self.failures + 1, now_s)
