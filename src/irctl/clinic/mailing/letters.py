"""What a message to a patient says, in their language. The texts are files in `words`; nothing that is typed into a patient's record gets into one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from irctl.clinic.care.consent import Language
from irctl.clinic.settings import AboutSection


class Sort(StrEnum):
    """Why a message is sent."""

    REMINDER = "reminder"
    """Of an appointment."""
    AFTER_CARE = "after-care"
    """What to watch for, right after a visit."""
    REACTION = "reaction"
    """How it went, a day later."""
    OWN = "own"
    """Somebody wrote it."""


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    text: str


def letter(
    sort: Sort, language: Language, clinic: AboutSection, *, at: datetime | None = None, text: str = ""
) -> Letter:
    """`at`: of an appointment, in the clinic's zone. `text`: what somebody wrote."""
    words = _words(language)
    call = words["call"].format(phone=clinic.phone) if clinic.phone else words["call_unknown"]
    given = {"clinic": clinic.name, "call": call, "text": text.strip()}
    if at is not None:
        given |= {"date": _date(at, language), "time": f"{at:%H:%M}"}
    of_sort: Mapping[str, str] = words[sort.value]
    parts = (words["greeting"], of_sort["text"], words["closing"])
    return Letter(
        of_sort["subject"].format(**given), "\n\n".join(part.format(**given).strip("\n") for part in parts) + "\n"
    )


def _date(at: datetime, language: Language) -> str:
    return f"{at.day}.{at.month}.{at.year}" if language == "de" else f"{at.day} {MONTHS[at.month - 1]} {at.year}"


MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
"""In English, whatever this computer's locale is."""


@cache
def _words(language: Language) -> Mapping[str, Any]:
    path = Path(__file__).parents[1] / "words" / f"letters-{language}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))
