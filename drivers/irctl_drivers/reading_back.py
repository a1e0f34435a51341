"""What a device must answer for a setting to count as made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from irctl.bus.errors import WrongReply
from irctl.bus.request import AnyRequest
from irctl.bus.unit import Unit
from irctl.devices.roles import NotArmed


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


async def arm_with(unit: Unit, name: str, requests: Iterable[AnyRequest]) -> None:
    """Make settings that a lamp's light depends on. Raises NotArmed when one does not read back."""
    for request in requests:
        try:
            await unit.bus.transact(request)
        except WrongReply as wrong:
            raise NotArmed(f"{name}: a setting does not read back. No light. {wrong}") from wrong
