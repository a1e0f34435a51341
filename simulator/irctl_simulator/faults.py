"""What can be broken, and how. State only: the wire, the devices and the lamps consult it as they go.

Targets are named as in the configuration: a line ("lamp-line"), a device ("dimmer"), a channel as printed on the device ("dimmer.1"),
a lamp ("left") or an interlock ("door").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal, TypeVar

Choice = TypeVar("Choice", bound=str)
EchoField = Literal["address", "value"]
Lie = Literal["unit", "function", "length", "exception", "garbage"]
LIES: tuple[Lie, ...] = ("unit", "function", "length", "exception", "garbage")
"""How a Modbus answer can be wrong though its checksum is right (but for garbage)."""

LINE_KINDS = ("silent", "unpowered", "late", "corrupt", "echo", "echo_only", "unplug", "replug")
DEVICE_KINDS = (
    "silent",
    "unpowered",
    "late",
    "corrupt",
    "wrong_echo",
    "wrong_answer",
    "junk",
    "twice",
    "reboot",
    "frozen",
    "gain",
    "range",
    "misplaced",
    "stuck_output",
    "welded",
    "open_contact",
    "close_contact",
)
SERIAL_ONLY = frozenset({"echo", "echo_only", "corrupt"})
"""Line faults a network does not have: its own checksums see to that."""
LAMP_KINDS = ("mains", "unsteady", "ageing", "replaced", "dirty", "distance")
INTERLOCK_KINDS = ("open_contact", "close_contact")
PARAMETERS: dict[str, frozenset[str]] = {
    "late": frozenset({"seconds"}),
    "reboot": frozenset({"seconds"}),
    "corrupt": frozenset({"rate", "next"}),
    "wrong_echo": frozenset({"field"}),
    "wrong_answer": frozenset({"in"}),
    "mains": frozenset({"factor"}),
    "unsteady": frozenset({"percent", "seconds", "shape"}),
    "ageing": frozenset({"factor", "loss_pct_per_h"}),
    "replaced": frozenset({"serial", "factor"}),
    "dirty": frozenset({"factor", "virtual_source_cm"}),
    "gain": frozenset({"factor"}),
    "range": frozenset({"mw_cm2"}),
    "misplaced": frozenset({"cm"}),
    "distance": frozenset({"cm"}),
}
ALIASES = {"dead": "unpowered"}

BOOT_S = 0.5
"""How long a rebooting device neither hears nor answers (assumption)."""


class FaultError(ValueError):
    """There is no such target, no such fault for it, or a parameter is missing or wrong."""


@dataclass(slots=True)
class Corruption:
    """Frames to spoil: the next `next_n`, and beyond them each with probability `rate`."""

    rate: float = 0.0
    next_n: int = 0

    def strikes(self, random: Random) -> bool:
        if self.next_n > 0:
            self.next_n -= 1
            return True
        return self.rate > 0.0 and random.random() < self.rate


@dataclass(slots=True)
class LineFaults:
    echo: bool = False
    echo_only: bool = False
    corrupt: Corruption = field(default_factory=Corruption)


@dataclass(slots=True)
class DeviceFaults:
    silent: bool = False
    unpowered: bool = False
    late_s: float = 0.0
    corrupt: Corruption = field(default_factory=Corruption)
    wrong_echo: Literal["", EchoField] = ""
    """Which field of the answer to a write comes back wrong."""
    wrong_answer: Literal["", Lie] = ""
    """What is wrong with every answer; Modbus only."""
    junk: bool = False
    """Noise goes before each answer. On lines of text only."""
    twice: bool = False
    """Each answer is said twice."""
    stuck: dict[int, float] = field(default_factory=lambda: dict[int, float]())
    """Output channels that stay at a mean-square voltage fraction whatever the device commands."""
    welded: set[int] = field(default_factory=lambda: set[int]())
    """Contacts that stay closed whatever the coil does."""


def garbled(data: bytes, random: Random) -> bytes:
    """The same number of bytes with at least one wrong bit in each."""
    return bytes(byte ^ random.randrange(1, 256) for byte in data)


def flipped(data: bytes, random: Random) -> bytes:
    """One bit wrong somewhere: the CRC finds it."""
    spoiled = bytearray(data)
    spoiled[random.randrange(len(spoiled))] ^= 1 << random.randrange(8)
    return bytes(spoiled)


def check(kind: str, known: Sequence[str], target: str) -> None:
    """Raises FaultError saying what `target` can be."""
    if kind not in known:
        raise FaultError(f"{target} cannot be {kind!r}; it can be {', '.join(known)}")


def number(
    kind: str, params: dict[str, object], name: str, low: float, high: float, *, otherwise: float | None = None
) -> float:
    """A numeric parameter within low..high; required where there is no `otherwise`."""
    value = params.pop(name, otherwise)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise FaultError(f"{kind} needs {name}=NUMBER")
    try:
        figure = float(value)
    except ValueError:
        raise FaultError(f"{kind}: {name}={value} is not a number") from None
    if not low <= figure <= high:
        raise FaultError(f"{kind}: {name} must lie in {low:g}..{high:g}, not {figure:g}")
    return figure


def text(kind: str, params: dict[str, object], name: str) -> str:
    """A required parameter in words."""
    value = params.pop(name, None)
    if not isinstance(value, str) or not value.strip():
        raise FaultError(f"{kind} needs {name}=TEXT")
    return value


def choice(kind: str, params: dict[str, object], name: str, known: Sequence[Choice]) -> Choice:
    """One of `known`; the first where nothing is asked for."""
    value = params.pop(name, known[0])
    for one in known:
        if one == value:
            return one
    raise FaultError(f"{kind}: {name} must be {' or '.join(known)}, not {value}")


def corruption(params: dict[str, object]) -> Corruption:
    """rate=0..1, next=N, or neither: every frame."""
    if not {"rate", "next"} & params.keys():
        return Corruption(rate=1.0)
    rate = number("corrupt", params, "rate", 0.0, 1.0) if "rate" in params else 0.0
    next_n = int(number("corrupt", params, "next", 0, 1e9)) if "next" in params else 0
    return Corruption(rate, next_n)
