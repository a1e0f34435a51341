"""Reminders of what is due. Whoever keeps the schedule says when; here each is told once, as an alarm of low priority, and kept in the journal.

Nothing here touches a lamp.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from irctl.controller.journal.journal import Journal
from irctl.controller.light.alarms import Alarms
from irctl.controller.light.record import iso
from irctl.domain.chain import Event
from irctl.domain.problems import Problem, Refused
from irctl.domain.reminders import Kind, Told

REMEDIES: Mapping[Kind, LiteralString] = {
    Kind.CALIBRATION: "irctl calibrate {about} --meter METER --by NAME",
    Kind.CHECK: "irctl check {about} --by NAME",
    Kind.MAINTENANCE: "Do it, then write it down: irctl maintenance {about} KIND --by NAME",
    Kind.METER: "Send it to its laboratory; copy the new certificate to the station's meters",
}


@dataclass(frozen=True, slots=True)
class Request:
    """A reminder that somebody wants told, of an item that `GET /v1/due` lists."""

    item: str
    occasion: str
    lead_days: int
    text: str
    due_at: datetime | None
    late_s: float


class Reminders:
    """The last reminder of each item."""

    def __init__(self, journal: Journal, alarms: Alarms, due: Callable[[], Sequence[Mapping[str, Any]]]) -> None:
        self._journal = journal
        self._alarms = alarms
        self._due = due
        """What this station has to keep: as `GET /v1/due` tells it."""
        self._last: dict[str, Event] = {}

    def tell(self, asked: Request) -> bool:
        """Tell it, unless this or a more urgent one of the same occasion was told before; whether it was told now. Raises Refused.

        It takes the place of an earlier one of the same item that still waits for somebody.
        """
        last, item = self._last.get(asked.item), self._item(asked.item)
        if last is not None and self._told(last).covers(asked.occasion, asked.lead_days):
            return False
        if not self._journal.writable:
            remedy = "Mend the journal; what is due is told then"
            raise Refused([Problem("journal", None, "cannot be written", remedy)], conflict=True)
        if last is not None:
            self._withdraw(last, "told again")
        kind, about = Kind(item["kind"]), str(item["about"])
        told: dict[str, Any] = {
            "item": asked.item,
            "kind": kind,
            "occasion": asked.occasion,
            "lead_days": asked.lead_days,
            "due_at": iso(asked.due_at),
            "late_s": round(asked.late_s, 1),
        }
        remedy, lamp = REMEDIES[kind].format(about=about), None if kind is Kind.METER else about
        alarm_id = self._alarms.remind(asked.text, remedy, lamp, **told)
        self._last[asked.item] = {"id": alarm_id, **told, "text": asked.text, "lamp": lamp}
        return True

    def settle(self, item: str, because: str) -> None:
        """It has been done: its reminder, where one still waits, needs nobody any more."""
        if (last := self._last.get(item)) is not None:
            self._withdraw(last, because)

    def restore(self, events: Iterable[Event]) -> None:
        """What an earlier controller told."""
        self._last |= {event["item"]: event for event in events if event["event"] == "reminder.raised"}

    def view(self) -> list[dict[str, Any]]:
        """The last of each item, and whether it still waits for somebody."""
        names = ("id", "item", "kind", "lamp", "occasion", "lead_days", "text", "due_at", "late_s")
        return [
            {name: event[name] for name in names} | {"open": self._told(event).open} for event in self._last.values()
        ]

    def _told(self, event: Event) -> Told:
        return Told(event["occasion"], event["lead_days"], self._alarms.is_open(event["id"]))

    def _withdraw(self, last: Event, because: str) -> None:
        if self._alarms.is_open(last["id"]):
            self._alarms.withdraw(last["id"], because)

    def _item(self, name: str) -> Mapping[str, Any]:
        for item in self._due():
            if item["what"] == name:
                return item
        raise Refused([Problem("item", name, "is nothing that this station keeps", "See `irctl calibrations due`")])
