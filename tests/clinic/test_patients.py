"""Patients at the desk: found by whoever may, by the beginning of a name, never shown without a trace, never overwritten."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from irctl.clinic.care import courses, patients
from irctl.clinic.care.patients import BackgroundBody
from irctl.clinic.desk import Desk
from irctl.domain.people import Context, Person
from irctl.domain.problems import Refused
from irctl.records.people import People
from irctl.records.people import Person as Somebody
from irctl.records.rotating import rotate
from irctl.records.tables import patient_index
from tests.clinic.treated import (
    ADA,
    ASSISTANT,
    AUDITOR,
    BEN,
    CLINICIAN,
    DAY,
    KNEE,
    NOW,
    TECHNICIAN,
    a_visit,
    by,
)


@pytest.fixture
def ben(desk: Desk) -> str:
    return patients.register(desk, by(CLINICIAN), BEN)


def found(desk: Desk, asked: str) -> list[str]:
    return [one.patient for one in patients.search(desk, by(ASSISTANT), asked)]


def looks(desk: Desk, patient: str) -> list[tuple[str, str, str]]:
    return [(one["by"], one["what"], one["why"]) for one in desk.patients.views(patient)]


# --- writing them down ----------------------------------------------------------------------------------------------------


def test_a_new_patient_has_a_reference_that_says_nothing_of_who_they_are(desk: Desk, ada: str, ben: str) -> None:
    assert ada.startswith("P-")
    assert ben.startswith("P-")
    assert ada != ben
    assert not any(word.casefold() in ada.casefold() for word in ("ada", "1968", "0042"))


@pytest.mark.parametrize("person", [TECHNICIAN, AUDITOR, None])
def test_only_clinicians_and_assistants_write_patients_down(desk: Desk, person: Person | None) -> None:
    with pytest.raises(Refused, match="edit-patient"):
        patients.register(desk, by(person), ADA)


@pytest.mark.parametrize(
    ("person", "why"),
    [
        (replace(ADA, name=" , "), "no letter"),
        (replace(ADA, name="Ada\x00Example"), "nobody sees"),
        (replace(ADA, name="A" * 201), "longer than 200"),
        (replace(ADA, born=date(2026, 11, 26)), "cannot be"),
        (replace(ADA, born=date(1000, 1, 1)), "cannot be"),
    ],
)
def test_what_cannot_be_is_refused(desk: Desk, person: Somebody, why: str) -> None:
    with pytest.raises(Refused, match=why):
        patients.register(desk, by(CLINICIAN), person)


def test_the_same_name_and_birthday_is_the_same_patient_until_somebody_says_otherwise(desk: Desk, ada: str) -> None:
    twin = replace(ADA, name="ADAEZE  Nwachukwu Bjork", number="MRN 1")
    with pytest.raises(Refused, match=f"as {ada}"):
        patients.register(desk, by(CLINICIAN), twin)

    assert patients.register(desk, by(CLINICIAN), twin, another=True) != ada


def test_a_record_number_belongs_to_one_patient(desk: Desk, ada: str, ben: str) -> None:
    with pytest.raises(Refused, match=f"is {ada}'s"):
        patients.register(desk, by(CLINICIAN), Somebody("Cleo Fictive", date(1990, 1, 1), "mrn00427"), another=True)
    with pytest.raises(Refused, match=f"is {ada}'s"):
        patients.amend(desk, by(CLINICIAN), ben, 1, replace(BEN, number="MRN 0042-7"), "typed wrongly")
    patients.amend(desk, by(CLINICIAN), ada, 1, replace(ADA, contact="none"), "moved")


def test_an_amendment_keeps_what_was_there_and_needs_a_reason_and_the_version_in_force(desk: Desk, ada: str) -> None:
    married = replace(ADA, name="Adaeze Holm")
    with pytest.raises(Refused, match="reason"):
        patients.amend(desk, by(ASSISTANT), ada, 1, married, " ")
    patients.amend(desk, by(ASSISTANT), ada, 1, married, "married")
    with pytest.raises(Refused, match="not in force any more"):
        patients.amend(desk, by(CLINICIAN), ada, 1, ADA, "too late")
    with pytest.raises(Refused, match="edit-patient"):
        patients.amend(desk, by(AUDITOR), ada, 2, ADA, "curious")

    history = patients.versions(desk, by(AUDITOR), ada)
    assert [(one.person.name, one.by, one.reason) for one in history] == [
        (ADA.name, "r.demo", ""), ("Adaeze Holm", "l.meyer", "married"),
    ]  # fmt: skip


# --- finding them ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ("Ada", ["ada"]),
        ("bjö", ["ada", "ben"]),
        ("BJOR ben", ["ben"]),
        ("nwachukwu", ["ada"]),
        ("Nwachukwu-Björk, Adaeze", ["ada"]),
        ("daeze", []),
        ("björks", []),
        ("bj", []),
        ("1971-01-30", ["ben"]),
        ("30.1.1971", ["ben"]),
        ("björk 1968-03-09", ["ada"]),
        ("ben 1968-03-09", []),
        ("MRN 0042-7", ["ada"]),
        ("mrn00431", ["ben"]),
    ],
)
def test_somebody_is_found_by_what_people_type(desk: Desk, ada: str, ben: str, asked: str, fits: list[str]) -> None:
    named = {"ada": ada, "ben": ben}
    assert sorted(found(desk, asked)) == sorted(named[name] for name in fits)


@pytest.mark.parametrize("asked", ["", " ,"])
def test_a_search_for_nothing_is_refused(desk: Desk, ada: str, asked: str) -> None:
    with pytest.raises(Refused):
        found(desk, asked)
    assert ada
    assert looks(desk, ada) == []


def test_who_may_not_see_patients_finds_none(desk: Desk, ada: str) -> None:
    with pytest.raises(Refused, match="see-patient"):
        patients.search(desk, by(TECHNICIAN), "ada")
    assert looks(desk, ada) == []


def test_everybody_who_is_shown_by_name_was_looked_at(desk: Desk, ada: str, ben: str) -> None:
    found(desk, "bjö")
    patients.recent(desk, by(CLINICIAN))
    patients.open_patient(desk, by(CLINICIAN), ada)

    assert looks(desk, ada) == [
        ("r.demo", "history", "opened"), ("r.demo", "listed", "recent"), ("l.meyer", "found", "search"),
    ]  # fmt: skip
    assert looks(desk, ben) == [("r.demo", "listed", "recent"), ("l.meyer", "found", "search")]


def test_an_emergency_opens_patients_and_is_named_in_every_look(desk: Desk, ada: str) -> None:
    emergency = Context(reason="collapsed in the waiting room", emergency=True)
    opened = patients.open_patient(desk, by(TECHNICIAN, context=emergency), ada)

    assert opened.person.name == ADA.name
    assert looks(desk, ada) == [("t.tech", "history", "EMERGENCY: collapsed in the waiting room")]


def test_the_beginnings_of_names_are_not_legible_in_the_database(desk: Desk, ada: str) -> None:
    with desk.database.reading() as connection:
        kept = connection.execute(select(patient_index.c.digest).where(patient_index.c.patient == ada)).scalars().all()
    assert kept
    assert all(len(digest) == 32 and b"ada" not in digest for digest in kept)


def test_a_new_key_keeps_the_search_by_beginnings(desk: Desk, ada: str, ben: str) -> None:
    ring, _ = rotate(desk.database, desk.ring.path)
    with desk.database.reading() as connection:
        keys = set(connection.execute(select(patient_index.c.key_id)).scalars())
    assert keys == {ring.current.id}

    again = People(desk.database, ring)
    for name, fits in (("bjo", {ada, ben}), ("adaez", {ada}), ("ben", {ben})):
        assert {one.patient for one in again.find("a nurse", "care", NOW, name=name, beginnings=True)} == fits


def test_after_a_change_of_name_the_old_beginning_finds_nobody(desk: Desk, ada: str) -> None:
    patients.amend(desk, by(ASSISTANT), ada, 1, replace(ADA, name="Adaeze Holm"), "married")

    assert found(desk, "nwa") == []
    assert found(desk, "hol") == [ada]


def test_recent_patients_are_those_who_were_treated_last(desk: Desk, ada: str, ben: str) -> None:
    for patient, days in ((ada, 1), (ben, 3)):
        course = courses.plan(desk, by(CLINICIAN, NOW + days * DAY), patient, KNEE)
        a_visit(desk, course, 1, NOW + (days + 1) * DAY)
    later = by(CLINICIAN, NOW + 10 * DAY)

    lately = patients.recent(desk, later)
    assert [(one.patient, at) for one, at in lately] == [(ben, NOW + 4 * DAY), (ada, NOW + 2 * DAY)]
    assert len(patients.recent(desk, later, most=1)) == 1


# --- opening one ----------------------------------------------------------------------------------------------------------


def test_a_patient_is_as_old_as_the_day_says(desk: Desk, ada: str) -> None:
    assert patients.open_patient(desk, by(CLINICIAN), ada).age == 58
    assert patients.age_on(date(2026, 3, 8), ADA.born) == 57
    assert patients.age_on(date(2026, 3, 9), ADA.born) == 58


def test_history_and_goals_are_kept_by_version(desk: Desk, ada: str) -> None:
    patients.write_background(desk, by(CLINICIAN), ada, 0, BackgroundBody(history="torn meniscus 2019"))
    opened = patients.open_patient(desk, by(CLINICIAN), ada)
    body = opened.background.model_copy(update={"goals": "climb stairs"})
    patients.write_background(desk, by(ASSISTANT), ada, opened.background_version, body)

    now = patients.open_patient(desk, by(CLINICIAN), ada)
    assert (now.background.history, now.background.goals) == ("torn meniscus 2019", "climb stairs")
    with pytest.raises(Refused, match="not in force any more"):
        patients.write_background(desk, by(ASSISTANT), ada, 1, BackgroundBody(goals="something else"))
    with pytest.raises(Refused, match="edit-patient"):
        patients.write_background(desk, by(AUDITOR), ada, 2, BackgroundBody())


def test_nobody_is_opened_who_is_not_here(desk: Desk) -> None:
    with pytest.raises(Refused, match="nobody here"):
        patients.open_patient(desk, by(CLINICIAN), "P-XXXX")
