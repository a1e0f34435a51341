"""Reading the audit, page after page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.clinic.session_filter import place_of, told, wanted_of
from irctl.domain.people import Verb
from irctl.domain.problems import Problem, Refused
from irctl.records.audit import Entry
from irctl.records.searching import Place

ROWS = 100
KEYS = ("what", "by", "about", "from", "to")


@dataclass(frozen=True, slots=True)
class Trail:
    """One page, newest first; `next` is what the following page is asked for with, empty after the last."""

    entries: tuple[Entry, ...]
    next: str


def trail(desk: Desk, acting: Acting, asked: Mapping[str, str], limit: int = ROWS) -> Trail:
    """What an address asks for. Raises Refused."""
    acting.require(Verb.READ_AUDIT)
    days = wanted_of({key: asked.get(key, "") for key in ("from", "to")}, desk.zone)
    found = desk.accounts.audit.trail(
        days.since, days.until, asked.get("by", ""), asked.get("what", ""), limit + 1,
        about=asked.get("about", ""), after=_after(asked.get("after", "")),
    )  # fmt: skip
    shown = tuple(found[:limit])
    last = shown[-1] if len(found) > limit else None
    return Trail(shown, told(Place(last.at, (last.what, last.id))) if last else "")


def address(path: str, asked: Mapping[str, str], after: str = "") -> str:
    """Of a page of it."""
    query = {key: value for key in KEYS if (value := asked.get(key, ""))} | ({"after": after} if after else {})
    return f"{path}?{urlencode(query)}" if query else path


def _after(written: str) -> Entry | None:
    place = place_of(written)
    if place is None:
        return None
    what, number = place.key
    if not str(number).isdecimal():
        raise Refused([Problem("after", written[:80], "is no place in a list", "Begin at its first page")])
    moment: datetime = place.at
    return Entry(moment, "", str(what), "", {}, int(number))
