"""How screens and terminals tell an appointment's state: a word with a sign; the colour only helps."""

from __future__ import annotations

from typing import NamedTuple

from irctl.clinic.calendar.appointments import State
from irctl.clinic.drawing import markup
from irctl.clinic.words import tr


class Sign(NamedTuple):
    """`tone`: a class of the style sheet."""

    word: str
    icon: str
    tone: str


def sign(state: State) -> Sign:
    """In the language of this moment."""
    match state:
        case State.PLANNED:
            return Sign(tr("Planned"), "calendar", "")
        case State.ARRIVED:
            return Sign(tr("Arrived"), "check", "live")
        case State.TREATING:
            return Sign(tr("Being treated"), "treat", "heat")
        case State.DONE:
            return Sign(tr("Done"), "check", "good")
        case State.REFUSED:
            return Sign(tr("Not treated"), "warn", "warn")
        case State.NO_SHOW:
            return Sign(tr("Did not come"), "no", "warn")
        case State.CANCELLED:
            return Sign(tr("Cancelled"), "no", "")


def tag(state: State) -> str:
    """As markup."""
    told = sign(state)
    return markup.tag(told.tone, told.icon, told.word)
