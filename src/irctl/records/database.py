"""One database, SQLite or PostgreSQL: opened, brought to this version's tables, written to by one at a time."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NoSuchModuleError

from irctl.domain.problems import Problem, Refused

WAITS_S = 30.0
"""For another writer's batch; the longest takes a fraction of a second."""
CUT_S = 10.0
"""A network that has taken nothing for this long has been cut: better a new connection than an answer that never comes."""
ABANDONED_S = 30.0
"""The server ends a transaction whose client has fallen silent for this long: it may hold the lock of the one writer."""
WRITER = 0x697263746C
"""PostgreSQL's advisory lock that makes us the one writer."""
OWNER_ONLY = 0o600
_WRITES = "irctl_writes"
_PATIENCE = {
    "connect_timeout": f"{CUT_S:.0f}",
    "keepalives_idle": f"{CUT_S / 2:.0f}",
    "keepalives_interval": "2",
    "keepalives_count": "2",
    "tcp_user_timeout": f"{CUT_S * 1000:.0f}",
    "options": f"-c idle_in_transaction_session_timeout={ABANDONED_S:.0f}s -c lock_timeout={WAITS_S:.0f}s -c tcp_user_timeout={CUT_S:.0f}s",
}
"""libpq's words, for a PostgreSQL across a network; what the URL says itself counts."""


class Database:
    """Every call raises Refused where the database cannot be used, saying why."""

    def __init__(self, url: str) -> None:
        try:
            self._url = make_url(url)
            self.is_sqlite = self._url.get_backend_name() == "sqlite"
            if not self.is_sqlite and self._url.get_backend_name() != "postgresql":
                raise ArgumentError("neither SQLite nor PostgreSQL")
            self.engine = (
                _sqlite(self._url.database)
                if self.is_sqlite
                else create_engine(
                    self._url.update_query_dict(_PATIENCE | dict(self._url.query)),
                    json_serializer=_json,
                    hide_parameters=True,
                    pool_pre_ping=True,
                )
            )
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            remedy = "sqlite:///FILE, or postgresql://USER@HOST/NAME with irctl[postgres] installed"
            raise Refused([Problem("database", _without_password(url), str(error), remedy)]) from None

    @property
    def name(self) -> str:
        """Its URL, without a password."""
        return self._url.render_as_string(hide_password=True)

    def close(self) -> None:
        self.engine.dispose()

    # --- its tables ------------------------------------------------------------------------------------------------------

    def revision(self) -> str | None:
        """Of the tables that are there; None where there are none yet."""
        with self._said(), self.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def prepare(self, revision: str | None = None) -> None:
        """Bring it to this version's tables, or to those of an earlier revision. One that has newer tables is not touched."""
        wanted = revision or head()
        with self._said():
            self._create_file()
            with self.engine.connect() as connection:
                found = MigrationContext.configure(connection).get_current_revision()
        if found == wanted:
            return
        if found is not None and found not in known_revisions():
            remedy = f"Use the irctl that wrote it, or a newer one; this one knows {head()}"
            raise Refused([Problem("database", self.name, f"has tables of revision {found}, unknown here", remedy)])
        if found is not None and found not in known_revisions(wanted):
            why = f"has tables of revision {found}, newer than {wanted}"
            raise Refused([Problem("database", self.name, why, "Name a new database")])
        with self.writing() as connection:
            command.upgrade(_config(connection), wanted)

    def require(self) -> None:
        """For who only reads: the tables must be there, as this version has them."""
        missing = self.is_sqlite and not Path(self._url.database or "").exists()
        found = None if missing else self.revision()
        if found != head():
            what = "is empty" if found is None else f"has tables of revision {found}, and this irctl knows {head()}"
            newer = found is not None and found not in known_revisions()
            remedy = "Use the irctl that wrote it, or a newer one" if newer else "Run `irctl records sync` first"
            raise Refused([Problem("database", self.name, what, remedy)])

    def _create_file(self) -> None:
        """A new file is its owner's alone: who was treated when is nobody else's business, even without names."""
        if self.is_sqlite:
            try:
                os.close(os.open(str(self._url.database), os.O_CREAT | os.O_RDWR, OWNER_ONLY))
            except OSError as error:
                remedy = "Check the folder, its rights and space"
                raise Refused([Problem("database", self.name, error.strerror or str(error), remedy)]) from None

    # --- reading and writing ---------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """One transaction of the one writer: all of it is in the database afterwards, or nothing."""
        with self._said(), self.engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITER})
            yield connection

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """One moment of the database, whatever is written meanwhile."""
        level = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with self._said(), self.engine.connect().execution_options(**level) as connection, connection.begin():
            yield connection

    def bytes(self) -> int | None:
        """How large it is on the disk."""
        question = (
            "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
            if self.is_sqlite
            else "SELECT pg_database_size(current_database())"
        )
        with self.reading() as connection:
            return connection.execute(text(question)).scalar()

    @contextmanager
    def _said(self) -> Generator[None]:
        try:
            yield
        except (IntegrityError, DataError):
            raise  # a defect of ours, not the database's state
        except DBAPIError as error:
            why = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
            remedy = "Check that it is there, that you may write to it, and its space"
            raise Refused([Problem("database", self.name, why, remedy)]) from error


@cache
def _upsert(dialect: str, table: Table, columns: tuple[str, ...]) -> Any:
    """Insert these columns, or update them where the row is there."""
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    key = [column.name for column in table.primary_key]
    new = {name: insert.excluded[name] for name in columns if name not in key}
    statement = insert.values(dict.fromkeys(columns))
    return (
        statement.on_conflict_do_update(index_elements=key, set_=new)
        if new
        else statement.on_conflict_do_nothing(index_elements=key)
    )


def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Rows that all have the same columns, each key once."""
    connection.execute(_upsert(connection.dialect.name, table, tuple(rows[0])), rows)


def empty(connection: Connection, tables: Iterable[Table]) -> bool:
    return not any(connection.execute(table.select().limit(1)).first() for table in tables)


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


# --- SQLite, as we want it -------------------------------------------------------------------------------------------------


def _sqlite(path: str | None) -> Engine:
    if not path or path == ":memory:":
        raise ArgumentError("names no file")
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"timeout": WAITS_S}, json_serializer=_json, hide_parameters=True
    )

    def connected(raw: sqlite3.Connection, _record: object) -> None:
        raw.isolation_level = None  # the module's own idea of when a transaction begins is not ours
        for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
            raw.execute(f"PRAGMA {setting}")

    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine


def _without_password(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "…"


# --- revisions -------------------------------------------------------------------------------------------------------------


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@cache
def head() -> str:
    """The revision of the tables that this version knows."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    assert found is not None
    return found


def known_revisions(until: str = "head") -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions("base", until)}
