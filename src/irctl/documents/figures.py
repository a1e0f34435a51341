"""Numbers as people read them. Bounds are rounded outwards, so that printing never makes an interval narrower."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from math import floor, log10


def floored(value: float, places: int) -> str:
    """The largest figure with `places` decimals that is not above `value`."""
    return _rounded(value, places, ROUND_FLOOR)


def ceiled(value: float, places: int) -> str:
    """The smallest figure with `places` decimals that is not below `value`."""
    return _rounded(value, places, ROUND_CEILING)


def nearest(value: float, places: int) -> str:
    return _rounded(value, places, ROUND_HALF_UP)


def exactly(value: float, places: int) -> str:
    """At least `places` decimals, and more where the value has more: what was ordered is not rounded."""
    held = -int(Decimal(repr(value)).normalize().as_tuple().exponent)
    return nearest(value, max(places, held))


def significant(value: float, digits: int = 2) -> tuple[str, int]:
    """An uncertainty with so many significant digits, ceiled (GUM 7.2.6), and the decimals that leaves a result with."""
    if value <= 0:
        return "0", 0
    places = digits - 1 - floor(log10(value))
    told = ceiled(value, max(0, places))
    # 9.96 is ceiled to 10.0, and that is a digit too many.
    if places > 0 and floor(log10(float(told))) > floor(log10(value)):
        places -= 1
        told = ceiled(value, places)
    return told, max(0, places)


def signed(value: float, places: int) -> str:
    """With its sign, as an error is told: +1.2, −0.4; nought has none."""
    told = nearest(value, places)
    return told.replace("-", "\N{MINUS SIGN}") if value < 0 or not float(told) else f"+{told}"


def ranges(numbers: Iterable[int]) -> str:
    """Whole numbers in rising order, runs shortened: 3, 5–9."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ", ".join("–".join(map(str, run)) for run in runs)


def dose_places(prescribed_j_cm2: float) -> int:
    """Decimals for a dose: about three figures of the prescription."""
    return 2 if prescribed_j_cm2 < 10 else 1


def duration(seconds: float) -> str:
    """Seconds as minutes and seconds, to the nearest second."""
    minutes, rest = divmod(int(nearest(max(0.0, seconds), 0)), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest:02d} s" if rest else f"{minutes} min"


def elapsed(seconds: float | None) -> str:
    """Seconds since first light as +mm:ss, whole seconds gone by; a dash before first light."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(int(seconds), 60)
    return f"+{minutes:02d}:{rest:02d}"


def date(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"


def clock(at: datetime) -> str:
    return f"{at:%H:%M:%S}"


def offset(at: datetime) -> str:
    """The offset from UTC of an aware time: UTC, UTC+01:00, UTC−05:00."""
    text = f"{at:%z}"
    if int(text) == 0:
        return "UTC"
    sign = "+" if text[0] == "+" else "\N{MINUS SIGN}"
    return f"UTC{sign}{text[1:3]}:{text[3:5]}"


def _rounded(value: float, places: int, how: str) -> str:
    # By way of the shortest text that is this float, so that 57.7 does not floor to 57.6.
    result = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-places), rounding=how)
    return f"{result + 0:f}" if result else f"{abs(result):f}"
