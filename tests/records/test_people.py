"""Patients: found by whoever may, legible to nobody else, never overwritten, and never looked at without a trace."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from irctl.domain.problems import Refused
from irctl.records import rotating, tables
from irctl.records.amending import amend, amendments_of
from irctl.records.database import Database
from irctl.records.digest import rows
from irctl.records.following import follow
from irctl.records.people import People, Person
from irctl.records.rotating import keys_in_use, rotate
from irctl.records.sealing import Ring, normal
from tests.records.worlds import NOW, events_of, of

ADA = Person("Adaeze Nwachukwu-Björk", date(1968, 3, 9), "MRN 0042-7", "+47 5550 1234")
BEN = Person("Benjamin Björk", date(1971, 1, 30), "MRN 0043-1")
WHY = ("a nurse", "treatment")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "records.key"
    path.parent.mkdir()
    Ring.with_new_key(path)
    return path


@pytest.fixture
def people(database: Database, key_file: Path) -> People:
    found = People(database, Ring.read(key_file))
    found.add("P-1", ADA, "a clerk", NOW)
    found.add("P-2", BEN, "a clerk", NOW)
    return found


def found(people: People, **wanted: Any) -> list[str]:
    return [version.patient for version in people.find(*WHY, NOW, **wanted)]


# --- searching -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ({"name": "björk"}, ["P-1", "P-2"]),
        ({"name": "BJORK, Adaeze"}, ["P-1"]),
        ({"name": "Nwachukwu"}, ["P-1"]),
        ({"name": "Ben"}, []),
        ({"born": date(1971, 1, 30)}, ["P-2"]),
        ({"number": "mrn00427"}, ["P-1"]),
        ({"name": "bjork", "born": date(1968, 3, 9)}, ["P-1"]),
        ({"name": "benjamin", "born": date(1968, 3, 9)}, []),
    ],
)
def test_somebody_is_found_by_what_people_say(people: People, wanted: dict[str, Any], fits: list[str]) -> None:
    assert found(people, **wanted) == fits


def test_a_search_for_nothing_is_refused(people: People) -> None:
    with pytest.raises(Refused, match="nothing to search by"):
        found(people, name=" ,.")


def test_too_many_are_no_answer_and_no_look(people: People, database: Database) -> None:
    for number in range(60):
        people.add(f"Q-{number}", Person(f"Kim Number{number}", date(1990, 1, 1)), "a clerk", NOW)
    with pytest.raises(Refused, match="more than 50"):
        found(people, name="kim")
    with database.reading() as connection:
        assert connection.execute(select(tables.views)).all() == []


def test_names_are_compared_without_accents_case_or_signs() -> None:
    assert normal("  Ångström-O’Neill,  JOSÉ ") == "angstrom o neill jose"
    assert normal("STRASSE") == normal("Straße")
    assert normal("田中 さくら") == "田中 さくら"


# --- what is written ---------------------------------------------------------------------------------------------------------


def test_a_patient_comes_back_as_written(people: People) -> None:
    version = people.show("P-1", *WHY, NOW)
    assert (version.person, version.version, version.by, version.at) == (ADA, 1, "a clerk", NOW)


def test_an_amendment_leaves_the_original(people: People) -> None:
    married = Person("Adaeze Okafor", ADA.born, ADA.number, ADA.contact)
    people.amend("P-1", 1, married, "a clerk", "married", NOW + timedelta(days=1))
    first, second = people.history("P-1", *WHY, NOW)
    assert (first.person, second.person, second.reason) == (ADA, married, "married")
    assert people.show("P-1", *WHY, NOW).person == married
    assert found(people, name="okafor") == ["P-1"]
    assert found(people, name="nwachukwu") == [], "by what holds now"


def test_of_two_who_amend_at_once_the_second_is_told(people: People) -> None:
    people.amend("P-1", 1, BEN, "one", "first", NOW)
    with pytest.raises(Refused, match="version 2 is"):
        people.amend("P-1", 1, ADA, "another", "second", NOW)
    assert people.show("P-1", *WHY, NOW).person == BEN


def test_what_makes_no_sense_is_refused_with_every_reason(people: People) -> None:
    with pytest.raises(Refused) as refused:
        people.add("P-1", Person("...", ADA.born), " ", NOW)
    assert sorted(problem.field for problem in refused.value.problems) == ["by", "name", "patient"]
    with pytest.raises(Refused, match="nobody here"):
        people.show("P-9", *WHY, NOW)


# --- looks -----------------------------------------------------------------------------------------------------------------


def test_every_look_is_on_record(people: People) -> None:
    found(people, name="björk")
    people.show("P-1", "a physician", "second opinion", NOW + timedelta(minutes=1))
    assert [(v["by"], v["what"], v["why"]) for v in people.views("P-1")] == [
        ("a physician", "history", "second opinion"),
        ("a nurse", "found", "treatment"),
    ]
    assert [v["what"] for v in people.views("P-2")] == ["found"]


@pytest.mark.parametrize(("by", "why"), [("", "treatment"), ("a nurse", " ")])
def test_nobody_looks_without_a_name_and_a_reason(people: People, by: str, why: str) -> None:
    with pytest.raises(Refused, match="is empty"):
        people.show("P-1", by, why, NOW)
    with pytest.raises(Refused, match="is empty"):
        people.find(by, why, NOW, name="björk")


def test_where_the_look_cannot_be_written_nothing_is_shown(people: People, database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("ALTER TABLE views RENAME TO gone"))
    with pytest.raises(Refused):
        people.show("P-1", *WHY, NOW)


# --- encryption --------------------------------------------------------------------------------------------------------------


def raw(database: Database) -> bytes:
    """Everything that is stored: of SQLite its files, of PostgreSQL every value of every row, and what pg_dump would not know better."""
    if database.is_sqlite:
        path = Path(str(database.engine.url.database))
        return b"".join(found.read_bytes() for found in path.parent.glob(f"{path.name}*"))
    with database.reading() as connection:
        every = [row for table in tables.METADATA.tables.values() for row in connection.execute(select(table)).all()]
    return "\n".join(map(repr, every)).encode()


def test_nothing_that_identifies_is_legible_in_the_database(
    people: People, database: Database, journal: Path, key_file: Path
) -> None:
    people.amend("P-1", 1, Person("Adaeze Okafor", ADA.born), "a clerk", "married Mr Okafor", NOW)
    events = events_of(journal)
    follow(database, of(events), events)
    session = next(event["session"] for event in events if event["event"] == "session.ended")
    amend(database, Ring.read(key_file), (of(events), session), {"note": "Okafor felt warm"}, "a nurse", "said so", NOW)
    stored = raw(database)
    assert b"lumbar" in stored, "this looks where things are"
    assert b"P-1" in stored
    for secret in ("Adaeze", "adaeze", "Nwachukwu", "nwachukwu", "Björk", "bjork", "Okafor", "okafor", "1968-03-09",
                   "MRN 0042", "mrn0042",
        "5550 1234", "married", "felt warm"):  # fmt: skip
        assert secret.encode() not in stored, secret


def test_a_sealed_text_opens_in_its_own_place_only(people: People, database: Database) -> None:
    sealed = tables.patient_versions.c.sealed
    with database.writing() as connection:
        of_ben = connection.execute(select(sealed).where(tables.patient_versions.c.patient == "P-2")).scalar_one()
        mine = tables.patient_versions.c.patient == "P-1"
        connection.execute(update(tables.patient_versions).where(mine).values(sealed=of_ben))
    with pytest.raises(Refused, match="does not open"):
        people.show("P-1", *WHY, NOW)
    assert people.show("P-2", *WHY, NOW).person == BEN


def test_the_same_person_twice_is_not_the_same_text_twice(people: People, database: Database) -> None:
    people.add("P-3", ADA, "a clerk", NOW)
    with database.reading() as connection:
        stored = connection.execute(select(tables.patient_versions.c.sealed)).scalars().all()
    assert len(set(stored)) == 3


def test_with_another_key_nothing_is_found_and_nothing_opens(
    people: People, database: Database, tmp_path: Path
) -> None:
    other = People(database, Ring.with_new_key(tmp_path / "other.key"))
    assert found(other, name="björk") == []
    with pytest.raises(Refused, match="lacks key"):
        other.show("P-1", *WHY, NOW)


# --- keys --------------------------------------------------------------------------------------------------------------------


def test_another_key_changes_nothing_that_people_see(people: People, database: Database, key_file: Path) -> None:
    people.amend("P-1", 1, Person("Adaeze Okafor", ADA.born), "a clerk", "married", NOW)
    before = people.history("P-1", *WHY, NOW)
    old = Ring.read(key_file).current.id
    ring, number = rotate(database, key_file)
    assert number == 3 + 2, "three versions, and two patients in the index"
    assert keys_in_use(database) == {ring.current.id: 3}
    assert ring.current.id != old
    only_new = People(database, Ring(key_file, {ring.current.id: ring.current}, ring.current))
    assert only_new.history("P-1", *WHY, NOW) == before
    assert found(only_new, name="bjork") == ["P-2"]
    assert old in Ring.read(key_file).keys, "older back-ups need it"


def test_cut_off_in_between_both_keys_are_good_and_the_next_call_finishes(
    people: People, database: Database, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotating, "BATCH_ROWS", 1)
    batch, calls = rotating._batch, iter([True, False])  # pyright: ignore[reportPrivateUsage]

    def once(*about: Any) -> int:
        if next(calls):
            return batch(*about)
        raise KeyboardInterrupt

    monkeypatch.setattr(rotating, "_batch", once)
    with pytest.raises(KeyboardInterrupt):
        rotate(database, key_file)
    between = Ring.read(key_file)
    assert len(keys_in_use(database)) == 2
    assert found(People(database, between), name="björk") == ["P-1", "P-2"]
    assert people.show("P-2", *WHY, NOW).person == BEN
    monkeypatch.setattr(rotating, "_batch", batch)
    ring, _ = rotate(database, key_file)
    assert ring.current.id == between.current.id, "no third key"
    assert keys_in_use(database) == {ring.current.id: 2}


def test_without_the_old_key_there_is_no_new_one(
    people: People, database: Database, key_file: Path, tmp_path: Path
) -> None:
    lost = tmp_path / "new.key"
    with pytest.raises(Refused, match="lacks key"):
        rotate(database, lost)
    assert not lost.exists()
    assert people.show("P-1", *WHY, NOW).person == ADA


@pytest.mark.parametrize("told", ["", "{}", '{"current": "x", "keys": []}', '{"current": "x", "keys": ["AAAA"]}', "[]"])
def test_what_is_no_key_file_is_refused(tmp_path: Path, told: str) -> None:
    path = tmp_path / "records.key"
    path.touch(mode=0o600)
    path.write_text(told)
    with pytest.raises(Refused, match="is no key file"):
        Ring.read(path)


def test_a_key_file_that_others_may_read_is_refused(key_file: Path) -> None:
    assert key_file.stat().st_mode & 0o777 == 0o600
    key_file.chmod(0o640)
    with pytest.raises(Refused, match="chmod 600"):
        Ring.read(key_file)


def test_a_missing_key_file_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="irctl records rotate-key"):
        Ring.read(tmp_path / "none.key")


# --- amendments of sessions --------------------------------------------------------------------------------------------------


def test_a_session_is_amended_beside_the_original(database: Database, key_file: Path, journal: Path) -> None:
    events, ring = events_of(journal), Ring.read(key_file)
    follow(database, of(events), events)
    one = (of(events), "S-20261123-0001")
    with database.reading() as connection:
        before = list(rows(connection, tables.sessions))
    amend(database, ring, one, {"area": "thoracic"}, "a nurse", "typed the wrong one", NOW)
    amend(database, ring, one, {"note": "seen again"}, "a physician", "follow-up", NOW + timedelta(days=1))
    first, second = amendments_of(database, ring, one)
    assert (first.version, first.changes, first.reason) == (1, {"area": "thoracic"}, "typed the wrong one")
    assert (second.version, second.by) == (2, "a physician")
    with database.reading() as connection:
        assert list(rows(connection, tables.sessions)) == before


def test_what_was_measured_is_not_amended(database: Database, key_file: Path, journal: Path) -> None:
    events, ring = events_of(journal), Ring.read(key_file)
    follow(database, of(events), events)
    with pytest.raises(Refused) as refused:
        amend(database, ring, (of(events), "S-1"), {"delivered_j_cm2": 3.0}, "a nurse", "", NOW)
    assert sorted(problem.field for problem in refused.value.problems) == ["delivered_j_cm2", "reason", "session"]
