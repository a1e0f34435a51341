"""What stands behind the buttons: each service refuses whoever may not, before it does anything. Whoever adds one says here what it needs."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

import irctl.clinic
from irctl.clinic.acting import Acting
from irctl.clinic.care import courses, patients, visits
from irctl.clinic.care.visits import AfterPart
from irctl.clinic.desk import Desk
from irctl.clinic.lamps.stations import Station
from irctl.clinic.office import notices
from irctl.clinic.shelf.library import PROTOCOL
from irctl.domain.electronic_signature import Reauthentication
from irctl.domain.people import PERMISSIONS, Context, Person, Role, Verb
from irctl.domain.problems import Refused
from irctl.records.papers import Paper
from irctl.records.searching import Wanted
from irctl.records.tables import METADATA
from tests.clinic.house import AtTheLamp
from tests.clinic.treated import ADA, CLINICIAN, KNEE, NOW, a_desk, by

SIGNED_IN = None
"""Needs no role: whoever is signed in, of themselves."""
NOTHING = "nothing"
"""Tells nothing that is not in `acting`."""

NEEDS: dict[str, Verb | str | None] = {
    "appointments.arrived": Verb.SCHEDULE,
    "appointments.book": Verb.SCHEDULE,
    "appointments.cancel": Verb.SCHEDULE,
    "appointments.day": Verb.SEE_PATIENT,
    "appointments.get": Verb.SEE_PATIENT,
    "appointments.move": Verb.SCHEDULE,
    "appointments.no_show": Verb.SCHEDULE,
    "appointments.of_patient": Verb.SEE_PATIENT,
    "appointments.plan_course": Verb.SCHEDULE,
    "appointments.put_back": Verb.SCHEDULE,
    "appointments.week": Verb.SEE_PATIENT,
    "auditing.trail": Verb.READ_AUDIT,
    "calibrating.abandon": Verb.CALIBRATE,
    "calibrating.adjust": Verb.CALIBRATE,
    "calibrating.approve": Verb.APPROVE_CALIBRATION,
    "calibrating.begin": Verb.CALIBRATE,
    "calibrating.go_on": Verb.CALIBRATE,
    "calibrating.identify": Verb.CALIBRATE,
    "calibrating.position": Verb.CALIBRATE,
    "calibrating.redo": Verb.CALIBRATE,
    "calibrating.reject": Verb.APPROVE_CALIBRATION,
    "calibrating.submit": Verb.CALIBRATE,
    "calibrating.type_value": Verb.CALIBRATE,
    "consent.set_consent": Verb.EDIT_PATIENT,
    "courses.close": Verb.ORDER,
    "courses.plan": Verb.ORDER,
    "coverage.write": Verb.SCHEDULE,
    "dossiers.gather": Verb.SEE_PATIENT,
    "drafts.approve": Verb.APPROVE_PROTOCOL,
    "drafts.approve_typed": Verb.APPROVE_PROTOCOL,
    "drafts.begin": Verb.EDIT_PROTOCOL,
    "drafts.bring": Verb.EDIT_PROTOCOL,
    "drafts.create": Verb.EDIT_PROTOCOL,
    "drafts.hand_in": Verb.EDIT_PROTOCOL,
    "drafts.retire": Verb.EDIT_PROTOCOL,
    "drafts.save": Verb.EDIT_PROTOCOL,
    "drafts.send_back": Verb.EDIT_PROTOCOL,
    "equipment.accept_clock": Verb.CONFIGURE,
    "equipment.act": Verb.CONFIGURE,
    "exporting.course_json": Verb.EXPORT,
    "exporting.evidence": Verb.EXPORT,
    "exporting.export": Verb.EXPORT,
    "faults.mend": Verb.CHECK_LAMP,
    "faults.place": Verb.CHECK_LAMP,
    "faults.put": Verb.CHECK_LAMP,
    "feeds.make": Verb.SCHEDULE,
    "feeds.revoke": Verb.SCHEDULE,
    "fees.bring": Verb.CONFIGURE,
    "incoming.looked": Verb.SEE_PATIENT,
    "incoming.set_aside": Verb.SCHEDULE,
    "incoming.take": Verb.SCHEDULE,
    "incoming.waiting": Verb.SEE_PATIENT,
    "lamp_upkeep.begin_check": Verb.CHECK_LAMP,
    "lamp_upkeep.maintain": Verb.CALIBRATE,
    "lamp_upkeep.type_check_value": Verb.CHECK_LAMP,
    "lamp_upkeep.unlock": Verb.CALIBRATE,
    "leaving.leaving": Verb.SEE_PATIENT,
    "leaving.paper": Verb.SEE_PATIENT,
    "messages.found": Verb.SCHEDULE,
    "messages.listed": Verb.SCHEDULE,
    "messages.send_now": Verb.SCHEDULE,
    "messages.shown": Verb.SCHEDULE,
    "messages.withdraw": Verb.SCHEDULE,
    "messages.write": Verb.SCHEDULE,
    "notices.acknowledge": Verb.ACKNOWLEDGE,
    "outlook.outlook": Verb.SEE_PATIENT,
    "patient_card.calendar_ics": Verb.SEE_PATIENT,
    "patient_card.card": Verb.SEE_PATIENT,
    "patient_card.card_pdf": Verb.SEE_PATIENT,
    "patients.amend": Verb.EDIT_PATIENT,
    "patients.open_patient": Verb.SEE_PATIENT,
    "patients.recent": Verb.SEE_PATIENT,
    "patients.register": Verb.EDIT_PATIENT,
    "patients.search": Verb.SEE_PATIENT,
    "patients.versions": Verb.SEE_PATIENT,
    "patients.why": NOTHING,
    "patients.write_background": Verb.EDIT_PATIENT,
    "sending.give_up": Verb.SIGN,
    "sending.retry": Verb.SIGN,
    "sending.waiting": Verb.SEE_PATIENT,
    "sessions.amend": Verb.AMEND,
    "sessions.find": Verb.SEE_PATIENT,
    "sessions.look": Verb.SEE_PATIENT,
    "sessions.names": Verb.SEE_PATIENT,
    "sessions.record": Verb.SEE_PATIENT,
    "sessions.references": Verb.SEE_PATIENT,
    "sessions.sign": Verb.SIGN,
    "staff.add": Verb.MANAGE_PEOPLE,
    "staff.change": Verb.MANAGE_PEOPLE,
    "staff.found": Verb.MANAGE_PEOPLE,
    "staff.listed": Verb.MANAGE_PEOPLE,
    "staff.new_password": Verb.MANAGE_PEOPLE,
    "staff.own_password": SIGNED_IN,
    "staff.own_pin": SIGNED_IN,
    "timeline.timeline": Verb.SEE_PATIENT,
    "visits.after": Verb.SCREEN,
    "visits.arm": Verb.START,
    "visits.before": Verb.SCREEN,
    "visits.begin": Verb.SCREEN,
    "visits.confirm": Verb.START,
    "visits.drop": Verb.SCREEN,
    "visits.identify": Verb.SCREEN,
    "visits.override": Verb.OVERRIDE,
    "visits.position": Verb.SCREEN,
    "visits.screen": Verb.SCREEN,
    "visits.sign": Verb.SIGN,
    "visits.start": Verb.START,
}


def services() -> dict[str, Callable[..., Any]]:
    """Everything public in the clinic that is done in somebody's name."""
    found: dict[str, Callable[..., Any]] = {}
    for module in pkgutil.walk_packages(irctl.clinic.__path__, "irctl.clinic."):
        if module.name.endswith(".__main__"):
            continue
        loaded = importlib.import_module(module.name)
        for name, one in vars(loaded).items():
            ours = inspect.isfunction(one) and one.__module__ == loaded.__name__ and not name.startswith("_")
            if ours and "acting" in inspect.signature(one).parameters:
                service = f"{loaded.__name__.rpartition('.')[2]}.{name}"
                assert service not in found, f"two are called {service}: one would not be asked"
                found[service] = one
    return found


