"""Fixtures every test may use, and what makes thousands of tests cheap. `virtual` tests run on a loop whose clock jumps; the rest on the ordinary one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from irctl.records import accounts
from irctl.records.database import OWNER_ONLY, Database
from tests.records.people import cheap_argon2id
from tests.virtual_time import VirtualLoop

collect_ignore = ["third_party"]
"""A package of its own, with tests of its own: tests/devices/test_scaffold.py installs it and runs them."""


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest):
    """The asyncio loop of a test: virtual time where the test is marked `virtual`."""
    if request.node.get_closest_marker("virtual"):
        return ("asyncio", {"loop_factory": VirtualLoop})
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def cheap_hashes() -> Iterator[None]:
    """A password's hash takes a fifth of a second, as it should, but not in this process. What tests start hashes as people's does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "Argon2Hasher", cheap_argon2id)
        yield


@pytest.fixture(scope="session", autouse=True)
def tables_made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The steps from an empty SQLite file to today's tables are taken once in this process; after that their result is copied."""
    prepare, made = Database.prepare, tmp_path_factory.mktemp("tables") / "records.sqlite"

    def copied(self: Database, revision: str | None = None) -> None:
        path = Path(self.engine.url.database or "")
        if self.is_sqlite and revision is None and not path.exists():
            if not made.exists():
                first = Database(f"sqlite:///{made}")
                prepare(first)
                first.close()
            with suppress(OSError), os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY, OWNER_ONLY), "wb") as file:
                file.write(made.read_bytes())
        prepare(self, revision)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "prepare", copied)
        yield
