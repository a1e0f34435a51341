"""What became of something that was to be sent: it arrived, it may arrive later, or it never will as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sent:
    """It arrived. `reference`: what the receiver calls it; `told`: what a person should know of how it was taken."""

    reference: str
    told: str = ""


@dataclass(frozen=True, slots=True)
class Later:
    """It did not arrive, and the same may arrive another time: the network, a busy server, a refused sign-in."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The receiver has read it and will not have it: sending the same again is no use."""

    reason: str


Outcome = Sent | Later | Refused


class Parcel(Protocol):
    """Something to be sent, as bytes. Sending it twice must come to the same as once."""

    @property
    def body(self) -> bytes: ...
