"""What is searched for in the records, as the address of a page says it: references only, never a name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from urllib.parse import urlencode

from irctl.domain.problems import Problem, Refused
from irctl.records.searching import Place, Wanted

OUTCOMES = ("completed", "stopped", "faulted", "interrupted", "running")
PATIENTS_MAX = 50
WRITTEN_MAX = 200
"""Characters of one value in an address."""
KEYS = ("patient", "lamp", "outcome", "protocol", "from", "to", "signed", "amended", "alarms")
BETWEEN = "~"


def wanted_of(asked: Mapping[str, str], zone: tzinfo) -> Wanted:
    """What an address asks for; days are the clinic's, both included. Raises Refused for what is none."""
    patients = [word for word in asked.get("patient", "").split(",") if word][:PATIENTS_MAX]
    outcome = asked.get("outcome", "")
    if outcome and outcome not in OUTCOMES:
        raise Refused([Problem("outcome", outcome[:40], "is none", f"One of {', '.join(OUTCOMES)}")])
    last = _day("to", asked.get("to", ""))
    return Wanted(
        patients=patients or None,
        lamp=asked.get("lamp", "")[:WRITTEN_MAX],
        outcome=outcome,
        protocol=asked.get("protocol", "")[:WRITTEN_MAX],
        since=_midnight(_day("from", asked.get("from", "")), zone),
        until=_midnight(last + timedelta(days=1) if last else None, zone),
        signed={"yes": True, "no": False}.get(asked.get("signed", "")),
        amended=asked.get("amended") == "yes",
        alarms=asked.get("alarms") == "yes",
    )


def filter_of(asked: Mapping[str, str]) -> dict[str, str]:
    """Only what is a filter, and says something."""
    return {key: value for key in KEYS if (value := asked.get(key, "").strip())}


def address(path: str, asked: Mapping[str, str], **more: str) -> str:
    """Of the page that shows it."""
    query = {**filter_of(asked), **{key: value for key, value in more.items() if value}}
    return f"{path}?{urlencode(query)}" if query else path


def place_of(told: str) -> Place | None:
    """Where a page begins. Raises Refused for what was not written by `told`."""
    if not told:
        return None
    try:
        at, controller, key = told.split(BETWEEN, 2)
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError(at)
    except ValueError:
        raise Refused([Problem("after", told[:80], "is no place in a list", "Begin at its first page")]) from None
    return Place(moment, (controller, key))


def told(place: Place | None) -> str:
    """A place, for an address."""
    return BETWEEN.join([place.at.isoformat(), *map(str, place.key)]) if place else ""


def _day(field: str, written: str) -> date | None:
    try:
        return date.fromisoformat(written) if written else None
    except ValueError:
        raise Refused([Problem(field, written[:40], "is no day", "Such as 2026-11-25")]) from None


def _midnight(day: date | None, zone: tzinfo) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), zone)
