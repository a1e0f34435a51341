"""A back-up is whole or none, holds no name, and comes back row by row, into either database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from irctl.domain.people import Role
from irctl.domain.problems import Refused
from irctl.records import tables
from irctl.records.backup import back_up, restore
from irctl.records.database import Database, empty, head
from irctl.records.digest import digest
from irctl.records.following import follow
from irctl.records.people import People, Person
from irctl.records.sealing import Ring
from tests.records.people import GOOD, some_accounts
from tests.records.worlds import NOW, events_of, of

NewDatabase = Callable[[], Database]
ADA = Person("Adaeze Nwachukwu", date(1968, 3, 9), "MRN 0042-7")
WHY = ("a nurse", "treatment")


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    return Ring.with_new_key(tmp_path / "records.key")


@pytest.fixture
def filled(database: Database, journal: Path, ring: Ring) -> Database:
    events = events_of(journal)
    follow(database, of(events), events)
    people = People(database, ring)
    people.add("P-1", ADA, "a clerk", NOW)
    people.show("P-1", *WHY, NOW)
    return database


def contents(database: Database) -> dict[str, str]:
    with database.reading() as connection:
        return {table.name: digest(connection, table) for table in (*tables.PROJECTED, *tables.KEPT)}


def test_it_comes_back_row_by_row_and_goes_on(
    filled: Database, new_database: NewDatabase, ring: Ring, journal: Path, tmp_path: Path
) -> None:
    path = tmp_path / "backup.jsonl"
    done = back_up(filled, path, NOW)
    other = new_database()
    assert restore(other, path) == done
    assert contents(other) == contents(filled)
    people = People(other, ring)
    assert people.show("P-1", *WHY, NOW).person == ADA, "and a look can be written: its number is a new one"
    assert len(people.views("P-1")) == 2
    events = events_of(journal)
    assert follow(other, of(events), events).events == 0


def test_from_one_kind_of_database_to_the_other(filled: Database, tmp_path: Path, new_database: NewDatabase) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    back_up(filled, first, NOW)
    beside = Database(f"sqlite:///{tmp_path}/beside.sqlite")
    restore(beside, first)
    back_up(beside, second, NOW)
    assert second.read_bytes() == first.read_bytes()
    restore(new_database(), second)
    beside.close()


def test_what_is_encrypted_stays_encrypted(filled: Database, tmp_path: Path) -> None:
    path = tmp_path / "backup.jsonl"
    back_up(filled, path, NOW)
    stored = path.read_bytes()
    assert b"lumbar" in stored
    assert b"Nwachukwu" not in stored
    assert b"1968" not in stored
    assert path.stat().st_mode & 0o777 == 0o600


def test_one_that_was_cut_off_or_changed_is_not_restored(
    filled: Database, new_database: NewDatabase, tmp_path: Path
) -> None:
    path, other = tmp_path / "backup.jsonl", new_database()
    back_up(filled, path, NOW)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    session = next(i for i, line in enumerate(lines) if b'"interrupted"' in line)
    for damaged in (
        whole[: len(whole) // 2],
        b"".join(lines[:-1]),
        b"".join(lines[:session] + lines[session + 1 :]),
        whole.replace(b'"interrupted"', b'"completed"'),
        b"",
        b"not even JSON\n",
    ):
        path.write_bytes(damaged)
        with pytest.raises(Refused, match=r"cut off|no back-up"):
            restore(other, path)
    assert contents(other) == contents(new_database()), "nothing of any of them is there"


def test_a_row_that_does_not_come_back_as_it_was_undoes_everything(
    filled: Database, new_database: NewDatabase, tmp_path: Path
) -> None:
    path, other = tmp_path / "backup.jsonl", new_database()
    back_up(filled, path, NOW)
    empty = contents(other)
    with other.writing() as connection:
        if other.is_sqlite:
            connection.exec_driver_sql(
                "CREATE TRIGGER loses AFTER INSERT ON checks BEGIN UPDATE checks SET verdict = 'fail'; END"
            )
        else:
            connection.exec_driver_sql("CREATE RULE loses AS ON INSERT TO checks DO INSTEAD NOTHING")
    with pytest.raises(Refused, match="did not come back as it was"):
        restore(other, path)
    assert contents(other) == empty


def test_only_an_empty_database_is_filled(filled: Database, tmp_path: Path) -> None:
    path = tmp_path / "backup.jsonl"
    back_up(filled, path, NOW)
    before = contents(filled)
    with pytest.raises(Refused, match="is not empty"):
        restore(filled, path)
    assert contents(filled) == before


def test_an_older_back_up_stays_until_the_new_one_is_whole(
    filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "backup.jsonl"
    back_up(filled, path, NOW)
    before = path.read_bytes()

    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("irctl.records.backup.os.fsync", full)
    with pytest.raises(Refused, match="No space left"):
        back_up(filled, path, NOW)
    assert path.read_bytes() == before


def as_if_of(revision: str, path: Path) -> Path:
    told = path.read_bytes()
    assert told.count(f'"revision":"{head()}"'.encode()) == 1
    path.write_bytes(told.replace(f'"revision":"{head()}"'.encode(), f'"revision":"{revision}"'.encode()))
    return path


@pytest.mark.parametrize("revision", ["0001", "0003"])
def test_one_of_an_earlier_version_comes_back_into_todays_tables(
    filled: Database, new_url: Callable[[], str], ring: Ring, tmp_path: Path, revision: str
) -> None:
    """Nothing in it is younger than the first tables."""
    path = tmp_path / "backup.jsonl"
    back_up(filled, path, NOW)
    other = Database(new_url())
    assert restore(other, as_if_of(revision, path)).revision == revision
    assert other.revision() == head()
    assert contents(other) == contents(filled)
    assert People(other, ring).show("P-1", *WHY, NOW).person == ADA
    other.close()


def test_what_an_earlier_version_cannot_have_had_is_not_taken_for_its(
    filled: Database, new_url: Callable[[], str], tmp_path: Path
) -> None:
    path = tmp_path / "backup.jsonl"
    some_accounts(filled).create("r.okafor", "Rose Okafor", [Role.ADMINISTRATOR], GOOD, None, NOW)
    back_up(filled, path, NOW)
    other = Database(new_url())
    with pytest.raises(Refused, match="has a row that is none: 'accounts'"):
        restore(other, as_if_of("0002", path))
    other.prepare()
    with other.reading() as connection:
        assert empty(connection, (*tables.PROJECTED, *tables.KEPT))
    with pytest.raises(Refused, match="newer than 0002"):
        restore(other, path)
    other.close()


def test_a_back_up_of_tables_that_nobody_here_knows_is_refused(
    filled: Database, new_database: NewDatabase, tmp_path: Path
) -> None:
    path = tmp_path / "backup.jsonl"
    back_up(filled, path, NOW)
    with pytest.raises(Refused, match="revision 9999"):
        restore(new_database(), as_if_of("9999", path))
