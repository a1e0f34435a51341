"""What was typed about a patient is in no file of the clinic, but under the key."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import cast

from irctl.clinic.acting import Acting
from irctl.clinic.calendar import appointments, planned_sessions
from irctl.clinic.care import courses, patients, visits
from irctl.clinic.care.consent import set_consent
from irctl.clinic.care.visits import AfterPart
from irctl.clinic.duties.backups import make
from irctl.clinic.jobs import Jobs
from irctl.clinic.lamps.stations import Station
from irctl.clinic.mailing import messages
from irctl.domain.electronic_signature import Reauthentication
from irctl.domain.screening import Answer
from irctl.records.people import Person
from tests.clinic.house import KNEE, NOW, AtTheLamp, House, a_house
from tests.records.people import GOOD, PIN

TYPED = {
    "name": "Xanthippe Vexelqvist", "contact": "vexel.post@example.org", "number": "ZQ-77-1142", "diagnosis": "gonarthrosis-typed",
    "goal": "climb-the-tower-typed", "scale": "kneeling-typed", "referrer": "referrer-typed", "history": "history-typed", "goals": "wish-typed",
    "reaction": "tingling-typed", "event": "fainted-typed", "plan": "plan-typed", "letter": "letter-typed", "drop": "drop-typed",
    "close": "close-typed", "cancel": "cancel-typed", "amend": "amend-typed", "override": "override-typed",
}  # fmt: skip
BORN = date(1937, 8, 21)
BIRTHDAYS = ("1937-08-21", "21.08.1937", "21 August 1937")


def test_nothing_that_was_typed_about_a_patient_is_readable_in_any_file(tmp_path: Path) -> None:
    """The database, its journal beside it, the stores of jobs, a back-up: read as whoever finds the disk reads them."""
    with a_house(tmp_path) as house:
        desk, acting = house.desk, house.acting("clinician")
        patient = a_whole_visit(house, acting)
        assert patients.search(desk, acting, TYPED["name"])[0].patient == patient, "with the key it is found"
        jobs = Jobs(tmp_path / "clinic.sqlite", lambda: None)
        jobs.plan({f"{one.patient}": one.at for one in appointments.of_patient(desk, acting, patient)})
        planned_sessions._plan(desk, jobs)
        jobs.close()
        (tmp_path / "backups").mkdir()
        make(desk.database, tmp_path / "backups", NOW.date(), NOW, 3)
        files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    files |= {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    names = {path.name for path in files}
    assert {"records.sqlite", "records.sqlite-wal", "clinic.sqlite"} <= names
    assert len([path for path in files if path.parent.name == "backups"]) >= 1
    assert any(patient.encode() in told for told in files.values()), "the reference is, and nothing but it"
    for path, told in files.items():
        for word in (*TYPED.values(), *TYPED["name"].split(), *BIRTHDAYS):
            for written in (word, word.casefold(), word.upper()):
                assert written.encode() not in told, (path.name, word)
                assert written.encode("utf-16-le") not in told
        if path.name not in ("records.key", "people.key"):
            assert GOOD.encode() not in told
            assert PIN.encode() not in told


def a_whole_visit(house: House, acting: Acting) -> str:
    desk, second = house.desk, house.acting("second").person
    assert second is not None
    person = Person(TYPED["name"], BORN, TYPED["number"], TYPED["contact"])
    patient = patients.register(desk, acting, person)
    patients.amend(desk, acting, patient, 1, replace(person, number="ZQ-77-1143"), TYPED["amend"])
    patients.write_background(
        desk, acting, patient, 0, patients.BackgroundBody(history=TYPED["history"], goals=TYPED["goals"])
    )
    told = {"diagnosis": TYPED["diagnosis"], "goal": TYPED["goal"], "function_scale": TYPED["scale"], "referred_by": TYPED["referrer"]}  # fmt: skip
    course = courses.plan(desk, acting, patient, type(KNEE).model_validate({**KNEE.model_dump(), **told}))
    set_consent(desk, acting, patient, True)
    messages.write(desk, acting, patient, TYPED["letter"])
    appointments.book(desk, acting, course.id, NOW + timedelta(hours=3))
    called_off = appointments.book(desk, acting, course.id, NOW + timedelta(days=7))
    appointments.cancel(desk, acting, called_off.id, TYPED["cancel"])
    station = cast("Station", AtTheLamp(simulated=True))
    visit = visits.begin(desk, acting, course, station, "left")
    visits.identify(desk, acting, visit)
    visits.screen(desk, acting, visit, {item.key: Answer.NO for item in desk.library.screening.items}, ())
    visits.position(desk, acting, visit, 60.0, 0.0, eyes=True)
    visits.before(desk, acting, visit, 6, 4)
    visits.override(desk, acting, visit, ("distance_cm",), second, TYPED["override"])
    part = AfterPart(by="clinician", at=NOW, nprs=3, function=5, skin="as before", reaction=TYPED["reaction"],
                     adverse_event=TYPED["event"], plan=TYPED["plan"])  # fmt: skip
    visits.after(desk, acting, visit, part)
    visits.sign(desk, acting, visit, Reauthentication("clinician", NOW))
    given_up = courses.plan(desk, acting, patient, KNEE)
    dropped = visits.begin(desk, acting, given_up, station, "left")
    visits.drop(desk, acting, dropped, TYPED["drop"])
    courses.close(desk, acting, given_up.id, "stopped", TYPED["close"])
    return patient
