"""A PostgreSQL server of our own: a cluster in a temporary folder, reached through a socket there, gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

DEBIAN = Path("/usr/lib/postgresql")
UNPRIVILEGED = ("postgres", "nobody")
"""Who runs it when we are root, whom PostgreSQL refuses to serve."""
SETTINGS = ("listen_addresses=''", "max_connections=20")
"""No network."""
QUICK = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB")
"""What survives a crash of this computer is not what is tested here."""


class Server:
    """Makes one empty database after another."""

    def __init__(self, socket: Path) -> None:
        self._socket, self._numbers = socket, count(1)

    def url(self, name: str) -> str:
        return f"postgresql://irctl@/{name}?host={self._socket}"

    def database(self) -> str:
        """The URL of a new one."""
        import psycopg

        name = f"records_{next(self._numbers)}"
        told = f"host={self._socket} user=irctl dbname=postgres"
        with psycopg.connect(told, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)


@contextmanager
def a_server(more: Sequence[str] = QUICK) -> Iterator[Server]:
    """With `more` settings; none of them: as it is installed, each commit on the disk. Skips the test where there is no PostgreSQL; with CI=true that is a failure."""
    programs = _programs()
    if programs is None:
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL is not installed: .ci/run installs it")
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="irctl-pg-"))
    data, user = folder / "data", _user()
    if user:
        shutil.chown(folder, user)

    def run(*words: object) -> None:
        with (folder / "said").open("ab") as said:
            whole = [str(word) for word in words]
            done = subprocess.run(whole, stdout=said, stderr=said, cwd=folder, **({"user": user} if user else {}))
        assert done.returncode == 0, (folder / "said").read_text(errors="replace")

    (folder / "said").touch()
    run(programs / "initdb", "-D", data, "-U", "irctl", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
    settings: list[Any] = [
        word for setting in (*SETTINGS, *more, f"unix_socket_directories={folder}") for word in ("-c", setting)
    ]
    run(programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", " ".join(settings), "start")
    try:
        yield Server(folder)
    finally:
        run(programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder)


def _programs() -> Path | None:
    """The newest that is installed."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    versions = [path.parent for path in DEBIAN.glob("*/bin/initdb")]
    return max(versions, key=lambda path: float(path.parent.name), default=None)


def _user() -> str | None:
    if not hasattr(os, "getuid") or os.getuid() != 0:
        return None
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in UNPRIVILEGED if name in known)
