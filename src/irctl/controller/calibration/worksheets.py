"""The worksheets of a journal: each as its events have it, those that are open and the last that were closed at hand, older ones from the files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from irctl.controller.journal import lookup
from irctl.controller.journal.journal import Journal
from irctl.controller.journal.memory import CLOSES_CALIBRATION
from irctl.domain import certificate
from irctl.domain.chain import Event
from irctl.domain.problems import Problem, Refused
from irctl.domain.worksheet import Outcome, Worksheet
from irctl.domain.worksheet_fold import folded

CLOSED_KEPT = 20
"""Worksheets that are closed and can still be looked at without reading the files."""


@dataclass
class Worksheets:
    """Read from the journal, which is the only place where they are."""

    journal: Journal
    _events: dict[str, list[Event]] = field(init=False, default_factory=dict[str, list[Event]])
    _sheets: dict[str, tuple[int, Worksheet]] = field(init=False, default_factory=dict[str, tuple[int, Worksheet]])
    _closed: list[str] = field(init=False, default_factory=list[str])
    _seen: int = field(init=False, default=0)

    def sheet(self, calibration: str) -> Worksheet:
        """A worksheet as the journal has it now. Raises Refused for one that is not here."""
        self._follow()
        if (events := self._events.get(calibration)) is None:
            raise Refused([Problem("calibration", calibration, "is not open here", "See `irctl calibrations`")])
        known = self._sheets.get(calibration)
        if known is None or known[0] != events[-1]["seq"]:
            known = self._sheets[calibration] = (events[-1]["seq"], folded(events))
        return known[1]

    def open(self, lamp: str | None = None) -> list[Worksheet]:
        """Oldest first."""
        self._follow()
        sheets = [self.sheet(one) for one in self._events if one not in self._closed]
        return [sheet for sheet in sheets if lamp in (None, sheet.lamp)]

    async def found(self, calibration: str) -> Worksheet:
        """Also one of long ago. Raises Refused, OSError."""
        self._follow()
        if calibration in self._events:
            return self.sheet(calibration)
        events = [e for e in await lookup.named(self.journal, "calibration.") if e["calibration"] == calibration]
        if not events:
            raise Refused([Problem("calibration", calibration, "is not in this journal", "See `irctl calibrations`")])
        return folded(events)

    async def listed(self, lamp: str | None = None) -> list[dict[str, Any]]:
        """Every calibration of this journal, newest first. Raises OSError."""
        found: dict[str, dict[str, Any]] = {}
        for event in await lookup.named(self.journal, "calibration."):
            _tell(found, event)
        return [one for one in reversed(found.values()) if lamp in (None, one["lamp"])]

    async def certificate(self, calibration: str) -> dict[str, Any]:
        """The signed payload, computed anew from the journal: what was signed, and the signature. Raises Refused, OSError."""
        return self.signed(await self.found(calibration))

    def signed(self, sheet: Worksheet) -> dict[str, Any]:
        """The same of a worksheet at hand. Raises Refused for one that was not approved."""
        if sheet.outcome is not Outcome.APPROVED:
            problem = Problem(
                "calibration",
                sheet.id,
                "is not approved, so there is no certificate",
                f"Once it is handed in: irctl calibrations approve {sheet.id} --by NAME",
            )
            raise Refused([problem], conflict=True)
        signed = last(sheet, "calibration.approved")["certificate"]
        told = certificate.payload(sheet.events, signed["station"], signed["version"])
        seal = {name: signed[name] for name in ("number", "sha256", "key", "signature", "public_key")}
        return {"certificate": told, "seal": seal}

    def _follow(self) -> None:
        for event in self.journal.memory.after(self._seen):
            self._seen = event["seq"]
            name, calibration = event["event"], event.get("calibration")
            if not name.startswith("calibration.") or calibration is None:
                continue
            if name == "calibration.started":
                self._events[calibration] = []
            if calibration in self._events:
                self._events[calibration].append(event)
            if name in CLOSES_CALIBRATION:
                self._close(calibration)

    def _close(self, calibration: str) -> None:
        self._closed.append(calibration)
        for old in self._closed[:-CLOSED_KEPT]:
            self._events.pop(old, None)
            self._sheets.pop(old, None)
        del self._closed[:-CLOSED_KEPT]


def _tell(found: dict[str, dict[str, Any]], event: Event) -> None:
    """Add what one event says to the list of calibrations."""
    name, calibration = event["event"].removeprefix("calibration."), event["calibration"]
    match name:
        case "started":
            found[calibration] = {
                "id": calibration,
                "lamp": event["lamp"],
                "started_at": event["at"],
                "by": event["by"],
                "meter": event["meter"]["name"],
                "outcome": None,
                "result": None,
                "closed_at": None,
                "closed_by": None,
                "reason": None,
            }
        case "submitted" if calibration in found:
            found[calibration]["result"] = event["result"]
        case "approved" | "rejected" | "abandoned" if calibration in found:
            closed = {"closed_at": event["at"], "closed_by": event["by"], "reason": event.get("reason")}
            found[calibration] |= closed | {"outcome": name}
        case _:
            pass


def last(sheet: Worksheet, event: str) -> Event:
    """The newest of a worksheet's events with this name. Raises StopIteration."""
    return next(e for e in reversed(sheet.events) if e["event"] == event)
