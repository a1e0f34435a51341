"""A clinic at night: a desk on a real database, clocks moved by hand, and a controller that answers as it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.clinic.duties.controller import Controller
from irctl.clinic.duties.nightly import Nightly
from irctl.clinic.jobs import Jobs
from irctl.clinic.opening import open_desk
from irctl.clinic.settings import ClinicFile
from irctl.domain.people import Person, Role
from irctl.records.people import Person as Patient
from tests.hands import Hands

NOON = datetime(2040, 3, 5, 12, 0, tzinfo=UTC)
"""Far ahead of this computer's own clock, by which APScheduler runs: what happens here is not its doing."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NURSE = Person("a.berg", "Anna Berg", frozenset({Role.ASSISTANT}))
DOCTOR = Person("d.moreau", "Denis Moreau", frozenset({Role.CLINICIAN}))
AUDITOR = Person("o.lind", "Ola Lind", frozenset({Role.AUDITOR}))
HOLDS = {"ok": True, "events": 12, "head": "ab", "signed": 12, "file": None, "line": None, "problem": None}
BROKEN = HOLDS | {"ok": False, "line": 7, "problem": "the hash is not that of the line before"}


@dataclass
class Log:
    lines: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    warning = info

    def named(self, event: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.lines if name == event]


class Nobody:
    """Issues no token: nothing here asks a station for anything."""

    def issue(self, person: Person, now: datetime) -> str:
        raise AssertionError("no token is needed")


def a_desk(state: Path, hands: Hands, **sections: Any) -> Desk:
    """With one patient, P-1. `sections` of the clinic's file."""
    about = {"zone": "UTC", "name": "Lakeside Clinic", "phone": "+49 30 5550100"}
    file = ClinicFile.model_validate({"clinic": about | sections.pop("clinic", {}), **sections})
    return open_desk(file, state, Nobody(), lambda: hands.wall, stations={})


def a_patient(desk: Desk, reference: str = "P-1", contact: str = "iris@example.org") -> str:
    desk.patients.add(reference, Patient("Iris Novak", date(1968, 4, 2), "4711", contact), NURSE.login, desk.now())
    return reference


def by(desk: Desk, person: Person = NURSE) -> Acting:
    return desk.acting(person)


class Night:
    """The night at work, which can be ended and begun again on what it kept."""

    def __init__(self, state: Path, **keeping: Any) -> None:
        self.state, self.hands, self.log = state, Hands(NOON), Log()
        self.answer: Callable[[], httpx.Response] = lambda: httpx.Response(200, json=HOLDS)
        self.asked: list[str] = []
        self.desk = a_desk(state, self.hands, keeping=keeping)
        self.begin()

    def begin(self) -> None:
        def answered(request: httpx.Request) -> httpx.Response:
            self.asked.append(request.url.path)
            return self.answer()

        self.controller = Controller("http://station", lambda: "", httpx.MockTransport(answered))
        self.jobs = Jobs(self.state / "night.sqlite", lambda: None)
        clocks = self.hands.clocks()
        self.nightly = Nightly(self.desk, self.state, {"here": self.controller}, self.jobs, clocks, self.log)

    def end(self) -> None:
        self.jobs.close()
        self.controller.close()

    def work(self, time: timedelta, step: timedelta = 10 * MINUTE) -> None:
        """As time goes by; no job ever wakes it."""
        until = self.hands.wall + time
        self.nightly.tick()
        while self.hands.wall < until:
            self.hands.go_on(step)
            self.nightly.tick()

    def done(self, what: str) -> list[dict[str, Any]]:
        return [one for one in self.log.named("night.done") if one["what"] == what]
