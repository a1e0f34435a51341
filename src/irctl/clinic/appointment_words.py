"""How screens and terminals tell an appointment's state: a word with a sign; the colour only helps."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from irctl.clinic.appointments import State
from irctl.clinic.icons import icon
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
    return f'<span class="tag {told.tone}">{icon(told.icon, "1.1em")}{escape(told.word)}</span>'
