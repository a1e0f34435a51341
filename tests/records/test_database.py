"""The tables: as the migrations make them, for one writer, and for nobody of another version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, StatementError

from irctl.domain.problems import Refused
from irctl.records import tables
from irctl.records.database import Database
from irctl.records.tables import METADATA, views
from tests.records.conftest import NewUrl
from tests.records.worlds import NOW

A_LOOK = {"by": "a nurse", "patient": "P-1", "what": "found", "why": "treatment"}


def test_the_migrations_make_the_tables_that_the_code_uses(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_preparing_it_again_changes_nothing(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(views.insert().values(at=NOW, **A_LOOK))
    database.prepare()
    with database.reading() as connection:
        assert len(connection.execute(select(views)).all()) == 1


def test_tables_of_a_newer_version_are_left_alone(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for attempt in (database.prepare, database.require):
        with pytest.raises(Refused, match="revision 9999"):
            attempt()


def test_an_empty_one_is_not_read(new_url: NewUrl) -> None:
    empty = Database(new_url())
    with pytest.raises(Refused, match=r"is empty.*irctl records sync"):
        empty.require()
    empty.close()


def test_a_moment_comes_back_as_it_was_in_utc(database: Database) -> None:
    there = datetime(2026, 11, 23, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    with database.writing() as connection:
        connection.execute(views.insert().values(at=there, **A_LOOK))
    with database.reading() as connection:
        found = connection.execute(select(views.c.at)).scalar_one()
        assert connection.execute(select(views).where(views.c.at < there + timedelta(seconds=1))).all()
    assert found == there
    assert found.tzinfo is UTC


def test_a_moment_without_a_time_zone_is_an_error(database: Database) -> None:
    with pytest.raises(StatementError, match="no time zone"), database.writing() as connection:
        connection.execute(views.insert().values(at=datetime(2026, 1, 1), **A_LOOK))  # noqa: DTZ001


@pytest.mark.parametrize("statement", ["UPDATE views SET by = 'nobody'", "DELETE FROM views"])
def test_who_has_looked_cannot_be_changed_or_deleted(database: Database, statement: str) -> None:
    with database.writing() as connection:
        connection.execute(views.insert().values(at=NOW, **A_LOOK))
    with pytest.raises((DBAPIError, Refused), match="nothing is ever taken away"), database.writing() as connection:
        connection.execute(text(statement))
    with database.reading() as connection:
        assert connection.execute(select(views.c.by)).scalars().all() == ["a nurse"]


def test_a_failure_leaves_nothing_of_its_transaction(database: Database) -> None:
    def fails() -> None:
        with database.writing() as connection:
            connection.execute(views.insert().values(at=NOW, **A_LOOK))
            raise MemoryError

    with pytest.raises(MemoryError):
        fails()
    with database.reading() as connection:
        assert connection.execute(select(views)).all() == []


def test_who_reads_sees_one_moment_whatever_is_written(database: Database) -> None:
    with database.reading() as reading:
        before = reading.execute(select(views)).all()
        with database.writing() as writing:
            writing.execute(views.insert().values(at=NOW, **A_LOOK))
        assert reading.execute(select(views)).all() == before
    with database.reading() as reading:
        assert len(reading.execute(select(views)).all()) == 1


def test_every_table_is_either_projected_or_kept() -> None:
    assert {*tables.PROJECTED, *tables.KEPT} == set(METADATA.tables.values())
    assert all("controller" in table.c for table in tables.PROJECTED)


@pytest.mark.parametrize("url", ["nonsense", "sqlite://", "sqlite:///:memory:", "mysql://a/b", "oracle://a:s3cret@b/c"])
def test_what_is_no_database_of_ours_is_refused(url: str) -> None:
    with pytest.raises(Refused) as refused:
        Database(url)
    assert "s3cret" not in str(refused.value)


def test_a_database_that_is_none_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sir or Madam, " * 100)
    database = Database(f"sqlite:///{path}")
    with pytest.raises(Refused, match="not a database"):
        database.prepare()
    database.close()
    assert path.read_text().startswith("Dear Sir")


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/records.sqlite")
    database.prepare()
    with database.writing() as connection:
        connection.execute(views.insert().values(at=NOW, **A_LOOK))
        files: list[Path] = list(tmp_path.iterdir())
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    database.close()


def test_nobody_there_is_said_without_the_password() -> None:
    database = Database("postgresql://irctl:s3cret@127.0.0.1:9/records")
    with pytest.raises(Refused, match=r"127\.0\.0\.1") as refused:
        database.require()
    assert "s3cret" not in str(refused.value)
    database.close()
