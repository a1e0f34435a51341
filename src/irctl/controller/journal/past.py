"""What the journal says a patient's area has had: read for the day's ceiling and the least interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from irctl.domain.chain import CONTINUED, SET_ASIDE, Event
from irctl.domain.history import Given, plain

LOOK_BACK = timedelta(hours=48)
"""Longer than a day's ceiling and the longest interval ask for."""
LOOK_BACK_SESSIONS = 500
"""More than four lamps give in 48 h. So many are remembered whatever their age: a clock that was ahead for a while must not make today look old."""


@dataclass(frozen=True, slots=True)
class Charge:
    """The most that one session may have given a patient's area; one that still runs, as it was prescribed."""

    session: str
    patient: str
    area: str
    at: datetime
    max_j_cm2: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"at": self.at.isoformat()}

    @classmethod
    def of(cls, told: Any) -> Charge:
        return cls(**told | {"at": datetime.fromisoformat(told["at"])})


def charges(events: Iterable[Event], now: datetime) -> list[Charge]:
    """Every session's, in the order of their ends; what still runs is last, charged as of `now`.

    What was given while the clock was ahead counts from when somebody vouched for the clock again.
    """
    running: dict[str, Charge] = {}
    ended: dict[str, Charge] = {}
    for event in events:
        match event["event"]:
            case "session.ordered":
                order, session = event["order"], event["session"]
                running[session] = Charge(session, order["patient"], order["area"], now, order["fluence_j_cm2"])
            case "clock.accepted":
                accepted = datetime.fromisoformat(event["at"])
                ended = {charge.session: replace(charge, at=min(charge.at, accepted)) for charge in ended.values()}
            case "session.ended" if event["session"] in running:
                charge = running.pop(event["session"])
                at, most = datetime.fromisoformat(event["ended_at"]), event["delivered"]["max_j_cm2"]
                ended[charge.session] = replace(charge, at=at, max_j_cm2=most)
            case name if name in (CONTINUED, SET_ASIDE):
                earlier = [Charge.of(told) for told in event.get("given", ())]
                ended = {charge.session: charge for charge in earlier} | ended
            case _:
                pass
    return [charge for charge in ended.values() if charge.max_j_cm2 > 0] + list(running.values())


def recent(found: Sequence[Charge], now: datetime) -> list[Charge]:
    """Those that a ceiling or an interval may still ask for."""
    old = len(found) - LOOK_BACK_SESSIONS
    return [charge for number, charge in enumerate(found) if number >= old or now - charge.at < LOOK_BACK]


def given_to(events: Iterable[Event], patient: str, area: str, now: datetime) -> list[Given]:
    """Every session of this patient and area, by the most that it may have given."""
    wanted = (plain(patient), plain(area))
    mine = [c for c in charges(events, now) if (plain(c.patient), plain(c.area)) == wanted]
    return [Given(charge.session, charge.at, charge.max_j_cm2) for charge in mine]


def latest_entry(events: Iterable[Event]) -> datetime | None:
    """The latest wall-clock time of the journal, since somebody last vouched for the clock."""
    latest: str | None = None
    for event in events:
        accepted = event["event"] == "clock.accepted"
        at: str = max(event["at"], event.get("latest_at") or "")  # what an earlier file had seen goes on counting
        # UTC and of one form: order as text is order in time
        latest = event["at"] if accepted else at if latest is None else max(latest, at)
    return None if latest is None else datetime.fromisoformat(latest)
