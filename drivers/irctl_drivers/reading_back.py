"""What a device must answer for a setting to count as made."""

from __future__ import annotations

import re
from collections.abc import Callable


def near(wanted: float, tolerance: float) -> Callable[[re.Match[str]], float]:
    """The meaning of an answer that must be this number, give or take. It raises ValueError for another."""

    def meaning(match: re.Match[str]) -> float:
        value = float(match[1])
        if not abs(value - wanted) <= tolerance:
            raise ValueError(f"it was set to {wanted:g}")
        return value

    return meaning


def switched(on: bool) -> Callable[[re.Match[str]], bool]:
    """The meaning of an answer, "0" or "1", that must be this one."""

    def meaning(match: re.Match[str]) -> bool:
        if (match[1] == "1") is not on:
            raise ValueError(f"it was switched {'on' if on else 'off'}")
        return on

    return meaning
