"""What the journal says a patient's area has had: read for the day's ceiling and the least interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from irctl.controller.journal import Event
from irctl.domain.history import Given


def given_to(events: Iterable[Event], patient: str, area: str, now: datetime) -> list[Given]:
    """Every session of this patient and area, by the most that it may have given. One that still runs counts as it was prescribed.

    What was given while the clock was ahead counts from when somebody vouched for the clock again.
    """
    wanted = (_plain(patient), _plain(area))
    running: dict[str, float] = {}
    given: list[Given] = []
    for event in events:
        match event["event"]:
            case "session.ordered":
                order = event["order"]
                if (_plain(order["patient"]), _plain(order["area"])) == wanted:
                    running[event["session"]] = order["fluence_j_cm2"]
            case "clock.accepted":
                given = [replace(g, at=min(g.at, datetime.fromisoformat(event["at"]))) for g in given]
            case "session.ended" if event["session"] in running:
                del running[event["session"]]
                most = event["delivered"]["max_j_cm2"]
                if most > 0:
                    given.append(Given(event["session"], datetime.fromisoformat(event["ended_at"]), most))
            case _:
                pass
    return given + [Given(session, now, most) for session, most in running.items()]


def latest_entry(events: Iterable[Event]) -> datetime | None:
    """The latest wall-clock time of the journal, since somebody last vouched for the clock."""
    latest: str | None = None
    for event in events:
        accepted = event["event"] == "clock.accepted"
        latest = (
            event["at"] if latest is None or accepted else max(latest, event["at"])
        )  # UTC and of one form: order as text is order in time
    return None if latest is None else datetime.fromisoformat(latest)


def _plain(text: str) -> str:
    """Upper and lower case and spaces make no other patient."""
    return " ".join(text.casefold().split())
