"""Passwords that are tried first: a list of well-known ones of the length that is asked for, and what hands do when they are told to type much.

The list that comes with irctl is a modest one. A clinic may name a file of its own, one password a line in any case, such as those of a breach collection.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from irctl.domain.passwords import LENGTH_MIN, normal
from irctl.domain.problems import Problem, Refused

SHIPPED = Path(__file__).with_name("blocklist.txt")
RUN_MIN = 4
"""So many neighbours in a row, of the alphabet or a keyboard, are one movement of a hand."""
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz", "0123456789", "1234567890", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl",
    "zxcvbnm", "yxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0",
    "qazwsxedcrfvtgbyhnujm", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю",
)  # fmt: skip
_LINES = tuple(line for row in _ROWS for line in (row * 2, row[::-1] * 2))


class Blocklist:
    """Called with a whole password in lower case: whether it is known to be bad."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = frozenset(normal(word.strip()).casefold() for word in words) - {""}

    @classmethod
    def read(cls, *more: Path) -> Blocklist:
        """The shipped list and the clinic's own files. Raises Refused."""
        words: list[str] = []
        for path in (SHIPPED, *more):
            try:
                words += path.read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                why = error.strerror if isinstance(error, OSError) else "is not UTF-8"
                raise Refused(
                    [Problem("blocklist", str(path), why or str(error), "Check its name and rights")]
                ) from None
        return cls(words)

    def __call__(self, plain: str) -> bool:
        bare = plain.strip("0123456789 !.?*#-_")
        return plain in self._words or bare in self._words or _short_again(plain) or _typed_along(plain)


def _short_again(plain: str) -> bool:
    """The same over and over, and too short by itself: `drowssapdrowssap`."""
    half = len(plain) // 2
    return any(plain.startswith(plain[period:]) for period in range(1, min(half + 1, LENGTH_MIN)))


def _typed_along(plain: str) -> bool:
    """Nothing but movements along the alphabet or a keyboard, or one key held down."""
    left = "".join(character for character in plain if character.isalnum())
    while left:
        run = _run(left)
        if run < min(RUN_MIN, len(left)):
            return False
        left = left[run:]
    return True


def _run(text: str) -> int:
    held = len(text) - len(text.lstrip(text[0]))
    return max(held, *(_along(text, line) for line in _LINES))


def _along(text: str, line: str) -> int:
    length = 0
    while length < len(text) and text[: length + 1] in line:
        length += 1
    return length