@dataclass
class World:
    """Real things to do it with, so that nothing but the permission is in the way."""

    desk: Desk
    given: dict[str, Any]

    def arguments(self, service: str, one: Callable[..., Any]) -> dict[str, Any]:
        told = {"desk": self.desk, **self.given, **SPECIAL.get(service, {})}
        wanted = [name for name in inspect.signature(one).parameters if name != "acting"]
        required = [n for n in wanted if inspect.signature(one).parameters[n].default is inspect.Parameter.empty]
        missing = [name for name in required if name not in told]
        assert not missing, f"{service}: say in this test what {missing} is"
        if service in COURSE_AS_PAPER:
            told["course"] = self.given["course paper"]
        if service in VISIT_BY_NAME:
            told["visit"] = self.given["visit"].id
        return {name: told[name] for name in required}

    def everything(self) -> dict[str, list[Any]]:
        with self.desk.database.reading() as connection:
            return {t.name: [tuple(row) for row in connection.execute(select(t))] for t in METADATA.sorted_tables}


SPECIAL: dict[str, dict[str, Any]] = {
    "patients.register": {"person": ADA},
    "patients.amend": {"version": 1},
    "patients.write_background": {"version": 0, "body": patients.BackgroundBody(goals="to dance")},
    "sessions.look": {"why": "curious"},
    "dossiers.gather": {"why": "curious"},
    "staff.change": {"version": 1},
    "courses.plan": {"body": KNEE},
}
COURSE_AS_PAPER = {"outlook.outlook", "visits.begin"}
VISIT_BY_NAME = {"sessions.sign"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("verbs")
    desk = a_desk(folder)
    patient = patients.register(desk, by(CLINICIAN), ADA)
    course = courses.plan(desk, by(CLINICIAN), patient, KNEE)
    station = cast("Station", AtTheLamp(simulated=True))
    visit: Paper = visits.begin(desk, by(CLINICIAN), course, station, "left")
    notice = notices.tell(desk, "back-up", "No back-up", "Make one", "high", NOW)
    part = AfterPart(by="r.demo", at=NOW, nprs=3, function=None, skin="as before")
    given: dict[str, Any] = {
        "patient": patient, "person": ADA, "version": 1, "reason": "because", "course": course.id, "course paper": course,
        "visit": visit, "station": station, "lamp": "left", "appointment": "A-1", "at": NOW + timedelta(days=1),
        "first": NOW + timedelta(days=1), "on": date(2026, 11, 25), "asked": {}, "yes": True, "how": "ended", "kind": PROTOCOL,
        "name": "luminous-ir", "like": "luminous-ir", "text": "warm", "number": 1, "proof": Reauthentication("r.demo", NOW),
        "password": "violin gravel tuesday soup", "now_s": 0.0, "states": (), "words": "Adaeze", "message": "M-1",
        "notice": notice.id, "wanted": Wanted(), "rows": [{"patient": patient}], "controller": "c0ffee", "session": "s-1",
        "changes": {"area": "right knee"}, "login": "a.new", "roles": [Role.AUDITOR], "active": True, "answers": {}, "trials": (),
        "distance_cm": 60.0, "angle_deg": 0.0, "eyes": True, "nprs": 3, "function": None, "settings": ("lamp",), "part": part,
        "what": ("distance_cm",), "second": CLINICIAN, "old": "o", "new": "n", "again": "n", "pin": "402871", "usual": "",
        "meter": "meter", "calibration": "CAL-1", "nobody": True, "temperature_c": None, "note": "", "serial": "S", "condition": "good",
        "distance": 1.0, "unit": "cm", "value": 1.0, "step": "dark", "device": "dimmer", "action": "renew", "fault": None,
        "reference": "meter", "data": b"", "body": KNEE, "parcel": "D-1", "item": "I-1", "at_times": {0: time(9)},
    }  # fmt: skip
    yield World(desk, given)
    desk.database.close()


def whoever_may_not(verb: Verb | None) -> list[tuple[str, Acting]]:
    """Nobody; a locked screen and somebody who left, with every role; and whoever has all roles but those that may."""
    everything = Person("r.demo", "Robin Demo", frozenset(Role))
    left = Person("r.demo", "Robin Demo", frozenset(Role), active=False)
    found = [
        ("nobody", by(None)),
        ("a locked screen", by(everything, context=Context(locked=True, reason="because"))),
    ]
    if verb is not None:
        others = frozenset(Role) - PERMISSIONS[verb].roles
        found += [("somebody who left", by(left)), ("the other roles", by(Person("x.other", "X", others)))]
        found += [(role.value, by(Person("x.other", "X", frozenset({role})))) for role in others]
        if verb is not Verb.SEE_PATIENT:
            asked = Context(reason="somebody has collapsed", emergency=True)
            found.append(("an emergency", by(Person("x.other", "X", others), context=asked)))
    return found


def _do(one: Callable[..., Any], acting: Acting, arguments: dict[str, Any]) -> None:
    done = one(acting=acting, **arguments)
    if inspect.isawaitable(done):
        asyncio.run(cast("Any", done))


def test_every_service_is_in_the_table() -> None:
    assert set(services()) == set(NEEDS)


@pytest.mark.parametrize("service", [name for name, needs in NEEDS.items() if needs != NOTHING])
def test_a_service_refuses_whoever_may_not_and_changes_nothing(world: World, service: str) -> None:
    one, verb = services()[service], cast("Verb | None", NEEDS[service])
    arguments = world.arguments(service, one)
    before = world.everything()

    for who, acting in whoever_may_not(verb):
        with pytest.raises(Refused) as refused:
            _do(one, acting, arguments)
        assert {problem.field for problem in refused.value.problems} == {"by"}, f"{who}: refused, but not for who asks"

    assert world.everything() == before
