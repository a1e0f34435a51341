"""A clinic with its library, two clinicians and one lamp, for tests of what is in force."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from irctl.clinic.acting import Acting
from irctl.clinic.desk import Desk
from irctl.clinic.doors.tokens import Issuer
from irctl.clinic.lamps.stations import Station
from irctl.clinic.office import drafts
from irctl.clinic.opening import open_desk
from irctl.clinic.settings import ClinicFile
from irctl.clinic.shelf.library import PROTOCOL
from irctl.domain.electronic_signature import Reauthentication
from irctl.domain.people import Person, Role

WROTE = Person("m.okafor", "M. Okafor", frozenset({Role.CLINICIAN}))
SECOND = Person("l.varga", "L. Varga", frozenset({Role.CLINICIAN}))
HELPER = Person("a.helper", "A. Helper", frozenset({Role.ASSISTANT}))
ADMIN = Person("admin", "A. Ministrator", frozenset({Role.ADMINISTRATOR}))
NAME = "luminous-ir"


class Clock:
    """The clinic's wall clock, which a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class Lamp:
    """As much of a station as a visit looks at before any light."""

    name, title = "room", "Room"

    def __init__(self, *, simulated: bool) -> None:
        self.view = {"simulated": simulated}

    def lamp(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "title": name,
            "serial": "SN 1",
            "lamp_type": "halogen",
            "distance_cm": 60.0,
            "live": {"fitted": {"skin": False}},
            "calibration": {"id": "CAL-1"},
            "session": None,
        }


def a_station(*, simulated: bool = True) -> Station:
    return cast("Station", Lamp(simulated=simulated))


def a_desk(state: Path, file: ClinicFile | None = None) -> Desk:
    return open_desk(file or ClinicFile(), state, Issuer(state), Clock(), stations={})


def by(desk: Desk, person: Person) -> Acting:
    return desk.acting(person)


def edited(desk: Desk, text_of: tuple[str, str], person: Person = WROTE, kind: str = PROTOCOL, name: str = NAME) -> Any:
    """A draft in which one thing is put in place of another."""
    paper = drafts.begin(desk, by(desk, person), kind, name)
    text = str(paper.body["text"])
    assert text_of[0] in text
    return drafts.save(desk, by(desk, person), kind, name, paper.number, text.replace(*text_of))


def approved(desk: Desk, kind: str = PROTOCOL, name: str = NAME) -> None:
    paper = drafts.paper_of(desk, kind, name)
    assert paper is not None
    handed = drafts.hand_in(desk, by(desk, WROTE), kind, name, paper.number)
    acting = by(desk, SECOND)
    drafts.approve(desk, acting, kind, name, handed.number, proof_before(acting, SECOND))


def proof_before(acting: Acting, person: Person) -> Reauthentication:
    """The password, typed just before."""
    return Reauthentication(person.login, acting.at)
