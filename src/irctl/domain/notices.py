"""A notice: what the clinic's own process has to tell somebody, with what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Priority = Literal["low", "medium", "high"]
URGENCY: tuple[Priority, ...] = ("high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Notice:
    """`about`: what it is about, such as "back-up"; of each there is one that is open. No text names a patient: only the reference."""

    id: str
    about: str
    text: str
    remedy: str
    priority: Priority
    since: datetime
