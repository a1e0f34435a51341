"""Every test of the records runs on SQLite and on PostgreSQL, with the same code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from irctl.records.database import Database
from tests.records.postgres import Server, a_server
from tests.records.worlds import a_day
from tests.virtual_time import run_virtual

NewUrl = Callable[[], str]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with a_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> NewUrl:
    """Another empty database at each call, by its URL."""
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        return server.database
    numbers = count(1)
    return lambda: f"sqlite:///{tmp_path}/records-{next(numbers)}.sqlite"


@pytest.fixture
def new_database(new_url: NewUrl) -> Iterator[Callable[[], Database]]:
    """Another empty database at each call, with its tables."""
    made: list[Database] = []

    def make() -> Database:
        made.append(Database(new_url()))
        made[-1].prepare()
        return made[-1]

    yield make
    for database in made:
        database.close()


@pytest.fixture
def database(new_database: Callable[[], Database]) -> Database:
    return new_database()


@pytest.fixture(scope="session")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a day, as a controller has left it: for reading."""
    return run_virtual(a_day(tmp_path_factory.mktemp("day")))
